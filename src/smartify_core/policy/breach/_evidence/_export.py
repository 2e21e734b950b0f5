"""Writing the evidence: once through everything on record, to the disk, and on record before it can be found there."""

from __future__ import annotations

import os
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from datetime import datetime
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Final

from attrs import evolve, frozen

from smartify_core.errors import FileExists, RecordInvalid, UnknownIncident, UsageError
from smartify_core.model import Entry
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._ledger import is_key
from smartify_core.policy._log import log
from smartify_core.policy.audit import (
    AuditEntry,
    AuditRecord,
    Checkpoints,
    SignedCheckpoint,
    Trail,
    consistency_proof,
    inclusion_proof,
)
from smartify_core.policy.breach._impact import TenantImpact
from smartify_core.policy.breach._markup import Markup
from smartify_core.policy.breach._recorded import Recorded
from smartify_core.policy.breach._tenants_named import is_known_tenant
from smartify_core.policy.breach._vocabulary import Outcome
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from . import _sections as sections
from ._case import Case
from ._deadlines import EvidencedDeadline
from ._moments import moment_of, moments_of
from ._notices_shown import FEW, notice_row, notice_text, round_row
from ._page import page
from ._reading import OnRecord
from ._tally import Asked, Tally
from ._told import (
    case_told,
    deadline_told,
    dumped,
    event_told,
    impact_told,
    incident_told,
    plain,
    round_told,
    tenant_impact_told,
    unaffected_told,
)

#: What the document says that it is.
EVIDENCE_FORMAT: Final = "smartify breach evidence"
EVIDENCE_VERSION: Final = 1
DOCUMENT: Final = "evidence.json"
PAGE: Final = "evidence.html"
#: What stands between what the document says and the proofs. No text in the document has a line break of its own.
AUDIT: Final = ',\n"audit":'
_PARTS: Final = (
    *("events", "events of tenants", "impacts", "tenants", "unaffected", "deadlines", "rounds"),
    *("notices", "texts"),
)
_PIECE: Final = 1 << 16


@frozen(order=False)
class EvidencePack:
    """What was written.

    Args:
        folder: Where it is: ``evidence.html`` and ``evidence.json``.
        incident: The incident.
        tenant: The one tenant that it is for; ``None`` for the vendor's own.
        notices: How many notices are in it.
        entries: How many entries of the audit trail are.
        digest: The SHA-256 of what the document says, which the audit trail has on record.
        page_digest: That of the page.
        checkpoint: The checkpoint that the proofs lead to.
    """

    folder: Path
    incident: str
    tenant: str | None
    notices: int
    entries: int
    digest: str
    page_digest: str
    checkpoint: SignedCheckpoint


def export_evidence(
    checkpoints: Checkpoints,
    storage: Storage,
    sealer: Sealer,
    incident_id: str,
    folder: Path,
    *,
    by: str,
    tenant: str | None = None,
    deadlines: Iterable[EvidencedDeadline] = (),
) -> EvidencePack:
    """Write all that is on record of an incident: a page for people, and a document that `check_evidence` checks.

    It is read once, piece by piece, so that ten thousand notices take no memory. That it was written, by whom, for whom
    and with which digests is in the audit trail before the folder is there. Addresses of contacts are masked on the
    page, and in a tenant's document; whoever of a customer's people acknowledged is not named in either.

    Args:
        checkpoints: The checkpoints of the trail.
        storage: Where everything is.
        sealer: What opens it.
        incident_id: The incident.
        folder: The folder that is made. Only its owner may look into it.
        by: Who has it written.
        tenant: The one tenant whose part is written, to be handed to it: nothing in it is about anybody else, no word
            of the host's own, no notice that has not gone out.
        deadlines: The deadlines as they stand; for a tenant its own are taken.

    Returns:
        What was written.

    Raises:
        FileExists: The folder is there already.
        UnknownIncident: There is no such incident, or nothing at all is on record of the tenant.
        UsageError: ``by`` or the tenant is no id, or the folder cannot be written.
        AuditUnavailable: It could not be recorded, and so was not written.
        TrailBroken: The trail is not as it was written.
        StorageError: The store cannot be read or written.
    """
    check_id("by", by)
    if tenant is not None and not is_key(tenant):
        raise UsageError("that is no tenant", where="tenant", cure="Give the tenant's name as the store has it.")
    trail = checkpoints.trail
    incident, _ = Recorded(storage, sealer, trail).get(incident_id)
    if tenant is not None and not is_known_tenant(storage, trail, tenant):
        raise UnknownIncident(
            "nothing is on record of this tenant, so nothing can be said to it",
            where=f"incident {incident_id}",
            cure="Give the tenant's id as the store has it; it may be misspelt.",
        )
    asked = Asked(incident, tenant, trail.now(), by)
    folder = Path(folder)
    if os.path.lexists(folder):
        raise _there(folder)
    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            made = _Writing(asked, OnRecord(storage, sealer, incident_id, tenant), beside).written(
                checkpoints, deadlines
            )
            _moved(beside, folder)
        except BaseException:  # an interruption, too
            shutil.rmtree(beside, ignore_errors=True)  # half of it is no evidence
            raise
    except OSError as error:
        raise UsageError(
            f"the folder cannot be written: {error.strerror}",
            where=folder.name,
            cure="Name a new one in a folder of yours.",
        ) from None
    log().info("evidence written", incident=incident_id, tenant=tenant, notices=made.notices, entries=made.entries)
    return evolve(made, folder=folder)


def _moved(beside: Path, folder: Path) -> None:
    """Let the whole folder appear at once, and not in place of another."""
    if os.path.lexists(folder):
        raise _there(folder)
    try:
        beside.rename(folder)
    except OSError:
        if os.path.lexists(folder):
            raise _there(folder) from None
        raise


def _there(folder: Path) -> FileExists:
    return FileExists("the folder is there already", where=folder.name, cure="Name another one, or move it away.")


class _Hashed:
    """A file whose SHA-256 is known when it is written."""

    def __init__(self, path: Path) -> None:
        # Only its owner may read it, also where it is moved out of its folder.
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._hash = sha256()

    def write(self, text: str) -> None:
        # Half a character, as an id of a tenant may have, is written as what it would be shown as.
        data = text.encode("utf-8", "replace")
        self._hash.update(data)
        self._file.write(data)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


class _Writing:
    """One evidence under way: the document is written, and what the page shows of each piece into files apart."""

    def __init__(self, asked: Asked, record: OnRecord, beside: Path) -> None:
        self._asked = asked
        self._record = record
        self._beside = beside
        self._tally = Tally()
        self._own = asked.tenant is not None
        self._statement = record.statement()
        #: What happened to the one tenant, for the timeline of its page.
        self._moments: list[tuple[datetime, Markup]] = []

    def written(self, checkpoints: Checkpoints, deadlines: Iterable[EvidencedDeadline]) -> EvidencePack:
        """Write both files, with the record of them in between."""
        asked = self._asked
        with ExitStack() as stack:
            parts = {name: stack.enter_context(_part(self._beside)) for name in _PARTS}
            document = _Hashed(self._beside / DOCUMENT)
            stack.callback(document.close)
            self._write_body(document, parts, deadlines)
            digest = document.digest
            shown = _Hashed(self._beside / PAGE)
            stack.callback(shown.close)
            for piece in page(
                asked, self._tally, self._statement, {name: _again(one) for name, one in parts.items()}, digest
            ):
                shown.write(piece)
            self._record_it(checkpoints.trail, digest, shown.digest)
            checkpoint, entries = self._write_audit(document, checkpoints)
        return EvidencePack(
            self._beside,
            asked.incident.id,
            asked.tenant,
            self._tally.notices,
            entries,
            digest,
            shown.digest,
            checkpoint,
        )

    def _record_it(self, trail: Trail, digest: str, page_digest: str) -> None:
        asked = self._asked
        facts = {"incident": asked.incident.id, "digest": digest, "page": page_digest, "notices": self._tally.notices}
        trail.append(AuditRecord("incident.exported", asked.now, asked.tenant, asked.by, (), facts))

    # --- what it says -------------------------------------------------------------------------------------------------

    def _write_body(
        self, document: _Hashed, parts: Mapping[str, IO[str]], deadlines: Iterable[EvidencedDeadline]
    ) -> None:
        asked, tenant = self._asked, self._asked.tenant
        statement = self._statement
        head: dict[str, Any] = {
            "format": EVIDENCE_FORMAT,
            "incident": incident_told(asked.incident, tenant),
            "statement": None if statement is None else plain(statement),
            "tenant": tenant,
            "v": EVIDENCE_VERSION,
            "written_at": plain(asked.now),
        }
        document.write("{" + ",\n".join(f"{dumped(name)}:{dumped(value)}" for name, value in head.items()))
        _array(document, "timeline", self._events(parts))
        _array(document, "impacts", self._impacts(parts))
        _array(document, "impact_tenants", self._tenants(parts))
        _array(document, "unaffected", self._unaffected(parts))
        _array(document, "deadlines", self._deadlines(parts, deadlines))
        _array(document, "deadline_records", self._record.deadline_records())
        _array(document, "rounds", self._rounds(parts))
        _array(document, "notices", self._cases(parts))

    def _events(self, parts: Mapping[str, IO[str]]) -> Iterator[object]:
        for event in self._record.events():
            if self._own:
                self._moments.append(moment_of(event))
            elif event.tenant is None:
                parts["events"].write(sections.event_item(event))
                self._tally.events += 1
            else:
                parts["events of tenants"].write(sections.event_item(event))
                self._tally.events_of_tenants += 1
            yield event_told(event, self._asked.tenant)

    def _impacts(self, parts: Mapping[str, IO[str]]) -> Iterator[object]:
        for impact in self._record.impacts():
            self._tally.impact = impact
            if not self._own:
                parts["impacts"].write(sections.impact_row(impact))
                yield impact_told(impact)

    def _tenants(self, parts: Mapping[str, IO[str]]) -> Iterator[object]:
        latest = self._tally.impact
        for impact in self._record.impacts():
            is_latest = latest is not None and impact.revision == latest.revision
            is_outdated = not impact.is_present(self._asked.incident)
            found: Iterable[TenantImpact] = self._record.tenants(impact)
            if impact.tenants <= FEW:
                found = sorted(found, key=lambda one: one.tenant)
            for one in found:
                if is_latest:
                    parts["tenants"].write(sections.tenant_row(one))
                    self._tally.listed += 1
                    is_safe = one.outcome is Outcome.NOT_AFFECTED
                    self._tally.is_outdated = self._own and is_safe and is_outdated
                    self._tally.own = one if self._own and not self._tally.is_outdated else None
                yield tenant_impact_told(impact, one, self._asked.tenant, is_outdated=is_outdated)

    def _unaffected(self, parts: Mapping[str, IO[str]]) -> Iterator[object]:
        latest = self._tally.impact
        for impact in self._record.impacts():
            for some in self._record.unaffected(impact):
                if latest is not None and impact.revision == latest.revision:
                    parts["unaffected"].writelines(map(sections.name_item, some))
                    self._tally.unaffected += len(some)
                yield unaffected_told(impact, some)

    def _deadlines(self, parts: Mapping[str, IO[str]], deadlines: Iterable[EvidencedDeadline]) -> Iterator[object]:
        alike: dict[object, tuple[EvidencedDeadline, int]] = {}
        for one in deadlines:
            if self._own and one.deadline.tenant != self._asked.tenant:
                continue
            self._tally.add_deadline(one)
            # On the page those of many tenants that were due and kept alike stand in one line.
            line = _line_of(one)
            alike[line] = one, alike.get(line, (one, 0))[1] + 1
            yield deadline_told(one, self._asked.tenant)
        for one, tenants in sorted(alike.values(), key=lambda item: item[0].deadline.due_at):
            parts["deadlines"].write(sections.deadline_row(one, tenants, own=self._own))

    def _rounds(self, parts: Mapping[str, IO[str]]) -> Iterator[object]:
        for one in self._record.rounds():
            self._tally.add_round(one)
            parts["rounds"].write(round_row(one, own=self._own))
            yield round_told(one, self._asked.tenant)

    def _cases(self, parts: Mapping[str, IO[str]]) -> Iterator[object]:
        calls = self._record.calls()
        self._tally.calls = len(calls)
        is_few = self._own or sum(one.notices for one in self._record.rounds()) <= FEW
        for one in self._record.rounds():
            cases: Iterable[Case] = self._record.cases(one, calls)
            if is_few:
                cases = sorted(cases, key=lambda case: case.notice.tenant)
            for case in cases:
                self._tally.add_case(case)
                parts["notices"].write(notice_row(case))
                parts["texts"].write(notice_text(case, with_source=is_few, own=self._own))
                if self._own:
                    self._moments += moments_of(case)
                yield case_told(case, self._asked.tenant)
        for _, item in sorted(self._moments, key=itemgetter(0)):
            parts["events"].write(item)
            self._tally.events += 1

    # --- why it can be believed ---------------------------------------------------------------------------------------

    def _write_audit(self, document: _Hashed, checkpoints: Checkpoints) -> tuple[SignedCheckpoint, int]:
        """Write every entry that concerns the incident with its proof, and the checkpoint that the proofs lead to."""
        made = checkpoints.make()
        size, nodes = made.checkpoint.size, checkpoints.trail.nodes()
        document.write(f'{AUDIT}{{"checkpoint":{dumped(made.note)},\n"entries":[')
        parting, count = "\n", 0
        for entry in self._entries(checkpoints.trail, size):
            proof = inclusion_proof(entry.place, size, nodes)
            line = {"entry": _base64(entry.content), "place": entry.place, "proof": [_base64(one) for one in proof]}
            document.write(parting + dumped(line))
            parting, count = ",\n", count + 1
        document.write(f'\n],\n"impacts":{dumped([*self._roots(size, nodes)])},\n')
        document.write(f'"successions":{dumped([*checkpoints.successions])}}}}}\n')
        return made, count

    def _roots(self, size: int, nodes: Callable[[int, int], bytes]) -> Iterator[object]:
        """Yield the proof that what each computation rests on is the beginning of the trail as it stands now."""
        for impact in self._record.impacts():
            proof = consistency_proof(impact.trail_size, size, nodes) if impact.trail_size <= size else ()
            yield {"revision": impact.revision, "proof": [_base64(one) for one in proof]}

    def _entries(self, trail: Trail, size: int) -> Iterator[AuditEntry]:
        """Yield the entries that concern the incident, of those below a size; for a tenant its own."""
        incident = self._asked.incident.id
        named = f'"incident":"{incident}"'.encode()
        for stored in trail.contents():
            if stored.position > size:
                return
            if named in stored.content:
                entry = _entry(trail, stored)
                is_its = not self._own or entry.record.tenant == self._asked.tenant
                if is_its and entry.record.facts.get("incident") == incident:
                    yield entry


def _line_of(one: EvidencedDeadline) -> tuple[object, ...]:
    """Return what the page says of a deadline, without whose it is and when the tenant heard."""
    due = one.deadline
    when = (due.phase, due.number, due.due_at, due.held_until)
    return (due.tenant is None, *when, due.kind, due.citation, due.state, one.reason)


def _entry(trail: Trail, stored: Entry) -> AuditEntry:
    """Return an entry that was read; one that is none is read once more, for the error to name it."""
    with suppress(RecordInvalid):
        entry = AuditEntry.of_content(stored.content)
        if entry.place == stored.position - 1:
            return entry
    return trail.entry(stored.position - 1)


def _array(document: _Hashed, name: str, items: Iterable[object]) -> None:
    """Write a member whose items are written as they are read, a line each."""
    document.write(f',\n"{name}":[')
    parting = "\n"
    for item in items:
        document.write(parting + dumped(item))
        parting = ",\n"
    document.write("\n]")


def _part(beside: Path) -> IO[str]:
    """Return a file for a part of the page, which is gone when it is closed."""
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace", newline="", dir=beside)


def _again(part: IO[str]) -> Callable[[], Iterator[str]]:
    """Return what gives the pieces of a part from its beginning."""

    def pieces() -> Iterator[str]:
        part.seek(0)
        while piece := part.read(_PIECE):
            yield piece

    return pieces


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")
