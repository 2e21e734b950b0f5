"""What goes over the wire, and how its JSON becomes values. Pure: no clock, socket, file or logger.

The shapes are those of the Directory API's discovery document (``admin:directory_v1``). The masks are the promise to
collect nothing else: first name, last name, email, whether the person may work, and the email groups with who is in
them.
"""

from __future__ import annotations

import enum
import json
import re
from typing import Any

from attrs import define, field, frozen

from smartify_core.directory import Reject, is_address
from smartify_core.model import Group, InactiveReason

#: The two scopes asked for; both only read. ``group.readonly`` covers ``members.list`` as well (discovery document,
#: ``members.list.scopes``).
SCOPES: tuple[str, str] = (
    "https://www.googleapis.com/auth/admin.directory.user.readonly",
    "https://www.googleapis.com/auth/admin.directory.group.readonly",
)

#: The fields of one person. Everything that this library ever asks about a person is in this line.
PERSON_MASK = "id,primaryEmail,name(givenName,familyName),suspended,archived"

#: A person as read: email, given name, family name, and why they may not work.
Row = tuple[str, str, str, InactiveReason | None]

_SUSPENDED = InactiveReason.SUSPENDED
_ARCHIVED = InactiveReason.ARCHIVED
_NO_NAME: dict[str, Any] = {}

#: Finds the first character that a reader would see: none of white space, controls, zero-width and filler characters
#: (Unicode ``Cc``, ``Cf``, ``Z*``, variation selectors and the blank letters of Hangul).
_seen = re.compile(
    "[^\\s\\x00-\\x1f\\x7f-\\xa0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202f\\u205f-\\u206f"
    "\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb\\U000e0000-\\U000e0fff]"
).search

#: Letters by their category that show nothing: the fillers of Hangul.
_BLANK_LETTERS = "\u115f\u1160\u3164\uffa0"

#: What an id of this directory may look like before it is put into a path. Google's own are digits (people) or
#: lower-case letters and digits (groups).
_id_like = re.compile(r"[A-Za-z0-9_-]{1,128}").fullmatch


@frozen(order=False)
class Method:
    """One listing or read of the API.

    Args:
        name: Google's name of the method, such as ``"users.list"``.
        kind: The ``kind`` that a true answer carries. It is asked for because an empty page would otherwise be ``{}``,
            like a broken answer.
        items: The key of the collection; Google leaves it out of a page that holds nothing.
        fixed: The parameters that never change, with the ``fields`` mask.
    """

    name: str
    kind: str
    items: str
    fixed: dict[str, str | int] = field(hash=False)


USERS = Method(
    "users.list",
    "admin#directory#users",
    "users",
    {
        "maxResults": 500,
        "projection": "basic",
        "viewType": "admin_view",
        "fields": f"kind,nextPageToken,users({PERSON_MASK})",
    },
)
#: ``showDeleted`` is declared as a string: Python's ``True`` would travel as ``True``.
DELETED = Method(
    "users.list",
    "admin#directory#users",
    "users",
    {
        "maxResults": 500,
        "projection": "basic",
        "viewType": "admin_view",
        "showDeleted": "true",
        "fields": "kind,nextPageToken,users(id)",
    },
)
USER = Method(
    "users.get",
    "admin#directory#user",
    "",
    {"projection": "basic", "viewType": "admin_view", "fields": f"kind,{PERSON_MASK}"},
)
GROUPS = Method(
    "groups.list",
    "admin#directory#groups",
    "groups",
    {"maxResults": 200, "fields": "kind,nextPageToken,groups(id,email,name)"},
)
GROUP = Method("groups.get", "admin#directory#group", "", {"fields": "kind,id"})
MEMBERS = Method(
    "members.list",
    "admin#directory#members",
    "members",
    {"maxResults": 200, "fields": "kind,nextPageToken,members(id,type)"},
)


class GarbledError(Exception):
    """Internal: an answer that is not the protocol. The text is impersonal. Never leaves the adapter."""


def read_object(body: bytes, kind: str) -> dict[str, Any]:
    """Return the JSON object of a 200 answer.

    Raises:
        GarbledError: Not JSON (HTML, empty, cut short), not an object, or not of ``kind``.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        what = "an empty body" if not body.strip() else "a body that is not JSON"
        raise GarbledError(f"200 with {what}") from None
    if type(answer) is not dict:
        raise GarbledError("200 with JSON that is no object")
    if answer.get("kind") != kind:
        raise GarbledError(f"200 with an object that is no {kind}")
    return answer


def read_page(answer: dict[str, Any], items: str) -> tuple[list[Any], str | None]:
    """Return a page's records and the token of the next page, ``None`` on the last one.

    Raises:
        GarbledError: The collection is no list, or the token no text.
    """
    records = answer.get(items)
    if records is None:
        if items in answer:
            raise GarbledError(f"200 with {items!r} that is null")
        records = []
    elif type(records) is not list:
        raise GarbledError(f"200 with {items!r} that is no list")
    token = answer.get("nextPageToken")
    if token is not None and type(token) is not str:
        raise GarbledError("200 with a page token that is no text")
    return records, token or None


#: A space or an at sign.
_no_id = re.compile("[ @]").search


def usable_id(value: object) -> bool:
    """Return whether ``value`` can be the id of a record: visible ASCII characters, and no address.

    Ids are kept and logged in the open, which an address must never be.
    """
    return type(value) is str and value != "" and value.isascii() and value.isprintable() and _no_id(value) is None


def askable_id(value: str) -> bool:
    """Return whether ``value`` may be put into the path of a read: an id, neither an address nor a path."""
    return _id_like(value) is not None


class UnusableError(Exception):
    """Internal: a person's record that has an id and cannot be used; the text says why without quoting it."""


def read_person(record: dict[str, Any]) -> Row:
    """Return the row of a person's record, whose id was looked at already.

    Missing ``suspended`` or ``archived`` is false: admin_view shows both, and a mask leaves out what is not set.
    ``suspended`` names the reason where both hold.

    Raises:
        UnusableError: The email is missing or none, a flag is no boolean, or a name part no text.
    """
    email = record.get("primaryEmail")
    if type(email) is not str or not is_address(email):
        raise UnusableError("primaryEmail is missing" if email is None else "primaryEmail is not an email address")
    name = record.get("name")
    if name is None:
        name = _NO_NAME
    elif type(name) is not dict:
        raise UnusableError("name is not an object")
    suspended = record.get("suspended", False)
    archived = record.get("archived", False)
    if suspended is False and archived is False:
        reason = None
    elif type(suspended) is not bool or type(archived) is not bool:
        raise UnusableError("suspended or archived is not a boolean")
    else:
        reason = _SUSPENDED if suspended else _ARCHIVED
    return email, _name_part(name.get("givenName")), _name_part(name.get("familyName")), reason


def _name_part(text: object) -> str:
    if type(text) is not str:
        if text is None:
            return ""
        raise UnusableError("a name part is not text")
    if _seen(text) is None:
        return ""
    # A lone surrogate, which JSON can spell and UTF-8 cannot, would break whoever stores it.
    if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
        raise UnusableError("a name part is not valid Unicode")
    return text


def _plainly_seen(text: str) -> bool:
    return _seen(text) is not None and text.isprintable()


@define
class People:
    """The people read so far. A later record of the same id replaces the earlier one, so that each is kept once."""

    rows: dict[str, Row] = field(factory=dict, repr=False)
    rejects: dict[str, Reject] = field(factory=dict)
    #: Records without a usable id. One of them is enough to make the listing incomplete.
    nameless: int = 0

    @property
    def count(self) -> int:
        """Return how many different people were read, rejects included."""
        return len(self.rows) + len(self.rejects)

    def add(self, records: list[Any], place: str) -> None:
        """Take in one page; ``place`` names it in rejects."""
        rows = self.rows
        rejects = self.rejects
        for record in records:
            # The straight way, for a whole and active person with plain values, is most of a large read's work.
            try:
                source_id = record["id"]
                email = record["primaryEmail"]
                name = record["name"]
                given_name = name["givenName"]
                family_name = name["familyName"]
                if (
                    record["suspended"] is False
                    and record["archived"] is False
                    and source_id.isdigit()
                    and source_id.isascii()
                    and email.isprintable()
                    and email.count("@") == 1
                    and " " not in email
                    and email[0] != "@" != email[-1]
                    and ((given_name.isalpha() and given_name[0] not in _BLANK_LETTERS) or _plainly_seen(given_name))
                    and ((family_name.isalpha() and family_name[0] not in _BLANK_LETTERS) or _plainly_seen(family_name))
                    and not rejects
                ):
                    rows[source_id] = (email, given_name, family_name, None)
                    continue
            except (LookupError, TypeError, AttributeError):
                pass
            self._add_slowly(record, place)

    def _add_slowly(self, record: object, place: str) -> None:
        """Take in one record, whatever it is."""
        source_id = record.get("id") if isinstance(record, dict) else None
        if not isinstance(record, dict) or not isinstance(source_id, str) or not usable_id(source_id):
            self.nameless += 1
            return
        try:
            row = read_person(record)
        except UnusableError as unusable:
            self.rows.pop(source_id, None)
            self.rejects[source_id] = Reject(source_id, str(unusable), place)
        else:
            self.rows[source_id] = row
            self.rejects.pop(source_id, None)


def read_ids(records: list[Any]) -> list[str]:
    """Return the usable ids of the records of the deleted list; others are left out, for they prove nothing."""
    return [record["id"] for record in records if type(record) is dict and usable_id(record.get("id"))]


def read_group(record: object) -> Group | None:
    """Return the group, or ``None`` when it has no usable id or address. A missing name is the empty string."""
    if type(record) is not dict or not usable_id(record.get("id")):
        return None
    email, name = record.get("email"), record.get("name")
    if type(email) is not str or not is_address(email) or not (name is None or type(name) is str):
        return None
    return Group(record["id"], email, name or "")


@enum.unique
class MemberType(enum.Enum):
    """What a member of a group is."""

    PERSON = "person"
    GROUP = "group"
    CUSTOMER = "customer"


def read_member(record: object) -> tuple[MemberType, str] | None:
    """Return what a member is and its id, or ``None`` when it cannot be told who it is.

    Only the id is looked at, never the email, which may be an alias or missing; nor the status, which people from
    outside lack. Any type but ``GROUP`` and ``CUSTOMER`` is a person, ours if the id is. A ``CUSTOMER`` member knows
    itself without an id.
    """
    if type(record) is not dict:
        return None
    member_id, of_type = record.get("id"), record.get("type")
    if of_type == "CUSTOMER":
        return MemberType.CUSTOMER, ""
    if not usable_id(member_id):
        return None
    return (MemberType.GROUP if of_type == "GROUP" else MemberType.PERSON), str(member_id)
