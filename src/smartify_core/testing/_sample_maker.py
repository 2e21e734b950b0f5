"""A realistic directory from a number: the same seed, the same directory, on every machine and Python version."""

from __future__ import annotations

from collections.abc import Sequence

from smartify_core.errors import UsageError

from ._sample import Sample
from ._sample_groups import SMALLEST_CYCLE, make_groups
from ._sample_ids import numbered_customer_id
from ._sample_people import Addresses, Dice, PeopleMaker

#: One person was deleted lately for so many who are there.
_LIVING_PER_DELETED = 20


def make_sample(
    seed: int = 1,
    *,
    people: int = 60,
    groups: int = 12,
    domains: Sequence[str] = ("acme.example", "acme.co.example"),
    cycle: bool = False,
) -> Sample:
    """Return a directory as a customer's really looks.

    Names come in many scripts; some people go by one name (the missing part is empty, or the zero-width space that
    Google shows), have names of 60 characters, apostrophes, plus-addresses, capitals in the address, or aliases; some
    are suspended, archived, or both; some were deleted lately. Groups are nested four deep; one holds everybody, one
    nobody, some people from outside. Addresses are unique whatever their case, over people, aliases, groups and the
    deleted. The first person is the admin. Twelve people and seven groups are enough to have each of these once.
    Time and memory grow with the size only.

    Args:
        seed: Which directory. The same seed and sizes give the same one; another size, another directory.
        people: How many are there; one more for every 20 (at least one) was deleted lately.
        groups: How many groups.
        domains: The customer's domains, the primary one first.
        cycle: Whether the groups contain themselves in a circle, as imported ones may.

    Raises:
        UsageError: No people, no domain, the same domain twice, or too few groups for a cycle.
    """
    if people < 1 or groups < 0:
        raise UsageError(
            "a sample has at least the admin, and no fewer than zero groups",
            where=f"make_sample(people={people}, groups={groups})",
            cure="Ask for one person or more.",
        )
    if not domains or len({domain.lower() for domain in domains}) < len(domains):
        raise UsageError(
            "a sample needs different domains", where="make_sample(domains=...)", cure="Name one or more, each once."
        )
    if cycle and groups < SMALLEST_CYCLE:
        raise UsageError(
            "the groups are too few for a cycle",
            where=f"make_sample(groups={groups})",
            cure=f"Ask for {SMALLEST_CYCLE} or more.",
        )
    dice = Dice(seed)
    first_person, first_group = (dice.below(10**15) * 10**6 for _ in range(2))
    addresses = Addresses(tuple(domains))
    maker = PeopleMaker(dice, addresses, first_person)
    living = tuple(maker.make() for _ in range(people))
    return Sample(
        customer_id=numbered_customer_id(seed),
        domains=tuple(domains),
        admin_email=living[0].email,
        people=living,
        groups=make_groups(groups, living, dice=dice, addresses=addresses, first_id=first_group, cycle=cycle),
        deleted=tuple(maker.make() for _ in range(people // _LIVING_PER_DELETED + 1)),
    )
