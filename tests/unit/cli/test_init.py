from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smartify_core.cli._config import load
from smartify_core.cli._init import write_all
from smartify_core.errors import ConfigInvalid, FileExists, KeyFileInvalid
from smartify_core.sealing import FileKeyRing


def test_init_writes_a_configuration_and_a_key_file(folder: Path, smartify: Callable[..., Any]) -> None:
    """In an empty folder both files appear, usable as they are, the key file for its owner only."""
    result = smartify("init", "--json")
    assert (result.code, result.err) == (0, "")
    assert result.document == {"written": ["smartify.toml", "smartify.keys"]}
    assert {path.name for path in folder.iterdir()} == {"smartify.toml", "smartify.keys"}
    assert stat.S_IMODE((folder / "smartify.keys").stat().st_mode) == 0o600
    assert load(folder / "smartify.toml").key_file == folder / "smartify.keys"
    assert len(FileKeyRing(folder / "smartify.keys").index_key("acme")) == 32


def test_init_says_what_is_left_to_do(smartify: Callable[..., Any]) -> None:
    """For people there is a next step, and taking it too early names the file that is still missing."""
    assert "smartify plan --tenant acme" in smartify("init").out
    result = smartify("plan", "--tenant", "acme")
    assert (result.code, result.out) == (2, "")
    assert "SC104" in result.err
    assert "service-account.json" in result.err


@pytest.mark.parametrize("taken", ["smartify.toml", "smartify.keys"])
def test_init_overwrites_nothing(
    folder: Path, smartify: Callable[..., Any], everything: Callable[[Path], dict[str, bytes]], taken: str
) -> None:
    """Where one of the files is there already, neither is written."""
    (folder / taken).write_text("precious", encoding="utf-8")
    before = everything(folder)
    result = smartify("init", "--json")
    assert (result.code, result.error["code"]) == (2, "SC108")
    assert result.error["where"] == taken
    assert everything(folder) == before


def test_init_sees_dangling_links(tmp_path: Path) -> None:
    """A link that leads nowhere is something that is there: it is not written through."""
    (tmp_path / "smartify.toml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExists):
        write_all(tmp_path / "smartify.toml")
    assert [path.name for path in tmp_path.iterdir()] == ["smartify.toml"]


def test_init_elsewhere(folder: Path, smartify: Callable[..., Any]) -> None:
    """``--config`` says where; the key file is put beside the configuration."""
    (folder / "etc").mkdir()
    assert smartify("init", "--config", "etc/other.toml").code == 0
    assert {path.name for path in (folder / "etc").iterdir()} == {"other.toml", "smartify.keys"}
    assert load(folder / "etc" / "other.toml").key_file == folder / "etc" / "smartify.keys"


def test_init_needs_the_folder(folder: Path, smartify: Callable[..., Any]) -> None:
    """A folder that does not exist is not made."""
    result = smartify("init", "--config", "none/smartify.toml", "--json")
    assert (result.code, result.error["code"]) == (2, "SC103")
    assert list(folder.iterdir()) == []


def test_key_file_goes_when_the_configuration_cannot_be_written(tmp_path: Path) -> None:
    """Both or nothing: a configuration with a name that no file can have leaves no key file behind."""
    with pytest.raises(ConfigInvalid):
        write_all(tmp_path / ("x" * 300 + ".toml"))
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_is_the_key_files_error(tmp_path: Path) -> None:
    """The first file that cannot be written says so."""
    with pytest.raises(KeyFileInvalid):
        write_all(tmp_path / "none" / "smartify.toml")
