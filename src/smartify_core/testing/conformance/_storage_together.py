"""Several at once, for the storage kit: workers that do something at the same moment, in threads and in processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from smartify_core.storage import Storage

from ._storage_children import Work, crew, start_methods
from ._storage_values import in_threads
from ._storage_world import StorageCapability, StorageWorld

#: How many workers there are.
WORKERS: Final = 4
#: Has every worker do something at the same moment, and returns what each answered.
Together = Callable[..., list[Any]]


@contextmanager
def workers(world: StorageWorld) -> Iterator[dict[str, Together]]:
    """Yield the ways of being several, by name: threads on one handle, on several, and processes where promised."""
    shared = world.handle()
    ways = {
        "threads": _threads([shared] * WORKERS),
        "handles": _threads([world.handle() for _ in range(WORKERS)]),
    }
    with ExitStack() as stack:
        if StorageCapability.MULTI_PROCESS in world.capabilities:
            ways["processes"] = stack.enter_context(crew(world.opener(), WORKERS, start_methods()[0]))
        yield ways


def _threads(handles: list[Storage]) -> Together:
    """Return what has threads work at the same moment, each on its handle; what one raises fails the clause."""

    def together(work: Work, *about: object) -> list[Any]:
        answers: list[Any] = [None] * len(handles)

        def run(place: int) -> None:
            answers[place] = work(handles[place], place, *about)

        for error in in_threads(len(handles), run):
            raise error
        return answers

    return together
