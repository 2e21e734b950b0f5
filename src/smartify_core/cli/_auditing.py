"""The audit trail: verifying it, making checkpoints, and handing customers their part."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

from smartify_core.errors import UnknownRecord, UsageError
from smartify_core.policy.audit import (
    Anchor,
    AuditEntry,
    Checkpoints,
    FileWitness,
    HttpWitness,
    SignedCheckpoint,
    Verification,
    Witness,
    export,
    verify,
)

from . import _exit_codes as exit_codes
from ._documents import Document
from ._numbers import numbered
from ._output import Output
from ._policy_of import Opened, opened
from ._whole_files import writing

#: How many accounts an entry is shown to be about; `--json` has them all.
_SUBJECTS_SHOWN: Final = 3
#: What a customer is told to keep an export's checkpoint as.
_NEXT_TIME: Final = "kept.note"
#: Lines without an empty one between them, an empty line, and the lines of signatures.
_note_like = re.compile("(?:[^\\n]+\\n)+\\n(?:\N{EM DASH} [^\\n]+\\n)+").fullmatch


def checkpoints_of(at: Opened) -> Checkpoints:
    """Return the checkpoints of the configured trail, with the witnesses that are configured."""
    settings = at.config.policy
    plain = Checkpoints(at.policy.trail, at.sealer, origin=settings.origin)
    witnesses: list[Witness] = [HttpWitness(url, cosigner) for url, cosigner in settings.witnesses]
    if settings.witness_folder is not None:
        _ = plain.signing_verifier()  # makes the key, so that a witness of the first checkpoint knows it
        witnesses.append(FileWitness(settings.witness_folder, *plain.verifiers))
    return Checkpoints(at.policy.trail, at.sealer, origin=settings.origin, witnesses=witnesses)


def checkpoint(output: Output, file: Path, *, to: Path | None) -> int:
    """Make a checkpoint, show it to the witnesses, and keep its note in a file where one is named."""
    with opened(file) as at:
        made = checkpoints_of(at).make()
    if to is not None:
        with writing(to) as target:
            target.write(made.note)
    output.document({"checkpoint": _of_checkpoint(made)})
    output.line(f"{numbered(made.checkpoint.size, 'entry')} under root {made.checkpoint.root.hex()}")
    for one in made.vouched:
        output.line(f"  {one.by} vouches for the first {one.size:,}")
    for failure in made.failures:
        output.note(f"smartify: {failure}")
    return exit_codes.FAILED if made.failures else exit_codes.DONE


def verified(output: Output, file: Path, *, anchors: Sequence[Path]) -> int:
    """Work the whole trail out anew, compare it with what was kept outside, and say how far it is protected."""
    with opened(file, guarded=False) as at:
        checkpoints, settings = checkpoints_of(at), at.config.policy
        verifiers = checkpoints.verifiers
        kept = [Anchor(str(path), _note_of(path)) for path in anchors]
        if settings.witness_folder is not None:
            notes = FileWitness(settings.witness_folder, *verifiers).notes()
            kept += [Anchor("the witness folder", note) for note in notes[-1:]]
        cosigners = [cosigner for _, cosigner in settings.witnesses]
        found = verify(at.policy.trail, verifiers=verifiers, anchors=kept, cosigners=cosigners)
    output.document({"verification": _of_verification(found)})
    for sentence in found.statement:
        output.line(sentence)
    for finding in found.findings:
        output.note(f"smartify: {finding}")
    return exit_codes.DONE if found.is_sound else exit_codes.FAILED


def exported(output: Output, file: Path, tenant: str, *, to: Path, kept: Path | None) -> int:
    """Write a tenant's own entries with their proofs, for the customer to check offline."""
    note = None if kept is None else _note_of(kept)
    with opened(file) as at:
        _require_known(at, tenant)
        checkpoints = checkpoints_of(at)
        with writing(to) as target:
            done = export(checkpoints, tenant, target, kept=note)
        vkey = checkpoints.signing_verifier().vkey
    output.document(
        {
            "tenant": tenant,
            "file": str(to),
            "entries": done.count,
            "key": vkey,
            "checkpoint": _of_checkpoint(done.checkpoint),
        }
    )
    output.line(f"wrote {to}: {numbered(done.count, 'entry')} of {tenant}, proven by the checkpoint in it")
    output.line("The customer checks it with Python alone, by the key that you gave them once:")
    output.line("  smartify audit verifier > verify.py")
    since = "" if kept is None else f" --kept {shlex.quote(str(kept))}"
    output.line(f"  python verify.py {shlex.quote(str(to))} --key '{vkey}'{since} --keep {_NEXT_TIME}")
    output.line(
        f"Have them keep {_NEXT_TIME}: handed back to you, as --kept of the next export, it shows that nothing was"
    )
    output.line("rewritten in between.")
    return exit_codes.DONE


def key(output: Output, file: Path, *, rotate: bool) -> int:
    """Print the public key of the trail, which customers and witnesses are given; change it first where asked to."""
    with opened(file) as at:
        checkpoints = checkpoints_of(at)
        if rotate:
            checkpoints.rotate()
        vkey = checkpoints.signing_verifier().vkey
    output.document({"key": vkey})
    output.line(vkey)
    return exit_codes.DONE


def verifier(output: Output, _: Path) -> int:
    """Print the program that checks an export, a single file that needs Python and nothing else."""
    program = files("smartify_core.policy.audit").joinpath("verifier.py").read_text(encoding="utf-8")
    output.document({"program": program})
    for line in program.splitlines():
        output.line(line)
    return exit_codes.DONE


def listing(output: Output, file: Path, *, tenant: str | None, since: datetime | None, kind: str | None) -> int:
    """Print entries of the trail: ids and codes only."""
    with opened(file, guarded=False) as at:
        trail = at.policy.trail
        entries: Iterator[AuditEntry] = trail.entries() if tenant is None else reversed([*trail.of_tenant(tenant)])
        wanted = (
            entry
            for entry in entries
            if (since is None or entry.record.at >= since) and (kind is None or entry.record.kind == kind)
        )
        if output.as_json:
            with output.listing({"tenant": tenant}, "entries") as printed:
                for entry in wanted:
                    printed.add(_of_entry(entry))
            return exit_codes.DONE
        for entry in wanted:
            output.line(_line(entry))
    return exit_codes.DONE


def reason(output: Output, file: Path, place: int, *, by: str) -> int:
    """Print why something was opened."""
    with opened(file) as at:
        why = at.policy.gate.reason(by, place)
    output.document({"place": place, "reason": why})
    output.line("The key is gone with whom it was about." if why is None else why)
    return exit_codes.DONE


def reset_clock(output: Output, file: Path, *, by: str) -> int:
    """Bring the trail's time back to this host's clock."""
    with opened(file) as at:
        was = at.policy.trail.reset_clock(by=by)
    output.document({"was": was.isoformat()})
    output.line(f"The trail had come to {was:%Y-%m-%d %H:%M}Z; it goes on from now.")
    return exit_codes.DONE


def _require_known(at: Opened, tenant: str) -> None:
    """Raise unless the configuration, the store or the trail knows of the tenant: a slip is told."""
    if tenant in at.config.tenants or at.storage.tenant(tenant).fence:
        return
    if next(iter(at.policy.trail.of_tenant(tenant)), None) is None:
        raise UnknownRecord(
            "there is no such tenant, and the trail has never heard of one",
            where="--tenant",
            cure="Check the spelling.",
        )


def _of_checkpoint(made: SignedCheckpoint) -> Document:
    return {
        "origin": made.checkpoint.origin,
        "size": made.checkpoint.size,
        "root": made.checkpoint.root.hex(),
        "at": made.at.isoformat(),
        "note": made.note,
        "vouched": [
            {"by": one.by, "size": one.size, "at": None if one.at is None else one.at.isoformat()}
            for one in made.vouched
        ],
        "failures": [str(one) for one in made.failures],
    }


def _of_verification(found: Verification) -> Document:
    return {
        "sound": found.is_sound,
        "entries": found.size,
        "root": found.root.hex(),
        "at": None if found.at is None else found.at.isoformat(),
        "checkpoint": found.checkpoint,
        "anchored": found.anchored,
        "unanchored": found.unanchored,
        "statement": list(found.statement),
        "findings": [{"place": one.place, "what": one.what} for one in found.findings],
    }


def _of_entry(entry: AuditEntry) -> Document:
    record = entry.record
    return {
        "place": entry.place,
        "at": record.at.isoformat(),
        "kind": record.kind,
        "tenant": record.tenant,
        "actor": record.actor,
        "subjects": list(record.subjects),
        "facts": {name: list(value) if isinstance(value, tuple) else value for name, value in record.facts.items()},
    }


def _line(entry: AuditEntry) -> str:
    record = entry.record
    facts = "  ".join(
        f"{name}={','.join(value) if isinstance(value, tuple) else value}"
        for name, value in record.facts.items()
        if name != "reason" and value not in {None, ()}
    )
    about = f"  about {_listed(record.subjects)}" if record.subjects else ""
    tenant = record.tenant or "-"
    return (
        f"{entry.place}  {record.at:%Y-%m-%dT%H:%M:%SZ}  {record.kind}  {tenant}  {record.actor or '-'}{about}  {facts}"
    )


def _listed(subjects: Sequence[str]) -> str:
    more = len(subjects) - _SUBJECTS_SHOWN
    return ",".join(subjects[:_SUBJECTS_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _note_of(path: Path) -> str:
    """Return the one signed note that a file holds."""
    note = _text_of(path)
    if not _note_like(note):
        raise UsageError(
            "the file does not hold one signed note",
            where=str(path),
            cure="Name a note as `smartify audit checkpoint --to` writes it. The folder of a witness, who keeps many,"
            " is named as witness_folder in [policy].",
        )
    return note


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the checkpoint cannot be read ({type(error).__name__})",
            where=str(path),
            cure="Name a note that was kept.",
        ) from None
