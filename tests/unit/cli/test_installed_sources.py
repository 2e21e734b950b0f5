"""Directory sources that another package brings, installed for real and named in the configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from smartify_core.cli._build import Sources
from smartify_core.cli._config import InstalledTenant, load
from smartify_core.errors import ConfigInvalid, SourceRejected, UsageError
from smartify_core.extensions import DIRECTORY_GROUP

Install = Callable[[str, Mapping[str, str], Mapping[str, Mapping[str, str]]], Path]

SOURCE = """
from smartify_core.directory.jsonl import JsonLinesDirectory
from smartify_core.errors import SourceRejected, UsageError

def open_directory(options, *, tenant, folder):
    if set(options) != {"file"}:
        raise UsageError("an acme source takes file", cure="Give file.")
    return JsonLinesDirectory(folder / options["file"])

def refusing(options, *, tenant, folder):
    raise SourceRejected("the token is not valid", where=tenant, cure="Get another.")

def rude(options, *, tenant, folder):
    raise KeyError(options["secret"])

def none(options, *, tenant, folder):
    return None
"""
TENANT = '[storage]\nurl = "sqlite:///s.db"\n[keys]\nfile = "smartify.keys"\n[tenants.acme]\nsource = "hr"\n'


def configured(folder: Path, keys: str) -> Path:
    """Write a configuration whose tenant's source is called hr."""
    (folder / "smartify.toml").write_text(TENANT + keys)
    return folder / "smartify.toml"


def test_a_tenant_may_have_a_source_of_another_package(
    install: Install, folder: Path, smartify: Callable[..., Any], files: Any
) -> None:
    """What the package names is called with the tenant's own keys, the tenant and the folder of the file."""
    site = install("acme-hr", {"acme_hr": SOURCE}, {DIRECTORY_GROUP: {"hr": "acme_hr:open_directory"}})
    file = configured(folder, 'file = "acme.jsonl"\n[tenants.acme.rules]\nretain_for = "2d"\n')
    tenant = load(file).tenants["acme"]
    assert isinstance(tenant, InstalledTenant)
    assert tenant.options == {"file": "acme.jsonl"}
    done = smartify("sync", "--json", PYTHONPATH=f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    assert (done.code, done.document["runs"][0]["provisioned"]) == (0, 20), done.err


def test_a_source_that_nobody_brings_is_told_what_there_is(install: Install, folder: Path) -> None:
    """Our own sources and those of packages are listed, and the key is named."""
    install("acme-hr", {}, {DIRECTORY_GROUP: {"payroll": "acme_hr:payroll"}})
    with pytest.raises(ConfigInvalid, match="google, jsonl, payroll") as caught:
        load(configured(folder, ""))
    assert caught.value.where == f"{folder}/smartify.toml: tenants.acme.source"


def test_two_packages_may_not_claim_one_source(install: Install, folder: Path) -> None:
    """Both are named."""
    install("acme-hr", {}, {DIRECTORY_GROUP: {"hr": "acme_hr:a"}})
    install("other-hr", {}, {DIRECTORY_GROUP: {"hr": "other_hr:a"}})
    with pytest.raises(ConfigInvalid, match="Uninstall all but one of: acme-hr, other-hr"):
        load(configured(folder, ""))


@pytest.mark.parametrize(
    ("place", "kind", "words"),
    [
        ("open_directory", UsageError, "takes file"),
        ("refusing", SourceRejected, "Get another"),
        ("rude", UsageError, "raised KeyError"),
        ("none", UsageError, "made a NoneType, which is no DirectorySource"),
        ("missing", UsageError, "cannot be loaded .AttributeError"),
    ],
)
def test_a_source_that_cannot_be_made_is_told_under_its_tenant(
    install: Install, folder: Path, place: str, kind: type[Exception], words: str
) -> None:
    """The tenant is named, what its keys say is not, and another tenant's source is made all the same."""
    install("acme-hr", {"acme_hr": SOURCE}, {DIRECTORY_GROUP: {"hr": f"acme_hr:{place}"}})
    canary = "canary-s3cret"
    config = load(
        configured(folder, f'secret = {json.dumps(canary)}\n[tenants.other]\nsource = "jsonl"\npath = "p.jsonl"\n')
    )
    assert canary not in repr(config)
    sources = Sources(config, config.tenants)
    with pytest.raises(kind, match=words) as caught:
        sources["acme"]
    assert "tenants.acme" in str(caught.value)
    assert canary not in str(caught.value)
    assert sources["other"] is not None
