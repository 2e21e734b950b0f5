"""Every error that this library raises, on one page.

The branches say who must act: the caller (`UsageError`), the directory's side (`SourceError`), the storage backend's
side (`StorageError`), a person who reviews a held plan (`PlanHeld`), whoever grants access (`AccessDenied`), or
whoever installs the package (`MissingExtra`).

Rules for every message here:

1. It says what happened, where, and how to mend it. ``code`` has a section in ``docs/reference/errors.md``.
2. It holds no personal data: ids, file names, line numbers, codes and counts only. A foreign exception may quote a
   directory's answer, so a port translates it with ``from None`` and copies only what is known to be impersonal.
"""

from __future__ import annotations

from typing import Any, ClassVar


class SmartifyError(Exception):
    """The root: catch this to catch everything that this library raises on purpose.

    Args:
        what: What happened, in one clause.
        where: The place: a file, a line, a configuration key, a tenant, an API method.
        cure: What to do about it, as an instruction.
    """

    code: ClassVar[str] = "SC000"
    #: Whether the same call may succeed later with nothing changed by the caller.
    retryable: ClassVar[bool] = False

    def __init__(self, what: str, *, where: str | None = None, cure: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.cure = cure

    def __str__(self) -> str:
        """Return ``CODE what (where). cure``."""
        place = f" ({self.where})" if self.where else ""
        mend = f" {self.cure}" if self.cure else ""
        return f"{self.code} {self.what}{place}.{mend}"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with the keyword arguments, so that errors cross process borders whole."""
        return (_rebuild, (type(self), self.what, self.where, self.cure))


def _rebuild(kind: type[SmartifyError], what: str, where: str | None, cure: str | None) -> SmartifyError:
    return kind(what, where=where, cure=cure)


# --- the caller must act --------------------------------------------------------------------------------------------


class UsageError(SmartifyError, ValueError):
    """The call or the configuration is wrong; nothing was read or written on its behalf."""

    code = "SC100"


class ConfigInvalid(UsageError):
    """A configuration file cannot be used: not TOML, an unknown key, a missing or wrongly typed value."""

    code = "SC101"


class UnknownTenant(UsageError, LookupError):
    """The named tenant is not configured."""

    code = "SC102"


class KeyFileInvalid(UsageError):
    """The key file is missing, unreadable, too widely readable, or not a key file."""

    code = "SC103"


class CredentialsInvalid(UsageError):
    """Credentials handed in cannot be used at all: a service-account file that is missing, unreadable or incomplete."""

    code = "SC104"


class StalePlan(UsageError):
    """The store has moved on since the plan was made; nothing of the plan was applied after that point."""

    code = "SC105"


class SnapshotMisused(UsageError):
    """A snapshot was read twice, after it was closed, or asked for its certificate before it was read to the end."""

    code = "SC106"


class WrongKey(UsageError):
    """A sealed field was sealed under a key that this key ring does not hold."""

    code = "SC107"


class FileExists(UsageError):
    """A file that would be created is already there; it was left as it is."""

    code = "SC108"


class RulesInvalid(UsageError):
    """Rules of the lifecycle contradict themselves or are out of range."""

    code = "SC109"


class ClockWentBackwards(UsageError):
    """The clock shows an instant before one that is on record already; nothing was written."""

    code = "SC110"


class UnknownPlan(UsageError, LookupError):
    """No held plan has this hash."""

    code = "SC111"


class PlanExpired(UsageError):
    """The held plan was made too long ago to be approved."""

    code = "SC112"


class PlanSettled(UsageError):
    """The held plan was applied, rejected or superseded already."""

    code = "SC113"


class PlanForeign(UsageError):
    """A saved plan or recording is another tenant's, or is none at all."""

    code = "SC114"


class ClockNotAhead(UsageError):
    """Nothing on record lies ahead of this host's clock, so there is nothing to bring back."""

    code = "SC115"


class UnknownRecord(UsageError, LookupError):
    """Nothing is on record under this id: no employee, agreement, grant or account."""

    code = "SC116"


class RecordClash(UsageError):
    """What is on record does not allow this: it is there already, or over, or was decided."""

    code = "SC117"


class GrantInvalid(UsageError):
    """A grant that cannot be asked for, or that whoever approves it may not approve."""

    code = "SC118"


class OffBoarded(UsageError):
    """The tenant is gone: its people were erased, and nobody of it is provisioned any more."""

    code = "SC119"


class RecordInvalid(UsageError):
    """Something cannot stand in the audit trail: a name that is none, a fraction, half a character, or too much."""

    code = "SC120"


class CheckpointForeign(UsageError):
    """A checkpoint is another trail's, or contradicts this one: it was never a part of it."""

    code = "SC121"


class WitnessRefused(UsageError):
    """A witness does not vouch for a checkpoint: it does not know the trail, or saw another one."""

    code = "SC122"


class KeyStillUsed(UsageError):
    """A wrapping key cannot be retired: it is the current one, or something is still wrapped under it."""

    code = "SC125"


class KeyServiceRejected(UsageError):
    """The key service refuses: no permission, no such key, or one that is disabled."""

    code = "SC126"


class UnknownKey(UsageError, LookupError):
    """No wrapping key has this name."""

    code = "SC127"


class RingCannotTell(UsageError):
    """The key ring does not tell which key wrapped, so nothing can be moved to its newest."""

    code = "SC128"


class Shredded(UsageError, LookupError):
    """The key of this account's person is gone, or may not be made any more: the account has ended."""

    code = "SC130"


class UnknownHold(UsageError, LookupError):
    """No such legal hold is on record."""

    code = "SC131"


class HoldInvalid(UsageError):
    """A legal hold cannot be placed or released as it was asked for."""

    code = "SC132"


class UnderLegalHold(UsageError):
    """A tenant cannot be off-boarded: a legal hold forbids that what is held of it ends."""

    code = "SC133"


class EndingsInvalid(UsageError):
    """The register of endings cannot be used: not such a file, damaged, or of a newer format."""

    code = "SC134"


class VendorInvalid(UsageError):
    """A vendor, an undertaking or a register of vendors is misshapen; the message names vendor and key."""

    code = "SC135"


class UnknownVendor(UsageError, LookupError):
    """No vendor is registered under this id."""

    code = "SC136"


class ExportSpent(UsageError):
    """An export was read a second time, or after it was closed."""

    code = "SC137"


class CommunicationsOff(UsageError):
    """Communications are not kept here: that is switched off. Nothing was written."""

    code = "SC140"


class OptedOut(UsageError):
    """The tenant or the person does not want communications kept. Nothing was written."""

    code = "SC141"


# --- the directory's side must act ----------------------------------------------------------------------------------


class SourceError(SmartifyError):
    """The directory source could not be read. Never means that the directory is empty."""

    code = "SC200"


class SourceUnavailable(SourceError):
    """The source did not answer, or asked to be left alone for a while, until the retries ran out."""

    code = "SC201"
    retryable = True


class SourceRejected(SourceError):
    """The source refused the caller: credentials, delegated subject, scopes, or an API that is not enabled."""

    code = "SC202"


class SourceMalformed(SourceError):
    """The source answered something that is not its protocol, or a file that is not in its format."""

    code = "SC203"


class IncompleteSnapshot(SourceError):
    """A complete read was demanded and the source cannot vouch for one."""

    code = "SC204"


# --- the storage backend's side must act ----------------------------------------------------------------------------


class StorageError(SmartifyError):
    """The storage backend could not do what was asked; nothing of a write that it refused was kept.

    After a `StorageUnavailable` while a commit was under way it may have been kept whole: its batch's id tells.
    """

    code = "SC300"


class StorageUnavailable(StorageError):
    """The store cannot be reached now: a path that is not there, a full or failing disk, a server that is away.

    Also the branch of `StorageBroken`, which time does not mend: look at ``retryable`` to tell them apart.
    """

    code = "SC301"
    retryable = True


class StorageBusy(StorageError):
    """A lock of the store, or every connection of its pool, was in use for longer than the time allowed."""

    code = "SC302"
    retryable = True


class LeaseHeld(StorageError):
    """Another worker holds this tenant's lease."""

    code = "SC303"
    retryable = True


class LeaseLost(StorageError):
    """The claim is no longer the newest one of its tenant: another worker took over. Nothing was written."""

    code = "SC304"


class WriteConflict(StorageError):
    """An account, a document or a journal was not as the write expected; the whole write was refused."""

    code = "SC305"
    retryable = True


class Tombstoned(StorageError):
    """A write would have revived an account that has ended; the whole batch was refused."""

    code = "SC306"


class NewerSchema(StorageError):
    """The store was written by a newer version of this library; it was not touched."""

    code = "SC307"


class ForeignStore(StorageError):
    """The file or schema belongs to something else; it was not touched."""

    code = "SC308"


class SealBroken(StorageError):
    """Sealed bytes do not open: altered, moved from another account or tenant, or cut short.

    That is found when they are opened. Stored bytes that cannot even be read are a `StorageBroken`.
    """

    code = "SC309"


class EventsTrimmed(StorageError):
    """A consumer was left behind: events that it had not had were trimmed from the journal."""

    code = "SC310"


class StorageBroken(StorageUnavailable):
    """The store cannot be used, and time will not change that.

    It was closed, something stored is damaged, it is no store at all, its tables are behind, or it lets nobody in.
    """

    code = "SC311"
    retryable = False


class StoreDiffers(StorageError):
    """Two stores that should hold the same of a tenant do not: a copy met something else, or came out otherwise."""

    code = "SC312"


class TrailBroken(StorageError):
    """The audit trail is not as it was written: an entry, a node or its head was altered, moved or removed."""

    code = "SC313"


class WitnessUnavailable(StorageError):
    """A witness did not answer, or not in its protocol; the checkpoint was made, and nobody vouches for it yet."""

    code = "SC314"
    retryable = True


class OlderStore(StorageError):
    """The store is older than the register of endings, or has another history: people who are gone may be in it."""

    code = "SC315"


class EndingsUnavailable(StorageError):
    """The register of endings cannot be read or written now."""

    code = "SC316"
    retryable = True


class KeyServiceUnavailable(StorageError):
    """The key service cannot be reached, asks to be left alone for a while, or its answer was damaged on the way."""

    code = "SC317"
    retryable = True


# --- a person must decide -------------------------------------------------------------------------------------------


class PlanHeld(SmartifyError):
    """A guard held part of a plan for a person to look at; everything safe was done."""

    code = "SC400"


class AccessDenied(SmartifyError):
    """Policy said no. ``missing`` tells what was missing for a yes, by the codes of `smartify_core.policy.Missing`."""

    code = "SC500"
    missing: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with what was missing, too."""
        return (_rebuild_denial, (type(self), self.what, self.where, self.cure, self.missing))


def _rebuild_denial(
    kind: type[AccessDenied], what: str, where: str | None, cure: str | None, missing: tuple[str, ...]
) -> AccessDenied:
    denied = kind(what, where=where, cure=cure)
    denied.missing = missing
    return denied


class AuditUnavailable(AccessDenied):
    """The audit trail cannot keep a record now, and without a record nothing opens."""

    code = "SC501"
    retryable = True


class PermitSpent(AccessDenied):
    """A permit was used before, is too old, or was not given by this gate for this; nothing was opened."""

    code = "SC502"


class ExportDenied(AccessDenied):
    """Data may not go to this vendor; ``decision`` (a ``policy.vendors.ExportDecision``) names all that is missing."""

    code = "SC510"
    #: Whatever decided: this page knows no room above it.
    decision: Any = None

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with the decision."""
        return (*super().__reduce__(), {"decision": self.decision})


# --- the process around it ------------------------------------------------------------------------------------------


class Stopped(SmartifyError):
    """Somebody asked the process to stop; what was committed stays."""

    code = "SC700"
    retryable = True


class OutputFailed(SmartifyError):
    """Standard output takes nothing more: a full disk, or a device that is gone."""

    code = "SC701"


# --- something must be installed ------------------------------------------------------------------------------------


class MissingExtra(SmartifyError, ImportError):
    """An optional dependency is needed and not installed; ``cure`` is the command that installs it."""

    code = "SC600"

    @classmethod
    def named(cls, extra: str, *, needed_for: str) -> MissingExtra:
        """Return the error for ``extra``, with the command to install it.

        Args:
            extra: The extra's name, as in ``smartify-core[extra]``.
            needed_for: What the caller wanted, for the message.
        """
        return cls(
            f"the optional dependencies {extra!r} are not installed",
            where=needed_for,
            cure=f"Install them with: python -m pip install 'smartify-core[{extra}]'",
        )
