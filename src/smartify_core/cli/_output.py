"""What the command prints: for people, lines; with ``--json``, exactly one document on stdout.

Whatever else there is to say goes to stderr.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, Self

import click

from smartify_core.errors import OutputFailed, SmartifyError

from . import _documents as documents

#: Where output fails that nothing more can be told on.
STDOUT: Final = "standard output"
#: Characters that steer a terminal, or turn the direction of the text around them. A directory's names may hold any
#: of them.
_STEERING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


@contextmanager
def _writing() -> Iterator[None]:
    """Name what keeps output from being written; a closed pipe is no trouble, and passes."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFailed(
            f"the output cannot be written ({errno.errorcode.get(error.errno or 0, type(error).__name__)})",
            where=STDOUT,
            cure="Make room, or write it elsewhere; what the command did otherwise is done.",
        ) from None


def harmless(text: str) -> str:
    """Return ``text`` without the characters that would steer a terminal, so that no name can forge what is shown."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if one in _STEERING or unicodedata.category(one) in {"Cc", "Cs"} else one
        for one in text
    )


class Output:
    """Where one command's results go.

    Args:
        as_json: Whether stdout is for one JSON document.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._spoken = False
        for stream in (sys.stdout, sys.stderr):
            # A name that the terminal's encoding lacks is shown as an escape; it is no reason to fail. JSON is UTF-8
            # (RFC 8259),
            # and there the escape of half a surrogate pair happens to be JSON's own.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace", **({"encoding": "utf-8"} if as_json else {}))
        #: Whether stdout can show the blocks that bars are made of.
        self.has_blocks = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        self._plain = as_json or not sys.stdout.isatty() or "NO_COLOR" in os.environ

    def document(self, document: documents.Document) -> None:
        """Print the one JSON document; does nothing for people."""
        if self.as_json and not self._spoken:
            self._spoken = True
            with _writing():
                json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
                sys.stdout.write("\n")

    def line(self, text: str = "") -> None:
        """Print a line for people; does nothing with ``--json``."""
        if not self.as_json:
            with _writing():
                sys.stdout.write(f"{harmless(text)}\n")

    def heading(self, text: str) -> None:
        """Print the heading of what follows, after an empty line."""
        if not self.as_json:
            with _writing():
                sys.stdout.write(f"\n{text if self._plain else click.style(text, bold=True)}\n")

    def note(self, text: str) -> None:
        """Print a line to stderr, in either mode."""
        try:
            sys.stderr.write(f"{harmless(text)}\n")
        except BrokenPipeError:
            raise
        except OSError:
            # There is nowhere left to complain, and what was asked for can still be done.
            return

    def fail(self, error: SmartifyError) -> None:
        """Print an error: to stderr, and with ``--json`` also as the document, unless that was begun already."""
        self.note(f"smartify: {error}")
        self.document({"error": documents.of_error(error)})

    def lament(self, error: OutputFailed) -> None:
        """Say on stderr that stdout takes nothing more, if stderr still does."""
        with suppress(BrokenPipeError):
            self.note(f"smartify: {error}")

    @property
    def spoken(self) -> bool:
        """Return whether the JSON document was printed."""
        return self._spoken

    def listing(self, head: documents.Document, name: str) -> Listing:
        """Begin the JSON document that ends in a long list; nothing else may be printed as JSON then."""
        return Listing(self, head, name)

    def write(self, text: str) -> None:
        """Print a part of the JSON document that a `Listing` stands for."""
        self._spoken = True
        with _writing():
            sys.stdout.write(text)

    def flush(self) -> None:
        """Hand everything to the operating system, so that a closed pipe shows itself here."""
        with _writing():
            sys.stdout.flush()


class Listing:
    """A JSON document whose last key is a long list, printed entry by entry, so that it never stands whole in memory.

    A context manager. What stops it half-way closes the list and becomes the document's key ``error``: what was
    printed stays one JSON document. Before the first entry nothing is printed, and whatever stops it then is reported
    as any error is.
    """

    def __init__(self, output: Output, head: documents.Document, name: str) -> None:
        self._output = output
        parts = "".join(f"{json.dumps(key)}: {json.dumps(value)}, " for key, value in head.items())
        self._opening = f"{{{parts}{json.dumps(name)}: ["
        self._begun = False

    def add(self, entry: documents.Document, *, at_once: bool = False) -> None:
        """Print one entry; ``at_once`` does not let it wait for others."""
        self._output.write((",\n  " if self._begun else f"{self._opening}\n  ") + json.dumps(entry, ensure_ascii=False))
        self._begun = True
        if at_once:
            self._output.flush()

    def __enter__(self) -> Self:
        """Return the listing itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the list, and say what stopped it if anything did."""
        if isinstance(error, OSError | OutputFailed) or (error is not None and not self._begun):
            return
        closing = "\n]" if self._begun else f"{self._opening}]"
        if error is not None:
            reason = error if isinstance(error, SmartifyError) else SmartifyError("the listing was cut short")
            closing += f', "error": {json.dumps(documents.of_error(reason), ensure_ascii=False)}'
        self._output.write(closing + "}\n")
