"""The rules of the lifecycle as a configuration file writes them. What it leaves out is as the defaults have it."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from smartify_core.errors import RulesInvalid
from smartify_core.lifecycle import Ceiling, Guards, Rules, Threshold

from ._config_table import Table

#: The keys of `[rules]`, and those of its tables.
RULES: Final = frozenset({"retain_for", "protected", "delete_adopted", "held_plan_ttl", "guards"})
THRESHOLDS: Final = frozenset({"deletions", "deactivations", "membership_losses", "renames", "creations"})
GUARDS: Final = THRESHOLDS | {"window", "shrinkage"}
CEILINGS: Final = frozenset({"run", "window"})
CEILING: Final = frozenset({"floor", "share", "count"})


def rules_of(table: Table | None, defaults: Rules) -> Rules:
    """Return the rules that a table describes.

    Args:
        table: The table, if there is one.
        defaults: What holds where the table says nothing.

    Raises:
        ConfigInvalid: A key does not exist, a value is of the wrong kind, or the rules contradict themselves.
    """
    if table is None:
        return defaults
    table.only(RULES)
    guards = _guards(table.optional("guards", table.table), defaults.guards)
    try:
        return evolve(
            defaults,
            retain_for=table.given("retain_for", table.duration, defaults.retain_for),
            guards=guards,
            protected=frozenset(table.given("protected", table.texts, tuple(defaults.protected))),
            delete_adopted=table.given("delete_adopted", table.switch, defaults.delete_adopted),
            held_plan_ttl=table.given("held_plan_ttl", table.duration, defaults.held_plan_ttl),
        )
    except RulesInvalid as error:
        raise table.wrong(error.what, error.cure or "Correct it.") from None


def _guards(table: Table | None, defaults: Guards) -> Guards:
    if table is None:
        return defaults
    table.only(GUARDS)
    thresholds = {
        name: _threshold(table.table(name), getattr(defaults, name)) for name in THRESHOLDS & set(table.content)
    }
    try:
        return evolve(
            defaults,
            window=table.given("window", table.duration, defaults.window),
            shrinkage=table.given("shrinkage", table.number, defaults.shrinkage),
            **thresholds,
        )
    except RulesInvalid as error:
        raise table.wrong(error.what, error.cure or "Correct it.") from None


def _threshold(table: Table, defaults: Threshold) -> Threshold:
    table.only(CEILINGS)
    run, window = (
        _ceiling(table.optional(name, table.table), default)
        for name, default in (("run", defaults.run), ("window", defaults.window))
    )
    try:
        return Threshold(run, window)
    except RulesInvalid as error:
        raise table.wrong(error.what, error.cure or "Correct it.") from None


def _ceiling(table: Table | None, defaults: Ceiling) -> Ceiling:
    if table is None:
        return defaults
    table.only(CEILING)
    try:
        return Ceiling(
            floor=table.given("floor", table.whole, defaults.floor),
            share=table.given("share", table.number, defaults.share),
            count=table.given("count", table.whole, defaults.count),
        )
    except RulesInvalid as error:
        raise table.wrong(error.what, error.cure or "Correct it.") from None
