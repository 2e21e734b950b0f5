"""All of policy over one store, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from smartify_core.model import Clock
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._access._decision import AccessRules
from ._access._facts import Grant
from ._access._hygiene import HygieneFinding, hygiene
from ._gate._gate import Gate
from ._ledger import utc_now
from ._records._circumstances import Circumstances, TicketIsOpen
from ._records._grants import Grants
from ._records._staff import Staff
from ._records._usage import uses_in
from .audit import Trail


class Policy:
    """The rooms of policy, each over the same store, keys and clock. Threads may share it.

    Args:
        storage: The store that holds the accounts. What policy knows lies in it under a name of its own.
        sealer: What seals and opens.
        rules: How strict the host is.
        ticket_is_open: Asks the host's issue tracker whether an issue is open; ``None`` or an exception closes.
        on_emergency: Called with every grant that somebody took without approval.
        clock: What tells the time.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        *,
        rules: AccessRules | None = None,
        ticket_is_open: TicketIsOpen | None = None,
        on_emergency: Callable[[Grant], None] | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.rules = AccessRules() if rules is None else rules
        self.trail = Trail(storage, clock=clock)
        self.staff = Staff(storage, sealer, self.trail)
        self.grants = Grants(storage, sealer, self.trail, self.staff, rules=self.rules, on_emergency=on_emergency)
        self.circumstances = Circumstances(storage, sealer, self.trail, ticket_is_open=ticket_is_open)
        self.gate = Gate(
            storage,
            sealer,
            self.trail,
            staff=self.staff,
            grants=self.grants,
            circumstances=self.circumstances,
            rules=self.rules,
        )

    def hygiene(self, *, unused_after: timedelta = timedelta(days=7)) -> Iterator[HygieneFinding]:
        """Yield what a reviewer of grants should look at: unused, wider than used, self-approved, not reviewed.

        Reads the whole trail once.

        Args:
            unused_after: For how long a live grant may go unused.
        """
        staff = {record.employee.id: record.employee for record in self.staff.all()}
        uses = uses_in(self.trail.entries())
        yield from hygiene(self.grants.all(also_past=True), uses, staff, self.trail.now(), unused_after=unused_after)
