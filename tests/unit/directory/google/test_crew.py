"""The threads that ask, and the owner who thinks."""

from __future__ import annotations

import threading

import pytest

from smartify_core.directory.google._crew import Act, Crew
from smartify_core.directory.google._retry import ClosingError


def nothing() -> None:
    """Do nothing."""


def test_acts_run_in_the_owners_thread_and_may_submit_more() -> None:
    """Attending ends when every task, and every task that an act submitted, is done."""
    left: list[str] = []
    crew = Crew(3, "test-crew", lambda: left.append(threading.current_thread().name))
    seen: list[tuple[int, bool]] = []

    def task(depth: int) -> Act:
        def act() -> None:
            seen.append((depth, threading.current_thread() is threading.main_thread()))
            if depth < 3:
                crew.submit(lambda: task(depth + 1))
                crew.submit(lambda: task(depth + 1))

        return act

    crew.submit(lambda: task(0))
    crew.attend()
    crew.dismiss(30.0)
    assert sorted(seen) == sorted((depth, True) for depth in range(4) for _ in range(2**depth))
    assert set(left) <= {"test-crew-1", "test-crew-2", "test-crew-3"}
    assert left


def test_a_task_posts_while_it_works() -> None:
    """What is posted comes before what the task answers with."""
    crew = Crew(1, "test-crew", nothing)
    told: list[str] = []

    def task() -> Act:
        crew.post(lambda: told.append("half"))
        return lambda: told.append("whole")

    crew.submit(task)
    crew.attend()
    crew.dismiss(30.0)
    assert told == ["half", "whole"]


def test_what_a_task_raises_is_raised_to_the_owner() -> None:
    """The owner sees the error itself, and can dismiss the rest."""
    crew = Crew(2, "test-crew", nothing)

    def task() -> Act:
        raise LookupError("broken")

    crew.submit(task)
    with pytest.raises(LookupError, match="broken"):
        crew.attend()
    crew.dismiss(30.0)


def test_dismissal_wakes_an_owner_whose_tasks_never_began() -> None:
    """Tasks that wait behind a long one are dropped; the owner does not wait for them for ever."""
    crew = Crew(1, "test-crew", nothing)
    begun, go_on = threading.Event(), threading.Event()

    def long_task() -> Act:
        begun.set()
        go_on.wait()
        return nothing

    crew.submit(long_task)
    crew.submit(long_task)

    def dismiss() -> None:
        begun.wait()
        crew.dismiss(0.0)

    closer = threading.Thread(target=dismiss)
    closer.start()
    with pytest.raises(ClosingError):
        crew.attend()
    closer.join()
    go_on.set()
    crew.dismiss(30.0)


def test_a_crew_whose_thread_never_started_is_dismissed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that arrives while a thread is being started is not hidden by sending the crew home."""

    def interrupted(thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    crew = Crew(1, "test-crew", nothing)
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        crew.submit(lambda: nothing)
    crew.dismiss(30.0)
    with pytest.raises(ClosingError):
        crew.attend()
