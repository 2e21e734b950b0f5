"""What is known of a breach: one answer for each thing that a notice has to say. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from attrs import evolve, field, frozen

from smartify_core.errors import IncidentInvalid

from ._incident import checked_text


@enum.unique
class NoticeField(enum.Enum):
    """What a notice has to say: the union of what laws and contracts ask for."""

    #: Confidentiality, integrity, availability, and in which way [GDPR 33(3)(a)].
    NATURE = "nature"
    #: In plain words [HIPAA 164.404(c)(1)(A)].
    WHAT_HAPPENED = "what_happened"
    #: The date of the breach, or from when until when [164.404(c)(1)(A)].
    BREACH_PERIOD = "breach_period"
    #: The date on which it was discovered [164.404(c)(1)(A)].
    DISCOVERED = "discovered"
    #: This customer's resources and categories of data [Google CDPA 7.2.2].
    DATA_CATEGORIES = "data_categories"
    #: Categories and approximate number of people [GDPR 33(3)(a)].
    SUBJECTS = "subjects"
    #: Approximate number of records [GDPR 33(3)(a)].
    RECORDS = "records"
    #: Who they are, each of them: in an annex, never in the text [164.410(c)(1)].
    INDIVIDUALS = "individuals"
    #: Whether the data was encrypted, and whether its keys were exposed [GDPR 34(3)(a)].
    PROTECTION = "protection"
    #: What may come of it [GDPR 33(3)(c)].
    CONSEQUENCES = "consequences"
    #: What was done [GDPR 33(3)(d)].
    MEASURES_TAKEN = "measures_taken"
    #: What will be done [GDPR 33(3)(d)].
    MEASURES_PLANNED = "measures_planned"
    #: What the customer can do [CDPA 7.2.2, 164.404(c)(1)(C)].
    RECOMMENDED_STEPS = "recommended_steps"
    #: Where to ask [GDPR 33(3)(b)].
    CONTACT_POINT = "contact_point"
    #: When there is more to say [GDPR 33(4)].
    NEXT_UPDATE = "next_update"
    #: Why it was not said earlier [GDPR 33(1)].
    DELAY_REASON = "delay_reason"
    #: The vendor that was involved.
    VENDOR = "vendor"


#: What is worked out for each tenant from the incident, its impact and the rules, unless somebody states it.
DERIVED: Final = frozenset(
    {
        NoticeField.NATURE,
        NoticeField.BREACH_PERIOD,
        NoticeField.DISCOVERED,
        NoticeField.DATA_CATEGORIES,
        NoticeField.SUBJECTS,
        NoticeField.RECORDS,
        NoticeField.INDIVIDUALS,
        NoticeField.PROTECTION,
        NoticeField.CONTACT_POINT,
        NoticeField.NEXT_UPDATE,
        NoticeField.DELAY_REASON,
        NoticeField.VENDOR,
    }
)


@enum.unique
class Certainty(enum.Enum):
    """How much is known of one thing."""

    KNOWN = "known"
    UNKNOWN_YET = "unknown yet"
    NOT_APPLICABLE = "not applicable"


@frozen(order=False)
class Stated:
    """What is known of one thing. Made by `known`, `unknown_yet` and `not_applicable`.

    Args:
        certainty: How much.
        text: What, where it is known; why not, where it is not applicable.
    """

    certainty: Certainty
    text: str | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if (self.certainty is Certainty.UNKNOWN_YET) is not (self.text is None):
            raise IncidentInvalid(
                "an answer is known with a text, not applicable with a reason, or unknown yet without either",
                where="answer",
                cure="Use known(text), not_applicable(reason) or unknown_yet().",
            )


def known(text: str) -> Stated:
    """Return the answer that something is so. Raises `IncidentInvalid` where the text is empty or too long."""
    return Stated(Certainty.KNOWN, checked_text(text, "an answer"))


def unknown_yet() -> Stated:
    """Return the answer that nobody knows yet."""
    return Stated(Certainty.UNKNOWN_YET)


def not_applicable(reason: str) -> Stated:
    """Return the answer that the question does not arise. Raises `IncidentInvalid` where no reason is given."""
    return Stated(Certainty.NOT_APPLICABLE, checked_text(reason, "the reason why something is not applicable"))


@frozen(order=False)
class Statement:
    """What the host states of an incident, to every customer alike: never a word about a single one.

    Args:
        answers: What is stated, by the value of `NoticeField`; what is missing is derived, or unknown yet.
        revision: Counts the changes, from 1; 0 for one that nobody has written yet.
    """

    answers: Mapping[str, Stated] = field(factory=dict[str, Stated], hash=False)
    revision: int = 0

    def __attrs_post_init__(self) -> None:
        for name in self.answers:
            if name not in _FIELDS:
                raise IncidentInvalid(
                    "a notice has no such field", where="statement", cure=f"Name one of: {', '.join(sorted(_FIELDS))}."
                )

    def answer(self, what: NoticeField) -> Stated | None:
        """Return what is stated of one thing; ``None`` where nothing is."""
        return self.answers.get(what.value)

    def stating(self, more: Mapping[NoticeField, Stated]) -> Statement:
        """Return the statement with these answers in place of what it had."""
        return evolve(
            self,
            answers={**self.answers, **{what.value: answer for what, answer in more.items()}},
            revision=self.revision + 1,
        )


_FIELDS: Final = frozenset(one.value for one in NoticeField)
