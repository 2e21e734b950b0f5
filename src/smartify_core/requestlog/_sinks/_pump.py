"""A bounded queue, and the one thread that empties it: what sinks are made of.

`Pump.put` runs in a request: it appends to a queue, takes no lock and touches no file. All else happens in a thread
that is started by the first record of a process: it takes what waits in batches, has its target write them, and gives
the target time for its own chores in between.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Protocol, Self

from attrs import field, frozen

from smartify_core.errors import UsageError
from smartify_core.model import Clock
from smartify_core.requestlog._diagnostics import Troubles, log
from smartify_core.requestlog._event._note import Note, Record

from . import _endings

#: How many records go to a target at once. As lines they fit into 64 kB.
BATCH: Final = 256
#: After so many records the next attempt is made to start a thread, where none was to be had.
_RETRY_EVERY: Final = 64
#: Seconds between two writings in a process that was told to end.
_HURRIED: Final = 0.02


@frozen
class Sent:
    """What became of records that a target was to write.

    Args:
        done: How many of them, from the first on, are dealt with; the others are sent again later.
        lost: How many of those could not be made into a line, notes left out.
        trouble: Why not all are done, as the name of an error number or of a class. None where all are.
    """

    done: int
    lost: int = 0
    trouble: str | None = None


class Target(Protocol):
    """Where a pump sends. Called by one thread at a time, but for `forget`."""

    def send(self, records: Sequence[Record]) -> Sent:
        """Write records in their order, as many as can be written now."""
        ...

    def step(self) -> bool:
        """Do a small piece of other work that is due; tell whether there is more."""
        ...

    def hasten(self) -> None:
        """Have all other work be due now."""
        ...

    def close(self) -> None:
        """Let go of everything. Nothing is sent afterwards."""
        ...

    def forget(self) -> None:
        """Let go of what a fork copied into this process, without a trace in what is the parent's."""
        ...


@frozen(eq=False)
class _Ticket:
    """A question to the thread, and its answer."""

    kind: str = "flush"
    answered: threading.Event = field(init=False, factory=threading.Event)
    well: list[bool] = field(init=False, factory=list)

    def answer(self, *, well: bool) -> None:
        self.well.append(well)
        self.answered.set()


class Pump:
    """A `Sink` that is a queue of at most ``limit`` records, emptied into ``target`` by a thread.

    That is done each ``flush_every`` seconds, and when the queue is half full.

    Args:
        target: Where records are written.
        limit: How many records wait at most; what comes then is dropped and counted.
        flush_every: Seconds between two writings.
        now: Tells the time of notes.
        on_sigterm: Whether to write before SIGTERM ends the process.

    Raises:
        UsageError: ``now`` is no function, or ``on_sigterm`` neither True nor False.
    """

    def __init__(self, target: Target, *, limit: int, flush_every: float, now: Clock, on_sigterm: bool) -> None:
        signalled: object = on_sigterm  # types are no promise at run time
        if type(signalled) is not bool or not callable(now):
            raise UsageError(
                "on_sigterm is True or False, and now a function that tells the present instant",
                where=type(self).__name__,
                cure="Correct the call.",
            )
        self._target = target
        self._limit = limit
        self._flush_every = flush_every
        self._now = now
        self._on_sigterm = on_sigterm
        self._closed = False
        self._begin()
        _endings.watch(self, on_sigterm=on_sigterm)

    def _begin(self) -> None:
        self._queue: deque[Record] = deque()
        # From so many waiting records on, a put is refused; from so many on it looks up: the first record starts the
        # thread, and those that fill half of the queue wake it.
        self._most = -1 if self._closed else self._limit
        self._notice_at = 0
        self._early = self._limit // 2
        self._pause = self._flush_every
        self._thread: threading.Thread | None = None
        self._ended = False
        self._starting = threading.Lock()
        self._passing = threading.Lock()
        # The one queue that may be put into while it is being put into, as a signal's handler may do.
        self._inbox: SimpleQueue[_Ticket | None] = SimpleQueue()
        # One step of `count` cannot be interrupted; `+= 1` can, and would lose drops.
        self._drops = itertools.count()
        self._looks = 0
        self._looking = threading.RLock()
        self._lost = 0
        # What is being sent, how many drops the note at its head tells of, and how many were told before.
        self._held: list[Record] = []
        self._telling = 0
        self._told = 0
        self._in_trouble = False
        self._troubles = Troubles()

    # --- in a request ------------------------------------------------------------------------------------------------

    def put(self, record: Record) -> None:
        """Take a record. Never raises, never waits, writes nothing in the caller."""
        queue = self._queue
        waiting = len(queue)
        if waiting >= self._most:
            if next(self._drops) % _RETRY_EVERY == 0 and self._thread is None:
                self._start()
            return
        queue.append(record)
        if waiting >= self._notice_at:
            self._notice()

    def _notice(self) -> None:
        if self._thread is None:
            self._start()
        else:
            self._notice_at = self._limit
            self._inbox.put(None)

    def _start(self) -> None:
        """Start the thread, unless somebody is at it."""
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None and not self._closed:
                # Should this fail, the next attempt is made when some more wait.
                self._notice_at = len(self._queue) + _RETRY_EVERY
                thread = threading.Thread(target=self._run, name="smartify-request-log", daemon=True)
                thread.start()
                self._notice_at = self._early
                self._thread = thread
                _endings.entered(on_sigterm=self._on_sigterm)
        except RuntimeError:  # no thread to be had, or the interpreter is ending
            self._troubles.warn("request_log_has_no_thread")
        finally:
            self._starting.release()

    # --- for those who can wait --------------------------------------------------------------------------------------

    @property
    def dropped(self) -> int:
        """How many records this process could not keep so far."""
        with self._looking:
            drops = next(self._drops) - self._looks
            self._looks += 1
        return drops + self._lost

    @property
    def waiting(self) -> int:
        """How many records are not written yet."""
        return len(self._queue) + len(self._held)

    def flush(self, timeout: float = 5.0) -> bool:
        """Return whether, within ``timeout`` seconds, all that was put before is written and all drops are told."""
        if self._thread is None and not self._owes():
            return True
        return self._ask(_Ticket(), timeout)

    def _tidy(self, timeout: float) -> bool:
        """Flush, and return whether the target had nothing left to do in time."""
        return self._ask(_Ticket("tidy"), timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, and take no more. Safe to call twice."""
        # Whoever is just starting the thread is waited for; a signal's handler above that start would wait in vain.
        starting = self._starting.acquire(timeout=max(0.0, timeout))
        try:
            if self._closed:
                return
            self._closed = True
            self._most = -1
        finally:
            if starting:
                self._starting.release()
        if self._thread is not None or self._owes():
            self._ask(_Ticket("close"), timeout)
        else:
            self._target.close()

    def __enter__(self) -> Self:
        """Return the sink itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the sink."""
        self.close()

    def hurry(self) -> None:
        """Write now, and from now on as soon as anything is put. May be called by a signal's handler."""
        self._pause = min(self._flush_every, _HURRIED)
        self._early = self._notice_at = 0
        self._inbox.put(None)

    def renew(self) -> None:
        """Begin anew in the child of a fork: what the parent had not written is the parent's to write."""
        self._target.forget()
        self._begin()

    def _owes(self) -> bool:
        return bool(self._queue or self._held or (not self._closed and self.dropped > self._told))

    def _ask(self, ticket: _Ticket, timeout: float) -> bool:
        if self._thread is None:
            self._start()
        if self._thread is None:
            return self._answer_alone(ticket)
        if self._thread is threading.current_thread():
            return False
        self._inbox.put(ticket)
        if self._ended:  # after the last look into the inbox, or before it: then it is answered
            return not self._owes()
        return ticket.answered.wait(timeout) and ticket.well[0]

    def _answer_alone(self, ticket: _Ticket) -> bool:
        """Do in the caller what the thread would do, where there is none."""
        well = self._pass()
        if ticket.kind == "close":
            self._target.close()
        elif ticket.kind == "tidy":
            self._target.hasten()
            while self._step():
                pass
        return well

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        inbox = self._inbox
        waiting: list[_Ticket] = []
        more, due = True, time.monotonic() + self._pause
        while True:
            woken, tickets = _heard(inbox, 0.0 if more else due - time.monotonic())
            if woken or time.monotonic() >= due:
                well = self._pass()
                due = time.monotonic() + self._pause
                if self._asked(tickets, waiting, well=well):
                    return
            more = self._step()
            if not more:
                for ticket in waiting:
                    ticket.answer(well=not self._owes())
                waiting.clear()

    def _asked(self, tickets: list[_Ticket], waiting: list[_Ticket], *, well: bool) -> bool:
        """Answer who asked, after a pass; tell whether the thread is to end."""
        for ticket in tickets:
            if ticket.kind == "flush":
                ticket.answer(well=well)
            elif ticket.kind == "tidy":
                self._target.hasten()
                waiting.append(ticket)
        if not any(ticket.kind == "close" for ticket in tickets):
            return False
        try:
            self._target.close()
        finally:
            self._ended = True
            for ticket in (*tickets, *waiting, *_heard(self._inbox, 0.0)[1]):
                ticket.answer(well=well and ticket.kind != "tidy")
        return True

    def _step(self) -> bool:
        try:
            return self._target.step()
        except BaseException as error:
            if not isinstance(error, Exception) and threading.current_thread() is not self._thread:
                raise
            # The thread goes on, whatever a chore meets.
            self._troubles.warn("request_log_chore_failed", error=type(error).__name__)
            return False

    def _pass(self) -> bool:
        """Send what waits now; tell whether all of it is written."""
        if not self._passing.acquire(blocking=False):
            return False
        try:
            return self._send(len(self._queue))
        except BaseException as error:
            # What a target fails on in a way that it does not know is not tried again: it would fail again.
            self._lost += sum(not isinstance(record, Note) for record in self._held)
            self._held.clear()
            self._troubles.warn("request_log_failed", error=type(error).__name__)
            # The thread goes on, even where a host's own code would end it (SystemExit, say, which only BaseException
            # catches); a caller is to hear of its interruption.
            if not isinstance(error, Exception) and threading.current_thread() is not self._thread:
                raise
            return False
        finally:
            self._passing.release()

    def _send(self, goal: int) -> bool:
        """Send what is held, ``goal`` records of the queue, and a note of what was dropped."""
        self._notice_at = self._early
        noted = False
        while True:
            if not self._held:
                if goal <= 0 and noted:
                    return True
                goal -= self._take(min(goal, BATCH))
                noted = True
                if not self._held:
                    return True
            sent = self._target.send(self._held)
            if sent.done:
                self._told += self._telling
                self._telling = 0
            self._lost += sent.lost
            noted = noted and not sent.lost
            del self._held[: sent.done]
            if sent.trouble is not None or not sent.done:
                self._report(sent.trouble or "nothing was written")
                return False
            if self._in_trouble:
                self._in_trouble = False
                with suppress(Exception):  # a host's logging that fails
                    log().info("request_log_written_again", dropped=self.dropped)

    def _take(self, number: int) -> int:
        self._telling = self.dropped - self._told
        if self._telling:
            self._held.append(Note(int(self._now().timestamp()), "dropped", self._telling))
        self._held.extend(self._queue.popleft() for _ in range(number))
        return number

    def _report(self, trouble: str) -> None:
        # Whoever puts need not wake the thread: the next attempt comes in its time.
        self._notice_at = self._limit
        self._in_trouble = True
        self._troubles.warn("request_log_not_written", error=trouble, waiting=self.waiting, dropped=self.dropped)


def _heard(inbox: SimpleQueue[_Ticket | None], wait: float) -> tuple[bool, list[_Ticket]]:
    """Wait, and return whether anybody said anything, and what was asked."""
    tickets: list[_Ticket] = []
    woken = False
    try:
        said = inbox.get(timeout=wait) if wait > 0 else inbox.get_nowait()
        while True:
            woken = True
            if said is not None:
                tickets.append(said)
            said = inbox.get_nowait()
    except Empty:
        return woken, tickets
