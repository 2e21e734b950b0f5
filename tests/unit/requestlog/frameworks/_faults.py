"""What goes wrong in the applications under test, each with a text that nobody may find in a log."""

from __future__ import annotations

from pathlib import Path

SECRET = "qzxj-text-of-an-exception@vkqx.zjq"
#: A part of a body that never ends.
MORE = b"more" * 10_000
#: Enough for several reads of any server.
BIG = Path(__file__).with_name("_faults.py").read_bytes() * 300


class Broken(Exception):
    """Nobody handles it."""

    def __init__(self) -> None:
        super().__init__(SECRET)
        self.add_note(SECRET)


class Handled(Exception):
    """A handler of the application answers it with 500."""

    def __init__(self) -> None:
        super().__init__(SECRET)


class Refused(Exception):
    """A handler of the application answers it with 422: the client's mistake."""

    def __init__(self) -> None:
        super().__init__(SECRET)
