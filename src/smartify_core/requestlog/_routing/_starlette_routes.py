"""The templates of all routes of a Starlette or FastAPI application, whole and without a value.

A mount tells the application below it the path that it matched, values and all; the route that answers knows its own
piece of the template only. So the tree of routes is read, and the pieces of each way down are joined.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from attrs import frozen
from starlette.routing import Host, Mount, compile_path

from smartify_core.requestlog.asgi import Scope

#: How deep applications may be mounted in one another, and how often one of them in itself.
_DEEPEST: Final = 12
_IN_ITSELF: Final = 2
#: How many middlewares may stand between a mount and the application that it mounts.
_MOST_WRAPPED: Final = 20
#: How many endpoints that belong to no known route are remembered, so that the tree is not read for each request.
_MOST_STRANGERS: Final = 1_000
#: A route of Starlette's, or what FastAPI tells of one: the two have no type in common.
_Route: TypeAlias = Any
_named_group = re.compile(r"\(\?P<\w+>")


@frozen(order=False)
class _Known:
    """One way down the tree: what answers at its end, and the template that leads there."""

    endpoint: object
    #: None where the way ends at routes of which none matched.
    template: str | None
    pattern: re.Pattern[str]
    methods: frozenset[str] | None

    def answers(self, path: str, method: str | None) -> bool:
        """Return whether this way leads from ``path`` to the endpoint."""
        return self.pattern.fullmatch(path) is not None and (
            method is None or self.methods is None or method in self.methods
        )


class Templates:
    """Finds the template of a request's route by the endpoint that the framework left in the scope.

    Args:
        router: The outermost router.
    """

    def __init__(self, router: object) -> None:
        self._router = router
        self._known: dict[int, tuple[_Known, ...]] = {}
        self._strangers: dict[int, object] = {}

    def read(self) -> list[str]:
        """Read the tree of routes, and return their templates."""
        found: dict[int, tuple[_Known, ...]] = {}
        for one in _walk(_routes_of(self._router) or (), "", "", ()):
            # The endpoint is kept with its number, so that no other object can get the number.
            found[id(one.endpoint)] = (*found.get(id(one.endpoint), ()), one)
        self._known = found
        templates = (one.template for several in found.values() for one in several)
        return list(dict.fromkeys(template for template in templates if template is not None))

    def __call__(self, scope: Scope) -> str | None:
        """Return the template of the route that answers; None where none does."""
        endpoint = scope.get("endpoint")
        if endpoint is None:
            return None
        known = self._known.get(id(endpoint))
        if known is None:
            known = self._met(endpoint)
        return known[0].template if len(known) == 1 else _the_one(known, scope)

    def _met(self, endpoint: object) -> tuple[_Known, ...]:
        """Return the ways to an endpoint that is not known: its route may have been added since."""
        if id(endpoint) in self._strangers:
            return ()
        self.read()
        known = self._known.get(id(endpoint), ())
        if not known and len(self._strangers) < _MOST_STRANGERS:
            self._strangers[id(endpoint)] = endpoint
        return known


def _the_one(known: Sequence[_Known], scope: Scope) -> str | None:
    """Return the template of the way that the path went, of several to one endpoint."""
    path = scope["path"].removeprefix(scope.get("app_root_path", scope.get("root_path", "")))
    for method in (scope.get("method"), None):
        for one in known:
            if one.answers(path, method):
                return one.template
    return None


def applications(app: object, way: tuple[int, ...] = ()) -> Iterator[object]:
    """Yield every application that is mounted in ``app``, those in it included."""
    for route in _listed(_routes_of(app) or ()):
        mounted = _mounted(route.app) if _is_mount(route) else None
        if mounted is not None and _goes_on(mounted, way):
            yield mounted
            yield from applications(mounted, (*way, id(mounted)))


def _walk(routes: Iterable[_Route], template: str, pattern: str, way: tuple[int, ...]) -> Iterator[_Known]:
    for route in _listed(routes):
        path: str = getattr(route, "path", None) or ""
        whole, expression = template + path, pattern + _expression(path)
        if not _is_mount(route):
            methods = getattr(route, "methods", None)
            endpoint = getattr(route, "endpoint", None)
            if endpoint is not None:
                yield _Known(endpoint, whole, re.compile(expression), frozenset(methods) if methods else None)
            continue
        mounted = _mounted(route.app)
        below = _routes_of(mounted)
        if below is None:
            yield _Known(route.app, f"{whole}/{{path:path}}", re.compile(f"{expression}/.*", re.DOTALL), None)
        else:
            yield _Known(route.app, None, re.compile(f"{expression}/.*", re.DOTALL), None)
            if _goes_on(mounted, way):
                yield from _walk(below, whole, expression, (*way, id(mounted)))


def _goes_on(mounted: object, way: tuple[int, ...]) -> bool:
    """Return whether the tree is followed into ``mounted``; an application that mounts itself has no end."""
    return len(way) < _DEEPEST and way.count(id(mounted)) < _IN_ITSELF


def _expression(path: str) -> str:
    """Return the expression that a piece of a template matches, without the names of its parameters."""
    return _named_group.sub("(?:", compile_path(path)[0].pattern[1:-1]) if path else ""


def _listed(routes: Iterable[_Route]) -> Iterable[_Route]:
    """Return routes as they are in effect: FastAPI keeps the prefix of an included router apart."""
    contexts = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", None)
    listed: Iterable[_Route] = routes if contexts is None else contexts(routes)
    return listed


def _is_mount(route: _Route) -> bool:
    return isinstance(getattr(route, "original_route", route), (Mount, Host))


def _mounted(app: object) -> object | None:
    """Return the application with routes that ``app`` is, or wraps as middlewares do; None where there is none."""
    for _ in range(_MOST_WRAPPED):
        if app is None or _routes_of(app) is not None:
            return app
        app = getattr(app, "app", None)
    return None


def _routes_of(app: object) -> Sequence[_Route] | None:
    routes = getattr(app, "routes", None)
    return routes if isinstance(routes, (list, tuple)) else None
