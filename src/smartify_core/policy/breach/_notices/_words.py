"""The words of one language, and texts with places for values in them. Pure.

A place is ``{name}`` with a name of a closed list, and nothing else: no attribute, index, format or expression can be
written into one, and a value that looks like a place stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache

from attrs import field, frozen

from smartify_core.errors import TemplateInvalid

_place = re.compile(r"\{([^{}]*)\}")


def places_in(text: str, where: str) -> frozenset[str]:
    """Return the names of the places in a text.

    Raises:
        TemplateInvalid: A brace stands alone.
    """
    names = frozenset(_place.findall(text))
    if set("{}") & set(_place.sub("", text)):
        raise TemplateInvalid(
            "a brace stands alone or within another", where=where, cure="Write {name} for a value, and no other braces."
        )
    return names


def nearest(name: str, known: Collection[str]) -> str:
    """Return the known name that is most like ``name``, as the end of a cure; the list of all where none is."""
    found = get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"Did you mean {found[0]}?" if found else f"Use one of: {', '.join(sorted(known))}."


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its values in place. A name without a value stays as it is."""
    return _place.sub(lambda found: values.get(found[1], found[0]), text)


@frozen(order=False, eq=False)
class Words:
    """The messages of one language.

    Args:
        tag: The language's tag (RFC 5646).
        messages: By their ids, all of them.
    """

    tag: str
    messages: Mapping[str, str] = field(repr=False)

    def say(self, message: str, **values: str | int) -> str:
        """Return a message with its values."""
        text = self.messages[message]
        return filled(text, {name: str(value) for name, value in values.items()}) if values else text

    def instant(self, at: datetime) -> str:
        """Return an instant in words and in ISO 8601, in UTC."""
        return _instant(self, at)


@lru_cache(maxsize=1_024)
def _instant(words: Words, at: datetime) -> str:
    utc = at.astimezone(UTC)
    return words.say(
        "date",
        day=utc.day,
        month=words.messages[f"month_{utc.month}"],
        year=utc.year,
        clock=f"{utc:%H:%M}",
        iso=f"{utc:%Y-%m-%dT%H:%MZ}",
    )
