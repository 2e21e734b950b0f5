from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.requestlog import Collecting
from smartify_core.requestlog._features._routes import Routes
from smartify_core.requestlog._headers._single_headers import language_of, opted_out, referrer_of, zone_of


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.1, fr-FR", "fr"),
        ("en;q=0.5, fr;q=0.5", "en"),
        ("*", None),
        ("", None),
        ("xx-YY", None),
        ("xx, it;q=0.2", "it"),
        ("de;q=0", None),
        ("de;q=2", None),
        ("de;q=abc", None),
        ("iw-IL", "he"),
        ("zh-Hant-TW", "zh"),
        ("DE", "de"),
        ("de\x00", None),
        ("alice@example.org, de", "de"),
        ("gsw", "gsw"),
        (",,, ,de", "de"),
        ("x" * 600 + ",de", None),
    ],
)
def test_the_preferred_language_is_kept_by_its_primary_tag(header: str, tags: str | None) -> None:
    """Weights order, regions go, and what is no language of ISO 639 is passed over."""
    found = language_of(header)
    assert (None if found is None else found.tags) == tags


def test_more_languages_by_choice() -> None:
    """A host may keep up to three, each once, the preferred one first."""
    found = language_of("de-CH, de;q=0.9, en;q=0.8, fr;q=0.7, it;q=0.6", 3)
    assert found is not None
    assert found.tags == "de,en,fr"


def test_a_zone_is_kept_if_the_database_has_it() -> None:
    """An IANA name is kept with where it comes from; anything else is not."""
    found = zone_of(" Europe/Zurich ", "cdn")
    assert found is not None
    assert (found.name, found.source) == ("Europe/Zurich", "cdn")
    assert zone_of("Alice/Home", "app") is None
    assert zone_of("", "app") is None
    assert zone_of("x" * 5_000, "app") is None


def test_signals_of_privacy() -> None:
    """Either signal counts, and only by the value that its specification gives it."""
    assert opted_out("1", "")
    assert opted_out("", "1")
    assert not opted_out("0", "0")
    assert not opted_out("true", "yes")
    assert opted_out("0, 1", "")  # two lines that a server joined
    assert opted_out("", "1,1")


def routes() -> Routes:
    """Return the routes of a small application."""
    known = Routes()
    for template in (
        "/",
        "/projects/{project_id}",
        "/projects/new",
        "/files/{name:path}",
        "/blog/<int:year>/",
        "a name",
    ):
        known.learn(template)
    return known


@pytest.mark.parametrize(
    ("referer", "kept"),
    [
        ("https://app.example.com/projects/123?token=x#y", "/projects/{project_id}"),
        ("https://APP.example.com/projects/new", "/projects/new"),
        ("https://app.example.com/", "/"),
        ("https://app.example.com", "(own)"),
        ("https://app.example.com/alice@example.org", "(own)"),
        ("https://app.example.com/files/a/b/c", "/files/{name:path}"),
        ("https://app.example.com/blog/2026/", "/blog/<int:year>/"),
        ("https://app.example.com/blog/2026", "(own)"),
        ("https://app.example.com/projects/", "(own)"),
        ("https://app.example.com/projects/{}", "/projects/{project_id}"),
        ("https://acme.tenants.example.com/projects/7", "/projects/{project_id}"),
        ("https://acme.tenants.example.com:8443/x", "(own)"),
        ("https://www.example.org/a/b?c=d", "https://www.example.org"),
        ("https://www.example.org:443/", "https://www.example.org"),
        ("http://www.example.org:8080/", "http://www.example.org:8080"),
        ("https://alice:secret@www.example.org/", "https://www.example.org"),
        ("https://www.example.org\\@evil.example", "https://www.example.org"),
        ("android-app://com.google.android.gm/", "android-app://com.google.android.gm"),
        ("https://192.0.2.7/x", "(ip)"),
        ("https://[2001:db8::1]:8443/x", "(ip)"),
        ("https://0x7f000001/", "(ip)"),
        ("https://pc-of-alice/x", "(other)"),
        ("https://printer.local/x", "(other)"),
        ("https://" + "a" * 300 + ".org/", "(other)"),
        ("https://exämple.org/", "(other)"),
        ("https://xn--exmple-cua.org/", "https://xn--exmple-cua.org"),
        ("https://192.168.1.0x4d/x", "(other)"),
        ("https://203.0.113.77.nip.io/", "(other)"),
        ("https://203-0-113-77.dyn.example.org/", "(other)"),
        ("https://4f9c1b2a-77aa-4e1b-9c3d-0123456789ab.example.org/", "(other)"),
        ("https://sk-live-51h8xqkzt9bd.example.org/", "(other)"),
        ("https://alices-macbook.localdomain/", "(other)"),
        ("https://nas.fritz.box/", "(other)"),
        ("https://www.example.org:99999/", "(other)"),
        ("https://www.example.org./", "https://www.example.org"),
        ("data:text/html,alice", None),
        ("about:blank", None),
        ("", None),
        ("/relative/alice", None),
        ("https:///x", "(other)"),
        ("javascript://app.example.com/x", "(other)"),
    ],
)
def test_what_is_kept_of_a_referring_page(referer: str, kept: str | None) -> None:
    """Of a page of ours its known route, of a foreign one its public origin, and nothing else of either."""
    own = Collecting(own_hosts=("*.tenants.example.com",))
    found = referrer_of(referer, "app.example.com", own.is_own, routes().template_of)
    assert (None if found is None else found.text) == kept


@pytest.mark.parametrize("host", ["acme.example.org:443", "acme.example.org.", "ACME.example.org", "acme.example.org"])
@pytest.mark.parametrize(
    "page", ["https://acme.example.org/a", "https://acme.example.org./", "https://Acme.Example.org:443/"]
)
def test_our_own_host_is_ours_however_it_is_written(host: str, page: str) -> None:
    """A port that goes without saying, the root's dot and case make no other host of it, or customers would be told."""
    found = referrer_of(page, host, Collecting().is_own, routes().template_of)
    assert found is not None
    assert found.text in {"/", "(own)"}


@given(st.text(), st.text())
def test_no_header_is_too_strange(referer: str, host: str) -> None:
    """Whatever stands in a header, reading it raises nothing, and what is kept of a page is no path of its own."""
    language_of(referer)
    zone_of(referer, "app")
    opted_out(referer, host)
    for text in (referer, f"https://{host}/{referer}", f"https://{referer}/{host}"):
        found = referrer_of(text, host, Collecting().is_own, routes().template_of)
        assert found is None or found.text.startswith(("/", "(", "http", "android-app", "ios-app"))


def test_a_route_that_takes_the_rest_takes_it_whole() -> None:
    """A parameter of the whole rest matches any number of steps, after routes that say more."""
    known = Routes()
    known.learn("/{*rest}")
    known.learn("/a/{b}")
    assert known.template_of("/a/1") == "/a/{b}"
    assert known.template_of("/a/1/2") == "/{*rest}"
    assert known.template_of("a") is None
    assert known.template_of("/" + "x/" * 40) is None
    assert known.template_of("/" + "x" * 3_000) is None


def test_a_page_cannot_name_a_parameter() -> None:
    """The marks that stand for parameters inside are no steps that a path could take."""
    known = Routes()
    known.learn("/a/{b}/c")
    assert known.template_of("/a/{}/c") == "/a/{b}/c"
    assert known.template_of("/a/{*}/d") is None
