"""C9 and C11: what was said to people, and who else gets data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from smartify_core.cli._numbers import are, numbered
from smartify_core.cli._policy_of import Opened

from ._checkup import Checkup, counted

#: How long before a commitment lapses somebody should see to its renewal.
_SOON: Final = timedelta(days=30)


def of_communications(at: Opened) -> Iterator[Checkup]:
    rules, found = at.config.policy.communications, at.policy.communications.tally()
    if found.overdue:
        yield Checkup(
            "C9",
            enforced=False,
            what=f"Kept beyond its end: {numbered(found.overdue, 'communication')}.",
            cure="Have `smartify communications sweep` run every day.",
        )
    if not rules.keep and found.kept:
        yield Checkup(
            "C9",
            enforced=False,
            what=f"Communications are switched off, and {found.kept:,} {are(found.kept)} there from before.",
            cure="Let them end, or remove them: smartify communications opt-out --remove.",
        )
    elif rules.keep:
        yield Checkup("C9", enforced=True, what=f"Communications are kept for {rules.retention.days} days, and sealed.")
    else:
        yield Checkup("C9", enforced=True, what="Communications are switched off: none is kept.")


def of_vendors(at: Opened) -> Iterator[Checkup]:
    now = at.policy.vendors.now()
    vendors = [one for one in at.policy.vendors.all() if not one.has_ended(now)]
    if not vendors:
        yield Checkup("C11", enforced=True, what="No vendor is registered, so no export opens.")
        return
    lapses = at.policy.vendors.lapses(_SOON)
    if lapsed := [one for one in lapses if one.ends_at is None]:
        yield Checkup(
            "C11",
            enforced=False,
            what=f"Not held: {numbered(len(lapsed), 'commitment')}, of {counted(one.vendor for one in lapsed)}: "
            "nothing goes there.",
            cure="Have them given, with evidence, and record them: smartify vendors undertake.",
        )
    if soon := [one for one in lapses if one.ends_at is not None]:
        yield Checkup(
            "C11",
            enforced=False,
            what=f"Lapsing in 30 days: {numbered(len(soon), 'commitment')}, of {counted(one.vendor for one in soon)}.",
            cure="Have them renewed, and record it: smartify vendors undertake.",
        )
    if late := [one for one in at.policy.vendors.duties() if one.overdue]:
        yield Checkup(
            "C11",
            enforced=False,
            what=f"Not told in time: {numbered(len(late), 'customer')}, of {counted(one.vendor for one in late)}.",
            cure="Tell them, and record it: smartify vendors announce.",
        )
    yield Checkup(
        "C11",
        enforced=True,
        what=f"On the register: {numbered(len(vendors), 'vendor')}. No other way leads to one.",
    )
