"""The commands about keys: with a key file, and with keys that a KMS on this machine guards."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import _kms as kms
from tests._let_in import AS, let_in

from smartify_core.lifecycle import utc_now
from smartify_core.model import LEDGER
from smartify_core.policy import Policy
from smartify_core.policy.rotation import Rotation
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.sealing.google_kms import GoogleKmsKeyRing
from smartify_core.storage.sqlite import SQLiteStorage

BY = ("--as", "e-2")


def keys(at_once: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return what the list says of the keys."""
    found = at_once("keys", "list", "--json").document["keys"]
    assert isinstance(found, list)
    return found


# --- a key file -------------------------------------------------------------------------------------------------------


def test_everything_moves_to_a_new_key_and_the_old_one_goes(files: Any, at_once: Callable[..., Any]) -> None:
    """Rotate, rewrap until nothing is left, retire: what was sealed before opens as before, under the new key alone."""
    at_once("sync")
    let_in(files.folder, "initech")
    before = at_once("accounts", "--tenant", "initech", *AS, "--json").document
    (old,) = keys(at_once)
    assert (old["tenant"], old["current"], old["held"], old["accounts"]) == (None, True, True, 23)
    assert old["documents"] > 0
    rotated = at_once("keys", "rotate", *BY, "--json")
    ((new, whose),) = [tuple(one.values()) for one in rotated.document["keys"]]
    assert (rotated.code, whose) == (0, None)
    refused = at_once("keys", "retire", old["key"], *BY, "--json")
    assert (refused.code, refused.error["code"]) == (2, "SC125")
    listed = at_once("keys", "list").out
    assert f"{old['key']}  opens  23 accounts" in listed
    assert f"{new}  wraps  0 accounts" in listed
    rewrapped = at_once("keys", "rewrap", *BY, "--json")
    assert rewrapped.code == 0, rewrapped.err
    assert rewrapped.document["remaining"] == {"accounts": 0, "documents": 0, "damaged": 0}
    assert {one["tenant"]: one["accounts"] for one in rewrapped.document["tenants"]} == {
        "acme": 20,
        "initech": 3,
        LEDGER: 0,
    }
    retired = at_once("keys", "retire", old["key"], *BY)
    assert (retired.code, "nothing opens under it again" in retired.out) == (0, True)
    assert [one["key"] for one in keys(at_once)] == [new]
    assert at_once("accounts", "--tenant", "initech", *AS, "--json").document == before
    assert [run["unchanged"] for run in at_once("sync", "--json").document["runs"]] == [20, 3]
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        trail = Policy(storage, Sealer(FileKeyRing(files.folder / "smartify.keys"))).trail
        said = {(entry.record.kind, entry.record.actor) for entry in trail.entries()}
    assert {("key.rotated", "e-2"), ("key.rewrapped", "e-2"), ("key.retired", "e-2")} <= said


def test_one_tenant_is_rewrapped_by_itself(files: Any, at_once: Callable[..., Any]) -> None:
    """Of one tenant only that one is moved, and the others stay under the old key."""
    at_once("sync")
    at_once("keys", "rotate", *BY)
    done = at_once("keys", "rewrap", "--tenant", "initech", *BY)
    assert (done.code, "initech: 3 accounts" in done.out, "0 are left" in done.out) == (0, True, True)
    assert sorted(one["accounts"] for one in keys(at_once)) == [3, 20]


def test_a_tenant_that_is_at_work_is_left_for_the_next_time(files: Any, at_once: Callable[..., Any]) -> None:
    """What cannot be moved now is told, exit code 1; the others are moved, and the next call does the rest."""
    at_once("sync")
    at_once("keys", "rotate", *BY)
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        claim = storage.claim("acme", now=utc_now(), ttl=timedelta(hours=1))
        done = at_once("keys", "rewrap", *BY, "--json")
        storage.release(claim)
    assert done.code == 1
    errors = {one["tenant"]: one.get("error", {}).get("code") for one in done.document["tenants"]}
    assert (errors["acme"], errors["initech"], done.document["remaining"]["accounts"]) == ("SC303", None, 20)
    assert at_once("keys", "rewrap", *BY).code == 0


STOPS = """
import os, signal, sys
from smartify_core.cli import main
from smartify_core.storage.sqlite import SQLiteStorage

real, commits = SQLiteStorage.commit, []
def commit(self, *given, **named):
    done = real(self, *given, **named)
    commits.append(1)
    if len(commits) == 1:
        os.kill(os.getpid(), signal.SIGTERM)
    return done
SQLiteStorage.commit = commit
sys.exit(main(["keys", "rewrap", "--as", "e-2"]))
"""


def test_a_rewrap_is_stopped_by_a_signal_and_goes_on(files: Any, at_once: Callable[..., Any]) -> None:
    """A signal in the middle gives the lease back; what was moved stays moved, and the next call does the rest."""
    at_once("sync")
    at_once("keys", "rotate", *BY)
    stopped = subprocess.run(
        [sys.executable, "-c", STOPS], cwd=files.folder, env=os.environ, capture_output=True, text=True, check=False
    )
    assert stopped.returncode == 128 + signal.SIGTERM, stopped.stderr
    assert "SC700" in stopped.stderr
    done = at_once("keys", "rewrap", *BY, "--json")
    assert done.code == 0, done.err
    assert done.document["remaining"]["accounts"] == 0


def test_everything_is_sealed_anew(files: Any, at_once: Callable[..., Any]) -> None:
    """Resealing takes what was written before, tells how to go on, and does nothing twice for one instant."""
    at_once("sync")
    before = utc_now().isoformat()
    done = at_once("keys", "reseal", "--before", before, *BY, "--json")
    assert (done.code, {one["tenant"]: one["accounts"] for one in done.document["tenants"]}) == (
        0,
        {"acme": 20, "initech": 3},
    )
    assert f"--before {before}" in done.err
    again = at_once("keys", "reseal", "--before", before, "--tenant", "acme", *BY)
    assert "acme: 0 accounts and 0 documents are moved" in again.out
    assert at_once("keys", "reseal", *BY).code == 0
    assert [run["unchanged"] for run in at_once("sync", "--json").document["runs"]] == [20, 3]


def test_a_key_that_went_missing_is_told(files: Any, at_once: Callable[..., Any]) -> None:
    """Something under a key that the file has no more is shown as such, exit code 1."""
    at_once("sync")
    path = files.folder / "smartify.keys"
    old, *_ = FileKeyRing(path).key_ids
    at_once("keys", "rotate", *BY)
    held = json.loads(path.read_text())
    del held["wrapping"][old]
    path.write_text(json.dumps(held))
    shown = at_once("keys", "list")
    assert (shown.code, f"{old}  MISSING  23 accounts" in shown.out) == (1, True)
    assert "bring the key back" in shown.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create",), "a file is there already"),
        (("rotate", "--tenant", "acme", *BY), "a key file has one key for all tenants"),
        (("rotate",), "Missing option '--as'"),
        (("rotate", "--as", "Hans Meier"), "--as takes an id"),
        (("rewrap", "--tenant", "acne", *BY), "no such tenant is configured"),
        (("reseal", "--before", "soon", *BY), "Write a day or time"),
        (("retire", "0123456789abcdef", *BY), "SC127"),
    ],
)
def test_bad_input_is_refused_in_words(
    files: Any, at_once: Callable[..., Any], arguments: tuple[str, ...], words: str
) -> None:
    """What cannot be meant is refused with exit code 2, and the key file stays as it is."""
    at_once("sync")
    before = (files.folder / "smartify.keys").read_bytes()
    refused = at_once("keys", *arguments, "--json")
    assert (refused.code, words in refused.error["message"]) == (2, True), refused.err
    assert (files.folder / "smartify.keys").read_bytes() == before


def test_an_instant_ahead_reseals_nothing(files: Any, at_once: Callable[..., Any]) -> None:
    """Nothing was written before an instant that is to come: each tenant says so."""
    at_once("sync")
    done = at_once("keys", "reseal", "--before", "2099-01-01", *BY, "--json")
    assert done.code == 1
    assert {one["error"]["code"] for one in done.document["tenants"]} == {"SC100"}


def test_a_key_file_is_made_where_there_is_none(folder: Path, at_once: Callable[..., Any]) -> None:
    """The file that the configuration names is made, for its owner only, and no key is printed."""
    (folder / "smartify.toml").write_text(
        '[storage]\nurl = "sqlite:///smartify.db"\n[keys]\nfile = "mine.keys"\n'
        '[tenants.acme]\nsource = "jsonl"\npath = "acme.jsonl"\n',
        encoding="utf-8",
    )
    made = at_once("keys", "create", "--json")
    assert (made.code, made.document) == (0, {"written": str(folder / "mine.keys")})
    assert stat.S_IMODE((folder / "mine.keys").stat().st_mode) == 0o600


# --- a KMS ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(files: Any) -> Iterator[kms.Kms]:
    """Give the folder of two tenants whose keys a KMS on this machine guards."""
    with kms.running() as service:
        configure(files, service)
        yield service


def configure(files: Any, service: kms.Kms) -> None:
    """Write the configuration with keys that a KMS guards."""
    files.configure()
    file = files.folder / "smartify.toml"
    of_kms = f'kms_key = "{service.key}"\nkms_keys_file = "smartify.kms"\nkms_endpoint = "{service.url}"'
    text = file.read_text(encoding="utf-8").replace('file = "smartify.keys"', of_kms)
    file.write_text(text, encoding="utf-8")
    (files.folder / "smartify.keys").unlink(missing_ok=True)


def test_every_command_uses_the_keys_of_the_kms(files: Any, guarded: kms.Kms, at_once: Callable[..., Any]) -> None:
    """Once the file is made, runs, the list, a rotation and a rewrap go through the KMS."""
    assert at_once("sync").code == 2
    assert at_once("keys", "create").code == 0
    assert at_once("sync").code == 0
    assert "encrypt" in guarded.calls
    first = {one["tenant"]: one for one in keys(at_once)}
    assert (first["acme"]["accounts"], first["initech"]["accounts"]) == (20, 3)
    rotated = at_once("keys", "rotate", "--tenant", "initech", *BY, "--json")
    assert [one["tenant"] for one in rotated.document["keys"]] == ["initech"]
    assert at_once("keys", "rewrap", *BY).code == 0
    old = first["initech"]["key"]
    retired = at_once("keys", "retire", old, *BY, "--json")
    assert retired.document == {"retired": old, "tenant": "initech"}
    unknown = at_once("keys", "retire", old, *BY, "--json")
    assert (unknown.code, unknown.error["code"]) == (2, "SC127")
    assert at_once("keys", "rotate", *BY).code == 0
    assert at_once("keys", "rewrap", *BY).code == 0
    assert [run["unchanged"] for run in at_once("sync", "--json").document["runs"]] == [20, 3]


def test_a_customer_who_leaves_is_forgotten_by_the_kms_file(
    files: Any, guarded: kms.Kms, at_once: Callable[..., Any]
) -> None:
    """Off-boarding destroys the tenant's own keys, where the ring has some."""
    at_once("keys", "create")
    at_once("sync")
    file = files.folder / "smartify.toml"
    file.write_text(file.read_text(encoding="utf-8").split("[tenants.initech]")[0], encoding="utf-8")
    ring = GoogleKmsKeyRing(guarded.key, files.folder / "smartify.kms", endpoint=guarded.url)
    assert ring.key_ids("initech")
    assert at_once("off-board", "--tenant", "initech", *BY, "--reason", "they leave").code == 0
    ring = GoogleKmsKeyRing(guarded.key, files.folder / "smartify.kms", endpoint=guarded.url)
    assert ring.key_ids("initech") == ()


def test_a_kms_that_refuses_or_is_away_is_told(files: Any, guarded: kms.Kms, at_once: Callable[..., Any]) -> None:
    """Whoever may not use the key gets no further, and nothing of the store is shown or changed."""
    at_once("keys", "create")
    at_once("sync")
    guarded.denies = True
    refused = at_once("plan", "--tenant", "acme", "--json")
    assert (refused.code, refused.error["code"]) == (2, "SC126")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kms_key = ", "kms_kee = ", "Did you mean 'kms_key'"),
        ('kms_keys_file = "smartify.kms"\n', "", "keys.kms_keys_file"),
        ("projects/", "project/", "keys.kms_key"),
        ("http://127.0.0.1", "http://kms.example", "keys.kms_endpoint"),
        ("kms_key = ", 'file = "smartify.keys"\nkms_key = ', "not both"),
        ('kms_key = "projects/p1/locations/global/keyRings/r1/cryptoKeys/k1"\n', "", "keys.kms_key"),
    ],
)
def test_a_kms_that_is_configured_by_half_is_refused(
    files: Any, guarded: kms.Kms, at_once: Callable[..., Any], old: str, new: str, words: str
) -> None:
    """Every mistake about the KMS in the configuration is told with its key, before anything is made."""
    at_once("keys", "create")
    file = files.folder / "smartify.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    refused = at_once("sync", "--json")
    assert (refused.code, refused.error["code"], words in refused.error["message"]) == (2, "SC101", True), refused.err
    assert guarded.calls == []


@pytest.mark.usefixtures("guarded")
def test_without_its_client_a_kms_is_a_missing_extra(files: Any) -> None:
    """Where the extra is not installed, the error names the command that installs it."""
    program = (
        "import sys\n"
        "sys.modules['google.cloud.kms_v1'] = None\n"
        "from smartify_core.cli import main\n"
        "sys.exit(main(['sync']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=files.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "google-kms" in done.stderr


def test_a_census_counts_what_rotation_counts(files: Any, at_once: Callable[..., Any]) -> None:
    """What the list shows under old keys is what is still to be moved, and together it is everything."""
    at_once("sync")
    at_once("keys", "rotate", *BY)
    at_once("keys", "rewrap", "--tenant", "initech", *BY)
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        rotation = Rotation(storage, Sealer(FileKeyRing(files.folder / "smartify.keys")))
        census, remaining = rotation.census(), rotation.remaining()
        newest = FileKeyRing(files.folder / "smartify.keys").current_key("")
        assert {key: rotation.uses(key) for key in census} == {key: one.total for key, one in census.items()}
        assert rotation.census("initech").keys() == {newest}
    old = [one for key, one in census.items() if key != newest]
    assert (sum(one.accounts for one in old), sum(one.documents for one in old)) == (
        remaining.accounts,
        remaining.documents,
    )
