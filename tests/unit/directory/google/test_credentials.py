"""Credentials that cannot be used are told before anything is sent (research: section 12)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import google.auth.credentials
import google.oauth2.credentials
import pytest
from google.oauth2 import service_account

from smartify_core.directory.google import SCOPES, GoogleDirectory, Limits, RateLimiter
from smartify_core.directory.google._credentials import is_loopback, narrowed, plain_text_to_a_stranger, project_of
from smartify_core.errors import CredentialsInvalid, SourceError, UsageError
from smartify_core.testing.google import GoogleServer, Workspace

from .conftest import Office


@pytest.fixture(scope="module")
def info() -> dict[str, Any]:
    """Return the content of a true service-account file."""
    world = Workspace()
    world.add_user(email="admin@acme.example", given_name="Ada", family_name="Admin")
    with GoogleServer(world) as server:
        return server.service_account()


def written(path: Path, content: object) -> Path:
    """Write a file and return its path."""
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def refused(file: Path, subject: str = "admin@acme.example") -> CredentialsInvalid:
    """Return the error for a file."""
    with pytest.raises(CredentialsInvalid) as caught:
        GoogleDirectory.from_service_account(file, subject=subject)
    return caught.value


def test_a_true_file_makes_a_directory(tmp_path: Path, info: dict[str, Any]) -> None:
    """Nothing is sent to find that out, and the directory's name holds nothing personal."""
    directory = GoogleDirectory.from_service_account(written(tmp_path / "sa.json", info), subject="admin@acme.example")
    assert repr(directory) == "<GoogleDirectory my_customer>"


def test_a_byte_order_mark_does_no_harm(tmp_path: Path, info: dict[str, Any]) -> None:
    """A file that an editor saved with a mark is still the same key."""
    GoogleDirectory.from_service_account(written(tmp_path / "sa.json", "\ufeff" + json.dumps(info)), subject="a@b.c")


@pytest.mark.parametrize(
    ("content", "clause"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "no JSON object"),
        ({"type": "authorized_user"}, "another type"),
        ({"installed": {}}, "an OAuth client"),
        ({"web": {}}, "an OAuth client"),
        ({"type": "service_account"}, "lacks client_email, private_key, token_uri"),
        ({"type": "service_account", "client_email": "x", "private_key": "y"}, "lacks token_uri"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: object, clause: str) -> None:
    """What is wrong with the file is said, with its name and a cure."""
    error = refused(written(tmp_path / "sa.json", content))
    assert clause in error.what
    assert error.where == str(tmp_path / "sa.json")
    assert error.cure


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No file, no directory."""
    assert "does not exist" in refused(tmp_path / "none.json").what


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A path that cannot be read is told by the kind of failure."""
    assert "cannot be read (IsADirectoryError)" in refused(tmp_path).what


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(tmp_path: Path, info: dict[str, Any]) -> None:
    """A file without permission is told as such."""
    file = written(tmp_path / "sa.json", info)
    file.chmod(0)
    assert "PermissionError" in refused(file).what


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    """A binary file is no key file."""
    file = tmp_path / "sa.json"
    file.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in refused(file).what


def test_a_spoiled_key_is_named_and_not_shown(tmp_path: Path, info: dict[str, Any]) -> None:
    """The message says that the key is unusable, and nothing of the key."""
    error = refused(written(tmp_path / "sa.json", {**info, "private_key": "SECRET"}))
    assert "private key" in error.what
    assert "SECRET" not in str(error)
    assert error.__cause__ is None


def test_an_assertion_is_not_sent_in_plain_text(tmp_path: Path, info: dict[str, Any]) -> None:
    """A token endpoint is reached by https, or on this machine."""
    error = refused(written(tmp_path / "sa.json", {**info, "token_uri": "http://oauth.example/token"}))
    assert "plain text" in error.what


@pytest.mark.parametrize("subject", ["", "admin", "@acme.example", "a b@acme.example", None])
def test_a_subject_is_an_address_and_not_repeated(tmp_path: Path, info: dict[str, Any], subject: Any) -> None:
    """A subject that is none is refused; the message does not hold it."""
    error = refused(written(tmp_path / "sa.json", info), subject)
    assert "subject" in error.what
    assert "acme" not in str(error).replace(str(tmp_path), "")


@pytest.mark.parametrize(
    "options",
    [
        {"customer": "acme.example"},
        {"customer": ""},
        {"customer": "../users"},
        {"api_endpoint": "http://gateway.example/"},
        {"api_endpoint": "ftp://gateway.example/"},
        {"api_endpoint": "gateway"},
        {"api_endpoint": "http://[::1"},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": 86_400.1},
        {"ca_certs": "no-such-file.pem"},
    ],
)
def test_arguments_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    """A domain is no customer id, and a token goes nowhere in plain text."""
    with pytest.raises(UsageError):
        GoogleDirectory(google.auth.credentials.AnonymousCredentials(), **options)


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://admin.googleapis.com/", False),
        ("http://127.0.0.1:8085/", False),
        ("http://127.8.8.8/", False),
        ("http://localhost:1", False),
        ("http://[::1]:80/", False),
        ("http://localhost.example/", True),
        ("http://admin.googleapis.com/", True),
        ("https://", True),
        ("", True),
    ],
)
def test_plain_http_is_for_this_machine_only(url: str, refusal: bool) -> None:
    """A bearer token in plain text is anybody's."""
    assert plain_text_to_a_stranger(url) is refusal


def test_credentials_handed_in_are_narrowed_and_left_alone(info: dict[str, Any]) -> None:
    """The host's own object keeps its wider scopes; the copy that is used has the two read-only ones."""
    wide = service_account.Credentials.from_service_account_info(
        info, scopes=["https://www.googleapis.com/auth/admin.directory.user"], subject="admin@acme.example"
    )
    assert getattr(narrowed(wide), "scopes", None) == list(SCOPES)
    assert wide.scopes == ["https://www.googleapis.com/auth/admin.directory.user"]


def test_the_project_of_credentials_finds_the_shared_limiter(info: dict[str, Any]) -> None:
    """Two tenants read through one project draw on one budget; a limiter handed in comes first."""
    make = service_account.Credentials.from_service_account_info
    one, two = (
        GoogleDirectory(make({**info, "project_id": "one-project"}, subject=f"{name}@acme.example")) for name in "ab"
    )
    assert project_of(make({**info, "project_id": "one-project"})) == "one-project"
    assert one._limiter is two._limiter
    own = RateLimiter(60)
    assert GoogleDirectory(make(info), rate_limiter=own, limits=Limits())._limiter is own
    assert project_of(google.auth.credentials.AnonymousCredentials()) is None


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("localhost", True), ("127.attacker.example", False)],
)
def test_only_this_machine_is_this_machine(host: str, is_here: bool) -> None:
    """A name that begins like a loopback address belongs to whoever registered it."""
    assert is_loopback(host) is is_here


@pytest.mark.parametrize("token", ["two\r\nlines", "ünïcode"])
def test_token_that_is_no_header_is_never_quoted(populated: Office, token: str) -> None:
    """A token endpoint that answers nonsense is no answer; nothing of the token shows."""
    source = GoogleDirectory(
        google.oauth2.credentials.Credentials(token),
        api_endpoint=populated.server.url,
        limits=Limits(attempts=1),
    )
    with source.snapshot() as snapshot, pytest.raises(SourceError) as raised:
        list(snapshot.identities())
    assert token not in str(raised.value)
    assert raised.value.__suppress_context__
