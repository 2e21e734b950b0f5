"""What the caller must act upon."""

from __future__ import annotations

from ._root import SmartifyError


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


class IncidentInvalid(UsageError):
    """An incident, its scope or what is stated of it is misshapen, such as a window that ends before it starts."""

    code = "SC150"


class UnknownIncident(UsageError, LookupError):
    """Nothing is on record under this id: no incident, impact, round or notice."""

    code = "SC151"


class IncidentClash(UsageError):
    """Where the incident stands does not allow this: it is over, not assessed, or not decided yet."""

    code = "SC152"


class ContactInvalid(UsageError):
    """A contact cannot be one, or a customer's file is misshapen. Never says the address."""

    code = "SC153"


class TemplateInvalid(UsageError):
    """A template of notices has an unknown field, or lacks one that a notice must have."""

    code = "SC154"


class NoticeIncomplete(UsageError):
    """A final notice was asked for while something that it has to say is not known yet. Nothing was sent."""

    code = "SC155"


class NoticeHeld(UsageError):
    """Law enforcement asked for silence until a date that has not come. Nothing was sent."""

    code = "SC156"


class StaleDraft(UsageError):
    """What was drafted is not what would be said now, or not what was read. Nothing was sent."""

    code = "SC157"


class PrivateAddress(ContactInvalid):
    """A webhook leads into a private network, where only the host's own things are."""

    code = "SC158"
