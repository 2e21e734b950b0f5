"""A first run over a host that has users already."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from smartify_core.errors import UsageError
from smartify_core.lifecycle import Adoption, HostUser
from smartify_core.storage import Storage

from . import _documents_of_operations as documents
from . import _exit_codes as exit_codes
from . import _text_of_operations as text
from ._build import Sources, chosen, reconciler_of, sealer_of, store_of
from ._config import load
from ._output import Output
from ._progress import progress_of
from ._reports import tell
from ._signals import StoppableStorage

_CURE = 'Write one JSON object a line, with nothing but {"id": "...", "email": "..."}.'


def adopt(output: Output, file: Path, tenant: str, users: Path, domains: Sequence[str], *, plan_only: bool) -> int:
    """Link the users whom the host has, run the tenant, and tell whom nobody could be linked to."""
    config = load(file)
    sources = Sources(config, chosen(config, tenant))
    sealer = sealer_of(config)
    source = {tenant: sources[tenant]}
    adoption = Adoption(users=tuple(_users(users)), domains=frozenset(domains))
    with store_of(config, create=not plan_only) as storage, progress_of(tenant) as progress:
        reconciler = reconciler_of(config, source, cast("Storage", StoppableStorage(storage)), sealer)
        adopting = reconciler.plan_adoption if plan_only else reconciler.adopt
        report = adopting(tenant, adoption, progress=progress)
    output.document(documents.of_adoption(report, plan_only=plan_only))
    tell(output, file, report.run)
    for line in text.of_adoption(report, plan_only=plan_only):
        output.line(line)
    return exit_codes.of_runs([report.run])


def _users(file: Path) -> Iterator[HostUser]:
    """Yield the users of a file. What is wrong is named by its line; no value is repeated."""
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _user(line, where=f"{file}, line {number}")
    except OSError as error:
        raise UsageError(
            f"the file of users cannot be read ({type(error).__name__})", where=str(file), cure="Name a readable file."
        ) from None
    except UnicodeDecodeError:
        raise UsageError("the file of users is not UTF-8 text", where=str(file), cure="Save it as UTF-8.") from None


def _user(line: str, *, where: str) -> HostUser:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError("a line is not JSON", where=where, cure=_CURE) from None
    if (
        not isinstance(found, dict)
        or set(found) != {"id", "email"}
        or not all(isinstance(value, str) and value for value in found.values())
    ):
        if isinstance(found, dict) and "id" in found and not isinstance(found["id"], str):
            raise UsageError("a user's id is no text", where=where, cure='Ids are texts: write "42" for 42.')
        raise UsageError("a line is not a user", where=where, cure=_CURE)
    return HostUser(found["id"], found["email"])
