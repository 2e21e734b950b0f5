"""One read of the directory held against the store: who is new, who differs, who was not seen.

A person in whom nothing changed costs one fingerprint and one look-up; nothing of theirs is loaded or opened. In
memory stay, for each known account, its id and its fingerprint, and everybody in whom something did change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from smartify_core.directory import DirectorySource, Gone, Present, Reject, Snapshot, Uncertain
from smartify_core.errors import SourceMalformed, StalePlan
from smartify_core.model import Identity, SealedAccount
from smartify_core.sealing import Sealer
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._decide import Intent, Known, absent, without_losses
from ._guards import why_absence_proves_nothing, why_the_directory_is_a_stranger
from ._plan import Held, Quarantined

T = TypeVar("T")


class Comparison:
    """Reads a snapshot to its end and sorts what it says. Afterwards its attributes are the facts of a plan.

    Attributes:
        intents: What should become of the people who are new or differ.
        gone: Live accounts whose person is no more, each with the source's evidence.
        held: What this read is not good enough for.
        quarantined: Records that were set aside.
        unchanged: How many accounts are in step already.
    """

    def __init__(self, tenant: str, storage: Storage, sealer: Sealer, *, heartbeat: Callable[[], None]) -> None:
        self._tenant = tenant
        self._storage = storage
        self._sealer = sealer
        self._heartbeat = heartbeat
        self._fingerprint = sealer.fingerprinter(tenant)
        self._fresh: list[tuple[Identity, str]] = []
        self._changed: list[tuple[Identity, str]] = []
        self.intents: list[Intent] = []
        self.gone: list[tuple[SealedAccount, str]] = []
        self.held: list[Held] = []
        self.quarantined: list[Quarantined] = []
        self.unchanged = 0
        self.problems: tuple[str, ...] = ()

    def read(self, source: DirectorySource, snapshot: Snapshot) -> None:
        """Read ``snapshot`` to its end, confirm whoever it did not show, and sort everybody.

        Raises:
            SourceError: The source could not be read, or contradicts its own contract.
            StorageError: The store could not be read.
            StalePlan: The store changed while it was compared.
        """
        unseen = self._fingerprints_by_id()
        known = len(unseen)
        people_read = self._sort_identities(snapshot, unseen, evidence=f"listing of snapshot {snapshot.id}")
        certificate = snapshot.certificate
        self.problems = certificate.problems
        self._set_aside(snapshot.rejects, unseen)
        missing = absent(unseen)
        stranger = why_the_directory_is_a_stranger(known=known, absent=len(missing), people_read=people_read)
        doubt = stranger or why_absence_proves_nothing(certificate, source.capabilities, people_read=people_read)
        if stranger is not None:
            self.held += [Held(identity.source_id, f"new, but {stranger}") for identity, _ in self._fresh]
            self._fresh.clear()
        if doubt is None:
            self._confirm(snapshot, missing, unseen)
        else:
            self.held += [Held(source_id, f"not seen, but {doubt}") for source_id in missing]
        self._look_up_changed(whole=certificate.complete)
        self.intents += [Intent(identity, None, evidence) for identity, evidence in self._fresh]

    def _fingerprints_by_id(self) -> dict[str, bytes | None]:
        found: dict[str, bytes | None] = {}
        after: str | None = None
        while True:
            page = self._storage.heads(self._tenant, after=after)
            found.update((head.source_id, head.fingerprint) for head in page)
            if len(page) < KEYS_AT_ONCE:
                return found
            after = page[-1].source_id

    def _sort_identities(self, snapshot: Snapshot, unseen: dict[str, bytes | None], *, evidence: str) -> int:
        """Sort everybody whom the listing shows, marking them as seen; return how many they are."""
        fingerprint, is_known = self._fingerprint, unseen.get
        people = 0
        for identity in snapshot.identities():
            people += 1
            if not people % KEYS_AT_ONCE:
                self._heartbeat()
            source_id = identity.source_id
            before = is_known(source_id, b"")
            if before is None:
                raise SourceMalformed(
                    "the source yielded one person twice",
                    where=f"tenant {self._tenant}, source id {source_id}",
                    cure="A source yields each id once (clause DS-01); mend the source.",
                )
            unseen[source_id] = None
            if not before:
                self._fresh.append((identity, evidence))
            elif before == fingerprint(identity):
                self.unchanged += 1
            else:
                self._changed.append((identity, evidence))
        return people

    def _set_aside(self, rejects: Iterable[Reject], unseen: dict[str, bytes | None]) -> None:
        for reject in rejects:
            self.quarantined.append(Quarantined(reject.source_id, f"{reject.problem} ({reject.place})"))
            if reject.source_id in unseen:
                unseen[reject.source_id] = None

    def _confirm(self, snapshot: Snapshot, missing: Sequence[str], unseen: dict[str, bytes | None]) -> None:
        """Ask the source about each person whom the listing did not show."""
        for ids in chunks(missing):
            self._heartbeat()
            answers = snapshot.confirm(ids)
            accounts = self._storage.load(self._tenant, ids)
            for source_id in ids:
                match answers.get(source_id, Uncertain("the source did not answer")):
                    case Gone(evidence):
                        if source_id not in accounts:
                            raise self._stale(source_id)
                        self.gone.append(
                            (accounts[source_id], f"{evidence}, after snapshot {snapshot.id} did not show the person")
                        )
                    case Present(identity) if identity.source_id == source_id:
                        if unseen[source_id] == self._fingerprint(identity):
                            self.unchanged += 1
                        else:
                            self._changed.append(
                                (identity, f"read by id, after snapshot {snapshot.id} did not show the person")
                            )
                    case Present():
                        self.held.append(
                            Held(source_id, "not seen, and asked by id the source answered with another person")
                        )
                    case Uncertain(reason):
                        self.held.append(
                            Held(
                                source_id,
                                f"not seen, and the source would not say whether the person is gone: {reason}",
                            )
                        )

    def _look_up_changed(self, *, whole: bool) -> None:
        """Open the accounts that differ, and find out in what."""
        for pairs in chunks(self._changed):
            self._heartbeat()
            accounts = self._storage.load(self._tenant, [identity.source_id for identity, _ in pairs])
            for identity, evidence in pairs:
                account = accounts.get(identity.source_id)
                if account is None:
                    raise self._stale(identity.source_id)
                known = Known(account, self._sealer.open(account))
                kept = identity if whole else without_losses(identity, known)
                if kept is not identity:
                    self.held.append(
                        Held(identity.source_id, "groups were not seen, but the read was not certified complete")
                    )
                if kept == known.as_identity():
                    self.unchanged += 1
                else:
                    self.intents.append(Intent(kept, known, evidence))

    def _stale(self, source_id: str) -> StalePlan:
        return StalePlan(
            "the store changed while it was being compared",
            where=f"tenant {self._tenant}, source id {source_id}",
            cure="Make a new plan.",
        )


def chunks(items: Iterable[T], size: int = KEYS_AT_ONCE) -> Iterator[list[T]]:
    """Yield ``items`` in lists of at most ``size``."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
