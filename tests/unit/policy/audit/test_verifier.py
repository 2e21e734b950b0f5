from __future__ import annotations

import ast
import io
import json
import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.policy.audit._forger import NOON, ORIGIN, Filled, Forger, opened_record

from smartify_core.errors import CheckpointForeign, TrailBroken
from smartify_core.policy.audit import (
    AuditRecord,
    Checkpoint,
    Checkpoints,
    Exported,
    Signer,
    Trail,
    export,
    leaf_hash,
    signed_note,
    verifier,
)
from smartify_core.policy.audit.verifier import Wrong, examine, run
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage

Make = Callable[[int], AuditRecord]
SCRIPT = Path(verifier.__file__)

#: RFC 8032, section 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_signatures_of_the_standard_are_checked(key: str, message: str, signature: str) -> None:
    """The vectors of RFC 8032 verify, and none of them does once a bit of it is another one."""
    parts = [bytes.fromhex(one) for one in (key, message, signature)]
    assert verifier._signed(*parts)
    for which, part in enumerate(parts):
        for bit in range(0, 8 * len(part), 5):
            broken = [*parts]
            broken[which] = bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(part))
            assert not verifier._signed(*broken)


def library_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return what the library says of a signature."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.data())
def test_signatures_are_checked_as_by_the_library(seed: bytes, message: bytes, data: st.DataObject) -> None:
    """Good signatures and broken ones, keys that are none and numbers out of range: the answer is the library's."""
    signer = Signer("x", seed)
    key = signer.verifier.key
    signature = signer._private.sign(message)
    group = 2**252 + 27742317777372353535851937790883648493
    larger = signature[:32] + (int.from_bytes(signature[32:], "little") + group).to_bytes(32, "little")
    at = data.draw(st.integers(0, 511))
    flipped = bytes(byte ^ (1 << at % 8 if place == at // 8 else 0) for place, byte in enumerate(signature))
    for one in (signature, flipped, larger, signature[:-1], signature + b"\0", b"", bytes(64)):
        assert verifier._signed(key, message, one) is library_signed(key, message, one)
    assert verifier._signed(key, message, signature)


def exported(checkpoints: Checkpoints, tenant: str, kept: str | None = None) -> tuple[bytes, Exported]:
    """Return an export and what was told of it."""
    target = io.StringIO()
    told = export(checkpoints, tenant, target, kept=kept)
    return target.getvalue().encode(), told


@pytest.mark.parametrize("number", [0, 1, 2, 3, 8, 50])
def test_a_tenant_checks_its_own_entries(filled: Filled, number: int) -> None:
    """Each gets its own entries and nobody else's, from the first to the latest, and all proofs hold."""
    checkpoints = filled(number)
    for tenant in ("acme", "umbrella", "nobody"):
        content, told = exported(checkpoints, tenant)
        said, entries = examine(content, checkpoints.signing_verifier().vkey)
        own = [one for one in checkpoints.trail.entries() if one.record.tenant == tenant]
        assert [one["place"] for one in entries] == [one.place for one in own]
        assert [one["facts"].get("grant") for one in entries] == [one.record.facts.get("grant") for one in own]
        assert told.count == len(own)
        assert said.startswith(f"{len(own)} entries of {tenant}, numbered without a gap, in the trail of {number} that")


def test_what_was_kept_is_compared(filled: Filled, record: Make) -> None:
    """With the checkpoint of an earlier export it is proven that nothing before it was changed."""
    checkpoints = filled(20)
    _, first = exported(checkpoints, "acme")
    checkpoints.trail.append(*map(record, range(20, 50)))
    kept = first.checkpoint.note
    content, _ = exported(checkpoints, "acme", kept)
    vkey = checkpoints.signing_verifier().vkey
    assert "the first 20 entries of the trail are those of the checkpoint" in examine(content, vkey, kept)[0]
    with pytest.raises(Wrong, match="name both or none"):
        examine(content, vkey)
    with pytest.raises(Wrong, match="name both or none"):
        examine(exported(checkpoints, "acme")[0], vkey, kept)
    other = exported(checkpoints, "acme")[1].checkpoint.note
    with pytest.raises(Wrong, match="did not grow from the checkpoint"):
        examine(content, vkey, other)
    # The same trail, asked again, has not grown.
    assert examine(exported(checkpoints, "acme", other)[0], vkey, other)


def test_an_older_key_leads_to_the_present_one(filled: Filled, record: Make) -> None:
    """A customer who was handed the first key once checks an export under the third one, and a note under the first."""
    checkpoints = filled(10)
    vkey, kept = checkpoints.signing_verifier().vkey, checkpoints.make().note
    checkpoints.rotate()
    checkpoints.rotate()
    checkpoints.trail.append(record(12))
    content, _ = exported(checkpoints, "acme", kept)
    assert examine(content, vkey, kept)
    signed_anew = signed_note(checkpoints.opened(kept).body, checkpoints._key.signer())
    assert examine(content, checkpoints.signing_verifier().vkey, signed_anew)
    with pytest.raises(Wrong, match="not signed by the key"):
        examine(json.dumps({**json.loads(content), "successions": []}).encode(), vkey, kept)
    with pytest.raises(Wrong, match="do not lead to the one that is known"):
        examine(content, Signer(ORIGIN, bytes(32)).verifier.vkey, kept)


def test_a_trail_that_was_rewritten_has_no_proof(filled: Filled, sealer: Sealer) -> None:
    """An operator who rewrites with the key in hand cannot make an export for a customer who kept a checkpoint."""
    checkpoints = filled(20)
    kept, vkey = checkpoints.make().note, checkpoints.signing_verifier().vkey
    forger = Forger(checkpoints.trail.storage)
    del forger.documents["audit checkpoint", "latest"]
    forger.rewrite([AuditRecord("access.denied", NOON, "acme")] * 30)
    cheat = Checkpoints(Trail(forger.stored()), sealer, origin=ORIGIN)
    with pytest.raises(CheckpointForeign, match="did not grow from"):
        exported(cheat, "acme", kept)
    content, told = exported(cheat, "acme")
    # Without a note the cheat passes; with it, nothing that he could write does.
    assert examine(content, vkey)[0].endswith("keep the checkpoint of this one")
    for proof in ([], [b64encode(bytes(32)).decode()]):
        forged = content.replace(b'"kept":null', b'"kept":' + json.dumps({"proof": proof, "size": 20}).encode())
        with pytest.raises(Wrong, match="did not grow from"):
            examine(forged, vkey, kept)
    assert told.count == 30
    forger.rewrite([entry.record for entry in checkpoints.trail.entries()][:5])
    with pytest.raises(CheckpointForeign, match="did not grow from"):
        exported(Checkpoints(Trail(forger.stored()), sealer, origin=ORIGIN), "acme", kept)


def test_links_that_lead_astray_are_told(filled: Filled) -> None:
    """A tenant's entries that do not lead back, each to the one before, are not exported as if they did."""
    checkpoints = filled(20)
    forger = Forger(checkpoints.trail.storage)
    place = next(one for one in forger.documents if one[0] == "audit tail")
    forger.documents[place] = b'{"last":2,"number":1,"v":1}'
    with pytest.raises(TrailBroken):
        [one for tenant in ("acme", "umbrella") for one in Trail(forger.stored()).of_tenant(tenant)]


@pytest.fixture(scope="module")
def small() -> tuple[bytes, str, str]:
    """Return an export of a few entries with all that one may have, the key it is checked with, and the kept note."""
    trail = Trail(MemoryStorage())
    checkpoints = Checkpoints(trail, Sealer(MemoryKeyRing()), origin=ORIGIN, clock=lambda: NOON)
    trail.append(*map(opened_record, range(4)))
    vkey, kept = checkpoints.signing_verifier().vkey, checkpoints.make().note
    checkpoints.rotate()
    trail.append(*map(opened_record, range(4, 8)))
    return exported(checkpoints, "acme", kept)[0], vkey, kept


def test_every_bit_of_an_export_counts(small: tuple[bytes, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever bit of an export, of the kept note or of the key is another one, it is called wrong, nothing else."""
    content, vkey, kept = small
    # Ours is slow, and the library's answers are the same, as is tested above.
    monkeypatch.setattr(verifier, "_signed", cache(library_signed))
    assert len(examine(content, vkey, kept)[1]) == 3
    for bit in range(8 * len(content)):
        broken = bytearray(content)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Wrong):
            examine(bytes(broken), vkey, kept)
    for name, text in (("vkey", vkey), ("kept", kept)):
        for bit in range(8 * len(text.encode())):
            raw = bytearray(text.encode())
            raw[bit // 8] ^= 1 << bit % 8
            changed = {"vkey": vkey, "kept": kept, name: raw.decode(errors="replace")}
            with pytest.raises(Wrong):
                examine(content, changed["vkey"], changed["kept"])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_no_member_of_an_export_may_be_another(small: tuple[bytes, str, str], data: st.DataObject) -> None:
    """Any member put in place of another, at any depth, is called wrong: entries left out, repeated or moved too."""
    content, vkey, kept = small
    held = json.loads(content)
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key, inner in [*value.items()] if isinstance(value, dict) else [*enumerate(value)]:
            places.append((value, key))
            if isinstance(inner, dict | list):
                walk(inner)

    walk(held)
    holder, key = data.draw(st.sampled_from(places))
    others = st.sampled_from([deepcopy(one[which]) for one, which in places]) | ANYTHING
    match data.draw(st.sampled_from(["put", "drop", "twice"])):
        case "put":
            holder[key] = data.draw(others)
        case "drop":
            del holder[key]
        case _ if isinstance(holder, list):
            holder.insert(key, holder[key])
    changed = json.dumps(held)
    if json.loads(changed) == json.loads(content) and "true" not in changed and "1.0" not in changed:
        return
    with pytest.raises(Wrong):
        examine(changed.encode(), vkey, kept)


@given(st.binary(max_size=200) | ANYTHING.map(lambda one: json.dumps(one).encode()), st.text(), st.none() | st.text())
def test_nothing_is_too_strange(content: bytes, vkey: str, kept: str | None) -> None:
    """What is no export, no key and no note is called wrong."""
    with pytest.raises(Wrong):
        examine(content, vkey, kept)


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b"9" * 5_000, b'{"a":1,"a":1}', b"\xff", b"NaN", b'{"a":"\\ud800"}', b""],
    ids=["deep", "long", "twice", "no text", "no number", "half a character", "nothing"],
)
def test_strange_documents_are_wrong(content: bytes) -> None:
    """Depth, length, repetition and half a character do not stop the verifier otherwise than by its answer."""
    with pytest.raises(Wrong):
        examine(content, "x")


def test_an_entry_that_shows_nonsense_is_wrong(filled: Filled) -> None:
    """Bytes that are in the tree and are no entry are called wrong: a proof is no licence."""
    checkpoints = filled(1)
    signer = checkpoints._key.signer()
    good = json.loads(next(checkpoints.trail.entries()).content)
    wrongs: list[dict[str, object]] = [
        {"facts": []},
        {"facts": {"a": {}}},
        {"facts": {"a": [1]}},
        {"subjects": [1]},
        {"actor": 1},
        {"at": 1},
    ]
    for changes in wrongs:
        entry = json.dumps({**good, **changes}).encode()
        note = signed_note(Checkpoint(ORIGIN, 1, leaf_hash(entry)).body, signer)
        held = {
            "checkpoint": note,
            "count": 1,
            "entries": [{"entry": b64encode(entry).decode(), "place": 0, "proof": []}],
            "format": "smartify audit export",
            "kept": None,
            "successions": [],
            "tenant": "acme",
            "v": 1,
        }
        with pytest.raises(Wrong, match="of another kind"):
            examine(json.dumps(held).encode(), signer.verifier.vkey)


def test_a_verifier_that_ignores_the_place_is_caught(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that takes an entry at any place of the tree passes a false place, which the test of bits catches."""
    checkpoints = filled(8)
    content, _ = exported(checkpoints, "acme")
    held = json.loads(content)
    held["entries"][0]["proof"] = []
    with pytest.raises(Wrong, match="not in the trail"):
        examine(json.dumps(held).encode(), checkpoints.signing_verifier().vkey)
    monkeypatch.setattr(verifier, "_is_in", lambda *_: True)
    assert examine(json.dumps(held).encode(), checkpoints.signing_verifier().vkey)


# --- by itself


def test_the_file_is_enough(filled: Filled, tmp_path: Path, record: Make) -> None:
    """The verifier alone, with a Python that has nothing installed, checks an export and prints who did what when."""
    checkpoints = filled(6)
    script = tmp_path / "verifier.py"
    shutil.copy(SCRIPT, script)
    vkey = checkpoints.signing_verifier().vkey

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", str(script), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300)

    (tmp_path / "first.json").write_bytes(exported(checkpoints, "acme")[0])
    done = call("first.json", "--key", vkey, "--keep", "note.txt")
    assert (done.returncode, done.stderr) == (0, "")
    first, second, last = done.stdout.splitlines()
    assert first == (
        "2026-05-04T12:00:00.000000Z  access.granted  by e-7  code=support  grant=g-0"
        f"  purpose=CommunicationForCustomerCare  about {0:032x}"
    )
    assert "g-3" in second
    assert last.startswith(
        "GOOD: 2 entries of acme, numbered without a gap, in the trail of 6 that vendor.example/audit"
    )
    checkpoints.trail.append(record(6), record(9))
    kept = (tmp_path / "note.txt").read_text(encoding="utf-8")
    content = exported(checkpoints, "acme", kept)[0]
    (tmp_path / "second.json").write_bytes(content)
    done = call("second.json", "--key", vkey, "--kept", "note.txt", "--quiet")
    assert done.returncode == 0
    assert done.stdout.startswith("GOOD: 4 entries")
    (tmp_path / "broken.json").write_bytes(content.replace(b'"count":4', b'"count":3'))
    done = call("broken.json", "--key", vkey, "--kept", "note.txt")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("WRONG: ")
    assert call("nothing.json", "--key", vkey).returncode == 2
    assert call().returncode == 2


def test_a_wrong_call_is_no_wrong_export(filled: Filled, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A key that is none, and a kept note that is not given, are told as such, with 2; a key may stand in a file."""
    checkpoints = filled(6)
    export_file, key_file, note = tmp_path / "x.json", tmp_path / "key.txt", tmp_path / "kept.note"
    content, told = exported(checkpoints, "acme")
    export_file.write_bytes(content)
    key_file.write_text(f"{checkpoints.signing_verifier().vkey}\n", encoding="utf-8")
    assert run([str(export_file), "--key", str(key_file)]) == 0
    for key in ("key.txt", "vendor.example/audit", str(export_file), "a" * 5000, ""):
        assert run([str(export_file), "--key", key]) == 2
    assert run([str(export_file), "--key", Signer(ORIGIN, bytes(32)).verifier.vkey]) == 1
    capsys.readouterr()
    note.write_text(told.checkpoint.note, encoding="utf-8")
    export_file.write_bytes(exported(checkpoints, "acme", told.checkpoint.note)[0])
    assert run([str(export_file), "--key", str(key_file)]) == 2
    assert capsys.readouterr().err == (
        "This export was made for a customer who kept a checkpoint: give it with --kept NOTE.\n"
    )
    assert run([str(export_file), "--key", str(key_file), "--kept", str(note)]) == 0


def test_the_file_imports_the_standard_library_only() -> None:
    """It may be taken along alone, and can be read in one sitting."""
    text = SCRIPT.read_text(encoding="utf-8")
    nodes = ast.walk(ast.parse(text))
    names = [
        one.split(".")[0]
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for one in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or "."])
    ]
    assert set(names) <= sys.stdlib_module_names
    assert len(text.splitlines()) < 370


def test_nothing_that_is_printed_steers_a_terminal(
    filled: Filled, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A vendor's text may hold control characters: they are printed as what they are."""
    checkpoints = filled(0)
    checkpoints.trail.append(AuditRecord("a", NOON, "acme\x1b[2J", "e\x07", facts={"x": "\u202e"}))
    (tmp_path / "x.json").write_bytes(exported(checkpoints, "acme\x1b[2J")[0])
    assert run([str(tmp_path / "x.json"), "--key", checkpoints.signing_verifier().vkey]) == 0
    out = capsys.readouterr().out
    assert r"by e\x07" in out
    assert r"x=\x202e" in out
    assert r"entries of acme\x1b[2J" in out
    assert all(one.isprintable() or one == "\n" for one in out)


def test_a_long_export_takes_no_memory(filled: Filled) -> None:
    """Entries are written as they are read: what is held at once does not grow with them."""
    checkpoints = filled(900)
    sizes: list[int] = []

    class Target(io.StringIO):
        def write(self, text: str) -> int:
            sizes.append(len(text))
            return len(text)

    assert export(checkpoints, "acme", Target()).count == 300
    assert len(sizes) == 302
    assert max(sizes) < 3_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_findings_that_cannot_be_printed_are_no_finding(filled: Filled, tmp_path: Path) -> None:
    """A full device and an encoding without the letters are no trace and no export that does not hold."""
    checkpoints = filled(0)
    checkpoints.trail.append(AuditRecord("a", NOON, "müller"))
    file = tmp_path / "x.json"
    file.write_bytes(exported(checkpoints, "müller")[0])
    command = [sys.executable, verifier.__file__, str(file), "--key", checkpoints.signing_verifier().vkey]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (2, "the findings cannot be printed.\n")
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, env=ascii_only)
    assert r"m\xfcller" in told.stdout
