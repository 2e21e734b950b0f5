"""What can be read of a kind of document: one that does not open keeps nobody from the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from smartify_core.errors import SmartifyError
from smartify_core.model import LEDGER
from smartify_core.policy._log import log
from smartify_core.policy._shelf import Shelf
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document

_Value = TypeVar("_Value")


def readable(
    storage: Storage, shelf: Shelf[_Value], kind: str, trouble: list[SmartifyError]
) -> Iterator[tuple[str, _Value]]:
    """Yield the keys and values of all documents of a kind that open. What is passed over is logged.

    Args:
        storage: Where they are.
        shelf: What opens them.
        kind: Their kind.
        trouble: Is given the error of each that does not open.

    Raises:
        StorageError: The store could not be read.
    """
    for document in every_document(storage, LEDGER, kind):
        try:
            value = shelf.opened(document)
        except SmartifyError as error:  # whoever looks after the others tells of it once they are done
            log().error("a document of breaches does not open", kind=kind, key=document.key, code=error.code)
            trouble.append(error)
        else:
            yield document.key, value
