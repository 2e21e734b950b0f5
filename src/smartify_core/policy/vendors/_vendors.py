"""The register of vendors in a host's store: every change is in the audit trail, in the step that makes it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from attrs import evolve

from smartify_core.errors import UnknownVendor, UsageError, VendorInvalid
from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._records._anew import begun_anew
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import AuditRecord, Fact, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document, every_tenant

from ._commitments import Commitment, Undertaking, in_utc
from ._duties import Duty, Lapse, duties_of, lapses_of
from ._export_decision import ExportDecision, ExportFacts, ExportRequest, decide_export
from ._register import Announcement, Vendor, is_vendor_id

_VENDOR: Final = "vendor"
_ANNOUNCEMENT: Final = "vendor announcement"
#: How many customers one step tells.
_TOLD_AT_ONCE: Final = 100


class Vendors:
    """The vendors of a host: who they are, what they promised, and which customer was told of them.

    Args:
        storage: Where they are.
        sealer: What seals them.
        trail: Where every change is recorded.
        notice: How long before a vendor's first data a customer has to be told. AWS gives its customers 30 days
            (AWS DPA, section 6.2), which is the default; your own agreements say what yours is.
    """

    def __init__(
        self, storage: Storage, sealer: Sealer, trail: Trail, *, notice: timedelta = timedelta(days=30)
    ) -> None:
        if not timedelta(0) <= notice <= timedelta(days=3653):
            raise UsageError(
                "notice is not between nothing and ten years", cure="Give timedelta(days=30), for example."
            )
        self._storage = storage
        self._trail = trail
        self._notice = notice
        self._vendors = Shelf(storage, sealer, _VENDOR, Vendor)
        self._announcements = Shelf(storage, sealer, _ANNOUNCEMENT, Announcement)

    @property
    def trail(self) -> Trail:
        """Where every change is recorded."""
        return self._trail

    def now(self) -> datetime:
        """Return the present instant, never before what any process has recorded: no contract comes back to life.

        Raises:
            StorageError: The store could not be read.
        """
        return self._trail.now()

    # --- reading ------------------------------------------------------------------------------------------------------

    def get(self, vendor_id: str) -> Vendor:
        """Return one vendor.

        Raises:
            UnknownVendor: There is none under this id.
            StorageError: The store could not be read.
        """
        return self._known(vendor_id)[0]

    def all(self) -> tuple[Vendor, ...]:
        """Return every vendor, those that have ended included, in order of id. Raises `StorageError`."""
        return tuple(vendor for _, vendor, _ in self._vendors.all())

    def decide(self, request: ExportRequest) -> ExportDecision:
        """Return whether data may go to a vendor now, and what is missing. Opens nothing and records nothing.

        Raises:
            StorageError: The store could not be read.
        """
        return decide_export(request, self._facts(request.vendor, request.tenant), self.now())

    def duties(self, tenants: Collection[str] | None = None) -> tuple[Duty, ...]:
        """Return which customers have to be told of which vendors until when, the most pressing first.

        Args:
            tenants: The customers; without them, every tenant of the store that has accounts or a schedule.

        Raises:
            StorageError: The store could not be read.
        """
        told = {
            (vendor, tenant)
            for document in every_document(self._storage, LEDGER, _ANNOUNCEMENT)
            for vendor, _, tenant in (document.key.partition("/"),)
        }
        customers = tuple(self._customers()) if tenants is None else tenants
        return tuple(duties_of(self.all(), customers, told, self._notice, self.now()))

    def lapses(self, ahead: timedelta = timedelta(days=60)) -> tuple[Lapse, ...]:
        """Return which promises do not hold now, or will not for longer than ``ahead``. Raises `StorageError`."""
        return tuple(lapses_of(self.all(), ahead, self.now()))

    # --- changing -----------------------------------------------------------------------------------------------------

    def register(self, *vendors: Vendor, by: str) -> tuple[Vendor, ...]:
        """Keep vendors as they are given, new ones and changed ones, and return those that differed.

        A vendor is replaced whole, with its undertakings. One step for each.

        Args:
            vendors: The vendors, as from `read_register`.
            by: The id of the employee who does it.

        Raises:
            VendorInvalid: A vendor has ended and would come back. Give it another id, and announce it anew.
            AuditUnavailable: The change cannot be recorded, so it was not made.
        """
        return tuple(vendor for vendor in vendors if self._registered(vendor, _named(by)))

    def undertake(self, vendor_id: str, *undertakings: Undertaking, by: str) -> Vendor:
        """Add to what a vendor promised, and return it. Undertakings that have expired by now leave the register.

        Args:
            vendor_id: The vendor.
            undertakings: The commitments that it gave.
            by: The id of the employee who has seen the evidence.

        Raises:
            UnknownVendor: There is none under this id.
            VendorInvalid: It has ended, or it would have too many undertakings.
            AuditUnavailable: The change cannot be recorded, so it was not made.
        """

        def more(vendor: Vendor, now: datetime) -> Vendor:
            kept = [one for one in vendor.undertakings if one.expires_at > now]
            return evolve(vendor, undertakings=(*kept, *undertakings))

        return self._changed(vendor_id, "vendor.undertook", _named(by), more)

    def withdraw(self, vendor_id: str, commitment: Commitment, *, by: str) -> Vendor:
        """Take a commitment out of the register that a vendor does not keep, and return the vendor.

        Raises:
            UnknownVendor: There is none under this id.
            VendorInvalid: It has ended.
            AuditUnavailable: The change cannot be recorded, so it was not made.
        """

        def less(vendor: Vendor, _: datetime) -> Vendor:
            kept = [one for one in vendor.undertakings if one.commitment is not commitment]
            return evolve(vendor, undertakings=kept)

        return self._changed(vendor_id, "vendor.withdrew", _named(by), less)

    def end(self, vendor_id: str, *, by: str, at: datetime | None = None) -> Vendor:
        """Part with a vendor, now or at an instant to come, and return it. One that has ended stays ended.

        Raises:
            UnknownVendor: There is none under this id.
            VendorInvalid: It has ended already, or ``at`` has no time zone.
            AuditUnavailable: The change cannot be recorded, so it was not made.
        """
        planned = None if at is None else in_utc(at, "vendor, ended_at")

        def ended(vendor: Vendor, now: datetime) -> Vendor:
            return evolve(vendor, ended_at=now if planned is None else max(planned, now))

        return self._changed(vendor_id, "vendor.ended", _named(by), ended)

    def record_announcement(
        self,
        vendor_id: str,
        tenants: Collection[str],
        *,
        by: str,
        at: datetime | None = None,
        agreed: bool = False,
    ) -> tuple[str, ...]:
        """Record that customers were told of a vendor; the notice period of each runs from then.

        A customer that was told before keeps its earlier instant, unless it has agreed by now.

        Args:
            vendor_id: The vendor.
            tenants: The customers.
            by: The id of the employee who told them.
            at: When they were told; now, where nothing else is said.
            agreed: Whether they have agreed, as in a contract that names the vendor. Then no period runs, and an
                objection is settled.

        Returns:
            The customers for whom that is news.

        Raises:
            UnknownVendor: There is none under this id.
            UsageError: ``at`` lies ahead, or ``tenants`` is one text.
            AuditUnavailable: It cannot be recorded; what was recorded of a long list before stays.
        """
        self._known(vendor_id)
        if isinstance(tenants, str):
            raise UsageError("tenants is one text, not several", where="tenants", cure="Give a list of tenants.")
        now = self.now()
        told = Announcement(now if at is None else at, agreed)
        if told.at > now:
            raise UsageError("an announcement lies ahead", where="at", cure="Record it once it was made.")

        def news(before: Announcement | None) -> Announcement | None:
            if before is None:
                return told
            return evolve(before, agreed=True, objected_at=None) if agreed and _is_open(before) else None

        facts: Mapping[str, Fact] = {"vendor": vendor_id, "told_at": told.at.isoformat(), "agreed": agreed}
        recorded = partial(AuditRecord, "vendor.announced", actor=_named(by), facts=facts)
        every = sorted(set(tenants))
        some = [every[start : start + _TOLD_AT_ONCE] for start in range(0, len(every), _TOLD_AT_ONCE)]
        return tuple(tenant for one in some for tenant in self._told(vendor_id, one, news, recorded))

    def record_objection(self, vendor_id: str, tenant: str, *, by: str) -> None:
        """Record that a customer objects to a vendor: its exports stay closed until it is on record as having agreed.

        Raises:
            UnknownVendor: There is none under this id.
            AuditUnavailable: It cannot be recorded, so it was not.
        """
        self._known(vendor_id)
        now = self.now()

        def objecting(before: Announcement | None) -> Announcement | None:
            if before is not None and before.objected_at is not None:
                return None
            return evolve(before or Announcement(now), agreed=False, objected_at=now)

        recorded = partial(AuditRecord, "vendor.objected", actor=_named(by), facts={"vendor": vendor_id})
        self._told(vendor_id, (tenant,), objecting, recorded)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _known(self, vendor_id: str) -> tuple[Vendor, int]:
        vendor, version = self._vendors.get(vendor_id) if is_vendor_id(vendor_id) else (None, 0)
        if vendor is None:
            where = f"vendor {vendor_id}" if is_vendor_id(vendor_id) else "vendor"
            raise UnknownVendor("no vendor is registered under this id", where=where, cure="Register it first.")
        return vendor, version

    def _facts(self, first: str, tenant: str) -> ExportFacts:
        """Read the vendor, and all that it passes data on to, as they stand in the store now."""
        vendors: dict[str, Vendor] = {}
        announcements: dict[str, Announcement] = {}
        ahead, seen = [first], set[str]()
        while ahead:
            one = ahead.pop()
            if one in seen or not is_vendor_id(one):
                continue
            seen.add(one)
            vendor, _ = self._vendors.get(one)
            if vendor is not None:
                vendors[one] = vendor
                ahead.extend(vendor.sub_vendors)
                told, _ = self._announcements.get(_pair(one, tenant))
                if told is not None:
                    announcements[one] = told
        return ExportFacts(vendors, announcements, self._notice)

    def _customers(self) -> Iterator[str]:
        for record in every_tenant(self._storage):
            if record.accounts or record.due_at is not None:
                yield record.tenant

    def _registered(self, vendor: Vendor, by: str) -> bool:
        def written() -> bool:
            before, version = self._vendors.get(vendor.id)
            if before == vendor:
                return False
            now = self.now()
            if before is not None and before.has_ended(now) and before.ended_at != vendor.ended_at:
                raise _ended(vendor.id)
            kind = "vendor.registered" if before is None else "vendor.changed"
            record = AuditRecord(kind=kind, at=now, actor=by, facts=_told_of(vendor))
            self._trail.append(record, documents=[self._vendors.put(vendor.id, vendor, over=version)])
            return True

        return begun_anew(written)()

    def _changed(self, vendor_id: str, kind: str, by: str, change: Callable[[Vendor, datetime], Vendor]) -> Vendor:
        def written() -> Vendor:
            before, version = self._known(vendor_id)
            now = self.now()
            if before.has_ended(now):
                raise _ended(vendor_id)
            after = change(before, now)
            if after != before:
                record = AuditRecord(kind=kind, at=now, actor=by, facts=_told_of(after))
                self._trail.append(record, documents=[self._vendors.put(vendor_id, after, over=version)])
            return after

        return begun_anew(written)()

    def _told(
        self,
        vendor_id: str,
        tenants: Sequence[str],
        news: Callable[[Announcement | None], Announcement | None],
        recorded: Callable[..., AuditRecord],
    ) -> tuple[str, ...]:
        def written() -> tuple[str, ...]:
            now = self.now()
            writes: dict[str, PutDocument] = {}
            for tenant in tenants:
                key = _pair(vendor_id, tenant)
                before, version = self._announcements.get(key)
                after = news(before)
                if after is not None:
                    writes[tenant] = self._announcements.put(key, after, over=version)
            if writes:
                records = [recorded(at=now, tenant=one) for one in writes]
                self._trail.append(*records, documents=tuple(writes.values()))
            return tuple(writes)

        return begun_anew(written)()


def _is_open(told: Announcement) -> bool:
    return not told.agreed or told.objected_at is not None


def _pair(vendor_id: str, tenant: str) -> str:
    return f"{vendor_id}/{tenant}"


def _named(by: str) -> str:
    check_id("by", by)
    return by


def _ended(vendor_id: str) -> VendorInvalid:
    return VendorInvalid(
        "the vendor has ended", where=f"vendor {vendor_id}", cure="Register it anew under another id, and announce it."
    )


def _told_of(vendor: Vendor) -> Mapping[str, Fact]:
    """Return a vendor as the trail keeps it: all of it but its name."""
    return {
        "vendor": vendor.id,
        "affiliated": vendor.affiliated,
        "purposes": tuple(one.value for one in vendor.purposes),
        "fields": tuple(one.value for one in vendor.fields),
        "sub_vendors": vendor.sub_vendors,
        "starts_at": vendor.starts_at.isoformat(),
        "ended_at": None if vendor.ended_at is None else vendor.ended_at.isoformat(),
        "undertakings": tuple(
            f"{one.commitment.value} {one.given_at.isoformat()} {one.expires_at.isoformat()} {one.evidence or '-'}"
            for one in vendor.undertakings
        ),
    }
