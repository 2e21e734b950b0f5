"""Asking Google about one person at a time: is that person no more, or did the listing miss them?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, field

from smartify_core.directory import Gone, Presence, Present, Uncertain
from smartify_core.errors import SourceMalformed, SourceUnavailable
from smartify_core.model import Identity, Membership

from ._crew import Act, Crew
from ._cures import rejected
from ._listing import read_listing, refusal
from ._retry import DeclinedError
from ._verdict import Kind, Trouble
from ._wire import DELETED, USER, UnusableError, askable_id, read_ids, read_person

if TYPE_CHECKING:
    from ._transport import Transport

_IN_DELETED_LIST = Gone("deleted list")
_NOT_FOUND = Gone("read by id: 404")


@define
class Confirmation:
    """Answers for people whom the listing missed. Only a clear yes of Google's own makes a `Gone`."""

    transport: Transport
    crew: Crew
    customer: str
    #: After so many reads in a row that went without an answer, the rest are not tried: Google is out of reach, and
    #: each try costs half a minute.
    silence: int
    _deleted: frozenset[str] | None = field(default=None, init=False)
    _silent: int = field(default=0, init=False)
    _answers: dict[str, Presence] = field(factory=dict, init=False)

    def ask(
        self, source_ids: Sequence[str], memberships_of: Callable[[str], tuple[Membership, ...]]
    ) -> Mapping[str, Presence]:
        """Return an answer for each id.

        Raises:
            SourceError: The account as a whole cannot be asked.
        """
        self._answers = dict.fromkeys(source_ids, Uncertain("not asked"))
        if not self._answers:
            return {}
        if self._deleted is None:
            self.crew.submit(self._read_deleted)
            self.crew.attend()
        deleted = self._deleted or frozenset()
        self._silent = 0
        for source_id in self._answers:
            # Whoever is on the deleted list is asked for as well: a gateway that ignores showDeleted would list the
            # living, and somebody may have been undeleted since the list was read.
            if not askable_id(source_id):
                self._answers[source_id] = Uncertain("not the form of an id of this source")
            else:
                gone = _IN_DELETED_LIST if source_id in deleted else _NOT_FOUND
                self.crew.submit(partial(self._read_one, source_id, memberships_of, gone))
        self.crew.attend()
        return dict(self._answers)

    def _read_deleted(self) -> Act:
        """Read who was deleted lately (Google keeps them for 20 days)."""
        ids: list[str] = []

        def on_page(records: list[Any], _: int) -> None:
            ids.extend(read_ids(records))

        try:
            read_listing(
                self.transport, DELETED, on_page, doubt_empty=False, on_restart=ids.clear, customer=self.customer
            )
        except DeclinedError as declined:
            raise refusal(declined.verdict, DELETED, self.customer) from None
        return partial(self._keep_deleted, frozenset(ids))

    def _keep_deleted(self, ids: frozenset[str]) -> None:
        self._deleted = ids

    def _read_one(self, source_id: str, memberships_of: Callable[[str], tuple[Membership, ...]], gone: Gone) -> Act:
        if self._silent >= self.silence:
            return partial(self._answer, source_id, Uncertain("Google had stopped answering"), silent=True)
        try:
            answer = self.transport.get(USER, dict, userKey=source_id)
        except DeclinedError as declined:
            verdict = declined.verdict
            if verdict.trouble in {Trouble.SCOPE_MISSING, Trouble.API_DISABLED}:
                raise rejected(verdict, USER.name) from None
            missing = verdict.kind is Kind.MISSING
            return partial(self._answer, source_id, gone if missing else Uncertain(f"{USER.name}: {verdict.text}"))
        except (SourceUnavailable, SourceMalformed) as failed:
            return partial(self._answer, source_id, Uncertain(f"{failed.code} {failed.what}"), silent=True)
        return partial(self._answer, source_id, _understand(answer, source_id, memberships_of))

    def _answer(self, source_id: str, presence: Presence, *, silent: bool = False) -> None:
        self._answers[source_id] = presence
        self._silent = self._silent + 1 if silent else 0


def _understand(
    answer: dict[str, Any], source_id: str, memberships_of: Callable[[str], tuple[Membership, ...]]
) -> Presence:
    if answer.get("id") != source_id:
        return Uncertain(f"{USER.name}: the answer is about another id")
    try:
        email, given_name, family_name, reason = read_person(answer)
    except UnusableError as unusable:
        return Uncertain(f"{USER.name}: {unusable}")
    return Present(Identity(source_id, email, given_name, family_name, reason, memberships_of(source_id)))
