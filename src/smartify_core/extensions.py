"""Backends and directory sources of other packages, found by the entry points that those packages declare.

A package names its storage backend in the group `STORAGE_GROUP`, under the scheme of its URLs, and its directory source
in the group `DIRECTORY_GROUP`, under the name that configuration files use::

    [project.entry-points."smartify_core.storage"]
    redis = "acme_redis:open_redis"

    [project.entry-points."smartify_core.directory"]
    okta = "acme_okta:open_directory"

Only the command line and `smartify_core.storage.url.open_storage` look here. A program that makes its own instance
needs no entry point.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from typing import Any, Final, TypeVar

from attrs import frozen

from smartify_core.errors import SmartifyError, UsageError

_Made = TypeVar("_Made")

#: The group of storage backends, by URL scheme: objects called with the URL, which return a `Storage`. One that has a
#: parameter ``read_only`` is called with ``read_only=True`` to open what is there without writing anything.
STORAGE_GROUP: Final = "smartify_core.storage"
#: The group of directory sources, by name: objects called with the options of a tenant, ``tenant`` and ``folder``,
#: which return a `DirectorySource`.
DIRECTORY_GROUP: Final = "smartify_core.directory"


@frozen(order=False)
class Extension:
    """What a package offers under a name: something that makes a storage or a directory source.

    Args:
        name: The name it is found by.
        package: The package that offers it.
        place: Where in the package it is, such as ``acme_redis:open_redis``.
    """

    name: str
    package: str
    place: str
    _load: Callable[[], Any]

    def takes(self, option: str) -> bool:
        """Return whether the object has a parameter of this name. Loads it.

        Raises:
            UsageError: It cannot be loaded.
            SmartifyError: What it raises by itself.
        """
        try:
            parameter = inspect.signature(self._called()).parameters.get(option)
        except (TypeError, ValueError):  # an object that does not tell
            return False
        return parameter is not None and parameter.kind in {parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD}

    def make(self, kind: type[_Made], *arguments: object, **options: object) -> _Made:
        """Load the object, call it, and return what it makes: an instance of ``kind``, a protocol or class.

        Raises:
            UsageError: It cannot be loaded, raises something that is not a `SmartifyError`, or makes something else.
            SmartifyError: What it raises by itself.
        """
        called = self._called()
        try:
            made = called(*arguments, **options)
        except SmartifyError:
            raise
        except Exception as error:  # noqa: BLE001 - code of somebody else: anything may happen; its text may quote a URL with a password
            raise self._wrong(
                f"raised {_named(error)} instead of an error of ours", "Check the options, or upgrade"
            ) from None
        if not isinstance(made, kind):
            # Public members only: what the interpreter adds to a protocol by itself is of no interest.
            lacking = [name for name in dir(kind) if not name.startswith("_") and not hasattr(made, name)]
            detail = f"; it lacks {', '.join(lacking)}" if lacking else ""
            raise self._wrong(f"made a {type(made).__name__}, which is no {kind.__name__}{detail}", "Upgrade")
        return made

    def _called(self) -> Callable[..., object]:
        try:
            called: object = self._load()
        except SmartifyError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            raise self._wrong(f"cannot be loaded ({_named(error)})", "Reinstall or upgrade") from None
        if not callable(called):
            raise self._wrong("is nothing that can be called", "Upgrade")
        return called

    def _wrong(self, what: str, cure: str) -> UsageError:
        return UsageError(
            f"{self.name!r} of the package {self.package} {what}",
            where=f"entry point {self.place}",
            cure=f"{cure} the package {self.package}, or ask its authors.",
        )


def installed_extensions(group: str) -> Sequence[str]:
    """Return the names that installed packages offer something under, in order."""
    return sorted({entry.name for entry in metadata.entry_points(group=group)})


def find_extension(group: str, name: str) -> Extension | None:
    """Return what an installed package offers under this name, or ``None``. Imports nothing of the package.

    Raises:
        UsageError: Two packages offer something under it.
    """
    found = {(extension.package, extension.place): extension for extension in _offered(group, name)}
    if len(found) > 1:
        raise UsageError(
            f"more than one package offers {name!r}",
            where=f"entry points {group}",
            cure=f"Uninstall all but one of: {', '.join(sorted({package for package, _ in found}))}.",
        )
    return next(iter(found.values()), None)


def _offered(group: str, name: str) -> Iterator[Extension]:
    for entry in metadata.entry_points(group=group, name=name):
        package = entry.dist.name if entry.dist is not None else "unknown"
        yield Extension(name, package, entry.value, entry.load)


def _named(error: Exception) -> str:
    """Return the class of an error, and the module that was not found where that was the trouble. Never its text."""
    kind = type(error).__name__
    return f"{kind}: {error.name}" if isinstance(error, ModuleNotFoundError) and error.name else kind
