"""Where a breach may have reached, as the command line says it: the options of scopes, and what they mean."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
from attrs import frozen

from smartify_core.errors import UsageError
from smartify_core.policy.breach import BreachScope, Exposure, ScopeKind

from ._command_line import as_instant

_HALVED = (ScopeKind.KEY, ScopeKind.STORE)


@frozen(order=False)
class Scoped:
    """What was said of where a breach reached.

    Args:
        names: The names of each kind.
        since: From when on.
        until: The first instant that is not in it.
        only: Only these tenants.
        exposed: Whether the other half of a key or a store is out as well.
        safe_because: Why it is not.
    """

    names: dict[ScopeKind, tuple[str, ...]]
    since: datetime | None
    until: datetime | None
    only: tuple[str, ...]
    exposed: bool
    safe_because: str | None

    def scopes(self) -> tuple[BreachScope, ...]:
        """Return a scope for each kind that is named, all with the one window.

        Raises:
            IncidentInvalid: The window ends before it starts, or a name is none.
            UsageError: The other half is said to be out and to be safe, or there is none to speak of.
        """
        half = Exposure.EXPOSED if self.exposed else Exposure.UNKNOWN
        if self.safe_because is not None:
            if self.exposed:
                raise UsageError(
                    "the other half is either exposed or safe", where="command line", cure="Leave one of them out."
                )
            half = Exposure.SAFE
        named = [kind for kind in ScopeKind if self.names.get(kind)]
        if half is not Exposure.UNKNOWN and not any(kind in _HALVED for kind in named):
            raise UsageError(
                "only a key or a store has another half", where="command line", cure="Name one with --key or --store."
            )
        if not named and (self.since or self.until or self.only):
            raise UsageError(
                "a window without a name reaches nothing",
                where="command line",
                cure="Name an --actor, a --host, a --vendor, a --key, a --store or a --tenant.",
            )
        return tuple(
            BreachScope(
                kind,
                self.names[kind],
                self.since,
                self.until,
                self.only,
                half if kind in _HALVED else Exposure.UNKNOWN,
                self.safe_because if kind in _HALVED else None,
            )
            for kind in named
        )


def scoped(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of scopes; the command gets them as one argument, ``scoped``."""

    def called(
        *args: Any,  # noqa: ANN401 - what click hands on
        since: datetime | None,
        until: datetime | None,
        only: tuple[str, ...],
        exposed: bool,
        safe_because: str | None,
        **options: Any,  # noqa: ANN401 - as above
    ) -> Any:  # noqa: ANN401 - as above
        names = {kind: options.pop(f"scope_{kind.value}") for kind in ScopeKind}
        return command(*args, scoped=Scoped(names, since, until, only, exposed, safe_because), **options)

    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined] # as click.option
    for option in reversed(_OPTIONS):
        called = option(called)
    return called


def _named(kind: ScopeKind, what: str) -> Callable[..., Any]:
    return click.option(f"--{kind.value}", f"scope_{kind.value}", metavar="ID", multiple=True, help=what)


_OPTIONS = (
    _named(ScopeKind.ACTOR, "An employee or service that somebody acted as; repeatable."),
    _named(ScopeKind.HOST, "A host that was taken over; repeatable."),
    _named(ScopeKind.VENDOR, "A vendor that had the breach; repeatable."),
    _named(ScopeKind.KEY, "A wrapping key that is known to others; repeatable."),
    _named(ScopeKind.STORE, "A store of which a copy is out, by any name; repeatable."),
    _named(ScopeKind.TENANT, "A tenant of whom anything that was opened is in scope; repeatable."),
    click.option(
        "--since", metavar="TIME", callback=as_instant, help="From when on (ISO 8601); from ever when not given."
    ),
    click.option(
        "--until", metavar="TIME", callback=as_instant, help="The first instant after it; still open when not given."
    ),
    click.option("--only", metavar="T", multiple=True, help="Only this tenant, where that much is known; repeatable."),
    click.option("--exposed", is_flag=True, help="Of a store: its keys are out too. Of a key: what it opens is."),
    click.option("--safe-because", metavar="TEXT", help="Why they are not. Without either, they may be."),
)
