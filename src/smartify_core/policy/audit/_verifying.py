"""Verifying a whole trail, and saying honestly how far it is protected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from attrs import frozen

from smartify_core.errors import SmartifyError, TrailBroken, UsageError
from smartify_core.policy._ledger import LEDGER

from ._checkpoint import Checkpoint
from ._cosignatures import Cosigner
from ._kept import SignedCheckpoint, Vouched
from ._notes import Verifier, opened_note
from ._state import CHECKPOINT, TrailHead, tail_key
from ._trail import Trail
from ._walk import TrailFinding, Walk, beyond

_MOST_FINDINGS: Final = 100


@frozen(order=False)
class Anchor:
    """A checkpoint that was kept outside of the store.

    Args:
        kept_by: Where, or by whom.
        note: The checkpoint, as it was kept.
    """

    kept_by: str
    note: str


@frozen(order=False)
class Verification:
    """What a verification found.

    Args:
        size: How many entries were verified, from the first one on.
        root: The root over them.
        at: The instant of the latest of them; ``None`` for an empty trail.
        checkpoint: How many entries the latest checkpoint in the store covers; ``None`` where there is none.
        vouched: Who outside has a checkpoint that this trail grew from, the furthest first.
        findings: What is wrong: at most 100 of them.
    """

    size: int
    root: bytes
    at: datetime | None
    checkpoint: int | None
    vouched: tuple[Vouched, ...]
    findings: tuple[TrailFinding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong. How much that says, `statement` tells."""
        return not self.findings

    @property
    def anchored(self) -> int:
        """How many entries, from the first one on, somebody outside vouches for."""
        return self.vouched[0].size if self.vouched and self.is_sound else 0

    @property
    def unanchored(self) -> int:
        """How many entries nobody outside vouches for yet."""
        return self.size - self.anchored

    @property
    def statement(self) -> tuple[str, ...]:
        """How far the trail is protected, sentence by sentence, and never more than that."""
        if not self.is_sound:
            return (
                f"The trail is broken: {len(self.findings)} findings, the first one: {self.findings[0]}.",
                "Nothing is said about what follows the first finding.",
            )
        said = [f"All {self.size} entries agree with each other and with the tree of root {self.root.hex()}."]
        if not self.vouched:
            said.append(
                "No checkpoint that was kept outside was looked at: whoever can write to the store could have"
                " rewritten or shortened the whole trail."
            )
            return tuple(said)
        first = self.vouched[0]
        when = "" if first.at is None else f" at {first.at:%Y-%m-%dT%H:%M:%SZ}"
        said.append(
            f"{first.by} has a checkpoint{when}: the first {first.size} entries cannot have been altered, removed or"
            " put in since then without it showing here."
        )
        if self.unanchored:
            said.append(
                f"The last {self.unanchored} entries nobody outside has seen yet: whoever can write to the store and"
                " has the signing key could still rewrite or remove them."
            )
        said.append(
            "That an entry was written at all, and at the time that it names, is proven by no tree: it is the word of"
            " the process that wrote it."
        )
        return tuple(said)


def verify(
    trail: Trail,
    *,
    verifiers: Sequence[Verifier] = (),
    anchors: Iterable[Anchor] = (),
    cosigners: Sequence[Cosigner] = (),
) -> Verification:
    """Read a whole trail, work everything out anew, and compare it with what is stored and with what others have.

    Whoever appends meanwhile disturbs nothing: it is verified as far as it went when this began.

    Args:
        trail: The trail.
        verifiers: The public keys that its checkpoints are signed by.
        anchors: Checkpoints that were kept elsewhere, signed by one of these keys.
        cosigners: Witnesses whose cosignatures count, where the latest checkpoint or an anchor bears one.

    Raises:
        StorageError: The store cannot be read.
    """
    findings: list[TrailFinding] = []
    known = beyond(trail)
    try:
        head = trail.head()
    except TrailBroken as error:
        return Verification(0, Walk(trail).frontier.root, None, None, (), (TrailFinding(None, error.what),))
    findings += known(head)
    marks: list[tuple[Checkpoint, Vouched | None, str]] = []
    latest = _latest(trail, verifiers, findings)
    if latest is not None:
        marks.append((latest.checkpoint, None, "the latest checkpoint in the store"))
        marks += _cosigned(latest.note, latest.checkpoint, cosigners)
    for anchor in anchors:
        checkpoint = _opened(anchor, verifiers, findings)
        if checkpoint is not None:
            marks.append((checkpoint, Vouched(anchor.kept_by, checkpoint.size), f"a checkpoint of {anchor.kept_by}"))
            marks += _cosigned(anchor.note, checkpoint, cosigners)
    walk = Walk(trail)
    fitting: list[Vouched] = []
    for checkpoint, vouched, name in sorted(marks, key=lambda mark: mark[0].size):
        if checkpoint.size > head.frontier.size:
            findings.append(
                TrailFinding(
                    head.frontier.size,
                    f"{name} has {checkpoint.size} entries: {checkpoint.size - head.frontier.size} were removed",
                )
            )
            continue
        _go(walk, checkpoint.size, findings)
        if walk.frontier.size == checkpoint.size and walk.frontier.root != checkpoint.root:
            findings.append(
                TrailFinding(None, f"the first {checkpoint.size} entries are not those that {name} was made of")
            )
        elif walk.frontier.size == checkpoint.size and vouched is not None:
            fitting.append(vouched)
    _go(walk, head.frontier.size, findings)
    findings += islice(walk.ends_at(head), _MOST_FINDINGS)
    findings += islice(_strange_tails(trail, walk, head), _MOST_FINDINGS)
    return Verification(
        size=walk.frontier.size,
        root=walk.frontier.root,
        at=walk.at if walk.frontier.size else None,
        checkpoint=None if latest is None else latest.checkpoint.size,
        vouched=tuple(sorted(fitting, key=lambda one: -one.size)),
        findings=tuple(findings[:_MOST_FINDINGS]),
    )


def _go(walk: Walk, size: int, findings: list[TrailFinding]) -> None:
    for finding in walk.to(size):
        if len(findings) < _MOST_FINDINGS:
            findings.append(finding)


def _latest(trail: Trail, verifiers: Sequence[Verifier], findings: list[TrailFinding]) -> SignedCheckpoint | None:
    """Return the latest checkpoint in the store, as far as it can be believed."""
    present = trail.storage.document(LEDGER, CHECKPOINT, "latest")
    if present is None:
        return None
    try:
        latest = SignedCheckpoint.of_content(present.value)
        if verifiers:
            opened_note(latest.note, verifiers)
    except SmartifyError as error:
        findings.append(TrailFinding(None, f"the latest checkpoint in the store is false: {error.what}"))
        return None
    return latest


def _opened(anchor: Anchor, verifiers: Sequence[Verifier], findings: list[TrailFinding]) -> Checkpoint | None:
    try:
        text, vouching = opened_note(anchor.note, verifiers)
        checkpoint = Checkpoint.of_body(text)
        if checkpoint.origin in {one.name for one in vouching}:
            return checkpoint
        findings.append(TrailFinding(None, f"a checkpoint of {anchor.kept_by} is another trail's"))
    except UsageError as error:
        findings.append(TrailFinding(None, f"a checkpoint of {anchor.kept_by} is not of this trail: {error.what}"))
    return None


def _cosigned(
    note: str, checkpoint: Checkpoint, cosigners: Sequence[Cosigner]
) -> list[tuple[Checkpoint, Vouched | None, str]]:
    found = ((one.name, one.cosigned(note)) for one in cosigners)
    return [
        (checkpoint, Vouched(name, checkpoint.size, at), f"a checkpoint of {name}")
        for name, at in found
        if at is not None
    ]


def _strange_tails(trail: Trail, walk: Walk, head: TrailHead) -> Iterable[TrailFinding]:
    """Yield the ends of tenants' entries that no entry is at."""
    if walk.frontier.size != head.frontier.size:
        return
    keys = {tail_key(tenant) for tenant in walk.tails}
    try:
        for key in trail.tail_keys(head.frontier.size):
            if key not in keys:
                yield TrailFinding(None, "it names the end of a tenant's entries of which there are none")
    except TrailBroken as error:
        yield TrailFinding(None, error.what)
