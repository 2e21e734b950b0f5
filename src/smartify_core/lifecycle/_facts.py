"""What one read of a directory comes to, against what the store holds: the facts from which a plan is made. Pure."""

from __future__ import annotations

from attrs import define, field

from smartify_core.model import SealedAccount

from ._decide import Intent
from ._newcomers import Newcomers
from ._plan import Held, Quarantined


@define
class Facts:
    """What should become of whom, and what this read is not good enough for.

    Attributes:
        snapshot_id: The read.
        intents: What should become of the people who have an account and differ.
        newcomers: The people who have none.
        gone: Live accounts whose person is no more, each with the source's evidence.
        doubted: Accounts that were not seen, each with the reason why this read is not believed about it.
        stranger: Why newcomers are not to be let in, if they are not.
        held: What nothing can be concluded about.
        quarantined: Records that were set aside.
        unchanged: How many accounts are in step already.
        requests: How many requests the source sent.
        problems: What kept the read from being certified complete.
    """

    snapshot_id: str
    intents: list[Intent] = field(factory=list)
    newcomers: Newcomers = field(factory=Newcomers)
    gone: list[tuple[SealedAccount, str]] = field(factory=list)
    doubted: list[tuple[SealedAccount, str]] = field(factory=list)
    stranger: str | None = None
    held: list[Held] = field(factory=list)
    quarantined: list[Quarantined] = field(factory=list)
    unchanged: int = 0
    requests: int = 0
    problems: tuple[str, ...] = ()
