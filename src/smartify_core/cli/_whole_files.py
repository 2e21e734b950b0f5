"""Files that a command writes: whole or not at all, and for their owner only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from smartify_core.errors import OutputFailed


@contextmanager
def writing(path: Path) -> Iterator[IO[str]]:
    """Write a file whole or not at all, owner-only from its first byte; one that is there is replaced.

    Raises:
        OutputFailed: It cannot be written, or there is no such folder.
    """
    try:
        with NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=path.absolute().parent, delete=False) as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except BaseException:  # an interruption, too, leaves no half of a file behind
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        if not path.absolute().parent.is_dir():
            raise OutputFailed(
                "the folder of the file is not there", where=str(path.parent), cure="Make it first."
            ) from None
        raise OutputFailed(
            f"the file cannot be written ({type(error).__name__})", where=str(path), cure="Name another place."
        ) from None
