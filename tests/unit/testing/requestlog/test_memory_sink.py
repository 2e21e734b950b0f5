from __future__ import annotations

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog import Client, Feature, Note, RequestEvent
from smartify_core.testing.requestlog import MemorySink

EVENT = RequestEvent(5, Feature("page"), "GET", 200, 5, Client("Chrome", 120, "Windows", "desktop"))


def test_records_are_kept_in_order() -> None:
    """What is put can be looked at, with and without notes, and forgotten."""
    sink = MemorySink()
    note = Note(5, "folded", 1)
    for record in (EVENT, note, EVENT):
        sink.put(record)
    assert sink.records == (EVENT, note, EVENT)
    assert sink.events == (EVENT, EVENT)
    sink.clear()
    assert not sink.records


def test_what_does_not_fit_is_told() -> None:
    """Beyond its bound, and after its end, records are dropped and counted; a flush tells of them once."""
    sink = MemorySink(2)
    for _ in range(5):
        sink.put(EVENT)
    assert sink.flush()
    assert sink.flush()
    assert sink.records == (EVENT, EVENT, Note(5, "dropped", 3))
    sink.close()
    sink.put(EVENT)
    assert sink.dropped == 4
    assert len(sink.records) == 3


@pytest.mark.parametrize("most", [0, -1, 1.5, True])
def test_a_bound_is_a_number(most: int) -> None:
    """A sink that keeps nothing is a usage error."""
    with pytest.raises(UsageError):
        MemorySink(most)
