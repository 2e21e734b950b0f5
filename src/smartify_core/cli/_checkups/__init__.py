"""What `smartify doctor` looks at, and what it says of it: one part of the clause after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from smartify_core.cli._policy_of import Opened
from smartify_core.errors import SmartifyError

from . import _breaches as breaches
from . import _lifecycle as lifecycle
from . import _people as people
from . import _protection as protection
from . import _vendors as vendors
from ._checkup import Checkup

__all__ = ["Checkup", "every_checkup"]


def every_checkup(at: Opened, file: Path) -> Iterator[Checkup]:
    """Yield everything that can be told of a configuration and its store.

    What cannot be looked at, because the store or a file is damaged, is not as it should be, and hides nothing else.
    """
    looks: tuple[tuple[str, Callable[[Opened], Iterator[Checkup]]], ...] = (
        ("C1", lifecycle.of_collecting),
        ("C2", lifecycle.of_being_in_step),
        ("C5", lambda _: lifecycle.of_logs(file)),
        ("C8", people.of_purposes),
        ("C9", vendors.of_communications),
        ("C10", protection.of_files),
        ("C10", protection.of_trail),
        ("C10", protection.of_keys),
        ("C10", protection.of_holds),
        ("C10", protection.of_endings),
        ("C11", vendors.of_vendors),
        ("C12", breaches.of_readiness),
        ("C12", breaches.of_incidents),
        ("C14", people.of_people),
        ("C13", people.of_grants),
    )
    for sentence, look in looks:
        yield from _looked(sentence, partial(look, at))


def _looked(sentence: str, look: Callable[[], Iterator[Checkup]]) -> Iterator[Checkup]:
    try:
        yield from look()
    except SmartifyError as error:
        what = f"It cannot be looked at: {error.what} ({error.code})."
        yield Checkup(sentence, enforced=False, what=what, cure=error.cure or "See the reference of errors.")
