from __future__ import annotations

from typing import Any

from tests.unit.requestlog.analysis._written import DAY, MONDAY, event, from_networks
from tests.unit.requestlog.analysis.conftest import Directory

TUESDAY, WEDNESDAY = MONDAY + DAY, MONDAY + 2 * DAY


def test_a_value_of_too_few_networks_is_folded(directory: Directory) -> None:
    """Rare values become one row behind the others, with their sum; the answer says how many requests that hides."""
    directory.write(
        *from_networks(5, browser="Chrome"),
        *(event(browser="Safari") for _ in range(50)),
        *from_networks(4, browser="Opera"),
    )
    answer = directory.open().ask("browsers")
    assert (answer.rows, answer.folded) == ((("Chrome", 5), ("(few)", 54)), 54)
    assert "fewer than 5 networks" in answer.floor


def test_the_floor_is_the_caller_s(directory: Directory) -> None:
    """With k = 1 every value is told and the answer says so; with a higher k fewer are."""
    directory.write(*from_networks(3, browser="Chrome"), *from_networks(4, browser="Edge"), *from_networks(2))
    assert directory.rows("browsers", k=3) == [("Edge", 4), ("(few)", 5)]
    answer = directory.open(k=1).ask("browsers")
    assert (answer.rows, answer.folded) == ((("Edge", 4), ("Chrome", 3), ("Firefox", 2)), 0)
    assert "No floor was asked for" in answer.floor


def test_what_the_application_did_has_no_floor(directory: Directory) -> None:
    """Features, statuses and errors are told however rare they are."""
    directory.write(event(status=500, error="ValueError"))
    log = directory.open()
    assert log.ask("features").rows[0][:2] == ("/orders/{id}", 1)
    assert log.ask("errors").folded == 0
    assert log.ask("statuses").floor.startswith("No floor")


def test_where_one_value_would_be_folded_the_next_smallest_is_too(directory: Directory) -> None:
    """A single hidden value would be the difference of the others and the sum."""
    directory.write(
        *from_networks(9, browser="Chrome"), *from_networks(6, browser="Edge"), *from_networks(1, browser="Opera")
    )
    assert directory.rows("browsers") == [("Chrome", 9), ("(few)", 7)]


def test_a_request_without_an_address_counts_for_no_network(directory: Directory) -> None:
    """Who asked not to be followed is no crowd, however often they come, where the log keeps addresses of others."""
    directory.write(
        *from_networks(5, browser="Chrome"),
        *from_networks(5, browser="Edge"),
        *(event(browser="Lynx", ip=None, ip_from="withheld") for _ in range(100)),
        *(event(browser="Opera", ip=None) for _ in range(7)),
    )
    assert directory.rows("browsers") == [("Chrome", 5), ("Edge", 5), ("(few)", 107)]


def test_without_any_address_requests_are_counted(directory: Directory) -> None:
    """Where the log keeps no address, a value needs so many requests."""
    directory.write(
        *(event(browser="Chrome", ip=None) for _ in range(5)),
        *(event(browser="Edge", ip=None) for _ in range(4)),
        *(event(browser="Opera", ip=None) for _ in range(3)),
    )
    assert directory.rows("browsers") == [("Chrome", 5), ("(few)", 7)]


def test_full_addresses_of_one_network_are_one(directory: Directory) -> None:
    """Where the host keeps whole addresses, those of a /24 or a /48 count once: privacy addresses are no crowd."""
    directory.write(
        *(event(browser="Chrome", ip=f"203.0.113.{at}") for at in range(20)),
        *(event(browser="Edge", ip=f"2001:db8:0:{at}::1") for at in range(1, 20)),
        event(browser="Edge", ip="2001:db8::7"),
        event(browser="Edge", ip="2001:db8::/48"),
        *from_networks(5, browser="Safari"),
    )
    assert directory.rows("browsers", k=2) == [("Safari", 5), ("(few)", 41)]


def test_pages_of_the_host_s_own_need_no_floor(directory: Directory) -> None:
    """A referrer is folded where it is a foreign page that few came from; our own routes say nothing of a person."""
    directory.write(
        event(referrer="/orders"),
        event(referrer="(own)"),
        event(),
        event(referrer="https://a.example"),
        event(referrer="https://b.example"),
        *from_networks(5, referrer="https://c.example"),
    )
    assert directory.rows("referrers") == [
        ("https://c.example", 5),
        ("(own)", 1),
        ("/orders", 1),
        (None, 1),
        ("(few)", 2),
    ]


def test_versions_are_folded_for_each_browser_by_itself(directory: Directory) -> None:
    """Of a browser's versions one is never folded alone, for the browser's sum is told elsewhere."""
    directory.write(
        *from_networks(9, browser="Chrome", version=1),
        *from_networks(6, browser="Chrome", version=2),
        *from_networks(1, browser="Chrome", version=3),
        *from_networks(5, browser="Edge", version=1),
    )
    log = directory.open()
    assert log.ask("browsers").rows == (("Chrome", 16), ("Edge", 5))
    assert log.ask("browser_versions").rows == (("Chrome", 1, 9), ("Edge", 1, 5), ("(few)", None, 7))


def test_what_is_folded_is_folded_everywhere(directory: Directory) -> None:
    """A value that was folded with a rare one is in no other answer, or the rare one would be the difference."""
    directory.write(
        *from_networks(9, browser="Chrome"), *from_networks(6, browser="Edge"), *from_networks(1, browser="Opera")
    )
    log = directory.open()
    periods: dict[str, Any] = {"before": (MONDAY, TUESDAY), "after": (TUESDAY, WEDNESDAY)}
    for answer in (
        log.ask("browser_versions"),
        log.ask("browsers_by_day"),
        log.ask("compare", of="browser", **periods),
    ):
        assert "Edge" not in str(answer.rows)
        assert answer.folded == 7


def test_a_value_is_told_for_every_day_or_for_none(directory: Directory) -> None:
    """A value that is rare on a day is folded on all of them, with another: its sum over the days is told."""
    directory.write(
        *(one for day in (MONDAY, TUESDAY, WEDNESDAY) for one in from_networks(20, browser="Chrome", time=day)),
        *(one for day in (MONDAY, TUESDAY, WEDNESDAY) for one in from_networks(9, browser="Edge", time=day)),
        *(one for day in (MONDAY, TUESDAY) for one in from_networks(5, browser="Opera", time=day)),
        *from_networks(1, browser="Opera", time=WEDNESDAY),
    )
    log = directory.open()
    assert log.ask("browsers").rows == (("Chrome", 60), ("Edge", 27), ("Opera", 11))
    assert log.ask("browsers_by_day").rows == (
        (MONDAY, "Chrome", 20),
        (MONDAY, "(few)", 14),
        (TUESDAY, "Chrome", 20),
        (TUESDAY, "(few)", 14),
        (WEDNESDAY, "Chrome", 20),
        (WEDNESDAY, "(few)", 10),
    )


def test_a_day_is_left_out_where_that_hides_less(directory: Directory) -> None:
    """On quiet days everything is folded rather than a browser on all days; never on one day alone."""
    directory.write(
        *(one for day in range(5) for one in from_networks(20 + day, browser="Chrome", time=MONDAY + day * DAY)),
        *(one for day in range(5) for one in from_networks(9, browser="Edge", time=MONDAY + day * DAY)),
        *from_networks(5, browser="Chrome", time=MONDAY + 5 * DAY),
        *from_networks(1, browser="Edge", time=MONDAY + 5 * DAY),
    )
    rows = directory.rows("browsers_by_day")
    assert {row[0] for row in rows if row[1] == "(few)"} == {MONDAY, MONDAY + 5 * DAY}
    assert [row for row in rows if row[0] == MONDAY] == [(MONDAY, "(few)", 29)]
    assert [row for row in rows if row[0] == TUESDAY] == [(TUESDAY, "Chrome", 21), (TUESDAY, "Edge", 9)]


def test_periods_are_added_up_from_days(directory: Directory) -> None:
    """Compare tells what the days tell: a day that is left out counts among the few of its period."""
    directory.write(
        *(one for day in range(4) for one in from_networks(20, browser="Chrome", time=MONDAY + day * DAY)),
        *(one for day in range(4) for one in from_networks(9, browser="Edge", time=MONDAY + day * DAY)),
        *(one for day in (4, 5) for one in from_networks(1, browser="Edge", time=MONDAY + day * DAY)),
    )
    answer = directory.open().ask(
        "compare", of="browser", before=(MONDAY, MONDAY + 3 * DAY), after=(MONDAY + 3 * DAY, MONDAY + 6 * DAY)
    )
    assert answer.rows == (("Chrome", 60, 20, -40), ("Edge", 27, 9, -18), ("(few)", 0, 2, 2))
    assert answer.folded == 2


def test_sums_stay_exact(directory: Directory) -> None:
    """Whatever is folded, an answer's requests add up to those of the log."""
    directory.write(
        *from_networks(7, browser="Chrome", language=None),
        *from_networks(3, browser="Opera", zone="Asia/Tokyo"),
        event(browser="Lynx", version=None, os="Other", referrer="https://a.example"),
    )
    log = directory.open()
    for name in ("browsers", "browser_versions", "browsers_by_day", "systems", "devices", "languages", "referrers"):
        assert sum(row[-1] for row in log.ask(name).rows) == 11, name  # type: ignore[misc] # the last column is a number
    for name in ("zones", "networks"):
        assert sum(row[-1] for row in log.ask(name).rows) == 11, name  # type: ignore[misc] # as above
