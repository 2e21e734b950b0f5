"""The methods of the API: a call by somebody becomes an answer or a refusal. Knows nothing of sockets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field

from smartify_core.testing.google import _answers as answers
from smartify_core.testing.google._answers import Answer, Refusal, encode_json, gzip
from smartify_core.testing.google._calls import Call
from smartify_core.testing.google._faults import Page
from smartify_core.testing.google._listings import Listing, groups_listing, members_listing, users_listing
from smartify_core.testing.google._masks import (
    GROUP_FIELDS,
    MEMBER_FIELDS,
    USER_FIELDS,
    Mask,
    MaskError,
    apply_mask,
    page_fields,
    parse_mask,
)
from smartify_core.testing.google._paging import SortKey, binding_of, mint_token, page_of, read_token
from smartify_core.testing.google._quirks import Quirks
from smartify_core.testing.google._resources import Lookup
from smartify_core.testing.google._tokens import SCOPES, Actor
from smartify_core.testing.google._wire import page_json
from smartify_core.testing.google._world import World

_USERS = ("admin.directory.user.readonly", "admin.directory.user")
_GROUPS = ("admin.directory.group.readonly", "admin.directory.group")
_MEMBERS = (*_GROUPS, "admin.directory.group.member.readonly", "admin.directory.group.member")
#: Scopes any one of which a method asks for (discovery document, revision 20261104).
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "users.list": (*_USERS, "cloud-platform"),
    "users.get": _USERS,
    "groups.list": _GROUPS,
    "groups.get": _GROUPS,
    "members.list": _MEMBERS,
    "members.get": _MEMBERS,
    "members.hasMember": _MEMBERS,
}
_FIELDS: Mapping[str, Mask] = {
    "users.list": page_fields("users", USER_FIELDS),
    "users.get": USER_FIELDS,
    "groups.list": page_fields("groups", GROUP_FIELDS),
    "groups.get": GROUP_FIELDS,
    "members.list": page_fields("members", MEMBER_FIELDS),
    "members.get": MEMBER_FIELDS,
    "members.hasMember": {"isMember": {}},
}
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")
#: Default and greatest page size.
_SIZES = {"users.list": (100, 500), "groups.list": (200, 200), "members.list": (200, 200)}
_LISTINGS: Mapping[str, Callable[[Call, World, Lookup], Listing]] = {
    "users.list": users_listing,
    "groups.list": groups_listing,
    "members.list": members_listing,
}

#: A kept page is served again for so long at most, so that the age of the page token in it stays true.
_KEEP = timedelta(seconds=60)
_NOW = timedelta(0)
_KEEP_PAGES = 20_000


@define
class _Kept:
    """Encoded answers of one world at one version."""

    version: int = -1
    answers: dict[object, tuple[tuple[datetime, datetime], Answer]] = field(factory=dict)


class Api:
    """The API in front of one or more customers' worlds."""

    def __init__(
        self,
        worlds: Sequence[World],
        *,
        quirks: Quirks,
        page_size_cap: int | None,
        clock: Callable[[], datetime],
    ) -> None:
        self.page_size_cap = page_size_cap
        self.quirks = quirks
        self._worlds = worlds
        self._clock = clock
        self._salt = 0
        self._kept: dict[str, _Kept] = {}

    def answer(self, call: Call, actor: Actor, edit: Callable[[Page], None] | None = None) -> Answer:
        """Return the answer to ``call`` by ``actor``, after ``edit`` had a go at the page if it is a listing.

        Raises:
            Refusal: With the error that Google gives.
        """
        world = actor.world
        admin = self._standing(call, actor)
        with world.reading():
            lagging = bool(world.read_lag or world.search_lag)
            if edit is not None or lagging or "showDeleted" in call.query:
                return self._fresh(call, world, edit, admin=admin)
            kept = self._kept.setdefault(world.customer_id, _Kept())
            if kept.version != world.version or len(kept.answers) > _KEEP_PAGES:
                kept.version = world.version
                kept.answers.clear()
            key = (call.operation, admin, call.keys, frozenset(call.query.items()))
            clocks = (world.clock(), self._clock())
            if call.page_token:
                self._after(call, world, clocks)
            found = kept.answers.get(key)
            if found is None or not all(_NOW <= now - then < _KEEP for now, then in zip(clocks, found[0], strict=True)):
                found = (clocks, self._fresh(call, world, None, admin=admin))
                kept.answers[key] = found
            return found[1]

    # --- who may ----------------------------------------------------------------------------------------------------

    def _standing(self, call: Call, actor: Actor) -> bool:
        """Return whether the actor is an administrator; refuse whoever may not call this at all."""
        if call.operation == "write":
            raise Refusal(self._write_refusal(actor))
        needed = [SCOPES + name for name in _NEEDED[call.operation]]
        if actor.scopes.isdisjoint(needed):
            raise Refusal(answers.insufficient_scope(needed))
        if actor.subject is None:
            alone = call.query.get("customer") == "my_customer"
            raise Refusal(answers.invalid_input() if alone else answers.forbidden())
        admin = actor.world.actor_standing(actor.subject)
        if admin is None:
            gone = answers.invalid_credentials() if self.quirks.dead_subject_status == 401 else answers.forbidden()  # noqa: PLR2004 - an HTTP status
            raise Refusal(gone)
        public = call.operation.startswith("users.") and call.query.get("viewType") == "domain_public"
        if not admin and not public:
            raise Refusal(answers.forbidden())
        return admin

    @staticmethod
    def _write_refusal(actor: Actor) -> Answer:
        writing = [SCOPES + name for name in ("admin.directory.user", "admin.directory.group")]
        return answers.insufficient_scope(writing) if actor.scopes.isdisjoint(writing) else answers.forbidden()

    # --- how --------------------------------------------------------------------------------------------------------

    def _fresh(self, call: Call, world: World, edit: Callable[[Page], None] | None, *, admin: bool) -> Answer:
        mask = self._mask(call)
        lookup = Lookup(world, self._worlds, self.quirks, admin=admin)
        listed = call.operation in _LISTINGS
        payload = self._page(call, world, lookup, edit) if listed else lookup.one(call)
        return self._encoded(call, apply_mask(mask, payload), payload.get("etag"))

    def _page(self, call: Call, world: World, lookup: Lookup, edit: Callable[[Page], None] | None) -> dict[str, Any]:
        size = self._size(call)
        clocks = (world.clock(), self._clock())
        binding = binding_of(call, world.customer_id)
        after = self._after(call, world, clocks)
        listing = _LISTINGS[call.operation](call, world, lookup)
        shown, last = page_of(listing.keys, listing.items, after, size, descending=listing.descending)
        following = mint_token(binding, last, clocks) if last is not None else None
        items = [listing.render(item) for item in shown]
        payload = page_json(listing.kind, listing.collection, items, world.customer_id, following)
        if edit is not None:

            def restart() -> str:
                self._salt += 1
                return mint_token(binding, after, clocks, self._salt)

            edit(Page(payload, listing.collection, call.page_token, restart))
        return payload

    def _after(self, call: Call, world: World, clocks: Sequence[datetime]) -> SortKey | None:
        """Return the key that the call's page comes after, and refuse a token that is no good for it."""
        token, binding = call.page_token, binding_of(call, world.customer_id)
        return read_token(token, binding, clocks, self.quirks.page_token_lifetime) if token else None

    def _size(self, call: Call) -> int:
        default, greatest = _SIZES[call.operation]
        text = call.query.get("maxResults")
        if text is None:
            size = default
        elif not _WHOLE_NUMBER.fullmatch(text):
            raise Refusal(answers.invalid_parameter("maxResults", "Invalid value for maxResults: not a number"))
        else:
            size = int(text)
        if size < 1 or (size > greatest and self.quirks.too_many_results == "refuse"):
            message = f"Invalid value '{size}'. Values must be within the range: [1, {greatest}]"
            raise Refusal(answers.invalid_parameter("maxResults", message))
        return min(size, greatest, self.page_size_cap or greatest)

    @staticmethod
    def _mask(call: Call) -> Mask:
        text = call.query.get("fields")
        if not text:
            return {}
        try:
            return parse_mask(text, _FIELDS[call.operation])
        except MaskError as error:
            raise Refusal(answers.invalid_parameter("fields", f"Invalid field selection {error.selection}")) from None

    @staticmethod
    def _encoded(call: Call, payload: Any, etag: str | None) -> Answer:  # noqa: ANN401 - any JSON value
        body = encode_json(payload, pretty=call.query.get("prettyPrint") == "true")
        headers = (("ETag", etag),) if etag else ()
        return Answer(200, body, headers=headers, gzipped=gzip(body))
