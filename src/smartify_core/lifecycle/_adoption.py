"""A first run over a host that has users already: whom the directory's people are linked to, and whom not. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from attrs import field, frozen

from smartify_core.errors import UsageError
from smartify_core.model import Identity

from ._plan import Run


def _lower(names: Iterable[str]) -> frozenset[str]:
    if isinstance(names, str):
        raise UsageError("domains is one text, not several", where="Adoption", cure="Give a list or set of domains.")
    return frozenset(name.lower().lstrip("@") for name in names)


def _domain(email: str) -> str | None:
    local, _, domain = email.strip().rpartition("@")
    return domain.lower() if local else None


#: The ids that a host has for some of the people, by source id.
Links = Mapping[str, str]


@frozen(order=False)
class HostUser:
    """A user whom the host has already: the host's own id, which becomes the account id, and the address."""

    id: str
    email: str = field(repr=False)


def _users(users: Iterable[HostUser]) -> tuple[HostUser, ...]:
    return tuple(users)


@frozen(order=False)
class Adoption:
    """The users whom a host has already, and the domains that are proved to be the tenant's.

    Args:
        users: The host's users of this tenant.
        domains: The tenant's verified domains, such as ``{"acme.example"}``. Nobody is linked by an address of another
            one: whoever can register an address elsewhere must not inherit an account here.

    Raises:
        UsageError: No domain is given, an id is empty, an address, or used twice.
    """

    users: tuple[HostUser, ...] = field(converter=_users, repr=lambda users: f"<{len(users)} users>")
    domains: frozenset[str] = field(converter=_lower)

    def __attrs_post_init__(self) -> None:
        if not self.domains or any(not name or "@" in name for name in self.domains):
            raise UsageError(
                "an adoption names no verified domain, or one that is none",
                where="Adoption",
                cure="Give the domains whose ownership the tenant has proved.",
            )
        ids = Counter(user.id for user in self.users)
        for number, user in enumerate(self.users, start=1):
            # What a host's own table gave is not always what the types say: a number for an id, nothing for an address.
            if type(user.id) is not str:
                raise UsageError("a user's id is no text", where=_user(number), cure="Give str(...) of a number.")
            if type(user.email) is not str:
                raise UsageError("a user's address is no text", where=_user(number), cure="Leave out who has none.")
            if not user.id or "@" in user.id or not user.id.isprintable() or ids[user.id] > 1:
                raise UsageError(
                    "a user's id is empty, an address, unprintable, or used twice",
                    where=_user(number),
                    cure="Give ids that say nothing about the person, each once.",
                )


def _user(number: int) -> str:
    return f"Adoption, user {number}"


@frozen(order=False)
class Matches:
    """Who belongs to whom.

    Attributes:
        links: The host's id of each person who is linked, by source id.
        ambiguous: The host's ids that more than one person, or more than one user, has a claim to.
        provisioned_before: The host's ids whose address an account here has already, under an id of ours.
        unverified: The host's ids whose address is in no verified domain.
        unowned: The host's ids that nobody in the directory has the address of.
        linked_before: The host's ids that an account here has already.
    """

    links: Links
    ambiguous: tuple[str, ...]
    unverified: tuple[str, ...]
    unowned: tuple[str, ...]
    linked_before: tuple[str, ...] = ()
    provisioned_before: tuple[str, ...] = ()


@frozen(order=False)
class AdoptionReport:
    """What an adoption did, or would do: the host's ids by what became of them. Unowned users are left alone.

    ``waiting`` are those whose link was held or set aside: once that is settled, adopt again. The others are as
    `Matches` has them.
    """

    run: Run
    linked: tuple[str, ...]
    waiting: tuple[str, ...]
    ambiguous: tuple[str, ...]
    unverified: tuple[str, ...]
    unowned: tuple[str, ...]
    linked_before: tuple[str, ...]
    provisioned_before: tuple[str, ...]


def report_of(run: Run, matches: Matches, changed: Collection[str]) -> AdoptionReport:
    """Return the report of a run that linked people, or would.

    Args:
        run: The run.
        matches: Who belongs to whom.
        changed: The source ids whose accounts the run changes.
    """
    return AdoptionReport(
        run,
        linked=tuple(sorted(host_id for person, host_id in matches.links.items() if person in changed)),
        waiting=tuple(sorted(host_id for person, host_id in matches.links.items() if person not in changed)),
        ambiguous=matches.ambiguous,
        unverified=matches.unverified,
        unowned=matches.unowned,
        linked_before=matches.linked_before,
        provisioned_before=matches.provisioned_before,
    )


def match(
    newcomers: Iterable[Identity],
    adoption: Adoption,
    *,
    index: Callable[[str], bytes],
    taken: Collection[str],
    addresses: Callable[[Iterable[bytes]], Collection[bytes]] = lambda _: (),
) -> Matches:
    """Return which of the host's users the newcomers are, by address.

    Args:
        newcomers: The people of the directory who have no account yet.
        adoption: The host's users.
        index: Takes an address to what is equal for equal addresses.
        taken: The account ids that are in use here, or were.
        addresses: Returns those of some addresses, in the form that ``index`` gives, that accounts here have.
    """
    by_address: defaultdict[bytes, list[str]] = defaultdict(list)
    unverified: list[str] = []
    linked_before: list[str] = []
    for user in adoption.users:
        if user.id in taken:
            linked_before.append(user.id)
        elif _domain(user.email) not in adoption.domains:
            unverified.append(user.id)
        else:
            by_address[index(user.email)].append(user.id)
    claims: defaultdict[bytes, list[str]] = defaultdict(list)
    for identity in newcomers:
        address = index(identity.email)
        if address in by_address:
            claims[address].append(identity.source_id)
    links: dict[str, str] = {}
    ambiguous: list[str] = []
    unowned: list[str] = []
    provisioned_before: list[str] = []
    here = addresses(address for address in by_address if address not in claims)
    for address, ids in by_address.items():
        people = claims.get(address, [])
        if not people:
            (provisioned_before if address in here else unowned).extend(ids)
        elif len(ids) == 1 and len(people) == 1:
            links[people[0]] = ids[0]
        else:
            ambiguous += ids
    return Matches(
        links, *(tuple(sorted(ids)) for ids in (ambiguous, unverified, unowned, linked_before, provisioned_before))
    )
