"""A notice in words: subject, text and HTML, from its answers and in its language. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

from attrs import field, frozen

from smartify_core.policy.breach._answers import Certainty, NoticeField, Stated
from smartify_core.policy.breach._rules import BreachRules
from smartify_core.policy.breach._vocabulary import Outcome, Phase

from ._layout import Block, Entry, Listing, Paragraph, Section, html_of, text_of
from ._markup import one_line
from ._templates import PLAIN, NoticeTemplate, block_of
from ._words import Words, filled

_LONGEST_SUBJECT: Final = 200
#: What stands under each heading. NEXT_UPDATE stands where the rest is that is not known yet.
_UNDER: Final[Mapping[str, tuple[NoticeField, ...]]] = {
    "happened": (
        NoticeField.WHAT_HAPPENED,
        NoticeField.NATURE,
        NoticeField.BREACH_PERIOD,
        NoticeField.DISCOVERED,
        NoticeField.VENDOR,
        NoticeField.DELAY_REASON,
    ),
    "information": (
        NoticeField.DATA_CATEGORIES,
        NoticeField.SUBJECTS,
        NoticeField.RECORDS,
        NoticeField.INDIVIDUALS,
        NoticeField.PROTECTION,
        NoticeField.CONSEQUENCES,
    ),
    "doing": (NoticeField.MEASURES_TAKEN, NoticeField.MEASURES_PLANNED),
    "can_do": (NoticeField.RECOMMENDED_STEPS,),
    "more": (NoticeField.CONTACT_POINT,),
}


@frozen(order=False)
class Envelope:
    """What a notice is about, and by what it is known.

    Args:
        notice: Its id.
        incident: The incident.
        tenant: Who is told.
        phase: Which notice.
        outcome: What may have been done to the tenant's data; not affected for a correction.
        code: By what it is acknowledged.
        written_at: When it was written.
    """

    notice: str
    incident: str
    tenant: str
    phase: Phase
    outcome: Outcome
    code: str = field(repr=False)
    written_at: datetime

    @property
    def is_correction(self) -> bool:
        """Whether it takes back what was said before."""
        return self.outcome is Outcome.NOT_AFFECTED


@frozen(order=False)
class Rendered:
    """A notice, or another message, in words."""

    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


def rendered(
    envelope: Envelope,
    answers: Mapping[NoticeField, Stated],
    words: Words,
    rules: BreachRules,
    template: NoticeTemplate | None = None,
) -> Rendered:
    """Return a notice in words.

    Args:
        envelope: What it is about.
        answers: What it says.
        words: The language.
        rules: Whom it is from, and where it is acknowledged.
        template: The host's own text around it. A correction has none: it says one thing only.
    """
    kind = "correction" if envelope.is_correction else envelope.phase.value
    values = {
        "code": envelope.code,
        "greeting": words.say("greeting"),
        "incident": envelope.incident,
        "intro": _intro(envelope, words, rules, kind),
        "link": link_of(rules, envelope.code) or envelope.code,
        "notice": envelope.notice,
        "organisation": _organisation(rules, words),
        "phase": words.say(f"phase_{kind}"),
        "tenant": envelope.tenant,
        "written_at": words.instant(envelope.written_at),
    }
    chosen = PLAIN if template is None or envelope.is_correction else template
    sections = {name: _section(name, envelope, answers, words, rules) for name in (*_UNDER, "open", "acknowledgement")}
    subject = _subject(filled(chosen.subject or words.messages[f"subject_{kind}"], values))
    blocks = [_filled(block, values) if isinstance(block, str) else block for block in _blocks(chosen.text, sections)]
    return Rendered(subject, text_of(blocks), html_of(subject, words.tag, blocks))


def rehearsed(words: Words, rules: BreachRules, code: str) -> Rendered:
    """Return the message of an exercise: marked as one in its subject, its first line and its end."""
    subject = _subject(words.say("subject_rehearsal"))
    mark = Paragraph(words.say("rehearsal_intro"), marked=True)
    contact = one_line(rules.contact_point)
    closing = [Entry(words.say("label_contact_point"), contact)] if contact else []
    blocks: list[Block] = [
        mark,
        Paragraph(words.say("rehearsal_why", organisation=_organisation(rules, words))),
        Paragraph(words.say("rehearsal_what")),
        Section(
            "more", words.say("heading_more"), (*closing, Entry(words.say("rehearsal_code"), code, code=True), mark)
        ),
    ]
    return Rendered(subject, text_of(blocks), html_of(subject, words.tag, blocks))


def link_of(rules: BreachRules, code: str) -> str | None:
    """Return where a notice is read and acknowledged, as one word; ``None`` where there is no such page."""
    return None if rules.link is None else "".join(rules.link.replace("{code}", code).split())


def _organisation(rules: BreachRules, words: Words) -> str:
    return one_line(rules.organisation) or words.say("sender_unnamed")


def _intro(envelope: Envelope, words: Words, rules: BreachRules, kind: str) -> str:
    intro = words.say(f"intro_{kind}", organisation=_organisation(rules, words))
    only_ciphertext = envelope.outcome is Outcome.CIPHERTEXT_ONLY
    return f"{intro} {words.say('intro_ciphertext')}" if only_ciphertext else intro


def _subject(text: str) -> str:
    """Return a subject: one line without what steers, so that no text in it writes a header (RFC 5322, 2.2)."""
    return one_line(text)[:_LONGEST_SUBJECT]


def _blocks(text: str, sections: Mapping[str, Section]) -> list[str | Section]:
    """Return the paragraphs of a template, and its sections in their places."""
    found: list[str | Section] = []
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        block = block_of(line)
        if line.strip() and block is None:
            lines.append(line)
            continue
        if lines:
            found.append("\n".join(lines))
            lines = []
        if block is not None:
            found.append(sections[block])
    return found


def _filled(text: str, values: Mapping[str, str]) -> Paragraph:
    return Paragraph(filled(text, values))


def _section(
    name: str, envelope: Envelope, answers: Mapping[NoticeField, Stated], words: Words, rules: BreachRules
) -> Section:
    parts: list[Paragraph | Listing | Entry] = []
    if name == "open":
        parts += _open(envelope, answers, words)
    elif name == "acknowledgement":
        parts += _acknowledgement(envelope, words, rules)
    elif envelope.is_correction and name != "more":
        parts.append(Paragraph(words.say(f"correction_{name}")))
    else:
        section = _answered_section(name, words, tuple(map(answers.get, _UNDER[name])))
        if name != "more":
            return section
        parts += section.parts
    if name == "more":
        kind = "correction" if envelope.is_correction else envelope.phase.value
        parts += [
            Entry(words.say("label_incident"), envelope.incident),
            Entry(words.say("label_notice"), envelope.notice),
            Entry(words.say("label_phase"), words.say(f"phase_{kind}")),
            Entry(words.say("label_written"), words.instant(envelope.written_at)),
        ]
    return _headed(name, words, parts)


def _headed(name: str, words: Words, parts: Iterable[Paragraph | Listing | Entry]) -> Section:
    return Section(name.replace("_", "-"), words.say(f"heading_{name}"), tuple(parts))


# Most of what is answered is the same for every tenant of a round, and so are the section and its two forms.
@lru_cache(maxsize=256)
def _answered_section(name: str, words: Words, answers: tuple[Stated | None, ...]) -> Section:
    """Return the section of what `_UNDER` lists for it; ``answers`` are in that order, ``None`` for what has none."""
    pairs = zip(_UNDER[name], answers, strict=True)
    return _headed(name, words, [_answered(what, answer, words) for what, answer in pairs if answer is not None])


def _answered(what: NoticeField, answer: Stated, words: Words) -> Entry:
    text = answer.text or words.say("answer_unknown")
    if answer.certainty is Certainty.NOT_APPLICABLE:
        text = words.say("answer_not_applicable", reason=text)
    return Entry(words.say(f"label_{what.value}"), text)


def _open(envelope: Envelope, answers: Mapping[NoticeField, Stated], words: Words) -> list[Paragraph | Listing | Entry]:
    unknown = [what for what, answer in answers.items() if answer.certainty is Certainty.UNKNOWN_YET]
    parts: list[Paragraph | Listing | Entry] = []
    if unknown and not envelope.is_correction:
        labels = tuple(words.say(f"label_{what.value}") for what in unknown)
        parts += [Paragraph(words.say("open_list")), Listing(labels)]
    else:
        parts.append(Paragraph(words.say("open_nothing")))
    if NoticeField.NEXT_UPDATE in answers and not envelope.is_correction:
        parts.append(_answered(NoticeField.NEXT_UPDATE, answers[NoticeField.NEXT_UPDATE], words))
    return parts


def _acknowledgement(envelope: Envelope, words: Words, rules: BreachRules) -> list[Paragraph | Listing | Entry]:
    parts: list[Paragraph | Listing | Entry] = [
        Paragraph(words.say("acknowledge")),
        Entry(words.say("label_code"), envelope.code, code=True),
    ]
    if (link := link_of(rules, envelope.code)) is not None:
        parts.append(Entry(words.say("label_link"), link, link=True))
    return parts
