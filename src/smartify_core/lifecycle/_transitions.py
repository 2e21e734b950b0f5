"""The table of legal changes: what an account goes through when its person is seen, or is known to be gone.

Rule: nothing outside this file decides the kind of a change.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from smartify_core.model import AccountState


@enum.unique
class ChangeKind(enum.Enum):
    """The five changes, in the order in which a plan applies them: whoever loses access loses it first."""

    DEACTIVATE = "deactivate"
    DELETE = "delete"
    UPDATE = "update"
    REACTIVATE = "reactivate"
    PROVISION = "provision"


#: ``None`` stands for a person without a live account.
TRANSITIONS: Final[Mapping[tuple[AccountState | None, AccountState], ChangeKind]] = {
    (None, AccountState.ACTIVE): ChangeKind.PROVISION,
    (None, AccountState.INACTIVE): ChangeKind.PROVISION,
    (AccountState.ACTIVE, AccountState.ACTIVE): ChangeKind.UPDATE,
    (AccountState.ACTIVE, AccountState.INACTIVE): ChangeKind.DEACTIVATE,
    (AccountState.ACTIVE, AccountState.DELETED): ChangeKind.DELETE,
    (AccountState.INACTIVE, AccountState.ACTIVE): ChangeKind.REACTIVATE,
    (AccountState.INACTIVE, AccountState.INACTIVE): ChangeKind.UPDATE,
    (AccountState.INACTIVE, AccountState.DELETED): ChangeKind.DELETE,
}

#: Why each kind of change happens, for whoever reads a plan.
RULES: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.DEACTIVATE: "inactive in the directory: deactivated here at once",
    ChangeKind.DELETE: "deleted in the directory, on its own evidence: deleted here",
    ChangeKind.UPDATE: "differs from the directory: brought in step",
    ChangeKind.REACTIVATE: "active again in the directory: the same account is active again",
    ChangeKind.PROVISION: "in the directory and not here: provisioned",
}
