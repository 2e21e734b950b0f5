"""What a person must decide."""

from __future__ import annotations

from typing import Any

from ._root import SmartifyError


class PlanHeld(SmartifyError):
    """A guard held part of a plan for a person to look at; everything safe was done."""

    code = "SC400"


class AccessDenied(SmartifyError):
    """Policy said no.

    ``missing`` tells what was missing for a yes, by the codes of `smartify_core.policy.Missing`, and ``shortfalls``
    the same one by one, each a `smartify_core.policy.Shortfall` with its words and its cure.
    """

    code = "SC500"
    missing: tuple[str, ...] = ()
    #: This page knows no room above it.
    shortfalls: tuple[Any, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with what was missing, too."""
        given = type(self), self.what, self.where, self.cure
        return (_rebuild_denial, (*given, self.missing, self.shortfalls))


def _rebuild_denial(  # noqa: PLR0917  # what pickling hands over has no names
    kind: type[AccessDenied],
    what: str,
    where: str | None,
    cure: str | None,
    missing: tuple[str, ...],
    shortfalls: tuple[Any, ...],
) -> AccessDenied:
    denied = kind(what, where=where, cure=cure)
    denied.missing, denied.shortfalls = missing, shortfalls
    return denied


class AuditUnavailable(AccessDenied):
    """The audit trail cannot keep a record now, and without a record nothing opens."""

    code = "SC501"
    retryable = True


class PermitSpent(AccessDenied):
    """A permit was used before, is too old, or was not given by this gate for this; nothing was opened."""

    code = "SC502"


class ExportDenied(AccessDenied):
    """Data may not go to this vendor; ``decision`` (a ``policy.vendors.ExportDecision``) names all that is missing."""

    code = "SC510"
    #: Whatever decided: this page knows no room above it.
    decision: Any = None

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with the decision."""
        return (*super().__reduce__(), {"decision": self.decision})
