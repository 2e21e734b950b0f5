"""``smartify run`` and ``smartify refresh``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from smartify_core.model import PutDocument
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing.google import Fault

COMMAND = (sys.executable, "-m", "smartify_core.cli")


def test_once_runs_what_is_due_and_stops(files: Any, smartify: Callable[..., Any]) -> None:
    """The first time everybody is due, and right after it nobody."""
    result = smartify("run", "--once", "--json", "--workers", "2")
    assert result.code == 0
    assert sorted((run["tenant"], run["provisioned"]) for run in result.document["runs"]) == [
        ("acme", 20),
        ("initech", 3),
    ]
    assert smartify("run", "--once", "--json").document == {"runs": []}
    assert all(one["next_due"] for one in smartify("status", "--json").document["tenants"])


def test_once_reports_failures_by_its_exit_code(files: Any, smartify: Callable[..., Any]) -> None:
    """A tenant that fails does not stop the other, and the exit code is that of a sync."""
    (files.folder / "acme.jsonl").write_text("no json\n")
    result = smartify("run", "--once", "--json")
    verdicts = {run["tenant"]: run["verdict"] for run in result.document["runs"]}
    assert (result.code, verdicts) == (1, {"acme": "failed", "initech": "complete"})
    assert "SC203" in result.err


def test_store_in_memory_is_refused(files: Any, smartify: Callable[..., Any]) -> None:
    """A schedule that is lost with the process is no schedule."""
    config = files.folder / "smartify.toml"
    config.write_text(config.read_text().replace("sqlite:///smartify.db", "memory:"))
    result = smartify("run", "--once", "--json")
    assert (result.code, result.error["code"]) == (2, "SC101")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_lets_the_run_finish(shop: Any, number: signal.Signals) -> None:
    """A stop in the middle of a run lets it end: exit code 0, everybody provisioned, the lease given back."""
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        go_on.wait(60)

    shop.server.faults.add(match="users.list", fault=Fault.before(hold))
    process = subprocess.Popen(
        [*COMMAND, "run", "--every", "1h", "--json"],
        cwd=shop.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert reached.wait(60)
        process.send_signal(number)
        assert process.stderr is not None
        assert "stopping" in process.stderr.readline()
        go_on.set()
        out, err = process.communicate(timeout=60)
    finally:
        go_on.set()
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    (run,) = json.loads(out)["runs"]
    assert (run["verdict"], run["provisioned"]) == ("complete", 24)
    with SQLiteStorage(shop.folder / "smartify.db") as storage:
        assert storage.tenant("acme").expires_at is None


def test_second_signal_gives_the_run_up(shop: Any, smartify: Callable[..., Any]) -> None:
    """A second stop ends the run at its next page: nothing half done, the lease given back, the tenant still due."""
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        go_on.wait(60)

    shop.server.faults.add(match="users.list", fault=Fault.before(hold))
    process = subprocess.Popen(
        [*COMMAND, "run"], cwd=shop.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert reached.wait(60)
        assert process.stderr is not None
        for word in ("stopping", "giving up"):
            process.send_signal(signal.SIGTERM)
            assert word in process.stderr.readline()
        go_on.set()
        out, _ = process.communicate(timeout=60)
    finally:
        go_on.set()
        process.kill()
        process.wait()
    assert (process.returncode, out) == (0, "")
    with SQLiteStorage(shop.folder / "smartify.db") as storage:
        record = storage.tenant("acme")
    assert (record.expires_at, record.accounts) == (None, 0)
    (run,) = smartify("run", "--once", "--json").document["runs"]
    assert run["provisioned"] == 24


def test_refresh_brings_one_person_in_step(shop: Any, smartify: Callable[..., Any]) -> None:
    """One person is asked for and brought in step, and nobody else."""
    smartify("sync")
    one, other = [person for person in shop.sample.people if not person.suspended and not person.archived][1:3]
    shop.workspace.suspend(one.source_id)
    shop.workspace.suspend(other.source_id)
    result = smartify("refresh", "--tenant", "acme", "--source-id", one.source_id, "--json")
    (run,) = result.document["runs"]
    assert (result.code, run["deactivated"]) == (0, 1)
    (run,) = smartify("sync", "--json").document["runs"]
    assert run["deactivated"] == 1


def test_refresh_of_a_source_that_cannot(files: Any, smartify: Callable[..., Any]) -> None:
    """A file cannot be asked for one person, and that is said."""
    result = smartify("refresh", "--tenant", "acme", "--source-id", "1", "--json")
    assert (result.code, result.error["code"]) == (2, "SC100")


@pytest.mark.parametrize("arguments", [("--once",), ("--every", "1s", "--json")])
def test_run_ends_when_nobody_reads_its_output(files: Any, arguments: tuple[str, ...]) -> None:
    """A closed pipe stops the scheduler, with the exit code that shells report for it."""
    process = subprocess.Popen(
        [*COMMAND, "run", *arguments], cwd=files.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), err) == (141, "")
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        assert [one.expires_at for one in storage.tenants()] == [None, None]


def test_damaged_tenant_stops_nobody(files: Any, smartify: Callable[..., Any]) -> None:
    """One tenant's run state of a newer version fails its own run, and is one row of the status."""
    smartify("sync")
    with SQLiteStorage(files.folder / "smartify.db") as storage:
        before = storage.document("acme", "run", "state")
        assert before is not None
        storage.record("acme", documents=[PutDocument("run", "state", b'{"v": 2}', before.version)])
    runs = {run["tenant"]: run["verdict"] for run in smartify("run", "--once", "--json").document["runs"]}
    assert runs == {"acme": "failed", "initech": "complete"}
    result = smartify("status", "--json")
    assert [(one["tenant"], one["verdict"], one["error_code"]) for one in result.document["tenants"]] == [
        ("acme", "failed", "SC307"),
        ("initech", "complete", None),
    ]
