"""`smartify breach`: whatever is wrong is told with its code and a cure, and nothing is written, sent or repeated."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from smartify_core.lifecycle import utc_now
from smartify_core.policy import Policy
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage.sqlite import SQLiteStorage

from ._house import AS_E2, WHY, House, nothing_personal

OPEN: Final = ("open", *AS_E2, "--signal", "stolen-laptop")
NO_SUCH: Final = "inc-20300101-00000000"


def size(house: House) -> int:
    """Return how many entries the audit trail has: whatever is written is recorded."""
    with SQLiteStorage(house.folder / "smartify.db") as storage:
        return Policy(storage, Sealer(FileKeyRing(house.folder / "smartify.keys"))).trail.size


def refused(house: House, *arguments: str, code: int = 2) -> dict[str, str]:
    """Return the error that a command was refused with, having written and sent nothing and repeated nothing."""
    before, mails = size(house), len(house.mail.arrived)
    done = house.run("breach", *arguments, "--json")
    assert (done.code, list(done.document)) == (code, ["error"]), done.err
    assert done.error["message"] in done.err
    assert done.error["cure"]
    assert (size(house), len(house.mail.arrived)) == (before, mails)
    nothing_personal(done)
    return done.error


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((*OPEN, "--actor", "e-17", "--since", "2026-02-01", "--until", "2026-01-01"), "SC150", "ends before it"),
        ((*OPEN, "--tenant", "nobody"), "SC150", "a tenant that nothing knows"),
        ((*OPEN, "--actor", "e-17", "--only", "nobody"), "SC150", "a tenant that nothing knows"),
        ((*OPEN, "--at", "2999-01-01"), "SC150", "the first signal lies ahead"),
        ((*OPEN, "--at", "Ada"), "SC100", "Write a day or time"),
        ((*OPEN, "--nature", "Ada"), "SC100", "is not one of"),
        ((*OPEN, "--since", "2026-01-01"), "SC100", "a window without a name"),
        ((*OPEN, "--actor", "e-17", "--exposed"), "SC100", "only a key or a store"),
        ((*OPEN, "--store", "s", "--exposed", "--safe-because", "Ada"), "SC100", "either exposed or safe"),
        (("open", *AS_E2, "--signal", " "), "SC150", "the signal is empty"),
        (("open", "--as", "Ada Lovelace", "--signal", "stolen-laptop"), "SC100", "--as takes an id"),
        (("scope", "INCIDENT", *AS_E2, *WHY), "SC100", "nothing is named"),
        (("hold", "INCIDENT", *AS_E2, *WHY), "SC100", "an end and an authority"),
        (
            ("hold", "INCIDENT", *AS_E2, *WHY, "--lift", "--until", "2999-01-01", "--ordered-by", "police-file-9"),
            *("SC100", "not both"),
        ),
        (
            ("hold", "INCIDENT", *AS_E2, *WHY, "--until", "2020-01-01", "--ordered-by", "police-file-9"),
            *("SC150", "ends within 180 days"),
        ),
        (("hold", "INCIDENT", *AS_E2, *WHY, "--lift"), "SC152", "no police hold stands"),
        (("note", "INCIDENT", *AS_E2, "--text", "stolen-laptop", "--tenant", "nobody"), "SC150", "knows this tenant"),
        (("aware", "INCIDENT", *AS_E2, *WHY, "--at", "2020-01-01"), "SC150", "before the first signal"),
        (("aware", "INCIDENT", *AS_E2, "--reason", " "), "SC100", "Say why"),
        (("confirm", "INCIDENT", *AS_E2, *WHY), "SC152", "nobody has decided"),
        (("impact", "INCIDENT"), "SC151", "smartify breach assess"),
        (("explain", "INCIDENT", *AS_E2, *WHY, "--phase", "first"), "SC152", ""),
        (("explain", "INCIDENT", *AS_E2, *WHY, "--phase", "Ada"), "SC100", "is not one of"),
        (("state", "INCIDENT", *AS_E2, "--known", "what_hapened=stolen-laptop"), "SC100", "no such field"),
        (("state", "INCIDENT", *AS_E2, "--known", "what_happened"), "SC100", "Write FIELD=TEXT"),
        (("state", "INCIDENT", *AS_E2, "--known", "what_happened= "), "SC150", "is empty"),
        (("state", "INCIDENT", *AS_E2, "--unknown", "Ada"), "SC100", "no such field"),
        (("state", "INCIDENT", *AS_E2, "--file", "none.toml"), "SC150", "the statement cannot be read"),
        (("draft", "INCIDENT", *AS_E2, "--phase", "first"), "SC152", "nobody decided yet"),
        (("show", "INCIDENT", "--tenant", "acme"), "SC151", ""),
        (("send", "INCIDENT", *AS_E2), "SC152", "no notices are drafted"),
        (("acknowledge", "INCIDENT", "--tenant", "acme"), "SC100", "who has heard of what is not said"),
        (("acknowledge", "--code", "Ada"), "SC151", "no notice is on its way"),
        (("acknowledge", "INCIDENT", "--code", "Ada"), "SC100", "Give --code alone"),
        (("acknowledge", "--code", "Ada", "--how", "why-of-it"), "SC100", "Give --code alone"),
        (("export", "INCIDENT", *AS_E2, "--folder", "none/evidence"), "SC100", "the folder cannot be written"),
        (("rehearse", *AS_E2, "--tenant", "nobody"), "SC116", "not on record"),
        (("customers", "remove", "--tenant", "nobody", *AS_E2), "SC116", "not on record"),
        (("webhook-key",), "SC101", "nothing says where the keys of webhooks are"),
        (("webhook-key", "--id", "Ada Lovelace"), "SC100", "--id takes an id"),
        (("canary", "plant", *AS_E2), "SC100", "one decoy is named at a time"),
        (("canary", "plant", "--tenant", "acme", "--grant", "g-1", *AS_E2), "SC100", "one decoy is named at a time"),
        (("canary", "plant", "--account", "a-1", *AS_E2), "SC100", "one decoy is named at a time"),
        (("canary", "plant", "--employee", "Ada Lovelace", *AS_E2), "SC100", ""),
        (("canary", "remove", "--employee", "e-99", *AS_E2), "SC116", "no such decoy"),
    ],
)
def test_what_cannot_be_meant_is_refused(house: House, arguments: tuple[str, ...], code: str, words: str) -> None:
    """Each kind of bad input has exit code 2, an error with a cure, and changes nothing."""
    incident = house.open() if "INCIDENT" in arguments else ""
    error = refused(house, *(incident if one == "INCIDENT" else one for one in arguments))
    assert words in error["message"], error
    assert error["code"] == code, error


@pytest.mark.parametrize(
    "arguments",
    [
        ("aware", NO_SUCH, *AS_E2, *WHY),
        ("scope", NO_SUCH, *AS_E2, *WHY, "--actor", "e-2"),
        ("assess", NO_SUCH, *AS_E2),
        ("impact", NO_SUCH),
        ("impact", NO_SUCH, "--subjects", "acme"),
        ("confirm", NO_SUCH, *AS_E2, *WHY),
        ("hold", NO_SUCH, *AS_E2, *WHY, "--lift"),
        ("note", NO_SUCH, *AS_E2, "--text", "stolen-laptop"),
        ("explain", NO_SUCH, *AS_E2, *WHY, "--phase", "first"),
        ("dismiss", NO_SUCH, *AS_E2, *WHY),
        ("close", NO_SUCH, *AS_E2, *WHY),
        ("status", NO_SUCH),
        ("state", NO_SUCH, *AS_E2),
        ("draft", NO_SUCH, *AS_E2, "--phase", "first"),
        ("show", NO_SUCH, "--tenant", "acme"),
        ("send", NO_SUCH, *AS_E2),
        ("acknowledge", NO_SUCH, "--tenant", "acme", *AS_E2, "--heard-by", "Ada", "--how", "why-of-it"),
        ("export", NO_SUCH, *AS_E2, "--folder", "evidence"),
        ("status", "Ada Lovelace"),
    ],
)
def test_an_unknown_incident_is_told(house: House, arguments: tuple[str, ...]) -> None:
    """No command takes an incident that is not on record for one."""
    assert refused(house, *arguments)["code"] == "SC151"


CONTACT: Final = '[customers.acme]\n[[customers.acme.contacts]]\nid = "privacy"\n'


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (CONTACT + 'channel = "mail"\naddress = "privacy@@acme"\n', "SC153", "customer acme, contact privacy"),
        (CONTACT + 'channel = "mail"\n', "SC153", "a key is missing"),
        (CONTACT + 'channel = "pigeon"\naddress = "privacy@acme.example"\n', "SC153", "no notifier of this"),
        (CONTACT + 'channel = "mail"\naddress = "privacy@acme.example"\ntier = "Ada"\n', "SC153", "no tier"),
        (CONTACT + 'channel = "mail"\nadress = "privacy@acme.example"\n', "SC153", "a key is unknown"),
        (CONTACT + 'channel = "webhook"\naddress = "https://127.0.0.1/privacy@"\n', "SC158", "private"),
        (CONTACT + 'channel = "webhook"\naddress = "http://hooks.acme.example/"\n', "SC153", ""),
        (
            CONTACT.replace("acme", "nobody") + 'channel = "mail"\naddress = "privacy@acme.example"\n',
            "SC102",
            "no such",
        ),
        ('[customers.acme]\nlocale = "Ada Lovelace"\n', "SC153", "no language tag"),
        ('[[customers.acme.limits]]\nphase = "first"\nwithin = "Ada"\n', "SC153", "that is no time"),
        ("privacy@", "SC153", "not well formed"),
    ],
)
def test_contacts_are_checked_before_any_is_kept(house: House, text: str, code: str, words: str) -> None:
    """A file with one mistake is refused whole, by the customer and the contact, and never by an address."""
    house.configure(more='webhook = { keys = "webhook.keys" }\n')
    house.breach("webhook-key")
    house.customers(text)
    error = refused(house, "customers", "register", "customers.toml", *AS_E2)
    assert words in error["message"], error
    assert error["code"] == code, error


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('what_hapened = "stolen-laptop"', "Did you mean what_happened?"),
        ("xyzzy = 1", "Name one of: "),
        ("what_happened = 7", "said.toml, what_happened"),
        ('what_happened = { not_applicable = "Ada", unknown = true }', "neither a text nor a table"),
        ("what_happened = { unknown = false }", "neither a text nor a table"),
        ('what_happened = " "', "is empty"),
        ("stolen-laptop", "not well formed"),
    ],
)
def test_statements_are_checked_before_any_is_kept(house: House, text: str, words: str) -> None:
    """A statement with one mistake is refused whole, by its field."""
    incident = house.open()
    (house.folder / "said.toml").write_text(f'records = "why-of-it"\n{text}\n', encoding="utf-8")
    error = refused(house, "state", incident, *AS_E2, "--file", "said.toml")
    assert (error["code"], words in error["message"]) == ("SC150", True), error


def test_notices_that_must_not_leave_stay(house: House) -> None:
    """During a hold, with another digest, or final with open fields, nothing is sent."""
    incident = house.drafted()
    stale = refused(house, "send", incident, *AS_E2, "--digest", "0" * 64)
    assert stale["code"] == "SC157"
    house.breach("hold", incident, *AS_E2, *WHY, "--until", _soon(), "--ordered-by", "police-file-9")
    assert refused(house, "send", incident, *AS_E2)["code"] == "SC156"
    house.breach("hold", incident, *AS_E2, *WHY, "--lift")
    house.breach("send", incident, *AS_E2)
    house.mail.wait_for(1)
    house.breach("draft", incident, *AS_E2, "--phase", "final")
    final = refused(house, "send", incident, *AS_E2)
    assert (final["code"], "what_happened" in final["what"]) == ("SC155", True)
    assert refused(house, "close", incident, *AS_E2, *WHY)["code"] == "SC152"
    assert refused(house, "dismiss", incident, *AS_E2, *WHY)["code"] == "SC152"
    assert refused(house, "draft", incident, *AS_E2, "--phase", "first", "--tenant", "initech")["code"] == "SC152"


def _soon() -> str:
    return (utc_now() + timedelta(days=2)).isoformat()


@pytest.mark.parametrize("command", ["send", "rehearse"])
def test_without_a_channel_nothing_is_tried(house: House, command: str) -> None:
    """Where nothing says how notices leave, what would send is refused; `send --later` and `work` need no channel."""
    incident = house.drafted()
    house.files.configure('[breach]\norganisation = "Example Ltd"\n')
    arguments = ("send", incident, *AS_E2) if command == "send" else ("rehearse", *AS_E2)
    error = refused(house, *arguments)
    assert (error["code"], error["what"]) == ("SC101", "nothing says how notices leave")
    assert house.run("breach", "work", "--once").code == 0
    stranded = house.run("breach", "send", incident, *AS_E2, "--later")
    assert stranded.code == 0
    worked = house.run("breach", "work", "--once", "--json")
    assert (worked.code, worked.document["deliveries"]["stranded"]) == (1, 1)


def password(house: House) -> Path:
    """Configure a password file, and return where it would be."""
    house.configure(
        mail=f'{{ host = "127.0.0.1", port = {house.mail.port}, sender = "us@example.com", '
        'username = "us", password_file = "mail.password" }'
    )
    return house.folder / "mail.password"


@pytest.mark.parametrize("content", [None, b"\xff\xfe secret"])
def test_a_password_that_cannot_be_read_is_told(house: House, content: bytes | None) -> None:
    """A password file that is not there, or is no text, is named by its key and not repeated."""
    incident = house.drafted()
    file = password(house)
    if content is not None:
        file.write_bytes(content)
    error = refused(house, "send", incident, *AS_E2)
    assert (error["code"], error["where"].endswith("breach.mail.password_file")) == ("SC101", True)


def own(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)


def others(file: Path) -> None:
    own(file, "")
    file.chmod(0o644)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights on files")
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (others, "others may read the webhook keys"),
        (lambda file: own(file, "Ada"), "no file of webhook keys"),
        (lambda file: own(file, 'default = "whsk_Ada"\n'), "no file of webhook keys"),
        (lambda file: own(file, 'default = ["whsk_Ada"]\n'), "webhook.keys: default"),
        (lambda file: file.unlink(missing_ok=True), "there is no file of webhook keys"),
        (lambda file: file.mkdir(), "no file of webhook keys"),
    ],
)
def test_a_file_of_keys_is_for_its_owner(house: House, spoil: Callable[[Path], object], words: str) -> None:
    """Keys that others may read, or that are none, sign nothing; what stands there is not repeated."""
    incident = house.drafted()
    house.configure(more='webhook = { keys = "webhook.keys" }\n')
    spoil(house.folder / "webhook.keys")
    error = refused(house, "send", incident, *AS_E2)
    assert (error["code"], words in error["message"]) == ("SC101", True), error


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("sender", '"Ada"', "breach.mail"),
        ("host", '"not a host"', "breach.mail"),
        ("ca_certs", '"none.pem"', "breach.mail.ca_certs"),
    ],
)
def test_a_channel_that_cannot_be_set_up_is_named(house: House, key: str, value: str, words: str) -> None:
    """What the channel itself refuses is told as a mistake of the configuration, at its table."""
    values = {"host": '"127.0.0.1"', "sender": '"us@example.com"', "security": '"starttls"'} | {key: value}
    house.configure(mail="{ " + ", ".join(f"{name} = {one}" for name, one in values.items()) + " }")
    error = refused(house, "rehearse", *AS_E2)
    assert (error["code"], words in error["where"]) == ("SC101", True), error


def test_nothing_is_done_without_a_store(files: Any, at_once: Callable[..., Any]) -> None:
    """Where there is no store yet none is made, and that is said."""
    done = at_once("breach", "status", "--json")
    assert (done.code, json.loads(done.out)["error"]["what"]) == (2, "there is no store yet")
    assert not (files.folder / "smartify.db").exists()
