"""A snapshot's life: once, to the end, and away with its threads and connections."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from smartify_core.directory import Capability, DirectorySource, Snapshot
from smartify_core.directory.google import GoogleDirectory, Limits
from smartify_core.errors import SnapshotMisused, SourceUnavailable
from smartify_core.model import Stage
from smartify_core.testing.google import Fault

from .conftest import Office


def crew() -> list[str]:
    """Return the names of the threads that read directories now."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("smartify-google")]


def test_the_directory_is_a_source(populated: Office) -> None:
    """Directory and snapshot have everything that the ports name, and the declared capabilities are Google's."""
    directory = populated.directory()
    assert isinstance(directory, DirectorySource)
    with directory.snapshot() as snapshot:
        declared: Snapshot = snapshot  # a type checker says which member would be missing
        list(declared.identities())
        assert snapshot.id != directory.snapshot().id
    assert directory.capabilities == {
        Capability.IMMUTABLE_IDS,
        Capability.DELETION_EVIDENCE,
        Capability.SINGLE_READ,
    }


def test_opening_sends_nothing(populated: Office) -> None:
    """Neither making a directory nor opening a snapshot talks to Google; asking for identities does not either."""
    with populated.directory().snapshot() as snapshot:
        snapshot.identities()
        assert snapshot.requests == 0
    assert len(populated.server.requests) == 0


def test_a_snapshot_is_read_once(populated: Office) -> None:
    """A second reading is refused, after the end and before."""
    with populated.directory().snapshot() as snapshot:
        list(snapshot.identities())
        with pytest.raises(SnapshotMisused, match="only once"):
            snapshot.identities()


@pytest.mark.parametrize("ask", ["certificate", "rejects", "notes", "confirm"])
def test_nothing_is_vouched_for_before_the_end(populated: Office, ask: str) -> None:
    """Certificate, rejects, notes and questions need a reading to its end, to the last identity and past it."""
    with populated.directory().snapshot() as snapshot:
        identities = snapshot.identities()
        for _ in range(len(populated.truth())):
            next(identities)
        with pytest.raises(SnapshotMisused, match="to its end"):
            _ask(snapshot, ask)
        assert list(identities) == []
        _ask(snapshot, ask)


def _ask(snapshot: Any, what: str) -> None:
    if what == "confirm":
        snapshot.confirm(["1"])
    else:
        getattr(snapshot, what)


def test_a_closed_snapshot_is_of_no_use(populated: Office) -> None:
    """After closing, neither reading nor asking is possible; what was vouched for stays said."""
    with populated.directory().snapshot() as snapshot:
        list(snapshot.identities())
    assert snapshot.certificate.complete
    with pytest.raises(SnapshotMisused, match="closed"):
        snapshot.confirm(["1"])
    other = populated.directory().snapshot()
    other.close()
    other.close()
    with pytest.raises(SnapshotMisused, match="closed"):
        other.identities()


def test_closing_in_the_middle_ends_the_reading(populated: Office) -> None:
    """An iterator that outlives its snapshot says so; it does not end as if that had been everybody."""
    with populated.directory().snapshot() as snapshot:
        identities = snapshot.identities()
        next(identities)
    with pytest.raises(SnapshotMisused, match="closed"):
        next(identities)
    with pytest.raises(SnapshotMisused):
        _ = snapshot.certificate


def test_closing_leaves_no_thread_and_no_connection(populated: Office) -> None:
    """Threads are gone when close returns, and no socket is left to the garbage collector (it would warn)."""
    with populated.directory().snapshot() as snapshot:
        list(snapshot.identities())
        assert crew()
    assert crew() == []
    gc.collect()


def test_a_failed_read_closes_itself(populated: Office) -> None:
    """After an error nothing runs on, also where the caller forgets to close."""
    populated.server.faults.add("groups.list", Fault.backend_error(), times=None)
    snapshot = populated.directory().snapshot()
    with pytest.raises(SourceUnavailable):
        list(snapshot.identities())
    assert crew() == []


def test_an_abandoned_reading_closes_itself(populated: Office) -> None:
    """A generator that is thrown away takes threads and connections with it."""
    identities = populated.directory().snapshot().identities()
    next(identities)
    del identities
    gc.collect()
    assert crew() == []


def test_closing_does_not_wait_for_a_slow_server(populated: Office) -> None:
    """Requests under way are cut off, waits end, and closing from another thread interrupts the reader."""
    populated.server.faults.add("users.list", Fault.slow(20.0), times=None)
    populated.server.faults.add("groups.list", Fault.backend_error(), times=None)
    snapshot = populated.directory(sleep=None, limits=Limits(backoff_base=20.0)).snapshot()
    outcome: list[BaseException] = []

    def read() -> None:
        try:
            next(snapshot.identities())
        except SnapshotMisused as error:
            outcome.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    while snapshot.requests < 2:
        reader.join(0.01)
    snapshot.close()
    reader.join()
    # The server answers after twenty seconds, and had not yet: nobody waited for it.
    assert populated.server.requests.of("users.list") == []
    assert len(outcome) == 1
    assert crew() == []


def test_an_interrupt_ends_everything(populated: Office) -> None:
    """Whatever the progress sink raises, as Ctrl-C does in the reading thread, leaves as it is, and nothing runs on."""

    def interrupt(stage: Stage, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), populated.directory().snapshot(progress=interrupt) as snapshot:
        list(snapshot.identities())
    assert crew() == []


PROGRAM = """
import sys, threading
from google.oauth2.credentials import Credentials
from smartify_core.directory.google import GoogleDirectory

def sink(*_):
    print("reading", flush=True)

url, token = sys.argv[1:]
try:
    with GoogleDirectory(Credentials(token), api_endpoint=url).snapshot(progress=sink) as snapshot:
        list(snapshot.identities())
except KeyboardInterrupt:
    print("interrupted", [t.name for t in threading.enumerate() if t.name.startswith("smartify-google")], flush=True)
"""


def test_ctrl_c_ends_a_waiting_read_at_once(populated: Office) -> None:
    """A real SIGINT while requests hang interrupts the reader, and its threads are gone before the process is."""
    populated.server.faults.add("groups.list", Fault.slow(30.0), times=None)
    command = [sys.executable, "-c", PROGRAM, populated.server.url, populated.server.access_token()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        # The server answers after half a minute, and had not yet: nobody waited for it.
        assert populated.server.requests.of("groups.list") == []
    assert out.splitlines()[-1] == "interrupted []"
    assert err == ""


def test_progress_is_told_in_the_readers_thread(populated: Office) -> None:
    """Counts grow, end at their totals, and come from one thread."""
    told: list[tuple[Stage, int, int | None]] = []
    threads = set()

    def sink(stage: Stage, done: int, total: int | None) -> None:
        told.append((stage, done, total))
        threads.add(threading.get_ident())

    with populated.directory().snapshot(progress=sink) as snapshot:
        list(snapshot.identities())
    assert threads == {threading.get_ident()}
    for stage, total in ((Stage.USERS_READ, 9), (Stage.GROUPS_READ, 5)):
        counts = [done for which, done, _ in told if which is stage]
        assert counts == sorted(counts)
        assert [each for each in told if each[0] is stage][-1] == (stage, total, total)


def test_importing_the_adapter_is_cheap() -> None:
    """Neither googleapiclient nor google-auth nor httplib2 is loaded before a directory is made."""
    program = (
        "import sys; import smartify_core.directory.google;"
        "print(sorted({'googleapiclient', 'google.auth', 'httplib2'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_building_the_client_needs_no_network(populated: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The discovery document comes from the package, whatever the environment says about endpoints and universes."""
    for name, value in {
        "GOOGLE_API_USE_MTLS_ENDPOINT": "always",
        "GOOGLE_CLOUD_UNIVERSE_DOMAIN": "universe.example",
        "http_proxy": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert len(populated.read().people) == len(populated.truth())


def test_a_proxy_that_cannot_be_used_is_said(populated: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """httplib2 cannot use any proxy without PySocks: the cure is named, and the attempts are spared."""
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    directory = populated.directory(api_endpoint="https://gateway.example/")
    with directory.snapshot() as snapshot, pytest.raises(SourceUnavailable) as caught:
        next(snapshot.identities())
    assert caught.value.cure is not None
    assert "pysocks" in caught.value.cure
    assert populated.waits == []


def test_a_directory_may_be_shared_by_threads(populated: Office) -> None:
    """Snapshots taken at the same time from one directory are each whole."""
    directory: GoogleDirectory = populated.directory()
    counts: list[int] = []

    def read() -> None:
        with directory.snapshot() as snapshot:
            counts.append(len(list(snapshot.identities())))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [9] * 4
