"""Clauses about races: what several do at the same moment is answered as if one had done it after the other."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any, Final

from smartify_core.errors import LeaseLost, WriteConflict
from smartify_core.model import Batch, Claim, Receipt
from smartify_core.storage import Storage

from ._storage_together import WORKERS, Together, workers
from ._storage_values import HOUR, NOON, account, append, claim, contents, evolve, note, put
from ._storage_world import StorageWorld

#: How often workers race for something that can happen but once, and how often each tries what goes on.
_ROUNDS: Final = 6
_TRIES: Final = 15
#: How often a worker goes on under a claim that may be overtaken: a store may let others wait for as long.
_AT_MOST: Final = 12


class RaceClauses:
    """ST-58 and ST-59."""

    def test_ST58_whoever_is_overtaken_does_nothing_more(self, world: StorageWorld) -> None:
        """Who takes over is told all that was done before; then no commit, renewal, release or erasure works."""
        storage = world.handle()
        with workers(world) as ways:
            for (way, together), turn in itertools.product(ways.items(), range(_ROUNDS)):
                for race in (_commits_go_on, _renewals_go_on, _releases_at_once, _erasures_at_once):
                    tenant = f"{way} {race.__name__} {turn}"
                    old = claim(storage, tenant)
                    storage.commit(old, put(account(tenant=tenant)))
                    answers = together(race, old, turn)
                    new, done = answers[0], sum(answers[1:])
                    record = storage.tenant(tenant)
                    if race in {_commits_go_on, _erasures_at_once}:
                        assert (new.revision, record.revision) == (1 + done, 1 + done), tenant
                    assert (record.fence, record.expires_at) == (new.fence, new.expires_at), tenant
                    assert (new.fence > old.fence, new.due_at) == (True, record.due_at), tenant
                    # Whoever took over may write.
                    storage.commit(new, put(account("after", tenant=tenant)))

    def test_ST59_what_is_expected_is_so_when_it_is_written(self, world: StorageWorld) -> None:
        """Of several who expect the same one gets it: a version, a position, a batch's first time, a first due time."""
        storage = world.handle()
        with workers(world) as ways:
            for way, together in ways.items():
                _count(storage, together, f"{way} counts")
                _append(storage, together, f"{way} appends")
                _write(storage, together, f"{way} writes")
                _repeat(storage, together, f"{way} repeats")
                _enrol(storage, together, way)


# --- overtaking: the first worker takes over, and the others go on under the old claim --------------------------------


def _take_over(storage: Storage, old: Claim) -> Claim:
    return storage.claim(old.tenant, now=NOON + 2 * HOUR, ttl=3 * HOUR)


def _commits_go_on(storage: Storage, place: int, old: Claim, turn: int) -> Any:  # noqa: ANN401 - a claim, or a count
    if place == 0:
        _wait(storage, old.tenant, turn, lambda record: record.revision > 2)
        return _take_over(storage, old)
    for number in range(_AT_MOST):
        try:
            storage.commit(old, put(account(f"{place} {number}", tenant=old.tenant)))
        except LeaseLost:
            return number
    return _AT_MOST


def _renewals_go_on(storage: Storage, place: int, old: Claim, turn: int) -> Any:  # noqa: ANN401 - as above
    if place == 0:
        _wait(storage, old.tenant, turn, lambda record: record.expires_at != old.expires_at)
        return _take_over(storage, old)
    for number in range(_AT_MOST):
        try:
            renewed = storage.renew(old, now=NOON, ttl=HOUR * (1 + number / _AT_MOST / 2))
        except LeaseLost:
            return number
        assert renewed.fence == old.fence
    return _AT_MOST


def _releases_at_once(storage: Storage, place: int, old: Claim, turn: int) -> Any:  # noqa: ANN401 - as above
    if place == 0:
        _wait(storage, old.tenant, turn)
        return _take_over(storage, old)
    storage.release(old, due_at=NOON + place * HOUR)
    return 0


def _erasures_at_once(storage: Storage, place: int, old: Claim, turn: int) -> Any:  # noqa: ANN401 - as above
    if place == 0:
        _wait(storage, old.tenant, turn)
        return _take_over(storage, old)
    try:
        storage.erase_tenant(old)
    except LeaseLost:
        return 0
    return 1


def _wait(storage: Storage, tenant: str, turn: int, begun: Any = None) -> None:  # noqa: ANN401 - a condition on a record
    """Wait until the others have begun, and then a little longer at every turn."""
    for _ in range(_AT_MOST):
        if begun is None or begun(storage.tenant(tenant)):
            break
    for _ in range(turn):
        storage.tenant(tenant)


# --- expecting: each worker tries again and again, and tells what it got ----------------------------------------------


def _count(storage: Storage, together: Together, tenant: str) -> None:
    """Have all add to the number in one document."""
    storage.record(tenant, documents=[note(b"0")])
    won = sum(together(_adds, tenant))
    there = storage.document(tenant, "note", "n")
    assert there is not None
    assert (int(there.value), there.version) == (won, won + 1), tenant


def _adds(storage: Storage, _place: int, tenant: str) -> int:
    won = 0
    for _ in range(_TRIES):
        there = storage.document(tenant, "note", "n")
        assert there is not None
        try:
            storage.record(tenant, documents=[note(b"%d" % (int(there.value) + 1), there.version)])
        except WriteConflict:
            continue
        won += 1
    return won


def _append(storage: Storage, together: Together, tenant: str) -> None:
    """Have all append at the position at which they saw a journal end, half of them in commits."""
    storage.record(tenant, appends=[append(b"begun")])
    won = dict(itertools.chain(*together(_compares_and_appends, claim(storage, tenant))))
    assert contents(storage, "trail", tenant)[1:] == [won[position] for position in sorted(won)], tenant
    assert sorted(won) == list(range(2, len(won) + 2)), tenant


def _compares_and_appends(storage: Storage, place: int, taken: Claim) -> list[tuple[int, bytes]]:
    won = []
    for number in range(_TRIES):
        position = storage.tenant(taken.tenant).positions["trail"]
        entry = b"%d %d" % (place, number)
        try:
            if place % 2:
                storage.commit(taken, Batch(appends=(append(entry, at=position),)))
            else:
                storage.record(taken.tenant, appends=[append(entry, at=position)])
        except WriteConflict:
            continue
        won.append((position + 1, entry))
    return won


def _write(storage: Storage, together: Together, tenant: str) -> None:
    """Have all write the next version of one account."""
    taken = claim(storage, tenant)
    storage.commit(taken, put(account(tenant=tenant)))
    won = dict(itertools.chain(*together(_updates, taken)))
    there = storage.load(tenant, ["s1"])["s1"]
    assert sorted(won) == list(range(2, len(won) + 2)), tenant
    assert (there.version, there.payload) == (len(won) + 1, won[there.version]), tenant
    assert storage.tenant(tenant).revision == len(won) + 1, tenant


def _updates(storage: Storage, place: int, taken: Claim) -> list[tuple[int, bytes]]:
    won = []
    for _ in range(_TRIES):
        there = storage.load(taken.tenant, ["s1"])["s1"]
        payload = b"of %d" % place
        try:
            storage.commit(taken, put(evolve(there, version=there.version + 1, payload=payload)))
        except WriteConflict:
            continue
        won.append((there.version + 1, payload))
    return won


def _repeat(storage: Storage, together: Together, tenant: str) -> None:
    """Have all commit the same batch at once: it is applied once, and all get its receipt."""
    taken = claim(storage, tenant)
    for turn in range(1, _ROUNDS + 1):
        batch = Batch(put(account(f"s{turn}", tenant=tenant)).writes, (b"e",), id=f"batch {turn}")
        assert together(_commits, taken, batch) == [Receipt(turn)] * WORKERS, tenant
        assert storage.tenant(tenant).position == turn, tenant


def _commits(storage: Storage, _place: int, taken: Claim, batch: Batch) -> Receipt:
    return storage.commit(taken, batch)


def _enrol(storage: Storage, together: Together, way: str) -> None:
    """Have all schedule tenants that are new, and serve what is due: each is new but once, so it is served once."""
    names = [f"{way} enrols {number:02d}" for number in range(_TRIES)]
    served = Counter(itertools.chain(*together(_enrols_and_serves, names)))
    assert served == dict.fromkeys(names, 1)
    assert {storage.tenant(name).due_at for name in names} == {NOON + HOUR}
    storage.schedule(dict.fromkeys(names, None))


def _enrols_and_serves(storage: Storage, _place: int, names: list[str]) -> list[str]:
    served = []
    for name in names:
        storage.schedule({name: NOON}, only_new=True)
        for taken in storage.claim_due(now=NOON, ttl=HOUR, limit=3):
            served.append(taken.tenant)
            storage.release(taken, due_at=NOON + HOUR)
    return served
