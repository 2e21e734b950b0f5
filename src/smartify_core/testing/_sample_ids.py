"""Ids in the shapes that Google gives them, made without chance: the same input, the same id, on every machine."""

from __future__ import annotations

import hashlib

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
#: Ids of people have 21 digits, from 100000000000000000000 upwards.
_FIRST_PERSON = 10**20
_PEOPLE = 18 * 10**18
_GROUPS = 36**14
_CUSTOMERS = 36**7
#: Coprime to the three ranges, so that counting in steps of it meets every id once before any comes again.
_STRIDE = 7_046_029_254_386_353_087


def numbered_person_id(start: int, number: int) -> str:
    """Return the ``number``-th id of people, counted from ``start``. Different numbers give different ids."""
    return str(_FIRST_PERSON + (start + number * _STRIDE) % _PEOPLE)


def numbered_group_id(start: int, number: int) -> str:
    """Return the ``number``-th id of groups: a zero and 14 digits or small letters, as in ``01opuj5n1fh3l9e``."""
    return "0" + _written((start + number * _STRIDE) % _GROUPS, 14)


def numbered_customer_id(number: int) -> str:
    """Return an id of a customer account, as in ``C03az79cb``."""
    return "C0" + _written(number * _STRIDE % _CUSTOMERS, 7)


def person_id_of(name: str) -> str:
    """Return the id that the person called ``name`` has in every test: made from the SHA-256 of the name."""
    return numbered_person_id(_hash("person", name), 0)


def group_id_of(name: str) -> str:
    """Return the id that the group called ``name`` has in every test: made from the SHA-256 of the name."""
    return numbered_group_id(_hash("group", name), 0)


def _hash(kind: str, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{kind}:{name}".encode()).digest(), "big")


def _written(number: int, length: int) -> str:
    text = ""
    for _ in range(length):
        number, rest = divmod(number, 36)
        text = _DIGITS[rest] + text
    return text
