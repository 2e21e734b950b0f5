"""Asking Google about one person at a time: are they there, and if not, does Google say that they are no more?"""

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

#: Gives the memberships that the read at hand saw for a person; ``None`` where there is no read.
MembershipsOf = Callable[[str], tuple[Membership, ...]] | None

_IN_DELETED_LIST = Gone("deleted list")
_NOT_FOUND = Gone("read by id: 404")


@define
class Confirmation:
    """Answers for single people. Only a clear yes of Google's own makes a `Gone`."""

    transport: Transport
    crew: Crew
    customer: str
    #: After so many reads in a row that went without an answer, the rest are not tried: Google is out of reach, and
    #: each try costs half a minute.
    silence: int
    _deleted: frozenset[str] | None = field(default=None, init=False)
    _silent: int = field(default=0, init=False)
    _answers: dict[str, Presence] = field(factory=dict, init=False)
    #: Whose questions Google never answered, and the failure of the latest of them.
    _unreached: set[str] = field(factory=set, init=False)
    _unreachable: SourceUnavailable | None = field(default=None, init=False)

    def ask(
        self, source_ids: Sequence[str], memberships_of: Callable[[str], tuple[Membership, ...]]
    ) -> Mapping[str, Presence]:
        """Return an answer for each id that a listing missed: most of them are gone, so the deleted list comes first.

        Raises:
            SourceError: The account as a whole cannot be asked.
        """
        if source_ids:
            self._know_deleted()
        return self._read_each(source_ids, memberships_of)

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Return an answer for each id apart from every listing: most of them are there, and cost one request.

        Nobody's groups are read: which groups a person is in by nesting, or with the whole customer, cannot be asked
        for one person completely.

        Raises:
            SourceError: The account as a whole cannot be asked, or Google answered about nobody.
        """
        answers = dict(self._read_each(source_ids, None))
        if self._unreachable is not None and self._unreached == answers.keys():
            raise self._unreachable
        gone = [source_id for source_id, answer in answers.items() if isinstance(answer, Gone)]
        if gone:
            deleted = self._know_deleted()
            answers.update((source_id, _IN_DELETED_LIST) for source_id in gone if source_id in deleted)
        return answers

    def _read_each(self, source_ids: Sequence[str], memberships_of: MembershipsOf) -> Mapping[str, Presence]:
        self._answers = dict.fromkeys(source_ids, Uncertain("not asked"))
        deleted = self._deleted or frozenset()
        self._silent = 0
        self._unreached, self._unreachable = set(), None
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

    def _know_deleted(self) -> frozenset[str]:
        """Return who was deleted lately; the list is read once."""
        if self._deleted is None:
            self.crew.submit(self._read_deleted)
            self.crew.attend()
        return self._deleted or frozenset()

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

    def _read_one(self, source_id: str, memberships_of: MembershipsOf, gone: Gone) -> Act:
        if self._silent >= self.silence:
            return partial(self._not_reached, source_id, "Google had stopped answering")
        try:
            answer = self.transport.get(USER, dict, userKey=source_id)
        except DeclinedError as declined:
            verdict = declined.verdict
            if verdict.trouble in {Trouble.SCOPE_MISSING, Trouble.API_DISABLED}:
                raise rejected(verdict, USER.name) from None
            missing = verdict.kind is Kind.MISSING
            return partial(self._answer, source_id, gone if missing else Uncertain(f"{USER.name}: {verdict.text}"))
        except SourceUnavailable as failed:
            return partial(self._not_reached, source_id, f"{failed.code} {failed.what}", failed)
        except SourceMalformed as failed:
            return partial(self._answer, source_id, Uncertain(f"{failed.code} {failed.what}"), silent=True)
        return partial(self._answer, source_id, _understand(answer, source_id, memberships_of))

    def _not_reached(self, source_id: str, reason: str, failed: SourceUnavailable | None = None) -> None:
        self._unreached.add(source_id)
        self._unreachable = failed or self._unreachable
        self._answer(source_id, Uncertain(reason), silent=True)

    def _answer(self, source_id: str, presence: Presence, *, silent: bool = False) -> None:
        self._answers[source_id] = presence
        self._silent = self._silent + 1 if silent else 0


def _understand(answer: dict[str, Any], source_id: str, memberships_of: MembershipsOf) -> Presence:
    if answer.get("id") != source_id:
        return Uncertain(f"{USER.name}: the answer is about another id")
    try:
        email, given_name, family_name, reason = read_person(answer)
    except UnusableError as unusable:
        return Uncertain(f"{USER.name}: {unusable}")
    if memberships_of is None:
        return Present(Identity(source_id, email, given_name, family_name, reason), memberships_read=False)
    return Present(Identity(source_id, email, given_name, family_name, reason, memberships_of(source_id)))
