"""The ``query`` parameter of users.list and groups.list (guides "Search for users" and "Search for groups").

Clauses are separated by spaces and all must hold; there is no OR. ``field=value`` is equality, ``field:value`` finds
a whole word, and ``field:prefix*`` the beginning of a word. A word without a field is looked for in names and
addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from smartify_core.testing.google._answers import Refusal, invalid_input
from smartify_core.testing.google._records import GroupRecord, UserRecord

R = TypeVar("R", UserRecord, GroupRecord)

_CLAUSE = re.compile(
    r"""\s*(?:(?P<field>[A-Za-z]\w*)(?P<operator>[=:]))?(?:'(?P<quoted>[^']*)'|"(?P<double>[^"]*)"|(?P<bare>[^\s'"]+))(?P<star>\*?)"""
)


def _full_name(user: UserRecord) -> str:
    return " ".join(part for part in (user.given_name, user.family_name) if part)


_USER_TEXTS: Mapping[str, Callable[[UserRecord], tuple[str, ...]]] = {
    "email": lambda user: (user.email, *user.aliases),
    "givenName": lambda user: (user.given_name or "",),
    "familyName": lambda user: (user.family_name or "",),
    "name": lambda user: (_full_name(user),),
    "orgUnitPath": lambda _: ("/",),
    "isSuspended": lambda user: (_flag(user.suspended_at is not None),),
    "isArchived": lambda user: (_flag(user.archived_at is not None),),
    "isAdmin": lambda user: (_flag(user.is_admin),),
    "isDelegatedAdmin": lambda _: ("false",),
}
_GROUP_TEXTS: Mapping[str, Callable[[GroupRecord], tuple[str, ...]]] = {
    "email": lambda group: (group.email, *group.aliases),
    "name": lambda group: (group.name,),
}


def user_query(text: str) -> Callable[[UserRecord], bool]:
    """Return the test that ``text`` describes. Raises :class:`Refusal` (400 invalid) for what is not a query."""
    return _parse(text, _USER_TEXTS, ("email", "givenName", "familyName"))


def group_query(text: str, groups_of: Callable[[str], set[str]]) -> Callable[[GroupRecord], bool]:
    """Return the test that ``text`` describes; ``memberKey=`` asks ``groups_of`` for the ids of a member's groups."""
    match = re.fullmatch(r"\s*memberKey=['\"]?([^\s'\"]+)['\"]?\s*", text)
    if match:
        wanted = groups_of(match[1])
        return lambda group: group.id in wanted
    return _parse(text, _GROUP_TEXTS, ("email", "name"))


def _parse(
    text: str, fields: Mapping[str, Callable[[R], tuple[str, ...]]], anywhere: tuple[str, ...]
) -> Callable[[R], bool]:
    tests: list[Callable[[R], bool]] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _CLAUSE.match(text, position)
        if match is None or (match["field"] is not None and match["field"] not in fields):
            raise Refusal(invalid_input("query"))
        position = match.end()
        value = match["quoted"] or match["double"] or match["bare"] or ""
        prefix = match["star"] == "*" or (match["bare"] is not None and value.endswith("*"))
        names = anywhere if match["field"] is None else (match["field"],)
        exact = match["operator"] == "="
        tests.append(_clause([fields[name] for name in names], value.rstrip("*").lower(), exact=exact, prefix=prefix))
    return lambda record: all(test(record) for test in tests)


def _clause(
    getters: list[Callable[[R], tuple[str, ...]]], value: str, *, exact: bool, prefix: bool
) -> Callable[[R], bool]:
    def holds(record: R) -> bool:
        texts = [text.lower() for getter in getters for text in getter(record)]
        if exact:
            return value in texts
        if prefix:
            return any(text.startswith(value) or any(word.startswith(value) for word in text.split()) for text in texts)
        return any(value == text or value in text.split() for text in texts)

    return holds


def _flag(value: bool) -> str:  # noqa: FBT001 - the value is the whole meaning
    return "true" if value else "false"
