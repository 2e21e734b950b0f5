"""Runs the code blocks of README.md and of every document under docs/.

What a fence's language means here:

- ``python``: run, all blocks of a document in one namespace. A block that defines ``test_*`` functions is handed to
  pytest, together with the document's blocks before it.
- ``console``: each ``$ command`` is run by bash; output that is given must match (``...`` stands for anything). A
  command that must fail ends in ``# exit: 3``. A ``cd`` alone holds for what follows, as in a reader's shell.
- ``sql``: run by an administrator of a PostgreSQL database that the document has for itself. What else runs there finds
  it in ``DATABASE_URL``, as the role of the first ``create role``.
- ``toml``, ``json``, ``jsonl``: parsed.
- ``text`` and MyST directives: prose, for the eye only.
- anything else is an error, so that no code slips through unread.

The line above a block may say that it is not to be run, or not everywhere:

- ``<!-- from: FILE -->``: it is quoted from that file beside the document, word for word but for its indent.
- ``<!-- file: NAME -->``: it is a file, written for the blocks below to use.
- ``<!-- needs: PROGRAM -->``: it is run where there is that program; elsewhere it is named at the end of the run.
- ``<!-- not-run: reason -->``: it cannot run here; it is named with its reason at the end of the run.

Every document runs in an empty directory of its own. ``$EXAMPLES`` is the directory of the worked examples.
"""

from __future__ import annotations

import ast
import doctest
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from sybil import Document, Example, Region, Sybil

DOCS: Final = Path(__file__).parent
PROSE: Final = frozenset({"text"})
TIME_LIMIT: Final = 300  # seconds for one command; only a hang comes near it

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<marks>```+|~~~+)(?P<language>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=marks) *$",
    re.DOTALL | re.MULTILINE,
)
_MARK = re.compile(r"^ *(```|~~~).*", re.MULTILINE)
_NOT_RUN = re.compile(r"<!-- *not-run: *(?P<reason>[^\n]+?) *-->\s*\Z")
_QUOTED = re.compile(r"<!-- *from: *(?P<file>\S+) *-->\s*\Z")
_SAVED = re.compile(r"<!-- *file: *(?P<file>[\w.-]+) *-->\s*\Z")
_NEEDS = re.compile(r"<!-- *needs: *(?P<program>[\w-]+) *-->\s*\Z")
_CD = re.compile(r"cd (\S+)")
_EXIT = re.compile(r"# exit: (\d+) *$")


def _unindented(body: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))


def blocks(document: Document) -> Iterable[Region]:
    """Yield a region for every fence of the document that is code."""
    for fence in _FENCE.finditer(document.text):
        language = fence["language"].strip().split(" ")[0]
        if language in PROSE or language.startswith("{"):
            continue
        excuse = _NOT_RUN.search(document.text, 0, fence.start())
        if excuse is not None:
            yield Region(fence.start(), fence.end(), excuse["reason"], _not_run)
            continue
        needed = _NEEDS.search(document.text, 0, fence.start())
        if needed is not None and shutil.which(needed["program"], path=_path()) is None:
            yield Region(fence.start(), fence.end(), f"needs {needed['program']}, which is not here", _not_run)
            continue
        body = _unindented(fence["body"], fence["indent"])
        for mark, treat in ((_QUOTED, _quoted), (_SAVED, _saved)):
            if (found := mark.search(document.text, 0, fence.start())) is not None:
                yield Region(fence.start(), fence.end(), (found["file"], body), treat)
                break
        else:
            yield Region(fence.start(), fence.end(), body, RUNNERS.get(language, _unknown))
    # What is left once whole fences are taken out must hold no mark: a fence that never ends would hide its code.
    rest = _FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), document.text)
    if (stray := _MARK.search(rest)) is not None:
        place = sum(len(line) for line in document.text.splitlines(keepends=True)[: rest[: stray.start()].count("\n")])
        yield Region(place, place + len(stray[0]), stray[0], _endless)


def _endless(example: Example) -> str:
    return f"the fence {example.parsed.strip()!r} never ends"


def _not_run(example: Example) -> None:
    pytest.skip(f"not-run: {example.parsed}")


def _quoted(example: Example) -> str | None:
    """Look for the block in the file that it is from."""
    name, body = example.parsed
    file = Path(example.path).parent / name
    if not file.is_file():
        return f"there is no file {name} beside the document"
    wanted, lines = textwrap.dedent(body).splitlines(), file.read_text(encoding="utf-8").splitlines()
    for start in range(len(lines) - len(wanted) + 1 if wanted else 0):
        if textwrap.dedent("\n".join(lines[start : start + len(wanted)])).splitlines() == wanted:
            return None
    return f"{name} has no such lines:\n{body}"


def _saved(example: Example) -> None:
    """Write the block to the file that it is, in the document's directory."""
    name, body = example.parsed
    Path(name).write_text(body, encoding="utf-8")


def _unknown(example: Example) -> str:
    first = example.document.text[example.start :].split("\n", 1)[0]
    return f"{first!r} is no language that is run here: use one that is, or say why not: <!-- not-run: reason -->"


def _python(example: Example) -> str | None:
    source: str = example.parsed
    told: list[str] = example.namespace.setdefault("__blocks__", [])
    told.append(source)
    tree = ast.parse(source)
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test")]
    if tests or classes:
        return _pytest("\n\n".join(told))
    # Empty lines in front, so that a traceback points into the document.
    code = compile("\n" * example.line + source, example.path, "exec", dont_inherit=True)
    exec(code, example.namespace)  # running the document is the point
    return None


def _pytest(source: str) -> str | None:
    """Run test functions as a reader would: in a file, by pytest."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_document.py"
        file.write_text(source, encoding="utf-8")
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", str(file)],
            check=False,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
    return run.stdout + run.stderr if run.returncode else None


def _console(example: Example) -> str | None:
    """Run the commands of a console block in turn, and compare what they print where the document says it."""
    for part in re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)[1:]:
        command, _, wanted = part.partition("\n")
        while command.endswith("\\"):
            more, _, wanted = wanted.partition("\n")
            command = f"{command}\n{more.removeprefix('> ')}"
        if (moves := _CD.fullmatch(command)) is not None:
            os.chdir(moves[1])
            continue
        expected_exit = int(found[1]) if (found := _EXIT.search(command)) else 0
        run = subprocess.run(
            ["bash", "-c", command],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIME_LIMIT,
            # Unbuffered, so that output and errors come in the order in which a reader sees them in a terminal.
            env={
                **os.environ,
                "PATH": _path(),
                "COLUMNS": "120",
                "PYTHONUNBUFFERED": "1",
                "EXAMPLES": str(DOCS / "examples"),
            },
        )
        if run.returncode != expected_exit:
            return f"$ {command}\nended with {run.returncode}, not {expected_exit}:\n{run.stdout}"
        options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        if wanted.strip() and not doctest.OutputChecker().check_output(wanted, run.stdout, options):
            return f"$ {command}\nprinted\n{run.stdout}\nand not\n{wanted}"
    return None


def _path() -> str:
    """Return where programs are looked for: beside Python's own first."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def _parsed_by(parse: Callable[[str], object]) -> Callable[[Example], str | None]:
    def run(example: Example) -> str | None:
        try:
            parse(example.parsed)
        except ValueError as error:
            return str(error)
        return None

    return run


def _jsonl(text: str) -> None:
    for line in text.splitlines():
        if line.strip():
            json.loads(line)


def _sql(example: Example) -> None:
    """Run the statements of a block, each by itself."""
    database = example.namespace.get("__database__")
    if database is None:
        from tests import _postgresql as postgresql  # noqa: PLC0415 - a server is started where a document needs one

        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
        database = example.namespace["__database__"] = postgresql.Database(postgresql.server_url(run))
    for statement in filter(str.strip, example.parsed.split(";")):
        database.run(statement)
    os.environ["DATABASE_URL"] = database.url


RUNNERS: Final[dict[str, Callable[[Example], str | None]]] = {
    "python": _python,
    "console": _console,
    "sql": _sql,
    "toml": _parsed_by(tomllib.loads),
    "json": _parsed_by(json.loads),
    "jsonl": _parsed_by(_jsonl),
}


def _enter(namespace: dict[str, Any]) -> None:
    folder = tempfile.mkdtemp(prefix="document-")
    namespace["__folders__"] = (str(Path.cwd()), folder)
    namespace["__name__"] = "document"
    os.chdir(folder)


def _leave(namespace: dict[str, Any]) -> None:
    if namespace.get("__database__"):
        namespace["__database__"].drop()
        del os.environ["DATABASE_URL"]
    before, folder = namespace["__folders__"]
    os.chdir(before)
    shutil.rmtree(folder, ignore_errors=True)


_collect = Sybil([blocks], path=str(DOCS.parent), pattern="*.md", setup=_enter, teardown=_leave).pytest()


class _Documents:
    """A plugin rather than a hook of this file, because README.md lies outside this directory."""

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Collect README.md and what is written by hand under docs/."""
        made = any(folder in file_path.parents for folder in (DOCS / "_build", DOCS / "reference" / "api"))
        ours = file_path == DOCS.parent / "README.md" or (DOCS in file_path.parents and not made)
        return _collect(file_path, parent) if ours else None


def pytest_configure(config: pytest.Config) -> None:
    """Take README.md and the documents into the run."""
    config.pluginmanager.register(_Documents(), "smartify-documents")
