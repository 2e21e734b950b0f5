from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("watched.py")
#: What starting the writer's thread takes, once in a process.
STARTING = {"_thread.start_new_thread", "_thread.allocate_lock", "_thread.acquire", "_thread.release"}
STARTING |= {"_thread.__enter__", "_thread.__exit__"}


@pytest.mark.parametrize("kind", ["plain", "zones"])
def test_a_loop_does_not_wait_for_the_request_log(kind: str, tmp_path: Path) -> None:
    """The thread of the requests opens, reads, writes and waits for nothing, from the first request to the last."""
    command = [sys.executable, str(PROGRAM), str(tmp_path), kind]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert told["asked"].keys() <= STARTING, told["asked"]
    assert max(told["asked"].values()) < 100, "once, and not in each request"
