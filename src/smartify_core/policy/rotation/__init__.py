"""Moving what is sealed to newer keys, and retiring the keys that nothing needs any more.

`Rotation` does both. `Renewed` says what a pass has moved, `Remaining` what is still under an older key, `UnderKey` how
much is under which.
"""

from __future__ import annotations

from ._counts import Remaining, Renewed, UnderKey
from ._rotation import Rotation

__all__ = ["Remaining", "Renewed", "Rotation", "UnderKey"]
