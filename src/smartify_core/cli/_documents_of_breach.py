"""What the commands of breaches print as JSON, as plain values. Pure. ``docs/reference/cli.md`` promises the shapes.

What a value keeps out of its ``repr`` (an address, somebody's words, the text of a notice) is not printed either,
unless a command was asked for just that.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import fields, has

from ._documents import Document


def of_value(value: Any) -> Document:  # noqa: ANN401 - any class of values, told apart by its own declaration
    """Return a value of attrs by its own names, without what its ``repr`` does not show."""
    return {one.name: _plain(getattr(value, one.name)) for one in fields(type(value)) if one.repr is not False}


def _plain(value: Any) -> Any:  # noqa: ANN401 - as above
    match value:
        case enum.Enum():
            plain = value.value
        case datetime():
            plain = value.isoformat()
        case timedelta():
            plain = value.total_seconds()
        case Path():
            plain = str(value)
        case Mapping():
            plain = {str(_plain(key)): _plain(one) for key, one in value.items()}
        case tuple() | list() | set() | frozenset():
            plain = [_plain(one) for one in value]
        case _:
            plain = of_value(value) if has(type(value)) else value
    return plain
