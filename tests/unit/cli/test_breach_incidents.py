"""`smartify breach`: the life of an incident, what it may have done, and what is due."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from smartify_core.lifecycle import utc_now

from ._house import ALL_KNOWN, AS_E2, WHY, House, nothing_personal


def ago(**span: float) -> str:
    """Return how a time in the past is written."""
    return (utc_now() - timedelta(**span)).isoformat()


def test_an_incident_is_opened_and_becomes_a_breach(house: House) -> None:
    """A suspicion is one entry; the decision starts the clocks; the words of neither are printed."""
    done = house.run("breach", "open", *AS_E2, "--signal", "stolen-laptop", "--actor", "e-17", "--since", "2020-01-01")
    assert (done.code, "  smartify breach aware inc-" in done.out, ", 1 scope, 1 event" in done.out) == (0, True, True)
    (one,) = house.breach("status")["incidents"]
    assert (one["state"], one["aware_at"], one["owed"]) == ("suspected", None, None)
    decided = house.breach("aware", one["id"], *AS_E2, *WHY)["incident"]
    assert (decided["state"], decided["aware_by"], decided["events"]) == ("aware", "e-2", 2)
    assert decided["scopes"] == [
        {
            "kind": "actor", "names": ["e-17"], "since": "2020-01-01T00:00:00+00:00", "until": None,
            "tenants": [], "other_half": "unknown",
        }
    ]
    assert "signal" not in decided
    nothing_personal(done, house.run("breach", "status"), house.run("breach", "status", "--json"))


def test_scopes_have_every_option(house: House) -> None:
    """Each kind of name is a scope, all with one window; what is safe or exposed counts for keys and stores."""
    named = ("--host", "web-1", "--vendor", "mailer", "--key", "k1", "--store", "monday", "--tenant", "acme")
    incident = house.open(*named, "--only", "acme", "--safe-because", "why-of-it", "--nature", "integrity")
    (status,) = house.breach("status", incident)["incidents"]
    assert status["id"] == incident
    scopes = house.breach("note", incident, *AS_E2, "--text", "stolen-laptop", "--tenant", "acme")["incident"]["scopes"]
    assert [(one["kind"], one["other_half"]) for one in scopes] == [
        *(("actor", "unknown"), ("host", "unknown"), ("vendor", "unknown")),
        *(("key", "safe"), ("store", "safe"), ("tenant", "unknown")),
    ]
    assert {tuple(one["tenants"]) for one in scopes} == {("acme",)}
    wider = house.breach("scope", incident, *AS_E2, *WHY, "--actor", "e-2")["incident"]
    assert len(wider["scopes"]) == 7
    other = house.breach("scope", incident, *AS_E2, *WHY, "--store", "monday", "--exposed", "--instead")["incident"]
    assert [(one["kind"], one["other_half"]) for one in other["scopes"]] == [("store", "exposed")]


def test_who_may_be_affected_is_assessed(house: House) -> None:
    """An assessment names whom the trail leads to, with the fields; a second one says what differs."""
    incident = house.assessed()
    shown = house.run("breach", "assess", incident, *AS_E2)
    assert "of 2 tenants 1 may be affected, 0 by ciphertext only, 1 is not affected" in shown.out
    assert "  acme  affected  20 accounts, email\n" in shown.out
    assert "since assessment 1, nothing differs" in shown.out
    house.breach("scope", incident, *AS_E2, *WHY, "--store", "monday", "--instead")
    second = house.breach("assess", incident, *AS_E2)
    assert second["impact"]["counts"] == {"affected": 2, "ciphertext-only": 0, "not-affected": 0}
    assert second["difference"] == {
        "before": 2, "after": 3, "newly": ["initech"], "no_longer": [], "changed": ["acme"],
    }
    house.breach("scope", incident, *AS_E2, *WHY, "--actor", "e-17", "--instead")
    third = house.run("breach", "assess", incident, *AS_E2)
    assert "since assessment 3, no longer affected: initech; affected otherwise: acme\n" in third.out
    nothing_personal(shown, third)


def test_an_impact_is_printed_tenant_by_tenant(house: House) -> None:
    """Tenants are rows, those that are not affected too when asked for; accounts are ids, one document or lines only."""
    incident = house.assessed()
    found = house.breach("impact", incident, "--also-unaffected")
    assert found["impact"]["revision"] == 1
    assert [(one["tenant"], one["outcome"], one["subjects"]) for one in found["tenants"]] == [
        ("acme", "affected", 20),
        ("initech", "not-affected", 0),
    ]
    assert [one["tenant"] for one in house.breach("impact", incident)["tenants"]] == ["acme"]
    assert "  initech  not-affected\n" in house.run("breach", "impact", incident, "--also-unaffected").out
    of_one = house.breach("impact", incident, "--subjects", "acme")
    assert (of_one["tenant"], len(of_one["subjects"]), of_one["subjects"][0]["fields"]) == ("acme", 20, ["email"])
    lines = house.run("breach", "impact", incident, "--subjects", "acme").out.splitlines()
    assert sorted(lines) == sorted(f"{one['account_id']}  email" for one in of_one["subjects"])
    nobody = house.run("breach", "impact", incident, "--subjects", "initech")
    assert (nobody.code, nobody.out) == (0, "")
    assert "names no account of this tenant" in nobody.err


def test_an_impact_is_confirmed_and_notices_may_wait(house: House) -> None:
    """Who confirmed it is on record; a hold has an end, and is lifted."""
    incident = house.assessed()
    confirmed = house.breach("confirm", incident, *AS_E2, *WHY)["incident"]
    assert (confirmed["state"], confirmed["confirmed_by"]) == ("confirmed", "e-2")
    until = (utc_now() + timedelta(days=3)).isoformat()
    held = house.run("breach", "hold", incident, *AS_E2, *WHY, "--until", until, "--ordered-by", "police-file-9")
    assert (held.code, "notices wait for law enforcement until" in held.out) == (0, True)
    (status,) = house.breach("status", incident)["incidents"]
    assert status["held_until"] == until
    lifted = house.run("breach", "hold", incident, *AS_E2, *WHY, "--lift")
    assert (lifted.code, "notices wait" in lifted.out) == (0, False)
    assert house.breach("status", incident)["incidents"][0]["held_until"] is None
    nothing_personal(held, lifted)


def test_why_a_notice_was_late_is_put_on_record(house: House) -> None:
    """A notice that was due before it arrived is missed, until somebody has said why."""
    incident = house.open("--at", ago(days=3))
    house.breach("aware", incident, *AS_E2, *WHY, "--at", ago(days=2))
    house.breach("assess", incident, *AS_E2)
    tended = house.breach("work", "--once")
    assert [(one["kind"], one["phase"], one["count"]) for one in tended["alarms"]] == [("missed", "first", 1)]
    shown = house.run("breach", "status", incident)
    assert "  MISSED  " in shown.out
    assert "first notice to acme (DPA of 2026, section 7); say why: smartify breach explain" in shown.out
    done = house.breach("explain", incident, *AS_E2, *WHY, "--phase", "first", "--tenant", "acme")
    assert done == {"incident": incident, "phase": "first", "tenant": "acme", "explained": True}
    assert "MISSED" not in house.run("breach", "status", incident).out


def test_alarms_are_told_to_people(house: House) -> None:
    """What was missed is a line with the customer, the time and where that is written."""
    incident = house.open("--at", ago(days=3))
    house.breach("aware", incident, *AS_E2, *WHY, "--at", ago(days=2))
    house.breach("assess", incident, *AS_E2)
    told = house.run("breach", "work", "--once")
    assert (told.code, f"ALARM  {incident}: the first notice to acme was due " in told.out) == (0, True)
    assert house.run("breach", "work", "--once").out == "nothing was due\n", "said once"


def test_a_near_miss_stays_on_record(house: House) -> None:
    """What was none is dismissed, and is over."""
    incident = house.open()
    dismissed = house.run("breach", "dismiss", incident, *AS_E2, *WHY)
    assert (dismissed.code, f"{incident}  near-miss  opened" in dismissed.out) == (0, True)
    again = house.run("breach", "dismiss", incident, *AS_E2, *WHY, "--json")
    assert (again.code, again.error["code"]) == (2, "SC152")
    nothing_personal(dismissed, again)


def test_an_incident_is_closed_after_the_final_notice(house: House) -> None:
    """A final notice has no open field, and when it has arrived the incident can end."""
    incident = house.told()
    early: Any = house.run("breach", "close", incident, *AS_E2, *WHY, "--json")
    assert (early.code, early.error["code"]) == (2, "SC152")
    house.breach("state", incident, *AS_E2, *ALL_KNOWN)
    final = house.breach("draft", incident, *AS_E2, "--phase", "final")["round"]
    assert (final["phase"], final["open_fields"]) == ("final", [])
    house.breach("send", incident, *AS_E2, "--digest", final["digest"])
    house.mail.wait_for(2)
    closed = house.breach("close", incident, *AS_E2, *WHY)["incident"]
    assert (closed["state"], closed["closed_by"]) == ("closed", "e-2")


def test_without_an_incident_there_is_a_note(house: House) -> None:
    """Nothing on record is an empty list, and a note for people."""
    assert house.breach("status") == {"incidents": []}
    quiet = house.run("breach", "status")
    assert (quiet.out, quiet.err) == ("", "No incident is on record.\n")
