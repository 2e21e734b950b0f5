"""The part of an account that a comparison needs: one by one, and a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final, Self, overload

from attrs import field, frozen

from smartify_core.errors import UsageError

from ._account import AccountState
from ._identity import InactiveReason

_FINGERPRINT_BYTES: Final = 16


@frozen(order=False)
class Head:
    """The part of an account that a comparison needs; scanning heads opens nothing."""

    source_id: str
    fingerprint: bytes = field(repr=False)
    state: AccountState
    version: int
    inactive_reason: InactiveReason | None = None


@frozen(order=False, eq=False, repr=False)
class HeadPage(Sequence[Head]):
    """A page of heads: a sequence of `Head` whose columns may be read without making a value for each account.

    A comparison of a whole directory reads the columns alone, and most accounts are looked at in no other way. A
    backend that has rows or `Head` values makes a page with `HeadPage.of`; one that can tell a column at once gives
    the columns, and makes heads when somebody asks for one.

    Args:
        source_ids: The accounts' source ids.
        fingerprints: Their fingerprints, 16 bytes each, joined in the same order.
        waiting: Those of the source ids whose reason is ``DELETED``: they wait for the end of their retention.
        make: Makes the heads, in the same order. Called at most once, and perhaps never.

    Raises:
        UsageError: The columns differ in length.
    """

    source_ids: tuple[str, ...]
    fingerprints: bytes
    waiting: tuple[str, ...]
    _make: Callable[[], Sequence[Head]]

    def __attrs_post_init__(self) -> None:
        if len(self.fingerprints) != _FINGERPRINT_BYTES * len(self.source_ids):
            raise UsageError(
                f"a page of {len(self.source_ids)} heads has {len(self.fingerprints)} bytes of fingerprints",
                cure=f"Give {_FINGERPRINT_BYTES} bytes for each head.",
            )

    @classmethod
    def of(cls, heads: Iterable[Head]) -> Self:
        """Return the page of these heads.

        Raises:
            UsageError: A fingerprint has not 16 bytes.
        """
        made = tuple(heads)
        fingerprints = [head.fingerprint for head in made]
        if any(len(one) != _FINGERPRINT_BYTES for one in fingerprints):
            raise UsageError(f"a fingerprint has not {_FINGERPRINT_BYTES} bytes", cure="Give it as it was put.")
        return cls(
            tuple([head.source_id for head in made]),
            b"".join(fingerprints),
            tuple([head.source_id for head in made if head.inactive_reason is InactiveReason.DELETED]),
            lambda: made,
        )

    @cached_property
    def _heads(self) -> Sequence[Head]:
        return self._make()

    def __len__(self) -> int:
        return len(self.source_ids)

    @overload
    def __getitem__(self, at: int) -> Head: ...
    @overload
    def __getitem__(self, at: slice) -> HeadPage: ...
    def __getitem__(self, at: int | slice) -> Head | HeadPage:
        return HeadPage.of(self._heads[at]) if isinstance(at, slice) else self._heads[at]

    def __iter__(self) -> Iterator[Head]:
        return iter(self._heads)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HeadPage):
            return NotImplemented
        # The columns first: they are there, and tell most pages apart.
        return (self.source_ids, self.fingerprints) == (other.source_ids, other.fingerprints) and tuple(self) == tuple(
            other
        )

    def __hash__(self) -> int:
        return hash((self.source_ids, self.fingerprints))

    def __repr__(self) -> str:
        return f"HeadPage.of({list(self)!r})"
