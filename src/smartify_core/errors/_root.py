"""The root of the tree, and the rules for every message."""

from __future__ import annotations

from typing import ClassVar


class SmartifyError(Exception):
    """The root: catch this to catch everything that this library raises on purpose.

    Args:
        what: What happened, in one clause.
        where: The place: a file, a line, a configuration key, a tenant, an API method.
        cure: What to do about it, as an instruction.
    """

    code: ClassVar[str] = "SC000"
    #: Whether the same call may succeed later with nothing changed by the caller.
    retryable: ClassVar[bool] = False

    def __init__(self, what: str, *, where: str | None = None, cure: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.cure = cure

    def __str__(self) -> str:
        """Return ``CODE what (where). cure``."""
        place = f" ({self.where})" if self.where else ""
        mend = f" {self.cure}" if self.cure else ""
        return f"{self.code} {self.what}{place}.{mend}"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with the keyword arguments, so that errors cross process borders whole."""
        return (_rebuild, (type(self), self.what, self.where, self.cure))


def _rebuild(kind: type[SmartifyError], what: str, where: str | None, cure: str | None) -> SmartifyError:
    return kind(what, where=where, cure=cure)
