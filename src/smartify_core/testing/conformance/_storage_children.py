"""Child processes of the storage kit: they open the same store, and do at once, or step by step, as they are told."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, Final

import pytest

from smartify_core.storage import Storage

#: Seconds after which a child that says nothing is taken to hang. No clause waits for it when all is well.
PATIENCE: Final = 120.0
#: What a child does with the store, given its place among the others and what else it is to know.
Work = Callable[..., Any]


def start_methods() -> list[str]:
    """Return the ways of starting a child to be tried: one that shares nothing with us, and a fork where that is safe.

    A fork copies one thread and the locks of all, so it is left out where there are several.
    """
    known = multiprocessing.get_all_start_methods()
    clean = "forkserver" if "forkserver" in known else "spawn"
    return [clean, "fork"] if "fork" in known and threading.active_count() == 1 else [clean]


@contextmanager
def crew(opener: Callable[[], Storage], number: int, method: str) -> Iterator[Callable[..., list[Any]]]:
    """Start so many children, and yield a function that has them all do something at the same moment.

    It returns what each answered, in order of place. What one raises fails the clause.
    """
    context = _context(method)
    gate = context.Barrier(number)
    pipes: list[Connection] = []
    children = []
    for place in range(number):
        ours, theirs = context.Pipe()
        child = context.Process(target=_member, args=(opener, theirs, gate, place), daemon=True)
        with warnings.catch_warnings():
            # Of threads that a driver may have started for itself; our child never waits for one of them.
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        theirs.close()
        pipes.append(ours)
        children.append(child)

    def together(work: Work, *about: object) -> list[Any]:
        for pipe in pipes:
            pipe.send((work, about))
        return [hear(pipe) for pipe in pipes]

    try:
        yield together
        for pipe, child in zip(pipes, children, strict=True):
            pipe.send(None)
            child.join(PATIENCE)
    finally:
        for pipe, child in zip(pipes, children, strict=True):
            pipe.close()
            child.kill()
            child.join()
            child.close()


class Doomed:
    """A child that takes steps, asks before and after each whether it may go on, and is killed some time.

    Args:
        opener: What it opens the store with.
        step: What a step does, given the store, what the step before returned, and how many steps went before.
    """

    def __init__(self, opener: Callable[[], Storage], step: Work) -> None:
        context = _context(start_methods()[0])
        self._pipe, theirs = context.Pipe()
        self._child = context.Process(target=_walk, args=(opener, theirs, step), daemon=True)
        self._child.start()
        theirs.close()
        #: How many steps it said it had done.
        self.steps = 0
        self._hear()

    def go_on(self, times: int = 1) -> None:
        """Let the child go on to the next border of a step, so many times."""
        for _ in range(times):
            self._pipe.send("go on")
            self._hear()

    def go_on_for(self, seconds: float) -> None:
        """Let the child go on, and return when it has reached the next border or so much time has passed."""
        self._pipe.send("go on")
        self._pipe.poll(seconds)

    def has_spoken(self) -> bool:
        """Tell whether the child has reached the next border, or has ended."""
        return bool(self._pipe.poll())

    def kill(self) -> None:
        """Kill the child as an operating system does, and take note of what it said before."""
        self._child.kill()
        self._child.join()
        self._child.close()
        with suppress(EOFError, ConnectionError):
            while True:
                said = self._pipe.recv()
                if isinstance(said, BaseException):
                    raise said
                self.steps = said
        self._pipe.close()

    def _hear(self) -> None:
        self.steps = hear(self._pipe)


def hear(pipe: Connection) -> Any:  # noqa: ANN401 - whatever the work returns
    """Return what a child says; an error that it raised fails the clause."""
    if not pipe.poll(PATIENCE):
        pytest.fail(f"a child process said nothing for {PATIENCE:.0f} s")
    try:
        said = pipe.recv()
    except (EOFError, OSError):
        pytest.fail("a child process ended without a word: does it find what `opener` returns?")
    if isinstance(said, BaseException):
        raise said
    return said


# --- in the child -----------------------------------------------------------------------------------------------------


def _member(opener: Callable[[], Storage], pipe: Connection, gate: Any, place: int) -> None:  # noqa: ANN401 - a proxy
    try:
        with opener() as storage:
            while (order := pipe.recv()) is not None:
                work, about = order
                gate.wait(PATIENCE)
                pipe.send(work(storage, place, *about))
    except EOFError:
        pass
    except BaseException as error:  # noqa: BLE001 - told to the parent, which fails the clause with it
        _tell(pipe, error)


def _walk(opener: Callable[[], Storage], pipe: Connection, step: Work) -> None:
    try:
        storage, carried = opener(), None
        for steps in itertools.count():
            pipe.send(steps)  # before the step
            pipe.recv()
            carried = step(storage, carried, steps)
            pipe.send(steps + 1)  # after it
            pipe.recv()
    except EOFError:
        pass
    except BaseException as error:  # noqa: BLE001 - as above
        _tell(pipe, error)


def _tell(pipe: Connection, error: BaseException) -> None:
    with suppress(OSError):
        try:
            pipe.send(error)
        except Exception:  # noqa: BLE001 - not everything that is raised can be pickled
            pipe.send(RuntimeError(f"{type(error).__name__} in child process {os.getpid()}"))


def _context(method: str) -> Any:  # noqa: ANN401 - only the kinds of a context say that it has a Process
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        # Its children are forks of a clean process that has this module already: a few milliseconds each.
        context.set_forkserver_preload([__name__])
    return context
