"""Who is employed, and what binds them to confidentiality."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from smartify_core.errors import RecordClash, UnknownRecord, UsageError
from smartify_core.policy._access._facts import (
    Agreement,
    Employee,
    PrincipalKind,
    check_evidence,
    check_id,
    in_utc,
)
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._anew import begun_anew

_KIND: Final = "employee"


@frozen(order=False)
class StaffRecord:
    """What is on record about one employee or service.

    Args:
        employee: Who it is.
        agreements: The confidentiality agreements that they signed, in order of beginning.
    """

    employee: Employee
    agreements: tuple[Agreement, ...] = ()


class Staff:
    """The people and programs that may be let in. Everybody else is denied.

    Args:
        storage: Where they are on record.
        sealer: What seals the records.
        trail: What every change is recorded in, in the same step.
    """

    def __init__(self, storage: Storage, sealer: Sealer, trail: Trail) -> None:
        self._trail = trail
        self._shelf = Shelf(storage, sealer, _KIND, StaffRecord)

    @begun_anew
    def add(
        self,
        employee: str,
        *,
        by: str,
        kind: PrincipalKind = PrincipalKind.EMPLOYEE,
        since: datetime | None = None,
        owner: str | None = None,
        may_approve: bool = False,
    ) -> Employee:
        """Put somebody on record, or somebody who left before.

        Args:
            employee: An id that is no name and no address.
            by: Who says so.
            kind: What they are.
            since: From when on they are employed; from now on when not given.
            owner: The employee who answers for a service; nobody else has one.
            may_approve: Whether they may approve grants of others.

        Raises:
            UsageError: An id, the kind or an instant is none, a service has no owner, or somebody else has one.
            RecordClash: They are on record and have not left.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        check_id("employee", employee)
        check_id("by", by)
        _require_another(employee, by)
        if not isinstance(kind, PrincipalKind):  # types are no promise at run time
            raise UsageError(
                "there is no such kind",
                where="kind",
                cure="Name an employee, a service or a contractor, by the member of the list.",
            )
        if (kind is PrincipalKind.SERVICE) is (owner is None):
            raise UsageError(
                "a service has an owner, and nobody else has",
                where="owner",
                cure="Name the employee who answers for it.",
            )
        if owner is not None:
            check_id("owner", owner)
        now = self._trail.now()
        held, version = self._shelf.get(employee)
        if held is not None and (held.employee.until is None or now < held.employee.until):
            raise RecordClash("they are on record already", where=f"employee {employee}", cure="Nothing is to be done.")
        agreements = () if held is None else held.agreements
        added = Employee(
            employee,
            kind,
            now if since is None else in_utc("since", since),
            owner=owner,
            may_approve=may_approve,
            returned_at=None if held is None else now,
        )
        # Whom an employee's account may have reached hangs on what they ever answered for.
        facts = {} if owner is None else {"owner": owner}
        self._write(
            "employee.added",
            StaffRecord(added, agreements),
            version,
            by,
            kind=kind.value,
            approves=may_approve,
            **facts,
        )
        return added

    @begun_anew
    def leave(self, employee: str, *, by: str, at: datetime | None = None) -> Employee:
        """Say when somebody leaves, or left: from that instant on nothing opens to them.

        Raises:
            UnknownRecord: They are not on record.
            RecordClash: They have left, and leave no later for being told so again.
            UsageError: ``at`` has no time zone.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        check_id("by", by)
        held, version = self._named(employee)
        now, ended = self._trail.now(), held.employee.until
        until = now if at is None else in_utc("at", at)
        if ended is not None and ended <= now and ended < until:
            raise RecordClash(
                "they have left already", where=f"employee {employee}", cure="Add them anew, if they are back."
            )
        left = evolve(held.employee, until=until)
        self._write("employee.left", evolve(held, employee=left), version, by, until=until.isoformat())
        return left

    @begun_anew
    def bind(
        self,
        employee: str,
        *,
        agreement: str,
        evidence: str,
        by: str,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Agreement:
        """Put a confidentiality agreement on record.

        Args:
            employee: Whom it binds.
            agreement: Its id.
            evidence: The SHA-256 of the signed paper, in hexadecimal digits.
            by: Who says so.
            since: From when on; from now on when not given.
            until: When it ends; ``None`` for one without an end.

        Raises:
            UnknownRecord: They are not on record.
            RecordClash: They have an agreement of this id.
            UsageError: An id, an instant or the evidence is none, or it ends before it begins.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        check_id("agreement", agreement)
        check_id("by", by)
        _require_another(employee, by)
        check_evidence(evidence)
        held, version = self._named(employee)
        begins = self._trail.now() if since is None else in_utc("since", since)
        until = None if until is None else in_utc("until", until)
        if until is not None and until <= begins:
            raise UsageError("the agreement ends before it begins", where="until", cure="Give a later instant.")
        if any(one.id == agreement for one in held.agreements):
            raise RecordClash(
                "they have an agreement of this id", where=f"employee {employee}", cure="Give the new one another id."
            )
        added = Agreement(agreement, employee, begins, until, evidence)
        agreements = tuple(sorted((*held.agreements, added), key=lambda one: (one.since, one.id)))
        self._write("agreement.signed", evolve(held, agreements=agreements), version, by, agreement=agreement)
        return added

    @begun_anew
    def unbind(self, employee: str, *, agreement: str, by: str, at: datetime | None = None) -> Agreement:
        """Say when an agreement ends, or ended: without another one nothing opens from that instant on.

        Raises:
            UnknownRecord: There is no such employee or agreement.
            RecordClash: It ends before that already.
            UsageError: ``at`` has no time zone.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        check_id("by", by)
        held, version = self._named(employee)
        found = next((one for one in held.agreements if one.id == agreement), None)
        if found is None:
            raise UnknownRecord(
                "they have no agreement of this id", where=f"employee {employee}", cure="List what is on record."
            )
        until = self._trail.now() if at is None else in_utc("at", at)
        if found.until is not None and found.until < until:
            raise RecordClash(
                "the agreement ends before that already",
                where=f"employee {employee}",
                cure="Put a new one on record: none is made longer than what was signed.",
            )
        ended = evolve(found, until=until)
        agreements = tuple(ended if one is found else one for one in held.agreements)
        self._write("agreement.ended", evolve(held, agreements=agreements), version, by, agreement=agreement)
        return ended

    def get(self, employee: str) -> StaffRecord | None:
        """Return what is on record about somebody, or ``None``."""
        return self._shelf.get(employee)[0]

    def all(self) -> Iterator[StaffRecord]:
        """Yield what is on record about everybody, in bytewise order of id."""
        for _, record, _ in self._shelf.all():
            yield record

    def _named(self, employee: str) -> tuple[StaffRecord, int]:
        held, version = self._shelf.get(employee)
        if held is None:
            raise UnknownRecord("there is no such employee on record", where="employee", cure="List them, or add them.")
        return held, version

    def _write(self, what: str, record: StaffRecord, version: int, by: str, **facts: str | bool) -> None:
        employee = record.employee.id
        entry = AuditRecord(what, self._trail.now(), actor=by, facts={"employee": employee, **facts})
        self._trail.append(entry, documents=[self._shelf.put(employee, record, over=version)])


def _require_another(employee: str, by: str) -> None:
    """Raise `UsageError` where somebody speaks for themselves: another has to say that they are employed, and bound."""
    if employee == by:
        raise UsageError("nobody puts themselves on record", where="by", cure="Have somebody else do it.")
