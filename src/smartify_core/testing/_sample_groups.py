"""Groups of a sample: a company of departments, sites and teams, and the odd ones out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import define, evolve, field

from ._sample import SampleGroup, SamplePerson
from ._sample_ids import numbered_group_id
from ._sample_names import DEPARTMENTS, SITES, TOPICS
from ._sample_people import Addresses, Dice

#: Places of the groups that every sample begins with, as far as it has so many. The first chain of the company follows
#: its head, so that a small sample is four deep.
_EVERYBODY, _COMPANY, _DEPARTMENT, _SITE, _TEAM, _EMPTY, _PARTNERS = range(7)
#: How many groups a cycle needs: everybody, the company and a department.
SMALLEST_CYCLE = 3
#: Shares of groups with a second parent, with a member from outside, and with capitals in the address.
_SECOND_PARENTS, _WITH_SUPPLIERS, _CAPITALS = 0.1, 0.05, 0.1


@define
class _Draft:
    """A group in the making."""

    name: str
    stem: str
    parent: int | None = None
    members: list[str] = field(factory=list)
    children: list[int] = field(factory=list)
    externals: list[str] = field(factory=list)


def make_groups(
    count: int, people: Sequence[SamplePerson], *, dice: Dice, addresses: Addresses, first_id: int, cycle: bool
) -> tuple[SampleGroup, ...]:
    """Return ``count`` groups of ``people``.

    Args:
        count: How many.
        people: The living; each is listed by up to four groups.
        dice: Chance.
        addresses: Gives out the groups' addresses.
        first_id: Where ids are counted from.
        cycle: Whether the company is nested in its own first team (or the deepest group there is).
    """
    drafts = [draft for draft, _ in zip(_drafts(), range(count), strict=False)]
    tree = [place for place, draft in enumerate(drafts) if draft.parent is not None]
    _nest(drafts, tree, dice)
    if cycle:
        drafts[min(_TEAM, count - 1)].children.append(_COMPANY)
    _enrol(drafts, tree, people, dice)
    _invite(drafts, tree, dice)
    ids = [numbered_group_id(first_id, number) for number in range(count)]
    return tuple(
        evolve(
            _group(ids[place], draft, addresses, dice),
            child_group_ids=tuple(ids[child] for child in draft.children),
            whole_customer=place == _EVERYBODY,
        )
        for place, draft in enumerate(drafts)
    )


def _group(source_id: str, draft: _Draft, addresses: Addresses, dice: Dice) -> SampleGroup:
    stem = draft.stem.title() if dice.roll() < _CAPITALS else draft.stem
    domain = dice.pick((addresses.domains[0], *addresses.domains))
    email = addresses.take(stem, domain)
    return SampleGroup(
        source_id, email, draft.name, member_ids=tuple(draft.members), external_emails=tuple(draft.externals)
    )


def _drafts() -> Iterator[_Draft]:
    """Yield names and parents, without end: first the special ones, then chains of department, site and team."""
    company = _company()
    yield _Draft("Everybody", "everybody")
    for place in range(_COMPANY, _EMPTY):
        yield _Draft(*next(company)) if place != _COMPANY else _Draft("The whole company", "company")
    yield _Draft("Reading club", "reading-club")
    yield _Draft("Everybody and our partners", "partners")
    for name, stem, parent in company:
        yield _Draft(name, stem, parent)


def _company() -> Iterator[tuple[str, str, int]]:
    """Yield name, stem and the parent's place of the groups below the company, a parent always before its children."""
    places = iter(_places())
    seen: dict[str, int] = {}
    chain = 0
    while True:
        department = DEPARTMENTS[chain % len(DEPARTMENTS)]
        written, roman = SITES[chain // len(DEPARTMENTS) % len(SITES)]
        round_, topic = divmod(chain // len(DEPARTMENTS) // len(SITES), len(TOPICS))
        stem, parent = department.lower(), _COMPANY
        levels = (
            (department, stem),
            (f"{department} {written}", f"{stem}-{roman}"),
            (f"{department} {written} {TOPICS[topic]}", f"{stem}-{roman}-{TOPICS[topic].lower()}"),
        )
        for depth, (name, below) in enumerate(levels):
            again = depth == len(levels) - 1 and round_ > 0
            if below not in seen or again:
                seen[below] = next(places)
                yield f"{name} {round_ + 1}" if again else name, below, parent
            parent = seen[below]
        chain += 1


def _places() -> Iterator[int]:
    """Yield the places that groups below the company have in the whole."""
    yield from range(_DEPARTMENT, _EMPTY)
    place = _PARTNERS
    while True:
        place += 1
        yield place


def _nest(drafts: list[_Draft], tree: list[int], dice: Dice) -> None:
    for position, place in enumerate(tree):
        parent = drafts[place].parent
        if parent is None:
            continue
        drafts[parent].children.append(place)
        if position and dice.roll() < _SECOND_PARENTS:
            # The second parent comes earlier, as the first does, so that there is no cycle unless one was asked for.
            second = drafts[tree[dice.below(position)]]
            if place not in second.children:
                second.children.append(place)
    if len(drafts) > _PARTNERS:
        drafts[_PARTNERS].children.append(_EVERYBODY)


def _enrol(drafts: list[_Draft], tree: list[int], people: Sequence[SamplePerson], dice: Dice) -> None:
    """List each person in one group of the company and in up to three more; a few groups are much larger than most."""
    for person in people:
        homes = {dice.pick(tree)} if tree else set()
        for _ in range(dice.below(4) if tree else 0):
            homes.add(tree[int(dice.roll() ** 2 * len(tree))])
        for place in sorted(homes):
            drafts[place].members.append(person.source_id)
    for place in (_COMPANY, _PARTNERS):
        if place < len(drafts):
            drafts[place].members.append(people[0].source_id)


def _invite(drafts: list[_Draft], tree: list[int], dice: Dice) -> None:
    """List people from outside: the partners, and here and there a supplier."""
    if len(drafts) > _PARTNERS:
        drafts[_PARTNERS].externals.extend(f"contact{number}@partner.example" for number in range(1, 4))
    for place in tree:
        if dice.roll() < _WITH_SUPPLIERS:
            drafts[place].externals.append(f"supplier{dice.below(100)}@supplier.example")
