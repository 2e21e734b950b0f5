from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from smartify_core.requestlog._headers._hops import MOST_CHARACTERS, MOST_HOPS, forwarded, forwarded_for
from smartify_core.requestlog._headers._networks import packed

Walk = Callable[[Sequence[str]], Iterator[str]]


@pytest.mark.parametrize(
    ("lines", "hops"),
    [
        (["203.0.113.7"], ["203.0.113.7"]),
        (["6.6.6.6, 203.0.113.7"], ["203.0.113.7", "6.6.6.6"]),
        (["6.6.6.6,203.0.113.7\t , 10.0.0.1 "], ["10.0.0.1", "203.0.113.7", "6.6.6.6"]),
        (["6.6.6.6", "203.0.113.7", "10.0.0.1"], ["10.0.0.1", "203.0.113.7", "6.6.6.6"]),
        (["203.0.113.7:4711"], ["203.0.113.7"]),
        (["[2001:db8::17]:4711"], ["2001:db8::17"]),
        (["[2001:db8::17]"], ["2001:db8::17"]),
        (["2001:db8::17"], ["2001:db8::17"]),
        (['"[2001:db8::17]:4711"'], ["2001:db8::17"]),
        (['"203.0.113.7"'], ["203.0.113.7"]),
        (["6.6.6.6, unknown"], ["unknown", "6.6.6.6"]),
        (["203.0.113.7:_port"], ["203.0.113.7"]),
    ],
)
def test_hops_of_x_forwarded_for(lines: list[str], hops: list[str]) -> None:
    """Hops come from the right over all lines, without ports, brackets and quotes."""
    assert list(forwarded_for(lines)) == hops


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ",", '"', '""', '"203.0.113.7', '203.0.113.7"', '2"0"3.0.113.7', "203.0.113.7:", "203.0.113.7:x"),
        *("203.0.113.7:123456", "[2001:db8::17", "[2001:db8::17]4711", "[2001:db8::17]:", "[203.0.113.7]:80", "[]"),
        *("[_hidden]:80", "203.0.113.7:80:", "203.0.113.7:-1", "203.0.113.7:_", "203.0.113.7:_é", "203.0.113.7:80\n"),
    ],
)
def test_a_hop_that_cannot_be_read_is_no_address(text: str) -> None:
    """What is misshapen is no address: the walk ends with it, and nothing left of it is looked at."""
    assert packed(next(forwarded_for([f"6.6.6.6, {text}"]))) is None


@pytest.mark.parametrize(
    ("lines", "hops"),
    [
        (["for=203.0.113.7"], ["203.0.113.7"]),
        (["For=203.0.113.7;PROTO=https"], ["203.0.113.7"]),
        (["proto=https;by=10.0.0.1;FOR=203.0.113.7"], ["203.0.113.7"]),
        (['for="203.0.113.7:4711"'], ["203.0.113.7"]),
        (['for="[2001:db8::17]:4711"'], ["2001:db8::17"]),
        (['for="[2001:db8::17]"'], ["2001:db8::17"]),
        (['for="\\2\\0\\3.0.113.7"'], ["203.0.113.7"]),
        (["for=6.6.6.6, for=203.0.113.7"], ["203.0.113.7", "6.6.6.6"]),
        (["for=6.6.6.6,for=203.0.113.7", "for=10.0.0.1;by=_x"], ["10.0.0.1", "203.0.113.7", "6.6.6.6"]),
        (['for=6.6.6.6, for=203.0.113.7;host="a,b"'], ["203.0.113.7", "6.6.6.6"]),
        (['for=6.6.6.6, for=203.0.113.7;host="a\\", for=9.9.9.9"'], ["203.0.113.7", "6.6.6.6"]),
        (['for=6.6.6.6, for=203.0.113.7;host="a\\\\"'], ["203.0.113.7", "6.6.6.6"]),
        (["for=203.0.113.7:4711;proto=https"], ["203.0.113.7"]),
        (["for=[2001:db8::17]:4711"], ["2001:db8::17"]),
        (["for=203.0.113.7;"], ["203.0.113.7"]),
        (['for="203.0.113.7";;proto="https";'], ["203.0.113.7"]),
        ([' for="203.0.113.7" ; proto=https '], ["203.0.113.7"]),
        (["for=_hidden"], ["_hidden"]),
        (['for="_hidden:_port"'], ["_hidden"]),
        (["for=unknown, for=203.0.113.7"], ["203.0.113.7", "unknown"]),
    ],
)
def test_hops_of_forwarded(lines: list[str], hops: list[str]) -> None:
    """Pairs in any order and case, quoted strings with escapes and commas, elements from the right over all lines."""
    assert list(forwarded(lines)) == hops


@pytest.mark.parametrize(
    "element",
    [
        *(
            "",
            " ",
            "proto=https",
            "for",
            "for=",
            'for=""',
            "by=10.0.0.1",
            "for=1.2.3.4;for=5.6.7.8",
            "=",
            ";",
            "for;=x",
        ),
        *(
            'for="1.2.3.4"; for="5.6.7.8"',
            'for="1.2.3.4',
            'for=1.2.3.4"',
            'for="1.2.3.4"x',
            'for="1.2.3.4" x',
            '"for"=x',
        ),
        *(
            "for;=x",
            '"for"=x',
            'for="1.2.3.4:x"',
            'for="[1.2.3.4]"',
            'for="[::1"',
            'proto="x"',
            'for = "1.2.3.4"',
            'for="1.2.3.4\\"',
            '"',
        ),
    ],
)
def test_an_element_that_cannot_be_read_is_unknown_and_the_last(element: str) -> None:
    """An element without a readable ``for`` is unknown, and nothing left of it is looked at."""
    assert list(forwarded([f"for=6.6.6.6,{element}"])) == [""]


@pytest.mark.parametrize(
    "junk",
    [
        '"',
        "\\",
        '\\"',
        '"\\',
        ',"',
        '",',
        'for="6.6.6.6',
        'x="\\',
        ";",
        'for=6.6.6.6;host="',
        '""""',
        '"a,b',
        "é\xff\x00",
    ],
)
def test_quotes_of_the_sender_do_not_reach_what_a_proxy_wrote(junk: str) -> None:
    """A quote that the sender leaves open swallows nothing that a proxy adds at its right."""
    for honest in ("for=203.0.113.7", 'for="203.0.113.7:80";proto="https"', 'host="a\\"b,";for="203.0.113.7"'):
        assert next(forwarded([f"{junk}, {honest}"])) == "203.0.113.7"
        assert next(forwarded([junk, honest])) == "203.0.113.7"


@pytest.mark.parametrize(("walk", "of"), [(forwarded_for, "{}"), (forwarded, "for={}")])
def test_the_thirty_third_hop_is_unknown(walk: Walk, of: str) -> None:
    """As many hops as the limit are read, over any number of lines, and not one more."""
    hop = of.format("10.0.0.1")
    assert list(walk([",".join([hop] * MOST_HOPS)])) == ["10.0.0.1"] * MOST_HOPS
    for lines in ([",".join([hop] * 40)], [hop] * 40, [f"{hop},{hop}"] * 20):
        assert list(walk(lines)) == [*["10.0.0.1"] * MOST_HOPS, ""]


@pytest.mark.parametrize(("walk", "of"), [(forwarded_for, "{}"), (forwarded, "for={}")])
@pytest.mark.parametrize("length", [MOST_CHARACTERS + 1, 10 * MOST_CHARACTERS, 1_000_000])
def test_length_is_counted_from_the_right(walk: Walk, of: str, length: int) -> None:
    """However much the sender writes, the hop of the proxy is read; one that reaches beyond the limit is unknown."""
    honest = of.format("203.0.113.7")
    for junk in ("x" * length, '"' * length, "," * length, "6" * length):
        assert next(walk([f"{junk}, {honest}"])) == "203.0.113.7"
        assert next(walk([junk, honest])) == "203.0.113.7"
        last = list(walk([f"{of.format('6.6.6.6')}{'x' * length}, {honest}"]))[-1]
        assert last == ""


def test_a_line_that_fits_exactly_is_read_whole() -> None:
    """The last character of the limit still counts; half an address is never taken for a whole one."""
    line = "203.0.113.7" + " " * (MOST_CHARACTERS - len("203.0.113.7,10.0.0.1")) + ",10.0.0.1"
    assert len(line) == MOST_CHARACTERS
    assert list(forwarded_for([line])) == ["10.0.0.1", "203.0.113.7"]
    assert list(forwarded_for([f"2{line}"])) == ["10.0.0.1", ""]
    assert list(forwarded_for(["6.6.6.6", line])) == ["10.0.0.1", "203.0.113.7", ""]
