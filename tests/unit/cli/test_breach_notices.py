"""`smartify breach`: what is stated, drafted, shown, sent and heard, the worker, and the evidence."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import sys
import threading
from datetime import timedelta
from typing import NoReturn

import pytest

from smartify_core.cli import _notifying as notifying
from smartify_core.cli._breaches_of import opened_breaches
from smartify_core.cli._output import Output
from smartify_core.errors import StorageUnavailable
from smartify_core.policy.breach import Canaries

from ._house import AS_E2, WHY, House, nothing_personal


def test_what_is_known_is_stated(house: House) -> None:
    """Options and a file say the same; what nobody stated is not printed; without an option all of it is printed."""
    incident = house.open()
    quiet = house.run("breach", "state", incident, *AS_E2)
    assert (quiet.code, quiet.out, "what_happened" in quiet.err) == (0, "", True)
    first = house.breach("state", incident, *AS_E2, "--known", "what_happened=A theft = bad", "--unknown", "records")
    assert first == {
        "incident": incident,
        "revision": 1,
        "fields": {
            "what_happened": {"certainty": "known", "text": "A theft = bad"},
            "records": {"certainty": "unknown yet", "text": None},
        },
    }
    (house.folder / "said.toml").write_text(
        'what_happened = "A laptop was stolen"\nrecords = { unknown = true }\nvendor = { not_applicable = "None" }\n',
        encoding="utf-8",
    )
    more = ("--file", "said.toml", "--not-applicable", "records=All of it is people")
    second = house.breach("state", incident, *AS_E2, *more)
    assert second["fields"]["records"] == {"certainty": "not applicable", "text": "All of it is people"}
    assert second["fields"]["vendor"]["certainty"] == "not applicable"
    assert house.breach("state", incident, *AS_E2) == second
    assert "what_happened      known: A laptop was stolen\n" in house.run("breach", "state", incident, *AS_E2).out


def test_notices_are_drafted_shown_and_sent_as_they_were_read(house: House) -> None:
    """A draft has a digest, a notice is shown as text or HTML, and what is sent is what was read."""
    incident = house.assessed()
    drafted = house.run("breach", "draft", incident, *AS_E2, "--phase", "first")
    (digest,) = re.findall(r"digest ([0-9a-f]{64})$", drafted.out, re.MULTILINE)[:1]
    assert f"{incident}: 1 notice of the first phase" in drafted.out
    assert "  not known yet: what_happened, " in drafted.out
    shown = house.run("breach", "show", incident, "--tenant", "acme")
    assert shown.out.startswith(f"Subject: Security incident {incident}: first notice")
    assert "About 20." in shown.out
    assert house.run("breach", "show", incident, "--tenant", "acme", "--html").out.startswith("<!DOCTYPE html>")
    notice = house.breach("show", incident, "--tenant", "acme")["notice"]
    assert (notice["tenant"], notice["phase"], notice["text"] in shown.out) == ("acme", "first", True)
    assert house.mail.arrived == []
    sent = house.breach("send", incident, *AS_E2, "--digest", digest)
    assert (sent["round"]["digest"], sent["sent"]["accepted"]) == (digest, 1)
    (arrived,) = house.mail.wait_for(1)
    assert (arrived.recipients, "About 20." in arrived.text()) == (("privacy@acme.example",), True)
    nothing_personal(drafted, shown)


def test_what_is_released_is_sent_by_the_worker(house: House) -> None:
    """With `--later` nothing leaves before somebody works; only tenants that were named are told."""
    incident = house.assessed()
    drafted = house.breach("draft", incident, *AS_E2, "--phase", "first", "--tenant", "acme")["round"]
    assert drafted["notices"] == 1
    released = house.breach("send", incident, *AS_E2, "--later")
    assert (released["round"]["state"], released["sent"], house.mail.arrived) == ("released", None, [])
    worked = house.run("breach", "work", "--once")
    assert (worked.code, worked.out) == (0, "1 spread, 1 accepted\n")
    house.mail.wait_for(1)
    assert house.breach("work", "--once")["deliveries"]["accepted"] == 0


def test_a_notice_that_is_refused_is_told_by_the_exit_code(house: House) -> None:
    """Where a recipient is refused for good somebody has to call: exit code 1, at sending as well as at working."""
    incident = house.drafted()
    house.mail.refused["privacy@acme.example"] = "550 5.1.1 no such user"
    sent = house.run("breach", "send", incident, *AS_E2)
    assert (sent.code, "1 spread, 1 refused, 1 calls" in sent.out) == (1, True), sent.out
    assert "1 customer is reached by phone only: smartify breach status" in sent.out
    (status,) = house.breach("status", incident)["incidents"]
    assert (status["owed"], status["to_call"], status["delivered"]) == (1, 1, 0)
    assert "1 customer is owed a notice: 0 delivered" in house.run("breach", "status", incident).out
    nothing_personal(sent)


def test_what_is_tried_again_is_told(house: House) -> None:
    """A server that is busy is no failure: what is left is sent by the worker."""
    incident = house.drafted()
    house.mail.always["MAIL"] = "451 4.3.0 busy"
    sent = house.run("breach", "send", incident, *AS_E2)
    assert (sent.code, "What is left is sent by: smartify breach work" in sent.out) == (0, True), sent.out


def test_that_a_customer_has_heard_is_put_on_record(house: House) -> None:
    """By whoever took the phone, or by the code of the notice; the words of neither are printed."""
    incident = house.told()
    words = ("--heard-by", "Ada", "--how", "why-of-it")
    heard = house.run("breach", "acknowledge", incident, "--tenant", "acme", *AS_E2, *words, "--json")
    assert heard.document["hearing"]["acknowledged_by"] == "e-2"
    (status,) = house.breach("status", incident)["incidents"]
    assert status["acknowledged"] == 1
    (mail,) = house.mail.arrived
    (code,) = re.findall(r"Your code:\s+([A-Z2-7]{26})", mail.text())
    again = house.run("breach", "acknowledge", "--code", code)
    assert (again.code, again.out.startswith(f"{incident}: acme has heard of notice ntc-")) == (0, True)
    nothing_personal(heard, again)
    assert code not in again.out


def test_the_evidence_is_a_folder(house: House) -> None:
    """A page and a document, for the host or for one customer; a folder that is there is left as it is."""
    incident = house.told()
    made = house.breach("export", incident, *AS_E2, "--folder", "evidence")["evidence"]
    assert (made["folder"], made["incident"], made["tenant"], made["notices"]) == ("evidence", incident, None, 1)
    assert {path.name for path in (house.folder / "evidence").iterdir()} >= {"evidence.html", "evidence.json"}
    told = house.run("breach", "export", incident, *AS_E2, "--folder", "acme", "--tenant", "acme")
    assert told.out.startswith("wrote acme/evidence.html and acme/evidence.json\n")
    assert "  smartify breach check acme --key '" in told.out
    twice = house.run("breach", "export", incident, *AS_E2, "--folder", "acme", "--json")
    assert (twice.code, twice.error["code"]) == (2, "SC108")
    if sys.platform != "win32":
        assert stat.S_IMODE((house.folder / "acme").stat().st_mode) == 0o700
    nothing_personal(told, twice)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_worker_ends_when_it_is_told_to(house: House, *, as_json: bool) -> None:
    """It sends what is due, and SIGTERM ends it with exit code 0 and, if asked for, one document."""
    incident = house.drafted()
    house.breach("send", incident, *AS_E2, "--later")
    with subprocess.Popen(
        [sys.executable, "-m", "smartify_core.cli", "breach", "work", *(["--json"] if as_json else [])],
        cwd=house.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            house.mail.wait_for(1)
            assert process.stdout is not None
            assert process.stderr is not None
            first = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            out, err = process.stdout.read(), process.stderr.read()
            process.wait(60)
        finally:
            process.kill()
    assert (process.returncode, err.count("stopping")) == (0, 1), err
    if as_json:
        (round_,) = json.loads(first + out)["tended"]
        assert round_["deliveries"]["accepted"] == 1
    else:
        assert first == "1 spread, 1 accepted\n"
    nothing_personal(house.run("breach", "status"))


def test_evidence_is_checked_without_a_store(house: House) -> None:
    """With the folder and the key alone evidence is found whole; a word that was changed is told, with exit code 1."""
    incident = house.told()
    exported = house.breach("export", incident, *AS_E2, "--folder", "evidence")
    key = exported["key"]
    assert key == house.run("audit", "key", "--json").document["key"]
    elsewhere = house.folder / "elsewhere"
    (house.folder / "evidence").rename(elsewhere)
    for file in house.folder.glob("*.toml"):
        file.unlink()
    whole = house.run("breach", "check", "elsewhere", "--key", key)
    assert (whole.code, whole.out) == (
        0,
        "It is as it was written: the audit trail has it on record, and everything in it that it proves.\n",
    )
    assert house.breach("check", "elsewhere", "--key", key) == {"folder": "elsewhere", "findings": []}
    page = elsewhere / "evidence.html"
    page.write_text(page.read_text(encoding="utf-8").replace("acme", "acne"), encoding="utf-8")
    wrong = house.run("breach", "check", "elsewhere", "--key", key)
    assert (wrong.code, wrong.out) == (1, "page: the trail does not have it on record as it is\n")
    told = house.run("breach", "check", "elsewhere", "--key", key, "--json")
    assert told.document["findings"] == [{"where": "page", "what": "the trail does not have it on record as it is"}]
    for arguments in (("nowhere", "--key", key), ("elsewhere", "--key", "no-key")):
        refused = house.run("breach", "check", *arguments, "--json")
        assert (refused.code, refused.error["code"]) == (2, "SC100")
    nothing_personal(whole, wrong)


def test_trouble_with_the_store_does_not_end_the_worker(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What goes wrong in one round is told once, the other steps are taken, and the next round tries again."""
    stop = threading.Event()
    rounds: list[int] = []

    def locked(_: Canaries) -> NoReturn:
        rounds.append(1)
        if len(rounds) == 3:
            stop.set()
        raise StorageUnavailable("the store is locked")

    monkeypatch.setattr(Canaries, "look", locked)
    monkeypatch.setattr(notifying, "_EVERY", timedelta(0))
    incident = house.drafted()
    house.breach("send", incident, *AS_E2, "--later")
    capsys.readouterr()
    with opened_breaches(house.folder / "smartify.toml") as at:
        notifying._go_on(Output(as_json=False), at, stop, None)
    assert len(rounds) == 3
    shown = capsys.readouterr()
    assert shown.err.count("the store is locked") == 1
    assert "1 spread, 1 accepted" in shown.out


def test_the_worker_rehearses(house: House) -> None:
    """With a name in `[breach]` the worker sends the exercises that are due, and says who was reached."""
    house.configure(more='rehearse_by = "svc-night"\n')
    worked = house.breach("work", "--once")
    assert (worked["rehearsal"]["tried"], worked["rehearsal"]["accepted"]) == (2, 2)
    assert "EXERCISE" in str(house.mail.arrived[0].message["subject"])
    assert house.breach("work", "--once")["rehearsal"]["not_due"] == 2


def test_a_draft_that_became_stale_is_not_sent(house: House) -> None:
    """After something else was stated the draft says what is not so any more: it is refused, and nothing leaves."""
    incident = house.drafted()
    house.breach("state", incident, *AS_E2, "--known", "what_happened=why-of-it")
    refused = house.run("breach", "send", incident, *AS_E2, "--json")
    assert (refused.code, refused.error["code"], house.mail.arrived) == (2, "SC157", [])
    house.breach("scope", incident, *AS_E2, *WHY, "--tenant", "initech")
    scoped = house.run("breach", "send", incident, *AS_E2, "--json")
    assert (scoped.code, house.mail.arrived) == (2, [])
    nothing_personal(refused, scoped)
