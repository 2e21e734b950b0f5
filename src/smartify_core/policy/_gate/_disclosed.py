"""What somebody gets to see of a person: the fields that were decided about, and no others."""

from __future__ import annotations

from attrs import field, frozen

from smartify_core.model import AccountState, PersonalFields, SealedAccount
from smartify_core.policy._vocabulary import PersonalField, Purpose
from smartify_core.sealing import Sealer


@frozen(order=False)
class Disclosed:
    """A person as they were disclosed. A field that was not asked for is ``None``.

    Args:
        tenant: Whose people they belong to.
        source_id: Their id in the directory.
        account_id: The id of their account.
        state: Whether the account is active or inactive.
        email: Their address.
        given_name: Their first name.
        family_name: Their last name.
        groups: The addresses of all groups they belong to, in order.
        pseudonymous: Whether everything here, the ids too, is a pseudonym: the same for the same person and purpose,
            and another for every other purpose.
    """

    tenant: str
    source_id: str
    account_id: str
    state: AccountState
    email: str | None = field(default=None, repr=False)
    given_name: str | None = field(default=None, repr=False)
    family_name: str | None = field(default=None, repr=False)
    groups: tuple[str, ...] | None = field(default=None, repr=False)
    pseudonymous: bool = False


def disclosed(account: SealedAccount, personal: PersonalFields, fields: frozenset[PersonalField]) -> Disclosed:
    """Return these fields of an account that was opened."""
    groups: tuple[str, ...] | None = None
    if PersonalField.GROUPS in fields:
        groups = tuple(sorted({one.group.email for one in personal.memberships}))
    return Disclosed(
        account.tenant,
        account.source_id,
        account.account_id,
        account.state,
        personal.email if PersonalField.EMAIL in fields else None,
        personal.given_name if PersonalField.GIVEN_NAME in fields else None,
        personal.family_name if PersonalField.FAMILY_NAME in fields else None,
        groups,
    )


def pseudonymised(
    account: SealedAccount, sealer: Sealer, purpose: Purpose, fields: frozenset[PersonalField]
) -> Disclosed:
    """Return pseudonyms in place of these fields. They are made from the account's id, and nothing is opened."""
    name = sealer.pseudonym(account.tenant, purpose.value, account.account_id)
    groups: tuple[str, ...] | None = None
    if PersonalField.GROUPS in fields:
        groups = tuple(
            sorted(sealer.pseudonym(account.tenant, purpose.value, one.hex()) for one in account.group_indexes)
        )
    return Disclosed(
        account.tenant,
        name,
        name,
        account.state,
        name if PersonalField.EMAIL in fields else None,
        name if PersonalField.GIVEN_NAME in fields else None,
        name if PersonalField.FAMILY_NAME in fields else None,
        groups,
        pseudonymous=True,
    )
