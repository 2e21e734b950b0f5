"""The gate. ``nox`` runs all of it, ``nox -s tests`` one session of it; every session makes its own environment."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["lint", "typing", "contracts", "docs", "build", "tests-bare", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")


def _group(*names: str) -> list[str]:
    """Return the requirements of dependency groups, for pips that do not know groups yet."""
    return list(nox.project.dependency_groups(PROJECT, *names))


@nox.session
def lint(session: nox.Session) -> None:
    """Hold every file to the house's rules."""
    session.install(*_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", "src", "tests", "noxfile.py")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types with mypy, the public face with pyright, and that no public name has an unknown type."""
    session.install("-e", ".[analysis,cli,google-kms,postgresql,requestlog,spark,testing]", *_group("typing"))
    session.run("mypy")
    session.run("basedpyright")
    session.run("basedpyright", "--ignoreexternal", "--verifytypes", "smartify_core")


@nox.session
def contracts(session: nox.Session) -> None:
    """Check who imports whom."""
    session.install("-e", ".", *_group("contracts"))
    session.run("lint-imports", "--no-cache")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error. Its code blocks are run by `tests`."""
    session.install("-e", ".[analysis,cli,google-kms,postgresql,requestlog,testing]", *_group("docs", "frameworks"))
    session.run("sphinx-build", "-nW", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel, and use the wheel in an environment that has never seen this checkout."""
    session.install(*_group("build"))
    goods = Path(session.create_tmp()).resolve() / "goods"
    shutil.rmtree(goods, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(goods))
    (wheel,) = goods.glob("*.whl")
    inside = zipfile.ZipFile(wheel).namelist()
    if "smartify_core/py.typed" not in inside or any(name.startswith(("tests/", "docs/")) for name in inside):
        session.error("the wheel must hold py.typed, and no tests or docs")
    session.run("python", "-m", "virtualenv", "--quiet", str(goods / "clean"))
    programs = goods / "clean" / ("Scripts" if os.name == "nt" else "bin")
    session.run(str(programs / "python"), "-m", "pip", "install", "--quiet", f"{wheel}[cli]", external=True)
    session.chdir(goods)
    session.run(str(programs / "smartify"), "--version", external=True)
    session.run(str(programs / "smartify"), "demo", external=True)


@nox.session(name="tests-bare")
def tests_bare(session: nox.Session) -> None:
    """Use the base install alone: everything imports, and what needs an extra says how to install it."""
    session.install(".")
    for extra in ("analysis", "cli", "google-kms", "postgresql", "requestlog", "spark", "testing"):
        session.run("python", "tests/architecture/bare_install.py", extra)


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test, and every code block of the documents."""
    session.install("-e", ".[analysis,cli,google-kms,postgresql,requestlog,spark,testing]", *_group("test"))
    session.run("python", "-m", "pytest", "-n", "auto", "--dist", "loadfile", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests and say which branches none of them took."""
    session.install("-e", ".[analysis,cli,google-kms,postgresql,requestlog,spark,testing]", *_group("test"))
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure. Slow, and wants a quiet machine: no part of the gate."""
    session.install(
        "-e", ".[analysis,cli,google-kms,postgresql,requestlog,spark,testing]", *_group("test", "benchmarks")
    )
    session.run("python", "-m", "pytest", "-s", "tests/benchmarks", *session.posargs)
