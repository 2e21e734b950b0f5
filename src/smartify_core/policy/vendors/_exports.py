"""The one way in which personal fields leave for a vendor."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from smartify_core.errors import AccessDenied, AuditUnavailable, ExportDenied, ExportSpent
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._gate._disclosed import Disclosed
from smartify_core.policy._gate._gate import Gate
from smartify_core.policy._gate._view import View
from smartify_core.policy._vocabulary import PersonalField, Purpose
from smartify_core.policy.audit import AuditRecord, Fact

from ._export_decision import Consideration, ExportDecision, ExportForm, ExportRequest
from ._register import is_vendor_id
from ._vendors import Vendors

#: After how many accounts an export that is under way is decided anew.
_DECIDED_EVERY: Final = 100
#: How many of the things that were missing one record tells.
_TOLD: Final = 100


class Export:
    """Accounts on their way to a vendor. It is read once, inside of its ``with`` block."""

    def __init__(self, export_id: str, decision: ExportDecision, view: View, check: Callable[[], None]) -> None:
        self._id = export_id
        self._decision = decision
        self._view = view
        self._check = check
        self._spent = False
        self._count = 0
        self._complete = False

    @property
    def id(self) -> str:
        """What the records of this export in the audit trail have in common."""
        return self._id

    @property
    def decision(self) -> ExportDecision:
        """The decision that opened it."""
        return self._decision

    @property
    def count(self) -> int:
        """How many accounts were handed out."""
        return self._count

    @property
    def complete(self) -> bool:
        """Whether all of them were."""
        return self._complete

    def __iter__(self) -> Iterator[Disclosed]:
        """Yield the accounts, with the fields that were asked for.

        The vendor is decided on anew after every hundred accounts: whoever ends it, or a contract that runs out, stops
        an export that is under way.

        Raises:
            ExportSpent: It was read before, or is closed.
            ExportDenied: The vendor may not receive the rest.
            AccessDenied: The employee may not see the rest, or that cannot be recorded.
            StorageError: The store could not be read.
        """
        if self._spent:
            _refuse()
        self._spent = True
        return self._each()

    def close(self) -> None:
        """Let nobody read on."""
        self._spent = True
        self._check = _refuse

    def _each(self) -> Iterator[Disclosed]:
        ahead = iter(self._view)
        while True:
            if self._check is _refuse or self._count % _DECIDED_EVERY == 0:
                self._check()  # before the gate opens what comes next
            account = next(ahead, None)
            if account is None:
                self._complete = True
                return
            self._count += 1
            yield account


def _refuse() -> None:
    raise ExportSpent("an export is read once, inside of its block", cure="Open a new export.")


class Exports:
    """Hands out personal fields for vendors: the only way in this library.

    Args:
        vendors: The register.
        gate: What decides for the employee, opens the fields, and records each page before they are seen.
    """

    def __init__(self, vendors: Vendors, gate: Gate) -> None:
        self._vendors = vendors
        self._gate = gate

    @contextmanager
    def open(
        self,
        *,
        vendor: str,
        tenant: str,
        employee: str,
        purpose: Purpose | str,
        fields: Collection[PersonalField | str],
        consideration: Consideration | str,
        reason: str,
        form: ExportForm | str = ExportForm.PLAIN,
        source_ids: Sequence[str] | None = None,
    ) -> Iterator[Export]:
        """Open one export, for a ``with`` block.

        First the vendor is decided on, then the employee, who needs a grant for the same purpose and fields as for
        seeing them. ``export.granted`` is in the audit trail before the first field is open, ``export.denied`` before
        the error is raised, and ``export.ended`` says how many accounts were handed out.

        Args:
            vendor: The id of the vendor that receives the data.
            tenant: The customer whose people it concerns.
            employee: Who exports.
            purpose: What for.
            fields: Which fields.
            consideration: What the host gets for it. Anything but `Consideration.NONE` is denied.
            reason: Why, in words. The gate seals it.
            form: What the host makes of the fields before they leave.
            source_ids: The people who are exported, by their ids in the directory; everybody where not given.

        Raises:
            ExportDenied: The vendor may not receive this; its ``decision`` names what is missing.
            AccessDenied: The employee may not see it, or it cannot be recorded.
            UsageError: An id is not valid.
            StorageError: The store could not be read.
        """
        check_id("employee", employee)
        request = ExportRequest(vendor, tenant, purpose, fields, consideration, form)
        export_id = secrets.token_hex(8)
        asked = _asked(request, export_id)

        def record(kind: str, facts: Mapping[str, Fact]) -> None:
            now = self._vendors.now()
            self._vendors.trail.append(AuditRecord(kind, now, tenant, employee, facts={**asked, **facts}))

        def decided(kind: str) -> ExportDecision:
            decision = self._vendors.decide(request)
            if not decision.allowed:
                record(kind, {"missing": _facts(decision)[:_TOLD]})
                raise _denied(decision)
            return decision

        decision = decided("export.denied")
        with ExitStack() as stack:
            try:
                view = stack.enter_context(
                    self._gate.view(
                        employee,
                        tenant=tenant,
                        purpose=Purpose(request.purpose),
                        fields=[PersonalField(one) for one in request.fields],
                        reason=reason,
                        source_ids=source_ids,
                        facts={"export": export_id, "vendor": request.vendor},
                    )
                )
            except AuditUnavailable:
                raise
            except AccessDenied as error:
                record("export.denied", {"missing": ("need to know", *error.missing)})
                raise
            record("export.granted", {"until": decision.until.isoformat() if decision.until else "open"})
            export = Export(export_id, decision, view, lambda: _nothing(decided("export.stopped")))
            try:
                yield export
            finally:
                export.close()
                record("export.ended", {"accounts": export.count, "complete": export.complete})


def _nothing(_: ExportDecision) -> None:
    return None


def _asked(request: ExportRequest, export_id: str) -> dict[str, Fact]:
    """Return what was asked, for the audit trail. What is not of this library may be anything, and is left out."""
    return {
        "export": export_id,
        "vendor": request.vendor if is_vendor_id(request.vendor) else "",
        "purpose": _code(request.purpose),
        "fields": tuple(sorted(_code(one) for one in request.fields)),
        "consideration": _code(request.consideration),
        "form": _code(request.form),
    }


def _code(value: object) -> str:
    if isinstance(value, Purpose | PersonalField | Consideration | ExportForm):
        return str(value.value)
    return "unknown"


def _facts(decision: ExportDecision) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.fact for one in decision.missing))


def _denied(decision: ExportDecision) -> ExportDenied:
    first = decision.missing[0]
    more = len(decision.missing) - 1
    vendor = decision.request.vendor if is_vendor_id(decision.request.vendor) else "unknown"
    error = ExportDenied(
        f"the export is closed: {first.detail}" + (f", and {more} more" if more else ""),
        where=f"tenant {decision.request.tenant}, vendor {vendor}",
        cure=first.cure or "Nobody can allow it.",
    )
    error.decision = decision
    error.missing = _facts(decision)
    return error
