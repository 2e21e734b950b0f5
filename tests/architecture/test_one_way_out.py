"""Personal fields leave for a vendor through one function, and a conversation is read through one."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

#: What the gate has that opens something.
OPENING = {"view", "open", "permit", "disclose", "page"}
#: The functions of policy, above the gate, that may touch those: one for vendors, one for conversations, and one for
#: the list of people that a customer is told of after a breach.
WAYS = {
    ("policy/vendors/_exports.py", "Exports.open"),
    ("policy/communications/_communications.py", "Communications.read"),
    ("policy/breach/_notices/_annex.py", "Annexes.opened"),
}


def _functions(node: ast.AST, name: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield every node with the name of the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        inner = name
        # A function within a function is a part of it; a class gives its methods their first name.
        if isinstance(child, ast.ClassDef) or (isinstance(child, ast.FunctionDef) and name.count(".") == 0):
            inner = f"{name}.{child.name}" if name else child.name
        yield inner, child
        yield from _functions(child, inner)


def _rooms(package: Path) -> Iterator[tuple[str, ast.Module]]:
    """Yield the files of policy that lie above the gate."""
    for file in sorted((package / "policy").rglob("*.py")):
        place = file.relative_to(package).as_posix()
        if not place.startswith(("policy/_gate/", "policy/_records/", "policy/_access/", "policy/audit/")):
            yield place, ast.parse(file.read_text(encoding="utf-8"))


def _ways_through_the_gate(package: Path) -> set[tuple[str, str]]:
    """Return which functions touch what opens something at a gate."""
    return {
        (place, name)
        for place, tree in _rooms(package)
        for name, node in _functions(tree)
        if isinstance(node, ast.Attribute) and node.attr in OPENING and "gate" in ast.unparse(node.value).lower()
    }


def _imports(tree: ast.Module) -> set[str]:
    return {
        f"{node.module or ''}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    } | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}


def _who_can_open(package: Path) -> set[str]:
    """Return the files of the two rooms that import the gate, or anything else that opens accounts."""
    return {
        place
        for place, tree in _rooms(package)
        if place.startswith(("policy/vendors/", "policy/communications/"))
        and any(
            "._gate._gate" in one or "._gate._view" in one or one.endswith((".Gate", ".Policy"))
            for one in _imports(tree)
        )
    }


def test_there_is_one_way_out_to_a_vendor(package: Path) -> None:
    """`Exports.open` is the only function that takes fields from the gate for a vendor."""
    assert _ways_through_the_gate(package) == WAYS
    assert _who_can_open(package) == {place for place, _ in WAYS if not place.startswith("policy/breach/")}


def test_the_two_rooms_open_no_account_themselves(package: Path) -> None:
    """Neither room holds a sealed account in its hands: only the gate unseals one."""
    for place, tree in _rooms(package):
        if place.startswith(("policy/vendors/", "policy/communications/")):
            touched = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            assert not {one for one in touched if one.endswith(("sealer.open", "_sealer.open"))}, place
            assert not {one for one in _imports(tree) if one.endswith(("SealedAccount", "PersonalFields"))}, place


def test_no_room_below_knows_them(package: Path) -> None:
    """The gate, the trail and the accounts know nothing of vendors and conversations, nor these of one another.

    Breaches stand above both: whom a vendor passes data on to decides who is affected.
    """
    for file in sorted(package.rglob("*.py")):
        place = file.relative_to(package).as_posix()
        found = _imports(ast.parse(file.read_text(encoding="utf-8")))
        for room in ("vendors", "communications"):
            if not place.startswith((f"policy/{room}/", "policy/breach/", "cli/", "testing/")):
                assert not {one for one in found if f"policy.{room}" in one}, place


PLANTED = {
    "a second export": """
def quick(vendors, gate, vendor, tenant):
    with gate.view("e-1", tenant=tenant, purpose="ServiceProvision", fields=["email"], reason="") as view:
        return list(view)
""",
    "a method beside it": """
class Bulk(Exports):
    def everything(self, request):
        opener = self._gate.view
        return opener(request)
""",
    "a way in two steps": """
class Slow:
    def run(self, policy, request, accounts):
        return policy.gate.disclose(policy.gate.permit(request), accounts)
""",
}


@pytest.mark.parametrize("what", sorted(PLANTED))
def test_a_second_way_out_is_noticed(package: Path, tmp_path: Path, what: str) -> None:
    """Planted into a copy of the room, another function that hands out fields is named."""
    copy = tmp_path / "smartify_core"
    shutil.copytree(package / "policy", copy / "policy", ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "policy" / "vendors" / "_exports.py").open("a", encoding="utf-8") as stream:
        stream.write(PLANTED[what])
    assert len(_ways_through_the_gate(copy) - WAYS) == 1
