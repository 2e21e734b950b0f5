"""Single resources by key, and who is nobody's business."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from smartify_core.testing.google import _answers as answers
from smartify_core.testing.google import _wire as wire
from smartify_core.testing.google._answers import Refusal
from smartify_core.testing.google._calls import Call
from smartify_core.testing.google._quirks import Quirks
from smartify_core.testing.google._records import GroupRecord, MemberKind, MemberRecord, UserRecord
from smartify_core.testing.google._world import World


@frozen
class Lookup:
    """Finds and renders records of one world as one caller may see them."""

    world: World
    all_worlds: Sequence[World]
    quirks: Quirks
    admin: bool

    def one(self, call: Call) -> wire.Json:
        """Return the single resource that ``call`` asks for.

        Raises:
            Refusal: 404 for a key that nobody has, 403 for one of another customer, 400 for an outsider asked about
            by ``hasMember``.
        """
        if call.operation == "users.get":
            return self.user_renderer(call)(self.user(call.keys[0]))
        group = self.group(call.keys[0])
        if call.operation == "groups.get":
            return self.render_group(group)
        if call.operation == "members.hasMember":
            return {"isMember": self._is_member(group, call.keys[1])}
        member = self._member(group, call.keys[1])
        if member is None:
            raise Refusal(answers.not_found("memberKey"))
        return {**self.render_member(member), "delivery_settings": "ALL_MAIL"}

    def user(self, key: str) -> UserRecord:
        """Return the person with an id, address or alias, or refuse."""
        found = self.world.find_user(key)
        if found is None:
            raise Refusal(self._missing(key, "userKey"))
        return found

    def group(self, key: str) -> GroupRecord:
        """Return the group with an id, address or alias, or refuse."""
        found = self.world.find_group(key)
        if found is None:
            raise Refusal(self._missing(key, "groupKey"))
        return found

    def member_id(self, key: str) -> str:
        """Return the id of the person or group with a key, or the key itself for an outsider."""
        owner = self.world.find_user(key) or self.world.find_group(key)
        return key if owner is None else owner.id

    def _missing(self, key: str, what: str) -> answers.Answer:
        """Return 403 for what belongs to another customer, 404 for what nobody has."""
        elsewhere = any(
            other.find_user(key) is not None or other.find_group(key) is not None
            for other in self.all_worlds
            if other is not self.world
        )
        return answers.forbidden() if elsewhere or self.world.is_foreign(key) else answers.not_found(what)

    # --- rendering --------------------------------------------------------------------------------------------------

    def user_renderer(self, call: Call) -> Callable[[UserRecord], wire.Json]:
        """Return how users look to this caller."""
        customer_id, domain = self.world.customer_id, self.world.domains[0]
        if not self.admin or call.query.get("viewType") == "domain_public":
            return lambda user: wire.public_user_json(user, customer_id, domain)
        archived_too = self.quirks.archived_reads_suspended
        return lambda user: wire.user_json(user, customer_id, domain, archived_reads_suspended=archived_too)

    def render_group(self, group: GroupRecord) -> wire.Json:
        """Return a group. Child groups' members are not counted."""
        count = 0 if self.quirks.direct_members_count == "zero" else len(self.world.members_of(group.id))
        return wire.group_json(group, self.world.customer_id, self.world.domains[0], count)

    def render_member(self, member: MemberRecord) -> wire.Json:
        """Return a member as the listing shows it."""
        owner: UserRecord | GroupRecord | None = None
        if member.kind is MemberKind.USER:
            owner = self.world.user_now(member.id)
        elif member.kind is MemberKind.GROUP:
            owner = self.world.group_now(member.id)
        return wire.member_json(member, self.world.customer_id, owner)

    # --- membership -------------------------------------------------------------------------------------------------

    def _member(self, group: GroupRecord, key: str) -> MemberRecord | None:
        """Return the direct member with an id or an address."""
        user = self.world.find_user(key)
        child = self.world.find_group(key)
        wanted = {key.lower(), *(each.id for each in (user, child) if each is not None)}
        for member in self.world.members_of(group.id):
            if member.id in wanted or (member.email_shown or "").lower() in wanted:
                return member
        return None

    def _is_member(self, group: GroupRecord, key: str) -> bool:
        user = self.world.find_user(key)
        if user is None and self.world.find_group(key) is None:
            raise Refusal(answers.invalid_input("memberKey"))
        if self._member(group, key) is not None:
            return True
        return user is not None and any(member.id == user.id for member in self.derived_members(group))

    def derived_members(self, group: GroupRecord) -> list[MemberRecord]:
        """Return the people in ``group`` by whatever path, by id: groups and the whole customer opened up."""
        found: dict[str, MemberRecord] = {}
        seen: set[str] = set()
        waiting = [group.id]
        while waiting:
            group_id = waiting.pop()
            if group_id in seen:
                continue
            seen.add(group_id)
            for member in self.world.members_of(group_id):
                if member.kind is MemberKind.GROUP:
                    waiting.append(member.id)
                elif member.kind is MemberKind.CUSTOMER:
                    for user in self.world.users():
                        found.setdefault(user.id, MemberRecord(user.id, MemberKind.USER, "MEMBER"))
                elif member.kind is not MemberKind.FOREIGN_GROUP:
                    found.setdefault(member.id, member)
        return [found[member_id] for member_id in sorted(found)]
