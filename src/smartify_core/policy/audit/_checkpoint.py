"""What a checkpoint says: whose trail, how many entries, and the root over them (C2SP tlog-checkpoint). Pure."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from typing import Final

from attrs import frozen

from smartify_core.errors import UsageError

from ._tree import HASH_BYTES, check_size

_LONGEST_ORIGIN: Final = 200
#: One line, without the spaces that would part a key's name from its hash.
_origin_like = re.compile(r"[^\s+]{1,200}").fullmatch
_size_like = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII).fullmatch
_LINES: Final = 4


@frozen(order=False)
class Checkpoint:
    """How far a trail had come.

    Args:
        origin: Whose trail it is: a name that no other trail has, such as ``vendor.example/audit/acme``.
        size: How many entries it had.
        root: The root over them, 32 bytes.

    Raises:
        UsageError: A value makes no sense.
    """

    origin: str
    size: int
    root: bytes

    def __attrs_post_init__(self) -> None:
        check_origin(self.origin)
        check_size(self.size)
        root: object = self.root  # types are no promise at run time
        if not isinstance(root, bytes) or len(root) != HASH_BYTES:
            raise UsageError("a root has 32 bytes", where="Checkpoint", cure="Give the root of a tree.")

    @property
    def body(self) -> str:
        """The checkpoint as it is signed: origin, size and root, a line each."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode('ascii')}\n"

    @classmethod
    def of_body(cls, body: str) -> Checkpoint:
        """Return what the body of a checkpoint says. Lines of an extension are passed over.

        Raises:
            UsageError: It is not a checkpoint.
        """
        lines = body.split("\n", _LINES - 1)
        if len(lines) < _LINES or _size_like(lines[1]) is None:
            raise _strange()
        try:
            root = b64decode(lines[2], validate=True)
        except NoBase64:
            raise _strange() from None
        if b64encode(root).decode("ascii") != lines[2] or (lines[3] and not lines[3].endswith("\n")):
            raise _strange()
        try:
            return cls(lines[0], int(lines[1]), root)
        except UsageError:
            raise _strange() from None


def check_origin(origin: object) -> None:
    """Raise `UsageError` unless something may name a trail, or a key."""
    if not isinstance(origin, str) or _origin_like(origin) is None or not origin.isprintable():
        raise UsageError(
            f"a trail is named by at most {_LONGEST_ORIGIN} printable characters without spaces and plus signs",
            where="origin",
            cure="Name it as vendor.example/audit/acme.",
        )


def _strange() -> UsageError:
    return UsageError("this is no checkpoint", where="a checkpoint", cure="Hand over the file as it was written.")
