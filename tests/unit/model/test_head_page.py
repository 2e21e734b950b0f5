from __future__ import annotations

from collections.abc import Sequence

import pytest

from smartify_core.errors import UsageError
from smartify_core.model import AccountState, Head, HeadPage, InactiveReason

ADA = Head("ada", b"a" * 16, AccountState.ACTIVE, 1)
BOB = Head("bob", b"b" * 16, AccountState.INACTIVE, 7, InactiveReason.DELETED)
CYD = Head("cyd", b"c" * 16, AccountState.INACTIVE, 2, InactiveReason.SUSPENDED)


def test_a_page_is_the_sequence_of_its_heads() -> None:
    """It is iterated over, indexed from both ends, cut and searched like any sequence; a cut is a page again."""
    page = HeadPage.of(iter([ADA, BOB, CYD]))
    assert list(page) == [page[0], page[1], page[-1]] == [ADA, BOB, CYD]
    assert len(page) == 3
    assert BOB in page
    assert page[1:] == HeadPage.of([BOB, CYD])
    assert not HeadPage.of(())


def test_the_columns_of_a_page_say_what_its_heads_say() -> None:
    """Ids, joined fingerprints, and who waits for the end of their retention: the deleted, not the suspended."""
    page = HeadPage.of([ADA, BOB, CYD])
    assert page.source_ids == ("ada", "bob", "cyd")
    assert page.fingerprints == ADA.fingerprint + BOB.fingerprint + CYD.fingerprint
    assert page.waiting == ("bob",)


def test_heads_are_made_once_and_only_when_somebody_looks() -> None:
    """Whoever reads columns alone makes no head; whoever looks at heads again and again makes them once."""
    made: list[str] = []

    def make() -> Sequence[Head]:
        made.append("made")
        return [ADA]

    page = HeadPage(("ada",), ADA.fingerprint, (), make)
    assert (len(page), page.source_ids, made) == (1, ("ada",), [])
    assert [*page, page[0]] == [ADA, ADA]
    assert made == ["made"]


def test_pages_are_equal_by_content() -> None:
    """However they were made; any difference in a head tells them apart, and a list is no page."""
    page = HeadPage.of([ADA])
    same = HeadPage(("ada",), ADA.fingerprint, (), lambda: [ADA])
    later = HeadPage.of([Head("ada", ADA.fingerprint, AccountState.ACTIVE, 2)])
    assert page == same
    assert hash(page) == hash(same)
    assert page != later
    assert page != [ADA]


def test_a_page_shows_no_fingerprint() -> None:
    """As a head does not: what is logged tells ids, states and versions."""
    assert repr(HeadPage.of([BOB])) == f"HeadPage.of([{BOB!r}])"


@pytest.mark.parametrize("lengths", [(15, 17), (16, 0)])
def test_a_fingerprint_of_another_length_is_refused(lengths: tuple[int, int]) -> None:
    """It would move those of all who follow: a page of heads and one of columns are both refused."""
    heads = [Head(str(one), bytes(one), AccountState.ACTIVE, 1) for one in lengths]
    with pytest.raises(UsageError, match="16 bytes"):
        HeadPage.of(heads)
    with pytest.raises(UsageError, match="bytes of fingerprints"):
        HeadPage(("a", "b"), bytes(17), (), list)
