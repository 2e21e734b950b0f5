"""What each field is, and which words of the clause it serves. Pure."""

from __future__ import annotations

from typing import Final

from smartify_core.requestlog._event._schema import FIELDS
from smartify_core.requestlog.report._markup import Element
from smartify_core.requestlog.report._tables import Column, code, table

from ._section import section

_COLUMNS: Final = (Column("Field", "name"), Column("What it is", "name"), Column("Words of the clause", "name"))


def fields() -> Element:
    """Return the legend."""
    rows = [
        (code(one.name), one.meaning, one.clause if one.clause.strip("-") else "(about the line itself)")
        for one in FIELDS
    ]
    return section(
        "fields",
        "Fields",
        "All that the log has a place for. The words are those of the privacy clause that says which data are logged, "
        "and what for: to analyse trends, to administer, to improve. No field can hold a body, a query, a cookie, a "
        "name or an account.",
        table("fields-table", "Every field of a line", _COLUMNS, rows, kind="stacked fields"),
    )
