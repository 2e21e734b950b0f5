"""The records of a recording: values of the directory port as JSON lists, and back.

A group is written once, before the first person in it, and named by its number from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define, field

from smartify_core.directory import Capability, Certificate, Gone, Listing, Presence, Present, Reject, Uncertain
from smartify_core.model import Group, Identity, InactiveReason, Membership, MembershipPath

from ._recording_file import Record


@define
class RecordMaker:
    """Makes records. Remembers the groups that were written, and nobody."""

    _groups: dict[Group, int] = field(factory=dict, repr=False)

    def beginning(self, snapshot_id: str, capabilities: Iterable[Capability]) -> Record:
        """Return the first record."""
        return ["begin", snapshot_id, sorted(capability.value for capability in capabilities)]

    def person(self, identity: Identity) -> Iterator[Record]:
        """Yield the record of somebody who was listed, after those of groups that are new."""
        yield from self._new_groups(identity)
        yield ["person", *self._parts(identity)]

    def findings(self, certificate: Certificate, rejects: Iterable[Reject]) -> Iterator[Record]:
        """Yield what was known after the last person."""
        yield ["listed"]
        for listing in certificate.listings:
            yield ["listing", listing.name, listing.pages, listing.records, listing.problem]
        for reject in rejects:
            yield ["reject", reject.source_id, reject.problem, reject.place]

    def answer(self, source_id: str, presence: Presence) -> Iterator[Record]:
        """Yield the record of an answer, after those of groups that are new."""
        match presence:
            case Present(identity, memberships_read):
                yield from self._new_groups(identity)
                yield ["answer", source_id, "present", *self._parts(identity), memberships_read]
            case Gone(evidence):
                yield ["answer", source_id, "gone", evidence]
            case Uncertain(reason):
                yield ["answer", source_id, "uncertain", reason]

    def _new_groups(self, identity: Identity) -> Iterator[Record]:
        for membership in identity.memberships:
            group = membership.group
            if group not in self._groups:
                self._groups[group] = len(self._groups)
                yield ["group", group.id, group.email, group.name]

    def _parts(self, identity: Identity) -> Record:
        reason = identity.inactive_reason
        memberships = [[self._groups[each.group], each.path.value] for each in identity.memberships]
        return [
            identity.source_id,
            identity.email,
            identity.given_name,
            identity.family_name,
            None if reason is None else reason.value,
            memberships,
        ]


@define
class RecordReader:
    """Makes values of records. All people share their `Membership` values.

    Its methods raise whatever Python raises for a record of another shape.
    """

    _groups: list[Group] = field(factory=list, repr=False)
    _memberships: dict[tuple[int, str], Membership] = field(factory=dict, repr=False)

    def capabilities(self, record: Record) -> frozenset[Capability]:
        """Return what the source declared, from the first record."""
        return frozenset(map(Capability, record[2]))

    def learn_group(self, record: Record) -> None:
        """Take in a group; in the order of the recording."""
        _, group_id, email, name = record
        self._groups.append(Group(group_id, email, name))

    def identity(self, parts: Record) -> Identity:
        """Return the person of a record, without its tag."""
        source_id, email, given_name, family_name, reason, memberships = parts
        return Identity(
            source_id,
            email,
            given_name,
            family_name,
            None if reason is None else InactiveReason(reason),
            tuple([self._membership(number, path) for number, path in memberships]),
        )

    def listing(self, record: Record) -> Listing:
        """Return a listing of the certificate."""
        _, name, pages, records, problem = record
        return Listing(name, pages, records, problem)

    def reject(self, record: Record) -> Reject:
        """Return a record that could not be used."""
        _, source_id, problem, place = record
        return Reject(source_id, problem, place)

    def presence(self, record: Record) -> Presence:
        """Return an answer."""
        match record[2:]:
            case ["present", *parts, bool(memberships_read)]:
                return Present(self.identity(parts), memberships_read)
            case ["gone", str(evidence)]:
                return Gone(evidence)
            case ["uncertain", str(reason)]:
                return Uncertain(reason)
        raise ValueError

    def _membership(self, number: int, path: str) -> Membership:
        key = number, path
        known = self._memberships.get(key)
        if known is None:
            known = self._memberships[key] = Membership(self._groups[number], MembershipPath(path))
        return known
