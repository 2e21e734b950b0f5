from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.cli._output import Output, harmless
from smartify_core.cli._signals import Stopped
from smartify_core.errors import SealBroken


@given(st.text())
def test_harmless_text_steers_no_terminal(text: str) -> None:
    """What is shown has no control character and no character that turns the direction of its surroundings."""
    shown = harmless(text)
    assert len(shown) == len(text)
    assert not any(unicodedata.category(one) == "Cc" or "\u202a" <= one <= "\u202e" for one in shown)


@pytest.mark.parametrize("name", ["Šárka O’Sullivan", "健太 鈴木", "طارق الفارسي", "क्‍ष", "[bold]x[/bold]", "a\u200bb"])
def test_harmless_leaves_names_alone(name: str) -> None:
    """Names in every script, joiners and square brackets included, are shown as they are."""
    assert harmless(name) == name


def test_names_cannot_forge_markup_or_colours(capsys: pytest.CaptureFixture[str]) -> None:
    """A name with an escape sequence, a line break or markup is one line of plain text."""
    Output(as_json=False).line("\x1b[31mred\nactive  [link=x]y[/link] :smile:")
    assert capsys.readouterr().out == "\ufffd[31mred\ufffdactive  [link=x]y[/link] :smile:\n"


def test_long_lines_are_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    """A line stays a line, however long, so that it can be searched and cut by other programs."""
    Output(as_json=False).line("word " * 100)
    assert capsys.readouterr().out.count("\n") == 1


def test_one_document_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--json`` lines are not printed, and a failure after the document goes to stderr only."""
    output = Output(as_json=True)
    output.line("for people")
    output.document({"a": 1})
    output.fail(SealBroken("broken", where="account 1"))
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"a": 1}
    assert captured.err == "smartify: SC309 broken (account 1).\n"


entries = st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text())))


@given(entries)
def test_listing_is_one_document(items: list[dict[str, Any]]) -> None:
    """A list printed entry by entry is the document that it would be in one piece."""
    assert json.loads(_printed(items)) == {"tenant": "t", "accounts": items}


def _printed(items: list[dict[str, Any]], *, stop: BaseException | None = None) -> str:
    parts: list[str] = []

    class Collecting(Output):
        def write(self, text: str) -> None:
            parts.append(text)

    try:
        with Collecting(as_json=True).listing({"tenant": "t"}, "accounts") as listing:
            for item in items:
                listing.add(item)
            if stop is not None:
                raise stop
    except (SealBroken, Stopped, OSError):
        if stop is None:
            raise
    return "".join(parts)


@pytest.mark.parametrize("stop", [SealBroken("broken"), Stopped(15)])
def test_listing_that_breaks_off_is_still_one_document(stop: BaseException) -> None:
    """What stops a list half-way becomes the document's error."""
    document = json.loads(_printed([{"a": 1}, {"b": 2}], stop=stop))
    assert document["accounts"] == [{"a": 1}, {"b": 2}]
    assert document["error"]["code"] in {"SC309", "SC000"}


def test_listing_that_never_began_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """What fails before the first entry is reported like any error: the document is that error."""
    assert _printed([], stop=SealBroken("broken")) == ""
    output = Output(as_json=True)
    with pytest.raises(SealBroken), output.listing({}, "accounts"):
        raise SealBroken("broken")
    output.fail(SealBroken("broken"))
    assert list(json.loads(capsys.readouterr().out)) == ["error"]


def test_listing_after_a_closed_pipe_says_no_more() -> None:
    """When stdout is gone, nothing more is written to it."""
    assert _printed([{"a": 1}], stop=BrokenPipeError()) == '{"tenant": "t", "accounts": [\n  {"a": 1}'
