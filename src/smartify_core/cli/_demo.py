"""``smartify demo``: the main job, for real.

A sample directory is served on loopback the way Google serves one, and synced through the Google adapter.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from attrs import evolve

from smartify_core.lifecycle import Reconciler
from smartify_core.policy import ACCOUNT_FIELDS, Policy, Purpose
from smartify_core.testing import Sample, make_sample
from smartify_core.testing.google import GoogleServer, Workspace

from . import _documents as documents
from . import _text as text
from ._build import Sources, sealer_of, store_of
from ._config import load
from ._demo_day import EXPECTED, differences, live_through
from ._demo_files import TENANT, DemoFiles
from ._output import Output
from ._progress import progress_of

_PEOPLE: Final = 60
_SEED: Final = 2030
#: The employee who looks, the one who approves, and what for.
_WHO: Final = "e-17"
_OTHER: Final = "e-2"
_WHAT_FOR: Final = Purpose.SERVICE_PROVISION


def play(output: Output, folder: Path, *, people: int | None = None) -> documents.Document:
    """Play the demo in ``folder`` and return what happened; ``wrong`` names whatever is not as the directory says.

    Args:
        output: Where the story is told.
        folder: Where the demo's files go.
        people: How many people the sample has.

    Raises:
        FileExists: Files that are not the demo's own are in the way. Nothing was touched.
        SmartifyError: The directory could not be synced.
    """
    number = people or _PEOPLE
    sample = make_sample(_SEED, people=number, groups=max(12, number // 5))
    files = DemoFiles(folder)
    files.clear()
    workspace = Workspace.from_sample(sample)
    with GoogleServer(workspace) as server:
        output.heading("A directory")
        output.line(
            f"  {len(sample.people):,} made-up people and {len(sample.groups):,} groups, served at {server.url}"
        )
        output.line("  the way Google serves a customer's: tokens, pages, field masks, nested groups.")
        files.write(server, sample.admin_email)
        document = _two_syncs(output, files, sample, workspace)
    document["files"] = [path.name for path in files.all if path.exists()]
    document["next"] = [
        f"smartify accounts --tenant {TENANT} --as {_WHO} --purpose {_WHAT_FOR.value} --reason 'a first look'",
        f"smartify accounts --tenant {TENANT} --as {_WHO} --purpose Advertising --reason 'a second look'",
        "smartify grant list",
        "mkdir mine && cd mine",
        "smartify init",
    ]
    output.heading("What is left")
    output.line(f"  {', '.join(document['files'])}")
    output.line("  The store holds no readable name or address; the keys are in their own file.")
    output.heading("Type next")
    for command in document["next"]:
        output.line(f"  {command}")
    return document


def _two_syncs(output: Output, files: DemoFiles, sample: Sample, workspace: Workspace) -> documents.Document:
    config = load(files.config)
    sealer = sealer_of(config)
    wrong: list[str] = []
    with store_of(config, create=True) as storage:
        reconciler = Reconciler(Sources(config, config.tenants), storage, sealer)
        policy = Policy(storage, sealer)

        output.heading("The first sync")
        with progress_of(TENANT) as progress:
            first = reconciler.run(TENANT, progress=progress)
        output.line(f"  {text.of_run(first)}")
        _grant(output, policy)
        wrong += _compare(output, workspace, policy)

        output.heading("A day passes in the directory")
        day = live_through(workspace, sample)
        for happening in day:
            output.line(f"  {happening.person} {happening.what}")

        output.heading("The plan, before anything is written")
        with progress_of(TENANT) as progress:
            plan = reconciler.plan(TENANT, progress=progress)
        person = {happening.source_id: happening.person for happening in day}
        for change in plan.changes:
            line = text.of_change(change, snapshot_id=plan.snapshot_id)
            output.line(f"  {line}: {person.get(change.source_id, 'nobody of the day')}")
        touched = EXPECTED.changes - EXPECTED.provisioned
        if plan.counts != evolve(EXPECTED, unchanged=first.counts.provisioned - touched):
            wrong.append(f"the plan ({plan.summary()}) is not what the day calls for")

        output.heading("Exactly that, applied")
        with progress_of(TENANT) as progress:
            second = reconciler.apply(plan, progress=progress)
        output.line(f"  {text.of_run(second)}")
        wrong += _compare(output, workspace, policy)
    return {
        "first": documents.of_run(first),
        "day": [{"what": one.what, "source_id": one.source_id} for one in day],
        "plan": documents.of_plan(plan),
        "second": documents.of_run(second),
        "agrees": not wrong,
        "wrong": wrong,
    }


def _grant(output: Output, policy: Policy) -> None:
    """Let one employee see names: on record, bound by confidentiality, and with a grant that another has approved."""
    output.heading("Who may see a name")
    for name, paper in ((_WHO, b"a signed paper"), (_OTHER, b"another signed paper")):
        policy.staff.add(name, by="demo", may_approve=name == _OTHER)
        policy.staff.bind(name, agreement=f"nda-{name}", evidence=sha256(paper).hexdigest(), by="demo")
    grant = policy.grants.request(
        _WHO, tenant=TENANT, purpose=_WHAT_FOR, fields=ACCOUNT_FIELDS, reason="to try it out", lasts=timedelta(days=1)
    )
    policy.grants.approve(grant.id, by=_OTHER)
    output.line(f"  {_WHO} and {_OTHER} are employed, and bound by confidentiality agreements.")
    output.line(f"  {_WHO} asked to see names for a day to provide the service; {_OTHER} approved it. Nobody else may.")


def _compare(output: Output, workspace: Workspace, policy: Policy) -> tuple[str, ...]:
    truth = workspace.truth()
    with policy.gate.view(
        _WHO, tenant=TENANT, purpose=_WHAT_FOR, fields=ACCOUNT_FIELDS, reason="to compare with the directory"
    ) as view:
        wrong = differences(truth, view)
    if not wrong:
        number = len(truth["people"])
        output.line(f"  Checked against the directory itself: {number:,} of {number:,} agree in every field.")
    return wrong
