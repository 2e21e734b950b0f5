"""What a change does to an account that guards count, and hold where it is too much. Pure values."""

from __future__ import annotations

import enum

from attrs import frozen


@enum.unique
class Effect(enum.Enum):
    """What guards count. One change may have several effects, and each can be held apart from the others."""

    DELETE = "delete"
    DEACTIVATE = "deactivate"
    LOSE_GROUPS = "lose groups"
    RENAME = "rename"
    CREATE = "create"


@frozen(order=True)
class EffectKey:
    """Names one effect on one account, the same in every run that calls for it.

    ``detail`` tells apart what the ids alone do not: a keyed hash of the new address, or a hash of the groups that are
    lost; empty where there is nothing to tell apart.
    """

    effect: str
    source_id: str
    account_id: str
    detail: str = ""


@frozen(order=False)
class Called:
    """An effect that the directory calls for. ``doubt`` says why this read alone is not good enough for it."""

    key: EffectKey
    evidence: str
    doubt: str | None = None
    adopted: bool = False

    @property
    def effect(self) -> Effect:
        """Return what kind of effect it is."""
        return Effect(self.key.effect)
