"""How far a pass over a tenant has come: a small document that is written with every batch."""

from __future__ import annotations

import json
from typing import Any, Final

from attrs import asdict, frozen

from smartify_core.model import PutDocument
from smartify_core.storage import Storage

#: The kind of document; the key says what kind of pass it is. It is not sealed: it holds ids and counts.
KIND: Final = "key rotation"
_VERSION: Final = 1


@frozen(order=False)
class Progress:
    """How far a pass has come. ``goal`` tells passes apart: the name of the newest key, or an instant."""

    goal: str
    #: The last source id that is done; "" before the first one. None has no characters.
    account: str = ""
    #: Whether all accounts are done.
    past_accounts: bool = False
    #: Kind and key of the last document that is done.
    document: tuple[str, str] | None = None
    done: bool = False
    #: Whether the audit trail has it.
    recorded: bool = False
    accounts: int = 0
    documents: int = 0
    damaged: int = 0


class ProgressDocument:
    """The document of one kind of pass over one tenant.

    Args:
        storage: Where it is.
        tenant: The tenant.
        key: The kind of pass.
        goal: What this pass is for. What is known of one for something else is forgotten.
    """

    def __init__(self, storage: Storage, tenant: str, key: str, goal: str) -> None:
        self._storage, self._tenant, self._key, self._goal = storage, tenant, key, goal
        self.progress = Progress(goal)
        self.version = 0

    def load(self) -> None:
        """Go on from where the store says that a pass for the same goal has come."""
        document = self._storage.document(self._tenant, KIND, self._key)
        self.version = 0 if document is None else document.version
        self.progress = Progress(self._goal) if document is None else _read(document.value, self._goal)

    def put(self, progress: Progress) -> PutDocument:
        """Return the write that keeps ``progress``."""
        content = json.dumps({"v": _VERSION, **asdict(progress)}, separators=(",", ":")).encode()
        return PutDocument(KIND, self._key, content, self.version)

    def removal(self) -> tuple[PutDocument, ...]:
        """Return the write that removes the document, if it is there."""
        return (PutDocument(KIND, self._key, None, self.version),) if self.version else ()


def _read(content: bytes, goal: str) -> Progress:
    """Return what a document says of a pass for ``goal``. One that says nothing of it begins at the beginning."""
    try:
        held: dict[str, Any] = json.loads(content)
        if held.pop("v") != _VERSION or held["goal"] != goal:
            return Progress(goal)
        at = held.pop("document")
        return Progress(document=None if at is None else (str(at[0]), str(at[1])), **held)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return Progress(goal)
