"""Printing accounts: names open through the gate, to an employee who may see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from smartify_core.model import Tombstone
from smartify_core.policy import ACCOUNT_FIELDS, Disclosed
from smartify_core.storage.walks import every_tombstone

from . import _documents as documents
from . import _exit_codes as exit_codes
from . import _text as text
from ._build import chosen
from ._output import Output
from ._policy_of import Opened, fields_of, opened, purpose_of


def accounts(
    output: Output,
    file: Path,
    tenant: str,
    *,
    employee: str,
    purpose: str,
    reason: str,
    fields: Sequence[str],
    people: Sequence[str],
) -> int:
    """Print accounts, one after the other: a million of them need no more memory than one page.

    Args:
        output: Where to.
        file: The configuration.
        tenant: Whose accounts.
        employee: Who wants to see them.
        purpose: What for.
        reason: Why.
        fields: The fields; all of an account when none is named.
        people: The ids in the directory of those to print; everybody, the deleted too, when none is named.
    """
    with opened(file) as at:
        chosen(at.config, tenant)
        asked = fields_of(fields) or frozenset(one.value for one in ACCOUNT_FIELDS)
        view = at.policy.gate.view(
            employee,
            tenant=tenant,
            purpose=purpose_of(purpose),
            fields=asked,
            reason=reason,
            source_ids=people or None,
        )
        with view:
            everybody = _everybody(at, tenant, view, with_deleted=not people)
            if output.as_json:
                with output.listing({"tenant": tenant}, "accounts") as listing:
                    for one in everybody:
                        listing.add(documents.of_disclosed(one))
                return exit_codes.DONE
            for one in everybody:
                output.line(text.of_disclosed(one))
    return exit_codes.DONE


def _everybody(
    at: Opened, tenant: str, view: Iterable[Disclosed], *, with_deleted: bool
) -> Iterator[Disclosed | Tombstone]:
    yield from view
    if with_deleted:
        yield from every_tombstone(at.storage, tenant)
