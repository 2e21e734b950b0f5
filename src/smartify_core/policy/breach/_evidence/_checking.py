"""Checking evidence offline: with what was handed over, the public key of the trail, and nothing else."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from smartify_core.errors import RecordInvalid, UsageError
from smartify_core.policy.audit import (
    AuditEntry,
    AuditRecord,
    Checkpoint,
    Verifier,
    check_consistency,
    check_inclusion,
    followed_succession,
    leaf_hash,
    opened_note,
)
from smartify_core.policy.breach._digests import notice_digest, round_digest
from smartify_core.policy.breach._places import tenant_part

from ._export import AUDIT, DOCUMENT, EVIDENCE_FORMAT, EVIDENCE_VERSION, PAGE

#: What a check trips over where a document is not what it should be: it may be anything.
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


@frozen(order=False)
class EvidenceFinding:
    """Something about evidence that does not hold.

    Args:
        where: Which part of it.
        what: What is wrong. Names ids and numbers only.
    """

    where: str
    what: str


def check_evidence(folder: Path, vkey: str) -> tuple[EvidenceFinding, ...]:
    """Check evidence that was written by `export_evidence`, and return everything that does not hold.

    It is checked that the checkpoint is signed by the trail's key, that every entry is in the tree under it (RFC 9162),
    that one of them has the digest of the document and of the page on record, that each computation of the impact rests
    on the beginning of that trail, and that every entry of the timeline and every notice is on record in it as it
    stands here. So nothing in it can have been changed since, and nothing added. That nothing was left out of what is
    on record is the vendor's word for a tenant's part; of the vendor's own it is checked for the timeline, whose
    entries are numbered.

    Args:
        folder: The folder as it was handed over.
        vkey: The public key of the trail as it was handed over once, or an older one that others followed.

    Returns:
        What was found; nothing where all of it holds.

    Raises:
        UsageError: The key is none, or the folder cannot be read.
    """
    verifier = Verifier.of_vkey(vkey)
    try:
        content, page = (folder / DOCUMENT).read_bytes(), (folder / PAGE).read_bytes()
    except OSError as error:
        raise UsageError(
            f"the evidence cannot be read: {error.strerror}",
            where=folder.name,
            cure="Name the folder as it was written.",
        ) from None
    try:
        return tuple(_Checking(content, page).findings(verifier))
    except (UsageError, RecordInvalid, *_MISSHAPEN):
        return (EvidenceFinding("document", "it is not what the library writes"),)


class _Checking:
    """One document that is looked at."""

    def __init__(self, content: bytes, page: bytes) -> None:
        body, marker, _ = content.partition(AUDIT.encode())
        if not marker:
            raise ValueError
        self._digest, self._page_digest = sha256(body).hexdigest(), sha256(page).hexdigest()
        self._held: dict[str, Any] = json.loads(content.decode(), object_pairs_hook=_once)
        if (self._held["format"], self._held["v"]) != (EVIDENCE_FORMAT, EVIDENCE_VERSION):
            raise ValueError
        self._incident: str = self._held["incident"]["id"]
        self._tenant: str | None = self._held["tenant"]

    def findings(self, verifier: Verifier) -> Iterator[EvidenceFinding]:
        """Yield what does not hold."""
        audit = self._held["audit"]
        try:
            key = followed_succession(verifier, audit["successions"])
            body, _ = opened_note(audit["checkpoint"], [key])
            checkpoint = Checkpoint.of_body(body)
        except UsageError:
            yield EvidenceFinding("checkpoint", "it is not signed by the key of the trail")
            return
        if checkpoint.origin != key.name:
            yield EvidenceFinding("checkpoint", "it is another trail's")
            return
        records: list[AuditRecord] = []
        for line in audit["entries"]:
            content, place = b64decode(line["entry"], validate=True), line["place"]
            proof = [b64decode(one, validate=True) for one in line["proof"]]
            if not check_inclusion(leaf_hash(content), place, checkpoint.size, proof, checkpoint.root):
                yield EvidenceFinding(f"entry {int(place)}", "it is not in the trail")
                continue
            record = AuditEntry.of_content(content).record
            if record.facts.get("incident") != self._incident or self._tenant not in {None, record.tenant}:
                yield EvidenceFinding(f"entry {int(place)}", "it is about something else")
                continue
            records.append(record)
        yield from self._recorded(records)
        yield from self._roots(checkpoint)
        if self._tenant is None:
            yield from self._timeline(records)
            yield from self._rounds()
        yield from self._notices(records)

    def _recorded(self, records: Sequence[AuditRecord]) -> Iterator[EvidenceFinding]:
        """Yield whether the trail has on record that this very document was written."""
        exported = [one.facts for one in records if one.kind == "incident.exported" and one.tenant == self._tenant]
        if not any(one.get("digest") == self._digest for one in exported):
            yield EvidenceFinding("document", "the trail does not have it on record as it is")
        elif not any((one.get("digest"), one.get("page")) == (self._digest, self._page_digest) for one in exported):
            yield EvidenceFinding("page", "the trail does not have it on record as it is")

    def _roots(self, checkpoint: Checkpoint) -> Iterator[EvidenceFinding]:
        """Yield the computations that do not rest on this trail as it was then (RFC 9162, 2.1.4.2)."""
        proofs = {one["revision"]: one["proof"] for one in self._held["audit"]["impacts"]}
        for one in self._held["impacts" if self._tenant is None else "impact_tenants"]:
            revision = one["revision"]
            proof = [b64decode(node, validate=True) for node in proofs.get(revision, ())]
            size, root = one["trail_size"], bytes.fromhex(one["trail_root"])
            if not check_consistency(size, checkpoint.size, proof, root, checkpoint.root):
                yield EvidenceFinding(f"impact {int(revision)}", "what it rests on is not the trail as it was then")

    def _timeline(self, records: Sequence[AuditRecord]) -> Iterator[EvidenceFinding]:
        """Yield where the timeline and the trail do not say the same."""
        by_number = {one.facts["event"]: one for one in records if "event" in one.facts}
        told = self._held["timeline"]
        if [one["number"] for one in told] != [*range(1, len(told) + 1)] or len(told) < len(by_number):
            yield EvidenceFinding("timeline", "an entry of it is missing")
        for one in told:
            record = by_number.get(one["number"])
            if record is None or (record.kind, record.actor) != (one["kind"], one["by"]):
                yield EvidenceFinding(f"timeline {int(one['number'])}", "the trail does not have it on record as it is")

    def _rounds(self) -> Iterator[EvidenceFinding]:
        """Yield the rounds that have other notices than whoever released them has read."""
        notices = sorted(self._held["notices"], key=lambda one: tenant_part(one["tenant"]))
        for one in self._held["rounds"]:
            digest = round_digest(notice["sha256"] for notice in notices if notice["round"] == one["number"])
            if digest != one["digest"]:
                yield EvidenceFinding(f"round {int(one['number'])}", "its notices are not what its digest says")

    def _notices(self, records: Sequence[AuditRecord]) -> Iterator[EvidenceFinding]:
        """Yield the notices that the trail has on record with another digest, and annexes that are not as they were."""
        queued: dict[object, set[object]] = {}
        for record in records:
            if "notice" in record.facts and "sha256" in record.facts:
                queued.setdefault(record.facts["notice"], set()).add(record.facts["sha256"])
        for one in self._held["notices"]:
            if queued.get(one["id"], {one["sha256"]}) != {one["sha256"]}:
                yield EvidenceFinding(f"notice {one['id']}", "the trail has it on record with another digest")
            if notice_digest(one["subject"], one["text"], one["html"], one["payload"]) != one["sha256"]:
                yield EvidenceFinding(f"notice {one['id']}", "its texts are not what its digest says")
            annex: Mapping[str, str] | None = one["annex"]
            if annex is not None and sha256(annex["cms"].encode()).hexdigest() != annex["sha256"]:
                yield EvidenceFinding(f"notice {one['id']}", "its annex is not what its digest says")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) != len(pairs):
        raise ValueError
    return held
