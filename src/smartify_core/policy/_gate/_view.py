"""A view of many accounts: page by page, each decided and recorded before it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Final, Self

from attrs import evolve

from smartify_core.errors import PermitSpent, UsageError
from smartify_core.model import SealedAccount
from smartify_core.policy._access._decision import AccessRequest, Decision
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
        require: Callable[[AccessRequest], Decision],
        show: Callable[[Sequence[SealedAccount]], Sequence[Disclosed]],
    ) -> None:
        self._request = request
        self._storage = storage
        self._source_ids = source_ids
        self._require = require
        self._show = show
        self._is_open = False
        self._is_pseudonymous = False

    def __enter__(self) -> Self:
        """Decide for the first time.

        Raises:
            AccessDenied: They may not.
        """
        request = self._request
        if self._source_ids is not None:
            ids = (one.account_id for some in _pages(self._source_ids) for one in self._loaded(some))
            request = evolve(request, subjects=frozenset(ids))
        decision = self._require(request)
        if decision.pseudonymous and self._source_ids is not None:
            raise named_by_pseudonym("Gate.view")
        self._is_pseudonymous = decision.pseudonymous
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
            yield from self._yielded(self._source_ids)
            return
        for page in every_head_page(self._storage, self._request.tenant):
            yield from self._yielded(page.source_ids)

    def of(self, source_ids: Iterable[str]) -> Iterator[Disclosed]:
        """Yield the live accounts among these people of the directory, in the order given.

        Of a view that was asked for by ids it yields none but those.

        Raises:
            AccessDenied: They may not any more.
            PermitSpent: The view has ended.
            AuditUnavailable: It cannot be recorded now, so nothing more is shown.
            UsageError: Only pseudonyms may be shown, of which nobody is told whose they are.
        """
        if self._is_pseudonymous:
            raise named_by_pseudonym("View.of")
        if self._source_ids is not None:
            chosen = frozenset(self._source_ids)
            source_ids = (one for one in source_ids if one in chosen)
        yield from self._yielded(source_ids)

    def _yielded(self, source_ids: Iterable[str]) -> Iterator[Disclosed]:
        for some in _pages(source_ids):
            if not self._is_open:
                raise _ended()
            for one in self._show(accounts) if (accounts := self._loaded(some)) else ():
                if not self._is_open:
                    raise _ended()
                yield one

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


def _ended() -> PermitSpent:
    return PermitSpent("the view has ended", where="View", cure="Use it within its with statement.")


def named_by_pseudonym(where: str) -> UsageError:
    """Return what is raised where somebody is named whose pseudonym alone may be shown."""
    return UsageError(
        "whoever is named has no pseudonym: it would be told whose it is",
        where=where,
        cure="Use a view of everybody, or a grant that shows names.",
    )
