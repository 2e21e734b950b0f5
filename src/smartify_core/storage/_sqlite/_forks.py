"""A fork happens while no connection of this process is at work, or open.

SQLite keeps in a process's memory which locks on a file the process holds. A child inherits that memory and none of the
locks. Had a thread of the parent been writing, the child would wait for a writer that it does not have, and for ever.
Had the parent only had the file open, others would take the child's own connections for none at all, and remove the log
under them (https://www.sqlite.org/howtocorrupt.html, section 2.6). So whoever forks waits until nobody works, and
closes what is open. Both sides open anew what they need.

A backup and a check are not waited for: they take minutes. Nor is a fork known of here that Python does not make.
"""

from __future__ import annotations

import os
from threading import Condition, get_ident
from types import TracebackType
from typing import Final, Protocol
from weakref import WeakSet

#: For how many seconds a fork waits for threads that are at work. Then it happens all the same.
PATIENCE: Final = 5.0


class Forkable(Protocol):
    """What keeps connections open while nobody works with them."""

    def let_go(self) -> None:
        """Close them. Nobody works with any store of this process meanwhile."""

    def leave_parent(self) -> None:
        """Begin anew in a child."""


class Gate:
    """Where every thread passes that works with a store; closed while a thread forks. Entered with ``with``.

    A thread that is inside may enter again.
    """

    def __init__(self) -> None:
        self._turn = Condition()
        #: The threads that are inside, each as often as it entered.
        self._inside: list[int] = []
        #: The thread that forks.
        self._forking: int | None = None
        self._stores: WeakSet[Forkable] = WeakSet()

    def __enter__(self) -> None:
        """Go in, as soon as nobody forks."""
        me = get_ident()
        with self._turn:
            # Whoever is inside is waited for, and must be able to finish.
            while self._forking not in {None, me} and me not in self._inside:
                self._turn.wait()
            self._inside.append(me)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Go out."""
        with self._turn:
            self._inside.remove(get_ident())
            if self._forking is not None:
                self._turn.notify_all()

    def admit(self, store: Forkable) -> None:
        """Have the connections of ``store`` closed before each fork, for as long as somebody else keeps it."""
        self._stores.add(store)

    def before_fork(self) -> None:
        """Wait until no other thread is inside, and close every connection."""
        me = get_ident()
        # Kept until after the fork, so that the child finds it in the hands of its only thread.
        self._turn.acquire()
        while self._forking is not None:
            self._turn.wait()
        self._forking = me
        self._turn.wait_for(lambda: self._inside.count(me) == len(self._inside), timeout=PATIENCE)
        if not self._inside:
            for store in list(self._stores):
                store.let_go()

    def after_in_parent(self) -> None:
        """Let everybody in again."""
        self._forking = None
        self._turn.notify_all()
        self._turn.release()

    def after_in_child(self) -> None:
        """Forget the parent's threads."""
        me = get_ident()
        self._inside = [one for one in self._inside if one == me]
        self._forking = None
        self._turn.release()
        self._turn = Condition()
        for store in list(self._stores):
            store.leave_parent()


#: The one of this process.
GATE: Final = Gate()

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=GATE.before_fork, after_in_parent=GATE.after_in_parent, after_in_child=GATE.after_in_child
    )
