"""One way of sealing records, timed: each with a data key of its own, wrapped and unwrapped again."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.benchmarks._measured import measured

from smartify_core.model import Identity, PersonalFields
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.sealing._payload import decode, encode
from smartify_core.testing import identity

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def _fields(person: Identity) -> PersonalFields:
    return PersonalFields(person.email, person.given_name, person.family_name, person.memberships)


def _ours(folder: Path, people: list[Identity]) -> Callable[[], object]:
    """Seal and open as accounts: with fingerprint and blind indexes."""
    sealer = Sealer(FileKeyRing.create(folder / f"{os.getpid()}.keys"))

    def work() -> None:
        for person in people:
            account = sealer.seal(
                "acme", person, account_id=f"a{person.source_id}", version=1, created_at=NOON, updated_at=NOON
            )
            sealer.open(account)

    return work


def _documents(folder: Path, people: list[Identity]) -> Callable[[], object]:
    """Seal and open the same bytes as documents: nothing but the seal."""
    sealer = Sealer(FileKeyRing.create(folder / f"{os.getpid()}.keys"))
    contents = [(person.source_id, encode(_fields(person))) for person in people]

    def work() -> None:
        for key, content in contents:
            sealer.open_document("acme", "record", key, sealer.seal_document("acme", "record", key, content))

    return work


def _bare(_: Path, people: list[Identity]) -> Callable[[], object]:
    """AES-GCM as it comes: a data key for each record, wrapped and unwrapped, both bound to a place."""
    wrapping = AESGCM(AESGCM.generate_key(256))
    contents = [(person.source_id.encode(), encode(_fields(person))) for person in people]

    def work() -> None:
        for place, content in contents:
            data_key = os.urandom(32)
            one, other = os.urandom(12), os.urandom(12)
            wrapped = wrapping.encrypt(one, data_key, place)
            sealed = AESGCM(data_key).encrypt(other, content, place)
            AESGCM(wrapping.decrypt(one, wrapped, place)).decrypt(other, sealed, place)

    return work


def _bare_and_fields(_: Path, people: list[Identity]) -> Callable[[], object]:
    """As `_bare`, from fields to fields: with the encoding that both have to do."""
    wrapping = AESGCM(AESGCM.generate_key(256))

    def work() -> None:
        for person in people:
            place = person.source_id.encode()
            data_key = os.urandom(32)
            one, other = os.urandom(12), os.urandom(12)
            wrapped = wrapping.encrypt(one, data_key, place)
            sealed = AESGCM(data_key).encrypt(other, encode(_fields(person)), place)
            decode(AESGCM(wrapping.decrypt(one, wrapped, place)).decrypt(other, sealed, place), where="")

    return work


def _fernet(_: Path, people: list[Identity]) -> Callable[[], object]:
    """One key for all records, no place that they are bound to."""
    fernet = Fernet(Fernet.generate_key())
    contents = [encode(_fields(person)) for person in people]

    def work() -> None:
        for content in contents:
            fernet.decrypt(fernet.encrypt(content))

    return work


CASES = {"ours": _ours, "documents": _documents, "bare": _bare, "bare_and_fields": _bare_and_fields, "fernet": _fernet}


def main(name: str, folder: str, number: str) -> None:
    """Time one case and print its figures."""
    people = [identity(f"s{one}", groups=["all", "staff", f"g{one % 50}"]) for one in range(int(number))]
    work = CASES[name](Path(folder), people)
    work()  # once for what is made ready the first time
    figures: dict[str, float] = {}
    with measured(figures):
        work()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
