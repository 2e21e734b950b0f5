"""Ctrl-C and SIGTERM, sent to a real process that is waiting for a slow server, or is in the middle of writing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smartify_core.cli import _commands, main
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing.google import Fault

COMMAND = (sys.executable, "-m", "smartify_core.cli")


def interrupted(
    shop: Any, number: signal.Signals, operation: str, *, times: int = 1
) -> subprocess.CompletedProcess[str]:
    """Sync, and send the signal while the server keeps one call of ``operation`` waiting."""
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        go_on.wait(60)

    shop.server.faults.add(match=operation, fault=Fault.before(hold))
    process = subprocess.Popen(
        [*COMMAND, "sync", "--json"], cwd=shop.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert reached.wait(60)
        for _ in range(times):
            process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        go_on.set()
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("operation", ["token", "users.list", "members.list"])
def test_stopped_while_reading(
    shop: Any, smartify: Callable[..., Any], number: signal.Signals, code: int, operation: str
) -> None:
    """A signal during the read ends the run with one sentence; nothing was written, and the lease is given back."""
    result = interrupted(shop, number, operation)
    assert result.returncode == code
    assert result.stderr == "smartify: SC700 stopped on request. What was committed stays; run it again to go on.\n"
    assert json.loads(result.stdout)["error"]["what"] == "stopped on request"
    with SQLiteStorage(shop.folder / "smartify.db") as storage:
        assert storage.tenant("acme").revision == 0
        claim = storage.claim("acme", now=datetime.now(UTC), ttl=timedelta(seconds=1))
        storage.release(claim)
    (run,) = smartify("sync", "--json").document["runs"]
    assert (run["verdict"], run["provisioned"]) == ("complete", 24)


def test_signal_sent_twice_still_gives_the_lease_back(shop: Any, smartify: Callable[..., Any]) -> None:
    """Terminals and wrappers may send a signal twice; the second does not disturb what the first began."""
    result = interrupted(shop, signal.SIGINT, "users.list", times=2)
    assert result.returncode == 130
    assert smartify("sync").code == 0


LATE = """
import atexit, os, signal
from smartify_core.cli import __main__ as entry

entry.main = lambda: 130
atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))
entry.program()
"""


def test_second_signal_that_comes_late_keeps_the_exit_code() -> None:
    """A signal that arrives when everything is said, and the process is closing down, does not kill it."""
    assert subprocess.run([sys.executable, "-c", LATE], check=False, timeout=60).returncode == 130


def test_a_host_that_calls_the_command_keeps_its_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop that was obeyed inside a host's process leaves the host's own handlers as they were."""
    monkeypatch.setattr(_commands, "_run", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main(["status"]) == 143
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


STUCK = """
import os, signal, sys
from smartify_core.cli import _commands, main

def run(*_):
    os.kill(os.getpid(), signal.SIGTERM)

def fail(self, error):
    os.kill(os.getpid(), signal.SIGTERM)  # the second, which changes nothing
    print("still here", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)  # the third
    print("too late", flush=True)

_commands._run, _commands.Output.fail = run, fail
sys.exit(main(["status"]))
"""


def test_third_signal_ends_a_process_that_cannot_say_what_it_has_to() -> None:
    """Whoever reads the command's output may have stopped reading: the third signal ends it even then."""
    done = subprocess.run([sys.executable, "-c", STUCK], check=False, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "still here\n")


WRITING = """
import os, signal, sys
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.lifecycle import _reconciler
from smartify_core.cli import main

commit, batches = SQLiteStorage.commit, []

def commit_and_signal(self, claim, batch):
    receipt = commit(self, claim, batch)
    batches.append(len(batch.writes))
    if len(batches) == 2:
        os.kill(os.getpid(), signal.SIGTERM)
    return receipt

SQLiteStorage.commit = commit_and_signal
_reconciler.Reconciler.__init__.__kwdefaults__["batch_size"] = 5
sys.exit(main(["sync", "--json"]))
"""


def test_stopped_while_writing(shop: Any, smartify: Callable[..., Any], accounts: Callable[..., Any]) -> None:
    """A signal between batches leaves whole batches, each as the directory has it, and the next sync does the rest."""
    done = subprocess.run(
        [sys.executable, "-c", WRITING], cwd=shop.folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 143
    truth = {person["id"]: person for person in shop.workspace.truth()["people"]}
    found = accounts("acme", "--json").document["accounts"]
    assert len(found) == 10
    for account in found:
        person = truth[account["source_id"]]
        assert all(account[key] == person[key] for key in ("email", "given_name", "family_name", "state", "groups"))
    (run,) = smartify("sync", "--json").document["runs"]
    assert (run["verdict"], run["provisioned"], run["unchanged"]) == ("complete", 14, 10)
