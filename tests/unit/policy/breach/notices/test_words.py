"""The languages of notices, and a host's own: nothing is missing, and nothing unknown is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smartify_core.errors import TemplateInvalid
from smartify_core.policy.breach import Customer, Locales, NoticeField, NoticeTemplate, Phase, known
from smartify_core.policy.breach._notices._packs import de, en, fr
from smartify_core.policy.breach._notices._templates import BLOCKS, VALUES
from smartify_core.policy.breach._notices._words import places_in

from .conftest import ID, World, affected

WHOLE = "\n".join(f"{{{block}}}" for block in BLOCKS)


@pytest.mark.parametrize("pack", [de, fr])
def test_each_language_says_everything_with_the_same_values(pack: Any) -> None:
    """A language that comes with this library has every message, each with exactly the values of the English one."""
    assert list(pack.MESSAGES) == list(en.MESSAGES)
    for name, text in en.MESSAGES.items():
        assert places_in(pack.MESSAGES[name], name) == places_in(text, name), name
        assert pack.MESSAGES[name].isprintable()


def test_every_field_has_a_name() -> None:
    """There is a label for each thing that a notice says."""
    assert {f"label_{one.value}" for one in NoticeField} <= set(en.MESSAGES)


@pytest.mark.parametrize(
    ("tag", "found"),
    [("de", "de"), ("DE-at", "de"), ("fr-CA-x1234", "fr"), ("en-GB", "en"), ("nl", "en"), ("", "en")],
)
def test_a_language_that_is_not_there_is_a_wider_one(tag: str, found: str) -> None:
    """A region has its language's words; what is unknown is said in English."""
    assert Locales().words(tag).tag == found


def test_a_host_adds_a_language_in_a_file(tmp_path: Path) -> None:
    """What the file says is said; what it lacks is said in English, and the notice bears the language's tag."""
    file = tmp_path / "nl.toml"
    file.write_text('locale = "nl"\n[messages]\ngreeting = "Geachte klant,"\nsubject_first = "Incident {incident}"\n')
    world = World(locales=Locales().with_file(file))
    world.register(Customer("acme", locale="nl-BE"))
    world.assess(affected("acme"))
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    notice = world.notices.notice(ID, "acme")
    assert (notice.locale, notice.subject) == ("nl", f"Incident {ID}")
    assert notice.text.startswith("Geachte klant,")
    assert "What happened" in notice.text
    assert Locales().with_file(file).tags == ("de", "en", "fr", "nl")


def test_words_are_added_to_a_language_that_is_there() -> None:
    """A host may say one thing otherwise, and keeps the rest; the languages it started from stay as they were."""
    before = Locales()
    after = before.with_pack("de", {"greeting": "Guten Tag,"}).with_pack("de", {"heading_doing": "Unser Tun"})
    assert after.words("de").say("greeting") == "Guten Tag,"
    assert after.words("de").say("heading_doing") == "Unser Tun"
    assert after.words("de").say("heading_happened") == "Was geschehen ist"
    assert before.words("de").say("greeting") != "Guten Tag,"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('locale = "nl"\n[messages]\ngreting = "x"', "greeting"),
        ('locale = "nl"\n[messages]\nsubject_first = "{incidnt}"', "incident"),
        ('locale = "nl"\n[messages]\nsubject_first = "{incident.__class__}"', "incident"),
        ('locale = "nl"\n[messages]\nsubject_first = "{incident!r}"', "incident"),
        ('locale = "nl"\n[messages]\ngreeting = "{incident}"', "Leave it out"),
        ('locale = "nl"\n[messages]\ngreeting = "a { b"', "brace"),
        ('locale = "nl"\n[messages]\ngreeting = "a\\nBcc: x"', "one line"),
        ('locale = "nl"\n[messages]\ngreeting = ""', "empty"),
        ('locale = "nl"\n[messages]\ngreeting = 7', "empty"),
        ('locale = "not a tag"\n[messages]\ngreeting = "x"', "language tag"),
        ('locale = "nl"\nmesages = 1', "messages"),
        ('[messages]\ngreeting = "x"', "lacks"),
        ("not toml", "TOML"),
    ],
)
def test_a_misshapen_language_is_refused(tmp_path: Path, text: str, named: str) -> None:
    """Whatever is unknown in a file is named, with the nearest that is known."""
    file = tmp_path / "nl.toml"
    file.write_text(text)
    with pytest.raises(TemplateInvalid) as refused:
        Locales().with_file(file)
    assert named in str(refused.value)


def test_a_language_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """No file, and one that is no text, are said to be that."""
    with pytest.raises(TemplateInvalid):
        Locales().with_file(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TemplateInvalid):
        Locales().with_file(tmp_path / "bytes.toml")


def test_a_template_puts_the_parts_into_a_hosts_own_text() -> None:
    """The host's words stand around the parts, in its order, in text and HTML; markup in them is text."""
    text = "Hello {tenant}, this is <b>{organisation}</b>.\nLine two.\n\n{can_do}\n" + WHOLE.replace("{can_do}\n", "")
    world = World(templates=[NoticeTemplate("de", text, subject="{phase}: {incident} {organisation}")])
    world.register(Customer("acme", locale="de"))
    world.assess(affected("acme"), affected("globex"))
    world.notices.state(ID, {NoticeField.WHAT_HAPPENED: known("{tenant} {code}")}, by="e-1")
    world.notices.draft(ID, Phase.FIRST, by="e-1")
    notice = world.notices.notice(ID, "acme")
    assert notice.subject == f"erste Mitteilung: {ID} Initech"
    assert notice.text.startswith("Hello acme, this is <b>Initech</b>.\nLine two.\n\nWas Sie tun können\n---")
    assert "Hello acme, this is &lt;b&gt;Initech&lt;/b&gt;.<br>Line two." in notice.html
    assert "{tenant} {code}" in notice.text
    assert "Hello" not in world.notices.notice(ID, "globex").text


def test_a_correction_has_no_template() -> None:
    """It says one thing only, in this library's words."""
    world = World(templates=[NoticeTemplate("en", f"Hello.\n\n{WHOLE}")])
    world.assess(affected("acme"), affected("globex"))
    world.told(Phase.FIRST)
    world.assess(affected("acme"))
    world.told(Phase.UPDATE)
    assert "Hello." in world.notices.notice(ID, "acme").text
    assert "Hello." not in world.notices.notice(ID, "globex").text


@pytest.mark.parametrize("block", BLOCKS)
def test_no_part_may_be_missing_or_twice(block: str) -> None:
    """Every template has every part once, alone on its line: a host cannot leave out what a law asks for."""
    for text in (
        WHOLE.replace(f"{{{block}}}", ""),
        f"{WHOLE}\n{{{block}}}",
        WHOLE.replace(f"{{{block}}}", f"See: {{{block}}}"),
    ):
        with pytest.raises(TemplateInvalid, match=block):
            NoticeTemplate("en", text)


@pytest.mark.parametrize(
    "place", [*(f"{one}.__class__" for one in sorted(VALUES)), "0", "", "code!r", "code:>9", "x[0]"]
)
def test_a_place_is_a_name_and_nothing_else(place: str) -> None:
    """No attribute, index, conversion or format can be asked of a value."""
    with pytest.raises(TemplateInvalid):
        NoticeTemplate("en", f"{{{place}}}\n{WHOLE}")
    with pytest.raises(TemplateInvalid):
        NoticeTemplate("en", WHOLE, subject=f"{{{place}}}")


@pytest.mark.parametrize(
    "subject",
    ["", "  ", "a\nBcc: everybody@example", "a\rb", "a\u2028b", "a\x00", "x" * 201, "{code}", "{", "{{incident}}"],
)
def test_a_subject_is_one_line_without_a_code(subject: str) -> None:
    """A subject cannot write headers of a mail, and does not hold what acknowledges the notice."""
    with pytest.raises(TemplateInvalid):
        NoticeTemplate("en", WHOLE, subject=subject)


@pytest.mark.parametrize(("tag", "text"), [("not a tag", WHOLE), ("en", ""), ("en", WHOLE + "x" * 20_000)])
def test_other_misshapen_templates_are_refused(tag: str, text: str) -> None:
    """A template has a language, and a text of bounded length."""
    with pytest.raises(TemplateInvalid):
        NoticeTemplate(tag, text)
