"""Every byte of every file: after somebody is gone none of them is theirs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from smartify_core.lifecycle import Accounts, History, Reconciler
from smartify_core.lifecycle.events import Subscription
from smartify_core.model import LEDGER, SUBJECT_KEY
from smartify_core.policy import ACCOUNT_FIELDS, Policy, Purpose
from smartify_core.policy.communications import CommunicationRules, Communications
from smartify_core.policy.shredding import EndingsFile, Shredder
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.storage.walks import every_document, every_entry, every_tenant
from smartify_core.testing import FakeDirectory, ManualClock, identity

TENANT = "acme"
NAME, FAMILY, ADDRESS = "Zyxwvutania", "Qponmlkjides", "zyxwvutania@acme.example"
SAID = "Zyxwvutania asks why nothing works"
REASON = "Zyxwvutania cannot sign in"


class Host:
    """A host with everything on disk: store, keys, register and log, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.ring = FileKeyRing.create(folder / "smartify.keys")
        self.sealer = Sealer(self.ring)
        self.storage = SQLiteStorage(folder / "store.db")
        self.register = EndingsFile.create(folder / "endings.jsonl")
        self.policy = Policy(self.storage, self.sealer, clock=self.clock)
        self.communications = Communications(
            self.storage,
            self.sealer,
            self.policy.trail,
            self.policy.gate,
            rules=CommunicationRules(keep=True),
        )
        self.planted = identity(
            "planted", source_id="planted", given_name=NAME, family_name=FAMILY, email=ADDRESS, groups=["wombats"]
        )
        self.directory = FakeDirectory(self.planted, *(identity(f"other-{number}") for number in range(5)))
        self.reconciler = Reconciler({TENANT: self.directory}, self.storage, self.sealer, clock=self.clock)
        self.shredder = Shredder(self.storage, self.sealer, self.policy.trail, register=self.register)
        self.log = logging.FileHandler(folder / "host.log")
        logging.getLogger("smartify_core").addHandler(self.log)

    def look_at(self) -> None:
        """Have an employee see the planted name, so that a reason is sealed under the person's key."""
        staff, grants = self.policy.staff, self.policy.grants
        for who in ("sam", "olga"):
            staff.add(who, by="hr", may_approve=who == "olga")
            staff.bind(who, agreement=f"nda-{who}", evidence="0" * 64, by="hr")
        grant = grants.request(
            "sam",
            tenant=TENANT,
            purpose=Purpose.CUSTOMER_CARE,
            fields=ACCOUNT_FIELDS,
            reason="support",
            lasts=timedelta(days=1),
        )
        grants.approve(grant.id, by="olga")
        seen = self.policy.gate.open(
            "sam",
            tenant=TENANT,
            source_id="planted",
            purpose=Purpose.CUSTOMER_CARE,
            fields=ACCOUNT_FIELDS,
            reason=REASON,
        )
        assert seen.given_name == NAME
        self.communications.keep(
            TENANT, "planted", seen.account_id, channel="chat", text=SAID, about="case-1", by="sam"
        )

    def traces(self) -> Mapping[str, bytes]:
        """Return what may be left of the planted person, by what it is."""
        account = self.storage.load(TENANT, ["planted"])["planted"]
        key = self.storage.document(TENANT, SUBJECT_KEY, account.account_id)
        assert key is not None
        return {
            "given name": NAME.encode(),
            "family name": FAMILY.encode(),
            "address": ADDRESS.encode(),
            "reason": REASON.encode(),
            "said": SAID.encode(),
            "communication": self.storage.documents(TENANT, "communication")[0].value,
            "wrapped key": account.wrapped_key,
            "payload": account.payload,
            "fingerprint": account.fingerprint,
            "email index": account.email_index,
            "group index": account.group_indexes[0],
            "subject key as kept": key.value,
            "subject key": self.sealer.open_document(TENANT, SUBJECT_KEY, account.account_id, key.value),
        }

    def found(self, traces: Mapping[str, bytes]) -> set[str]:
        """Return which of these traces stand in a file of the folder."""
        files = [path.read_bytes() for path in self.folder.iterdir()]
        return {what for what, trace in traces.items() if any(trace in content for content in files)}

    def told(self) -> bytes:
        """Return all that the host can be made to say: documents, journals, accounts, events, history and reprs."""
        said: list[bytes] = []
        for record in every_tenant(self.storage):
            for document in every_document(self.storage, record.tenant):
                said += [document.key.encode(), document.value]
            for journal in ("outbox", *record.positions):
                said += [entry.content for entry in every_entry(self.storage, record.tenant, journal)]
        said += [repr(one).encode() for one in Accounts(self.storage, self.sealer).each(TENANT)]
        said += [repr(one).encode() for one in History(self.storage).of(TENANT)]
        said += [repr(one).encode() for one in Subscription(self.storage, consumer="x", tenant=TENANT).pull(limit=1000)]
        said += [repr(one).encode() for one in self.policy.trail.entries()]
        said += [repr(one).encode() for one in self.register.endings()]
        said += [repr(vars(one)).encode() for one in (self.sealer, self.shredder, self.policy)]
        return b"\n".join(said)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Return a host whose planted person was looked at by an employee."""
    made = Host(tmp_path)
    made.reconciler.run(TENANT).require_complete()
    made.look_at()
    yield made
    logging.getLogger("smartify_core").removeHandler(made.log)
    made.log.close()
    made.storage.close()


#: What stands in the files while somebody is there; names, reasons and bare keys never do.
_KEPT = {"wrapped key", "payload", "fingerprint", "email index", "group index", "subject key as kept", "communication"}


def test_no_byte_of_somebody_who_was_deleted_is_left(host: Host) -> None:
    """After a sync and a settling no file, and nothing that can be read, holds a trace of the person."""
    traces = host.traces()
    assert host.found(traces) == _KEPT
    host.directory.delete("planted")
    host.reconciler.run(TENANT).require_complete()
    host.shredder.settle()
    assert host.found(traces) == set()
    told = host.told()
    assert {what for what, trace in traces.items() if trace in told} == set()


def test_no_byte_of_a_tenant_that_was_off_boarded_is_left(host: Host) -> None:
    """After an off-boarding no file holds a trace of a person of the tenant, nor a sealed document of it."""
    traces = dict(host.traces())
    traces |= {
        f"{one.kind}/{one.key}": one.value for one in every_document(host.storage, TENANT) if len(one.value) > 16
    }
    host.shredder.off_board(TENANT, by="olga", reason="the contract ended")
    assert host.found(traces) == set()
    told = host.told()
    assert {what for what, trace in traces.items() if trace in told} == set()
    assert host.storage.tenant(LEDGER).positions["audit"] == host.policy.trail.size


def test_a_run_that_leaves_the_subject_key_is_noticed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the person's key not removed with the account, its bytes would be found."""
    from smartify_core.lifecycle import _subject_keys as removing
    from smartify_core.policy.shredding._receipts import Receipts

    monkeypatch.setattr(removing, "removals", lambda *_: ())
    monkeypatch.setattr(Receipts, "_sweep", lambda *_: None)
    with pytest.raises(AssertionError):
        test_no_byte_of_somebody_who_was_deleted_is_left(host)


def test_a_store_that_unlinks_and_does_not_erase_is_noticed(tmp_path: Path) -> None:
    """The search itself is not blind: bytes that were only unlinked from a file are found in it."""
    path = tmp_path / "plain"
    path.write_bytes(b"\0" * 100 + ADDRESS.encode() + b"\0" * 100)
    host = Host.__new__(Host)
    host.folder = tmp_path
    assert host.found({"address": ADDRESS.encode()}) == {"address"}
