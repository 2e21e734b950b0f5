"""A host's own text around the parts of a notice. Pure."""

from __future__ import annotations

import re
from typing import Final

from attrs import field, frozen

from smartify_core.errors import TemplateInvalid
from smartify_core.policy.breach._customer import is_language_tag

from ._words import nearest, places_in

#: The parts that every notice has: five headings that a law names (45 CFR 164.404(c)(1) as its model notice has them),
#: what is not known yet (GDPR 33(4)), and how it is acknowledged.
BLOCKS: Final = ("happened", "information", "doing", "can_do", "more", "open", "acknowledgement")
#: What a line of a template may hold beside them.
VALUES: Final = frozenset(
    {"code", "greeting", "incident", "intro", "link", "notice", "organisation", "phase", "tenant", "written_at"}
)
#: What a subject may hold.
SUBJECT_VALUES: Final = frozenset({"incident", "organisation", "phase", "tenant"})
_LONGEST_SUBJECT: Final = 200
_LONGEST_TEXT: Final = 20_000
_block_like: Final = re.compile(r"[ \t]*\{([a-z_]+)\}[ \t]*").fullmatch


@frozen(order=False)
class NoticeTemplate:
    """A host's own text around the parts of a notice, in one language.

    Each of ``{happened}``, ``{information}``, ``{doing}``, ``{can_do}``, ``{more}``, ``{open}`` and
    ``{acknowledgement}`` stands once, on a line of its own; it becomes a heading with its answers. Elsewhere in the
    text ``{greeting}``, ``{intro}``, ``{organisation}``, ``{incident}``, ``{notice}``, ``{phase}``, ``{tenant}``,
    ``{code}``, ``{link}`` and ``{written_at}`` may stand. An empty line ends a paragraph. The HTML is made from the
    same text; markup that is written into it is shown as text.

    Args:
        locale: The language that it is written in.
        subject: The subject, with ``{organisation}``, ``{incident}``, ``{phase}`` and ``{tenant}``; ``None`` for the
            one that this library has.
        text: The text.

    Raises:
        TemplateInvalid: A place is unknown, or one that a notice must have is missing, twice there, or not alone on
            its line; or the subject has several lines.
    """

    locale: str
    text: str = field(repr=False)
    subject: str | None = None

    def __attrs_post_init__(self) -> None:
        text = _given(self.text)
        if not is_language_tag(self.locale):
            raise TemplateInvalid("that is no language tag", where="template", cure="Give one of RFC 5646, such as en.")
        where = f"template {self.locale}"
        if self.subject is not None:
            _check_subject(self.subject, f"{where}, subject")
        if text is None or not 0 < len(text) <= _LONGEST_TEXT:
            raise TemplateInvalid(
                f"the text is empty or longer than {_LONGEST_TEXT:,} characters", where=where, cure="Shorten it."
            )
        _check_places(places_in(self.text, where), VALUES | set(BLOCKS), where)
        alone = [block for line in self.text.splitlines() if (block := block_of(line)) is not None]
        for block in BLOCKS:
            if alone.count(block) != 1 or self.text.count(f"{{{block}}}") != 1:
                raise TemplateInvalid(
                    f"{{{block}}} does not stand there once, alone on its line",
                    where=where,
                    cure="Every notice has each of these parts: give it a line of its own.",
                )


def _given(text: object) -> str | None:
    return text if isinstance(text, str) else None  # types are no promise at run time


def block_of(line: str) -> str | None:
    """Return which part of a notice a line stands for; ``None`` where it is text."""
    found = _block_like(line)
    return found[1] if found is not None and found[1] in BLOCKS else None


def _check_subject(subject: object, where: str) -> None:
    if not isinstance(subject, str) or not subject.strip() or len(subject) > _LONGEST_SUBJECT:
        raise TemplateInvalid(
            f"the subject is empty or longer than {_LONGEST_SUBJECT} characters", where=where, cure="Shorten it."
        )
    if not subject.isprintable():
        # A line break in a subject would let a text write headers of a mail (RFC 5322, section 2.2).
        raise TemplateInvalid("the subject is not one printable line", where=where, cure="Write it on one line.")
    _check_places(places_in(subject, where), SUBJECT_VALUES, where)


def _check_places(found: frozenset[str], known: frozenset[str], where: str) -> None:
    for place in sorted(found - known):
        raise TemplateInvalid(f"there is no value {place!r} for it", where=where, cure=nearest(place, known))


#: What a notice looks like where a host has no template of its own.
PLAIN: Final = NoticeTemplate("en", "\n\n".join(f"{{{name}}}" for name in ("greeting", "intro", *BLOCKS)))
