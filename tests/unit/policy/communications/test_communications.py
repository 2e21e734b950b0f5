"""Row S8 of the clause's tests: conversations are kept to help with issues, for a while, and for nothing else."""

from __future__ import annotations

import inspect
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.vendors._host import ADA, BOB, Host
from tests.unit.policy.vendors._making import DAY, NOW

from smartify_core.errors import (
    AccessDenied,
    AuditUnavailable,
    CommunicationsOff,
    OptedOut,
    SealBroken,
    Shredded,
    UnknownRecord,
    UsageError,
)
from smartify_core.model import LEDGER, Document, PutDocument
from smartify_core.policy import ACCOUNT_FIELDS, PersonalField, Purpose
from smartify_core.policy.communications import Communication, CommunicationRules, Communications, Swept
from smartify_core.policy.communications._communication import Kept
from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage

TEXT = "My screen says Zebrafink-4711 and then goes blank"
MONTH = CommunicationRules(keep=True, retention=timedelta(days=30))


class Desk(Host):
    """A host that keeps conversations for thirty days, and an employee who may read them."""

    communications: Communications

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self.communications = self.desk(MONTH)
        self.grant(purpose=Purpose.CUSTOMER_CARE, fields=[PersonalField.COMMUNICATION], lasts=29 * DAY)

    def desk(self, rules: CommunicationRules | None = None, **options: Any) -> Communications:
        """Return communications with other rules over the same store."""
        policy = self.policy
        return Communications(self.storage, self.sealer, policy.trail, policy.gate, rules=rules, **options)

    def keep(self, source_id: str = ADA.source_id, text: str = TEXT, **options: Any) -> str:
        """Keep what one of Acme's people said."""
        wanted: dict[str, Any] = {"channel": "email", "text": text, "about": "issue-7", "by": "e-1"}
        return self.communications.keep("acme", source_id, self.account(source_id), **{**wanted, **options})

    def read(self, source_id: str = ADA.source_id, **options: Any) -> tuple[Communication, ...]:
        """Read what was kept of one of Acme's people, as the employee who may."""
        wanted: dict[str, Any] = {"tenant": "acme", "source_id": source_id, "reason": "issue-7"}
        return self.communications.read("e-1", **{**wanted, **options})

    def kept(self, tenant: str = "acme") -> list[Document]:
        """Return the documents of texts."""
        return list(self.storage.documents(tenant, "communication"))


@pytest.fixture
def desk(durable_store: Storage) -> Desk:
    """Return a desk on each store."""
    return Desk(durable_store)


def test_what_was_said_is_read_by_who_helps(desk: Desk) -> None:
    """A text comes back to the employee with a grant for it, the oldest first, and both acts are in the trail."""
    first = desk.keep()
    desk.clock.advance(hours=1)
    second = desk.keep(text="It works again", channel="phone")
    desk.keep(BOB.source_id, text="Something else")
    found = desk.read()
    assert [(one.id, one.text, one.channel) for one in found] == [
        (first, TEXT, "email"),
        (second, "It works again", "phone"),
    ]
    one = found[0]
    assert (one.account_id, one.about, one.by) == (desk.account(ADA.source_id), "issue-7", "e-1")
    assert (one.kept_at, one.ends_at) == (NOW, NOW + 30 * DAY)
    kept = desk.records("communication")
    assert [one.kind for one in kept] == ["communication.kept"] * 3
    assert kept[0].facts == {
        "about": "issue-7",
        "channel": "email",
        "communication": first,
        "until": (NOW + 30 * DAY).isoformat(),
    }
    (opened,) = desk.records("access.granted")
    assert (opened.facts["shown"], opened.facts["purpose"]) == ("communications", "CommunicationForCustomerCare")
    assert opened.facts["fields"] == ("communication",)


def test_no_text_is_in_any_byte_record_or_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The store's files, the trail, the log and what is printed of a text hold none of it."""
    caplog.set_level(logging.DEBUG)
    folder = tmp_path / "store"
    folder.mkdir()
    with SQLiteStorage(folder / "smartify.db") as storage:
        desk = Desk(storage)
        desk.keep()
        (found,) = desk.read(reason="Quagga")
        stored = b"".join(file.read_bytes() for file in folder.iterdir())
        assert b"acme" in stored
        for word in (b"Zebrafink", b"Quagga"):
            assert word not in stored
        told = repr([found, [one.content for one in desk.policy.trail.entries()], caplog.text, desk.kept()])
        assert "Zebrafink" not in told


@pytest.mark.parametrize("rules", [None, CommunicationRules(), CommunicationRules(keep=False, retention=DAY)])
def test_off_means_off(desk: Desk, rules: CommunicationRules | None) -> None:
    """Where keeping is not switched on, nothing is kept, recorded or written, not even a key."""
    before = desk.documents(), desk.documents(LEDGER)
    desk.communications = desk.desk(rules)
    with pytest.raises(CommunicationsOff):
        desk.keep()
    assert (desk.documents(), desk.documents(LEDGER)) == before


def test_switching_off_stops_new_ones_and_offers_to_remove_old_ones(desk: Desk) -> None:
    """What was kept stays until its end or until it is removed; nothing new is kept."""
    desk.keep()
    desk.keep(BOB.source_id)
    desk.communications = desk.desk(CommunicationRules(keep=False))
    with pytest.raises(CommunicationsOff):
        desk.keep()
    assert len(desk.read()) == 1
    assert desk.communications.remove("acme", by="e-2", account_id=desk.account(ADA.source_id)) == 1
    assert desk.read() == ()
    assert desk.communications.remove("acme", by="e-2") == 1
    assert desk.communications.remove("acme", by="e-2") == 0
    assert [one.facts["removed"] for one in desk.records("communication.removed")] == [1, 1]


def test_a_person_may_opt_out(desk: Desk) -> None:
    """Nothing more is kept of them; what was kept is counted, and opting in again takes the wish back."""
    desk.keep()
    ada = desk.account(ADA.source_id)
    assert desk.communications.opt_out("acme", by="e-2", source_id=ADA.source_id, account_id=ada) == 1
    assert desk.communications.opt_out("acme", by="e-2", source_id=ADA.source_id, account_id=ada) == 1
    before = desk.documents()
    with pytest.raises(OptedOut) as refused:
        desk.keep()
    assert "Zebrafink" not in str(refused.value)
    assert desk.documents() == before
    desk.keep(BOB.source_id)
    desk.communications.opt_in("acme", by="e-2", account_id=ada)
    desk.communications.opt_in("acme", by="e-2", account_id=ada)
    desk.keep()
    wishes = [(one.kind, one.subjects) for one in desk.records("communication.opted")]
    assert wishes == [("communication.opted_out", (ada,)), ("communication.opted_in", (ada,))]


def test_a_customer_may_opt_out(desk: Desk) -> None:
    """A whole customer's wish stands over all of its people, and over nobody else's."""
    assert desk.communications.opt_out("acme", by="e-2") == 0
    with pytest.raises(OptedOut):
        desk.keep()
    assert desk.communications.is_opted_out("acme", "anybody")
    assert not desk.communications.is_opted_out("globex", "anybody")
    desk.communications.opt_in("acme", by="e-2")
    desk.keep()


def test_nobody_reads_for_another_purpose(desk: Desk) -> None:
    """Reading knows one purpose; a grant for research, for service or for all other fields opens no text."""
    desk.keep()
    assert "purpose" not in inspect.signature(Communications.read).parameters
    for purpose in (Purpose.RESEARCH, Purpose.IMPROVE_SERVICES, Purpose.SERVICE_PROVISION):
        desk.grant(purpose=purpose, fields=[PersonalField.EMAIL])
        with pytest.raises(AccessDenied):
            desk.policy.gate.open(
                "e-1",
                tenant="acme",
                purpose=purpose,
                fields=[PersonalField.COMMUNICATION],
                reason="curious",
                source_id=ADA.source_id,
            )
    with pytest.raises(AccessDenied):
        desk.communications.read("e-2", tenant="acme", source_id=ADA.source_id, reason="curious")
    with pytest.raises(AccessDenied):
        desk.read(tenant="globex")


def test_a_grant_for_fields_of_accounts_opens_no_text(desk: Desk) -> None:
    """Who may see an address for an issue may not read what was said."""
    desk.keep()
    desk.policy.staff.add("e-3", by="admin")
    desk.policy.staff.bind("e-3", agreement="nda-e-3", evidence="ab" * 32, by="admin")
    wanted = {"tenant": "acme", "reason": "issue-7", "lasts": DAY}
    grant = desk.policy.grants.request("e-3", purpose=Purpose.CUSTOMER_CARE, fields=ACCOUNT_FIELDS, **wanted)  # type: ignore[arg-type]
    desk.policy.grants.approve(grant.id, by="e-2")
    with pytest.raises(AccessDenied):
        desk.communications.read("e-3", tenant="acme", source_id=ADA.source_id, reason="issue-7")


def test_a_text_ends_at_its_instant(desk: Desk) -> None:
    """A microsecond before its end a text is read and not swept; at its end it is neither shown nor left."""
    desk.keep()
    desk.clock.advance(days=30, microseconds=-1)
    desk.grant(purpose=Purpose.CUSTOMER_CARE, fields=[PersonalField.COMMUNICATION])
    assert len(desk.read()) == 1
    assert desk.communications.sweep("acme") == Swept()
    desk.clock.advance(microseconds=1)
    assert desk.read() == ()
    assert len(desk.kept()) == 1
    assert desk.communications.sweep() == Swept(ended=1)
    assert desk.kept() == []
    assert desk.communications.sweep() == Swept()
    assert [one.facts for one in desk.records("communication.ended")] == [{"ended": 1, "orphaned": 0}]


def test_the_end_is_fixed_when_a_text_is_kept(desk: Desk) -> None:
    """A longer retention afterwards keeps nothing longer, and a shorter one ends nothing sooner."""
    desk.keep()
    desk.communications = desk.desk(CommunicationRules(keep=True, retention=timedelta(days=3000)))
    desk.clock.advance(days=30)
    assert desk.communications.sweep() == Swept(ended=1)


def test_a_clock_that_is_set_back_brings_nothing_back(desk: Desk) -> None:
    """What has ended stays ended once the trail has seen the day."""
    desk.keep()
    desk.clock.advance(days=30)
    desk.grant(purpose=Purpose.CUSTOMER_CARE, fields=[PersonalField.COMMUNICATION])
    desk.clock.advance(hours=-23)
    assert desk.read() == ()
    assert desk.communications.sweep() == Swept(ended=1)


def test_texts_go_with_the_person(desk: Desk) -> None:
    """Deleting a person leaves nothing that opens: the key is gone at once, the rest with the next sweep."""
    desk.keep()
    ada = desk.account(ADA.source_id)
    desk.communications.opt_out("acme", by="e-2", source_id=ADA.source_id, account_id=ada)
    copy = desk.kept()
    desk.directory.delete(ADA)
    desk.sync()
    with pytest.raises(UnknownRecord):
        desk.read()
    with pytest.raises(Shredded):
        desk.desk(MONTH)._subjects.open("acme", ada, "any", bytes(40))
    with pytest.raises(Shredded):
        desk.communications.keep(
            "acme", ADA.source_id, ada + "x", channel="email", text=TEXT, about="issue-7", by="e-1"
        )
    assert desk.communications.sweep() == Swept(orphaned=2)
    assert copy
    assert desk.kept() == []
    assert not any(kind.startswith("communication") for kind, _ in desk.documents())


def test_texts_go_with_the_customer(desk: Desk) -> None:
    """Erasing a tenant leaves no text and no wish of it."""
    desk.keep()
    desk.communications.opt_out("acme", by="e-2")
    desk.storage.erase_tenant(desk.storage.claim("acme", now=NOW + DAY, ttl=DAY))
    assert desk.documents() == {}


def test_a_legal_hold_keeps_what_it_stands_over(desk: Desk) -> None:
    """What is held is neither swept nor removed; it goes once the hold is over."""
    desk.keep()
    desk.keep(BOB.source_id)
    desk.policy.holds.place("acme", ADA.source_id, by="counsel", reason="a lawsuit")
    assert desk.communications.remove("acme", by="e-2") == 1
    desk.clock.advance(days=30)
    assert desk.communications.sweep() == Swept(held=1)
    desk.policy.holds.release("acme", ADA.source_id, by="counsel", reason="it was settled")
    assert desk.communications.sweep() == Swept(ended=1)


def test_many_texts_end_together(desk: Desk) -> None:
    """More texts than are looked at at once all go, and the counts say how many."""
    for number in range(205):
        desk.keep(text=f"text {number}")
    assert len(desk.read()) == 205
    desk.clock.advance(days=15)
    desk.keep()
    desk.clock.advance(days=15)
    assert desk.communications.sweep() == Swept(ended=205)
    assert len(desk.kept()) == 1
    assert sum(int(str(one.facts["ended"])) for one in desk.records("communication.ended")) == 205


def test_two_sweeps_at_once_are_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that finds its work done by another goes on with what is left."""
    for number in range(3):
        desk.keep(text=f"text {number}")
    desk.clock.advance(days=30)
    append, once = desk.policy.trail.append, [True]

    def and_another_sweeps(*records: Any, **options: Any) -> Any:
        done = append(*records, **options)
        if once and records[0].kind == "communication.ended":
            once.clear()
            gone = desk.kept()[1]
            desk.storage.record("acme", documents=[PutDocument(gone.kind, gone.key, None, gone.version)])
        return done

    monkeypatch.setattr(desk.policy.trail, "append", and_another_sweeps)
    assert desk.communications.sweep() == Swept(ended=3)
    assert desk.kept() == []


def test_no_record_no_keeping(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trail cannot keep the record, no text is kept, removed or swept."""
    desk.keep()
    before = desk.kept()

    def full(*_: Any, **__: Any) -> Any:
        raise AuditUnavailable("the disk is full")

    desk.clock.advance(days=30)
    monkeypatch.setattr(desk.policy.trail, "append", full)
    for call in (desk.keep, desk.communications.sweep, lambda: desk.communications.remove("acme", by="e-2")):
        with pytest.raises(AuditUnavailable):
            call()
    assert desk.kept() == before


def test_a_text_opens_in_its_own_place_only(desk: Desk) -> None:
    """A text that was moved to another person, or altered in any way, does not open, and is left for a look."""
    desk.keep()
    (ours,) = desk.kept()
    bob = desk.account(BOB.source_id)
    moved = f"{bob}/{ours.key.rpartition('/')[2]}"
    desk.storage.record("acme", documents=[PutDocument("communication", moved, ours.value, 0)])
    with pytest.raises(SealBroken) as broken:
        desk.read(BOB.source_id)
    assert "Zebrafink" not in str(broken.value)
    flipped = bytearray(ours.value)
    flipped[-1] ^= 1
    desk.storage.record("acme", documents=[PutDocument("communication", ours.key, bytes(flipped), ours.version)])
    with pytest.raises(SealBroken):
        desk.read()
    desk.clock.advance(days=30)
    assert desk.communications.sweep() == Swept(damaged=2)
    assert desk.communications.remove("acme", by="e-2") == 2


def test_nobody_moves_the_end_of_a_text(desk: Desk) -> None:
    """Whoever holds the tenant's key and writes a later end into the document has a text that does not open."""
    desk.keep()
    (document,) = desk.kept()
    shelf = desk.communications._filed
    ((_, kept),) = shelf.each("acme")
    assert isinstance(kept, Kept)
    later = evolve(kept, ends_at=NOW + 99 * DAY)
    desk.storage.record("acme", documents=[PutDocument(document.kind, document.key, None, document.version)])
    shelf.put("acme", document.key, later)
    with pytest.raises(SealBroken):
        desk.read()


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""},
        {"text": "  "},
        {"text": "x" * 100_001},
        {"text": None},
        {"text": b"bytes"},
        {"channel": ""},
        {"channel": "E-Mail"},
        {"channel": "ada@acme.example"},
        {"about": "Zebrafink said so"},
        {"by": "eve@host.example"},
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(desk: Desk, wrong: dict[str, Any]) -> None:
    """A misshapen call writes nothing, and quotes nothing of what was given."""
    before = desk.documents(), desk.documents(LEDGER)
    with pytest.raises(UsageError) as refused:
        desk.keep(**{"text": TEXT, **wrong})
    assert "Zebrafink" not in str(refused.value)
    assert "@" not in str(refused.value)
    assert (desk.documents(), desk.documents(LEDGER)) == before


@pytest.mark.parametrize("text", ["\0", "half \ud800 a pair", "\N{SNOWMAN}" * 100_000, "line\nline\r\n\u2028"])
def test_any_text_comes_back_as_it_was(desk: Desk, text: str) -> None:
    """Whatever somebody said is kept letter by letter."""
    desk.keep(text=text)
    assert [one.text for one in desk.read()] == [text]


@pytest.mark.parametrize(
    "wrong",
    [
        {"keep": 1},
        {"keep": None},
        {"retention": timedelta(0)},
        {"retention": -DAY},
        {"retention": 30},
        {"retention": timedelta(days=3654)},
    ],
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    """Keeping is on or off, and lasts for more than nothing and at most ten years."""
    with pytest.raises(UsageError, match="CommunicationRules"):
        CommunicationRules(**{"keep": True, **wrong})


def test_half_a_person_opts_nobody_out(desk: Desk) -> None:
    """One id alone is no person, and is refused before it becomes the whole customer."""
    for half in ({"source_id": "x"}, {"account_id": "x"}):
        with pytest.raises(UsageError, match="two ids"):
            desk.communications.opt_out("acme", by="e-2", **half)
    assert not desk.communications.is_opted_out("acme", "x")
