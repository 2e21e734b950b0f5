"""Policy as a configuration file writes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

from attrs import frozen

from smartify_core.policy import AccessRules

from ._config_table import Table

_KEYS: Final = frozenset({"longest_grant", "longest_emergency", "origin", "endings"})
_LONGEST: Final = timedelta(days=366)
#: Whose trail a checkpoint is of, unless told otherwise.
DEFAULT_ORIGIN: Final = "smartify/audit"
_ENDINGS: Final = "smartify.endings"


@frozen(order=False)
class PolicySettings:
    """How strict the host is, and where it keeps what must not lie in the store.

    Attributes:
        access: How long grants may last.
        origin: Whose trail the checkpoints are of: a name that no other trail has.
        endings: The register of accounts and tenants that have ended, kept apart from the store and its backups.
    """

    access: AccessRules
    origin: str
    endings: Path


def policy_settings_of(document: Table) -> PolicySettings:
    """Return what a whole configuration says of policy.

    Raises:
        ConfigInvalid: Its table ``[policy]`` has an unknown key, or a value of the wrong kind or out of its range.
    """
    usual = AccessRules()
    endings = document.file.absolute().parent / _ENDINGS
    table = document.optional("policy", document.table)
    if table is None:
        return PolicySettings(usual, DEFAULT_ORIGIN, endings)
    table.only(_KEYS)
    grant = _lasting(table, "longest_grant", usual.longest_grant)
    emergency = _lasting(table, "longest_emergency", usual.longest_emergency)
    return PolicySettings(
        AccessRules(longest_grant=grant, longest_emergency=emergency),
        table.given("origin", table.text, DEFAULT_ORIGIN),
        table.given("endings", table.path, endings),
    )


def _lasting(table: Table, key: str, usual: timedelta) -> timedelta:
    lasts = table.given(key, table.duration, usual)
    if not timedelta(0) < lasts <= _LONGEST:
        raise table.wrong("a time is out of its range", "It must be from one second to 366 days.", key)
    return lasts
