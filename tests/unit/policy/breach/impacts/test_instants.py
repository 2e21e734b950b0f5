"""An instant of the trail may be later than the truth: whatever a clock said, nobody is left out of a window."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.policy.breach import BreachScope, ScopeKind
from smartify_core.policy.breach._impacts import _passing
from smartify_core.policy.breach._impacts._instants import Read, brought_back, spanned
from smartify_core.policy.breach._impacts._matching import EARLIEST, instant_text
from smartify_core.storage.memory import MemoryStorage

from ._world import HOUR, INCIDENT, World

NOON = datetime(2030, 5, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world in which e-1 may open what Acme has."""
    with World() as made:
        made.grant("e-1", "acme")
        made.grant("e-1", "globex")
        made.clock.advance(HOUR)
        yield made


def by_a_clock_ahead(world: World, ahead: timedelta) -> None:
    """Have a process append twice whose clock is ahead: at different instants, as clocks go on."""
    trail = Trail(world.storage, clock=world.clock)
    for number in range(2):
        trail.append(AuditRecord("a.b", world.clock() + ahead + timedelta(seconds=number)))


def check_an_opening_under_a_clock_ahead(world: World) -> None:
    """Check that an opening counts in its window, though it bears the instant of a clock 20 hours ahead."""
    since = world.clock()
    by_a_clock_ahead(world, 20 * HOUR)
    world.open("e-1", "acme", 0)
    until = world.clock.advance(HOUR)
    assert world.policy.trail.head().at > until
    world.assess(BreachScope(ScopeKind.ACTOR, ["e-1"], since, until))
    assert world.reached() == world.acted("e-1", since, until)[0]
    assert len(world.reached()["acme"]) == 1


def test_an_opening_under_a_clock_that_runs_ahead(world: World) -> None:
    """Whoever was opened in the window is named, though the entry bears an instant long after it."""
    check_an_opening_under_a_clock_ahead(world)


def test_trusting_instants_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computation that takes every instant at its word misses that opening."""
    monkeypatch.setattr(_passing, "spanned", lambda entries: entries)
    with pytest.raises(AssertionError):
        check_an_opening_under_a_clock_ahead(world)


def test_a_lead_under_a_clock_that_runs_ahead(world: World) -> None:
    """A grant that the thief approved in the window leads on, though its entry bears an instant after it."""
    since = world.clock()
    by_a_clock_ahead(world, 20 * HOUR)
    world.grant("e-3", "initech", by="e-2")
    until = world.clock.advance(HOUR)
    world.clock.advance(DAY)
    world.open("e-3", "initech", 1)
    assert len(world.opened) == 1
    world.assess(BreachScope(ScopeKind.ACTOR, ["e-2"], since, until))
    assert world.reached() == world.acted("e-2", since, until)[0]
    assert world.reached().keys() == {"initech"}


@pytest.mark.parametrize("kind", [ScopeKind.TENANT, ScopeKind.VENDOR])
def test_windows_of_tenants_and_vendors_go_by_the_same(world: World, kind: ScopeKind) -> None:
    """An export in the window counts for its tenant and for its vendor, whatever clock ran ahead."""
    since = world.clock()
    by_a_clock_ahead(world, 20 * HOUR)
    world.export("e-1", "acme", "crm")
    until = world.clock.advance(HOUR)
    world.assess(BreachScope(kind, ["acme" if kind is ScopeKind.TENANT else "crm"], since, until))
    assert world.reached() == world.exported("crm", until)
    assert world.reached().keys() == {"acme"}


def test_an_opening_before_a_reset_of_years(world: World) -> None:
    """Whoever was opened while the trail was years ahead is named; who was opened before or after the window is not."""
    world.open("e-1", "globex", 0)
    world.clock.advance(3 * DAY)
    world.grant("e-3", "acme")
    since = world.clock.advance(HOUR)
    ahead = timedelta(days=3 * 365)
    world.clock.advance(ahead)
    world.grant("e-1", "acme")
    world.open("e-1", "acme", 0)
    world.clock.advance(HOUR - ahead)
    assert world.policy.trail.reset_clock(by="admin") > world.clock() + 2 * 365 * DAY
    until = world.clock.advance(HOUR)
    # The run of entries of the next grant and opening may have begun with this one: it lies beyond the window.
    world.grant("e-3", "globex")
    world.clock.advance(3 * DAY)
    world.grant("e-1", "globex")
    world.open("e-1", "globex", 1)
    assert len(world.opened) == 3
    world.clock.advance(HOUR)
    impact = world.assess(BreachScope(ScopeKind.ACTOR, ["e-1"], since, until))
    assert {tenant: len(accounts) for tenant, accounts in world.reached().items()} == {"acme": 1}
    assert world.opened[1].accounts == world.reached()["acme"]
    assert any("was brought back 1 times" in one for one in impact.limits)
    assert world.assessments.tenant(INCIDENT, "acme").first_at == world.opened[1].at


def test_commits_of_many_entries_widen_a_window_by_little(world: World) -> None:
    """Entries of one commit with one instant count from the entry before them on, and not a day before."""
    at = world.clock()
    names = ("view-1", "view-2", "view-3")
    trail = world.policy.trail
    for number in range(3):
        trail.append(
            *(
                AuditRecord("access.granted", at + number * HOUR, "acme", "e-1", (f"{name}-{number}",), {"fields": ()})
                for name in names
            )
        )
    world.clock.advance(DAY)
    # The second commit may have begun right after the first one, within the window; the third one after it.
    world.assess(BreachScope(ScopeKind.ACTOR, ["e-1"], at - HOUR, at + HOUR / 2))
    assert world.reached() == {"acme": {f"{name}-{number}" for name in names for number in range(2)}}


# --- spans as laws ----------------------------------------------------------------------------------------------------


def read(entries: list[tuple[datetime, bytes]]) -> list[Read]:
    """Return entries as they are read: instants and writers."""
    return [
        (place, b"", (b"", instant_text(at), b"", b"", b"", b"", writer), instant_text(at))
        for place, (at, writer) in enumerate(entries)
    ]


_WRITERS = (b"0000000a", b"0000000b")
_happened = st.lists(st.tuples(st.integers(0, 6), st.sampled_from([0, 1])), min_size=1, max_size=12)


@given(_happened, st.integers(0, 23))
def test_a_span_holds_when_it_happened_where_one_clock_is_right(happened: list[tuple[int, int]], ahead: int) -> None:
    """Of two processes of which the one's clock is ahead, what the other one writes happened within its span."""
    now, head = NOON, NOON
    truths: list[datetime] = []
    entries: list[tuple[datetime, bytes]] = []
    for hours, which in happened:
        now += hours * HOUR
        head = max(head, now + (ahead * HOUR if which else timedelta(0)))
        truths.append(now)
        entries.append((head, _WRITERS[which]))
    found = list(spanned(read(entries)))
    assert [one[0] for one in found] == list(range(len(entries)))
    for (*_, parts, lower), truth, (_, writer) in zip(found, truths, entries, strict=True):
        assert lower <= parts[1]
        if writer == _WRITERS[0]:
            assert lower <= instant_text(truth) <= parts[1]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_an_instant_of_its_own_is_taken_at_its_word(hours: list[int]) -> None:
    """Where all instants differ every span is that instant: nobody is added to a window."""
    at, entries = NOON, []
    for number in hours:
        at += number * HOUR
        entries.append((at, _WRITERS[0]))
    assert all(lower == parts[1] for *_, parts, lower in spanned(read(entries)))


def test_a_run_that_no_commit_could_hold_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """More entries of one process with one instant than a commit has may have begun a day earlier; none is held."""
    monkeypatch.setattr("smartify_core.policy.breach._impacts._instants._HELD_AT_MOST", 3)
    run = read([(NOON - HOUR, _WRITERS[0]), *[(NOON, _WRITERS[0])] * 5])
    assert [lower for *_, lower in spanned(run)] == [instant_text(NOON - HOUR), *[instant_text(NOON - DAY)] * 5]
    assert {lower for *_, lower in list(spanned(run[:4]))[1:]} == {instant_text(NOON - HOUR)}


def test_the_first_run_may_have_begun_at_any_time() -> None:
    """Before the first entries of a trail there is none that tells when."""
    assert [lower for *_, lower in spanned(read([(NOON, _WRITERS[0])] * 2))] == [EARLIEST] * 2
    assert [lower for *_, lower in spanned(read([(NOON, _WRITERS[0])]))] == [instant_text(NOON)]


def test_a_later_reset_that_goes_farther_back_counts_for_all_before_it() -> None:
    """What an earlier reset left in place is widened where a later one shows that it was ahead as well."""
    entries = read(
        [
            (NOON, _WRITERS[0]),
            (NOON + 4 * DAY, _WRITERS[0]),
            (NOON + 9 * DAY, _WRITERS[0]),
            (NOON + 5 * DAY, _WRITERS[0]),  # a reset
            (NOON + 6 * DAY, _WRITERS[0]),
            (NOON + 2 * DAY, _WRITERS[0]),  # another one
            (NOON + 3 * DAY, _WRITERS[0]),
        ]
    )
    resets = [(place, entries[place][2][1]) for place in (3, 5)]
    lowers = [lower for *_, lower in brought_back(spanned(entries), resets)]
    early = instant_text(NOON - DAY)
    assert lowers == [instant_text(NOON), *[early] * 4, instant_text(NOON + 2 * DAY), instant_text(NOON + 3 * DAY)]


@pytest.mark.parametrize("first", [datetime.min.replace(tzinfo=UTC), NOON])
def test_no_instant_is_too_early_for_a_span(first: datetime) -> None:
    """A run of two processes has a span also where there is no day before it."""
    found = [lower for *_, lower in spanned(read([(first - timedelta(0), _WRITERS[0]), (first, _WRITERS[1])]))]
    assert found == [EARLIEST] * 2


def test_a_reset_far_ahead_is_read_twice_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trail is read once, and a second time only where a reset was met and a window ends."""
    runs: list[int] = []
    run = _passing.Passing.run

    def counted(self: _passing.Passing, size: int, resets: object = ()) -> object:
        runs.append(1)
        return run(self, size, resets)  # type: ignore[arg-type] # handed on as it came

    monkeypatch.setattr(_passing.Passing, "run", counted)
    with World(storage=MemoryStorage()) as world:
        window = BreachScope(ScopeKind.ACTOR, ["e-1"], NOON, NOON + DAY)
        world.assess(window)
        assert len(runs) == 1
        world.policy.trail.append(AuditRecord("a.b", world.clock() + HOUR))
        world.policy.trail.reset_clock(by="admin")
        world.assessments.assess(INCIDENT, by="admin")
        assert len(runs) == 3
