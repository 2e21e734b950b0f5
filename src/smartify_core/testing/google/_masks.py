"""The ``fields`` parameter: which parts of an answer the caller wants.

The grammar (developers.google.com/workspace/admin/directory/v1/guides/performance, "Partial response"): names
separated by commas; ``a/b`` selects ``b`` within ``a``; ``a(b,c)`` selects several; ``*`` is every field at that
place. Selecting a field selects all that is in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Field name to the selection within it; an empty mapping selects everything within.
Mask = Mapping[str, "Mask"]

EVERYTHING: Mask = {}
_TOKENS = re.compile(r"\s*([A-Za-z0-9_$.-]+|[*,/()])\s*")

_NAME: Mask = {each: {} for each in ("givenName", "familyName", "fullName", "displayName")}
#: Fields of the resources, as the discovery document (revision 20261104) has them. An empty mapping is not checked
#: further.
# fmt: off
_USER_NAMES = (
    "addresses", "agreedToTerms", "aliases", "archivalTime", "archived", "changePasswordAtNextLogin",
    "creationTime", "customSchemas", "customerId", "deletionTime", "emails", "etag", "externalIds", "gender",
    "guestAccountInfo", "hashFunction", "id", "ims", "includeInGlobalAddressList", "ipWhitelisted", "isAdmin",
    "isDelegatedAdmin", "isEnforcedIn2Sv", "isEnrolledIn2Sv", "isGuestUser", "isMailboxSetup", "keywords",
    "kind", "languages", "lastLoginTime", "locations", "nonEditableAliases", "notes", "orgUnitPath",
    "organizations", "password", "phones", "posixAccounts", "primaryEmail", "recoveryEmail", "recoveryPhone",
    "relations", "sshPublicKeys", "suspended", "suspensionReason", "suspensionTime", "thumbnailPhotoEtag",
    "thumbnailPhotoUrl", "websites",
)
_GROUP_NAMES = (
    "adminCreated", "aliases", "description", "directMembersCount", "email", "etag", "externalIds", "id",
    "kind", "name", "nonEditableAliases",
)
# fmt: on
USER_FIELDS: Mask = {**dict.fromkeys(_USER_NAMES, EVERYTHING), "name": _NAME}
GROUP_FIELDS: Mask = dict.fromkeys(_GROUP_NAMES, EVERYTHING)
MEMBER_FIELDS: Mask = {
    each: {} for each in ("delivery_settings", "email", "etag", "id", "kind", "role", "status", "type")
}


class MaskError(ValueError):
    """The mask is not of the grammar, or selects a field that is not there; ``selection`` is what is wrong."""

    def __init__(self, selection: str) -> None:
        super().__init__("invalid field selection")
        self.selection = selection


def page_fields(collection: str, item: Mask) -> Mask:
    """Return the fields of a listing's page with items of the fields ``item``."""
    return {
        "kind": {},
        "etag": {},
        "nextPageToken": {},
        collection: item,
        **({"trigger_event": {}} if collection == "users" else {}),
    }


def parse_mask(text: str, schema: Mask) -> Mask:
    """Return the selection that ``text`` describes.

    Raises:
        MaskError: Wrong grammar, or a field that ``schema`` does not have.
    """
    tokens: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKENS.match(text, position)
        if match is None:
            raise MaskError(text)
        tokens.append(match[1])
        position = match.end()
    parser = _Parser(text, tokens)
    mask = parser.selections(schema)
    if parser.peek() is not None:
        raise MaskError(text)
    return mask


def apply_mask(mask: Mask, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the selected parts of a JSON value. A list is masked item by item."""
    if not mask:
        return value
    if isinstance(value, list):
        return [apply_mask(mask, each) for each in value]
    if not isinstance(value, dict):
        return value
    if "*" in mask:
        return {key: apply_mask(mask.get(key, mask["*"]), each) for key, each in value.items()}
    return {key: apply_mask(mask[key], each) for key, each in value.items() if key in mask}


class _Parser:
    """One walk over the tokens, by recursive descent."""

    def __init__(self, text: str, tokens: list[str]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self) -> str:
        token = self.peek()
        if token is None:
            raise MaskError(self._text)
        self._at += 1
        return token

    def selections(self, schema: Mask) -> Mask:
        """Parse ``selection,selection…``."""
        found: dict[str, Mask] = {}
        while True:
            name, inner = self._selection(schema)
            found[name] = _union(found[name], inner) if name in found else inner
            if self.peek() != ",":
                return found
            self._take()

    def _selection(self, schema: Mask) -> tuple[str, Mask]:
        """Parse ``name``, ``name/selection`` or ``name(selections)``."""
        name = self._take()
        if name in {",", "/", "(", ")"}:
            raise MaskError(self._text)
        if name != "*" and schema and name not in schema:
            raise MaskError(name)
        within = schema.get(name, {})
        if self.peek() == "/":
            self._take()
            key, inner = self._selection(within)
            return (name, {key: inner})
        if self.peek() == "(":
            self._take()
            inner = self.selections(within)
            if self._take() != ")":
                raise MaskError(self._text)
            return (name, inner)
        return (name, EVERYTHING)


def _union(first: Mask, second: Mask) -> Mask:
    """Return what either selects; selecting all of a field wins."""
    if not first or not second:
        return EVERYTHING
    both = dict(first)
    for key, inner in second.items():
        both[key] = _union(both[key], inner) if key in both else inner
    return both
