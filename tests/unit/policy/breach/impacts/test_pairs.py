"""Accounts that may be concerned are the same, whether they fit into memory or not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smartify_core.policy.breach._impacts._pairs import Pairs

_pairs = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([b'"a"', b'"b"', b'"c"']), st.integers(0, 2), st.integers(1, 7))
)


def told(pairs: Pairs) -> dict[tuple[int, bytes, int], int]:
    """Return what was noted: fields by tenant, account and cause, and check the order."""
    found: dict[tuple[int, bytes, int], int] = {}
    order: list[tuple[int, bytes]] = []
    for tenant, some in pairs.each():
        for whose, account, cause, fields in some:
            assert whose == tenant
            order.append((tenant, account))
            key = (tenant, account, cause)
            found[key] = found.get(key, 0) | fields
    assert order == sorted(order)
    return found


@given(_pairs, st.integers(1, 5))
def test_a_file_holds_what_memory_would(noted: list[tuple[int, bytes, int, int]], held: int) -> None:
    """Every account comes back in order, with all of its fields, however few are held in memory."""
    truth: dict[tuple[int, bytes, int], int] = {}
    with Pairs(held=held) as few, Pairs() as many:
        for tenant, account, cause, fields in noted:
            truth[tenant, account, cause] = truth.get((tenant, account, cause), 0) | fields
            few.add(tenant, account, cause, fields)
            many.add(tenant, account, cause, fields)
        assert told(few) == told(many) == truth
        assert not many.has_spilled
        assert few.has_spilled or len(truth) < held
