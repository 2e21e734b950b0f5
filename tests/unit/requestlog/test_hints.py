from __future__ import annotations

import pytest

from smartify_core.requestlog._headers._hints import Hints, hints_of

WINDOWS = '"Windows"'


@pytest.mark.parametrize(
    ("ch_ua", "browser", "version"),
    [
        ('"Not/A)Brand";v="8", "Chromium";v="126", "Google Chrome";v="126"', "Chrome", 126),
        ('"Google Chrome";v="126", "Chromium";v="126", "Not.A/Brand";v="24"', "Chrome", 126),
        ('"Chromium";v="126", "Not)A;Brand";v="24", "Microsoft Edge";v="126"', "Edge", 126),
        ('"Not A(Brand";v="8", "Chromium";v="132", "Brave";v="132"', "Brave", 132),
        ('"Opera";v="112", "Not=A?Brand";v="99", "Chromium";v="126"', "Opera", 112),
        ('"Opera GX";v="110", "Not=A?Brand";v="99", "Chromium";v="124"', "Opera GX", 110),
        ('"Samsung Internet";v="25", "Not?A_Brand";v="99", "Chromium";v="121"', "Samsung Internet", 25),
        ('"Android WebView";v="126", "Not:A-Brand";v="8", "Chromium";v="126"', "Android WebView", 126),
        ('"Chromium";v="124", "YaBrowser";v="24.6", "Not-A.Brand";v="99", "Yowser";v="2.5"', "Yandex Browser", 24),
        ('"Chromium";v="126", "Not.A/Brand";v="8"', "Chromium", 126),
        ('"HeadlessChrome";v="126", "Chromium";v="126", "Not.A/Brand";v="8"', "Headless Chrome", 126),
        ('"Chromium";v="126", "Microsoft Edge";v="126", "Microsoft Edge WebView2";v="126"', "Edge", 126),
        ('" Not A;Brand";v="99", "Chromium";v="98", "Google Chrome";v="98"', "Chrome", 98),
        ('";Not A Brand";v="99", "Chromium";v="88"', "Chromium", 88),
        ('"(Not(A:Brand";v="8", "Chromium";v="98"', "Chromium", 98),
        ('"\\\\Not;A\\"Brand";v="99", "Chromium";v="86", "Google Chrome";v="86"', "Chrome", 86),
        ('"Google Chrome";v="126.0.6478.114"', "Chrome", 126),
        ('"Google Chrome"; v="126" ,\t"Chromium" ;v="1"', None, None),
        ('"Google Chrome";  v="126" ,\t"Not A;Brand";v="1"', "Chrome", 126),
        ('"Google Chrome";v="126";x;y=?1;z=tok/en;n=-1.5;s=";,"', "Chrome", 126),
        ('"GOOGLE chrome";v="126"', "Chrome", 126),
        ('"Google Chrome";v="1";v="126"', "Chrome", 126),
        ('"Google Chrome";v="1000"', "Chrome", None),
    ],
)
def test_the_most_specific_known_brand_counts(ch_ua: str, browser: str | None, version: int | None) -> None:
    """Brands of random letters are passed over in any place; Chromium counts where nothing else is known."""
    hints = hints_of(ch_ua, "?0", WINDOWS)
    assert (hints and hints.browser, hints and hints.version) == (browser, version)


@pytest.mark.parametrize(
    "ch_ua",
    [
        *("", " ", ",", '""', '"', "Chrome", 'Chrome;v="126"', '"Chrome"', '"Google Chrome"', '"Google Chrome";v'),
        *('"Google Chrome";v=126', '"Google Chrome";v=""', '"Google Chrome";v="x"', '"Google Chrome";v="12345"'),
        *('"Google Chrome";v="126",', ',"Google Chrome";v="126"', '"Google Chrome";v="126" "Chromium";v="126"'),
        *(
            '"Google Chrome";v="126" ;x',
            '("Google Chrome");v="126"',
            '"Google Chrome";V="126"',
            '"Google\\Chrome";v="1"',
        ),
        *(
            '"Google Chrome";v="126\\"',
            '"Google Chrome";v="126',
            '"Gäogle Chrome";v="126"',
            '"Google\x00Chrome";v="126"',
        ),
        *(
            '"Not A;Brand";v="99"',
            '"Alice";v="1"',
            '"Google\x00Chrome";v="126"',
            '"Google Chrome";v="١٢٦"',
            '"Google Chrome";v="126"\n',
        ),
        '"Google Chrome";v="126", ' * 16 + '"Chromium";v="126"',
        '"Google Chrome";v="126"' + " " * 600,
    ],
)
def test_a_list_that_is_malformed_or_knows_no_brand_says_nothing(ch_ua: str) -> None:
    """What is no list of strings with versions was made by no browser; the User-Agent counts then."""
    assert hints_of(ch_ua, "?0", WINDOWS) is None


@pytest.mark.parametrize(
    ("platform", "os"),
    [
        ('"Windows"', "Windows"),
        ('"macOS"', "macOS"),
        ('"Android"', "Android"),
        ('"Linux"', "Linux"),
        ('"Chrome OS"', "ChromeOS"),
        ('"Chromium OS"', "ChromeOS"),
        ('"iOS"', "iOS"),
        ('"Fuchsia"', "Fuchsia"),
        ('"Alice"', "Other"),
        ('"Unknown"', None),
        ('""', None),
        ("", None),
    ],
)
def test_the_platform_is_one_of_the_vocabulary(platform: str, os: str | None) -> None:
    """A platform that is not known is Other; one that is not told leaves it to the User-Agent."""
    hints = hints_of('"Chromium";v="126"', "", platform)
    assert hints == Hints("Chromium", 126, 126, os, None)


@pytest.mark.parametrize(
    "platform", ["Windows", '"Windows', '"Windows";x', '"a","b"', "?1", '"W\x7f"', '"' + "x" * 600 + '"']
)
def test_a_platform_that_is_no_string_spoils_the_hints(platform: str) -> None:
    """One malformed header of the three makes all three worthless."""
    assert hints_of('"Chromium";v="126"', "?0", platform) is None


@pytest.mark.parametrize(("mobile", "told"), [("?1", True), ("?0", False), ("", None)])
def test_mobile_is_a_boolean(mobile: str, told: object) -> None:
    """Mobile is told, denied or left open."""
    hints = hints_of('"Chromium";v="126"', mobile, WINDOWS)
    assert hints is not None
    assert hints.mobile is told


@pytest.mark.parametrize("mobile", ["1", "?2", "true", " ?1", "?1;x", "??1"])
def test_mobile_that_is_no_boolean_spoils_the_hints(mobile: str) -> None:
    """One malformed header of the three makes all three worthless."""
    assert hints_of('"Chromium";v="126"', mobile, WINDOWS) is None
