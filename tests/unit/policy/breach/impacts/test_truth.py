"""Four breaches of which the truth is known: nobody who was reached is left out, and few others are named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.policy.vendors._making import NOW

from smartify_core.model import LEDGER
from smartify_core.policy import PrincipalKind
from smartify_core.policy.audit import Trail
from smartify_core.policy.breach import BreachScope, Exposure, Impact, Outcome, ScopeKind
from smartify_core.policy.breach._impacts import _living, _passing, _reach
from smartify_core.policy.breach._impacts._pairs import Pairs
from smartify_core.policy.breach._impacts._vendor_reach import VendorReach

from ._world import HOUR, INCIDENT, TENANTS, Happening, World, happen, is_within

DAY = timedelta(days=1)


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world."""
    with World() as made:
        yield made


def stolen_account(world: World) -> BreachScope:
    """Have e-2's account stolen for a day: it looks, lets an accomplice in, and the accomplice looks later."""
    world.grant("e-2", "acme")
    world.grant("e-3", "acme")
    world.grant("e-3", "globex")
    world.open("e-3", "globex", 0)
    world.open("e-2", "acme", 3)  # before it was stolen
    world.clock.advance(HOUR)
    since = world.clock()
    world.open("e-2", "acme", 0)
    world.grant("e-1", "initech", by="e-2")
    world.hire("x-1", by="e-2")
    until = world.clock.advance(DAY)
    world.open("e-1", "initech", 1)
    world.grant("x-1", "globex")
    world.open("x-1", "globex", 2)
    world.open("e-3", "acme", 2)
    world.clock.advance(HOUR)
    return BreachScope(ScopeKind.ACTOR, ["e-2"], since, until)


def check_stolen_account(world: World) -> None:
    """Check that just those are named who were seen by the thief, or by whoever the thief let in."""
    scope = stolen_account(world)
    impact = world.assess(scope)
    assert scope.since is not None
    assert scope.until is not None
    certain, at_most = world.acted("e-2", scope.since, scope.until)
    assert world.reached() == certain == at_most
    assert {tenant: len(accounts) for tenant, accounts in certain.items()} == {"acme": 1, "globex": 1, "initech": 1}
    assert impact.counts == {"affected": 3, "ciphertext-only": 0, "not-affected": 0}
    assert (impact.entries, impact.subjects) == (3, 3)


def vendor_lapse(world: World) -> BreachScope:
    """Have the printer, to which the mailer passes on, lose what it holds: also what it had long before."""
    for tenant in TENANTS:
        world.grant("e-1", tenant)
    world.export("e-1", "acme", "printer")
    world.clock.advance(HOUR)
    world.export("e-1", "globex", "mailer")
    world.export("e-1", "initech", "crm")
    since = world.clock.advance(30 * DAY)
    return BreachScope(ScopeKind.VENDOR, ["printer"], since, world.clock.advance(DAY))


def check_vendor_lapse(world: World) -> None:
    """Check that everybody counts who was ever exported there, directly or through the mailer."""
    scope = vendor_lapse(world)
    impact = world.assess(scope)
    assert scope.until is not None
    truth = world.exported("printer", scope.until)
    assert world.reached() == truth
    assert truth.keys() == {"acme", "globex"}
    room = world.assessments
    assert room.tenant(INCIDENT, "globex").vendors == ("mailer",)
    assert room.tenant(INCIDENT, "initech").outcome is Outcome.NOT_AFFECTED
    assert impact.counts["not-affected"] == 1


def stolen_backup(world: World) -> BreachScope:
    """Have a copy of the store stolen, then a person leave and a customer go."""
    world.clock.advance(HOUR)
    copied = world.clock()
    world.clock.advance(HOUR)
    world.leave("acme", 0)
    world.leave("initech", 1)
    world.off_board("initech")
    world.clock.advance(DAY)
    return BreachScope(ScopeKind.STORE, ["nightly"], until=copied)


def check_stolen_backup(world: World) -> None:
    """Check that whoever was in the copy counts, although they are gone by now."""
    scope = stolen_backup(world)
    impact = world.assess(scope)
    truth = world.lived(scope.until, scope.until)
    reached = world.reached()
    assert reached.keys() == truth.keys() == set(TENANTS)
    for tenant in ("acme", "globex"):
        assert reached[tenant] == truth[tenant]
    # Of a customer that is gone only those are named who left before; the others are counted.
    assert reached["initech"] < truth["initech"]
    assert world.assessments.tenant(INCIDENT, "initech").subjects == len(truth["initech"])
    assert impact.affected == len(TENANTS)
    assert impact.subjects == sum(map(len, truth.values()))


def test_a_stolen_account(world: World) -> None:
    """Just those are named who were seen by the thief, or by whoever the thief let in."""
    check_stolen_account(world)


def test_a_vendor_that_lapsed(world: World) -> None:
    """Everybody counts who was ever exported there, directly or through another vendor; nobody else does."""
    check_vendor_lapse(world)


def test_a_stolen_backup(world: World) -> None:
    """Whoever was in the copy counts, although they, or their customer, are gone by now."""
    check_stolen_backup(world)


def test_a_leaked_key_after_a_rotation(world: World) -> None:
    """A key that wraps nothing any more still counts for everybody who lived while it did."""
    first = world.sealer.current_key("acme")
    world.clock.advance(HOUR)
    world.rotate()
    world.clock.advance(HOUR)
    impact = world.assess(BreachScope(ScopeKind.KEY, [first]))
    assert all(first in world.keys[tenant] for tenant in TENANTS)
    assert world.reached() == world.lived(None, None)
    assert impact.affected == len(TENANTS)


@pytest.mark.parametrize("is_copied", [False, True])
def test_a_key_that_nobody_knows_makes_nobody_safe(world: World, is_copied: bool) -> None:
    """What a key wrapped that nothing on record bears nobody can tell: misspelt, it reaches everybody who lived."""
    unknown = BreachScope(ScopeKind.KEY, ["0123456789abcdef"])
    copied = BreachScope(ScopeKind.STORE, ["backup"], other_half=Exposure.SAFE, because="the keys are elsewhere")
    assert world.assess(unknown, *([copied] if is_copied else [])).affected == len(TENANTS)


@pytest.mark.parametrize("tenants", [(), ("acme",), ("nobody",)])
def test_a_misspelt_key_is_told_and_one_that_is_known_is_not(world: World, tenants: tuple[str, ...]) -> None:
    """A key that wraps nothing, and that no entry names, is told; one in use, before or now, is not."""
    first = world.sealer.current_key("acme")
    world.rotate()
    second = world.sealer.current_key("acme")
    keys = [first, second, "0123456789abcdef"]
    impact = world.assess(BreachScope(ScopeKind.KEY, keys, tenants=tenants))
    told = [one for one in impact.limits if "may be misspelt" in one and "(key)" in one]
    assert len(told) == 1
    assert ": 0123456789abcdef. " in told[0] or f": 0123456789abcdef, {first}. " in told[0]
    assert second not in told[0]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 3), st.booleans())
def test_nobody_beyond_a_key_that_was_retired(came: int, is_copied: bool) -> None:
    """A customer that came when the key was gone is not affected by it; only another scope reaches such a one."""
    steps = ["before", "under it", "moved on", "retired"]
    with World(gone={"initech"} if came else set()) as world:
        key = world.sealer.current_key("acme")

        def arrive(step: int) -> None:
            world.clock.advance(HOUR)
            if step == came:
                world.gone.discard("initech")
                world.sync()

        arrive(1)
        world.clock.advance(HOUR)
        world.rotate()
        arrive(2)
        world.clock.advance(HOUR)
        for tenant in (LEDGER, *TENANTS):
            world.policy.rotation.rewrap(tenant, by="admin")
        world.policy.rotation.retire(world.key_file, key, by="admin")
        arrive(3)
        world.clock.advance(HOUR)
        scopes = [BreachScope(ScopeKind.KEY, [key])]
        scopes += [BreachScope(ScopeKind.STORE, ["a"])] if is_copied else []
        impact = world.assess(*scopes)
        truth = {tenant for tenant in TENANTS if is_copied or key in world.keys[tenant]}
        assert truth <= world.reached().keys()
        if steps[came] == "retired":
            assert world.reached().keys() == truth
            assert ("initech" in truth) is is_copied
        assert impact.tenants == len(TENANTS)


def test_a_leaked_key_whose_ciphertext_is_safe(world: World) -> None:
    """It reaches nobody, and the impact says why; a copied store beside it makes it reach everybody."""
    key = world.sealer.current_key("acme")
    safe = BreachScope(ScopeKind.KEY, [key], other_half=Exposure.SAFE, because="the store was never copied")
    impact = world.assess(safe)
    assert impact.affected == 0
    assert any("what it wraps is said to be safe" in one for one in impact.limits)
    copied = BreachScope(ScopeKind.STORE, ["a"], other_half=Exposure.SAFE, because="the keys are elsewhere")
    world.incident(safe, copied, over=world.assessments._recorded.get(INCIDENT)[0])
    again = world.assessments.assess(INCIDENT, by="admin")
    assert again.affected == len(TENANTS)
    assert world.assessments.difference(INCIDENT, 1, 2).newly == TENANTS


def test_a_copy_whose_keys_are_safe_is_ciphertext(world: World) -> None:
    """Its tenants are told apart from those that are affected, and their accounts are counted all the same."""
    impact = world.assess(BreachScope(ScopeKind.STORE, ["a"], other_half=Exposure.SAFE, because="the keys are safe"))
    assert impact.counts == {"affected": 0, "ciphertext-only": 3, "not-affected": 0}
    assert impact.subjects == sum(map(len, world.lived(None, None).values()))


def test_a_host_that_was_taken_reaches_everybody(world: World) -> None:
    """Every tenant that had accounts then is affected, and the impact says which the host is known to have opened."""
    world.grant("e-1", "acme")
    world.host = "web-2"
    world.open("e-1", "acme", 0)
    since = world.clock() - HOUR
    world.clock.advance(HOUR)
    impact = world.assess(BreachScope(ScopeKind.HOST, ["web-2"], since))
    assert impact.affected == len(TENANTS)
    assert world.assessments.tenant(INCIDENT, "acme").records == 1
    assert any("on record: those of acme." in one for one in impact.limits)


def test_a_tenant_that_joined_later_is_not_reached_by_a_host(world: World) -> None:
    """Whoever had no account while the host was taken is not affected."""
    impact = world.assess(BreachScope(ScopeKind.HOST, ["web-2"], NOW - DAY, NOW))
    assert (impact.affected, impact.counts["not-affected"]) == (0, len(TENANTS))


def test_a_window_of_a_tenant(world: World) -> None:
    """Whatever anybody opened of the tenant in the window counts, and nothing else."""
    for who in ("e-1", "e-3"):
        world.grant(who, "acme")
        world.grant(who, "globex")
    world.open("e-1", "acme", 0)
    since = world.clock.advance(HOUR)
    world.open("e-1", "acme", 1)
    world.open("e-3", "acme", 2)
    world.open("e-3", "globex", 2)
    until = world.clock.advance(HOUR)
    world.open("e-3", "acme", 3)
    world.assess(BreachScope(ScopeKind.TENANT, ["acme"], since, until))
    reached = world.reached()
    assert reached.keys() == {"acme"}
    assert len(reached["acme"]) == 2


def test_a_scope_may_be_narrowed(world: World) -> None:
    """A scope with tenants reaches no other one; another scope beside it is as wide as it was."""
    for tenant in TENANTS:
        world.grant("e-1", tenant)
        world.grant("e-3", tenant)
        world.open("e-1", tenant, 0)
    world.open("e-3", "globex", 1)
    world.assess(
        BreachScope(ScopeKind.ACTOR, ["e-1"], tenants=["acme"]),
        BreachScope(ScopeKind.ACTOR, ["e-3"]),
    )
    assert world.reached().keys() == {"acme", "globex"}
    assert world.assessments.tenant(INCIDENT, "globex").scopes == (1,)


def test_a_misspelt_name_is_told(world: World) -> None:
    """A name that nothing on record bears would reach nobody in silence: the impact says so."""
    impact = world.assess(
        BreachScope(ScopeKind.ACTOR, ["e-1", "e-l"]),
        BreachScope(ScopeKind.VENDOR, ["printr"]),
        BreachScope(ScopeKind.TENANT, ["acne"]),
        BreachScope(ScopeKind.HOST, ["web-3"]),
    )
    told = " ".join(impact.limits)
    for name in ("e-l", "printr", "acne", "web-3"):
        assert f": {name}." in told


def test_a_service_acts_for_whoever_answers_for_it(world: World) -> None:
    """What a service of the stolen account opened counts; the trail says who answered for it when it was added."""
    world.policy.staff.add("robot", by="admin", kind=PrincipalKind.SERVICE, owner="e-1")
    world.grant("robot", "acme")
    world.grant("e-1", "acme")
    since = world.clock.advance(HOUR)
    world.open("robot", "acme", 2)
    assert len(world.opened) == 1
    world.assess(BreachScope(ScopeKind.ACTOR, ["e-1"], since))
    assert world.reached() == world.acted("robot", since, since + DAY)[0]
    assert len(world.reached()["acme"]) == 1


def test_a_service_opens_by_a_grant_of_whoever_answers_for_it(world: World) -> None:
    """A grant that the stolen account approved for an owner lets the owner's service in: no entry names that grant."""
    world.policy.staff.add("robot", by="admin", kind=PrincipalKind.SERVICE, owner="e-1")
    world.grant("robot", "acme")
    since = world.clock.advance(HOUR)
    world.grant("e-1", "acme", by="e-2")
    until = world.clock.advance(HOUR)
    world.open("robot", "acme", 2)
    world.assess(BreachScope(ScopeKind.ACTOR, ["e-2"], since, until))
    assert len(world.reached()["acme"]) == 1


# --- worlds that nobody thought of ------------------------------------------------------------------------------------

_NAMES = ["open", "view", "grant", "ask", "export", "hire", "register", "leave", "rotate", "off-board"]
_WEIGHTED = ["open", "open", "view", "grant", "grant", "ask", "export", "export", *_NAMES]
_happenings = st.lists(
    st.tuples(st.sampled_from(_WEIGHTED), st.integers(0, 2), st.integers(0, 4), st.integers(0, 11)),
    min_size=4,
    max_size=14,
)
_few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_few
@given(_happenings, st.integers(0, 14), st.integers(0, 14), st.sampled_from(["e-1", "e-2", "e-3"]))
def test_no_world_hides_anybody_from_a_stolen_account(
    happenings: list[Happening], first: int, second: int, actor: str
) -> None:
    """Whatever happened, whoever was reached is named, and nobody is who was not let in by the thief."""
    since = NOW + HOUR + (min(first, second) + 0.5) * HOUR
    until = since + (abs(first - second) + 1) * HOUR
    with World() as world:
        for one in happenings:
            happen(world, one)
        world.assess(BreachScope(ScopeKind.ACTOR, [actor], since, until))
        certain, at_most = world.acted(actor, since, until)
        assert is_within(certain, world.reached())
        assert is_within(world.reached(), at_most)


@_few
@given(_happenings, st.integers(1, 15), st.sampled_from(["printer", "mailer", "crm"]))
def test_no_world_hides_anybody_from_a_vendor(happenings: list[Happening], end: int, name: str) -> None:
    """Whoever was exported to the vendor before the window's end, on whatever way, is named; nobody else is."""
    until = NOW + HOUR + (end + 0.5) * HOUR
    with World() as world:
        for one in happenings:
            happen(world, one)
        world.assess(BreachScope(ScopeKind.VENDOR, [name], until - timedelta(minutes=1), until))
        assert {t: a for t, a in world.reached().items() if a} == world.exported(name, until)


@_few
@given(_happenings, st.integers(0, 15), st.booleans())
def test_no_world_hides_anybody_in_a_copy(happenings: list[Happening], when: int, is_key: bool) -> None:
    """Whoever was in the store is named, or counted where nothing names them; so with a key that wrapped them."""
    copied = NOW + HOUR + (when + 0.5) * HOUR
    with World() as world:
        first = world.sealer.current_key("acme")
        for one in happenings:
            happen(world, one)
        world.clock.advance(DAY)
        scope = (
            BreachScope(ScopeKind.KEY, [first], copied, copied + HOUR)
            if is_key
            else BreachScope(ScopeKind.STORE, ["a"], until=copied)
        )
        impact = world.assess(scope)
        truth, reached = world.lived(copied, copied), world.reached()
        if is_key:
            truth = {tenant: some for tenant, some in truth.items() if first in world.keys[tenant]}
        assert truth.keys() <= reached.keys()
        for tenant, accounts in truth.items():
            if tenant in world.gone:
                assert world.assessments.tenant(INCIDENT, tenant).subjects >= len(accounts)
            else:
                assert accounts <= reached[tenant]
        if not is_key:
            assert reached.keys() - truth.keys() <= world.gone
        assert impact.tenants == len(TENANTS)


# --- mutants ----------------------------------------------------------------------------------------------------------


def test_mixing_subjects_across_tenants_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computation that drops the tenant from its pairs names people of other tenants, and fails the first check."""
    group = Pairs.group
    monkeypatch.setattr(Pairs, "group", lambda self, tenant, cause: group(self, tenant * 0 + 1, cause))
    with pytest.raises(AssertionError):
        check_stolen_account(world)


def test_ignoring_taint_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computation that follows nobody misses the accomplices, and fails the first check."""
    monkeypatch.setattr(_reach.Reach, "lead", lambda *_, **__: None)
    with pytest.raises(AssertionError):
        check_stolen_account(world)


def test_a_window_over_exports_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computation that bounds a vendor's exports by the window's begin fails the second check."""
    exported = _reach.Reach._exported
    since = (NOW + 10 * DAY).isoformat().encode()

    def bounded(self: _reach.Reach, found: int, vendor: bytes, at: bytes, tenant: bytes) -> int | None:
        return exported(self, found, vendor, at, tenant) if at >= since else None

    monkeypatch.setattr(_reach.Reach, "_exported", bounded)
    with pytest.raises(AssertionError):
        check_vendor_lapse(world)


def test_forgetting_sub_vendors_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computation that asks only for the vendor itself fails the second check."""
    monkeypatch.setattr(VendorReach, "receivers", lambda _, vendor: frozenset([vendor]))
    with pytest.raises(AssertionError):
        check_vendor_lapse(world)


def test_skipping_tombstones_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computation that looks at live accounts only fails the third check."""
    monkeypatch.setattr(_living, "every_tombstone", lambda *_: iter(()))
    with pytest.raises(AssertionError):
        check_stolen_backup(world)


def test_skipping_customers_who_are_gone_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computation that forgets whoever was off-boarded fails the third check."""
    monkeypatch.setattr(_living.Living, "_gone", staticmethod(lambda *_: None))
    with pytest.raises(AssertionError):
        check_stolen_backup(world)


def test_stopping_one_entry_early_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that leaves out the entry before the head's misses the last opening."""
    world.grant("e-1", "acme")
    world.open("e-1", "acme", 0)
    run = _passing.Passing.run

    def check() -> Impact:
        impact = world.assess(BreachScope(ScopeKind.ACTOR, ["e-1"]))
        assert impact.affected == 1
        return impact

    # The incident's own entry comes last, and the opening before it.
    monkeypatch.setattr(_passing.Passing, "run", lambda self, size: run(self, size - 2))
    with pytest.raises(AssertionError):
        check()


def test_the_trail_that_was_read_is_the_one_that_is_named(world: World) -> None:
    """An impact names the size and the root that the trail had when it was read."""
    world.incident(BreachScope(ScopeKind.ACTOR, ["e-1"]))
    head = Trail(world.storage, clock=world.clock).head()
    impact = world.assessments.assess(INCIDENT, by="admin")
    assert (impact.trail_size, impact.trail_root) == (head.frontier.size, head.frontier.root.hex())
