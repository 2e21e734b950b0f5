"""Opening a storage by its URL, as configuration files name it."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from smartify_core.errors import SmartifyError, UsageError

from ._storage import Storage

_CURE = "Use sqlite:///FILE, sqlite:////ABSOLUTE/FILE or memory: instead."


def open_storage(url: str) -> Storage:
    """Open the storage that ``url`` names.

    - ``sqlite:///smartify.db``: a SQLite file, relative to the current folder; ``sqlite:////var/lib/smartify.db`` with
      an absolute path. Special
      characters may be percent-encoded.
    - ``memory:``: in memory, lost at exit.

    Raises:
        UsageError: The URL names no storage that this version has.
        StorageError: The storage cannot be opened.
    """
    # Adapters are imported when they are asked for, so that a host pays for the one that it uses.
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError("the storage URL is no URL", cure=_CURE) from None
    if parts.query or parts.fragment:
        raise UsageError("a storage URL takes no options", cure=_CURE)
    if parts.scheme == "memory" and not parts.netloc and not parts.path:
        from .memory import MemoryStorage  # noqa: PLC0415 - only what the URL names is imported

        return MemoryStorage()
    if parts.scheme == "sqlite":
        if (
            not url.lower().startswith("sqlite:///")
            or parts.netloc
            or not parts.path.startswith("/")
            or len(parts.path) == 1
        ):
            raise UsageError("a SQLite URL has three slashes before its file, four before an absolute one", cure=_CURE)
        from .sqlite import SQLiteStorage  # noqa: PLC0415 - only what the URL names is imported

        try:
            return SQLiteStorage(unquote(parts.path[1:], errors="surrogateescape"))
        except SmartifyError:
            raise
        except (OSError, ValueError):  # a name that is too long for the file system, or holds a null character
            raise UsageError("the SQLite URL names no file that there can be", cure=_CURE) from None
    # The rest of the URL is not quoted: one for another backend may hold a password.
    raise UsageError(f"no storage is known by the scheme {parts.scheme!r}", cure=_CURE)
