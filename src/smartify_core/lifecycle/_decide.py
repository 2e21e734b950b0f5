"""From facts to decisions: pure functions of what the directory says, what the store holds, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, frozen

from smartify_core.model import AccountState, Identity, PersonalFields, SealedAccount

from ._transitions import TRANSITIONS, ChangeKind


@frozen(order=False)
class Known:
    """A live account, with its personal fields opened for comparison."""

    account: SealedAccount
    personal: PersonalFields

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
    """What should become of one person who was read. ``known`` is ``None`` for a person without a live account."""

    identity: Identity
    known: Known | None
    evidence: str

    @property
    def kind(self) -> ChangeKind:
        """Return the kind of change, by the table of transitions."""
        before = None if self.known is None else self.known.account.state
        return TRANSITIONS[before, AccountState.ACTIVE if self.identity.active else AccountState.INACTIVE]

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields that differ, in a fixed order."""
        return changed_fields(None if self.known is None else self.known.as_identity(), self.identity)


#: The fields of an identity that may change, by the name under which a plan speaks of them.
_FIELDS: Mapping[str, str] = {
    "email": "email",
    "given_name": "given_name",
    "family_name": "family_name",
    "groups": "memberships",
    "state": "inactive_reason",
}


def changed_fields(before: Identity | None, after: Identity) -> tuple[str, ...]:
    """Return the names of the fields in which ``after`` differs; all of them where there was nothing before."""
    return tuple(
        name
        for name, attribute in _FIELDS.items()
        if before is None or getattr(before, attribute) != getattr(after, attribute)
    )


def without_losses(identity: Identity, known: Known) -> Identity:
    """Return ``identity`` with the memberships that only the account has added to it: none is lost.

    For a read that is not certified complete, in which a membership that was not seen proves nothing.
    """
    seen = {membership.group.id for membership in identity.memberships}
    kept = [membership for membership in known.personal.memberships if membership.group.id not in seen]
    if not kept:
        return identity
    together = sorted((*identity.memberships, *kept), key=lambda membership: membership.group.id)
    return evolve(identity, memberships=tuple(together))


def settle_addresses(
    wanted: Mapping[str, bytes], leaving: Mapping[str, bytes], held_by: Mapping[bytes, Iterable[str]]
) -> frozenset[str]:
    """Return the source ids that cannot have the address they want, so that no address ends up with two people.

    A person whose wish fails keeps the address they have; that may in turn make another wish fail, and so on until
    nothing changes. Where several people want one free address, none of them gets it: the directory contradicts
    itself, and nobody here can tell who is right.

    Args:
        wanted: Email index wanted, by source id: everyone who is new or whose address changes.
        leaving: Email index given up, by source id: everyone who moves to another address or is deleted.
        held_by: Source ids of the live accounts that now carry each wanted index.
    """
    claimants = Counter(wanted.values())
    refused = {who for who, index in wanted.items() if claimants[index] > 1}
    while True:
        more = {
            who
            for who, index in wanted.items()
            if who not in refused
            and any(
                holder != who and (holder in refused or leaving.get(holder) != index)
                for holder in held_by.get(index, ())
            )
        }
        if not more:
            return frozenset(refused)
        refused |= more


def keeping_address(intent: Intent) -> Intent | None:
    """Return the intent with the address left as it is; ``None`` where nothing else is wanted, or nothing is there yet.

    A person who may not have an address may still have to lose access, so the rest of the change goes ahead.
    """
    if intent.known is None:
        return None
    kept = evolve(intent.identity, email=intent.known.personal.email)
    return None if kept == intent.known.as_identity() else evolve(intent, identity=kept)


def absent(heads: Mapping[str, bytes | None]) -> Sequence[str]:
    """Return the ids that no read has marked as seen (with ``None``), in bytewise order."""
    return sorted((source_id for source_id, unseen in heads.items() if unseen is not None))
