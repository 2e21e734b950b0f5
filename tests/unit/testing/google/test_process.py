"""The server as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from google.oauth2 import service_account
from googleapiclient.discovery import build

from smartify_core.testing.google import READ_ONLY

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts the server in a fresh folder."""
    processes: list[subprocess.Popen[str]] = []

    def run(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "smartify_core.testing.google", *options]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate(timeout=30)


def ready(process: subprocess.Popen[str]) -> dict[str, str]:
    """Return what the process says once it is ready."""
    assert process.stdout is not None
    line: dict[str, str] = json.loads(process.stdout.readline())
    return line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(start: Start, number: signal.Signals) -> None:
    """One line of JSON when it is ready, answers from then on, exit code 0 and a closed port after a signal."""
    process = start("--sample", "3", "--people", "12", "--groups", "7")
    url = ready(process)["url"]
    with pytest.raises(OSError, match="404"):
        urlopen(url)
    process.send_signal(number)
    assert process.wait(30) == 0
    with pytest.raises(OSError, match="refused"):
        urlopen(url)


def test_its_files_are_all_that_a_client_needs(start: Start, tmp_path: Path) -> None:
    """With the service-account file and the URL the real library reads what the truth file says."""
    options = ["--sample", "3", "--people", "20", "--groups", "9", "--page-size-cap", "7"]
    said = ready(start(*options, "--truth", "truth.json", "--service-account", "key.json"))
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    credentials = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]  # google-auth is partly typed
        said["service_account_file"], scopes=list(READ_ONLY), subject=said["subject"]
    )
    with build(
        "admin", "directory_v1", credentials=credentials, client_options={"api_endpoint": said["url"]}
    ) as service:
        request: Any = service.users().list(customer=said["customer"])
        found: dict[str, Any] = {}
        pages = 0
        while request is not None:
            page = request.execute()
            pages += 1
            found |= {user["id"]: user["primaryEmail"] for user in page["users"]}
            request = service.users().list_next(request, page)
    assert found == {person["id"]: person["email"] for person in truth["people"]}
    assert pages == 3
    assert (tmp_path / "key.json").stat().st_mode & 0o777 == 0o600


def test_a_file_in_the_way_is_an_error_with_a_cure(start: Start, tmp_path: Path) -> None:
    """An existing service-account file is left alone: exit code 2 and a message on stderr."""
    (tmp_path / "sa.json").write_text("mine")
    process = start()
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, (tmp_path / "sa.json").read_text()) == (2, "mine")
    assert errors.startswith("SC108")


@pytest.mark.parametrize("options", [["--people", "0"], ["--latency", "much"], ["--unknown"]])
def test_a_wrong_option_is_refused(start: Start, options: list[str]) -> None:
    """Options are checked before anything is served or written."""
    process = start(*options)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (2, "")
    assert "usage:" in errors
