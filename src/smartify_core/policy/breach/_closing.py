"""What comes before the close of an incident. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ._clocks import Deadline
from ._dossier import Dossier
from ._incident import incident_clash
from ._notice import RoundState
from ._said import open_calls
from ._vocabulary import Phase


def require_closable(dossier: Dossier, deadlines: Iterable[Deadline], *, despite_calls: bool) -> int:
    """Return how many calls were not made; raise where something has to be done before the close.

    Args:
        dossier: What is on record around the incident.
        deadlines: Its deadlines.
        despite_calls: Whether somebody said why it is closed though customers were not called.

    Raises:
        IncidentClash: Something comes first: the decision, the assessment, a notice, an arrival, a reason, a call.
    """
    incident = dossier.incident

    clash = partial(incident_clash, incident)

    if incident.aware_at is None:
        raise clash("nobody has decided whether it is a breach", "Become aware of it, or dismiss it.")
    if dossier.owed is None or not dossier.is_assessed:
        raise clash("its impact was not assessed since its scopes changed", "Assess it: smartify breach assess")
    if any(one.state is RoundState.RELEASED for one in dossier.rounds):
        raise clash("a round of notices is still being spread", "Let the courier run: smartify breach work")
    unheard = sum(tenant not in dossier.hearings for tenant in dossier.owed)
    if unheard:
        raise clash(f"{unheard} customers are owed a notice and have none", "Draft the notices, and send them.")
    if sum(not any(one.phase is Phase.FINAL for one in some) for some in dossier.hearings.values()):
        raise clash("not every customer that was told has a final notice", "Draft the final notices, and send them.")
    if any(one.is_on_its_way for one in dossier.each_hearing() if one.phase is Phase.FINAL):
        raise clash("final notices are still on their way", "Let the courier run: smartify breach work")
    unexplained = sum(one.state.is_failed and not dossier.said.is_explained(one) for one in deadlines)
    if unexplained:
        raise clash(
            f"{unexplained} notices were late for no reason that is on record", "Say why: smartify breach explain"
        )
    calls = sum(len(open_calls(some)) for some in dossier.hearings.values())
    if calls and not despite_calls:
        raise clash(
            f"{calls} calls were not made to customers that nothing reached", "Call them, or say why not: despite."
        )
    return calls
