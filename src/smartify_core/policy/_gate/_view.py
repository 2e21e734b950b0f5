"""A view of many accounts: page by page, each decided and recorded before it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Final, Self

from attrs import evolve

from smartify_core.errors import PermitSpent
from smartify_core.model import SealedAccount
from smartify_core.policy._access._decision import AccessRequest
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_head_page

from ._disclosed import Disclosed

_PAGE: Final = 100


class View:
    """What `Gate.view` returns: a context manager, within which it is iterated over."""

    def __init__(
        self,
        request: AccessRequest,
        storage: Storage,
        *,
        source_ids: Sequence[str] | None,
        require: Callable[[AccessRequest], object],
        show: Callable[[Sequence[SealedAccount]], Sequence[Disclosed]],
    ) -> None:
        self._request = request
        self._storage = storage
        self._source_ids = source_ids
        self._require = require
        self._show = show
        self._is_open = False

    def __enter__(self) -> Self:
        """Decide for the first time.

        Raises:
            AccessDenied: They may not.
        """
        request = self._request
        if self._source_ids is not None:
            ids = (one.account_id for some in _pages(self._source_ids) for one in self._loaded(some))
            request = evolve(request, subjects=frozenset(ids))
        self._require(request)
        self._is_open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the view: it shows nothing any more."""
        self._is_open = False

    def __iter__(self) -> Iterator[Disclosed]:
        """Yield every live account of the view, in bytewise order of source id, or in the order that was given.

        Raises:
            AccessDenied, PermitSpent, AuditUnavailable: As `of` does.
        """
        if self._source_ids is not None:
            yield from self.of(self._source_ids)
            return
        for page in every_head_page(self._storage, self._request.tenant):
            yield from self.of(page.source_ids)

    def of(self, source_ids: Iterable[str]) -> Iterator[Disclosed]:
        """Yield the live accounts among these people of the directory, in the order given.

        Raises:
            AccessDenied: They may not any more.
            PermitSpent: The view has ended.
            AuditUnavailable: It cannot be recorded now, so nothing more is shown.
        """
        for some in _pages(source_ids):
            if not self._is_open:
                raise PermitSpent("the view has ended", where="View", cure="Use it within its with statement.")
            if accounts := self._loaded(some):
                yield from self._show(accounts)

    def _loaded(self, source_ids: Sequence[str]) -> list[SealedAccount]:
        loaded = self._storage.load(self._request.tenant, source_ids)
        return [loaded[one] for one in source_ids if one in loaded]


def _pages(source_ids: Iterable[str]) -> Iterator[list[str]]:
    page: list[str] = []
    for one in source_ids:
        page.append(one)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page
