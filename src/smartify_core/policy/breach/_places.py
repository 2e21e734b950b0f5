"""Where in the store incidents and notices are: kinds of document under `LEDGER`, and their keys. Pure."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

#: Key: the incident's id. Value: `Incident`.
INCIDENT: Final = "incident"
#: Key: `numbered`. Value: `TimelineEvent`.
EVENT: Final = "incident event"
#: Key: the incident's id. Value: `Statement`.
STATEMENT: Final = "incident statement"
#: Key: the tenant. Value: `Customer`.
CUSTOMER: Final = "breach customer"
#: Key: the tenant. Value: `ContactChange`: there may be other ways to tell it by now. It lies there until the courier
#: has looked.
CHANGED: Final = "breach customer changed"
#: Key: the tenant. Value: what rehearsals found.
REACH: Final = "breach reach"
#: Key: `numbered` with the revision. Value: `Impact`.
IMPACT: Final = "impact"
#: Key: `of_tenant` with the revision. Value: `TenantImpact`.
TENANT_IMPACT: Final = "impact tenant"
#: Key: `of_tenant` with the revision, and the chunk's number. Value: a chunk of `SubjectImpact`.
SUBJECTS: Final = "impact subjects"
#: Key: `numbered` with the revision, and the chunk's number. Value: names of tenants that are not affected.
UNAFFECTED: Final = "impact unaffected"
#: Key: `numbered` with the round. Value: `Round`.
ROUND: Final = "notice round"
#: Key: `of_tenant` with the round. Value: `Notice`.
NOTICE: Final = "notice"
#: Key: `of_tenant` with the round. Value: `Hearing`.
HEARING: Final = "notice hearing"
#: Key: `of_contact`. Value: `Delivery` that is open. One that is not is under `DELIVERY_DONE`.
DELIVERY: Final = "notice delivery"
DELIVERY_DONE: Final = "notice delivery done"
#: Key: the SHA-256 of a notice's code. Value: where its hearing is.
CODE: Final = "notice code"
#: Key: `numbered`. Value: `DeadlineRecord`, what was said of deadlines, and why they were missed.
DEADLINE: Final = "notice deadline"
#: Value: the decoys.
CANARY: Final = "canary"


def numbered(incident: str, number: int) -> str:
    """Return the key of the ``number``-th of something of an incident: they lie in order of number."""
    return f"{incident}/{number:06}"


def of_tenant(incident: str, number: int, tenant: str) -> str:
    """Return the key of what a computation or a round has for a tenant. The tenant stands in it as a hash.

    Ids of tenants may hold any character, and so no beginning of one key is another tenant's.
    """
    return f"{numbered(incident, number)}/{tenant_part(tenant)}"


def of_contact(incident: str, number: int, tenant: str, contact: str) -> str:
    """Return the key of a delivery to one contact of a tenant."""
    return f"{of_tenant(incident, number, tenant)}/{contact}"


def tenant_part(tenant: str) -> str:
    """Return what stands for a tenant in a key: the first 32 hexadecimal digits of its SHA-256."""
    return sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()[:32]
