"""How queries are put together. Pure.

Queries are templates: ``$name`` stands for a part that goes in where the query is made, ``@name`` for a relation, which
every engine has under a name of its own. Parts are numbers that were checked to be such, names of closed lists, and
queries; text that somebody handed over is never among them. They keep to what DuckDB and Spark understand alike: no
division, no function of time, no collation, ``is not distinct from`` where nulls may meet, an order for nulls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from string import Template

# Names of files may hold anything: what stands in quotation marks is left alone.
_relation = re.compile(r"'(?:[^']|'')*'|@(\w+)")

_pattern_sign = re.compile(r"([*?\[])")


def filled(text: str, **parts: object) -> str:
    """Return a template with its parts in it."""
    return Template(text.strip()).substitute({name: str(part) for name, part in parts.items()})


def named(query: str, name: Callable[[str], str]) -> str:
    """Return a query with the relations' own names in it."""
    return _relation.sub(lambda found: name(found[1]) if found[1] else found[0], query)


def quoted(text: str) -> str:
    """Return the name of a file as SQL writes text."""
    return "'" + text.replace("'", "''") + "'"


def read_name(path: object) -> str:
    """Return the name of a file that is to be read as SQL writes it: DuckDB takes any name there for a pattern."""
    return quoted(_pattern_sign.sub(r"[\1]", str(path)))


def within(column: str, since: int | None, until: int | None) -> str:
    """Return the condition that a time lies in a period, whose ends may be open."""
    ends = [*([] if since is None else [f"{column} >= {since}"]), *([] if until is None else [f"{column} < {until}"])]
    return " and ".join(ends) or "true"
