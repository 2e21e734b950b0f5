from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from tests._let_in import AS, let_in

COMMAND = (sys.executable, "-m", "smartify_core.cli")


def test_version(smartify: Callable[..., Any]) -> None:
    """``--version`` is the installed package's, in words or as a document."""
    assert smartify("--version").out == f"smartify {version('smartify-core')}\n"
    assert smartify("--version", "--json").document == {"version": version("smartify-core")}


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("sync", "--help")])
def test_help_is_no_error(smartify: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    """Asked for nothing, or for help, the command explains itself."""
    result = smartify(*arguments)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Usage: smartify")


@pytest.mark.parametrize(
    "arguments",
    [
        (*("accounts", "--tenant", "acme", *AS, "--reason"), "issue", "Ada", "ada@acme.example"),
        ("audit", "reason", "ada@acme.example", "--as", "e-1"),
        ("employee", "add", "e-1", "--as", "e-2", "--kind", "ada@acme.example"),
    ],
)
def test_what_was_typed_wrong_is_not_repeated(smartify: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    """A reason without quotes, or an address in place of a word, stands in no message: logs keep messages."""
    result = smartify(*arguments, "--json")
    assert result.code == 2
    assert "ada@" not in result.err + result.out
    assert "Ada" not in result.err + result.out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("snyc",), "'sync'"),
        (("plan",), "--tenant"),
        (("sync", "--tenat", "acme"), "--tenant"),
        (("demo", "--people", "3"), "20"),
        ((), "No command"),
    ],
)
def test_wrong_usage_is_an_error_like_any_other(
    folder: Path, smartify: Callable[..., Any], arguments: tuple[str, ...], hint: str
) -> None:
    """A mistake in the command line is exit code 2, with code and cure, as a document when that was asked for."""
    result = smartify(*arguments, "--json")
    assert (result.code, result.error["code"]) == (2, "SC100")
    assert hint in result.error["what"]
    assert "--help" in result.error["cure"]
    assert result.error["message"] in result.err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json", "--config", "etc/s.toml", "accounts", "--tenant", "acme", *AS),
        ("accounts", "--tenant", "acme", *AS, "--config", "etc/s.toml", "--json"),
        ("--config", "wrong.toml", "accounts", "--config", "etc/s.toml", "--tenant", "acme", *AS, "--json"),
        ("--json", "employee", "--config", "etc/s.toml", "list"),
    ],
)
def test_shared_options_stand_before_or_after_the_command(
    shop: Any, smartify: Callable[..., Any], arguments: tuple[str, ...]
) -> None:
    """``--json`` and ``--config`` may stand on either side of the command; the later ``--config`` wins."""
    (shop.folder / "etc").mkdir()
    for name in ("smartify.keys", "sa.json"):
        (shop.folder / name).rename(shop.folder / "etc" / name)
    (shop.folder / "smartify.toml").rename(shop.folder / "etc" / "s.toml")
    assert smartify("sync", "--config", "etc/s.toml").code == 0
    let_in(shop.folder / "etc", "acme")
    result = smartify(*arguments)
    assert (result.code, len(result.document.get("accounts", result.document.get("employees")))) in {(0, 24), (0, 2)}


def without(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.modules[{module!r}] = None\nfrom smartify_core.cli import main\nsys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["click", "rich"])
def test_missing_extra_is_a_sentence(module: str) -> None:
    """Without click or rich the command names what to install, and its exit code is 2."""
    result = without(module, "--version")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("SC600 ")
    assert "python -m pip install 'smartify-core[cli]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_missing_module_that_is_no_extra_is_not_hidden() -> None:
    """A broken installation shows itself: only the extra's own modules are excused."""
    result = without("attrs", "--version")
    assert result.returncode == 1
    assert "ModuleNotFoundError" in result.stderr


def test_importing_the_command_needs_no_extra() -> None:
    """The module with ``main`` can be imported and looked at without click and rich."""
    code = "import sys, smartify_core.cli; sys.exit('click' in sys.modules or 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_closed_pipe_is_quiet(shop: Any, smartify: Callable[..., Any]) -> None:
    """When whoever reads stdout has had enough, the command ends without a word, as if SIGPIPE had ended it."""
    smartify("sync")
    let_in(shop.folder, "acme")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*COMMAND, "accounts", "--tenant", "acme", *AS], cwd=shop.folder, stdout=writing, stderr=-1, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_names_survive_a_terminal_that_lacks_their_letters(
    shop: Any, smartify: Callable[..., Any], accounts: Callable[..., Any]
) -> None:
    """In an ASCII environment names are shown as escapes, and JSON is UTF-8 all the same."""
    smartify("sync")
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    shown = accounts("acme", **ascii_only)
    assert shown.code == 0
    assert "\\u" in shown.out
    document = accounts("acme", "--json", **ascii_only).document
    assert document == accounts("acme", "--json").document


def test_progress_is_shown_on_a_terminal_only(shop: Any) -> None:
    """With a terminal on stderr there is a progress bar on it, and nothing of it on stdout."""
    watched, terminal = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "sync", "--json"],
        cwd=shop.folder,
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(terminal)
        seen = b""
        # Read while the command runs: a terminal holds little, and whoever writes to a full one waits.
        with contextlib.suppress(OSError):  # Linux reports the end of a terminal as an error
            while chunk := os.read(watched, 65536):
                seen += chunk
        os.close(watched)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"acme: users read" in seen
    assert b"acme: groups read" in seen
    assert b"acme: applied" in seen
    assert out.startswith(b"{")
    assert b"users read" not in out


@pytest.mark.parametrize(
    "group", ["audit", "communications", "employee", "grant", "hold", "keys", "logs", "storage", "vendors"]
)
def test_a_group_that_is_named_alone_says_what_it_has(at_once: Callable[..., Any], group: str) -> None:
    """Without a command a group prints its help; for a program that is wrong usage."""
    helped = at_once(group)
    assert (helped.code, helped.out.startswith(f"Usage: smartify {group} "), helped.err) == (0, True, "")
    refused = at_once(group, "--json")
    assert (refused.code, refused.error["what"]) == (2, "No command is given")
