"""People of a sample: every kind of name and address that trips up software, in believable shares."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from attrs import define, field

from ._sample import SamplePerson
from ._sample_ids import numbered_person_id
from ._sample_names import APOSTROPHES, LONG_FAMILY, LONG_GIVEN, MONONYMS, NAMINGS

_T = TypeVar("_T")

#: What Google shows for the family name that a person of one name does not have.
ZERO_WIDTH = "\u200b"
#: The longest name part that the Directory API documents.
LONGEST = 60

#: What the first people after the admin are, one trait each, so that even a small sample has them all.
_FIRST_TRAITS = (
    "one name",
    "suspended",
    "apostrophe",
    "archived",
    "plus",
    "mixed case",
    "long",
    "alias",
    "no given name",
    "second domain",
    "suspended and archived",
)
#: What everybody else is, by chance: the share of each trait; the rest is plain.
_SHARES = (
    ("mixed case", 0.05),
    ("alias", 0.05),
    ("suspended", 0.04),
    ("plus", 0.02),
    ("archived", 0.02),
    ("apostrophe", 0.02),
    ("one name", 0.01),
    ("no given name", 0.01),
    ("long", 0.01),
    ("suspended and archived", 0.005),
)
_TAGS = ("+crm", "+work", "+travel", "+test")


class Dice:
    """Chance that falls the same on every Python: made of ``Random.random`` alone, whose sequence stays by contract."""

    def __init__(self, seed: int) -> None:
        self.roll = random.Random(seed).random  # noqa: S311 - a sample wants repeatable chance, not secrets

    def below(self, number: int) -> int:
        """Return a number from 0 up to, not including, ``number``."""
        return int(self.roll() * number)

    def pick(self, choices: Sequence[_T]) -> _T:
        """Return one of ``choices``."""
        return choices[int(self.roll() * len(choices))]


@define
class Addresses:
    """Gives out addresses, each once whatever its case. No stem holds a digit, so a number behind it makes it new."""

    domains: tuple[str, ...]
    _taken: dict[tuple[str, str, str], int] = field(factory=dict)

    def take(self, stem: str, domain: str, tag: str = "") -> str:
        """Return ``stem``, the number that it needs, ``tag``, and the domain."""
        key = (stem.lower(), tag, domain)
        times = self._taken[key] = self._taken.get(key, 0) + 1
        return f"{stem}{times if times > 1 else ''}{tag}@{domain}"


@define
class PeopleMaker:
    """Makes people one by one; ids by counting from ``first_id``."""

    dice: Dice
    addresses: Addresses
    first_id: int
    _made: int = 0

    def make(self) -> SamplePerson:
        """Return the next person. The first is the admin: active, with the address ``admin`` at the first domain."""
        number = self._made
        self._made += 1
        naming = NAMINGS[number] if number < len(NAMINGS) else self.dice.pick(NAMINGS)
        (given, given_roman), (family, family_roman) = self.dice.pick(naming.given), self.dice.pick(naming.family)
        source_id = numbered_person_id(self.first_id, number)
        if number == 0:
            return SamplePerson(source_id, self.addresses.take("admin", self.addresses.domains[0]), given, family)
        trait = self._trait(number)
        if trait == "apostrophe":
            family, family_roman = self.dice.pick(APOSTROPHES)
        elif trait in {"one name", "no given name"}:
            given, given_roman = self.dice.pick(MONONYMS)
            family, family_roman = ZERO_WIDTH, ""
        elif trait == "long":
            given, family = _joined(LONG_GIVEN), _joined(LONG_FAMILY)
            given_roman, family_roman = "mariana", "wolfeschlegelsteinhausen"
        if trait == "no given name":
            given, family = "", given
        domain = self._domain(trait)
        stem = self._stem(given_roman, family_roman)
        if trait == "mixed case":
            stem = "".join(part.capitalize() for part in _with_dots(stem))
        return SamplePerson(
            source_id,
            self.addresses.take(stem, domain, self.dice.pick(_TAGS) if trait == "plus" else ""),
            given,
            family,
            suspended=trait in {"suspended", "suspended and archived"},
            archived=trait in {"archived", "suspended and archived"},
            aliases=self._aliases(given_roman) if trait == "alias" else (),
        )

    def _trait(self, number: int) -> str:
        if number <= len(_FIRST_TRAITS):
            return _FIRST_TRAITS[number - 1]
        roll = self.dice.roll()
        for trait, share in _SHARES:
            roll -= share
            if roll < 0:
                return trait
        return "plain"

    def _domain(self, trait: str) -> str:
        domains = self.addresses.domains
        others = domains[1:] or domains
        if trait == "second domain":
            return others[0]
        return domains[0] if self.dice.roll() < 0.8 else self.dice.pick(others)  # noqa: PLR2004 - most are at the first

    def _stem(self, given: str, family: str) -> str:
        if not family:
            return given
        return self.dice.pick((f"{given}.{family}", f"{given}.{family}", f"{given[0]}{family}", f"{family}.{given}"))

    def _aliases(self, given: str) -> tuple[str, ...]:
        """Return the address from before a marriage, and a short one."""
        before = self.dice.pick(self.dice.pick(NAMINGS).family)[1]
        domains = self.addresses.domains
        return self.addresses.take(f"{given}.{before}", self.dice.pick(domains)), self.addresses.take(given, domains[0])


def _with_dots(stem: str) -> list[str]:
    """Cut ``stem`` at its dots, which stay."""
    first, *rest = stem.split(".")
    return [first, *(piece for part in rest for piece in (".", part))]


def _joined(parts: Sequence[str]) -> str:
    """Join as many parts as fit into the longest name."""
    name = parts[0]
    for part in parts[1:]:
        if len(name) + 1 + len(part) > LONGEST:
            break
        name = f"{name} {part}"
    return name
