"""A directory as plain values: what a test or a demo says about the world before anybody reads it."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class SamplePerson:
    """One person of a sample directory. ``source_id`` is a decimal string of 21 digits, as Google's are."""

    source_id: str
    email: str = field(repr=False)
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    suspended: bool = False
    archived: bool = False
    aliases: tuple[str, ...] = field(default=(), repr=False)


@frozen
class SampleGroup:
    """One group: direct members and child groups by id, and the kinds of member that are none of our people."""

    source_id: str
    email: str = field(repr=False)
    name: str = field(repr=False)
    member_ids: tuple[str, ...] = ()
    child_group_ids: tuple[str, ...] = ()
    #: Whether the group has the whole customer (every person of the account) as a member.
    whole_customer: bool = False
    #: Addresses of direct members from outside the account.
    external_emails: tuple[str, ...] = field(default=(), repr=False)


@frozen
class Sample:
    """A whole directory at one instant."""

    customer_id: str
    domains: tuple[str, ...]
    admin_email: str = field(repr=False)
    people: tuple[SamplePerson, ...] = ()
    groups: tuple[SampleGroup, ...] = ()
    #: People deleted lately, who can still be undeleted.
    deleted: tuple[SamplePerson, ...] = ()
