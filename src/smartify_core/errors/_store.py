"""What the storage backend's side must act upon."""

from __future__ import annotations

from ._root import SmartifyError


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
