"""The reference pages of the request log's settings and questions, held against the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog import Collecting, Feature, RequestLog, TrustedProxies
from smartify_core.requestlog.analysis import QUESTIONS, Question
from smartify_core.requestlog.analysis._dimensions import APPLICATION, PERSONAL
from smartify_core.requestlog.analysis.duckdb import LogFiles
from smartify_core.requestlog.analysis.spark import SparkLogs
from smartify_core.requestlog.files import JsonLinesFile
from smartify_core.requestlog.processors import HeaderOnly, StructlogSink

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
SETTINGS = (REFERENCE / "request-log-settings.md").read_text(encoding="utf-8")
ASKED = (REFERENCE / "questions.md").read_text(encoding="utf-8")
CLASSES = (Collecting, TrustedProxies, RequestLog, JsonLinesFile, LogFiles, SparkLogs, StructlogSink, HeaderOnly)
#: What a table of the page begins with.
OPTIONS = "| option |"
QUESTION = "| question |"
PARAMETER = "| parameter |"


def rows(text: str, head: str) -> list[list[str]]:
    """Return the cells of all rows of the tables of a text whose first column has this head."""
    found: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith(head):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|---"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def named(cell: str) -> tuple[str, ...]:
    """Return the names in a cell, which stand between backticks."""
    return tuple(re.findall(r"`(\w+)`", cell))


def section(text: str, title: str) -> str:
    """Return the section of a class."""
    return text.partition(f"\n## `{title}`\n")[2].partition("\n## ")[0]


def asked(name: str) -> Sequence[str]:
    """Return the row of a question."""
    (row,) = [row for row in rows(ASKED, QUESTION) if row[0] == f"`{name}`"]
    return row


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_setting_has_its_row(kind: type) -> None:
    """The page of settings names the parameters of each class, all of them and in order, each with what it does."""
    told = rows(section(SETTINGS, kind.__name__), OPTIONS)
    assert [row[0] for row in told] == [f"`{name}`" for name in inspect.signature(kind).parameters]
    assert all(len(row) == 4 and all(row) for row in told)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_setting_has_its_default(kind: type) -> None:
    """The page of settings says of each parameter the default that it has, or that it is required."""
    given = inspect.signature(kind).parameters
    for name, _, default, _ in rows(section(SETTINGS, kind.__name__), OPTIONS):
        real = given[name.strip("`")].default
        if real is inspect.Parameter.empty:
            assert default == "required", name
        elif callable(real):
            assert default == "the system's clock", name
        else:
            said = eval(default.strip("`"), {"timedelta": timedelta})
            assert (type(said), said) == (type(real), real), name


def test_each_example_of_a_name_that_is_refused_is_refused() -> None:
    """No name that the page of settings gives as an example of a value may be a feature's."""
    told = rows(SETTINGS, "| what |")
    assert len(told) == 7
    for _, example in told:
        with pytest.raises(UsageError, match="looks like a value"):
            Feature(example.strip("`"))


def test_each_question_has_its_row() -> None:
    """The page of questions names every question once, and none that there is not."""
    assert sorted(row[0] for row in rows(ASKED, QUESTION)) == sorted(f"`{name}`" for name in QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda question: question.name)
def test_each_question_has_its_parameters_and_columns(question: Question) -> None:
    """The row of a question names its parameters and its columns, all of them and in order."""
    _, answers, parameters, columns, _ = asked(question.name)
    assert answers
    assert named(parameters) == question.parameters
    assert named(columns) == question.columns


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda question: question.name)
def test_each_question_says_whether_it_has_the_floor(question: Question) -> None:
    """The row of a question says whether the floor holds: of those whose dimension is chosen, that it depends."""
    depends = "of" in question.dimensions
    assert asked(question.name)[-1] == ("of equipment" if depends else "yes" if question.personal else "no")


def test_each_parameter_has_its_row() -> None:
    """Every parameter of a question has a row that names the questions which take it, and its values."""
    told = {name: named(row[1]) for row in rows(ASKED, PARAMETER) for name in named(row[0])}
    taken: dict[str, list[str]] = {}
    for question in QUESTIONS.values():
        for name in question.parameters:
            taken.setdefault(name, []).append(question.name)
    assert {name: sorted(some) for name, some in told.items()} == {name: sorted(some) for name, some in taken.items()}
    assert all(all(row) for row in rows(ASKED, PARAMETER))


def test_each_dimension_that_can_be_compared_is_named() -> None:
    """The parameter of what is compared lists all dimensions, and which of them have the floor."""
    (values,) = [row[2] for row in rows(ASKED, PARAMETER) if row[0] == "`of`"]
    assert tuple(re.findall(r'"(\w+)"', values)) == (*APPLICATION, *PERSONAL)
    (said,) = [line for line in ASKED.splitlines() if line.startswith('"Of equipment"')]
    with_floor, _, without = (part for part in said.partition("It does not"))
    assert (named(with_floor)[1:], named(without)[1:]) == (PERSONAL, APPLICATION)
