from __future__ import annotations

import json
import re
from pathlib import Path

from smartify_core.requestlog import FIELDS, NOTE_FIELDS, Field, manifest, notice

REPOSITORY = Path(__file__).parents[3]
APPROVED = REPOSITORY / "src" / "smartify_core" / "requestlog" / "manifest.json"
PAGE = REPOSITORY / "docs" / "reference" / "request-log.md"


def test_what_is_collected_is_what_was_approved() -> None:
    """A field that is new, gone or changed fails the build until the manifest beside the code is changed as well."""
    assert manifest() == json.loads(APPROVED.read_text(encoding="utf-8"))


def _row(one: Field) -> str:
    marks = ["yes" if one.required else "", "yes" if one.personal else ""]
    return f"| {' | '.join([f'`{one.name}`', one.kind, *marks, one.clause, one.meaning])} |"


def test_the_reference_says_what_the_schema_declares() -> None:
    """Every field has its row in the reference, word for word and in order, and there are no other rows."""
    rows = [
        re.sub(r" +", " ", line)
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if re.match(r"\| `\w+` \|", line)
    ]
    assert rows == [re.sub(r" +", " ", _row(one)) for one in (*FIELDS, *NOTE_FIELDS)]


def test_the_notice_names_every_field() -> None:
    """The text for a privacy notice says what is kept, field by field, and what never is."""
    text = notice()
    assert all(one.meaning in text for one in FIELDS if one.name != "v")
    assert "We never keep paths, queries, request and response bodies, cookies" in text


def test_each_field_serves_words_of_the_clause() -> None:
    """Nothing is collected that no sentence of the clause asks for."""
    clause = (REPOSITORY / "docs" / "reference" / "clause.md").read_text(encoding="utf-8").lower()
    words = {
        "ip",
        "browser type",
        "browser language",
        "referring url",
        "features accessed",
        "errors",
        "time zone",
        "operating system",
        "analyse trends",
        "administer",
    }
    assert {one.clause.lower() for one in FIELDS if one.name != "v"} <= words
    assert {one.clause.lower() for one in FIELDS} >= words - {"analyse trends", "administer"}, (
        "each word of C5 is served"
    )
    assert "features accessed" in clause
