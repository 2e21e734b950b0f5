"""A host with customers, employees, vendors and keys, over the real rooms; and what really happened there, beside them.

What happened is noted by the world itself, in the words of the incident: it reads neither the trail nor an impact.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import define, field, frozen
from tests.unit.policy.vendors._making import NOW, undertakings, vendor

from smartify_core.errors import AccessDenied, ExportDenied
from smartify_core.lifecycle import Reconciler
from smartify_core.policy import ACCOUNT_FIELDS, Grant, Policy, Purpose
from smartify_core.policy.audit import AuditRecord
from smartify_core.policy.breach import BreachScope, Impact, Incident, IncidentState
from smartify_core.policy.breach._impacts import Assessments
from smartify_core.policy.breach._recorded import Recorded
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.walks import every_head_page
from smartify_core.testing import FakeDirectory, ManualClock, identity

TENANTS = ("acme", "globex", "initech")
PEOPLE = 4
STAFF = ("e-1", "e-2", "e-3")
APPROVERS = ("e-2", "e-8")
VENDORS = ("mailer", "crm", "printer")
EVIDENCE = "ab" * 32
INCIDENT = "inc-20300101-00000001"
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@frozen(order=False)
class Opened:
    """That somebody saw accounts of a tenant.

    Args:
        at: When.
        who: Who saw them.
        tenant: Whose they are.
        accounts: Which ones.
        vendor: The vendor that they went to, if they did.
        grants: Every grant of theirs for the tenant that was live then: by one of these it was.
        host: Where.
    """

    at: datetime
    who: str
    tenant: str
    accounts: frozenset[str]
    vendor: str | None
    grants: frozenset[str]
    host: str


@frozen(order=False)
class Made:
    """That somebody made a grant, an employee, or an entry of the register."""

    at: datetime
    by: tuple[str, ...]
    what: str
    name: str
    host: str


@define(eq=False)
class World:
    """The host. Use it in a ``with`` statement."""

    storage: Storage = field(factory=MemoryStorage)
    clock: ManualClock = field(factory=lambda: ManualClock(NOW))
    opened: list[Opened] = field(factory=list[Opened])
    made: list[Made] = field(factory=list[Made])
    #: When each account came and went.
    lives: dict[tuple[str, str], list[datetime | None]] = field(factory=dict[tuple[str, str], "list[datetime | None]"])
    #: The keys that anything of a tenant was ever under.
    keys: defaultdict[str, set[str]] = field(factory=lambda: defaultdict(set))
    gone: set[str] = field(factory=set[str])
    subs: dict[str, set[str]] = field(factory=dict[str, "set[str]"])
    host: str = "web-1"
    folder: tempfile.TemporaryDirectory[str] = field(init=False, factory=tempfile.TemporaryDirectory)
    key_file: Path = field(init=False)
    sealer: Sealer = field(init=False)
    policies: dict[str, Policy] = field(init=False)
    directories: dict[str, FakeDirectory] = field(init=False)
    reconciler: Reconciler = field(init=False)

    def __enter__(self) -> Self:
        """Build it up: three tenants, three employees, two approvers, three vendors."""
        self.key_file = Path(self.folder.name) / "keys"
        self.sealer = Sealer(FileKeyRing.create(self.key_file))
        self.policies = {
            name: Policy(self.storage, self.sealer, clock=self.clock, host=name) for name in ("web-1", "web-2")
        }
        self.directories = {
            tenant: FakeDirectory(
                *(identity(f"{tenant}-{n}", source_id=f"{tenant}-{n}") for n in range(PEOPLE)), clock=self.clock
            )
            for tenant in TENANTS
        }
        self.reconciler = Reconciler(self.directories, self.storage, self.sealer, clock=self.clock)
        self.sync()
        for name in (*STAFF, *APPROVERS):
            self.hire(name, by="admin", may_approve=name in APPROVERS)
        self.register("printer", by="admin")
        self.register("mailer", by="admin", subs=("printer",))
        self.register("crm", by="admin")
        self.clock.advance(HOUR)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear it away."""
        self.storage.close()
        self.folder.cleanup()

    @property
    def policy(self) -> Policy:
        """Policy on the host that is at work."""
        return self.policies[self.host]

    # --- what happens -------------------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Bring every tenant in step that is served, and note who is there, and under which keys."""
        for tenant in TENANTS:
            if tenant not in self.gone:
                self.reconciler.run(tenant)
        self.look()

    def tick(self) -> None:
        """Have something on record that concerns nobody."""
        self.policy.trail.append(AuditRecord("a.tick", self.clock()))

    def look(self) -> None:
        """Note who is there, who is not any more, and under which keys everything is."""
        for tenant in TENANTS:
            present = set[str]()
            for page in every_head_page(self.storage, tenant):
                for one in self.storage.load(tenant, page.source_ids).values():
                    present.add(one.account_id)
                    self.keys[tenant].add(self.sealer.key_of(one))
            for account in present:
                self.lives.setdefault((tenant, account), [self.clock(), None])
            for (whose, account), life in self.lives.items():
                if whose == tenant and account not in present and life[1] is None:
                    life[1] = self.clock()

    def hire(self, who: str, *, by: str, may_approve: bool = False) -> None:
        """Put somebody on record, bound, on the word of one person."""
        if self.policy.staff.get(who) is None and who != by:
            self.policy.staff.add(who, by=by, may_approve=may_approve)
            self.policy.staff.bind(who, agreement=f"nda-{who}", evidence=EVIDENCE, by=by)
            self._made((by,), "employee", who)

    def register(self, name: str, *, by: str, subs: Iterable[str] = ()) -> None:
        """Put a vendor into the register, and have every customer agree."""
        made = vendor(name, undertakings=undertakings(), sub_vendors=tuple(subs), fields=tuple(ACCOUNT_FIELDS))
        if self.policy.vendors.register(made, by=by):
            self._made((by,), "vendor", name)
        self.subs.setdefault(name, set()).update(subs)
        self.policy.vendors.record_announcement(name, TENANTS, by="admin", agreed=True)

    def grant(self, who: str, tenant: str, *, by: str = "e-8", asked: str | None = None) -> Grant | None:
        """Have a grant asked for and approved; ``None`` where that is not possible."""
        if tenant in self.gone or by in {who, asked}:
            return None
        with suppress(Exception):  # whoever may not approve, or is not there, has no grant
            asked_for = self.policy.grants.request(
                who,
                tenant=tenant,
                purpose=Purpose.SERVICE_PROVISION,
                fields=ACCOUNT_FIELDS,
                reason="a reason",
                lasts=timedelta(days=2),
                by=asked,
            )
            self._made((asked or who,), "grant", asked_for.id)
            approved = self.policy.grants.approve(asked_for.id, by=by)
            self._made((by,), "grant", asked_for.id)
            return approved
        return None

    def open(self, who: str, tenant: str, number: int | None = None) -> None:
        """Have somebody look at one person of a tenant, or at all."""
        asked: dict[str, Any] = {"purpose": Purpose.SERVICE_PROVISION, "fields": ACCOUNT_FIELDS, "reason": "why"}
        ids = None if number is None else [f"{tenant}-{number}"]
        with suppress(AccessDenied), self.policy.gate.view(who, tenant=tenant, source_ids=ids, **asked) as view:
            self._opened(who, tenant, [one.account_id for one in view])

    def export(self, who: str, tenant: str, to: str) -> None:
        """Have somebody export all people of a tenant."""
        with (
            suppress(AccessDenied, ExportDenied),
            self.policy.exports.open(
                vendor=to,
                tenant=tenant,
                employee=who,
                purpose=Purpose.SERVICE_PROVISION,
                fields=ACCOUNT_FIELDS,
                consideration="none",
                reason="why",
            ) as export,
        ):
            self._opened(who, tenant, [one.account_id for one in export], to=to)

    def leave(self, tenant: str, number: int) -> None:
        """Have a person leave."""
        with suppress(Exception):  # they may have left before
            self.directories[tenant].delete(f"{tenant}-{number}")
        self.sync()

    def rotate(self) -> None:
        """Have a new key, and everything moved to it."""
        self.policy.rotation.rotate(self.key_file, by="admin")
        for tenant in TENANTS:
            if tenant not in self.gone:
                self.policy.rotation.rewrap(tenant, by="admin")
        self.look()

    def off_board(self, tenant: str) -> None:
        """Have a customer go."""
        if tenant not in self.gone:
            self.policy.shredder.off_board(tenant, by="admin", reason="they went")
            self.gone.add(tenant)
            self.look()

    def _made(self, by: tuple[str, ...], what: str, name: str) -> None:
        self.made.append(Made(self.clock(), by, what, name, self.host))

    def _opened(self, who: str, tenant: str, accounts: Iterable[str], *, to: str | None = None) -> None:
        now = self.clock()
        live = frozenset(
            one.id
            for one in self.policy.grants.of(who, tenant)
            if one.approved_by is not None and one.not_before <= now < one.expires_at
        )
        self.opened.append(Opened(now, who, tenant, frozenset(accounts), to, live, self.host))

    # --- the incident -------------------------------------------------------------------------------------------------

    def incident(self, *scopes: BreachScope, over: Incident | None = None) -> str:
        """Put an incident with these scopes on record, or give it these. It has an instant of its own in the trail."""
        self.clock.advance(MINUTE)
        recorded = Recorded(self.storage, self.sealer, self.policy.trail)
        now = recorded.now()
        if over is None:
            made = Incident(INCIDENT, IncidentState.AWARE, now, "admin", "a signal", now, scopes=scopes)
            recorded.change(made, 0, "incident.opened", by="admin", at=now)
            return INCIDENT
        held, version = recorded.get(INCIDENT)
        changed = Incident(
            held.id,
            held.state,
            held.opened_at,
            held.opened_by,
            held.signal,
            now,
            scopes=scopes,
            scope_revision=held.scope_revision + 1,
            events=held.events,
            impact_revision=held.impact_revision,
        )
        recorded.change(changed, version, "incident.rescoped", by="admin", at=now)
        return INCIDENT

    @property
    def assessments(self) -> Assessments:
        """The room, as a process of its own has it."""
        policy = self.policy
        return Assessments(self.storage, self.sealer, policy.trail, vendors=policy.vendors)

    def assess(self, *scopes: BreachScope) -> Impact:
        """Return the impact of an incident with these scopes."""
        self.incident(*scopes)
        return self.assessments.assess(INCIDENT, by="admin")

    def reached(self) -> dict[str, set[str]]:
        """Return who is reached by the latest impact, tenant by tenant."""
        room = self.assessments
        return {
            one.tenant: {subject.account_id for subject in room.subjects(INCIDENT, one.tenant)}
            for one in room.tenants(INCIDENT)
        }

    # --- the truth ----------------------------------------------------------------------------------------------------

    def lived(self, start: datetime | None, end: datetime | None) -> dict[str, set[str]]:
        """Return whoever had an account in a time."""
        found: dict[str, set[str]] = {}
        for (tenant, account), (born, died) in self.lives.items():
            assert born is not None
            if (end is None or born < end) and (start is None or died is None or died > start):
                found.setdefault(tenant, set()).add(account)
        return found

    def acted(self, actor: str, since: datetime, until: datetime) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """Return who was reached by a stolen account for certain, and who may have been at most."""
        crew: dict[str, datetime] = {}
        grants: set[str] = set()
        vendors: dict[str, datetime] = {}

        def acts(who: str, at: datetime) -> bool:
            return (who == actor and since <= at < until) or (who in crew and crew[who] <= at)

        for one in self.made:
            if any(acts(who, one.at) for who in one.by):
                if one.what == "employee":
                    crew.setdefault(one.name, one.at)
                elif one.what == "grant":
                    grants.add(one.name)
                else:
                    vendors.setdefault(one.name, one.at)
        certain: list[Opened] = []
        at_most: list[Opened] = []
        for seen in self.opened:
            to_tampered = seen.vendor in vendors and vendors[seen.vendor] <= seen.at
            through = self.receivers(seen.vendor) & vendors.keys() if seen.vendor else set()
            if acts(seen.who, seen.at) or to_tampered or (seen.grants and seen.grants <= grants):
                certain.append(seen)
            if seen in certain or seen.grants & grants or through:
                at_most.append(seen)
        return together(certain), together(at_most)

    def receivers(self, name: str) -> set[str]:
        """Return a vendor with all those that it passes data on to."""
        found, ahead = set[str](), [name]
        while ahead:
            one = ahead.pop()
            if one not in found:
                found.add(one)
                ahead.extend(self.subs.get(one, ()))
        return found

    def exported(self, to: str, until: datetime) -> dict[str, set[str]]:
        """Return who was exported to a vendor before an instant, or to one that passes data on to it."""
        return together(
            one for one in self.opened if one.vendor is not None and one.at < until and to in self.receivers(one.vendor)
        )


def together(seen: Iterable[Opened]) -> dict[str, set[str]]:
    """Return who was seen, tenant by tenant. A tenant of which nobody was seen is not in it."""
    found: dict[str, set[str]] = {}
    for one in seen:
        if one.accounts:
            found.setdefault(one.tenant, set()).update(one.accounts)
    return found


def is_within(small: dict[str, set[str]], large: dict[str, set[str]]) -> bool:
    """Return whether everybody of the one is in the other."""
    return all(accounts <= large.get(tenant, set()) for tenant, accounts in small.items()) and (
        small.keys() <= large.keys()
    )


#: What may happen in a world: a name and what it is told.
Happening = tuple[str, int, int, int]


def happen(world: World, one: Happening) -> None:
    """Have something happen an hour after what was before."""
    what, first, second, third = one
    tenant = TENANTS[first % len(TENANTS)]
    people = (*STAFF, "x-1", "x-2")
    who, other = people[second % len(people)], people[third % len(people)]
    # Entries of one instant may have happened since the entry before them: let that be a minute ago.
    world.clock.advance(HOUR - MINUTE)
    world.tick()
    world.clock.advance(MINUTE)
    world.host = ("web-1", "web-2")[first % 2]
    ways: dict[str, Callable[[], object]] = {
        "open": lambda: world.open(who, tenant, third % PEOPLE),
        "view": lambda: world.open(who, tenant),
        "grant": lambda: world.grant(who, tenant, by=APPROVERS[third % 2]),
        "ask": lambda: world.grant(who, tenant, asked=other),
        "export": lambda: world.export(who, tenant, VENDORS[third % 3]),
        "hire": lambda: world.hire(("x-1", "x-2")[first % 2], by=who, may_approve=False),
        "register": lambda: world.register(VENDORS[first], by=who, subs=[VENDORS[2]] if first == 1 else []),
        "leave": lambda: world.leave(tenant, third % PEOPLE),
        "rotate": world.rotate,
        "off-board": lambda: world.off_board(tenant),
    }
    ways[what]()
