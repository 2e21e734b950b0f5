"""One read of the directory held against the store: who is new, who differs, who is gone, and what is in doubt."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from smartify_core.directory import DirectorySource, Gone, Presence, Present, Snapshot, Uncertain
from smartify_core.errors import StalePlan
from smartify_core.model import Identity, InactiveReason
from smartify_core.sealing import Sealer
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._damaged import CANNOT_BE_OPENED, WRITTEN_ANEW, opened, without_seal
from ._decide import Intent, Known, state_of, without_losses
from ._effects import Effect, EffectKey
from ._facts import Facts
from ._guards import why_absence_proves_nothing, why_the_directory_is_a_stranger, why_the_directory_shrank
from ._newcomers import Newcomers
from ._plan import Held, Quarantined
from ._rules import Guards
from ._sorting import Memory, Sorted, sort_everybody
from ._usable import Sieve, why_unusable

T = TypeVar("T")


class Comparison:
    """Reads a source and says what its answers come to.

    Args:
        tenant: Whose accounts these are.
        storage: Where they are.
        sealer: What opens those that differ.
        guards: When a read is not believed.
        approved: What somebody has approved.
        heartbeat: Called now and then while it works.
        retaining: Whether accounts are kept for a while after their person has gone.
        memory: How much memory it may take.
    """

    def __init__(
        self,
        tenant: str,
        storage: Storage,
        sealer: Sealer,
        *,
        guards: Guards,
        approved: Collection[EffectKey],
        heartbeat: Callable[[], None],
        retaining: bool = True,
        memory: Memory = "auto",
    ) -> None:
        self._memory: Memory = memory
        self._retaining = retaining
        self._tenant = tenant
        self._storage = storage
        self._sealer = sealer
        self._index = sealer.email_indexer(tenant)
        self._guards = guards
        ending = {Effect.DELETE.value, Effect.DEACTIVATE.value}  # the latter begins a retention
        self._endable = {key.source_id for key in approved if key.effect in ending}
        self._heartbeat = heartbeat

    def of_everybody(self, source: DirectorySource, snapshot: Snapshot) -> Facts:
        """Read ``snapshot`` to its end, confirm whoever it did not show, and say what all of it comes to.

        Raises:
            SourceError: The source could not be read, or contradicts its own contract.
            StorageError: The store could not be read.
            StalePlan: The store changed while it was compared.
        """
        sieve = Sieve(snapshot, lambda text: self._sealer.unlisted_index(self._tenant, text).hex())
        found = sort_everybody(
            self._memory,
            self._tenant,
            self._storage,
            sieve,
            fingerprinter=partial(self._sealer.fingerprinter, self._tenant),
            heartbeat=self._heartbeat,
        )
        certificate = snapshot.certificate
        problems = certificate.problems or (() if certificate.complete else ("the source vouches for no listing",))
        facts = Facts(snapshot.id, unchanged=found.unchanged, problems=problems)
        rejected = sieve.refused.union(reject.source_id for reject in snapshot.rejects)
        facts.quarantined = [
            *(sieve.quarantined(reject.source_id, f"{reject.problem} ({reject.place})") for reject in snapshot.rejects),
            *sieve.set_aside,
        ]
        absent = [source_id for source_id in found.absent if source_id not in rejected]
        waiting = [source_id for source_id in found.waiting if source_id not in rejected]
        if found.known:
            known, unseen = found.known, len(absent)
        else:  # Whoever waits for the end of their retention is known too, where nobody else is.
            known, unseen = len(found.waiting) + len(found.changed), len(waiting)
        facts.stranger = why_the_directory_is_a_stranger(known=known, absent=unseen, people_read=found.people)
        useless = why_absence_proves_nothing(certificate, source.capabilities)
        if useless is not None:
            facts.held += [Held(source_id, f"not seen, but {useless}") for source_id in absent]
            facts.unchanged += len(waiting)
        else:
            self._look_into(absent, waiting, facts, snapshot, found)
        listing = f"listing of snapshot {snapshot.id}"
        self._compare(((one, listing) for one in _consumed(found.changed)), facts, whole=certificate.complete)
        facts.newcomers = self._newcomers(found.fresh, listing, facts)
        facts.requests = snapshot.requests
        return facts

    def of_one(self, source_id: str, presence: Presence, *, name: str, why_stranger: Callable[[], str | None]) -> Facts:
        """Say what a source's answer about one person comes to.

        Args:
            source_id: The person.
            presence: The answer.
            name: What the reading is called in evidence.
            why_stranger: Says why the directory is taken for another customer's, if it is. Called before anybody is
                let in or ended.

        Raises:
            StorageError: The store could not be read.
        """
        facts = Facts(name)
        known = self._storage.load(self._tenant, [source_id])
        evidence = f"asked for by id, reading {name}"
        match presence:
            case Gone(how) if (account := known.get(source_id)) is not None:
                doubt = why_stranger()
                if doubt is None:
                    facts.gone.append((account, f"{how}, reading {name}"))
                elif account.inactive_reason is InactiveReason.DELETED:
                    facts.unchanged += 1
                else:
                    facts.doubted.append((account, doubt))
            case Gone():
                pass
            case Present(identity) if identity.source_id != source_id:
                facts.held.append(Held(source_id, "asked by id the source answered with another person"))
            case Present(identity) if source_id in known:
                self._compare([(identity, evidence)], facts, whole=presence.memberships_read)
                if not presence.memberships_read:
                    # Groups that were not read say nothing: they neither come nor go, and nobody is at fault.
                    facts.held.clear()
            case Present(identity):
                facts.newcomers = self._newcomers([identity], evidence, facts)
                facts.stranger = why_stranger() if facts.newcomers else None
            case Uncertain(reason):
                facts.held.append(Held(source_id, f"the source would not say whether the person is there: {reason}"))
        return facts

    def _look_into(
        self, absent: Sequence[str], waiting: Sequence[str], facts: Facts, snapshot: Snapshot, found: Sorted
    ) -> None:
        doubt = facts.stranger or why_the_directory_shrank(
            self._guards, known=found.known, absent=len(absent), people_read=found.people
        )
        if doubt is None:
            self._confirm(absent, facts, snapshot)
            self._confirm(waiting, facts, snapshot)
            return
        # A read that is not believed is not worth a question for each of them, but for those whom somebody approved.
        facts.unchanged += len(waiting)
        self._confirm([one for one in absent if one in self._endable], facts, snapshot)
        for ids in chunks(one for one in absent if one not in self._endable):
            accounts = self._storage.load(self._tenant, ids)
            for source_id in ids:
                if source_id not in accounts:
                    raise self._stale(source_id)
                facts.doubted.append((accounts[source_id], doubt))

    def _confirm(self, missing: Iterable[str], facts: Facts, snapshot: Snapshot) -> None:
        """Ask the source about each person whom the listing did not show."""
        by_id = f"read by id, after snapshot {snapshot.id} did not show the person"
        still_there: list[tuple[Identity, str]] = []
        for ids in chunks(missing):
            self._heartbeat()
            answers = snapshot.confirm(ids)
            accounts = self._storage.load(self._tenant, ids)
            for source_id in ids:
                match answers.get(source_id, Uncertain("the source did not answer")):
                    case Gone(evidence):
                        if source_id not in accounts:
                            raise self._stale(source_id)
                        how = f"{evidence}, after snapshot {snapshot.id} did not show the person"
                        account = accounts[source_id]
                        # Only whoever is kept for a while, or was here before, may have to be opened.
                        kept = self._retaining or account.adopted
                        facts.gone.append((account if kept else without_seal(account), how))
                    case Present(identity) if identity.source_id == source_id:
                        still_there.append((identity, by_id))
                    case Present():
                        facts.held.append(
                            Held(source_id, "not seen, and asked by id the source answered with another person")
                        )
                    case Uncertain(reason):
                        facts.held.append(
                            Held(
                                source_id,
                                f"not seen, and the source would not say whether the person is gone: {reason}",
                            )
                        )
        self._compare(still_there, facts, whole=True)

    def _compare(self, people: Iterable[tuple[Identity, str]], facts: Facts, *, whole: bool) -> None:
        """Open the accounts of these people, and find out in what they differ.

        ``whole`` tells whether a group that was not seen is one that the person is not in.
        """
        for pairs in chunks(pair for pair in people if _usable(pair[0], facts)):
            self._heartbeat()
            accounts = self._storage.load(self._tenant, [identity.source_id for identity, _ in pairs])
            for identity, evidence in pairs:
                account = accounts.get(identity.source_id)
                if account is None:
                    raise self._stale(identity.source_id)
                known = opened(self._sealer, account, identity)
                if known.damaged:
                    self._mend(identity, known, evidence, facts, whole=whole)
                    continue
                kept = identity if whole else without_losses(identity, known)
                if kept is not identity:
                    facts.held.append(
                        Held(identity.source_id, "groups were not seen, but the read was not certified complete")
                    )
                if kept == known.as_identity():
                    facts.unchanged += 1
                else:
                    address, listed_as = self._index(kept.email), account.email_index
                    # One value where they are equal, as they mostly are: there may be many.
                    facts.intents.append(Intent(kept, known, evidence, listed_as if address == listed_as else address))

    def _newcomers(self, fresh: list[Identity], evidence: str, facts: Facts) -> Newcomers:
        """Pack whoever is new, and let go of them one by one: of a first load there is no room for everybody twice."""
        newcomers = Newcomers(evidence)
        for identity in _consumed(fresh):
            if _usable(identity, facts):
                newcomers.add(identity, self._index(identity.email))
        return newcomers

    def _mend(self, identity: Identity, known: Known, evidence: str, facts: Facts, *, whole: bool) -> None:
        """Have a damaged account written anew; where the person was not seen whole, only their state is taken over."""
        anew = Intent(identity, known, evidence, self._index(identity.email), rule=WRITTEN_ANEW)
        if not whole:
            facts.quarantined.append(Quarantined(identity.source_id, CANNOT_BE_OPENED))
        intent = anew if whole else state_of(anew, index=self._index)
        if intent is not None:
            facts.intents.append(intent)

    def _stale(self, source_id: str) -> StalePlan:
        return StalePlan(
            "the store changed while it was being compared",
            where=f"tenant {self._tenant}, source id {source_id}",
            cure="Make a new plan.",
        )


def _usable(identity: Identity, facts: Facts) -> bool:
    """Return whether a person can be what the source says they are; one who cannot is set aside."""
    problem = why_unusable(identity)
    if problem is not None:
        facts.quarantined.append(Quarantined(identity.source_id, problem))
    return problem is None


def _consumed(people: list[Identity]) -> Iterator[Identity]:
    """Yield these people in their order, and let go of each."""
    people.reverse()
    while people:
        yield people.pop()


def chunks(items: Iterable[T], size: int = KEYS_AT_ONCE) -> Iterator[list[T]]:
    """Yield ``items`` in lists of at most ``size``."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
