"""What is stated of an incident, as a file: a text for each field that is known, or a table for one that is not."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Final

from smartify_core.errors import IncidentInvalid
from smartify_core.policy.breach import NoticeField, Stated, known, not_applicable, unknown_yet

_FIELDS: Final = {one.value: one for one in NoticeField}


def read_statement(file: Path) -> dict[NoticeField, Stated]:
    """Return what a TOML file states.

    A field is a text where it is known, ``{ not_applicable = "why" }`` where it does not arise, and
    ``{ unknown = true }`` where nobody knows yet.

    Raises:
        IncidentInvalid: The file cannot be read, or something in it is misshapen: the error says what, and at which
            key. Nothing of the file is stated then.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        raise IncidentInvalid("the statement cannot be read", where=file.name, cure="Name a text file.") from None
    except (tomllib.TOMLDecodeError, RecursionError):
        raise IncidentInvalid("the statement is not well formed", where=file.name, cure="Mend the TOML.") from None
    return {_field(file, name): _stated(file, name, value) for name, value in content.items()}


def _field(file: Path, name: str) -> NoticeField:
    if name in _FIELDS:
        return _FIELDS[name]
    near = difflib.get_close_matches(name, _FIELDS, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise IncidentInvalid(
        "a notice has no such field", where=file.name, cure=f"{hint}Name one of: {', '.join(sorted(_FIELDS))}."
    )


def _stated(file: Path, name: str, value: object) -> Stated:
    try:
        match value:
            case str():
                return known(value)
            case {"not_applicable": str() as reason, **rest} if not rest:
                return not_applicable(reason)
            case {"unknown": True, **rest} if not rest:
                return unknown_yet()
    except IncidentInvalid as error:
        raise IncidentInvalid(error.what, where=f"{file.name}, {name}", cure=error.cure) from None
    raise IncidentInvalid(
        "an answer is neither a text nor a table that says why there is none",
        where=f"{file.name}, {name}",
        cure='Write a text, { not_applicable = "why" } or { unknown = true }.',
    )
