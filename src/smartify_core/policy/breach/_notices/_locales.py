"""The languages that notices can be written in: those that come with this library, and a host's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from smartify_core.errors import TemplateInvalid
from smartify_core.policy.breach._customer import is_language_tag

from ._packs import de, en, fr
from ._words import Words, nearest, places_in

_LONGEST: Final = 2_000
_SHIPPED: Final[Mapping[str, Mapping[str, str]]] = {"de": de.MESSAGES, "en": en.MESSAGES, "fr": fr.MESSAGES}


class Locales:
    """The languages of notices. A value: what adds a language returns another one.

    Args:
        packs: Messages by language tag, beside English, German and French. A message that a language lacks is said in
            English.

    Raises:
        TemplateInvalid: A tag, the id of a message or a place in one is unknown. Names it and the nearest.
    """

    def __init__(self, packs: Mapping[str, Mapping[str, str]] | None = None) -> None:
        made = {tag: Words(tag, messages) for tag, messages in _SHIPPED.items()}
        for tag, messages in (packs or {}).items():
            _check(tag, messages)
            before = made.get(tag.lower())
            made[tag.lower()] = Words(tag, {**en.MESSAGES, **(before.messages if before else {}), **messages})
        self._words = made
        self._packs = dict(packs or {})

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of all languages, in order."""
        return tuple(sorted(words.tag for words in self._words.values()))

    def words(self, tag: str) -> Words:
        """Return the words of a language; without it those of the wider one (``de`` for ``de-AT``), or English."""
        wanted = tag.lower()
        while wanted:
            if (found := self._words.get(wanted)) is not None:
                return found
            wanted = wanted.rpartition("-")[0]
        return self._words["en"]

    def with_pack(self, tag: str, messages: Mapping[str, str]) -> Locales:
        """Return these languages with another one, or with other words for one. Raises `TemplateInvalid`."""
        return Locales({**self._packs, tag: {**self._packs.get(tag, {}), **messages}})

    def with_file(self, file: Path) -> Locales:
        """Return these languages with the one of a TOML file: its tag as ``locale``, and a table ``messages``.

        Raises:
            TemplateInvalid: The file cannot be read, or something in it is misshapen or unknown.
        """
        where = file.name
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except OSError:
            raise TemplateInvalid("the file cannot be read", where=where, cure="Name a file that is there.") from None
        except ValueError:  # what is no UTF-8 is one too
            raise TemplateInvalid("the file is not well formed", where=where, cure="Write it in TOML.") from None
        for key in content:
            if key not in {"locale", "messages"}:
                raise TemplateInvalid(
                    f"there is no key {key!r}", where=where, cure=nearest(key, {"locale", "messages"})
                )
        tag, messages = content.get("locale"), content.get("messages")
        if not isinstance(tag, str) or not isinstance(messages, dict):
            raise TemplateInvalid(
                "the file lacks its language or its messages",
                where=where,
                cure='Write locale = "nl" and a table [messages].',
            )
        return self.with_pack(tag, messages)

    def __iter__(self) -> Iterator[Words]:
        """Yield the words of every language."""
        return iter(self._words.values())


def _check(tag: object, messages: Mapping[str, object]) -> None:
    if not is_language_tag(tag):
        raise TemplateInvalid("that is no language tag", where="locale", cure="Give one of RFC 5646, such as nl.")
    for name, text in messages.items():
        where = f"locale {tag}, message {name}"
        if name not in en.MESSAGES:
            raise TemplateInvalid(
                f"there is no message {name!r}", where=f"locale {tag}", cure=nearest(name, en.MESSAGES)
            )
        if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST or not text.isprintable():
            raise TemplateInvalid(
                "a message is empty, too long or more than one line", where=where, cure="Write it on one line."
            )
        known = places_in(en.MESSAGES[name], where)
        for place in sorted(places_in(text, where) - known):
            cure = nearest(place, known) if known else "Leave it out: this message has no values."
            raise TemplateInvalid(f"there is no value {place!r} for it", where=where, cure=cure)
