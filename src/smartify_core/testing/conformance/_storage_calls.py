"""Calls that change several things at once, for the storage kit: whoever looks sees all of one, or nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from smartify_core.model import Batch, Claim
from smartify_core.storage import Storage

from ._storage_values import HOUR, NOON, account, append, claim, digest, erase, note, put

Call = Callable[[Storage, Claim, str | None], None]


def prepare(storage: Storage, name: str) -> Claim:
    """Fill the tenant of a call, bring the one beside it into being, and return the claim for the call."""
    tenant = f"{name} a"
    taken = claim(storage, tenant)
    storage.schedule({tenant: NOON, f"{name} b": NOON})
    made = [account(source_id, tenant=tenant) for source_id in ("changes", "ends", "stays")]
    filled = Batch(put(*made).writes, (b"1", b"2", b"3"), (note(b"1"), note(b"1", key="gone")), None, (append(b"1"),))
    storage.commit(taken, filled)
    return taken


def _commit(*parts: str, named: bool = False) -> Call:
    """Return a call that commits a batch of these parts and no others."""

    def call(storage: Storage, taken: Claim, batch_id: str | None) -> None:
        changed = account("changes", 2, tenant=taken.tenant, email_index=digest("email", "stays"))
        fresh, ended = account("fresh", tenant=taken.tenant), account("ends", tenant=taken.tenant)
        batch = Batch(
            (*put(changed, fresh).writes, *erase(ended).writes) if "accounts" in parts else (),
            (b"4", b"5") if "entries" in parts else (),
            (note(b"2", 1), note(None, 1, key="gone"), note(b"1", key="new")) if "documents" in parts else (),
            batch_id if named else None,
            (append(b"2", b"3"), append(b"1", journal="begun")) if "appends" in parts else (),
        )
        storage.commit(taken, batch)

    return call


def _record(storage: Storage, taken: Claim, _batch_id: str | None) -> None:
    documents = (note(b"2", 1), note(None, 1, key="gone"), note(b"1", key="new"))
    storage.record(taken.tenant, documents=documents, appends=(append(b"2"), append(b"1", journal="begun")))


def _erase(storage: Storage, taken: Claim, _batch_id: str | None) -> None:
    storage.erase_tenant(taken)


def _release(storage: Storage, taken: Claim, _batch_id: str | None) -> None:
    storage.release(taken, due_at=NOON + 9 * HOUR)


def _trim(storage: Storage, taken: Claim, _batch_id: str | None) -> None:
    storage.trim(taken.tenant, through=2)


def _schedule(storage: Storage, taken: Claim, _batch_id: str | None) -> None:
    beside = f"{taken.tenant.removesuffix('a')}b"
    storage.schedule({taken.tenant: NOON + HOUR, beside: NOON + HOUR})


#: What can be done at once, by name. Batches of any two parts, so that none is held together by the others.
CALLS: Final[Mapping[str, Call]] = {
    "accounts": _commit("accounts"),
    "accounts, entries": _commit("accounts", "entries"),
    "accounts, documents": _commit("accounts", "documents"),
    "accounts, appends": _commit("accounts", "appends"),
    "entries, documents": _commit("entries", "documents"),
    "entries, appends": _commit("entries", "appends"),
    "documents, appends": _commit("documents", "appends"),
    "all, by name": _commit("accounts", "entries", "documents", "appends", named=True),
    "record": _record,
    "erase_tenant": _erase,
    "release": _release,
    "trim": _trim,
    "schedule": _schedule,
}

#: Ways of reading, each a single call, that tell of a call whether it was made.
READS: Final[tuple[Callable[[Storage, str], object], ...]] = (
    lambda storage, name: storage.tenant(f"{name} a"),
    lambda storage, name: list(storage.documents(f"{name} a")),
    lambda storage, name: list(storage.heads(f"{name} a")),
    lambda storage, name: list(storage.entries(f"{name} a")),
    lambda storage, name: list(storage.entries(f"{name} a", journal="trail")),
    lambda storage, name: dict(storage.load(f"{name} a", ["changes", "ends", "stays", "fresh"])),
    lambda storage, name: list(storage.find_by_email(f"{name} a", [digest("email", "stays"), digest("email", "ends")])),
    lambda storage, name: list(storage.tombstones(f"{name} a")),
    lambda storage, name: list(storage.entries(f"{name} a", journal="begun")),
    lambda storage, name: list(storage.tenants(after=f"{name} ", limit=2)),
)


def told(storage: Storage, name: str) -> list[object]:
    """Return what each way of reading tells."""
    return [read(storage, name) for read in READS]


# --- what a worker does -----------------------------------------------------------------------------------------------


def call_and_look(storage: Storage, place: int, what: tuple[str, str], taken: Claim, before: list[object]) -> list[str]:
    """Make the call, as the first of the workers, or look on until it has been made; return what was odd."""
    call, name = what
    over = f"{name} over"
    if place == 0:
        try:
            CALLS[call](storage, taken, None)
        finally:
            storage.record(over, documents=[note(b"over")])
        return []
    seen: list[tuple[int, object]] = []
    while True:
        done = storage.document(over, "note", "n") is not None
        answers = []
        for number, read in enumerate(READS):
            answer = read(storage, name)
            answers.append(answer)
            # What nobody has changed yet is of no interest, unless something was seen to be changed before.
            if seen or answer != before[number]:
                seen.append((number, answer))
        if done:
            return _odd(seen, before, answers)


def _odd(seen: list[tuple[int, object]], before: list[object], after: list[object]) -> list[str]:
    """Return which of the answers are none of a moment, or older than one that was given before."""
    odd, made = [], False
    for number, answer in seen:
        if before[number] == after[number] == answer:
            continue
        if answer == after[number]:
            made = True
        elif answer != before[number]:
            odd.append(f"half of it was seen: {answer}")
        elif made:
            odd.append(f"it was seen, and then not: {answer}")
    return odd
