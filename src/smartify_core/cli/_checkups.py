"""What `smartify doctor` looks at, and what it says of it: one part of the clause after the other."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import frozen

from smartify_core.lifecycle import utc_now
from smartify_core.lifecycle.schedule import status as each_status
from smartify_core.policy import Concern, PrincipalKind
from smartify_core.policy.audit import verify

from ._auditing import checkpoints_of
from ._build import file_of_sqlite
from ._config import GoogleTenant
from ._config_logs import load_logs
from ._policy_of import Opened

#: After how long without being in step a tenant is out of step.
_IN_STEP: Final = timedelta(hours=24)
#: After how long without a checkpoint one is due.
_CHECKPOINT_DUE: Final = timedelta(days=1)


@frozen(order=False)
class Checkup:
    """One thing that was looked at.

    Args:
        sentence: The sentence of the clause that it is about.
        enforced: Whether it is as it should be.
        what: What was found, in words with ids and counts only.
        cure: What to do about it, where it is not as it should be.
    """

    sentence: str
    enforced: bool
    what: str
    cure: str = ""


def every_checkup(at: Opened, file: Path) -> Iterator[Checkup]:
    """Yield everything that can be told of a configuration and its store, in order of the sentences.

    Raises:
        StorageError: The store cannot be read.
    """
    yield from _of_collecting(at)
    yield from _of_being_in_step(at)
    yield from _of_logs(file)
    yield Checkup("C8", enforced=True, what="Every opening names one of seven purposes; another one is denied.")
    yield from _of_protection(at)
    yield from _of_people(at)
    yield from _of_grants(at)
    yield Checkup("C15", enforced=True, what="Selling data or insights is a purpose that nobody can be granted.")
    yield Checkup("C16", enforced=True, what="Advertising is a purpose that nobody can be granted.")
    yield Checkup(
        "C17", enforced=True, what="Of provisions that conflict those on confidentiality prevail, and it is recorded."
    )


def _of_collecting(at: Opened) -> Iterator[Checkup]:
    google = [name for name, tenant in at.config.tenants.items() if isinstance(tenant, GoogleTenant)]
    others = len(at.config.tenants) - len(google)
    yield Checkup(
        "C1",
        enforced=True,
        what=f"{len(google)} tenants are read from Google with a mask for four fields, {others} from other sources.",
    )
    yield Checkup("C4", enforced=True, what="No value that is stored has a place for a password or a document.")


def _of_being_in_step(at: Opened) -> Iterator[Checkup]:
    found = list(each_status(at.storage, utc_now, tenants=tuple(at.config.tenants)))
    late = [one.tenant for one in found if one.not_converged_for is None or one.not_converged_for > _IN_STEP]
    if late:
        yield Checkup(
            "C2",
            enforced=False,
            what=f"{_counted(late)} not in step with the directory within {_IN_STEP.days * 24} hours.",
            cure="Look with `smartify status`, and keep `smartify run` going.",
        )
    else:
        yield Checkup("C2", enforced=True, what=f"All {len(found)} tenants were in step within 24 hours.")
    kept = [name for name, rules in at.config.rules.items() if rules.retain_for > timedelta(0)]
    waiting = [one.tenant for one in found if one.held_plan is not None]
    if waiting:
        yield Checkup(
            "C3",
            enforced=False,
            what=f"Plans are held for a decision: {_counted(waiting)}.",
            cure="Decide with `smartify approve` or `smartify reject`.",
        )
    yield Checkup(
        "C3",
        enforced=True,
        what="Whoever leaves loses access at the next run"
        + (f"; accounts of {_counted(kept)} are kept for a while after that." if kept else " and is erased by it."),
    )


def _of_logs(file: Path) -> Iterator[Checkup]:
    settings = load_logs(file, needed=True)
    if not settings.directory.is_dir():
        yield Checkup("C5", enforced=True, what="No request log is kept where the configuration says.")
        return
    yield Checkup("C5", enforced=True, what="The request log has a place for what a header says, and for nothing else.")
    yield Checkup(
        "C6", enforced=True, what=f"Reports name nothing of a sender that fewer than {settings.k} networks share."
    )
    yield Checkup(
        "C7",
        enforced=True,
        what="The type of its events has no field for a body, a query value, a cookie or a user.",
    )


def _of_protection(at: Opened) -> Iterator[Checkup]:
    yield from _of_files(at)
    checkpoints = checkpoints_of(at)
    latest = checkpoints.latest()
    found = verify(at.policy.trail, verifiers=checkpoints.verifiers)
    if not found.is_sound:
        yield Checkup(
            "C10",
            enforced=False,
            what=f"The audit trail is broken: {found.findings[0]}.",
            cure="See `smartify audit verify`, and treat it as an incident.",
        )
        return
    yield Checkup("C10", enforced=True, what=f"All {found.size} entries of the audit trail agree with each other.")
    settings = at.config.policy
    if settings.witness_folder is None and not settings.witnesses:
        yield Checkup(
            "C10",
            enforced=False,
            what="No witness outside of the store sees the trail's checkpoints.",
            cure="Name witness_folder or a witness in [policy], or keep the notes of `smartify audit checkpoint --to`.",
        )
    if found.size and (latest is None or utc_now() - latest.at > _CHECKPOINT_DUE):
        yield Checkup(
            "C10",
            enforced=False,
            what="The latest checkpoint of the trail is older than a day."
            if latest
            else "The trail has no checkpoint.",
            cure="Have `smartify audit checkpoint` run every day.",
        )


def _of_files(at: Opened) -> Iterator[Checkup]:
    store = file_of_sqlite(at.config.storage_url)
    if store is not None and store.exists():
        mode = stat.S_IMODE(store.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield Checkup(
                "C10",
                enforced=False,
                what=f"Others than its owner may use the store (mode {mode:04o}).",
                cure="Run: chmod 600 on the file of the store, and on those beside it.",
            )
        if store.parent == at.config.key_file.parent:
            yield Checkup(
                "C10",
                enforced=False,
                what="The keys lie in the same folder as the store: whoever copies one copies the other.",
                cure="Move the key file elsewhere, and name it in [keys].",
            )
    yield Checkup("C10", enforced=True, what="Every account is sealed under a key of its own (AES-256-GCM).")


def _of_people(at: Opened) -> Iterator[Checkup]:
    now = at.policy.trail.now()
    staff = [one for one in at.policy.staff.all() if one.employee.is_employed(now)]
    unbound = [
        one.employee.id
        for one in staff
        if one.employee.kind is PrincipalKind.EMPLOYEE and not any(paper.binds(now) for paper in one.agreements)
    ]
    if unbound:
        yield Checkup(
            "C14",
            enforced=False,
            what=f"No confidentiality agreement binds {_counted(unbound)}; nothing opens to them.",
            cure="Have them sign one, and record it: smartify employee bind.",
        )
    soon = _ending_soon(at, now)
    if soon:
        yield Checkup(
            "C14",
            enforced=False,
            what=f"The agreements of {_counted(soon)} end within 30 days.",
            cure="Have new ones signed, and record them.",
        )
    bound = len(staff) - len(unbound)
    yield Checkup("C14", enforced=True, what=f"{bound} of {len(staff)} on record may be let in. Nobody else can be.")


def _ending_soon(at: Opened, now: datetime) -> list[str]:
    soon = now + timedelta(days=30)
    return [
        one.employee.id
        for one in at.policy.staff.all()
        if one.employee.is_employed(now)
        and any(paper.binds(now) for paper in one.agreements)
        and not any(paper.binds(soon) for paper in one.agreements)
    ]


def _of_grants(at: Opened) -> Iterator[Checkup]:
    findings = list(at.policy.hygiene())
    for concern in Concern:
        if about := [one.grant for one in findings if one.concern is concern]:
            yield Checkup(
                "C13",
                enforced=False,
                what=f"Grants are {concern.value}: {_counted(about)}.",
                cure="See `smartify grant report`.",
            )
    now = at.policy.trail.now()
    live = sum(
        1
        for grant in at.policy.grants.all()
        if grant.revoked_at is None and grant.not_before <= now < grant.expires_at and grant.approved_by is not None
    )
    yield Checkup("C13", enforced=True, what=f"Names open through the gate only; {live} grants are live.")


def _counted(names: Iterable[str]) -> str:
    listed = sorted(set(names))
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")  # noqa: PLR2004
