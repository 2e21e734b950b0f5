"""Proves, without pytest, that the base install works and that a missing extra is named with its cure.

Run as ``python bare_install.py EXTRA``. With ``--pretend`` the extra's modules are
hidden from the import system first, for an environment that has them.
"""

from __future__ import annotations

import importlib
import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

NEEDS: Final = {
    "analysis": ("duckdb",),
    "cli": ("click", "rich"),
    "google-kms": ("google.cloud.kms_v1",),
    "postgresql": ("psycopg",),
    "requestlog": ("ua_parser", "ua_parser_rs"),
    "spark": ("pyspark",),
    "testing": ("pytest", "hypothesis"),
}
#: What cannot be imported without its extra.
ROOMS: Final = {
    "analysis": "smartify_core.requestlog.analysis.duckdb",
    "google-kms": "smartify_core.sealing.google_kms",
    "postgresql": "smartify_core.storage.postgresql",
    "spark": "smartify_core.requestlog.analysis.spark",
    "testing": "smartify_core.testing.conformance",
}
BASE: Final = (
    "smartify_core.errors",
    "smartify_core.model",
    "smartify_core.directory.google",
    "smartify_core.sealing",
    "smartify_core.policy.rotation",
    "smartify_core.storage",
    "smartify_core.lifecycle",
    "smartify_core.requestlog",
    "smartify_core.requestlog.asgi",
    "smartify_core.requestlog.files",
    "smartify_core.requestlog.report",
    "smartify_core.requestlog.wsgi",
)


class Hidden(importlib.abc.MetaPathFinder):
    """Says that modules are not installed."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def find_spec(
        self,
        fullname: str,
        _path: Sequence[str] | None = None,
        _target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Refuse the hidden modules and leave all others to whoever knows them."""
        if any(fullname == name or fullname.startswith(f"{name}.") for name in self.names):
            raise ModuleNotFoundError(fullname, name=fullname)
        return None


class Nowhere:
    """A sink that keeps nothing."""

    def put(self, _record: object) -> None:
        """Keep nothing."""

    def flush(self, _timeout: float = 5.0) -> bool:
        """Have nothing to write."""
        return True

    def close(self, _timeout: float = 5.0) -> None:
        """Have nothing to close."""


def refused(extra: str) -> str:
    """Use what needs ``extra`` and return what it says."""
    if extra in ROOMS:
        try:
            importlib.import_module(ROOMS[extra])
        except ImportError as error:
            return f"{type(error).__name__}: {error}"
        return "nothing: it imported"
    if extra == "requestlog":
        from smartify_core.requestlog import RequestLog

        try:
            RequestLog(Nowhere())
        except ImportError as error:
            return f"{type(error).__name__}: {error}"
        return "nothing: it was made"
    from io import StringIO

    from smartify_core.cli import main

    sys.argv = ["smartify", "--version"]
    stderr, sys.stderr = sys.stderr, StringIO()
    try:
        status: object = main()
    except SystemExit as leaving:
        status = leaving.code
    finally:
        told, sys.stderr = sys.stderr.getvalue(), stderr
    return f"exit {status}: MissingExtra: {told}" if status else f"nothing: it ended with {status}"


def main(arguments: Sequence[str]) -> int:
    """Return 0 when everything holds."""
    extra = arguments[0]
    if "--pretend" in arguments:
        sys.meta_path.insert(0, Hidden(NEEDS[extra]))
    for name in BASE:
        importlib.import_module(name)
    told = refused(extra)
    sys.stdout.write(f"{told}\n")
    return 0 if "MissingExtra" in told and f"python -m pip install 'smartify-core[{extra}]'" in told else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
