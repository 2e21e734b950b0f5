"""Documents read page by page, and what belongs to some of them read in as few steps as the store allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from smartify_core.model import Document
from smartify_core.policy._ledger import LEDGER
from smartify_core.policy._shelf import Shelf
from smartify_core.sealing import Sealer
from smartify_core.storage import KEYS_AT_ONCE, Storage

_Value = TypeVar("_Value")


class Pages(Generic[_Value]):
    """The documents of one kind.

    Args:
        storage: Where they are.
        sealer: What opens them.
        kind: Their kind.
        type_: What each of them holds.
        at_once: How many are read in one step: few of large ones, which are held until the last of a page is opened.
    """

    def __init__(
        self, storage: Storage, sealer: Sealer, kind: str, type_: type[_Value], *, at_once: int = KEYS_AT_ONCE
    ) -> None:
        self._storage = storage
        self._kind = kind
        self._shelf = Shelf(storage, sealer, kind, type_)
        self._at_once = at_once

    def get(self, key: str) -> _Value | None:
        """Return the value under ``key``; ``None`` where there is none. Raises what `Shelf.get` does."""
        return self._shelf.get(key)[0]

    def beginning_with(self, prefix: str) -> Iterator[tuple[str, _Value]]:
        """Yield every key that begins with ``prefix`` and goes on, with its value, in order of key."""
        for page in self._pages(prefix):
            for one in page:
                if not one.key.startswith(prefix):
                    return
                yield one.key, self._shelf.opened(one)

    def pages(self, prefix: str) -> Iterator[dict[str, _Value]]:
        """Yield what `beginning_with` does, page by page. Raises what `Shelf.get` does."""
        for page in self._pages(prefix):
            within = {one.key: self._shelf.opened(one) for one in page if one.key.startswith(prefix)}
            if within:
                yield within
            if len(within) < len(page):
                return

    def between(self, before: str, last: str) -> Iterator[tuple[str, _Value]]:
        """Yield every key beyond ``before``, up to ``last`` and all that begins with it, with its value."""
        for page in self._pages(before):
            for one in page:
                if one.key > last and not one.key.startswith(last):
                    return
                yield one.key, self._shelf.opened(one)

    def _pages(self, after: str) -> Iterator[Sequence[Document]]:
        while page := self._storage.documents(LEDGER, self._kind, after=(self._kind, after), limit=self._at_once):
            yield page
            if len(page) < self._at_once:
                return
            after = page[-1].key
