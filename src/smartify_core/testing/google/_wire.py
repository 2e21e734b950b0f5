"""How records look on the wire: pure functions from records to JSON objects."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from smartify_core.testing.google._records import AS_GOOGLE, GroupRecord, MemberKind, MemberRecord, UserRecord

Json = dict[str, Any]

USERS_KIND = "admin#directory#users"
GROUPS_KIND = "admin#directory#groups"
MEMBERS_KIND = "admin#directory#members"


def timestamp(instant: datetime) -> str:
    """Return RFC 3339 with milliseconds and ``Z``, as in ``2013-02-05T10:30:03.325Z``."""
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def etag(customer_id: str, *parts: object) -> str:
    """Return ``"<43 characters>/<27 characters>"``, quotes included: the account's half and the item's half."""
    item = sha256("\0".join(map(str, parts)).encode()).digest()[:20]
    return f'"{_account_half(customer_id)}/{urlsafe_b64encode(item).rstrip(b"=").decode()}"'


@lru_cache(maxsize=64)
def _account_half(customer_id: str) -> str:
    return urlsafe_b64encode(sha256(customer_id.encode()).digest()).rstrip(b"=").decode()


def user_json(
    user: UserRecord, customer_id: str, primary_domain: str, *, archived_reads_suspended: bool = False
) -> Json:
    """Return a live user as an administrator sees it."""
    suspended = user.suspended_at is not None or (archived_reads_suspended and user.archived_at is not None)
    found: Json = {
        "kind": "admin#directory#user",
        "id": user.id,
        "etag": etag(customer_id, "user", user.id, user.revision),
        "primaryEmail": user.email,
        "name": _name(user),
        "isAdmin": user.is_admin,
        "isDelegatedAdmin": False,
        "lastLoginTime": timestamp(user.last_login_at) if user.last_login_at else "1970-01-01T00:00:00.000Z",
        "creationTime": timestamp(user.created_at),
        "agreedToTerms": True,
        "suspended": suspended,
        "archived": user.archived_at is not None,
        "changePasswordAtNextLogin": False,
        "ipWhitelisted": False,
        "emails": [{"address": user.email, "primary": True}, *({"address": alias} for alias in user.aliases)],
        "nonEditableAliases": [f"{user.email.rpartition('@')[0]}@{primary_domain}.test-google-a.com"],
        "customerId": customer_id,
        "orgUnitPath": "/",
        "isMailboxSetup": True,
        "isEnrolledIn2Sv": False,
        "isEnforcedIn2Sv": False,
        "includeInGlobalAddressList": True,
    }
    if user.aliases:
        found["aliases"] = list(user.aliases)
    if user.suspended_at is not None:
        found["suspensionReason"] = user.suspension_reason
        found["suspensionTime"] = timestamp(user.suspended_at)
    if user.archived_at is not None:
        found["archivalTime"] = timestamp(user.archived_at)
    if user.guest_email is not None:
        found["isGuestUser"] = True
        found["guestAccountInfo"] = {"primaryGuestEmail": user.guest_email}
    return found


#: What a caller who is no administrator may see (guide "Retrieve a user as a non-administrator").
PUBLIC_FIELDS = frozenset({"kind", "id", "etag", "primaryEmail", "name", "emails", "thumbnailPhotoUrl"})


def public_user_json(user: UserRecord, customer_id: str, primary_domain: str) -> Json:
    """Return a live user as ``viewType=domain_public`` shows it: whether they are suspended or archived is not said."""
    return {k: v for k, v in user_json(user, customer_id, primary_domain).items() if k in PUBLIC_FIELDS}


def deleted_user_json(user: UserRecord, customer_id: str) -> Json:
    """Return a deleted user: kind, id, address and little else."""
    found: Json = {
        "kind": "admin#directory#user",
        "id": user.id,
        "etag": etag(customer_id, "user", user.id, user.revision),
        "primaryEmail": user.email,
    }
    if user.deleted_at is not None:
        found["deletionTime"] = timestamp(user.deleted_at)
    return found


def group_json(group: GroupRecord, customer_id: str, primary_domain: str, direct_members: int) -> Json:
    """Return a group; ``directMembersCount`` is a decimal string."""
    found: Json = {
        "kind": "admin#directory#group",
        "id": group.id,
        "etag": etag(customer_id, "group", group.id, group.revision, direct_members),
        "email": group.email,
        "name": group.name,
        "directMembersCount": str(direct_members),
        "description": "",
        "adminCreated": True,
        "nonEditableAliases": [f"{group.email.rpartition('@')[0]}@{primary_domain}.test-google-a.com"],
    }
    if group.aliases:
        found["aliases"] = list(group.aliases)
    return found


def member_json(member: MemberRecord, customer_id: str, owner: UserRecord | GroupRecord | None) -> Json:
    """Return a member. ``owner`` is the person or group of this account behind it, if there is one."""
    status: str | None
    if member.status is not AS_GOOGLE:
        status = member.status
    elif member.kind in (MemberKind.CUSTOMER, MemberKind.OUTSIDER):
        status = None
    elif isinstance(owner, UserRecord) and owner.suspended_at is not None:
        status = "SUSPENDED"
    elif isinstance(owner, UserRecord) and owner.archived_at is not None:
        status = "ARCHIVED"
    else:
        status = "ACTIVE"
    address = member.email_shown or (owner.email if owner is not None else None)
    found: Json = {
        "kind": "admin#directory#member",
        "etag": etag(customer_id, "member", member.id, member.revision, address, member.role, status),
        "id": member.id,
    }
    if member.kind is not MemberKind.CUSTOMER and address is not None:
        found["email"] = address
    found["role"] = member.role
    found["type"] = _TYPES[member.kind]
    if status is not None:
        found["status"] = status
    return found


_TYPES = {
    MemberKind.USER: "USER",
    MemberKind.OUTSIDER: "USER",
    MemberKind.GROUP: "GROUP",
    MemberKind.FOREIGN_GROUP: "GROUP",
    MemberKind.CUSTOMER: "CUSTOMER",
}


def page_json(kind: str, collection: str, items: Sequence[Json], customer_id: str, next_token: str | None) -> Json:
    """Return one page of a listing. An empty collection, and the token after the last page, are left out."""
    page: Json = {"kind": kind, "etag": etag(customer_id, kind, *(item["etag"] for item in items))}
    if items:
        page[collection] = list(items)
    if next_token is not None:
        page["nextPageToken"] = next_token
    return page


def _name(user: UserRecord) -> Json:
    parts: Json = {}
    if user.given_name is not None:
        parts["givenName"] = user.given_name
    if user.family_name is not None:
        parts["familyName"] = user.family_name
    parts["fullName"] = " ".join(part for part in (user.given_name, user.family_name) if part)
    return parts
