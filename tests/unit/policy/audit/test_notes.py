from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import UsageError
from smartify_core.policy.audit import EMPTY_ROOT, Checkpoint, Signer, Verifier, leaf_hash, opened_note, signed_note

OURS, OTHER = Signer("vendor.example/audit", bytes(32)), Signer("witness.example", bytes(31) + b"\x01")
CHECKPOINT = Checkpoint("vendor.example/audit/acme", 4_711, leaf_hash(b"entry"))
#: A key, a text and a signature that others made: the example of the format's first implementation.
KNOWN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
QUOTE = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="


def test_what_others_signed_is_opened() -> None:
    """A note of another program is read as that program wrote it, and its key comes out as it went in."""
    verifier = Verifier.of_vkey(KNOWN)
    assert verifier.vkey == KNOWN
    assert opened_note(f"{QUOTE}\n\N{EM DASH} PeterNeumann {SIGNATURE}\n", [verifier]) == (QUOTE, (verifier,))


def test_a_checkpoint_is_three_lines() -> None:
    """Origin, size and root stand in the text that C2SP's checkpoints have, and come out of it again."""
    root = b64encode(CHECKPOINT.root).decode()
    assert CHECKPOINT.body == f"vendor.example/audit/acme\n4711\n{root}\n"
    assert Checkpoint.of_body(CHECKPOINT.body) == CHECKPOINT
    assert Checkpoint.of_body(CHECKPOINT.body + "an extension\n") == CHECKPOINT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x\n",
        CHECKPOINT.body[:-1],
        CHECKPOINT.body.replace("4711", "-1"),
        CHECKPOINT.body.replace("4711", "04711"),
        CHECKPOINT.body.replace("4711", "9" * 19),
        CHECKPOINT.body.replace("4711", "\N{ARABIC-INDIC DIGIT FOUR}"),
        CHECKPOINT.body.replace("=\n", "\n"),
        CHECKPOINT.body.replace("=\n", "=\n\r\n")[:-1] + "x",
        "a b" + CHECKPOINT.body,
        f"x\n1\n{b64encode(b'short').decode()}\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """A number written otherwise, a root of another length, and half a text are no checkpoint."""
    with pytest.raises(UsageError, match="no checkpoint"):
        Checkpoint.of_body(text)


def test_a_note_is_vouched_for_by_whom_is_known() -> None:
    """Signatures by strangers are passed over; one known key is enough, and all that vouch are told."""
    note = signed_note(CHECKPOINT.body, OURS, OTHER)
    for known in ([OURS], [OTHER], [OURS, OTHER]):
        text, vouching = opened_note(note, [one.verifier for one in known])
        assert Checkpoint.of_body(text) == CHECKPOINT
        assert list(vouching) == [one.verifier for one in known]
    with pytest.raises(UsageError, match="none of the known keys"):
        opened_note(note, [Signer("vendor.example/audit", bytes(31) + b"\x02").verifier])
    with pytest.raises(UsageError, match="none of the known keys"):
        opened_note(note, [])


def test_another_key_of_the_same_name_is_a_stranger() -> None:
    """A name proves nothing: what counts is the key."""
    note = signed_note(CHECKPOINT.body, Signer(OURS.name, bytes(31) + b"\x07"))
    with pytest.raises(UsageError, match="none of the known keys"):
        opened_note(note, [OURS.verifier])


@given(st.data())
def test_no_character_of_a_note_can_be_changed(data: st.DataObject) -> None:
    """Whatever is changed, left out or put in, the note is refused, or says what was signed."""
    note = signed_note(CHECKPOINT.body, OURS)
    place = data.draw(st.integers(0, len(note) - 1))
    put = data.draw(st.sampled_from(["", "0", "\n", "=", "A", "\r", "\x00", "\N{EM DASH}"]))
    broken = note[:place] + put + note[place + data.draw(st.integers(0, 1)) :]
    try:
        text, _ = opened_note(broken, [OURS.verifier])
    except UsageError:
        return
    assert text == CHECKPOINT.body


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    """What is no note, no checkpoint and no key is refused as such."""
    for reading in (Checkpoint.of_body, Verifier.of_vkey, lambda one: opened_note(one, [OURS.verifier])):
        with pytest.raises(UsageError):
            reading(text)


@pytest.mark.parametrize("text", ["", "\n", "no end", "a\x1b[2J\n", "a\rb\n", "\ud800\n", "a\u202eb\n"])
def test_a_text_that_hides_something_is_not_signed(text: str) -> None:
    """Control characters, and half of a pair, would make people read something else than what was signed."""
    with pytest.raises(UsageError, match="whole lines without control characters"):
        signed_note(text, OURS)


def test_keys_are_checked_and_secret() -> None:
    """A key of another length, another name, or a text whose id is not the key's is refused; no repr shows a seed."""
    wrongs: list[Any] = [b"", bytes(31), None, "x" * 32]
    for wrong in wrongs:
        with pytest.raises(UsageError, match="no private key"):
            Signer("name", wrong)
        with pytest.raises(UsageError, match="no public key"):
            Verifier("name", wrong)
    for name in ("", "a b", "a+b", "a\nb", "x" * 201):
        with pytest.raises(UsageError, match="a trail is named"):
            Signer(name, bytes(32))
    with pytest.raises(UsageError, match="no key of a verifier"):
        Verifier.of_vkey(KNOWN.replace("c74f20a3", "c74f20a4"))
    assert "seed" not in repr(Signer("name", b"\x07" * 32))
    assert r"\x07" not in repr(Signer("name", b"\x07" * 32))


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 1, EMPTY_ROOT), ("a b", 1, EMPTY_ROOT), ("a", -1, EMPTY_ROOT), ("a", 1, b"short"), ("a", True, EMPTY_ROOT)],
)
def test_a_checkpoint_is_checked(origin: str, size: int, root: bytes) -> None:
    """What could not be written as one is none."""
    with pytest.raises(UsageError):
        Checkpoint(origin, size, root)
