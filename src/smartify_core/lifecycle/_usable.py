"""Whether a person can be what a source says: no source is believed to yield only what it should. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, Protocol

from smartify_core.directory import is_address
from smartify_core.errors import UsageError
from smartify_core.model import Identity
from smartify_core.storage.checks import LONGEST_ID, check_text

from ._plan import Quarantined
from ._sorting import BLOCK

#: An id is kept and logged in the open: an address for an id would be a name in the open.
_NO_ID: Final = (
    "the id is empty, too long, holds an @ or is no text: it cannot be kept, so it stands here as a keyed hash"
)

_LONGEST_NAME: Final = 1_000
#: 64 for the local part, the @, and 255 for the domain (RFC 5321, 4.5.3.1).
_LONGEST_ADDRESS: Final = 320
_MOST_MEMBERSHIPS: Final = 10_000


def is_id(text: str) -> bool:
    """Return whether ``text`` may be kept as the id of a person or group."""
    if not text or "@" in text:
        return False
    if len(text) <= LONGEST_ID // 2 and text.isascii():
        return True
    try:
        check_text(text)
    except UsageError:
        return False
    return True


#: The same, of ids that come again with every member of a group.
_is_group_id: Final = lru_cache(1 << 14)(is_id)


def require_id(source_id: str, *, tenant: str) -> None:
    """Refuse an id that cannot be kept, without quoting it.

    Raises:
        UsageError: It is empty, too long, holds an @ or half a surrogate pair.
    """
    if not is_id(source_id):
        raise UsageError(
            "this is no source id: it is empty, too long, holds an @ or half a surrogate pair",
            where=f"tenant {tenant}",
            cure="Give the directory's immutable id of the person, never an address.",
        )


def why_unusable(identity: Identity) -> str | None:
    """Return what is wrong with a person, beside their id and without quoting it; ``None`` where nothing is."""
    if len(identity.email) > _LONGEST_ADDRESS or not is_address(identity.email):
        return "the email is missing, too long or no address"
    for part in (identity.given_name, identity.family_name):
        if len(part) > _LONGEST_NAME:
            return f"a name has more than {_LONGEST_NAME} characters"
        if not part.isascii() and not _is_text(part):
            return "a name holds half a surrogate pair, which is no text"
    if len(identity.memberships) > _MOST_MEMBERSHIPS:
        return f"there are more than {_MOST_MEMBERSHIPS} memberships"
    if not all(map(_is_group_id, [membership.group.id for membership in identity.memberships])):
        return "the id of a group is empty, too long, holds an @ or is no text"
    return None


class Listed(Protocol):
    """What yields people one by one: a snapshot."""

    def identities(self) -> Iterator[Identity]:
        """Yield everybody."""


class Sieve:
    """Lets through whom a source yields under an id that can be kept, and remembers that there were others.

    Args:
        source: What yields people.
        harmless: Takes an id that cannot be kept to a keyed hash of it.
    """

    def __init__(self, source: Listed, harmless: Callable[[str], str]) -> None:
        self._source = source
        self._harmless = harmless
        self._refused: set[str] = set()

    def blocks(self) -> Iterator[tuple[Sequence[Identity], Sequence[str]]]:
        """Yield the people whose ids can be kept, block by block, with their ids. See `People`."""
        people = iter(self._source.identities())
        while some := list(islice(people, BLOCK)):
            ids = [one.source_id for one in some]
            # All at once first: this is asked of everybody at every run.
            if not _all_plain(ids):
                self._refused.update(source_id for source_id in ids if not is_id(source_id))
                some = [one for one in some if one.source_id not in self._refused]
                ids = [one.source_id for one in some]
            if some:
                yield some, ids

    def quarantined(self, source_id: str, reason: str) -> Quarantined:
        """Return the record of ``source_id`` set aside, under a keyed hash where the id cannot be kept."""
        return Quarantined(source_id if is_id(source_id) else f"unusable-{self._harmless(source_id)}", reason)

    @property
    def refused(self) -> frozenset[str]:
        """Return the ids, as the source gave them, that were not let through so far."""
        return frozenset(self._refused)

    @property
    def set_aside(self) -> list[Quarantined]:
        """Return one record for each of them."""
        return [self.quarantined(source_id, _NO_ID) for source_id in self._refused]


def _all_plain(ids: Sequence[str]) -> bool:
    """Return whether none of these ids has anything that `is_id` would have to look at."""
    try:
        text = "".join(ids)
    except TypeError:  # one of them is no text
        return False
    return "@" not in text and text.isascii() and all(ids) and max(map(len, ids)) <= LONGEST_ID // 2


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
