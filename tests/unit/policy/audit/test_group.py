from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from smartify_core.errors import AuditUnavailable
from smartify_core.model import Append, PutDocument
from smartify_core.policy.audit import AuditRecord, Trail, verify
from smartify_core.policy.audit import _group as group_module
from smartify_core.policy.audit._group import Line
from smartify_core.storage.memory import MemoryStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Interrupted(BaseException):
    """What a signal does to the thread that it meets."""


class Scene:
    """A line whose commits wait until they are let through.

    Attributes:
        commits: What was committed together, so far.
        ended: Who came through, and what stopped them, if anything.
    """

    def __init__(self, fitting: Callable[[Sequence[int]], int] = len) -> None:
        self.let, self.begun = threading.Semaphore(0), threading.Semaphore(0)
        self.commits: list[list[int]] = []
        self.ended: dict[int, BaseException | None] = {}
        self.raising: BaseException | None = None
        self.line: Line[int] = Line(self._commit, fitting)
        self.threads: list[threading.Thread] = []

    def _commit(self, items: Sequence[int]) -> None:
        self.begun.release()
        assert self.let.acquire(timeout=60)
        self.commits.append([*items])
        if self.raising is not None:
            error, self.raising = self.raising, None
            raise error

    def come(self, *items: int) -> None:
        """Have callers come one after the other; each is in the line, or commits, when the next one comes."""
        for item in items:
            thread = threading.Thread(target=self._pass, args=(item,))
            self.threads.append(thread)
            waiting = len(self.line._seats)
            leads = not self.line._busy
            thread.start()
            if leads:
                assert self.begun.acquire(timeout=60)
            else:
                while len(self.line._seats) == waiting:
                    pass

    def _pass(self, item: int) -> None:
        try:
            self.line.pass_through(item)
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            self.ended[item] = error
        else:
            self.ended[item] = None

    def finish(self, commits: int) -> None:
        """Let so many commits through, and wait for everybody."""
        for _ in range(commits):
            self.let.release()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()


def test_who_comes_meanwhile_shares_the_next_commit() -> None:
    """One commits alone, and all that came in between commit together, in order."""
    scene = Scene()
    scene.come(1, 2, 3, 4)
    scene.finish(2)
    assert scene.commits == [[1], [2, 3, 4]]
    assert scene.ended == dict.fromkeys(range(1, 5))
    scene.come(5)
    scene.finish(1)
    assert scene.commits[-1] == [5]


def test_what_does_not_fit_waits_for_the_next_one() -> None:
    """A commit takes as many as fit; the first of those that are left leads the next one."""
    scene = Scene(lambda items: min(2, len(items)))
    scene.come(1, 2, 3, 4, 5, 6)
    scene.finish(4)
    assert scene.commits == [[1], [2, 3], [4, 5], [6]]


def test_a_commit_that_raises_stops_its_leader_only() -> None:
    """Whoever led is told what was raised; the others are released, and the line goes on."""
    scene = Scene()
    scene.come(1, 2, 3)
    scene.raising = Interrupted()
    scene.finish(2)
    assert isinstance(scene.ended[1], Interrupted)
    assert (scene.ended[2], scene.ended[3]) == (None, None)
    assert scene.commits == [[1], [2, 3]]


@pytest.mark.parametrize("when", ["waiting", "chosen"])
def test_whoever_is_interrupted_while_waiting_leaves_the_line(when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an interrupted caller brought is not committed, and leading passes to the next one, if it was theirs."""

    class Gate:
        """Interrupts who waits at it, before anybody has told them something or after."""

        def acquire(self) -> bool:
            assert go.wait(60)
            raise Interrupted

        def release(self) -> None:
            """Do nothing."""

    class Seat(group_module._Seat[int]):
        __slots__ = ()

        def __init__(self, item: int) -> None:
            super().__init__(item)
            self.gate = Gate()  # type: ignore[assignment]  # as much of a lock as is used

    scene, go = Scene(), threading.Event()
    scene.come(1)
    with monkeypatch.context() as patched:
        patched.setattr(group_module, "_Seat", Seat)
        unlucky = threading.Thread(target=scene._pass, args=(2,))
        unlucky.start()
        while len(scene.line._seats) == 0:
            pass
    scene.come(3)
    if when == "waiting":
        go.set()
        unlucky.join(60)
        assert [seat.item for seat in scene.line._seats] == [3]
        scene.finish(2)
    else:
        scene.let.release()
        while not scene.line._seats[0].leads:
            pass
        go.set()
        unlucky.join(60)
        scene.finish(1)
    assert isinstance(scene.ended[2], Interrupted)
    assert scene.commits == [[1], [3]]
    assert scene.ended[3] is None


class Interrupting(MemoryStorage):
    """A store whose writer is interrupted, before or after it has written, while others wait."""

    def __init__(self, *, after: bool) -> None:
        super().__init__()
        self.after = after
        self.count = 0
        self.let, self.begun = threading.Event(), threading.Event()

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Hold the first write up; interrupt the second one."""
        self.count += 1
        if self.count == 1:
            self.begun.set()
            assert self.let.wait(60)
        if self.count != 2 or self.after:
            super().record(tenant, documents=documents, appends=appends)
        if self.count == 2:
            raise Interrupted


@pytest.mark.parametrize("after", [False, True])
def test_an_interrupted_leader_leaves_the_others_with_the_truth(after: bool) -> None:
    """Those whose commit was interrupted learn whether it was kept, or that nobody knows: never anything false."""
    storage = Interrupting(after=after)
    trail = Trail(storage)
    told: dict[str, object] = {}

    def call(actor: str) -> None:
        try:
            told[actor] = trail.append(AuditRecord("a", NOON, actor=actor))
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            told[actor] = error

    threads = [threading.Thread(target=call, args=(str(number),)) for number in range(4)]
    threads[0].start()
    assert storage.begun.wait(60)
    for number, thread in enumerate(threads[1:]):
        thread.start()
        while len(trail._pen().line._seats) == number:
            pass
    storage.let.set()
    for thread in threads:
        thread.join(60)
    assert told["0"] == (0,)
    assert isinstance(told["1"], Interrupted)
    entries = [entry.record.actor for entry in trail.entries()]
    if after:
        assert (told["2"], told["3"]) == ((2,), (3,))
        assert entries == ["0", "1", "2", "3"]
    else:
        assert isinstance(told["2"], AuditUnavailable)
        assert isinstance(told["3"], AuditUnavailable)
        assert entries == ["0"]
    trail.append(AuditRecord("b", NOON))
    assert verify(trail).is_sound


def test_two_callers_that_write_one_document_take_turns() -> None:
    """A commit can name a document once only: the second caller waits for the next one, which refuses it."""

    class Slow(MemoryStorage):
        let, begun = threading.Event(), threading.Event()

        def record(self, tenant: str, **named: Any) -> None:
            """Wait, then write."""
            self.begun.set()
            assert self.let.wait(60)
            super().record(tenant, **named)

    storage = Slow()
    trail = Trail(storage)
    told: dict[int, object] = {}

    def call(number: int) -> None:
        try:
            told[number] = trail.append(AuditRecord("a", NOON), documents=[PutDocument("grant", "g", b"", 0)])
        except Exception as error:  # noqa: BLE001  # the test looks at it
            told[number] = type(error).__name__

    threads = [threading.Thread(target=call, args=(number,)) for number in range(3)]
    threads[0].start()
    assert storage.begun.wait(60)
    for number, thread in enumerate(threads[1:]):
        thread.start()
        while len(trail._pen().line._seats) == number:
            pass
    storage.let.set()
    for thread in threads:
        thread.join(60)
    assert told == {0: (0,), 1: "WriteConflict", 2: "WriteConflict"}
    assert trail.size == 1
