"""The page of the clause, made from the sentences. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ._sentences import SENTENCES, Sentence

_HEAD: Final = """\
# The clause, sentence by sentence

What a vendor promises its Google Workspace customers, what in this library keeps each sentence, and the test that would
fail if it did not. *State* is honest: **kept** means that mechanism and test are both here; **in part** says what is
missing; **not built yet** means that you must keep the sentence by other means today. What of this your own
configuration and store do, `smartify doctor` says.

This page is made from code: `python -m smartify_core.policy.clause`.

| no. | sentence | mechanism | test | state |
|---|---|---|---|---|
"""


def clause_page(sentences: Sequence[Sentence] = SENTENCES) -> str:
    """Return the page as Markdown."""
    return _HEAD + "".join(map(_row, sentences))


def _row(one: Sentence) -> str:
    tests = ", ".join(f"`{test}`" for test in one.tests) or "none"
    state = one.keeping.value + (f": {one.missing}" if one.missing else "")
    return f"| {one.id} | {one.text} | {one.mechanism} | {tests} | {state} |\n"
