"""One computation of an impact, from the first entry of the trail to the last document but one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256

from attrs import evolve

from smartify_core.model import LEDGER, TENANT_STANDING
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._records._staff import Staff
from smartify_core.policy.audit import Trail
from smartify_core.policy.breach._impact import Impact, TenantImpact
from smartify_core.policy.breach._incident import Incident
from smartify_core.policy.breach._vocabulary import Outcome, ScopeKind
from smartify_core.policy.vendors import Vendors
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_tenant

from ._kept_impacts import AT_ONCE, KeptImpacts, Writing, canonical, every_known
from ._limits import Doubts, unmet_names
from ._living import Living
from ._matching import NOBODY, names_of, raw, text_of
from ._pairs import Pair, Pairs
from ._passing import Found, Passing, is_tenant
from ._reach import Reach, each_position
from ._resolving import Gathered, Verdicts, window_of
from ._spans import KeyHistory, spans_of


class Assessing:
    """Works an impact out, and writes all of it but the last step.

    Args:
        storage: The store.
        sealer: What seals, and tells the names of keys.
        trail: The audit trail.
        vendors: The register of vendors.
        kept: Where impacts are kept.
    """

    def __init__(self, storage: Storage, sealer: Sealer, trail: Trail, vendors: Vendors, kept: KeptImpacts) -> None:
        self._storage = storage
        self._sealer = sealer
        self._trail = trail
        self._vendors = vendors
        self._kept = kept

    def run(self, incident: Incident, *, by: str, at: datetime) -> tuple[Impact, Writing]:
        """Work out the next impact of an incident; return it, and what makes it whole.

        Raises:
            IncidentClash: Somebody else writes the same impact.
            TrailBroken: An entry of the trail is missing, or is none.
            UsageError: ``by`` is no id.
            StorageError: The store could not be read or written.
        """
        check_id("by", by)
        head = self._trail.head()
        impact = Impact(
            incident=incident.id,
            revision=incident.impact_revision + 1,
            at=at,
            by=by,
            scopes=incident.scopes,
            scope_revision=incident.scope_revision,
            trail_size=head.frontier.size,
            trail_root=head.frontier.root.hex(),
            entries=0,
            tenants=0,
            counts={},
        )
        with Pairs() as pairs:
            computation = _Computation(self._storage, self._sealer, self._trail, self._vendors, incident, pairs)
            computation.read(impact.trail_size)
            writing = self._kept.begin(impact)
            return computation.write(impact, self._kept, writing), writing


class _Computation:
    """What one computation holds in memory: something for each tenant that is reached, and nothing for each entry."""

    def __init__(  # noqa: PLR0917 # what a computation is made of
        self, storage: Storage, sealer: Sealer, trail: Trail, vendors: Vendors, incident: Incident, pairs: Pairs
    ) -> None:
        self._storage = storage
        self._scopes = incident.scopes
        self._pairs = pairs
        self._verdicts = Verdicts(incident.scopes)
        self._doubts = Doubts(incident.scopes)
        self._spans = spans_of(incident.scopes)
        self._trail = trail
        self._sealer = sealer
        staff = Staff(storage, sealer, trail)
        self._staff = {one.employee.id: one.employee.owner for one in staff.all()}
        self._passes_on = {one.id: one.sub_vendors for one in vendors.all()}
        self._begin()
        self._names: list[str] = []
        #: What tenants had at the times of scopes: scopes, fields, and how many accounts that nothing names.
        self._had: dict[str, tuple[int, int, int]] = {}
        #: The scopes of keys under which nothing of a tenant was.
        self._denied: dict[int, int] = {}
        self._gathered: dict[str, Gathered] = {}
        self._entries = 0

    def _begin(self) -> None:
        owners = {service: owner for service, owner in self._staff.items() if owner is not None}
        self._history = KeyHistory()
        self._reach = Reach(self._scopes, owners, self._passes_on)
        self._passing = Passing(self._trail, self._reach, self._spans, self._history, self._pairs)
        self._living = Living(self._storage, self._sealer, self._spans, self._history, self._lived)
        self._found: Found = self._passing.found

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self, size: int) -> None:
        """Read the trail, and then the store where a scope reaches whatever lived."""
        found = self._passing.run(size)
        if found.resets and self._reach.has_end:
            # What stands before a reset may bear any instant, which only the reset tells: read all of it again.
            self._pairs.forget()
            self._begin()
            found = self._passing.run(size, tuple(found.resets))
        known = {one for one in found.numbers if is_tenant(one)}
        for tenant in self._in_store():
            if tenant != LEDGER and raw(tenant) not in known:
                known.add(raw(tenant))
                found.number(raw(tenant))
        self._known = sorted(map(text_of, known))
        self._names = found.names()
        self._living.nobodys = self._keys_of_nobody()
        for tenant in self._known if self._spans else ():
            self._look_at(tenant)
        self._tallied()
        self._add_lived()
        self._doubt()

    def _keys(self) -> set[str]:
        return {name for one in self._scopes if one.kind is ScopeKind.KEY for name in one.names}

    def _keys_of_nobody(self) -> set[str]:
        """Return the names of keys in scope that nothing on record bears: misspelt, or of a time that nobody knows."""
        return self._living.wraps_nothing(self._keys() - self._history.names, (LEDGER, *self._known))

    def _in_store(self) -> Iterator[str]:
        for record in every_tenant(self._storage):
            yield record.tenant
        yield from every_known(self._storage, TENANT_STANDING)

    def _lived(self, tenant: str, account: bytes, bits: int, fields: int) -> None:
        self._pairs.add(self._found.number(raw(tenant)), account, self._reach.cause_of(bits), fields)

    def _look_at(self, tenant: str) -> None:
        number, found = self._found.number(raw(tenant)), self._found
        ended = found.ended.get(number, 0)
        lived = self._living.of(
            tenant, ended=ended, gone_at=found.gone_at.get(number), has_talked=number in found.talked
        )
        # A key reaches whoever lived, until it is known that nothing of theirs was ever wrapped under it.
        self._denied[number] = self._verdicts.keys & ~lived.bits
        if lived.bits:
            self._of(tenant).bits |= lived.bits
            self._had[tenant] = (lived.bits, lived.fields, lived.nameless)

    def _add_lived(self) -> None:
        """Add what lived to what was gathered, as far as it counts, now that all scopes of each tenant are known."""
        for tenant, (bits, fields, nameless) in self._had.items():
            gathered = self._gathered[tenant]
            counting = bits & self._verdicts.counting(gathered.bits)[1]
            if counting:
                gathered.fields |= fields
                gathered.subjects += nameless
                self._doubts.nameless += nameless
            for position in each_position(counting):
                gathered.between(*window_of(self._scopes[position]))

    def _of(self, tenant: str) -> Gathered:
        found = self._gathered.get(tenant)
        if found is None:
            found = self._gathered[tenant] = Gathered(tenant)
        return found

    def _bits(self, number: int, cause: int) -> int:
        """Return the scopes that a cause leads to of a tenant, as bits, now that everything is read."""
        bits = self._reach.vendors.scopes_of(self._reach.causes[cause], self._names[number])
        return bits & ~self._denied.get(number, 0)

    def _tallied(self) -> None:
        hosts = sum(1 << position for position, one in enumerate(self._scopes) if one.kind is ScopeKind.HOST)
        opened_by_host: set[str] = set()
        nobody = self._found.numbers.get(NOBODY)
        for (number, cause), tally in self._found.tallies.items():
            bits = self._reach.vendors.scopes_of(self._reach.causes[cause], self._names[number])
            if number == nobody or not bits:
                continue
            self._entries += tally.records
            gathered = self._of(self._names[number])
            gathered.bits |= bits
            gathered.entries(tally.records, tally.first, tally.last, tally.fields)
            if (vendor := self._reach.causes[cause].vendor) is not None:
                gathered.vendors.add(vendor)
            if bits & hosts:
                opened_by_host.add(self._names[number])
        self._doubts.opened_by_host = sorted(opened_by_host)

    def _doubt(self) -> None:
        actors = {text_of(one) for one in self._found.actors if one != NOBODY}
        vendors = {
            name
            for one in self._scopes
            if one.kind is ScopeKind.VENDOR
            for name in one.names
            if self._reach.vendors.knows(name)
        }
        hosts = {name for names in self._reach.met.values() for name in names}
        known = {
            ScopeKind.ACTOR: actors | self._staff.keys(),
            ScopeKind.HOST: hosts,
            ScopeKind.KEY: self._keys() - self._living.nobodys,
            ScopeKind.VENDOR: vendors,
            ScopeKind.TENANT: self._known,
        }
        self._doubts.unmet = unmet_names(self._scopes, known)
        self._doubts.clock_resets = len(self._found.resets)

    # --- writing ------------------------------------------------------------------------------------------------------

    def write(self, impact: Impact, kept: KeptImpacts, writing: Writing) -> Impact:
        """Write what came of every tenant, and return the impact."""
        for number, some in self._pairs.each():
            gathered = self._gathered.get(self._names[number])
            if gathered is not None:
                self._write_subjects(gathered, number, some, impact, kept, writing)
        counts: defaultdict[Outcome, int] = defaultdict(int)
        digest, subjects = sha256(), 0
        unaffected: list[str] = []
        chunks = 0
        for tenant in self._known:
            reached = self._gathered.get(tenant)
            outcome = Outcome.NOT_AFFECTED if reached is None else self._outcome(reached)
            counts[outcome] += 1
            if reached is None or outcome is Outcome.NOT_AFFECTED:
                one = TenantImpact(tenant, Outcome.NOT_AFFECTED)
                unaffected.append(tenant)
                if len(unaffected) == AT_ONCE:
                    chunks += 1
                    writing.add(kept.unaffected_write(impact, chunks, unaffected))
                    unaffected.clear()
            else:
                one = reached.impact(outcome)
                subjects += one.subjects
                writing.add(kept.tenant_write(impact, one))
            digest.update(canonical(one) + b"\n")
        if unaffected:
            writing.add(kept.unaffected_write(impact, chunks + 1, unaffected))
        writing.flush()
        return evolve(
            impact,
            entries=self._entries,
            tenants=len(self._known),
            counts={one.value: counts[one] for one in Outcome},
            subjects=subjects,
            digest=digest.hexdigest(),
            limits=self._doubts.told(),
            whole=True,
        )

    def _outcome(self, reached: Gathered) -> Outcome:
        outcome, _ = self._verdicts.counting(reached.bits)
        if outcome is Outcome.AFFECTED and reached.bits & self._verdicts.ciphertext:
            self._doubts.also_ciphertext += 1
        if outcome is Outcome.NOT_AFFECTED:
            self._doubts.harmless += 1
        return outcome

    def _write_subjects(  # noqa: PLR0917 # what a tenant's accounts are made of
        self,
        gathered: Gathered,
        number: int,
        some: Iterator[Pair],
        impact: Impact,
        kept: KeptImpacts,
        writing: Writing,
    ) -> None:
        """Write a tenant's accounts, in chunks: those that the scopes lead to which count for it."""
        _, counting = self._verdicts.counting(gathered.bits)
        bits_of: dict[int, bool] = {}
        chunk: list[tuple[str, tuple[str, ...]]] = []
        account, fields = b"", 0

        def close() -> None:
            if account:
                chunk.append((text_of(account), names_of(fields)))
                gathered.subjects += 1
                gathered.fields |= fields
            if len(chunk) == AT_ONCE:
                end()

        def end() -> None:
            gathered.chunks += 1
            writing.add(kept.subjects_write(impact, gathered.tenant, gathered.chunks, chunk))
            chunk.clear()

        for _, name, cause, its in some:
            counts = bits_of.get(cause)
            if counts is None:
                counts = bits_of[cause] = bool(self._bits(number, cause) & counting)
            if not counts:
                continue
            if name != account:
                close()
                account, fields = name, 0
            fields |= its
        close()
        if chunk:
            end()
