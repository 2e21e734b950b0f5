"""Who lived in the store at a time, live or ended since: what a taken host, a leaked key or a copied store reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from attrs import define, field

from smartify_core.errors import RingCannotTell, SealBroken
from smartify_core.model import LEGAL_HOLD, SUBJECT_KEY, TENANT_STANDING
from smartify_core.policy._shelf import Shelf
from smartify_core.policy._standing import TenantStanding
from smartify_core.policy.breach._vocabulary import ScopeKind
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_document, every_head_page, every_tombstone

from ._matching import COMMUNICATION, FIELDS_OF_ACCOUNTS, raw
from ._spans import KeyHistory, Span

_COMMUNICATION: Final = "communication"
#: Sealed documents of a tenant that hold no personal field by themselves; others, such as a held plan, may hold some.
_WITHOUT_FIELDS: Final = frozenset({SUBJECT_KEY, LEGAL_HOLD, "reason key", _COMMUNICATION, "communication opt-out"})


@define(eq=False)
class Lived:
    """What a tenant had at the times of the scopes.

    Args:
        bits: The scopes that reach it.
        fields: What they may have reached of each account, as bits.
        nameless: How many accounts it had that nothing names any more.
    """

    bits: int = 0
    fields: int = FIELDS_OF_ACCOUNTS
    nameless: int = 0
    #: When the earliest of its accounts was made; ``None`` where that is not known.
    began: datetime | None = None
    keys: set[str] | None = field(factory=set[str])

    def note(self, created: datetime) -> None:
        """Note when an account was made."""
        if self.began is None or created < self.began:
            self.began = created


class Living:
    """The tenants of a store, as they were.

    Args:
        storage: The store.
        sealer: What tells the names of keys.
        spans: The scopes.
        history: What the trail says of keys.
        add: Called with each account that was reached: as it stands in the trail, the scopes, the fields.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        spans: Sequence[Span],
        history: KeyHistory,
        add: Callable[[str, bytes, int, int], None],
    ) -> None:
        self._storage = storage
        self._sealer = sealer
        self._spans = spans
        self._history = history
        self._add = add
        #: Keys in scope that nothing on record bears: what they wrapped nobody knows, so it may be anything.
        self.nobodys: set[str] = set()
        self._asks_keys = any(one.kind is ScopeKind.KEY for one in spans)
        self._standings = Shelf(storage, sealer, TENANT_STANDING, TenantStanding)

    def of(self, tenant: str, *, ended: int, gone_at: datetime | None, has_talked: bool) -> Lived:
        """Return what a tenant had, and hand on its accounts.

        Args:
            tenant: The tenant.
            ended: The scopes that reach an account of it which the trail says has ended.
            gone_at: When the trail says that it was off-boarded, if it was.
            has_talked: Whether the trail says that something was kept that was said to its people.
        """
        spans = [one for one in self._spans if not one.tenants or tenant in one.tenants]
        if not spans:
            return Lived()
        found = Lived(bits=ended)
        if has_talked or self._storage.documents(tenant, _COMMUNICATION, limit=1):
            found.fields |= COMMUNICATION
        standing, _ = self._standings.get(tenant)
        self._accounts(tenant, spans, found)
        if standing is not None or gone_at is not None:
            self._gone(spans, found, standing, gone_at)
        elif self._has_other_data(tenant):
            # Nobody can tell since when it is there.
            found.bits |= _bits(spans, None, None)
        if found.bits and self._asks_keys:
            found.bits &= ~self._never_wrapped(tenant, spans, found, is_gone=bool(standing or gone_at))
        return found

    def _accounts(self, tenant: str, spans: Sequence[Span], found: Lived) -> None:
        for page in every_head_page(self._storage, tenant):
            for account in self._storage.load(tenant, page.source_ids).values():
                found.note(account.created_at)
                if found.keys is not None and self._asks_keys:
                    self._key(found, partial(self._sealer.key_of, account))
                if bits := _bits(spans, account.created_at, None):
                    found.bits |= bits
                    self._add(tenant, raw(account.account_id), bits, found.fields)
        for stone in every_tombstone(self._storage, tenant):
            found.note(stone.created_at)
            if bits := _bits(spans, stone.created_at, stone.deleted_at):
                found.bits |= bits
                self._add(tenant, raw(stone.account_id), bits, found.fields)

    @staticmethod
    def _gone(spans: Sequence[Span], found: Lived, standing: TenantStanding | None, gone_at: datetime | None) -> None:
        """Note a tenant that was off-boarded: when its accounts began is not on record, and whose they were neither."""
        ended = gone_at if standing is None else standing.ended_at
        if standing is None or standing.accounts or standing.tombstones:
            found.bits |= _bits(spans, None, ended)
            if ended is not None:
                found.nameless = 0 if standing is None else standing.accounts
                found.began = None

    def _has_other_data(self, tenant: str) -> bool:
        """Return whether a sealed document of a tenant may hold personal fields, as a plan that is held does."""
        return any(
            self._is_sealed(tenant, one.value)
            for one in every_document(self._storage, tenant)
            if one.kind not in _WITHOUT_FIELDS
        )

    def _is_sealed(self, tenant: str, value: bytes) -> bool:
        try:
            return self._sealer.key_of_document(tenant, value) is not None
        except (RingCannotTell, SealBroken):
            return True

    # --- keys ---------------------------------------------------------------------------------------------------------

    def _never_wrapped(self, tenant: str, spans: Sequence[Span], found: Lived, *, is_gone: bool) -> int:
        """Return the scopes of keys under which nothing of a tenant ever was, as bits."""
        in_use = None if is_gone else self._in_use(tenant, found)
        never = 0
        for one in spans:
            if one.kind is ScopeKind.KEY and not any(
                key in self.nobodys or self._history.may_have_wrapped(key, tenant, in_use=in_use, began=found.began)
                for key in sorted(one.keys)
            ):
                never |= one.bit
        return never

    def wraps_nothing(self, keys: Iterable[str], tenants: Iterable[str]) -> set[str]:
        """Return those of the keys that wrap nothing of these tenants, as far as the ring can tell; else none.

        Reads all of them, until every key was met: meant for names that nothing else on record bears.
        """
        left = set(keys)
        for tenant in tenants if left else ():
            found = Lived()
            for page in every_head_page(self._storage, tenant):
                for account in self._storage.load(tenant, page.source_ids).values():
                    self._key(found, partial(self._sealer.key_of, account))
            met = self._in_use(tenant, found)
            left = set() if met is None else left - met
            if not left:
                break
        return left

    def _in_use(self, tenant: str, found: Lived) -> set[str] | None:
        if found.keys is not None:
            self._key(found, partial(self._sealer.current_key, tenant))
        for document in every_document(self._storage, tenant):
            if found.keys is None:
                break
            self._key(found, partial(self._sealer.key_of_document, tenant, document.value))
        return found.keys

    @staticmethod
    def _key(found: Lived, ask: Callable[[], str | None]) -> None:
        """Note the name of a key; nobody can tell where the ring cannot, or where something is damaged."""
        try:
            key = ask()
        except (RingCannotTell, SealBroken):
            found.keys = None
        else:
            if key is not None and found.keys is not None:
                found.keys.add(key)


def _bits(spans: Sequence[Span], began: datetime | None, ended: datetime | None) -> int:
    found = 0
    for one in spans:
        if one.meets(began, ended):
            found |= one.bit
    return found
