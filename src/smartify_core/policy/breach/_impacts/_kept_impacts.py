"""Impacts in the store: written in many steps, of which the last makes them whole; and read again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import evolve, frozen

from smartify_core.errors import IncidentClash, UnknownIncident, WriteConflict
from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach._impact import Impact, SubjectImpact, TenantImpact
from smartify_core.policy.breach._places import IMPACT, SUBJECTS, TENANT_IMPACT, UNAFFECTED, numbered, of_tenant
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

#: How many accounts, or names of tenants, one document has.
AT_ONCE: Final = 1_000
#: How many documents are written in one step.
_WRITTEN_AT_ONCE: Final = 400


@frozen(order=False)
class _SomeSubjects:
    """Some of a tenant's accounts that may be concerned: those with the same fields stand together."""

    fields: tuple[tuple[str, ...], ...]
    accounts: tuple[tuple[str, ...], ...]


@frozen(order=False)
class _SomeTenants:
    """Some of the tenants that are not affected."""

    tenants: tuple[str, ...]


class KeptImpacts:
    """The impacts of a store.

    Args:
        storage: Where they are.
        sealer: What seals them.
    """

    def __init__(self, storage: Storage, sealer: Sealer) -> None:
        self._storage = storage
        self.impacts = Shelf(storage, sealer, IMPACT, Impact)
        self._tenants = Shelf(storage, sealer, TENANT_IMPACT, TenantImpact)
        self._subjects = Shelf(storage, sealer, SUBJECTS, _SomeSubjects)
        self._unaffected = Shelf(storage, sealer, UNAFFECTED, _SomeTenants)

    def begin(self, impact: Impact) -> Writing:
        """Begin to write an impact, and take away what an earlier attempt at the same revision has left.

        Raises:
            IncidentClash: Somebody else is writing it.
            StorageError: The store could not be read or written.
        """
        writing = Writing(self._storage, self, evolve(impact, whole=False))
        prefix = f"{numbered(impact.incident, impact.revision)}/"
        for kind in (TENANT_IMPACT, SUBJECTS, UNAFFECTED):
            for one in self._left(kind, prefix):
                writing.add(one)
        writing.flush()
        return writing

    def _left(self, kind: str, prefix: str) -> Iterator[PutDocument]:
        after = (kind, prefix)
        while page := self._storage.documents(LEDGER, kind, after=after):
            for one in page:
                if not one.key.startswith(prefix):
                    return
                yield PutDocument(kind, one.key, None, one.version)
            after = (kind, page[-1].key)

    # --- writes -------------------------------------------------------------------------------------------------------

    def tenant_write(self, impact: Impact, one: TenantImpact) -> PutDocument:
        """Return the write that keeps what came of a tenant."""
        return self._tenants.put(of_tenant(impact.incident, impact.revision, one.tenant), one, over=0)

    def subjects_write(
        self, impact: Impact, tenant: str, number: int, accounts: Iterable[tuple[str, tuple[str, ...]]]
    ) -> PutDocument:
        """Return the write that keeps some accounts of a tenant."""
        by_fields: dict[tuple[str, ...], list[str]] = {}
        for account, fields in accounts:
            by_fields.setdefault(fields, []).append(account)
        some = _SomeSubjects(tuple(by_fields), tuple(map(tuple, by_fields.values())))
        return self._subjects.put(f"{of_tenant(impact.incident, impact.revision, tenant)}/{number:06}", some, over=0)

    def unaffected_write(self, impact: Impact, number: int, tenants: Sequence[str]) -> PutDocument:
        """Return the write that keeps the names of some tenants that are not affected."""
        key = f"{numbered(impact.incident, impact.revision)}/{number:06}"
        return self._unaffected.put(key, _SomeTenants(tuple(tenants)), over=0)

    # --- reading ------------------------------------------------------------------------------------------------------

    def get(self, incident_id: str, revision: int) -> Impact:
        """Return an impact that is whole.

        Raises:
            UnknownIncident: There is none of this revision.
            StorageError: The store could not be read.
        """
        found, _ = self.impacts.get(numbered(incident_id, revision)) if revision > 0 else (None, 0)
        if found is None or not found.whole:
            raise UnknownIncident(
                "the impact of this incident was not computed, or not so often",
                where=f"incident {incident_id}",
                cure="Compute it with: smartify breach assess",
            )
        return found

    def tenants(self, impact: Impact) -> Iterator[TenantImpact]:
        """Yield the tenants that an impact reaches, in no order. Raises `StorageError`."""
        for _, one, _ in self._tenants.beginning_with(f"{numbered(impact.incident, impact.revision)}/"):
            yield one

    def places(self, impact: Impact) -> set[str]:
        """Return what stands for each tenant that an impact reaches, in keys. Opens nothing. Raises `StorageError`."""
        prefix = f"{numbered(impact.incident, impact.revision)}/"
        return {one.key.removeprefix(prefix) for one in self._left(TENANT_IMPACT, prefix)}

    def unaffected(self, impact: Impact) -> Iterator[str]:
        """Yield the tenants that it does not reach, in order. Raises `StorageError`."""
        for _, some, _ in self._unaffected.beginning_with(f"{numbered(impact.incident, impact.revision)}/"):
            yield from some.tenants

    def tenant(self, impact: Impact, tenant: str) -> TenantImpact | None:
        """Return what came of one tenant; ``None`` where nothing did. Raises `StorageError`."""
        return self._tenants.get(of_tenant(impact.incident, impact.revision, tenant))[0]

    def subjects(self, impact: Impact, tenant: str) -> Iterator[SubjectImpact]:
        """Yield the accounts of a tenant that may be concerned. Raises `StorageError`."""
        for _, some, _ in self._subjects.beginning_with(f"{of_tenant(impact.incident, impact.revision, tenant)}/"):
            for fields, accounts in zip(some.fields, some.accounts, strict=True):
                for account in accounts:
                    yield SubjectImpact(account, fields)


class Writing:
    """An impact that is being written. Every step writes its document over, so that two cannot write the same one.

    Whoever begins later takes over; whoever began before is told at their next step.
    """

    def __init__(self, storage: Storage, kept: KeptImpacts, impact: Impact) -> None:
        self._storage = storage
        self._kept = kept
        self.impact = impact
        self._key = numbered(impact.incident, impact.revision)
        self._waiting: list[PutDocument] = []
        _, self._version = kept.impacts.get(self._key)

    def add(self, write: PutDocument) -> None:
        """Write a document, sooner or later. Raises what `flush` does."""
        self._waiting.append(write)
        if len(self._waiting) >= _WRITTEN_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits.

        Raises:
            IncidentClash: Somebody else has begun to write the same impact.
            StorageError: The store could not be written.
        """
        puts = [self._kept.impacts.put(self._key, self.impact, over=self._version), *self._waiting]
        try:
            self._storage.record(LEDGER, documents=puts)
        except WriteConflict:
            raise taken_over(self.impact.incident) from None
        self._version += 1
        self._waiting.clear()

    def whole(self, impact: Impact) -> PutDocument:
        """Return the write that makes an impact whole, when all else of it is written."""
        return self._kept.impacts.put(self._key, impact, over=self._version)


def taken_over(incident: str) -> IncidentClash:
    """Return the error for an impact that somebody else computes at the same time."""
    return IncidentClash(
        "somebody else computes the impact at the same time, or has changed the scopes meanwhile",
        where=f"incident {incident}",
        cure="Look at what is on record, and compute it anew.",
    )


def every_known(storage: Storage, kind: str) -> Iterator[str]:
    """Yield the keys of all documents of policy of one kind. Raises `StorageError`."""
    for document in every_document(storage, LEDGER, kind):
        yield document.key


def canonical(one: TenantImpact) -> bytes:
    """Return what came of a tenant in the canonical form of RFC 8785: what an impact's digest is made over."""
    return json.dumps(
        {
            "chunks": one.chunks,
            "fields": one.fields,
            "first_at": None if one.first_at is None else one.first_at.isoformat(),
            "last_at": None if one.last_at is None else one.last_at.isoformat(),
            "outcome": one.outcome.value,
            "records": one.records,
            "scopes": one.scopes,
            "subjects": one.subjects,
            "tenant": one.tenant,
            "vendors": one.vendors,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode("utf-8", "surrogatepass")
