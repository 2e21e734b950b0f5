"""Makes a plan out of a comparison: settles who may have which address, and seals what will be written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from uuid import uuid4

from smartify_core.model import Erase, Put, SealedAccount, Tombstone
from smartify_core.sealing import Sealer
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._comparison import Comparison, chunks
from ._decide import Intent, keeping_address, settle_addresses
from ._plan import Change, Quarantined
from ._transitions import RULES, ChangeKind

_ORDER: Mapping[ChangeKind, int] = {kind: place for place, kind in enumerate(ChangeKind)}


def new_account_id() -> str:
    """Return a new account id: 32 hexadecimal digits, drawn at random so that it says nothing about anybody."""
    return uuid4().hex


class Planner:
    """Turns the facts of one comparison into changes.

    Args:
        tenant: Whose accounts these are.
        storage: Where they are.
        sealer: What seals them.
        now: The instant that the changes will bear.
        new_id: Draws account ids.
    """

    def __init__(
        self,
        tenant: str,
        storage: Storage,
        sealer: Sealer,
        *,
        now: datetime,
        new_id: Callable[[], str] = new_account_id,
    ) -> None:
        self._tenant = tenant
        self._storage = storage
        self._sealer = sealer
        self._now = now
        self._new_id = new_id

    def changes(self, comparison: Comparison) -> tuple[tuple[Change, ...], tuple[Quarantined, ...], int]:
        """Return the changes in the order in which they are to be applied, and what had to be set aside on the way.

        The number at the end says how many of the first changes must be committed together: those who take over an
        address, and those who leave it. Cut apart by a crash, they would leave one address with two accounts.
        """
        intents, quarantined, handing_over = self._settle(comparison)
        changes = [self._deletion(account, evidence) for account, evidence in comparison.gone]
        for some in chunks(intents):
            fresh = [intent.identity.source_id for intent in some if intent.known is None]
            stones = self._storage.tombstones_of(self._tenant, fresh) if fresh else {}
            changes += [self._change(intent, stones) for intent in some]
        changes.sort(key=lambda change: (change.source_id not in handing_over, _ORDER[change.kind], change.source_id))
        return tuple(changes), tuple(quarantined), sum(change.source_id in handing_over for change in changes)

    def _settle(self, comparison: Comparison) -> tuple[list[Intent], list[Quarantined], set[str]]:
        """Return the intents that leave no address with two accounts, who was refused one, and who hands one over."""
        index = {
            intent.identity.source_id: self._sealer.email_index(self._tenant, intent.identity.email)
            for intent in comparison.intents
        }
        wanted: dict[str, bytes] = {}
        leaving = {account.source_id: account.email_index for account, _ in comparison.gone}
        for intent in comparison.intents:
            source_id = intent.identity.source_id
            before = None if intent.known is None else intent.known.account.email_index
            if before != index[source_id]:
                wanted[source_id] = index[source_id]
                if before is not None:
                    leaving[source_id] = before
        holders = self._holders(wanted.values())
        refused = settle_addresses(wanted, leaving, holders)
        handing_over: set[str] = set()
        for who, address in wanted.items():
            if who not in refused and (others := [holder for holder in holders.get(address, ()) if holder != who]):
                handing_over.update((who, *others))
        kept: list[Intent] = []
        quarantined: list[Quarantined] = []
        for intent in comparison.intents:
            if intent.identity.source_id not in refused:
                kept.append(intent)
                continue
            quarantined.append(
                Quarantined(
                    intent.identity.source_id, "the address belongs to another account, or several people claim it"
                )
            )
            if (rest := keeping_address(intent)) is not None:
                kept.append(rest)
        return kept, quarantined, handing_over

    def _holders(self, indexes: Iterable[bytes]) -> Mapping[bytes, list[str]]:
        holders: defaultdict[bytes, list[str]] = defaultdict(list)
        for some in chunks(dict.fromkeys(indexes), KEYS_AT_ONCE):
            for account in self._storage.find_by_email(self._tenant, some):
                holders[account.email_index].append(account.source_id)
        return holders

    def _change(self, intent: Intent, stones: Mapping[str, Tombstone]) -> Change:
        identity, known = intent.identity, intent.known
        if known is None:
            stone = stones.get(identity.source_id)
            account_id, version, created_at = self._new_id(), 1, self._now
            predecessor = None if stone is None else stone.account_id
        else:
            before = known.account
            account_id, version, created_at = before.account_id, before.version + 1, before.created_at
            predecessor = before.predecessor
        sealed = self._sealer.seal(
            self._tenant,
            identity,
            account_id=account_id,
            version=version,
            created_at=created_at,
            updated_at=self._now,
            predecessor=predecessor,
        )
        return Change(
            kind=intent.kind,
            source_id=identity.source_id,
            account_id=account_id,
            fields=intent.fields,
            evidence=intent.evidence,
            rule=RULES[intent.kind],
            write=Put(sealed, expected_version=version - 1),
        )

    def _deletion(self, account: SealedAccount, evidence: str) -> Change:
        stone = Tombstone(
            tenant=self._tenant,
            source_id=account.source_id,
            account_id=account.account_id,
            created_at=account.created_at,
            deleted_at=self._now,
        )
        return Change(
            kind=ChangeKind.DELETE,
            source_id=account.source_id,
            account_id=account.account_id,
            fields=(),
            evidence=evidence,
            rule=RULES[ChangeKind.DELETE],
            write=Erase(stone, expected_version=account.version),
        )
