"""Who acts for whom: the names of an incident's scopes, and everything that their acts lead on to. Pure.

Whoever acts as an employee may let others in: they ask for grants and approve them, add employees and services, sign
for agreements, and write of vendors. What was opened by such a way later is in scope as well, also after the window.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from attrs import frozen

from smartify_core.policy.audit._entries import AuditRecord
from smartify_core.policy.breach._incident import BreachScope
from smartify_core.policy.breach._vocabulary import ScopeKind

from ._matching import EARLIEST, LATEST, NOBODY, Parts, fact, instant_text, raw, text_of
from ._vendor_reach import Cause, VendorReach

#: Entries by which data is opened or handed out.
OPENED: Final = b"access.granted"
OPENINGS: Final = frozenset(
    # Whoever keeps a text has it before them; whoever reads a reason reads what was written of somebody.
    {OPENED, b"reason.read", b"export.granted", b"export.ended", b"communication.kept"}
)
#: Entries that lead on to others, or say who belongs together.
LEADS: Final = frozenset(
    {
        b"grant.requested",
        b"grant.approved",
        b"grant.emergency",
        b"employee.added",
        b"agreement.signed",
        b"vendor.registered",
        b"vendor.changed",
        b"vendor.undertook",
        b"vendor.withdrew",
        b"vendor.ended",
        b"vendor.announced",
        b"ticket.reopened",
        b"condition.stated",
        b"trail.opened",
    }
)
#: What is written of a vendor that lets more data go to it.
_LETTING: Final = frozenset({"vendor.registered", "vendor.changed", "vendor.undertook", "vendor.announced"})
_GRANT: Final = b'"grant":"'
_TICKET: Final = b'"ticket":"'
_VENDOR: Final = b'"vendor":"'


@frozen(order=False)
class _Rule:
    """That acts within a window belong to a scope. Instants and tenants are as they stand in entries."""

    bit: int
    since: bytes = EARLIEST
    until: bytes = LATEST
    tenant: bytes | None = None


class Reach:
    """What an incident's scopes reach, as far as the trail was read.

    Args:
        scopes: The scopes; the one at position ``n`` has the bit ``1 << n``.
        owners: Who answers for each service now.
        passes_on: Whom each vendor passes data on to now.
    """

    def __init__(
        self,
        scopes: Sequence[BreachScope],
        owners: Mapping[str, str],
        passes_on: Mapping[str, Iterable[str]],
    ) -> None:
        self._by_actor: defaultdict[bytes, list[_Rule]] = defaultdict(list)
        self._by_host: defaultdict[str, list[_Rule]] = defaultdict(list)
        self._by_writer: dict[bytes, list[_Rule]] = {}
        self._by_tenant: defaultdict[bytes, list[_Rule]] = defaultdict(list)
        #: Of whoever holds a grant: what their services do by it.
        self._behind: defaultdict[bytes, list[_Rule]] = defaultdict(list)
        self._owners: defaultdict[bytes, set[bytes]] = defaultdict(set)
        self._grants: defaultdict[bytes, int] = defaultdict(int)
        self._tickets: dict[bytes, int] = {}
        self._conditions: dict[tuple[bytes, str], int] = {}
        self._within: list[tuple[int, frozenset[bytes]]] = []
        self._held: list[tuple[int, bytes]] = []
        self._acting = 0
        #: Whether grants, tickets or conditions lead on.
        self._leads_on = False
        self._rules: dict[bytes, tuple[_Rule, ...]] = {}
        self._certain: dict[int, int] = {}
        self._causes: dict[tuple[int, int, int, bytes, int], int] = {}
        self.causes: list[Cause] = []
        self.vendors = VendorReach(
            {1 << number: one.names for number, one in enumerate(scopes) if one.kind is ScopeKind.VENDOR}, passes_on
        )
        #: The names that were met, by the number of their scope.
        self.met: defaultdict[int, set[str]] = defaultdict(set)
        for number, scope in enumerate(scopes):
            self._scope(1 << number, scope)
        #: Whether a window ends, so that it matters how early an entry may have happened.
        self.has_end = any(one.until is not None for one in scopes)
        self._exports = bool(self._held or self._acting)
        for service, owner in owners.items():
            self._owners[raw(service)].add(raw(owner))

    def _scope(self, bit: int, scope: BreachScope) -> None:
        since = EARLIEST if scope.since is None else instant_text(scope.since)
        until = LATEST if scope.until is None else instant_text(scope.until)
        rule = _Rule(bit, since, until)
        if scope.tenants:
            self._within.append((bit, frozenset(map(raw, scope.tenants))))
        if scope.kind is ScopeKind.VENDOR:
            self._held.append((bit, until))
        if scope.kind in {ScopeKind.ACTOR, ScopeKind.HOST}:
            self._acting |= bit
        for name in scope.names:
            if scope.kind is ScopeKind.ACTOR:
                self._by_actor[raw(name)].append(rule)
            elif scope.kind is ScopeKind.HOST:
                self._by_host[name].append(rule)
            elif scope.kind is ScopeKind.TENANT:
                self._by_tenant[raw(name)].append(rule)

    # --- what an entry belongs to -------------------------------------------------------------------------------------

    def cause(self, parts: Parts, lower: bytes) -> int | None:
        """Return the number of the cause by which an opening is in scope, or may be; ``None`` where it is not.

        Args:
            parts: The parts of the entry.
            lower: The earliest instant at which it may have happened; the one that it bears is the latest.
        """
        actor, at, facts, kind, _, tenant, writer = parts
        rules = self._rules.get(actor)
        if rules is None:
            rules = self._resolve(actor)
        found = 0
        if rules or self._by_writer:
            found = self._acted(rules, at, lower, tenant, writer)
        if self._by_tenant:
            for rule in self._by_tenant.get(tenant, ()):
                if rule.since <= at and lower < rule.until:
                    found |= rule.bit
        if self._leads_on and kind == OPENED:
            found |= self._led(facts, tenant)
        if self._exports and _VENDOR in facts and (vendor := fact(facts, _VENDOR)) is not None:
            return self._exported(found, vendor, lower, tenant)
        if not found:
            return None
        if self._within:
            found = self._narrowed(found, tenant)
        number = self._certain.get(found)
        return self.cause_of(found) if number is None and found else number

    def _led(self, facts: bytes, tenant: bytes) -> int:
        """Return the scopes whose acts have let somebody open this."""
        found = 0
        if (grant := fact(facts, _GRANT)) is not None:
            found |= self._grants.get(grant, 0)
        if (ticket := fact(facts, _TICKET)) is not None:
            found |= self._tickets.get(ticket, 0)
        for (whose, _), bits in self._conditions.items():
            if whose in {tenant, NOBODY}:
                found |= bits
        return found

    def _exported(self, found: int, vendor: bytes, lower: bytes, tenant: bytes) -> int | None:
        """Return the number of the cause of an export: what comes of it is known when all of the trail is read."""
        found, acting, held = self._narrowed(found, tenant), self._narrowed(self._acting, tenant), 0
        for bit, until in self._held:
            if lower < until:
                held |= bit
        held = self._narrowed(held, tenant)
        if not (found or held or acting):
            return None
        key = (found, held, acting, vendor, self.vendors.epoch if acting else 0)
        number = self._causes.get(key)
        if number is None:
            number = self._causes[key] = len(self.causes)
            self.causes.append(Cause(found, held, acting, text_of(vendor), key[4]))
        return number

    def _narrowed(self, bits: int, tenant: bytes) -> int:
        """Return the scopes that are for this tenant, too."""
        for bit, tenants in self._within:
            if tenant not in tenants:
                bits &= ~bit
        return bits

    def cause_of(self, bits: int) -> int:
        """Return the number of the cause that is these scopes, for certain."""
        number = self._certain.get(bits)
        if number is None:
            number = self._certain[bits] = len(self.causes)
            self.causes.append(Cause(bits))
        return number

    def _acted(self, rules: Iterable[_Rule], at: bytes, lower: bytes, tenant: bytes, writer: bytes) -> int:
        found = 0
        for rule in rules:
            if rule.since <= at and lower < rule.until and (rule.tenant is None or rule.tenant == tenant):
                found |= rule.bit
        if self._by_writer:
            for rule in self._by_writer.get(writer, ()):
                if rule.since <= at and lower < rule.until:
                    found |= rule.bit
        return found

    def _resolve(self, actor: bytes) -> tuple[_Rule, ...]:
        rules = self._rules[actor] = tuple(self._resolved(actor))
        return rules

    def _resolved(self, actor: bytes) -> Iterator[_Rule]:
        """Yield the rules of somebody, and of all those who ever answered for them."""
        yield from self._by_actor.get(actor, ())
        seen, ahead = {actor}, list(self._owners.get(actor, ()))
        while ahead:
            owner = ahead.pop()
            if owner not in seen:
                seen.add(owner)
                ahead.extend(self._owners.get(owner, ()))
                yield from self._by_actor.get(owner, ())
                yield from self._behind.get(owner, ())

    # --- what an entry leads on to ------------------------------------------------------------------------------------

    def lead(self, record: AuditRecord, *, at: bytes, lower: bytes, writer: bytes) -> None:
        """Take note of an entry of `LEADS`, which happened at its instant, or as early as ``lower``."""
        kind, facts = record.kind, record.facts
        vendor = facts.get("vendor")
        others = facts.get("sub_vendors")
        if isinstance(vendor, str) and kind != "vendor.announced":
            self.vendors.passes_on(vendor, others if isinstance(others, tuple) else ())
        if kind == "trail.opened":
            self._opened(facts.get("host"), facts.get("writer"))
            return
        employee, owner = facts.get("employee"), facts.get("owner")
        if kind == "employee.added" and isinstance(employee, str) and isinstance(owner, str):
            self._owners[raw(employee)].add(raw(owner))
            self._rules.clear()
        tenant = NOBODY if record.tenant is None else raw(record.tenant)
        actor = NOBODY if record.actor is None else raw(record.actor)
        rules = self._rules.get(actor) or self._resolve(actor)
        found = self._acted(rules, at, lower, tenant, writer)
        if kind == "condition.stated":
            self._stated(record, tenant, found)
        elif not found:
            return
        elif kind.startswith("grant."):
            self._granted(record, tenant, found)
        elif kind in {"employee.added", "agreement.signed"} and isinstance(employee, str):
            self._add(self._by_actor[raw(employee)], found)
        elif kind in _LETTING and isinstance(vendor, str):
            self.vendors.tampered(found, vendor, record.tenant)
        elif kind == "ticket.reopened" and isinstance(ticket := facts.get("ticket"), str):
            self._tickets[raw(ticket)] = self._tickets.get(raw(ticket), 0) | found
            self._leads_on = True

    def _opened(self, host: object, writer: object) -> None:
        if isinstance(host, str) and isinstance(writer, str) and host in self._by_host:
            self._by_writer.setdefault(writer.encode(), []).extend(self._by_host[host])
            for rule in self._by_host[host]:
                self.met[rule.bit.bit_length() - 1].add(host)

    def _granted(self, record: AuditRecord, tenant: bytes, found: int) -> None:
        grant, employee = record.facts.get("grant"), record.facts.get("employee")
        if isinstance(grant, str):
            self._grants[raw(grant)] |= found
            self._leads_on = True
        if isinstance(employee, str):
            # A service opens by a grant of its own, and by one of whoever answers for it, which no entry names.
            self._add(self._behind[raw(employee)], found, tenant)

    def _stated(self, record: AuditRecord, tenant: bytes, found: int) -> None:
        condition = record.facts.get("condition")
        if isinstance(condition, str):
            self._conditions.pop((tenant, condition), None)  # whoever states it anew takes the place of who did
            if found:
                self._conditions[tenant, condition] = found
                self._leads_on = True

    def _add(self, rules: list[_Rule], bits: int, tenant: bytes | None = None) -> None:
        for bit in _each(bits):
            rule = _Rule(bit, tenant=tenant)
            if rule not in rules:
                rules.append(rule)
                self._rules.clear()


def _each(bits: int) -> Iterator[int]:
    while bits:
        bit = bits & -bits
        yield bit
        bits ^= bit


def each_position(bits: int) -> tuple[int, ...]:
    """Return the positions of scopes that some bits stand for, in order."""
    return tuple(bit.bit_length() - 1 for bit in _each(bits))
