"""Broken builds of keeping conversations, each with the named test that notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.communications import test_communications as said

from smartify_core.model import AccountState
from smartify_core.policy import Disclosed, Gate
from smartify_core.policy._legal_holds import LegalHolds
from smartify_core.policy._subject_keys import SubjectKeys
from smartify_core.policy.audit import Trail
from smartify_core.policy.communications import CommunicationRules, Communications, _communications
from smartify_core.policy.communications._filed import Filed
from smartify_core.storage import Storage

Patch = pytest.MonkeyPatch


def off_keeps_on(patch: Patch) -> None:
    """Keep whatever the rules say."""
    keep = Communications.keep

    def keep_always(self: Communications, *arguments: Any, **options: Any) -> str:
        self._rules = evolve(self._rules, keep=True)
        return keep(self, *arguments, **options)

    patch.setattr(Communications, "keep", keep_always)


def one_instant_late(patch: Patch) -> None:
    """Let a text stand at its last instant, too."""
    now, keep = Trail.now, Communications.keep

    def keep_as_ever(self: Communications, *arguments: Any, **options: Any) -> str:
        with pytest.MonkeyPatch.context() as sound:
            sound.setattr(Trail, "now", now)
            return keep(self, *arguments, **options)

    patch.setattr(Communications, "keep", keep_as_ever)
    patch.setattr(Trail, "now", lambda self: now(self) - timedelta(microseconds=1))


def no_gate(patch: Patch) -> None:
    """Read without asking whether somebody may."""

    def open_(self: Any, _: str, *, tenant: str, source_id: str, **__: Any) -> Disclosed:
        account = self._storage.load(tenant, [source_id]).get(source_id)
        return Disclosed(tenant, source_id, account.account_id if account else "", AccountState.ACTIVE)

    patch.setattr(Gate, "open", open_)


def an_end_that_moves(patch: Patch) -> None:
    """Bind a text to its place only."""
    patch.setattr(_communications, "_sealed_for", lambda key, _: key)


def orphans_stay(patch: Patch) -> None:
    """Take everybody for live when sweeping."""

    class Anybody(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return _Same()

    patch.setattr(Filed, "live", lambda *_: Anybody())


class _Same:
    """Equal to every account id."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def open_texts(patch: Patch) -> None:
    """Keep texts as they are, under no key of their person."""
    patch.setattr(SubjectKeys, "seal", lambda *arguments: arguments[-1])
    patch.setattr(SubjectKeys, "open", lambda *arguments: arguments[-1])


def wishes_are_forgotten(patch: Patch) -> None:
    """Ask nobody whether they want it."""
    patch.setattr(Communications, "is_opted_out", lambda *_: False)


def holds_are_ignored(patch: Patch) -> None:
    """Remove what a legal hold stands over."""
    patch.setattr(LegalHolds, "is_held", lambda *_: False)


MUTANTS: list[tuple[Callable[[Patch], None], Callable[[said.Desk], None]]] = [
    (off_keeps_on, lambda desk: said.test_off_means_off(desk, CommunicationRules())),
    (one_instant_late, said.test_a_text_ends_at_its_instant),
    (no_gate, said.test_nobody_reads_for_another_purpose),
    (no_gate, said.test_a_grant_for_fields_of_accounts_opens_no_text),
    (an_end_that_moves, said.test_nobody_moves_the_end_of_a_text),
    (orphans_stay, said.test_texts_go_with_the_person),
    (open_texts, said.test_texts_go_with_the_person),
    (wishes_are_forgotten, said.test_a_person_may_opt_out),
    (holds_are_ignored, said.test_a_legal_hold_keeps_what_it_stands_over),
]
NAMES = [f"{number}-{one.__name__}" for number, (one, _) in enumerate(MUTANTS)]


@pytest.fixture
def broken() -> Iterator[Patch]:
    """Return what breaks the build, and mends it afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.mark.parametrize(("mutant", "check"), MUTANTS, ids=NAMES)
def test_a_broken_build_is_noticed(
    broken: Patch, sqlite_store: Storage, mutant: Callable[[Patch], None], check: Callable[[said.Desk], None]
) -> None:
    """The named test passes in a sound build, as the run of its own file shows, and fails in the broken one."""
    desk = said.Desk(sqlite_store)
    mutant(broken)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check(desk)
