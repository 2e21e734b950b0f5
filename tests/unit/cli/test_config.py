from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.cli._config import GoogleTenant, JsonLinesTenant, load
from smartify_core.cli._init import TEMPLATE
from smartify_core.errors import ConfigInvalid
from smartify_core.lifecycle import Rules

HEAD = '[storage]\nurl = "sqlite:///s.db"\n[keys]\nfile = "k"\n'
GOOGLE = '[tenants.acme]\nsource = "google"\nservice_account_file = "sa.json"\nsubject = "a@b.example"\n'
JSONL = '[tenants.acme]\nsource = "jsonl"\npath = "p.jsonl"\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "smartify.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_relative_paths_count_from_the_files_folder(tmp_path: Path) -> None:
    """Wherever the command runs, a relative path of the file means the same file."""
    config = load(written(tmp_path, HEAD + GOOGLE))
    assert config.key_file == tmp_path / "k"
    assert config.storage_url == f"sqlite:///{tmp_path}/s.db"
    assert config.tenants["acme"] == GoogleTenant(tmp_path / "sa.json", "a@b.example")


def test_folder_with_special_characters(tmp_path: Path) -> None:
    """A folder's own name is escaped in the storage URL, so that no character of it means anything there."""
    odd = tmp_path / "50% off? #1"
    odd.mkdir()
    assert load(written(odd, HEAD + GOOGLE)).storage_url == f"sqlite:///{tmp_path}/50%25%20off%3F%20%231/s.db"


@pytest.mark.parametrize("url", ["sqlite:////var/x.db", "memory:", "postgresql://db/x", "sqlite:///%2Fvar/x.db"])
def test_other_storage_urls_stay_as_they_are(tmp_path: Path, url: str) -> None:
    """Only the relative path of a SQLite file is anchored."""
    assert load(written(tmp_path, HEAD.replace("sqlite:///s.db", url) + JSONL)).storage_url == url


def test_every_optional_key_is_read(tmp_path: Path) -> None:
    """Each optional key of a Google tenant lands in the value of the same name."""
    extra = (
        'customer = "C01"\napi_endpoint = "http://127.0.0.1:1/"\nrequests_per_minute = 60\nconcurrency = 2\n'
        'attempts = 3\ntimeout = 1\nca_certs = "ca.pem"\n'
    )
    tenant = load(written(tmp_path, HEAD + GOOGLE + extra)).tenants["acme"]
    expected = GoogleTenant(
        tmp_path / "sa.json", "a@b.example", "C01", "http://127.0.0.1:1/", 60, 2, 3, 1.0, tmp_path / "ca.pem"
    )
    assert tenant == expected


def test_json_lines_tenant(tmp_path: Path) -> None:
    """A jsonl tenant needs its path and nothing else."""
    assert load(written(tmp_path, HEAD + JSONL)).tenants["acme"] == JsonLinesTenant(tmp_path / "p.jsonl")


def test_byte_order_mark_is_tolerated(tmp_path: Path) -> None:
    """An editor that begins files with a byte order mark does no harm."""
    assert load(written(tmp_path, "\ufeff" + HEAD + JSONL)).tenants


@pytest.mark.parametrize(
    ("text", "key", "cure"),
    [
        ("", "storage", "[storage]"),
        ("storage = 1\n" + JSONL, "storage", "a table"),
        (HEAD.replace("sqlite:///s.db", "sqlite:///") + JSONL, "storage.url", "sqlite:///FILE"),
        (HEAD.replace("sqlite:///s.db", "sqlite:s.db") + JSONL, "storage.url", "sqlite:///FILE"),
        (HEAD.replace("sqlite:///s.db", "SQLite:/s.db") + JSONL, "storage.url", "sqlite:///FILE"),
        (HEAD, "tenants", "[tenants]"),
        (HEAD + "[tenants]\n", "tenants", "[tenants.acme]"),
        (HEAD + "[tenants]\nacme = 1\n", "tenants.acme", "a table"),
        (HEAD + '[tenants."a b"]\nsource = "jsonl"\n', "tenants", "letters"),
        (HEAD + "[tenants.acme]\n", "tenants.acme.source", "source"),
        (HEAD + '[tenants.acme]\nsource = "okta"\n', "tenants.acme.source", "google, jsonl"),
        (HEAD + JSONL + 'subject = "x"\n', "tenants.acme.subject", "path"),
        (HEAD + GOOGLE + 'path = "x"\n', "tenants.acme.path", "service_account_file"),
        (HEAD + GOOGLE.replace('"a@b.example"', "7"), "tenants.acme.subject", "a text"),
        (HEAD + GOOGLE.replace('"a@b.example"', '" "'), "tenants.acme.subject", "not empty"),
        (HEAD + GOOGLE + "attempts = true\n", "tenants.acme.attempts", "whole number"),
        (HEAD + GOOGLE + "attempts = 0\n", "tenants.acme.attempts", "1 or more"),
        (HEAD + GOOGLE + "concurrency = 2.5\n", "tenants.acme.concurrency", "whole number"),
        (HEAD + GOOGLE + "timeout = 0\n", "tenants.acme.timeout", "above 0"),
        (HEAD + GOOGLE + "timeout = inf\n", "tenants.acme.timeout", "above 0"),
        (HEAD + JSONL.replace("p.jsonl", "p\\u0000"), "tenants.acme.path", "path"),
        (HEAD.replace("[keys]", "[kyes]") + JSONL, "kyes", "'keys'"),
        (HEAD.replace("url", "uri") + JSONL, "storage.uri", "'url'"),
        (HEAD.replace("file", "xyzzy") + JSONL, "keys.xyzzy", "file"),
    ],
)
def test_mistakes_are_named_by_key(tmp_path: Path, text: str, key: str, cure: str) -> None:
    """Every mistake is refused with the way to its key and what belongs there."""
    file = written(tmp_path, text)
    with pytest.raises(ConfigInvalid) as caught:
        load(file)
    assert caught.value.where == f"{file}: {key}"
    assert cure in (caught.value.cure or "")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a = \n", b"[tenants\n", b"a = 1\na = 2\n", b"x" * 9])
def test_files_that_are_no_toml(tmp_path: Path, content: bytes) -> None:
    """A file that is no UTF-8 or no TOML is refused by its name."""
    file = tmp_path / "smartify.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigInvalid) as caught:
        load(file)
    assert str(file) in (caught.value.where or "")


def test_folder_in_place_of_the_file(tmp_path: Path) -> None:
    """What cannot be read is refused, whatever it is."""
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        load(tmp_path)


CANARY = "canary-Mx7"


@given(position=st.integers(0, 7), value=st.sampled_from([CANARY, [CANARY], {CANARY: CANARY}, 3.5]))
def test_no_value_is_ever_repeated(tmp_path_factory: pytest.TempPathFactory, position: int, value: object) -> None:
    """No error repeats a value of the file, wherever in it the mistake is."""
    lines = (HEAD + GOOGLE).splitlines()
    rendered = {str: f'"{CANARY}"', list: f'["{CANARY}"]', dict: f'{{ key = "{CANARY}" }}', float: "3.5"}[type(value)]
    if "=" in lines[position]:
        lines[position] = lines[position].partition("=")[0] + "= " + rendered
    else:
        lines[position] += f' "{CANARY}"'
    file = written(tmp_path_factory.mktemp("c"), "\n".join(lines))
    said = ""
    try:
        load(file)
    except ConfigInvalid as error:
        said = str(error)
    assert CANARY not in said


def test_configuration_shows_no_address_or_password(tmp_path: Path) -> None:
    """A configuration's own representation has neither the subject nor the storage URL."""
    shown = repr(load(written(tmp_path, HEAD.replace("sqlite:///s.db", "postgresql://u:pw@h/d") + GOOGLE)))
    assert "a@b.example" not in shown
    assert "pw" not in shown


def test_template_is_valid_with_every_key_switched_on(tmp_path: Path) -> None:
    """What ``smartify init`` writes is a valid configuration, also with each commented example uncommented."""
    assert isinstance(load(written(tmp_path, TEMPLATE)).tenants["acme"], GoogleTenant)
    every = "\n".join(
        line.removeprefix("# ") if line.startswith("# [") or " = " in line.partition("#")[2][:40] else line
        for line in TEMPLATE.splitlines()
    )
    with pytest.raises(ConfigInvalid, match="not both"):
        load(written(tmp_path, every))
    with_kms = load(written(tmp_path, every.replace('file = "smartify.keys"\n', "", 1)))
    assert (with_kms.key_file.name, with_kms.keys.kms_endpoint) == ("smartify.kms", "https://...")
    config = load(written(tmp_path, re.sub(r"^kms_.*\n", "", every, flags=re.MULTILINE)))
    google, jsonl = config.tenants["acme"], config.tenants["initech"]
    assert (config.rules["acme"], config.every) == (Rules(), timedelta(minutes=15)), "what is shown is what holds"
    assert isinstance(google, GoogleTenant)
    assert isinstance(jsonl, JsonLinesTenant)
    assert None not in (google.customer, google.requests_per_minute, google.concurrency, google.attempts)
    assert None not in (google.timeout, google.ca_certs, google.api_endpoint)
