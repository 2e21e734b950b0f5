"""What a store remembers of a tenant's runs: how the last one ended, what is set aside, what the window has seen.

Ids, counts and times only. Kept as the document of kind ``run`` and key ``state``, and written in the very commits it
speaks of.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import asdict, evolve, field, frozen

from smartify_core.errors import NewerSchema, StorageBroken
from smartify_core.model import RUN_STATE, PutDocument
from smartify_core.storage import Storage

from ._effects import Effect
from ._plan import Counts, Quarantined, Verdict

KIND, KEY = RUN_STATE
_VERSION: Final = 1
_HOUR: Final = timedelta(hours=1)
#: A record that was set aside is asked for again after one hour, then two, four, and so on up to a day.
LONGEST_WAIT: Final = timedelta(days=1)
_DOUBLINGS: Final = 5
#: For so long a first load that was cut short may go on without being taken for too many newcomers.
_LONGEST_LOAD: Final = timedelta(days=1)


@frozen(order=False)
class QuarantineRecord:
    """A record that is set aside: since when, how often it was tried, and when it is tried again."""

    source_id: str
    problem: str
    since: datetime
    attempts: int
    retry_at: datetime


@frozen(order=False)
class Tally:
    """How many unapproved effects of each kind one hour has seen. ``hour`` is its beginning."""

    hour: datetime
    effects: Mapping[Effect, int]


@frozen(order=False)
class RunState:
    """What is remembered of a tenant's runs.

    ``failures`` counts the runs in a row that failed; ``converged_at`` is when a run last ended complete or degraded.
    ``trusted`` tells whether the accounts and the directory are known to belong together: from the start where the
    store was empty then, and otherwise once a run has ended with nothing held. ``began_at`` is the first change.
    ``runs`` counts the whole runs that have ended. ``clock_reset_at`` is when somebody last brought
    back to the present what a clock that ran ahead had left here.
    """

    trusted: bool = False
    began_at: datetime | None = None
    runs: int = 0
    last_started_at: datetime | None = None
    last_finished_at: datetime | None = None
    last_full_at: datetime | None = None
    verdict: Verdict | None = None
    error_code: str | None = None
    failures: int = 0
    converged_at: datetime | None = None
    counts: Counts = field(factory=Counts)
    held_plan: str | None = None
    quarantine: tuple[QuarantineRecord, ...] = ()
    tallies: tuple[Tally, ...] = ()
    clock_reset_at: datetime | None = None

    def is_loading(self, now: datetime) -> bool:
        """Return whether the first load is still under way: begun within a day, and not in step yet."""
        begun = self.began_at is not None and now - self.began_at < _LONGEST_LOAD
        return self.trusted and self.converged_at is None and begun

    def in_window(self, now: datetime, window: timedelta) -> Mapping[Effect, int]:
        """Return how many effects of each kind the window that ends now has seen."""
        total: Counter[Effect] = Counter()
        for tally in self.tallies:
            # An hour counts for as long as any moment of it lies in the window.
            if tally.hour + _HOUR > now - window:
                total.update(tally.effects)
        return total

    def tallied(self, effects: Iterable[Effect], now: datetime, window: timedelta) -> RunState:
        """Return the state with these effects counted, and without the hours that no window needs any more."""
        new = Counter(effects)
        if not new:
            return self
        hour = now.replace(minute=0, second=0, microsecond=0)
        kept = [one for one in self.tallies if one.hour + _HOUR > now - window and one.hour != hour]
        present = [one for one in self.tallies if one.hour == hour]
        together = new + Counter(present[0].effects if present else {})
        return evolve(self, tallies=(*kept, Tally(hour, together)))

    def setting_aside(
        self, quarantined: Iterable[Quarantined], now: datetime, *, only: str | None = None, mended: bool = True
    ) -> RunState:
        """Return the state with these records set aside, each with its own time of retry.

        Args:
            quarantined: What this run could not use.
            now: The present.
            only: The one person whom the run asked for; the records of all others stay as they are.
            mended: Whether a record that the run does not name was seen to be sound, and not only out of its sight.
        """
        before = {record.source_id: record for record in self.quarantine}
        kept = before if not mended else {} if only is None else before.keys() - {only}
        records = {key: before[key] for key in kept}
        for one in quarantined:
            known = before.get(one.source_id)
            attempts = 1 if known is None else known.attempts + 1
            wait = min(LONGEST_WAIT, _HOUR * 2 ** min(attempts - 1, _DOUBLINGS))
            since = now if known is None else known.since
            records[one.source_id] = QuarantineRecord(one.source_id, one.reason, since, attempts, now + wait)
        return evolve(self, quarantine=tuple(records[key] for key in sorted(records)))


def load(storage: Storage, tenant: str) -> tuple[RunState, int]:
    """Return what is remembered of the tenant's runs, and the version of the document that says so (0 for none).

    Raises:
        NewerSchema: A newer version of this library wrote it.
        StorageBroken: It is damaged.
    """
    document = storage.document(tenant, KIND, KEY)
    if document is None:
        return RunState(), 0
    where = f"tenant {tenant}, document {KIND}/{KEY}"
    try:
        content = json.loads(document.value)
        if content["v"] > _VERSION:
            raise NewerSchema(
                "a newer version of this library ran the tenant", where=where, cure="Upgrade smartify-core."
            )
        return _from_json(content), document.version
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise StorageBroken(
            "what is remembered of the tenant's runs is damaged", where=where, cure="Restore the store from a backup."
        ) from None


def version(storage: Storage, tenant: str) -> int:
    """Return the version of the document that says what is remembered of the tenant's runs; 0 for none."""
    document = storage.document(tenant, KIND, KEY)
    return 0 if document is None else document.version


def put(state: RunState, *, over: int) -> PutDocument:
    """Return the write that keeps ``state`` over version ``over`` of its document."""
    return PutDocument(KIND, KEY, json.dumps(_to_json(state), separators=(",", ":")).encode(), over)


def _to_json(state: RunState) -> dict[str, Any]:
    return {
        "v": _VERSION,
        "trusted": state.trusted,
        "began": _text(state.began_at),
        "runs": state.runs,
        "started": _text(state.last_started_at),
        "finished": _text(state.last_finished_at),
        "full": _text(state.last_full_at),
        "verdict": state.verdict.value if state.verdict else None,
        "error": state.error_code,
        "failures": state.failures,
        "converged": _text(state.converged_at),
        "counts": asdict(state.counts),
        "held": state.held_plan,
        "aside": [
            [one.source_id, one.problem, _text(one.since), one.attempts, _text(one.retry_at)]
            for one in state.quarantine
        ],
        "tallies": [
            [_text(one.hour), {effect.value: number for effect, number in one.effects.items()}] for one in state.tallies
        ],
        "reset": _text(state.clock_reset_at),
    }


def _from_json(content: Mapping[str, Any]) -> RunState:
    return RunState(
        trusted=content["trusted"],
        began_at=_time(content["began"]),
        runs=content["runs"],
        last_started_at=_time(content["started"]),
        last_finished_at=_time(content["finished"]),
        last_full_at=_time(content["full"]),
        verdict=Verdict(content["verdict"]) if content["verdict"] else None,
        error_code=content["error"],
        failures=content["failures"],
        converged_at=_time(content["converged"]),
        counts=Counts(**content["counts"]),
        held_plan=content["held"],
        quarantine=tuple(
            QuarantineRecord(source_id, problem, _instant(since), attempts, _instant(retry_at))
            for source_id, problem, since, attempts, retry_at in content["aside"]
        ),
        tallies=tuple(
            Tally(_instant(hour), {Effect(effect): number for effect, number in effects.items()})
            for hour, effects in content["tallies"]
        ),
        clock_reset_at=_time(content.get("reset")),  # which the states of earlier versions do not have
    )


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
