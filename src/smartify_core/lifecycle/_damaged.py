"""Accounts whose sealed fields cannot be opened: what is known of them all the same, and what may be written over them.

Everything that is sealed comes from the directory, so an account is mended by writing it anew. Where the directory does
not show the whole person, its state is changed without the seal being opened: access ends in any case. A key that is
missing is another matter, and stays an error: nothing is damaged then, and nothing may be written over.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from attrs import evolve

from smartify_core.errors import SealBroken
from smartify_core.model import AccountState, Identity, InactiveReason, PersonalFields, SealedAccount
from smartify_core.sealing import Sealer

from ._decide import Intent, Known
from ._log import log

CANNOT_BE_OPENED: Final = f"the account's sealed fields cannot be opened ({SealBroken.code})"
WRITTEN_ANEW: Final = "its sealed fields were damaged: written anew from the directory"


def opened(sealer: Sealer, account: SealedAccount, shown: Identity | None = None) -> Known:
    """Return ``account`` opened; a damaged one with as much as its indexes tell when they are held against ``shown``.

    Args:
        sealer: What opens it.
        account: The account.
        shown: The person as the directory shows them, if it does.

    Raises:
        WrongKey: The key ring does not hold the key that it was sealed under.
        NewerSchema: A newer version of this library sealed it.
    """
    try:
        personal = sealer.open(account)
        # What was sealed is of no more use once it is open, and is most of what an account weighs.
        light = without_seal(account)
        return Known(light, personal) if shown is None else Known(light, _sharing(personal, shown))
    except SealBroken as broken:
        log().error("account damaged", tenant=account.tenant, account_id=account.account_id, code=broken.code)
    memberships = () if shown is None else shown.memberships
    index = {one: sealer.group_index(account.tenant, one.group.email) for one in memberships}
    kept = tuple(one for one in memberships if index[one] in account.group_indexes)
    lost = sorted(set(account.group_indexes).difference(index.values()))
    same_address = shown is not None and sealer.email_index(account.tenant, shown.email) == account.email_index
    personal = PersonalFields(shown.email if shown is not None and same_address else "", "", "", kept)
    return Known(account, personal, damaged=True, lost=tuple(one.hex() for one in lost))


def _sharing(personal: PersonalFields, shown: Identity) -> PersonalFields:
    """Return the same fields, in the texts that the directory shows where they are equal: most of them are."""
    return PersonalFields(
        shown.email if personal.email == shown.email else personal.email,
        shown.given_name if personal.given_name == shown.given_name else personal.given_name,
        shown.family_name if personal.family_name == shown.family_name else personal.family_name,
        shown.memberships if personal.memberships == shown.memberships else personal.memberships,
    )


def without_seal(account: SealedAccount) -> SealedAccount:
    """Return what a plan needs of an account that it need not open: a third of its weight."""
    return SealedAccount(
        account.tenant,
        account.source_id,
        account.account_id,
        account.state,
        account.inactive_reason,
        b"",
        account.email_index,
        (),
        b"",
        b"",
        account.version,
        account.created_at,
        account.updated_at,
        account.predecessor,
        account.adopted,
    )


def unopened(sealer: Sealer, intent: Intent, account: SealedAccount, *, updated_at: datetime) -> SealedAccount:
    """Return ``account`` with the state and listing that ``intent`` says, and its sealed bytes as they are."""
    reason: InactiveReason | None = intent.identity.inactive_reason
    tenant = account.tenant
    # Nobody in a directory has no address: whenever the person is shown again, they differ, and are written anew.
    nobody = Identity(account.source_id, "", "", "", reason)
    return evolve(
        account,
        state=AccountState.ACTIVE if reason is None else AccountState.INACTIVE,
        inactive_reason=reason,
        fingerprint=sealer.fingerprint(tenant, nobody),
        email_index=account.email_index if intent.listed else sealer.unlisted_index(tenant, account.account_id),
        version=account.version + 1,
        updated_at=updated_at,
    )
