"""What was said to a customer's people and what they said, kept for a while to help with issues (clause C9).

`Communications` keeps, shows and ends them. It is off until a host switches it on with `CommunicationRules`.
"""

from __future__ import annotations

from ._communication import Communication, CommunicationRules
from ._communications import Communications, Swept, Tally

__all__ = ["Communication", "CommunicationRules", "Communications", "Swept", "Tally"]
