"""The page that says how each sentence of the clause is kept names tests that exist, and claims nothing without one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import attrs
import pytest

from smartify_core.model import Account, Group, Identity, Membership, PersonalFields, SealedAccount, Tombstone
from smartify_core.policy.clause import clause_page


@pytest.fixture
def rows(repository: Path) -> dict[str, list[str]]:
    """Return the cells of each sentence's row: sentence, mechanism, test, state."""
    page = (repository / "docs" / "reference" / "clause.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if re.match(r"\| C\d+ \|", line)]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({row[0] for row in cells}) == len(cells), "no sentence has two rows"
    return {row[0]: row[1:] for row in cells}


def test_the_page_is_what_the_code_prints(repository: Path) -> None:
    """The page of the clause is made from the code's sentences, and nobody writes in it."""
    page = (repository / "docs" / "reference" / "clause.md").read_text(encoding="utf-8")
    assert page == clause_page(), "make it anew: python -m smartify_core.policy.clause"


def test_every_sentence_has_its_row(rows: dict[str, list[str]]) -> None:
    """C1 to C17 have one complete row each, in order."""
    assert list(rows) == [f"C{number}" for number in range(1, 18)]
    assert all(len(cells) == 4 and all(cells) for cells in rows.values())


def test_every_named_test_exists(rows: dict[str, list[str]], repository: Path) -> None:
    """A sentence is kept, wholly or in part, only by tests that are there; one that is not built names none."""
    for sentence, (_, _, proof, state) in rows.items():
        named = re.findall(r"`([^`:]+)::(\w+)`", proof)
        assert state.startswith(("kept", "in part: ", "not built yet"))
        assert bool(named) != state.startswith("not built yet"), sentence
        for file, test in named:
            tree = ast.parse((repository / file).read_text(encoding="utf-8"))
            assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, sentence


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Identity, {"source_id", "email", "given_name", "family_name", "inactive_reason", "memberships"}),
        (PersonalFields, {"email", "given_name", "family_name", "memberships"}),
        (Membership, {"group", "path"}),
        (Group, {"id", "email", "name"}),
        (
            Account,
            {"tenant", "source_id", "account_id", "state", "inactive_reason", "personal", "predecessor", "adopted"},
        ),
    ],
)
def test_a_person_is_these_fields_and_no_others(kind: type[attrs.AttrsInstance], fields: set[str]) -> None:
    """First name, last name, email and groups are all that any value holds about a person, besides ids and state."""
    assert {field.name for field in attrs.fields(kind)} == fields


@pytest.mark.parametrize("kind", [SealedAccount, Tombstone])
def test_what_storage_sees_has_no_personal_field(kind: type[attrs.AttrsInstance]) -> None:
    """What a backend is handed has no field for a name or an address."""
    names = {field.name for field in attrs.fields(kind)}
    assert names.isdisjoint({"email", "given_name", "family_name", "name", "memberships", "groups", "personal"})
