"""The three listings: what is in them, in which order, and which parameters are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from attrs import frozen

from smartify_core.testing.google import _answers as answers
from smartify_core.testing.google import _wire as wire
from smartify_core.testing.google._answers import Refusal
from smartify_core.testing.google._calls import Call
from smartify_core.testing.google._paging import SortKey
from smartify_core.testing.google._queries import group_query, user_query
from smartify_core.testing.google._records import GroupRecord, UserRecord
from smartify_core.testing.google._resources import Lookup
from smartify_core.testing.google._world import World

R = TypeVar("R", UserRecord, GroupRecord)


@frozen
class Listing:
    """Everything that a listing would show, in ascending order of ``keys``."""

    kind: str
    collection: str
    keys: Sequence[SortKey]
    items: Sequence[Any]
    render: Callable[[Any], wire.Json]
    descending: bool = False


def _by_email(record: UserRecord | GroupRecord) -> SortKey:
    return record.sort_key


_USER_ORDERS: dict[str, Callable[[UserRecord], SortKey]] = {
    "email": _by_email,
    "familyName": lambda user: ((user.family_name or "").lower(), (user.given_name or "").lower(), *user.sort_key),
    "givenName": lambda user: ((user.given_name or "").lower(), (user.family_name or "").lower(), *user.sort_key),
}


def users_listing(call: Call, world: World, lookup: Lookup) -> Listing:
    """Return users.list: everybody who is not deleted, or the deleted only."""
    _check_scope(call, lookup)
    order = _choice(call, "orderBy", tuple(_USER_ORDERS), "email")
    descending = _choice(call, "sortOrder", ("ASCENDING", "DESCENDING"), "ASCENDING") == "DESCENDING"
    _choice(call, "projection", ("basic", "custom", "full"), "basic")
    _choice(call, "viewType", ("admin_view", "domain_public"), "admin_view")
    _choice(call, "event", ("add", "delete", "makeAdmin", "undelete", "update"), "add")
    truths = {"true", "True"} if lookup.quirks.capital_true else {"true"}
    query, domain = call.query.get("query"), call.query.get("domain", "").lower()

    def deleted() -> tuple[list[SortKey], list[UserRecord]]:
        return _sorted(world.deleted_users(), _by_email, domain)

    def live() -> tuple[list[SortKey], list[UserRecord]]:
        users = world.users(search=query is not None)
        if not lookup.quirks.guests_listed:
            users = [user for user in users if user.guest_email is None]
        wanted = user_query(query) if query is not None else None
        return _sorted([user for user in users if wanted is None or wanted(user)], _USER_ORDERS[order], domain)

    if call.query.get("showDeleted") in truths:
        keys, items = deleted()
        return Listing(wire.USERS_KIND, "users", keys, items, _deleted_renderer(world), descending)
    if world.read_lag or query is not None:
        keys, items = live()
    else:
        keys, items = world.once_per_version(("users", order, domain, lookup.quirks.guests_listed), live)
    return Listing(wire.USERS_KIND, "users", keys, items, lookup.user_renderer(call), descending)


def groups_listing(call: Call, world: World, lookup: Lookup) -> Listing:
    """Return groups.list: all groups, or those that list one member directly."""
    member_key, query = call.query.get("userKey"), call.query.get("query")
    domain = call.query.get("domain", "").lower()
    if member_key is not None and "customer" in call.query:
        raise Refusal(answers.invalid_input("userKey"))
    if member_key is None or domain:
        _check_scope(call, lookup)
    _choice(call, "orderBy", ("email",), "email")
    descending = _choice(call, "sortOrder", ("ASCENDING", "DESCENDING"), "ASCENDING") == "DESCENDING"

    def live() -> tuple[list[SortKey], list[GroupRecord]]:
        groups = world.groups(search=query is not None)
        if member_key is not None:
            owner = world.find_user(member_key) or world.find_group(member_key)
            direct = world.groups_of((owner or lookup.user(member_key)).id)
            groups = [group for group in groups if group.id in direct]
        if query is not None:
            wanted = group_query(query, lambda key: world.groups_of(lookup.member_id(key)))
            groups = [group for group in groups if wanted(group)]
        return _sorted(groups, _by_email, domain)

    if world.read_lag or query is not None or member_key is not None:
        keys, items = live()
    else:
        keys, items = world.once_per_version(("groups", domain), live)
    return Listing(wire.GROUPS_KIND, "groups", keys, items, lookup.render_group, descending)


def members_listing(call: Call, world: World, lookup: Lookup) -> Listing:
    """Return members.list: direct members by id, or everybody below where derived membership is asked for."""
    group = lookup.group(call.keys[0])
    members = world.members_of(group.id)
    if call.query.get("includeDerivedMembership", "").lower() == "true":
        members = lookup.derived_members(group)
    if call.query.get("roles"):
        roles = {role.strip().upper() for role in call.query["roles"].split(",")}
        if not roles <= {"OWNER", "MANAGER", "MEMBER"}:
            raise Refusal(answers.invalid_input("roles"))
        members = [member for member in members if member.role in roles]
    return Listing(wire.MEMBERS_KIND, "members", [(m.id,) for m in members], members, lookup.render_member)


# --- parameters -------------------------------------------------------------------------------------------------------


def _check_scope(call: Call, lookup: Lookup) -> None:
    """Refuse a listing that names neither customer nor domain, or one that is not the caller's."""
    customer, domain = call.query.get("customer"), call.query.get("domain")
    if not customer and not domain:
        raise Refusal(answers.bad_request())
    others = [world for world in lookup.all_worlds if world is not lookup.world]
    if customer and customer not in {"my_customer", lookup.world.customer_id}:
        known = any(customer == world.customer_id for world in others)
        missing = answers.error_answer(404, "notFound", "Customer doesn't exist")
        raise Refusal(answers.forbidden() if known else missing)
    if domain and domain.lower() not in {each.lower() for each in lookup.world.domains}:
        known = any(domain.lower() == each.lower() for world in others for each in world.domains)
        raise Refusal(answers.forbidden() if known else answers.not_found("domain"))


def _choice(call: Call, name: str, allowed: tuple[str, ...], default: str) -> str:
    value = call.query.get(name, default)
    if value not in allowed:
        text = f"Invalid string value: '{value}'. Allowed values: [{', '.join(allowed)}]"
        raise Refusal(answers.invalid_parameter(name, text))
    return value


def _sorted(records: list[R], key: Callable[[R], SortKey], domain: str) -> tuple[list[SortKey], list[R]]:
    """Return sort keys and records in ascending order, those of one domain only if one is named."""
    chosen = [record for record in records if not domain or record.email.lower().endswith("@" + domain)]
    pairs = sorted(((key(record), record) for record in chosen), key=lambda pair: pair[0])
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _deleted_renderer(world: World) -> Callable[[UserRecord], wire.Json]:
    return lambda user: wire.deleted_user_json(user, world.customer_id)
