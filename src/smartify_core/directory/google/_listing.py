"""Reading one listing from its first page to its last, through everything that Google's paging is known to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from smartify_core.errors import SourceMalformed, SourceUnavailable

from ._cures import rejected
from ._retry import DeclinedError
from ._verdict import Kind, Trouble, Verdict
from ._wire import GROUPS, Method, read_page

if TYPE_CHECKING:
    from ._transport import Transport

#: How often a listing is begun again after its page token went bad. Tokens live for three days, so that twice is
#: plenty.
MAX_RESTARTS = 3
#: How many pages in a row may hold nothing and yet name a next page.
MAX_EMPTY_PAGES = 100


@frozen(order=False)
class Extent:
    """How much of a listing was read by the pass that reached the end."""

    pages: int
    records: int


#: Before the first page.
NOTHING_READ = Extent(0, 0)


def read_listing(
    transport: Transport,
    method: Method,
    on_page: Callable[[list[Any], int], None],
    *,
    on_restart: Callable[[], None] | None = None,
    doubt_empty: bool = True,
    **parameters: str | None,
) -> Extent:
    """Read every page in order and hand each to ``on_page`` as it comes.

    A page token that Google no longer takes, or one that it has given before, makes the listing begin again at page 1:
    pages of two passes do not fit together. Whoever takes the pages must bear seeing a record twice.

    Args:
        transport: The wire.
        method: Which listing.
        on_page: Given the records of a page and the page's number, from 1.
        on_restart: Told before the listing begins again.
        doubt_empty: Whether a listing that holds nothing at all is asked for once more before it is believed: Google
            has been seen to leave data out of a 200 (the note on ``parse_page_response`` in Firezone's client), and
            such a hiccup would look like everybody leaving a group.
        parameters: What the listing needs besides its fixed parameters.

    Raises:
        DeclinedError: The first page was refused.
        SourceUnavailable: Google takes none of its page tokens.
        SourceMalformed: Google's pages have no end, or more of them than `Limits.listing_pages`.
        SourceError: As `Transport.get` raises them.
    """
    for _ in range(MAX_RESTARTS + 1):
        extent = _read_pass(transport, method, on_page, parameters, doubt_empty=doubt_empty)
        if isinstance(extent, Extent):
            return extent
        last = extent
        if on_restart is not None:
            on_restart()
    if last.kind is Kind.GARBLED:
        raise SourceMalformed(last.text, where=method.name, cure="Try again later; nothing was concluded.")
    raise SourceUnavailable(
        f"the listing was begun {MAX_RESTARTS + 1} times and its page tokens were refused each time ({last.text})",
        where=method.name,
        cure="Try again later; nothing was concluded.",
    )


def _read_pass(
    transport: Transport,
    method: Method,
    on_page: Callable[[list[Any], int], None],
    parameters: dict[str, str | None],
    *,
    doubt_empty: bool,
) -> Extent | Verdict:
    """Read one pass; a verdict in place of an extent says why the listing must begin again."""

    def read(answer: dict[str, Any]) -> tuple[list[Any], str | None]:
        return read_page(answer, method.items)

    token: str | None = None
    given: set[str] = set()
    pages = records = empty = 0
    while True:
        try:
            found, following = transport.get(method, read, pageToken=token, **parameters)
            if doubt_empty and not found and following is None:
                # An empty end is asked for once more: a 200 with its data left out looks the same.
                found, following = transport.get(method, read, pageToken=token, **parameters)
        except DeclinedError as declined:
            # All parameters but the token were accepted on the first page, so that the token is what is invalid.
            if token is not None and declined.verdict.kind is Kind.INVALID:
                return declined.verdict
            raise
        token = following
        pages += 1
        records += len(found)
        on_page(found, pages)
        if token is None:
            return Extent(pages, records)
        if pages >= transport.limits.listing_pages:
            raise SourceMalformed(
                f"the listing goes on after {pages} pages",
                where=method.name,
                cure="Try again later; nothing was concluded. If there really are so many, raise Limits.listing_pages.",
            )
        if token in given:
            return Verdict(Kind.GARBLED, "a page named a next page that had been read already")
        given.add(token)
        empty = 0 if found else empty + 1
        if empty > MAX_EMPTY_PAGES:
            raise SourceMalformed(
                f"more than {MAX_EMPTY_PAGES} pages in a row held nothing",
                where=method.name,
                cure="Try again later; nothing was concluded.",
            )


def refusal(verdict: Verdict, method: Method, customer: str) -> Exception:
    """Return the error for a listing of the whole account that was refused, with the misconfiguration behind it."""
    trouble = verdict.trouble
    if verdict.kind is Kind.INVALID:
        trouble = Trouble.NO_SUBJECT if customer == "my_customer" else Trouble.CUSTOMER_UNKNOWN
    elif verdict.kind is Kind.MISSING:
        trouble = Trouble.CUSTOMER_UNKNOWN
    elif trouble is Trouble.OTHER and method is not GROUPS and "badRequest" in verdict.text:
        trouble = Trouble.NO_SUBJECT
    return rejected(verdict, method.name, trouble)
