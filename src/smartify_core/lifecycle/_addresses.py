"""One address, one owner: who gets the address that the directory gives them, and who hands it over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, field, frozen

from smartify_core.model import InactiveReason, SealedAccount
from smartify_core.sealing import Sealer
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._comparison import chunks
from ._damaged import opened
from ._decide import Intent, keeping_address, settle_addresses
from ._newcomers import Packed
from ._plan import Quarantined

_REFUSED = "the address belongs to another account, or several people claim it"
_DISPLACED = "deleted in the directory, and the address is somebody else's by now: no longer found by it"


@frozen(order=False)
class Settled:
    """What is left of the intents, who was refused an address, and who hands one over and so is written together."""

    intents: list[Intent] = field(factory=list)
    newcomers: list[Packed] = field(factory=list, repr=lambda packed: f"<{len(packed)} newcomers>")
    refused: list[Quarantined] = field(factory=list)
    handing_over: set[str] = field(factory=set)


class Addresses:
    """Who has which address, by the store, and who wants which, by the directory.

    Args:
        tenant: Whose accounts these are.
        storage: Where they are.
        sealer: What knows an address by its index, and opens whoever must give theirs up.
        anybody_known: Whether there is any account at all.
    """

    def __init__(self, tenant: str, storage: Storage, sealer: Sealer, *, anybody_known: bool) -> None:
        self._tenant = tenant
        self._storage = storage
        self._sealer = sealer
        self._anybody_known = anybody_known
        self._index = sealer.email_indexer(tenant)

    def settle(
        self, intents: Sequence[Intent], newcomers: Sequence[Packed], deleted: Sequence[SealedAccount]
    ) -> Settled:
        """Give every address one owner, before anything is sealed.

        An account that waits for the end of its retention gives way to whoever has the address by now.

        Args:
            intents: What should become of people who stay, or are kept for a while.
            newcomers: People without an account.
            deleted: Accounts that end, and leave their address behind.
        """
        retained = {
            intent.identity.source_id for intent in intents if intent.identity.inactive_reason is InactiveReason.DELETED
        }
        wanted, leaving = self._wishes(intents, retained)
        wanted.update((source_id, address) for source_id, address, _ in newcomers)
        leaving.update((account.source_id, account.email_index) for account in deleted)
        holders = self._holders(wanted.values())
        by_id = {account.source_id: account for accounts in holders.values() for account in accounts}
        waiting = {one for one, account in by_id.items() if account.inactive_reason is InactiveReason.DELETED}
        waiting.difference_update(intent.identity.source_id for intent in intents)
        yielding = waiting.difference(account.source_id for account in deleted) | retained
        leaving.update((one, by_id[one].email_index) for one in yielding & by_id.keys())
        ids = {address: [account.source_id for account in accounts] for address, accounts in holders.items()}
        refused = settle_addresses(wanted, leaving, ids)
        settled = Settled()
        displaced: set[str] = set()
        for who, address in wanted.items() if ids else ():
            others = [holder for holder in ids.get(address, ()) if holder != who]
            if others and who not in refused:
                settled.handing_over.update((who, *others))
                displaced.update(yielding.intersection(others))
        self._sort(intents, refused, displaced, settled)
        for one in newcomers:
            if one[0] in refused:
                settled.refused.append(Quarantined(one[0], _REFUSED))
            else:
                settled.newcomers.append(one)
        for source_id in sorted(displaced - retained):
            known = opened(self._sealer, by_id[source_id])
            evidence = "another account takes the address over"
            identity = known.as_identity()
            address = self._index(identity.email)
            settled.intents.append(
                Intent(identity, known, evidence, address, listed=False, rule=_DISPLACED, state_alone=known.damaged)
            )
        return settled

    def _wishes(self, intents: Iterable[Intent], retained: set[str]) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Return the address that each wants who has another, and the address that each of them gives up."""
        wanted: dict[str, bytes] = {}
        leaving: dict[str, bytes] = {}
        for intent in intents:
            if intent.state_alone:
                continue
            source_id = intent.identity.source_id
            before = intent.known.account.email_index
            if before != intent.address and source_id not in retained:
                wanted[source_id] = intent.address
                leaving[source_id] = before
        return wanted, leaving

    def _holders(self, indexes: Iterable[bytes]) -> Mapping[bytes, list[SealedAccount]]:
        holders: defaultdict[bytes, list[SealedAccount]] = defaultdict(list)
        if self._anybody_known:
            for some in chunks(dict.fromkeys(indexes), KEYS_AT_ONCE):
                for account in self._storage.find_by_email(self._tenant, some):
                    holders[account.email_index].append(account)
        return holders

    def _is_listed(self, intent: Intent) -> bool:
        account = intent.known.account
        return account.email_index != self._sealer.unlisted_index(self._tenant, account.account_id)

    def _sort(self, intents: Iterable[Intent], refused: frozenset[str], displaced: set[str], settled: Settled) -> None:
        if not refused and not displaced:
            settled.intents.extend(intents)
            return
        for intent in intents:
            source_id = intent.identity.source_id
            if source_id in refused:
                settled.refused.append(Quarantined(source_id, _REFUSED))
                # Whose own address went to somebody else stays as they are: there is no address to return to.
                if self._is_listed(intent) and (rest := keeping_address(intent, index=self._index)) is not None:
                    settled.intents.append(rest)
            else:
                settled.intents.append(evolve(intent, listed=False) if source_id in displaced else intent)
