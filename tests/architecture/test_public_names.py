"""One home for every public name, and an ``__all__`` that says exactly what is there."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "smartify_core"
BANNED = {"utils", "util", "helpers", "helper", "base", "common", "manager", "managers", "misc"}


def _public_files() -> list[str]:
    files = (file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py"))
    return sorted(
        file.as_posix()
        for file in files
        if not any(part.startswith("_") and part != "__init__.py" for part in file.parts)
        and file.as_posix() != "__init__.py"  # the root is a map and exports nothing
    )


def _targets(node: ast.stmt) -> list[str]:
    """Return the names that a top-level statement binds, imports from foreign packages left out."""
    names: list[str] = []
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            names = [name]
        case ast.Assign(targets=targets):
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.ImportFrom(level=1, module=str(module)) if module.startswith("_"):
            names = [alias.asname or alias.name for alias in node.names]
        case ast.If(body=body, orelse=orelse) | ast.Try(body=body, orelse=orelse):
            names = [name for inner in (*body, *orelse) for name in _targets(inner)]
        case _:
            pass
    return names


def _visible(tree: ast.Module, *, face: bool) -> set[str]:
    """Return a module's own public names. A face re-exports its inside; an adapter's imports are its own affair."""
    return {
        name
        for node in tree.body
        if face or not isinstance(node, ast.ImportFrom)
        for name in _targets(node)
        if not name.startswith("_")
    }


def _exported(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                names: list[str] = ast.literal_eval(value)
                return names
    return None


def _order(name: str) -> tuple[int, str]:
    """Sort constants first, then classes, then the rest, as ruff's RUF022 does."""
    if name.isupper():
        return 0, name
    return (1 if name[0].isupper() else 2), name


def _public(file: str) -> list[str]:
    """Return what a module exports; a bare file without ``__all__`` exports what it defines."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    exported = _exported(tree)
    return sorted(_visible(tree, face=False), key=_order) if exported is None else exported


@pytest.mark.parametrize("file", _public_files())
def test_all_is_exact_and_sorted(file: str) -> None:
    """``__all__`` lists each public name once, in order, and nothing else. Only a bare file may go without one."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    exported = _public(file)
    if file.endswith("__init__.py"):
        assert _exported(tree) is not None, "a package says what it exports"
        assert set(exported) == _visible(tree, face=True)
    else:
        # An adapter may also export part of its inside; what it defines itself without an underscore is public.
        assert _visible(tree, face=False) <= set(exported) <= _visible(tree, face=True)
    assert exported, "a public module has a public name"
    assert exported == sorted(set(exported), key=_order)


#: What the adapters of the request log have in common: each does the same for another framework, so a host learns one
#: name and chooses the module.
ALIKE = {"Application", "FeatureOf", "RequestLogMiddleware", "feature_left_in", "install"}
FRAMEWORKS = ("asgi", "django", "falcon", "flask", "litestar", "pyramid", "starlette", "wsgi")
ADAPTERS = {f"requestlog/{name}.py" for name in FRAMEWORKS}


def test_every_public_name_has_one_home() -> None:
    """No name is exported by two modules, so there is one line to import it by; adapters of one port are alike."""
    homes: dict[str, list[str]] = defaultdict(list)
    for file in _public_files():
        for name in _public(file):
            if not (name in ALIKE and file in ADAPTERS):
                homes[name].append(file)
    assert len(homes) > 50, "the walk found the package"
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    """No file or folder is called utils, helpers, base, common or manager, with or without an underscore."""
    files = [file.relative_to(PACKAGE).with_suffix("") for file in PACKAGE.rglob("*.py")]
    parts = {part.strip("_") for file in files for part in file.parts}
    assert "model" in parts
    assert parts & BANNED == set()
