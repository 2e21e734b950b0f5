"""Opening a storage by its URL, as configuration files name it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from smartify_core.errors import SmartifyError, UsageError
from smartify_core.extensions import STORAGE_GROUP, find_extension, installed_extensions

from ._storage import Storage

_CURE: Final = "Use sqlite:///FILE, sqlite:////ABSOLUTE/FILE, postgresql://… or memory: instead."
_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):").match
_small_number = re.compile(r"[0-9]{1,6}").fullmatch
_POSTGRESQL: Final = frozenset({"postgresql", "postgres"})


def open_storage(url: str, *, read_only: bool = False) -> Storage:
    """Open the storage that ``url`` names.

    - ``sqlite:///smartify.db``: a SQLite file, relative to the current folder; ``sqlite:////var/lib/smartify.db`` with
      an absolute path. Special characters may be percent-encoded. Options: ``?mode=ro`` opens for reading only,
      ``busy_timeout=SECONDS`` is how long another writer is waited for.
    - ``postgresql://…`` or ``postgres://…``: a PostgreSQL database, as libpq reads it; needs the extra
      ``[postgresql]``. Options of ours, taken out before libpq sees the rest: ``schema``, ``pool_size``,
      ``statement_timeout``, ``lock_timeout``, ``prepare_threshold``, ``migrate=no`` and ``mode=ro``.
    - ``memory:``: in memory, lost at exit.
    - Any other scheme: a backend that an installed package offers under it, as an entry point of the group
      ``smartify_core.storage``. It is called with the URL as it is. See `smartify_core.extensions`.

    Args:
        url: What names the storage.
        read_only: Open what is there, and only read it, as ``mode=ro`` in a URL of ours does: nothing is created,
            migrated or written. A backend of another package is then called with ``read_only=True``, and refused
            where it has no such parameter. In memory there is nothing to be spared.

    Raises:
        UsageError: The URL names no storage that there is, or not as that storage wants it; or it cannot be opened for
            reading only. Nothing of the URL but its scheme is quoted: it may hold a password.
        StorageError: The storage cannot be opened; with ``read_only``, there is none.
        MissingExtra: The storage needs an optional dependency.
    """
    # Adapters are imported when they are asked for, so that a host pays for the one that it uses.
    found = _scheme(url)
    scheme = found[1].lower() if found else ""
    if scheme == "memory":
        return _open_memory(url)
    if scheme == "sqlite":
        return _open_sqlite(url, read_only=read_only)
    if scheme in _POSTGRESQL:
        # libpq knows small letters only
        return _open_postgresql(f"{scheme}{url[len(scheme) :]}", read_only=read_only)
    extension = find_extension(STORAGE_GROUP, scheme) if scheme else None
    if extension is None:
        others = installed_extensions(STORAGE_GROUP)
        more = f"Installed packages offer: {', '.join(others)}." if others else "No installed package offers another."
        raise UsageError(f"no storage is known by the scheme {scheme!r}", where="storage URL", cure=f"{_CURE} {more}")
    if not read_only:
        return extension.make(Storage, url)  # type: ignore[type-abstract]  # a protocol: what is made is held against it
    if not extension.takes("read_only"):
        raise UsageError(
            f"{scheme!r} of the package {extension.package} cannot be opened for reading only",
            where=f"entry point {extension.place}",
            cure="Open it as usual, which may create its store; or ask the package's authors for read_only.",
        )
    return extension.make(Storage, url, read_only=True)  # type: ignore[type-abstract]  # as above


def _open_memory(url: str) -> Storage:
    if url.lower() not in {"memory:", "memory://"}:
        raise UsageError("a URL of a storage in memory is memory: and nothing more", cure=_CURE)
    from .memory import MemoryStorage  # noqa: PLC0415 - only what the URL names is imported

    return MemoryStorage()


def _open_sqlite(url: str, *, read_only: bool) -> Storage:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError("the storage URL is no URL", cure=_CURE) from None
    if (
        not url.lower().startswith("sqlite:///")
        or parts.netloc
        or parts.fragment
        or not parts.path.startswith("/")
        or len(parts.path) == 1
    ):
        raise UsageError("a SQLite URL has three slashes before its file, four before an absolute one", cure=_CURE)
    _, options = _taken_out(parts.query, {"mode": _read_only, "busy_timeout": _seconds}, only=True)
    read_only = options.pop("mode", read_only)
    from .sqlite import SQLiteStorage  # noqa: PLC0415 - only what the URL names is imported

    try:
        return SQLiteStorage(unquote(parts.path[1:], errors="surrogateescape"), read_only=read_only, **options)
    except SmartifyError:
        raise
    except (OSError, ValueError):  # a name that is too long for the file system, or holds a null character
        raise UsageError("the SQLite URL names no file that there can be", cure=_CURE) from None


def _open_postgresql(url: str, *, read_only: bool) -> Storage:
    start, _, query = url.partition("?")
    readers: dict[str, Callable[[str], Any]] = {
        "schema": _text,
        "pool_size": _count,
        "statement_timeout": _seconds,
        "lock_timeout": _seconds,
        "prepare_threshold": _count,
        "migrate": _no,
        "mode": _read_only,
    }
    rest, options = _taken_out(query, readers)
    read_only = options.pop("mode", read_only)
    from .postgresql import PostgreSQLStorage  # noqa: PLC0415 - only what the URL names is imported

    return PostgreSQLStorage(f"{start}?{rest}" if rest else start, read_only=read_only, **options)


def _taken_out(
    query: str, readers: Mapping[str, Callable[[str], Any]], *, only: bool = False
) -> tuple[str, dict[str, Any]]:
    """Return a query without the options that there are readers for, and what those options say.

    Args:
        query: What stands behind the question mark of a URL.
        readers: For each option of ours, what makes its value of the text, or raises `ValueError`.
        only: Whether there may be no other options.
    """
    rest: list[str] = []
    options: dict[str, Any] = {}
    for part in filter(None, query.split("&")):
        ((name, value),) = parse_qsl(part, keep_blank_values=True) or [("", "")]
        if name not in readers:
            rest.append(part)
            continue
        if name in options:
            raise _wrong(f"the option {name} is given twice", "Give it once.")
        try:
            options[name] = readers[name](value)
        except ValueError as error:
            cure = f"Correct {name}=… in it.{f' {_CURE}' if only else ''}"
            raise _wrong(f"the option {name} must be {error}", cure) from None
    if only and rest:
        raise _wrong("no such option is known", f"Options are: {', '.join(readers)}. {_CURE}")
    return "&".join(rest), options


def _wrong(what: str, cure: str) -> UsageError:
    return UsageError(what, where="storage URL", cure=cure)


def _read_only(value: str) -> bool:
    if value != "ro":
        raise ValueError("ro, which opens for reading only")
    return True


def _no(value: str) -> bool:
    if value != "no":
        raise ValueError("no, which leaves the tables as they are")
    return False


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1_000_000:  # noqa: PLR2004 - twelve days: more is a mistake
        raise ValueError("a number of seconds") from None
    return seconds


def _count(value: str) -> int:
    if not _small_number(value) or not int(value):
        raise ValueError("a whole number of 1 or more")
    return int(value)


def _text(value: str) -> str:
    if not value:
        raise ValueError("a text that is not empty")
    return value
