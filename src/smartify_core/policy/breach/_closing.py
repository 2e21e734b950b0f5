"""What comes before the close of an incident. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ._clocks import Deadline
from ._dossier import Dossier
from ._impact import Impact
from ._incident import incident_clash
from ._notice import RoundState
from ._said import open_calls
from ._vocabulary import Phase


def require_closable(
    dossier: Dossier, deadlines: Iterable[Deadline], *, gone_on: Callable[[Impact], bool], despite_calls: bool
) -> int:
    """Return how many calls were not made; raise where something has to be done before the close.

    Args:
        dossier: What is on record around the incident.
        deadlines: Its deadlines.
        gone_on: Says whether something was recorded after an impact that its scopes may reach.
        despite_calls: Whether somebody said why it is closed though customers were not called.

    Raises:
        IncidentClash: Something comes first: the decision, a scope, the assessment, a notice, an arrival, a reason, a
            call.
    """
    _require_known(dossier, gone_on)
    _require_told(dossier)
    unexplained = sum(one.state.is_failed and not dossier.said.is_explained(one) for one in deadlines)
    if unexplained:
        raise incident_clash(
            dossier.incident,
            f"{unexplained} notices were late for no reason that is on record",
            "Say why: smartify breach explain",
        )
    calls = sum(len(open_calls(some)) for some in dossier.hearings.values())
    if calls and not despite_calls:
        raise incident_clash(
            dossier.incident,
            f"{calls} calls were not made to customers that nothing reached",
            "Call them, or say why not: despite.",
        )
    return calls


def _require_known(dossier: Dossier, gone_on: Callable[[Impact], bool]) -> None:
    """Raise where nobody can say yet whom it concerns."""
    incident = dossier.incident
    if incident.aware_at is None:
        raise incident_clash(
            incident, "nobody has decided whether it is a breach", "Become aware of it, or dismiss it."
        )
    if not incident.scopes:
        raise incident_clash(
            incident,
            "nobody said where it reached, and so nobody knows whom it concerns",
            "Add a scope: smartify breach scope. If it was no breach, say so: smartify breach dismiss",
        )
    if dossier.impact is None or not dossier.is_assessed:
        raise incident_clash(
            incident, "its impact was not assessed since its scopes changed", "Assess it: smartify breach assess"
        )
    if gone_on(dossier.impact):
        raise incident_clash(
            incident,
            "data was opened, or somebody was let in, after its impact was assessed and before its scopes end",
            "Say until when it reached, and assess it again: smartify breach assess",
        )


def _require_told(dossier: Dossier) -> None:
    """Raise where somebody has not heard, or not what is known now."""
    incident = dossier.incident
    if any(one.state is RoundState.RELEASED for one in dossier.rounds):
        raise incident_clash(
            incident, "a round of notices is still being spread", "Let the courier run: smartify breach work"
        )
    unheard = sum(tenant not in dossier.hearings for tenant in dossier.owed or ())
    if unheard:
        raise incident_clash(
            incident,
            f"{unheard} customers are owed a notice and have none",
            "Draft the notices, and send them.",
        )
    if not all(map(dossier.has_last_word, dossier.hearings)):
        raise incident_clash(
            incident,
            "not every customer that was told has a final notice that says what is known now",
            "Draft the final notices, and send them.",
        )
    if any(one.is_on_its_way for one in dossier.each_hearing() if one.phase is Phase.FINAL):
        raise incident_clash(
            incident, "final notices are still on their way", "Let the courier run: smartify breach work"
        )
