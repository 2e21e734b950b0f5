"""Which route of ours a referring page belongs to: its template, or nothing. What it returns it was taught before."""

from __future__ import annotations

from typing import Final, TypeAlias

_PARAMETER: Final = "{}"
_REST: Final = "{*}"
_END: Final = ""
#: A step of the tree: what may follow, by fixed text, `_PARAMETER` or `_REST`; under `_END` the template itself.
_Node: TypeAlias = "dict[str, _Node | str]"
_LONGEST_PATH: Final = 2_048
_MOST_STEPS: Final = 32


class Routes:
    """The templates that are known, as a tree of their steps.

    Templates are taught as the frameworks write them: a step that holds a brace, an angle bracket or a parenthesis is
    a parameter, and one that says ``path`` or begins with a star takes all that follows.
    """

    def __init__(self) -> None:
        self._tree: _Node = {}

    def learn(self, template: str) -> None:
        """Add a template that begins with a slash; others are names, which no path leads to."""
        if not template.startswith("/"):
            return
        node = self._tree
        for step in _steps(template):
            after = node.setdefault(_kind_of(step), {})
            if isinstance(after, str):
                return
            node = after
        node.setdefault(_END, template)

    def template_of(self, path: str) -> str | None:
        """Return the template that ``path`` matches, fixed steps before parameters; None where there is none."""
        if not path.startswith("/") or len(path) > _LONGEST_PATH:
            return None
        steps = _steps(path)
        return _match(self._tree, steps, 0) if len(steps) <= _MOST_STEPS else None


def _steps(path: str) -> list[str]:
    # A trailing slash is a step of its own, so that /a and /a/ are two routes, as frameworks have it.
    return path[1:].split("/") if len(path) > 1 else ["/"]


def _kind_of(step: str) -> str:
    if "path:" in step or ":path" in step or step.startswith(("*", "{*", "<*")):
        return _REST
    if any(bracket in step for bracket in "{<("):
        return _PARAMETER
    return step or "/"


def _match(node: _Node, steps: list[str], at: int) -> str | None:
    if at == len(steps):
        end = node.get(_END)
        return end if isinstance(end, str) else None
    step = steps[at] or "/"
    for kind in (step, _PARAMETER):
        # A page cannot name a parameter's own mark, nor is an empty step a value.
        if (kind is step and step in {_PARAMETER, _REST}) or (kind is _PARAMETER and step == "/"):
            continue
        after = node.get(kind)
        if isinstance(after, dict):
            found = _match(after, steps, at + 1)
            if found is not None:
                return found
    rest = node.get(_REST)
    return _match(rest, steps, len(steps)) if isinstance(rest, dict) else None
