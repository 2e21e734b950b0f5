"""Answers as CSV (RFC 4180), which spreadsheets open without taking a name of the log for a formula. Pure."""

from __future__ import annotations

from typing import Final

from ._answers import Answer, Cell

#: With any of these, or what is drawn like it, a spreadsheet begins a formula. Tab and CR may stand before one.
_FORMULAS: Final = frozenset("=+-@\t\r＝＋－＠")
_QUOTED: Final = frozenset(',"\r\n')


def to_csv(answer: Answer) -> str:
    """Return an answer as CSV: a line of columns, and one for each row, each ending in CR LF.

    Text that a spreadsheet would calculate has an apostrophe before it, by which spreadsheets know a text: that is text
    that begins with ``=``, ``+``, ``-``, ``@``, a tab or CR, also after spaces. Numbers are as they are, and None is an
    empty cell.

    Args:
        answer: What an engine answered.
    """
    lines = (answer.columns, *answer.rows)
    return "".join(f"{','.join(map(_cell, line))}\r\n" for line in lines)


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    text = f"'{value}" if value.lstrip(" \n")[:1] in _FORMULAS and value.strip(" \n") else value
    if _QUOTED.isdisjoint(text) and text.strip() == text:
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
