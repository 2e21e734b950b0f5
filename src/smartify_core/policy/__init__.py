"""Who may see a name, why, and the record that proves it.

- `Policy` puts everything together over one store.
- `Gate` is the only way to open sealed fields: a decision, a durable record of it, and only then the fields.
- `decide` is the decision as a pure function: what was asked, what is known, the instant, the rules; a `Decision` tells
  what decided, or what is missing and the smallest change that would allow it.
- `Staff`, `Grants` and `Circumstances` keep what is known. `Purpose` and `PersonalField` are closed lists.
- ``policy.audit`` is the audit trail.
"""

from __future__ import annotations

from ._access._deciding import decide
from ._access._decision import LONGEST_REASON, AccessRequest, AccessRules, Decision, Missing, Shortfall
from ._access._facts import Agreement, Employee, Facts, Grant, PrincipalKind, Tenancy
from ._access._hygiene import Concern, HygieneFinding, Use, hygiene
from ._access._provisions import CLAUSE, RANKS, Override, Provision, ProvisionEffect, Rulebook, Ruling, SourceDocument
from ._gate._disclosed import Disclosed
from ._gate._gate import Gate, Permit
from ._gate._recording import MoreFacts
from ._gate._standing import GrantStanding, GrantState
from ._gate._view import View
from ._policy import Policy
from ._records._circumstances import Circumstances, TicketIsOpen
from ._records._grants import Grants
from ._records._staff import Staff, StaffRecord
from ._vocabulary import ACCOUNT_FIELDS, PROHIBITED, PSEUDONYMOUS, PersonalField, Purpose

__all__ = [
    "ACCOUNT_FIELDS",
    "CLAUSE",
    "LONGEST_REASON",
    "PROHIBITED",
    "PSEUDONYMOUS",
    "RANKS",
    "AccessRequest",
    "AccessRules",
    "Agreement",
    "Circumstances",
    "Concern",
    "Decision",
    "Disclosed",
    "Employee",
    "Facts",
    "Gate",
    "Grant",
    "GrantStanding",
    "GrantState",
    "Grants",
    "HygieneFinding",
    "Missing",
    "MoreFacts",
    "Override",
    "Permit",
    "PersonalField",
    "Policy",
    "PrincipalKind",
    "Provision",
    "ProvisionEffect",
    "Purpose",
    "Rulebook",
    "Ruling",
    "Shortfall",
    "SourceDocument",
    "Staff",
    "StaffRecord",
    "Tenancy",
    "TicketIsOpen",
    "Use",
    "View",
    "decide",
    "hygiene",
]
