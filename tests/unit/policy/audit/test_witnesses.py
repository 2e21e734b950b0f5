from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.policy.audit._forger import ORIGIN, Filled, Forger
from tests.unit.policy.audit._witness_server import WitnessServer, grew, serving

from smartify_core.errors import SmartifyError, UsageError, WitnessRefused, WitnessUnavailable
from smartify_core.policy.audit import (
    SUCCESSION,
    Anchor,
    AuditRecord,
    Checkpoint,
    Checkpoints,
    Cosigner,
    FileWitness,
    Frontier,
    HttpWitness,
    Signer,
    Trail,
    Witness,
    check_consistency,
    consistency_proof,
    signed_note,
    verify,
)
from smartify_core.policy.audit._tree import NodeOf
from smartify_core.sealing import Sealer

Make = Callable[[int], AuditRecord]


@pytest.fixture
def server() -> Iterator[WitnessServer]:
    """Return a witness that listens."""
    with serving(WitnessServer()) as witness:
        yield witness


def with_witness(checkpoints: Checkpoints, sealer: Sealer, *witnesses: Witness) -> Checkpoints:
    """Return the checkpoints of the same trail, shown to these witnesses."""
    return Checkpoints(checkpoints.trail, sealer, origin=ORIGIN, witnesses=witnesses)


def http(server: WitnessServer, timeout: float = 60.0) -> HttpWitness:
    """Return our side of a witness."""
    return HttpWitness(server.url, Cosigner.of_vkey(server.vkey), timeout=timeout)


def rewritten(checkpoints: Checkpoints, sealer: Sealer, number: int, witness: Witness) -> Checkpoints:
    """Return the checkpoints of a trail of so many other entries under the same key: an operator who cheats."""
    forger = Forger(checkpoints.trail.storage)
    forger.documents.pop(("audit checkpoint", "latest"), None)
    at = next(checkpoints.trail.entries()).record.at
    forger.rewrite([AuditRecord("access.denied", at)] * number)
    return Checkpoints(Trail(forger.stored()), sealer, origin=ORIGIN, witnesses=[witness])


def failed(checkpoints: Checkpoints) -> SmartifyError:
    """Return why the one witness did not vouch for a new checkpoint."""
    (failure,) = checkpoints.make().failures
    return failure


def test_a_witness_cosigns_what_only_grew(filled: Filled, sealer: Sealer, record: Make, server: WitnessServer) -> None:
    """It checks each checkpoint with code of its own, and its signature with its time goes under the note."""
    checkpoints = with_witness(filled(10), sealer, http(server))
    server.logs[ORIGIN] = checkpoints.signing_verifier().key
    before = datetime.now(UTC) - timedelta(seconds=1)
    cosigner = Cosigner.of_vkey(server.vkey)
    for number in range(10, 40, 3):
        made = checkpoints.make()
        assert not made.failures
        assert server.seen[ORIGIN] == (made.checkpoint.size, made.checkpoint.root)
        at = cosigner.cosigned(made.note)
        assert at is not None
        assert at >= before
        assert cosigner.cosigned(checkpoints.latest().note) == at  # type: ignore[union-attr]  # there is one
        checkpoints.trail.append(*map(record, range(number, number + 3)))
    # Nobody had to be asked twice, and nobody was asked again for what was vouched for.
    assert len(server.asked) == 10
    checkpoints.make()
    checkpoints.make()
    assert len(server.asked) == 11
    found = verify(checkpoints.trail, verifiers=checkpoints.verifiers, cosigners=[cosigner])
    assert (found.anchored, found.vouched[0].by) == (40, server.name)
    assert "witness.example/w1 has a checkpoint at 2" in "\n".join(found.statement)


def test_a_witness_that_has_seen_more_than_we_know_of_is_asked_once_more(
    filled: Filled, sealer: Sealer, record: Make, server: WitnessServer
) -> None:
    """It says how far it has seen (HTTP status 409), and gets the proof from there."""
    checkpoints = filled(10)
    server.logs[ORIGIN] = checkpoints.signing_verifier().key
    note = checkpoints.make().note
    assert server.answer(f"old 0\n\n{note}".encode())[0] == 200
    checkpoints.trail.append(record(10), record(11))
    server.asked.clear()
    assert not with_witness(checkpoints, sealer, http(server)).make().failures
    assert [one.split(b"\n")[0] for one in server.asked] == [b"old 0", b"old 10"]


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (12, "did not grow from"),
        (10, "another trail of this size"),
        (5, "it has seen 10 entries, and this trail has 5"),
    ],
)
def test_an_operator_who_rewrites_is_refused(
    filled: Filled, sealer: Sealer, server: WitnessServer, number: int, why: str
) -> None:
    """A trail that was rewritten or shortened with the key in hand is not vouched for, whatever its size."""
    witness = http(server)
    checkpoints = with_witness(filled(10), sealer, witness)
    server.logs[ORIGIN] = checkpoints.signing_verifier().key
    assert not checkpoints.make().failures
    error = failed(rewritten(checkpoints, sealer, number, witness))
    assert isinstance(error, WitnessRefused)
    assert why in error.what
    assert error.where == server.name


@pytest.mark.parametrize(
    ("say", "kind", "why"),
    [
        ((404, "text/plain", b""), WitnessRefused, "does not know this trail"),
        ((403, "text/plain", b""), WitnessRefused, "does not know the key"),
        ((400, "text/plain", b""), WitnessRefused, "malformed"),
        ((422, "text/plain", b""), WitnessRefused, "did not grow"),
        ((409, "text/x.tlog.size", b"many\n"), WitnessUnavailable, "not in its protocol"),
        ((409, "text/x.tlog.size", b"99\n"), WitnessRefused, "has seen 99 entries"),
        ((409, "text/x.tlog.size", b"3\n"), WitnessRefused, "another trail of this size"),
        ((302, "text/plain", b""), WitnessUnavailable, "elsewhere"),
        ((500, "text/plain", b"a name"), WitnessUnavailable, "status 500"),
        ((429, "text/plain", b""), WitnessUnavailable, "status 429"),
        ((200, "text/plain", b""), WitnessRefused, "not signed by its key"),
        ((200, "text/plain", b"\xff"), WitnessRefused, "not signed by its key"),
        ((200, "text/plain", "\N{EM DASH} a b=\n".encode()), WitnessRefused, "not signed by its key"),
        ((200, "text/plain", b"x" * 70_000), WitnessUnavailable, "not in its protocol"),
    ],
)
def test_what_a_witness_answers_is_told(
    filled: Filled, sealer: Sealer, server: WitnessServer, say: tuple[int, str, bytes], kind: type, why: str
) -> None:
    """Each refusal is named, nothing is followed or quoted, and the checkpoint stands all the same."""
    server.say = say
    checkpoints = with_witness(filled(10), sealer, http(server))
    error = failed(checkpoints)
    assert type(error) is kind
    assert why in error.what
    assert "a name" not in str(error)
    assert checkpoints.latest() is not None


def test_a_witness_that_signs_something_else_is_refused(
    filled: Filled, sealer: Sealer, record: Make, server: WitnessServer
) -> None:
    """A cosignature of another checkpoint, however good, does not go under this one."""
    checkpoints = with_witness(filled(10), sealer, http(server))
    server.logs[ORIGIN] = checkpoints.signing_verifier().key
    line = checkpoints.make().note.splitlines()[-1]
    server.say = (200, "text/plain", f"{line}\n".encode())
    checkpoints.trail.append(record(10))
    assert "not signed by its key" in failed(checkpoints).what


@pytest.mark.parametrize("in_body", [False, True])
def test_a_witness_that_never_ends_is_left(
    filled: Filled, sealer: Sealer, server: WitnessServer, in_body: bool
) -> None:
    """The time that an exchange may take counts as a whole: a byte now and then does not prolong it."""
    server.stall, server.body_stalls = threading.Event(), in_body
    error = failed(with_witness(filled(3), sealer, http(server, timeout=0.3)))
    assert isinstance(error, WitnessUnavailable)
    assert "did not answer in time" in error.what


def test_a_witness_that_is_away_is_told(filled: Filled, sealer: Sealer) -> None:
    """Nobody listens there: the checkpoint is made, and offered again later."""
    with serving(WitnessServer()) as gone:
        pass
    error = failed(with_witness(filled(3), sealer, http(gone)))
    assert isinstance(error, WitnessUnavailable)
    assert error.retryable


def certified(folder: Path) -> Path:
    """Return a file with a key and a certificate of this machine, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "tls.pem"
    file.write_bytes(certificate.public_bytes(pem) + secret)
    return file


def test_a_witness_behind_tls_must_be_who_it_says(filled: Filled, sealer: Sealer, tmp_path: Path) -> None:
    """With a certificate that is trusted it is asked as any other; without that, nothing is sent to it."""
    file = certified(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    with serving(WitnessServer(), tls) as server:
        cosigner = Cosigner.of_vkey(server.vkey)
        checkpoints = filled(3)
        server.logs[ORIGIN] = checkpoints.signing_verifier().key
        stranger = HttpWitness(server.url, cosigner, timeout=60)
        assert isinstance(failed(with_witness(checkpoints, sealer, stranger)), WitnessUnavailable)
        assert server.asked == []
        trusted = HttpWitness(server.url, cosigner, timeout=60, context=ssl.create_default_context(cafile=file))
        assert not with_witness(checkpoints, sealer, trusted).make().failures
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "url", ["", "witness.example", "ftp://a/b", "http://", "http://a:b/", "http://u@a/", "http://a/?q"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """Only a plain address of HTTP or HTTPS is one of a witness."""
    with pytest.raises(UsageError, match="no address of a witness"):
        HttpWitness(url, Cosigner("w", Signer("w", bytes(32)).verifier.key))


def test_the_key_of_a_witness_is_its_own_kind() -> None:
    """A key for cosignatures has another id than the same key for notes, and neither passes for the other."""
    key = Signer("w", bytes(32)).verifier
    cosigner = Cosigner("w", key.key)
    assert Cosigner.of_vkey(cosigner.vkey) == cosigner
    assert cosigner.id != key.id
    for wrong in (key.vkey, "", cosigner.vkey[:-1], cosigner.vkey.replace("w+", "x+"), "w+00000000+A"):
        with pytest.raises(UsageError, match="no key of a witness"):
            Cosigner.of_vkey(wrong)


@given(st.integers(1, 70), st.integers(0, 70), st.data())
def test_our_proofs_are_those_that_a_stranger_checks(old: int, more: int, data: st.DataObject) -> None:
    """A checker that works from above, as RFC 6962 makes proofs, agrees with ours on good proofs and on broken ones."""
    frontier, made = Frontier().append(*map(bytes, range(old + more)))
    nodes = {(one.level, one.index): one.hash for one in made}
    old_root = Frontier().append(*map(bytes, range(old)))[0].root
    proof = list(consistency_proof(old, old + more, lambda level, index: nodes[level, index]))
    assert not more or grew(old, old + more, proof, old_root, frontier.root)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        broken = data.draw(
            st.sampled_from([proof[:at], [*proof[:at], bytes(32), *proof[at + 1 :]], [*proof, bytes(32)]])
        )
        assert not grew(old, old + more, broken, old_root, frontier.root)
        assert not check_consistency(old, old + more, broken, old_root, frontier.root)


# --- a file that is kept elsewhere


def test_a_file_keeps_every_checkpoint(filled: Filled, sealer: Sealer, record: Make, tmp_path: Path) -> None:
    """Each note is appended to the file, and each of them is an anchor for a verification."""
    made = filled(10)
    witness = FileWitness(tmp_path / "safe", made.signing_verifier())
    checkpoints = with_witness(made, sealer, witness)
    notes = []
    for number in range(10, 13):
        notes.append(checkpoints.make().note)
        checkpoints.trail.append(record(number))
    assert witness.notes() == tuple(notes)
    assert (tmp_path / "safe" / "checkpoints.txt").stat().st_mode & 0o777 == 0o600
    anchors = [Anchor("the safe", note) for note in FileWitness(tmp_path / "safe").notes()]
    found = verify(checkpoints.trail, verifiers=checkpoints.verifiers, anchors=anchors)
    assert (found.findings, found.anchored) == ((), 12)


@pytest.mark.parametrize("number", [5, 10, 15])
def test_a_file_refuses_what_did_not_grow(filled: Filled, sealer: Sealer, tmp_path: Path, number: int) -> None:
    """A trail that was rewritten or shortened is refused, and the file keeps what it had."""
    made = filled(10)
    witness = FileWitness(tmp_path, made.signing_verifier())
    checkpoints = with_witness(made, sealer, witness)
    note = checkpoints.make().note
    assert isinstance(failed(rewritten(checkpoints, sealer, number, witness)), WitnessRefused)
    assert witness.notes() == (note,)


def test_a_file_takes_only_its_own_trails_checkpoints(filled: Filled, tmp_path: Path) -> None:
    """Another key's, and another trail's under the same key, are refused."""
    checkpoints = filled(3)
    made, signer = checkpoints.make(), checkpoints._key.signer()
    witness = FileWitness(tmp_path, signer.verifier)

    def vouch(note: str) -> Sequence[str]:
        return witness.vouch(note, seen=0, proof_from=lambda _: ())

    assert vouch(made.note) == vouch(made.note) == ()
    assert witness.notes() == (made.note,)
    for note in (
        signed_note(made.checkpoint.body, Signer(ORIGIN, bytes(32))),
        signed_note(Checkpoint("other.example", 3, made.checkpoint.root).body, signer),
        "nonsense",
    ):
        with pytest.raises(WitnessRefused):
            vouch(note)


def test_a_file_follows_the_keys_of_its_trail(filled: Filled, sealer: Sealer, record: Make, tmp_path: Path) -> None:
    """A witness that was given one key takes checkpoints by the keys that followed it, however many they are."""
    made = filled(10)
    witness = FileWitness(tmp_path, made.signing_verifier())
    checkpoints = with_witness(made, sealer, witness)
    notes = []
    for _ in range(3):
        shown = checkpoints.make()
        assert not shown.failures
        notes.append(shown.note)
        checkpoints.rotate()
        checkpoints.trail.append(record(1))
    assert witness.notes() == tuple(notes)
    between = FileWitness(tmp_path, checkpoints.verifiers[1])
    assert not with_witness(made, sealer, between).make().failures


def test_a_file_follows_nobody_elses_keys(filled: Filled, sealer: Sealer, tmp_path: Path) -> None:
    """A key that no note leads to, one that names itself, and one whose note was altered are refused."""
    made = filled(3)
    first, stranger, other = made._key.signer(), Signer(ORIGIN, bytes(32)), Signer(ORIGIN, bytes(31) + b"\x01")
    witness = FileWitness(tmp_path, first.verifier)
    body = made.make().checkpoint.body
    named = f"{SUCCESSION}\n{first.verifier.vkey}\n{stranger.verifier.vkey}\n"
    honest = signed_note(named, first, stranger)
    for successions in (
        [],
        [signed_note(named, stranger)],
        [signed_note(named, first)],
        [honest.replace(stranger.verifier.vkey, other.verifier.vkey)],
        [signed_note(f"{SUCCESSION}\n{other.verifier.vkey}\n{stranger.verifier.vkey}\n", other, stranger)],
        ["nonsense"],
    ):
        with pytest.raises(WitnessRefused):
            witness.vouch(signed_note(body, stranger), seen=0, proof_from=lambda _: (), successions=successions)
    assert witness.notes() == ()
    assert witness.vouch(signed_note(body, stranger), seen=0, proof_from=lambda _: (), successions=[honest]) == ()
    theirs = FileWitness(tmp_path / "theirs", other.verifier)
    assert isinstance(failed(with_witness(filled(4), sealer, theirs)), WitnessRefused)


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_what_a_crash_left_in_a_file_is_written_over(
    filled: Filled, sealer: Sealer, record: Make, tmp_path: Path, cut: int
) -> None:
    """Half a note at the end is none, and the next one stands in its place."""
    made = filled(10)
    witness = FileWitness(tmp_path, made.signing_verifier())
    checkpoints = with_witness(made, sealer, witness)
    first = checkpoints.make().note
    checkpoints.trail.append(record(10))
    second = checkpoints.make().note
    file = tmp_path / "checkpoints.txt"
    file.write_bytes(file.read_bytes()[:-cut])
    assert witness.notes() == (first,)
    checkpoints.trail.append(record(11))
    third = checkpoints.make().note
    assert third not in {first, second}
    assert witness.notes() == (first, third)


def test_trouble_with_a_file_is_told(filled: Filled, sealer: Sealer, tmp_path: Path) -> None:
    """A place that is no folder, and a file that holds something else, are a witness that cannot be reached."""
    made = filled(3)
    (tmp_path / "file").write_bytes(b"")
    assert isinstance(
        failed(with_witness(made, sealer, FileWitness(tmp_path / "file", made.signing_verifier()))), WitnessUnavailable
    )
    (tmp_path / "checkpoints.txt").write_bytes(b"\xff")
    with pytest.raises(WitnessUnavailable, match="holds something else"):
        FileWitness(tmp_path).notes()


def _proof(nodes: NodeOf, size: int, old: int) -> tuple[bytes, ...]:
    return consistency_proof(old, size, nodes)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process to fork")
def test_processes_share_a_file(filled: Filled, tmp_path: Path) -> None:
    """Several processes that keep checkpoints in one file neither mix nor lose any."""
    checkpoints = filled(64)
    signer, nodes = checkpoints._key.signer(), checkpoints.trail.nodes()
    contents = [one.content for one in checkpoints.trail.contents()]
    children = []
    for _ in range(4):
        child = os.fork()
        if not child:
            code = 1
            try:
                witness = FileWitness(tmp_path, signer.verifier)
                for size in range(1, 65):
                    root = Frontier().append(*contents[:size])[0].root
                    note = signed_note(Checkpoint(ORIGIN, size, root).body, signer)
                    proof_from = partial(_proof, nodes, size)
                    try:
                        witness.vouch(note, seen=0, proof_from=proof_from)
                    except WitnessRefused:
                        continue
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]
    sizes = [Checkpoint.of_body(note.partition("\n\n")[0] + "\n").size for note in FileWitness(tmp_path).notes()]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == 64
