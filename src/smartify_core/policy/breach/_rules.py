"""How strict the host is with itself about breaches. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from attrs import field, frozen

from smartify_core.errors import UsageError
from smartify_core.policy._access._facts import check_id

_LONGEST: Final = timedelta(days=366)


def _alarms(values: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
    return tuple(sorted(set(values), reverse=True))


@frozen(order=False)
class BreachRules:
    """What the host promises of its notices, and who answers for them.

    Args:
        first_notice: How long after awareness the first notice is delivered at the latest.
        update_every: How long after a notice the next one is, until the final one.
        alarms: How long before each time it is said that it comes near.
        escalate_after: How long those of one tier may take before those of the next one are told as well.
        rehearse_every: How old the proof may be that a contact can be reached.
        rehearse_by: In whose name `Breaches.tend` sends the exercises that are due: the id of an employee or a service;
            ``None`` where it sends none.
        notify_ciphertext_only: Whether a customer of whom only ciphertext is out has a notice too. GDPR 33(2) knows no
            threshold of risk.
        organisation: The host's name, as notices have it.
        contact_point: Where a customer asks (GDPR 33(3)(b)): a function, an address, a phone number.
        call: The employee who takes the phone when nothing else reached a customer.
        link: Where a notice can be read and acknowledged, with ``{code}`` for its code; ``None`` where there is no
            such page.

    Raises:
        UsageError: A time is out of its range, ``link`` has no ``{code}``, or ``rehearse_by`` is no id.
    """

    first_notice: timedelta = timedelta(hours=24)
    update_every: timedelta = timedelta(hours=72)
    alarms: tuple[timedelta, ...] = field(
        default=(timedelta(hours=12), timedelta(hours=4), timedelta(hours=1)), converter=_alarms
    )
    escalate_after: timedelta = timedelta(hours=1)
    rehearse_every: timedelta = timedelta(days=90)
    rehearse_by: str | None = None
    notify_ciphertext_only: bool = True
    organisation: str = ""
    contact_point: str = ""
    call: str | None = None
    link: str | None = None

    def __attrs_post_init__(self) -> None:
        times = (self.first_notice, self.update_every, self.escalate_after, self.rehearse_every, *self.alarms)
        if not all(timedelta(0) < one <= _LONGEST for one in times):
            raise UsageError(
                "a time is not between nothing and a year", where="BreachRules", cure="Give timedelta(hours=24), or so."
            )
        if self.rehearse_by is not None:
            check_id("rehearse_by", self.rehearse_by)
        if self.link is not None and "{code}" not in self.link:
            raise UsageError(
                "the link to notices has no place for their code", where="BreachRules", cure="Write {code} into it."
            )
