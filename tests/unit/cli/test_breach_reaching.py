"""`smartify breach`: customers' contacts, rehearsals, the keys of webhooks, and decoys."""

from __future__ import annotations

import stat

from tests._let_in import AS

from ._house import AS_E2, House, nothing_personal

MORE_CONTACTS = """
[customers.acme]
locale = "de"
[[customers.acme.contacts]]
id = "privacy"
channel = "mail"
address = "privacy@acme.example"
[[customers.acme.contacts]]
id = "second"
channel = "mail"
address = "privacy@acme2.example"
tier = 2
"""


def test_customers_are_registered_listed_and_removed(house: House) -> None:
    """A file's changes are kept; contacts are printed by id, and never an address."""
    assert house.breach("customers", "register", "customers.toml", *AS_E2) == {"customers": 2, "changed": []}
    house.customers(MORE_CONTACTS)
    done = house.run("breach", "customers", "register", "customers.toml", *AS_E2)
    assert "acme  de  privacy (mail, tier 1), second (mail, tier 2)\nnew or changed: 1 of 1 customer\n" in done.out
    found = house.breach("customers", "list")
    assert [one["tenant"] for one in found["customers"]] == ["acme", "initech"]
    assert found["customers"][0]["contacts"][1] == {"id": "second", "channel": "mail", "tier": 2, "key_id": None}
    assert {one["concern"] for one in found["findings"]} == {"never-rehearsed", "single-channel"}
    listed = house.run("breach", "customers", "list")
    assert "AMISS  acme, second: never-rehearsed\n" in listed.out
    assert "NOTE   acme: single-channel\n" in listed.out
    assert house.breach("customers", "remove", "--tenant", "initech", *AS_E2) == {"removed": "initech"}
    assert "AMISS  initech: no-customer\n" in house.run("breach", "customers", "list").out
    twice = house.run("breach", "customers", "remove", "--tenant", "initech", *AS_E2, "--json")
    assert twice.code == 2
    nothing_personal(done, listed, twice)


def test_an_exercise_proves_that_customers_are_reached(house: House) -> None:
    """Everybody is sent an exercise that says so; a contact that is refused is told by the exit code."""
    done = house.run("breach", "rehearse", *AS_E2)
    assert (done.code, done.out) == (
        0,
        "2 of 2 contacts reached, of 2 customers; not due yet: 0\n"
        "NOTE   acme: single-channel\nNOTE   initech: single-channel\n",
    )
    assert {one.recipients for one in house.mail.wait_for(2)} == {
        ("privacy@acme.example",),
        ("privacy@initech.example",),
    }
    quiet = house.breach("rehearse", *AS_E2)["rehearsal"]
    assert (quiet["tried"], quiet["not_due"]) == (0, 2)
    house.mail.refused["privacy@acme.example"] = "550 5.1.1 no such user"
    forced = house.run("breach", "rehearse", *AS_E2, "--tenant", "acme", "--force")
    assert (forced.code, "0 of 1 contact reached" in forced.out) == (1, True), forced.out
    assert "AMISS  acme, privacy: gone\n" in forced.out or "AMISS  acme, privacy: refused\n" in forced.out
    nothing_personal(done, forced)


def test_keys_of_webhooks_are_made(house: House) -> None:
    """A key is added under its name for the owner only; what is printed is what a receiver needs."""
    house.configure(more='webhook = { keys = "webhook.keys" }\n')
    first = house.run("breach", "webhook-key")
    assert (first.code, first.out.startswith("whpk_")) == (0, True)
    second = house.breach("webhook-key", "--id", "acme", "--shared")
    assert (second["id"], second["shared"], second["receiver"][:6]) == ("acme", True, "whsec_")
    house.breach("webhook-key")
    file = house.folder / "webhook.keys"
    assert file.read_text(encoding="utf-8").count("whsk_") == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert house.run("breach", "status").code == 0, "the file can be used"


def test_whoever_touches_a_decoy_opens_an_incident(house: House) -> None:
    """A decoy is planted and listed; a page of accounts that has it opens a suspected incident."""
    account = house.breach("impact", house.assessed(), "--subjects", "acme")["subjects"][0]["account_id"]
    decoy = ("--tenant", "acme", "--account", account)
    planted = house.run("breach", "canary", "plant", *decoy, *AS_E2, "--note", "why-of-it")
    assert planted.out == f"subject {account} of acme: whoever touches it opens an incident\n"
    for more in (("--grant", "g-0000000000"), ("--employee", "e-99")):
        house.breach("canary", "plant", *more, *AS_E2)
    listed = house.breach("canary", "list")["decoys"]
    assert [(one["kind"], one["id"]) for one in listed] == [
        *(("subject", account), ("grant", "g-0000000000"), ("employee", "e-99")),
    ]
    assert house.run("accounts", "--tenant", "acme", *AS, "--fields", "email").code == 0
    opened = [one for one in house.breach("status")["incidents"] if one["state"] == "suspected"]
    assert len(opened) == 1, "the gate looks at once"
    note = house.breach("note", opened[0]["id"], *AS_E2, "--text", "why-of-it")["incident"]
    assert (note["opened_by"], note["scopes"][0]["names"]) == ("canary", ["e-17"])
    assert house.breach("work", "--once")["opened"] == []
    assert house.breach("canary", "remove", *decoy, *AS_E2)["removed"]["kind"] == "subject"
    gone = house.run("breach", "canary", "remove", *decoy, *AS_E2, "--json")
    assert (gone.code, gone.error["what"]) == (2, "there is no such decoy")
    assert house.run("breach", "canary", "list").out == "grant g-0000000000\nemployee e-99\n"
    nothing_personal(planted, gone)
