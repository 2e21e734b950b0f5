"""Newcomers come back from being packed as they were."""

from __future__ import annotations

import gc

from hypothesis import given
from hypothesis import strategies as st

from smartify_core.lifecycle._newcomers import Newcomers, unpacked
from smartify_core.model import Group, Identity, InactiveReason, Membership, MembershipPath

#: Values that are equal, and not the same: sources need not share them.
GROUPS = [
    Membership(Group(f"g{n}", f"g{n}@example.com", "Grüße \n\0"), path)
    for n in range(3)
    for path in MembershipPath
    for _ in range(2)
]
people = st.lists(
    st.builds(
        Identity,
        st.text(max_size=4),
        st.text(max_size=4),
        st.text(max_size=4),
        st.text(max_size=4),
        st.none() | st.sampled_from(InactiveReason),
        st.lists(st.sampled_from(GROUPS), max_size=4).map(tuple),
    ),
    max_size=8,
)


@given(people)
def test_newcomers_come_back_as_they_were(some: list[Identity]) -> None:
    """Whatever their names, states and groups are, and in the order in which they came; some of them, too."""
    newcomers = Newcomers("listing")
    for number, one in enumerate(some):
        newcomers.add(one, bytes([number]))
    packed = list(newcomers)
    assert len(newcomers) == len(some)
    assert list(newcomers.identities()) == some
    assert [unpacked(one, newcomers.memberships) for one in packed[::-2]] == some[::-2]
    assert [one[:2] for one in packed] == [(one.source_id, bytes([number])) for number, one in enumerate(some)]


@given(people)
def test_no_value_of_a_newcomer_is_walked_through(some: list[Identity]) -> None:
    """The garbage collector passes a newcomer over, once it has looked."""
    newcomers = Newcomers("listing")
    for one in some:
        newcomers.add(one, b"")
    gc.collect()
    assert not any(gc.is_tracked(item) for packed in newcomers for item in (packed, *packed))


class Parsed(str):
    """A text of a class of its own, as some parsers return it."""

    __slots__ = ()


def test_texts_of_another_class_are_texts() -> None:
    """A newcomer whose texts are no plain ones is packed all the same, and comes back equal."""
    person = Identity(Parsed("p1"), Parsed("ada@acme.example"), Parsed("Ada"), Parsed("Byron"))
    newcomers = Newcomers("listing")
    newcomers.add(person, b"")
    assert list(newcomers.identities()) == [person]


def test_nothing_of_a_newcomer_shows() -> None:
    """Neither a repr nor a traceback with its values tells more of a packed person than their id."""
    newcomers = Newcomers("listing")
    newcomers.add(Identity("p1", "ada@acme.example", "Ada", "Byron"), b"")
    shown = repr(list(newcomers))
    assert not any(part in shown for part in ("ada@acme.example", "Ada", "Byron"))
