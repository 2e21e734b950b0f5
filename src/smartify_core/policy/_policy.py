"""All of policy over one store, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import cached_property, partial

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
from .audit import AuditRecord, Trail
from .breach import Alarm, Breaches, BreachRules, Hearing, Locales, NoticeTemplate, Notifier
from .communications import CommunicationRules, Communications
from .rotation import Rotation
from .shredding import EndingsFile, LegalHolds, Shredder, check_restored
from .vendors import Exports, Vendors


class Policy:
    """The rooms of policy, each over the same store, keys and clock. Threads may share it.

    Making one reads and writes nothing. What most hosts need is there at once; ``vendors``, ``exports``,
    ``communications``, ``holds``, ``shredder``, ``rotation`` and ``breaches`` are made when they are first asked for.

    Args:
        storage: The store that holds the accounts. What policy knows lies in it under a name of its own.
        sealer: What seals and opens. Its key ring is asked to forget a tenant that is off-boarded, where it can.
        rules: How strict the host is.
        ticket_is_open: Asks the host's issue tracker whether an issue is open; ``None`` or an exception closes. Every
            decision asks anew, and keeps no answer: once for each issue that grants of the employee name for the
            tenant and the purpose, of those that are neither revoked nor over if there are any. A view decides for
            every page of 100 accounts; with a service it is those of its owner too.
        on_emergency: Called with every grant that somebody took without approval.
        notice: How long before a vendor's first data a customer has to be told.
        communications: Whether what is said to people is kept, and for how long. Off where nothing is said.
        register: The register of endings, kept outside of the store's backups.
        breach: Your own times for notices after a breach, and who answers.
        notifiers: The channels that such notices leave through.
        locales: The languages of such notices; those of this library without it.
        templates: Your own texts of such notices, one for a language.
        on_alarm: Called with every time for a notice that comes near or was missed.
        on_call: Called when nothing reached a customer, so that somebody has to take the phone.
        host: The name of the host that this runs on, which the audit trail then knows of every process: see `Trail`.
            One that was taken over can be told from others by it.
        clock: What tells the time.

    Raises:
        UsageError: ``host`` is no name; or ``notice`` is not between nothing and ten years (when vendors are first
            asked for).
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        *,
        rules: AccessRules | None = None,
        ticket_is_open: TicketIsOpen | None = None,
        on_emergency: Callable[[Grant], None] | None = None,
        notice: timedelta = timedelta(days=30),
        communications: CommunicationRules | None = None,
        register: EndingsFile | None = None,
        breach: BreachRules | None = None,
        notifiers: Iterable[Notifier] = (),
        locales: Locales | None = None,
        templates: Iterable[NoticeTemplate] = (),
        on_alarm: Callable[[Alarm], None] | None = None,
        on_call: Callable[[Hearing], None] | None = None,
        host: str | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._storage = storage
        self._sealer = sealer
        self._notice = notice
        self._communication_rules = communications
        self._register = register
        self._breach_rules = breach
        self._notifiers = tuple(notifiers)
        self._locales = locales
        self._templates = tuple(templates)
        self._on_alarm = on_alarm
        self._on_call = on_call
        self._clock = clock
        self.rules: AccessRules = AccessRules() if rules is None else rules
        self.trail: Trail = Trail(storage, clock=clock, host=host)
        self.staff: Staff = Staff(storage, sealer, self.trail)
        self.grants: Grants = Grants(
            storage, sealer, self.trail, self.staff, rules=self.rules, on_emergency=on_emergency
        )
        self.circumstances: Circumstances = Circumstances(storage, sealer, self.trail, ticket_is_open=ticket_is_open)
        self.gate: Gate = Gate(
            storage,
            sealer,
            self.trail,
            staff=self.staff,
            grants=self.grants,
            circumstances=self.circumstances,
            rules=self.rules,
            guard=None if register is None else partial(check_restored, self.trail, register),
            watch=self._watch,
        )

    @cached_property
    def vendors(self) -> Vendors:
        """The register of vendors."""
        return Vendors(self._storage, self._sealer, self.trail, notice=self._notice)

    @cached_property
    def exports(self) -> Exports:
        """The one way in which data goes to a vendor."""
        return Exports(self.vendors, self.gate)

    @cached_property
    def holds(self) -> LegalHolds:
        """The legal holds."""
        return LegalHolds(self._storage, self._sealer, self.trail)

    @cached_property
    def communications(self) -> Communications:
        """What was said to people, where that is kept. What a legal hold stands over is not removed."""
        return Communications(
            self._storage,
            self._sealer,
            self.trail,
            self.gate,
            rules=self._communication_rules,
        )

    @cached_property
    def shredder(self) -> Shredder:
        """What sees to it that whoever is gone is gone."""
        return Shredder(self._storage, self._sealer, self.trail, register=self._register)

    @cached_property
    def rotation(self) -> Rotation:
        """What moves accounts and documents to newer keys."""
        return Rotation(self._storage, self._sealer, self.trail, clock=self._clock)

    @cached_property
    def breaches(self) -> Breaches:
        """What is done after a breach, and before one."""
        return Breaches(
            self._storage,
            self._sealer,
            self.trail,
            gate=self.gate,
            vendors=self.vendors,
            rules=self._breach_rules,
            notifiers=self._notifiers,
            locales=self._locales,
            templates=self._templates,
            on_alarm=self._on_alarm,
            on_call=self._on_call,
        )

    def _watch(self, record: AuditRecord) -> None:
        """Show a record of the gate to the decoys, which are made when the first one comes."""
        self.breaches.canaries.noticed(record)

    def hygiene(self, *, unused_after: timedelta = timedelta(days=7)) -> Iterator[HygieneFinding]:
        """Yield what a reviewer of grants should look at: unused, wider than used, self-approved, not reviewed.

        Reads the whole trail once.

        Args:
            unused_after: For how long a live grant may go unused.
        """
        staff = {record.employee.id: record.employee for record in self.staff.all()}
        uses = uses_in(self.trail.entries())
        yield from hygiene(self.grants.all(also_past=True), uses, staff, self.trail.now(), unused_after=unused_after)
