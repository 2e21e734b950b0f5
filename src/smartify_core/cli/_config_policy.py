"""Policy as a configuration file writes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

from attrs import frozen

from smartify_core.errors import ConfigInvalid, UsageError
from smartify_core.policy import AccessRules
from smartify_core.policy.audit import EMPTY_ROOT, Checkpoint, Cosigner, HttpWitness
from smartify_core.policy.communications import CommunicationRules

from ._config_table import Table

#: The keys of the table.
POLICY: Final = frozenset(
    {
        "longest_grant",
        "longest_emergency",
        "origin",
        "endings",
        "witness_folder",
        "witnesses",
        "vendor_notice",
        "communications",
    }
)
#: The keys of the table in it about communications.
COMMUNICATIONS: Final = frozenset({"keep", "retention"})
_LONGEST: Final = timedelta(days=366)
#: Whose trail a checkpoint is of, unless told otherwise.
DEFAULT_ORIGIN: Final = "smartify/audit"
_ENDINGS: Final = "smartify.endings"
_NOTICE: Final = timedelta(days=30)
_OFF: Final = CommunicationRules()
_TEN_YEARS: Final = timedelta(days=3653)


@frozen(order=False)
class PolicySettings:
    """How strict the host is, and where it keeps what must not lie in the store.

    Attributes:
        access: How long grants may last.
        origin: Whose trail the checkpoints are of: a name that no other trail has.
        endings: The register of accounts and tenants that have ended, kept apart from the store and its backups.
        endings_named: Whether the configuration names that register: then it must be there.
        vendor_notice: How long before a vendor's first data a customer has to be told.
        communications: Whether communications are kept, and for how long.
        witness_folder: Where every checkpoint is kept as well: a folder that the store's operator cannot write to.
        witnesses: The addresses and keys of others who are shown every checkpoint.
    """

    access: AccessRules
    origin: str
    endings: Path
    endings_named: bool = False
    vendor_notice: timedelta = _NOTICE
    communications: CommunicationRules = _OFF
    witness_folder: Path | None = None
    witnesses: tuple[tuple[str, Cosigner], ...] = ()


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
    table.only(POLICY)
    grant = _lasting(table, "longest_grant", usual.longest_grant)
    emergency = _lasting(table, "longest_emergency", usual.longest_emergency)
    return PolicySettings(
        AccessRules(longest_grant=grant, longest_emergency=emergency),
        _origin(table),
        table.given("endings", table.path, endings),
        "endings" in table.content,
        _notice(table),
        _communications(table.optional("communications", table.table)),
        table.optional("witness_folder", table.path),
        _witnesses(table.optional("witnesses", table.table)),
    )


def _notice(table: Table) -> timedelta:
    notice = table.given("vendor_notice", table.duration, _NOTICE)
    if notice > _TEN_YEARS:
        raise table.wrong("a time is out of its range", "It must be from nothing to 3653 days.", "vendor_notice")
    return notice


def _communications(table: Table | None) -> CommunicationRules:
    if table is None:
        return CommunicationRules()
    table.only(COMMUNICATIONS)
    usual = CommunicationRules()
    keep, retention = (
        table.given("keep", table.switch, usual.keep),
        table.given("retention", table.duration, usual.retention),
    )
    try:
        return CommunicationRules(keep, retention)
    except UsageError:
        raise table.wrong(
            "a time is out of its range", "It must be from one second to 3653 days.", "retention"
        ) from None


def _origin(table: Table) -> str:
    origin = table.given("origin", table.text, DEFAULT_ORIGIN)
    try:
        Checkpoint(origin, 0, EMPTY_ROOT)
    except UsageError as error:
        raise table.wrong(error.what, error.cure or "", "origin") from None
    return origin


def _witnesses(table: Table | None) -> tuple[tuple[str, Cosigner], ...]:
    if table is None:
        return ()
    found: list[tuple[str, Cosigner]] = []
    for name in table.content:
        one = table.table(name)
        one.only({"url", "key"})
        try:
            cosigner = Cosigner.of_vkey(one.text("key"))
            HttpWitness(one.text("url"), cosigner)
        except ConfigInvalid:
            raise
        except UsageError as error:
            raise one.wrong(error.what, error.cure or "") from None
        found.append((one.text("url"), cosigner))
    return tuple(found)


def _lasting(table: Table, key: str, usual: timedelta) -> timedelta:
    lasts = table.given(key, table.duration, usual)
    if not timedelta(0) < lasts <= _LONGEST:
        raise table.wrong("a time is out of its range", "It must be from one second to 366 days.", key)
    return lasts
