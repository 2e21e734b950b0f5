"""What a notice looks like: its headings in every language, its lines, its HTML, and what hostile texts make of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from smartify_core.policy.breach import (
    BreachRules,
    BreachScope,
    Customer,
    Exposure,
    Locales,
    Nature,
    Notice,
    NoticeField,
    Outcome,
    Phase,
    ScopeKind,
    TenantImpact,
    Watch,
    known,
)
from smartify_core.policy.breach._notices import rehearsal_message
from smartify_core.policy.breach._notices._markup import WIDTH

from .conftest import ID, RULES, STATED, World, affected

HEADINGS = {
    "en": (
        "What happened",
        "What information was involved",
        "What we are doing",
        "What you can do",
        "For more information",
        "What we do not know yet, and when you hear more",
        "Please confirm that you have read this",
    ),
    "de": (
        "Was geschehen ist",
        "Welche Daten betroffen sind",
        "Was wir tun",
        "Was Sie tun können",
        "Wo Sie mehr erfahren",
        "Was wir noch nicht wissen, und wann Sie mehr hören",
        "Bitte bestätigen Sie, dass Sie dies gelesen haben",
    ),
    "fr": (
        "Ce qui s'est passé",
        "Quelles informations sont concernées",
        "Ce que nous faisons",
        "Ce que vous pouvez faire",
        "Pour en savoir plus",
        "Ce que nous ne savons pas encore, et quand vous en saurez plus",
        "Merci de confirmer que vous avez lu ce message",
    ),
}
#: The only elements that a notice is made of.
ELEMENTS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "h1",
    "h2",
    "section",
    "p",
    "dl",
    "dt",
    "dd",
    "ul",
    "li",
    "br",
    "code",
    "a",
}


class Page(HTMLParser):
    """A page as a reader of mail sees it: which elements, which text under which heading."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.headings: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        if tag == "h2":
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        """Note that an element is over: the one that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self.open and self.open[-1] == "h2":
            self.headings[-1] += data
        if self.open and self.open[-1] not in {"style", "title"}:
            self.texts.append(data)


def drafted(world: World, *impacts: TenantImpact, **options: Any) -> Notice:
    """Return the notice to the first tenant of an impact."""
    world.assess(*impacts)
    world.notices.draft(ID, Phase.FIRST, by="e-1", **options)
    return world.notices.notice(ID, impacts[0].tenant)


@pytest.mark.parametrize("tag", sorted(HEADINGS))
def test_the_headings_stand_in_their_order(world: World, tag: str) -> None:
    """In each language the text and the HTML have the five headings, what is open, and how to acknowledge."""
    world.register(Customer("acme", locale=tag))
    notice = drafted(world, affected("acme"))
    assert notice.locale == tag
    underlined = re.findall(r"^(.+)\n-+$", notice.text, flags=re.MULTILINE)
    assert tuple(underlined) == tuple(Page(notice.html).headings) == HEADINGS[tag]
    assert f'<html lang="{tag}">' in notice.html
    assert notice.code in notice.text
    assert notice.code in notice.html


def test_the_languages_of_a_notice_have_the_shipped_headings() -> None:
    """This file knows the headings of every language that this library has."""
    assert tuple(sorted(HEADINGS)) == Locales().tags


@pytest.mark.parametrize("tag", sorted(HEADINGS))
def test_every_variant_is_narrow_and_complete(tag: str) -> None:
    """First, update, final, ciphertext only, correction, exercise: no line is wider than 76, no place is left open."""
    world = World(rules=evolve(RULES, link=None))
    world.register(Customer("acme", locale=tag), Customer("globex", locale=tag), Customer("hooli", locale=tag))
    world.notices.state(ID, {**STATED, NoticeField.WHAT_HAPPENED: known("word " * 300)}, by="e-1")
    world.assess(affected("acme"), TenantImpact("globex", Outcome.CIPHERTEXT_ONLY, ("groups",), 1), affected("hooli"))
    world.told(Phase.FIRST)
    world.assess(affected("acme"), TenantImpact("globex", Outcome.CIPHERTEXT_ONLY, ("groups",), 1))
    world.told(Phase.UPDATE)
    world.notices.draft(ID, Phase.FINAL, by="e-1")
    made = [one for number in (1, 2, 3) for one in world.notices.notices(ID, number)]
    assert len(made) == 3 + 3 + 2
    exercise = rehearsal_message(Customer("acme", locale=tag), RULES, "EXERCISE7")
    forms = [(one.subject, one.text, one.html) for one in made]
    for subject, text, html in (*forms, (exercise.subject, exercise.text, exercise.html)):
        assert max(map(len, text.splitlines())) <= WIDTH
        assert not set("{}") & set(text + subject + re.sub(r"<style>.*?</style>", "", html))
        page = Page(html)
        assert page.open == []
        assert set(page.elements) <= ELEMENTS
        assert not [name for _, name, _ in page.attributes if name in {"src", "style", "srcset"} or name[:2] == "on"]
        assert "http" not in html.replace("https://initech.example", "")


def test_a_link_is_whole_and_only_of_the_web() -> None:
    """An address to follow is never broken into lines; one that is none of the web is text."""
    long = "https://initech.example/" + "n" * 90 + "/{code}"
    notice = drafted(World(rules=evolve(RULES, link=long)), affected("acme"))
    assert f"\n{long.format(code=notice.code)}\n" in notice.text
    assert f'href="{long.format(code=notice.code)}"' in notice.html
    notice = drafted(World(rules=evolve(RULES, link="javascript:alert('{code}')")), affected("acme"))
    assert "href" not in notice.html


def test_ciphertext_only_is_said(world: World) -> None:
    """Of whom only ciphertext is out is told that at the beginning, and of the keys."""
    notice = drafted(world, TenantImpact("acme", Outcome.CIPHERTEXT_ONLY, ("email",), 4))
    text = notice.text.replace("\n", " ")
    assert "only encrypted copies of your data are out" in text
    assert "Its keys were not exposed" in text


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        (BreachScope(ScopeKind.ACTOR, ("e-7",)), "seen in the clear"),
        (BreachScope(ScopeKind.STORE, ("db",), other_half=Exposure.EXPOSED), "the keys were exposed as well"),
        (BreachScope(ScopeKind.STORE, ("db",)), None),
        (BreachScope(ScopeKind.KEY, ("k-1",), other_half=Exposure.UNKNOWN), None),
    ],
)
def test_protection_is_never_better_than_what_is_known(world: World, scope: BreachScope, said: str | None) -> None:
    """Whether data was protected follows from where the breach reached; where nobody can tell it stays open."""
    world.change(scopes=(scope,))
    notice = drafted(world, affected("acme", records=0))
    assert (NoticeField.PROTECTION.value in notice.open_fields) is (said is None)
    assert said is None or said in " ".join(notice.text.split())
    assert "One for each person: about 3." in notice.text


def test_a_period_is_known_with_both_of_its_ends(world: World) -> None:
    """Without entries of the trail the windows of the scopes say when; one end alone does not."""
    start = world.clock()
    whole = BreachScope(ScopeKind.ACTOR, ("e-7",), since=start.replace(hour=1), until=start.replace(hour=2))
    world.change(scopes=(whole, BreachScope(ScopeKind.ACTOR, ("e-8",), since=start)))
    impact = affected("acme", first_at=None, last_at=None)
    assert "2030-01-01T01:00Z" in drafted(world, impact).text
    notice = drafted(world, evolve(impact, scopes=(0, 1)))
    assert "breach_period" in notice.open_fields


def test_a_late_first_notice_owes_its_reason(world: World) -> None:
    """After the promised time a first notice lacks why, until somebody says it; before, there is nothing to say."""
    assert "delay_reason" not in drafted(world, affected("acme")).open_fields
    world.clock.advance(days=2)
    assert "delay_reason" in drafted(world, affected("acme")).open_fields
    said = "We had to find out whose data it was."
    watch = Watch(world.storage, world.sealer, world.policy.trail, rules=world.rules)
    watch.explain(ID, phase=Phase.FIRST, by="e-1", reason=said)
    notice = drafted(world, affected("acme"))
    assert "delay_reason" not in notice.open_fields
    assert said in notice.text


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", ("At 30 December 2029, 00:00 UTC", "1 person.", "1 recorded access to data leads to it.")),
        ("de", ("Am 30. Dezember 2029, 00:00 UTC", "1 Person.", "1 aufgezeichneter Zugriff auf Daten führt dorthin.")),
        ("fr", ("Le 30 décembre 2029, 00:00 UTC", "1 personne.", "1 accès enregistré à des données y mène.")),
    ],
)
def test_one_is_no_plural(world: World, locale: str, said: tuple[str, ...]) -> None:
    """One access by one person in one minute is spoken of as one, in every language."""
    world.register(Customer("acme", locale=locale))
    impact = affected("acme", subjects=1, records=1)
    once = evolve(impact, last_at=impact.first_at)
    text = " ".join(drafted(world, once).text.split())
    assert [one for one in said if one not in text] == []
    assert "About one." in " ".join(drafted(world, evolve(once, tenant="globex", records=0)).text.split())


def test_natures_and_vendors_are_named(world: World) -> None:
    """What was violated is said in words, and a vendor by its name; by its id where it has none."""
    world.change(natures=(Nature.INTEGRITY, Nature.AVAILABILITY))
    notice = drafted(world, affected("acme", vendors=("mailer", "unheard-of")))
    assert "Mailer & Sons <Ltd>; unheard-of." in notice.text
    assert "Mailer &amp; Sons &lt;Ltd&gt;; unheard-of." in notice.html
    assert "integrity" in notice.text
    assert "availability" in notice.text
    assert "confidentiality" not in notice.text


HOSTILE = [
    "<script>alert(1)</script>",
    "</dd></dl></section><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "safe\u202egnp.exe",
    "one\u2028two\u2029three\x85four",
    "bell\x07 null\x00 \ud800 \ufeff",
    "&lt;b&gt; &#60;script>",
    "{code} {x.__class__} {{incident}}",
]
_texts = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=300)).filter(lambda text: bool(text.strip()))


@settings(max_examples=60, deadline=None)
@given(happened=_texts, steps=_texts, organisation=_texts, contact=_texts)
def test_whatever_is_typed_stays_text(happened: str, steps: str, organisation: str, contact: str) -> None:
    """No text makes an element, an attribute or a line of its own, turns the direction of writing, or fills a place."""
    world = World(rules=BreachRules(organisation=organisation, contact_point=contact))
    plain = drafted(World(rules=BreachRules(organisation="x", contact_point="x")), affected("acme"))
    stated = {NoticeField.WHAT_HAPPENED: known(happened), NoticeField.RECOMMENDED_STEPS: known(steps)}
    world.notices.state(ID, stated, by="e-1")
    notice = drafted(world, affected("acme"))
    page, other = Page(notice.html), Page(plain.html)
    assert page.open == []
    without = [one for one in page.elements if one not in {"br", "li", "ul", "p"}]
    assert without == [one for one in other.elements if one not in {"br", "li", "ul", "p"}]
    assert {one[:2] for one in page.attributes} <= {one[:2] for one in other.attributes}
    assert page.headings == other.headings
    for text in (notice.subject, notice.text, notice.html):
        assert not set("\u202e\u202d\u2066\u2067\u2068\u2028\u2029\x85\x07\x00\ufeff") & set(text)
        text.encode()
    assert notice.subject.isprintable()
    assert notice.payload.encode()
    assert notice.text.count(notice.code) == 1


def test_hostile_texts_are_shown_as_they_are(world: World) -> None:
    """What looks like markup or like a place is read as it was typed."""
    world.notices.state(ID, {NoticeField.WHAT_HAPPENED: known("<b>{code}</b> & 'x'")}, by="e-1")
    notice = drafted(world, affected("acme"))
    assert "<b>{code}</b> & 'x'" in notice.text
    assert "<b>{code}</b> & 'x'" in Page(notice.html).texts


def test_words_that_need_joiners_keep_them(world: World) -> None:
    """Persian, Hindi and emoji are written with invisible joiners, which steer nothing."""
    words = "می\u200cخواهم क्\u200dष 👩\u200d💻"
    world.notices.state(ID, {NoticeField.WHAT_HAPPENED: known(words)}, by="e-1")
    notice = drafted(world, affected("acme"))
    assert words in notice.text
    assert words in notice.html


@pytest.mark.parametrize(("tag", "mark"), [("en", "EXERCISE"), ("de", "ÜBUNG"), ("fr", "EXERCICE")])
def test_an_exercise_is_marked_as_one_in_every_form(tag: str, mark: str) -> None:
    """Nobody takes it for a notice: subject, text, HTML and payload say what it is, and hold its code."""
    message = rehearsal_message(Customer("acme", locale=f"{tag}-XX"), RULES, "ABC7")
    assert message.locale == tag
    assert mark in message.subject
    assert message.text.startswith("*** ")
    assert message.text.count(mark) == message.html.count(f"{mark}. ") == 2
    assert "ABC7" in message.text
    assert "ABC7" in message.html
    assert message.payload == {"type": "breach.rehearsal", "data": {"exercise": True, "code": "ABC7"}}
    assert "ABC7" not in repr(message)
