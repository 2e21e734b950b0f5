"""The command in a process of its own, and a folder that is set up for a customer on the Google wire."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from tests._let_in import AS, let_in
from tests._receivers import MailServer, mail_server

from smartify_core.cli import main
from smartify_core.directory.jsonl import write_jsonl
from smartify_core.sealing import FileKeyRing
from smartify_core.testing import Sample, identity, make_sample
from smartify_core.testing.google import GoogleServer, Workspace

from ._house import House

COMMAND = (sys.executable, "-m", "smartify_core.cli")


@frozen
class Result:
    """What one run of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Return stdout, which must be exactly one JSON document."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """Return the error that the one document on stdout reports."""
        error = self.document["error"]
        assert isinstance(error, dict)
        return error


@frozen
class Shop:
    """A folder with everything that ``smartify`` needs, and the directory that its one tenant is read from."""

    folder: Path
    sample: Sample
    workspace: Workspace
    server: GoogleServer

    def configure(self, **changes: str | int) -> None:
        """Write the configuration anew, with some keys of the tenant changed."""
        keys: dict[str, str | int] = {
            "source": "google",
            "service_account_file": "sa.json",
            "subject": self.sample.admin_email,
            "api_endpoint": self.server.url,
            "attempts": 1,
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in (keys | changes).items()]
        head = '[storage]\nurl = "sqlite:///smartify.db"\n[keys]\nfile = "smartify.keys"\n[tenants.acme]\n'
        (self.folder / "smartify.toml").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an empty folder that the command runs in."""
    place = tmp_path / "here"
    place.mkdir()
    return place


@pytest.fixture
def smartify(folder: Path) -> Callable[..., Result]:
    """Run the command in a process of its own, with the folder as its current one."""

    def run(*arguments: str, **environment: str) -> Result:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Give the library's logger back as it was: a command that runs in this process sets it up for itself."""
    ours = logging.getLogger("smartify_core")
    propagate, level, handlers = ours.propagate, ours.level, list(ours.handlers)
    yield
    ours.propagate, ours.handlers = propagate, handlers
    ours.setLevel(level)


@pytest.fixture
def at_once(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run the command in this process, which is quicker, with the folder as the current one."""

    def run(*arguments: str) -> Result:
        monkeypatch.chdir(folder)
        code = main(arguments)
        said = capsys.readouterr()
        return Result(code, said.out, said.err)

    return run


@pytest.fixture
def accounts(folder: Path, smartify: Callable[..., Result]) -> Callable[..., Result]:
    """Print the accounts of a tenant as an employee does who may see them, and is let in for it at the first time."""

    def run(tenant: str, *arguments: str, **environment: str) -> Result:
        let_in(folder, tenant)
        return smartify("accounts", "--tenant", tenant, *AS, *arguments, **environment)

    return run


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    """Give a folder whose one tenant, acme, is a sample of 24 people on a wire-level Google server."""
    sample = make_sample(7, people=24, groups=8)
    workspace = Workspace.from_sample(sample)
    with GoogleServer(workspace) as server:
        FileKeyRing.create(folder / "smartify.keys")
        server.write_service_account(folder / "sa.json")
        made = Shop(folder, sample, workspace, server)
        made.configure()
        yield made


@pytest.fixture
def everything() -> Callable[[Path], dict[str, bytes]]:
    """Read every file of a folder, to tell whether a command changed anything."""

    def read(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    return read


@frozen
class Files:
    """A folder whose tenants, acme and initech, are read from JSON Lines files."""

    folder: Path

    def write(self, tenant: str, *people: str, deleted: Sequence[str] = ()) -> None:
        """Write a tenant's directory anew: who is there, and who was deleted."""
        gone = [identity(name).source_id for name in deleted]
        write_jsonl(self.folder / f"{tenant}.jsonl", [identity(name) for name in people], deleted=gone)

    def configure(self, extra: str = "") -> None:
        """Write the configuration anew."""
        tenants = "".join(
            f'[tenants.{name}]\nsource = "jsonl"\npath = "{name}.jsonl"\n' for name in ("acme", "initech")
        )
        head = '[storage]\nurl = "sqlite:///smartify.db"\n[keys]\nfile = "smartify.keys"\n'
        (self.folder / "smartify.toml").write_text(head + extra + tenants, encoding="utf-8")


@pytest.fixture
def files(folder: Path) -> Files:
    """Give a folder with two tenants: acme has twenty people, initech has three."""
    FileKeyRing.create(folder / "smartify.keys")
    made = Files(folder)
    made.configure()
    made.write("acme", *(f"p{number:02}" for number in range(20)))
    made.write("initech", "ada", "grace", "hank")
    return made


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """Give a mail server that takes everything."""
    with mail_server() as server:
        yield server


@pytest.fixture
def house(files: Files, mail: MailServer, at_once: Callable[..., Result]) -> House:
    """Give a host with contacts of its two customers, whose employee e-17 has seen addresses of acme's people."""
    made = House(files, mail, at_once)
    made.configure()
    assert at_once("sync").code == 0
    let_in(files.folder, "acme")
    seen = at_once("accounts", "--tenant", "acme", *AS, "--fields", "email")
    assert (seen.code, seen.out.count("@acme.example")) == (0, 20)
    made.register()
    return made
