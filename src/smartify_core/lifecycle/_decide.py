"""From facts to decisions: pure functions of what the directory says, what the store holds, and nothing else."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from attrs import evolve, field, frozen

from smartify_core.model import AccountState, Identity, InactiveReason, Membership, PersonalFields, SealedAccount

from ._effects import Called, Effect, EffectKey
from ._rules import Rules
from ._transitions import TRANSITIONS, ChangeKind


@frozen(order=False)
class Known:
    """A live account, with its personal fields opened for comparison.

    Those of a damaged account cannot be opened: then ``personal`` has what the indexes tell, which is never a name, and
    ``lost`` names by their indexes the groups of the account that the person is not in any more.
    """

    account: SealedAccount
    personal: PersonalFields
    damaged: bool = False
    lost: tuple[str, ...] = ()

    def as_identity(self) -> Identity:
        """Return the person as the account has them."""
        return Identity(
            source_id=self.account.source_id,
            email=self.personal.email,
            given_name=self.personal.given_name,
            family_name=self.personal.family_name,
            inactive_reason=self.account.inactive_reason,
            memberships=self.personal.memberships,
        )


@frozen(order=False)
class Intent:
    """What should become of one person who has a live account, which is ``known``.

    ``address`` is the email index of the identity's address. ``listed`` tells whether the account is found by it
    afterwards, ``rule`` why the account changes where the kind of the change alone does not say it. ``state_alone``
    leaves the sealed fields of a damaged account as they are.
    """

    identity: Identity
    known: Known
    evidence: str
    address: bytes = field(repr=False)
    listed: bool = True
    rule: str | None = None
    state_alone: bool = False

    @property
    def kind(self) -> ChangeKind:
        """Return the kind of change, by the table of transitions."""
        before = self.known.account.state
        return TRANSITIONS[before, AccountState.ACTIVE if self.identity.active else AccountState.INACTIVE]

    @property
    def begins_retention(self) -> bool:
        """Return whether the person is gone, and their account is kept for a while from now on."""
        return self.identity.inactive_reason is InactiveReason.DELETED is not self.known.account.inactive_reason

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields that differ, or may differ for all that can be seen, in a fixed order."""
        changed = changed_fields(self.known.as_identity(), self.identity)
        if not self.known.damaged:
            return changed
        may_differ = () if self.state_alone else _UNSEEN
        return tuple(name for name in _FIELDS if name in changed or name in may_differ)

    @property
    def joined(self) -> tuple[str, ...]:
        """Return the ids of the groups that the account gains, in ascending order."""
        return _beyond(self.identity.memberships, self.known.personal.memberships)

    @property
    def left(self) -> tuple[str, ...]:
        """Return the ids of the groups that the account loses, in ascending order."""
        return _beyond(self.known.personal.memberships, self.identity.memberships)


#: The fields of an identity that may change, by the name under which a plan speaks of them.
_FIELDS: Mapping[str, str] = {
    "email": "email",
    "given_name": "given_name",
    "family_name": "family_name",
    "groups": "memberships",
    "state": "inactive_reason",
}
#: What differs where there was nothing before.
ALL_FIELDS = tuple(_FIELDS)
#: Those of which the indexes of a damaged account do not tell whether they differ.
_UNSEEN = frozenset({"given_name", "family_name", "groups"})


def changed_fields(before: Identity, after: Identity) -> tuple[str, ...]:
    """Return the names of the fields in which ``after`` differs."""
    return tuple(name for name, attribute in _FIELDS.items() if getattr(before, attribute) != getattr(after, attribute))


def group_ids(memberships: Iterable[Membership]) -> tuple[str, ...]:
    """Return the ids of the groups of these memberships."""
    return tuple(membership.group.id for membership in memberships)


def _beyond(these: Sequence[Membership], those: Sequence[Membership]) -> tuple[str, ...]:
    """Return the ids of the groups that only ``these`` memberships have, in ascending order."""
    if these is those:  # as they mostly are, where somebody differs in something else
        return ()
    return tuple(sorted(set(group_ids(these)).difference(group_ids(those))))


def without_losses(identity: Identity, known: Known) -> Identity:
    """Return ``identity`` with the memberships that only the account has added to it: none is lost."""
    seen = {membership.group.id for membership in identity.memberships}
    kept = [membership for membership in known.personal.memberships if membership.group.id not in seen]
    if not kept:
        return identity
    together = sorted((*identity.memberships, *kept), key=lambda membership: membership.group.id)
    return evolve(identity, memberships=tuple(together))


# --- what a change would do -----------------------------------------------------------------------------------------


def creation_of(source_id: str, evidence: str, *, doubt: str | None = None) -> Called:
    """Return the effect of provisioning a person. ``doubt`` says why they are not to be let in, if they are not."""
    return Called(EffectKey(Effect.CREATE.value, source_id, ""), evidence, doubt=doubt)


def called_by(intent: Intent, *, address: bytes, address_before: bytes) -> Iterator[Called]:
    """Yield the effects of an intent that guards count.

    Args:
        intent: The intent.
        address: The email index that the account would have.
        address_before: The email index of the address that it has.
    """
    identity, known = intent.identity, intent.known
    ids = (identity.source_id, known.account.account_id)
    if intent.kind is ChangeKind.DEACTIVATE or intent.begins_retention:
        yield deactivation_of(known.account, intent.evidence)
    lost = intent.left if intent.state_alone else (*intent.left, *known.lost)
    if lost:
        detail = hashlib.blake2b("\n".join(lost).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        yield Called(EffectKey(Effect.LOSE_GROUPS.value, *ids, detail), intent.evidence)
    if address != address_before:
        yield Called(EffectKey(Effect.RENAME.value, *ids, address.hex()), intent.evidence)


def deactivation_of(account: SealedAccount, evidence: str, *, doubt: str | None = None) -> Called:
    """Return the effect of taking an account's access away, or of beginning its retention."""
    return Called(EffectKey(Effect.DEACTIVATE.value, account.source_id, account.account_id), evidence, doubt=doubt)


def deletion_of(account: SealedAccount, evidence: str, *, doubt: str | None = None) -> Called:
    """Return the effect of ending an account."""
    key = EffectKey(Effect.DELETE.value, account.source_id, account.account_id)
    return Called(key, evidence, doubt=doubt, adopted=account.adopted)


def holding_back(intent: Intent, effects: Collection[Effect], *, index: Callable[[str], bytes]) -> Intent | None:
    """Return what is left of an intent without these effects; ``None`` where nothing is.

    A person who may not lose a group may still have to lose access, so the rest of the change goes ahead. ``index``
    takes an address to its email index.
    """
    known, identity = intent.known, intent.identity
    if Effect.DEACTIVATE in effects:
        identity = evolve(identity, inactive_reason=known.account.inactive_reason)
    if known.damaged:
        intent = evolve(intent, identity=identity)
        # What a damaged account is to keep must stay sealed as it is.
        touched = intent.state_alone or {Effect.LOSE_GROUPS, Effect.RENAME} & set(effects)
        return state_of(intent, index=index) if touched else intent
    if Effect.LOSE_GROUPS in effects:
        identity = without_losses(identity, known)
    if Effect.RENAME in effects:
        identity = evolve(identity, email=known.personal.email)
    if identity == known.as_identity():
        return None
    return evolve(intent, identity=identity, address=index(identity.email))


def state_of(intent: Intent, *, index: Callable[[str], bytes]) -> Intent | None:
    """Return what is left of an intent for a damaged account without touching its seal; ``None`` where nothing is.

    ``index`` takes an address to its email index.
    """
    known, reason = intent.known, intent.identity.inactive_reason
    if reason is known.account.inactive_reason:
        return None
    identity = evolve(known.as_identity(), inactive_reason=reason)
    rule = intent.rule if intent.state_alone else None
    return evolve(intent, identity=identity, address=index(identity.email), rule=rule, state_alone=True)


def keeping_address(intent: Intent, *, index: Callable[[str], bytes]) -> Intent | None:
    """Return the intent with the address left as it is; ``None`` where nothing else is wanted.

    ``index`` takes an address to its email index.
    """
    return holding_back(intent, {Effect.RENAME}, index=index)


def farewell(account: SealedAccount, rules: Rules, now: datetime, *, held: bool = False) -> ChangeKind | None:
    """Return the step that an account takes whose person is gone: deactivated, deleted, or ``None`` while it waits.

    The retention is counted from the write that noted the deletion; what is noted only now may end at once. What is
    ``held`` does not end.
    """
    waiting = account.inactive_reason is InactiveReason.DELETED
    if not held and now - (account.updated_at if waiting else now) >= rules.retain_for:
        return ChangeKind.DELETE
    return None if waiting else ChangeKind.DEACTIVATE


# --- one address, one owner -----------------------------------------------------------------------------------------


def settle_addresses(
    wanted: Mapping[str, bytes], leaving: Mapping[str, bytes], held_by: Mapping[bytes, Iterable[str]]
) -> frozenset[str]:
    """Return the source ids that cannot have the address they want, so that no address ends up with two people.

    A person whose wish fails keeps the address they have; that may in turn make another wish fail, and so on until
    nothing changes. Where several people want one free address, none of them gets it: the directory contradicts
    itself, and nobody here can tell who is right.

    Args:
        wanted: Email index wanted, by source id: everyone who is new or whose address changes.
        leaving: Email index given up, by source id: everyone who moves to another address or is deleted, or whom
            whoever wants the address may displace.
        held_by: Source ids of the live accounts that now carry each wanted index.
    """
    refused: set[str] = set()
    if len(set(wanted.values())) < len(wanted):
        claimants = Counter(wanted.values())
        refused = {who for who, index in wanted.items() if claimants[index] > 1}
    contested = {who: held_by[index] for who, index in wanted.items() if index in held_by} if held_by else {}
    while True:
        more = {
            who
            for who, holders in contested.items()
            if who not in refused
            and any(holder != who and (holder in refused or leaving.get(holder) != wanted[who]) for holder in holders)
        }
        if not more:
            return frozenset(refused)
        refused |= more
