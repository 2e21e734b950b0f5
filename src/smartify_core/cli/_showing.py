"""Printing accounts: names open through the gate, to an employee who may see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from smartify_core.model import Tombstone
from smartify_core.policy import ACCOUNT_FIELDS, PSEUDONYMOUS, Disclosed, Purpose
from smartify_core.storage.walks import every_tombstone

from . import _documents as documents
from . import _exit_codes as exit_codes
from . import _text as text
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
    with opened(file, tenant) as at:
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
            everybody = view if people else _everybody(at, tenant, view, purpose_of(purpose))
            number = _print(output, tenant, everybody)
    if lacking := len(set(people)) - number if people else 0:
        has = "has" if lacking == 1 else "have"
        output.note(f"smartify: {lacking:,} of those who are named {has} no account here")
    return exit_codes.DONE


def _print(output: Output, tenant: str, everybody: Iterable[Disclosed | Tombstone]) -> int:
    """Print everybody, and return how many they were."""
    number = 0
    if output.as_json:
        with output.listing({"tenant": tenant}, "accounts") as listing:
            for number, one in enumerate(everybody, 1):  # noqa: B007 - wanted afterwards
                listing.add(documents.of_disclosed(one))
        return number
    for number, one in enumerate(everybody, 1):  # noqa: B007 - wanted afterwards
        output.line(text.of_disclosed(one))
    return number


def _everybody(
    at: Opened, tenant: str, view: Iterable[Disclosed], purpose: Purpose | str
) -> Iterator[Disclosed | Tombstone]:
    """Yield the live accounts and then the deleted ones, unless pseudonyms are shown: a deleted one has none."""
    pseudonymous = purpose in PSEUDONYMOUS
    for one in view:
        pseudonymous = one.pseudonymous
        yield one
    if not pseudonymous:
        yield from every_tombstone(at.storage, tenant)
