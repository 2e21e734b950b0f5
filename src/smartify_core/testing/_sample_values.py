"""Single people and groups for tests: say what matters to the test, the rest follows from a short name."""

from __future__ import annotations

from collections.abc import Iterable

from smartify_core.directory import name_part
from smartify_core.errors import UsageError
from smartify_core.model import Group, Identity, InactiveReason, Membership, MembershipPath

from ._sample_ids import group_id_of, person_id_of


def group(handle: str, *, source_id: str | None = None, email: str | None = None, name: str | None = None) -> Group:
    """Return an email group for a test.

    Args:
        handle: A short name, as in ``group("eng")``.
        source_id: The id; by default 15 digits and letters made from ``handle``, the same in every run, everywhere.
        email: By default ``HANDLE@acme.example``.
        name: By default ``handle`` with a capital.
    """
    return Group(
        source_id if source_id is not None else group_id_of(handle),
        email if email is not None else f"{handle}@acme.example",
        name if name is not None else handle.capitalize(),
    )


def identity(
    handle: str,
    *,
    source_id: str | None = None,
    email: str | None = None,
    given_name: str | None = None,
    family_name: str = "Example",
    suspended: bool = False,
    archived: bool = False,
    groups: Iterable[str | Group | Membership] = (),
) -> Identity:
    """Return a person for a test: ``identity("ada")`` is Ada Example, ``ada@acme.example``, active and in no group.

    Args:
        handle: A short name, from which everything follows that is not said.
        source_id: The id; by default 21 digits made from ``handle``, the same in every run, everywhere.
        email: By default ``HANDLE@acme.example``.
        given_name: By default ``handle`` with a capital. A part that cannot be seen becomes the empty string.
        family_name: As ``given_name``.
        suspended: Whether the person may not work because they are suspended.
        archived: Whether they may not because they are archived. Who is both counts as suspended.
        groups: Groups that list the person: handles as in `group`, groups, or memberships by another path.

    Raises:
        UsageError: The same group twice.
    """
    memberships = sorted((_membership(each) for each in groups), key=_group_id)
    if len({_group_id(each) for each in memberships}) < len(memberships):
        raise UsageError("a person is in a group once", where="identity(groups=...)", cure="Name each group once.")
    return Identity(
        source_id if source_id is not None else person_id_of(handle),
        email if email is not None else f"{handle}@acme.example",
        name_part(given_name if given_name is not None else handle.capitalize()),
        name_part(family_name),
        inactive_reason(suspended=suspended, archived=archived),
        tuple(memberships),
    )


def inactive_reason(*, suspended: bool, archived: bool) -> InactiveReason | None:
    """Return why a person may not work now; ``None`` when they may. Suspended comes before archived."""
    if suspended:
        return InactiveReason.SUSPENDED
    return InactiveReason.ARCHIVED if archived else None


def _membership(of: str | Group | Membership) -> Membership:
    if isinstance(of, Membership):
        return of
    return Membership(of if isinstance(of, Group) else group(of), MembershipPath.DIRECT)


def _group_id(membership: Membership) -> str:
    return membership.group.id
