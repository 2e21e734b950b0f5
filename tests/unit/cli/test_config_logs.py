"""The table ``[logs]`` of the configuration."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.cli.test_config import HEAD, JSONL, written

from smartify_core.cli._config import load
from smartify_core.cli._config_logs import LogSettings, load_logs
from smartify_core.errors import ConfigInvalid


def test_everything_is_read(tmp_path: Path) -> None:
    """A relative directory counts from the file's folder, and nothing else of the file is needed."""
    file = written(tmp_path, '[logs]\ndirectory = "var/log"\nkeep_days = 7\nk = 10\n')
    assert load_logs(file, needed=True) == LogSettings(tmp_path / "var" / "log", timedelta(days=7), 10)


def test_defaults(tmp_path: Path) -> None:
    """Without the table, and without a file where none is needed, the log is in ``logs``, for thirty days."""
    expected = LogSettings(tmp_path / "logs", timedelta(days=30), 5)
    assert load_logs(tmp_path / "none.toml", needed=False) == expected
    assert load_logs(written(tmp_path, HEAD), needed=True) == expected
    with pytest.raises(ConfigInvalid):
        load_logs(tmp_path / "none.toml", needed=True)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("logs = 1\n", "logs"),
        ("[logs]\ndir = 1\n", "logs.dir"),
        ("[logs]\ndirectory = 1\n", "logs.directory"),
        ("[logs]\nkeep_days = 0\n", "logs.keep_days"),
        ("[logs]\nkeep_days = 36501\n", "logs.keep_days"),
        ('[logs]\nkeep_days = "30d"\n', "logs.keep_days"),
        ("[logs]\nk = 1000001\n", "logs.k"),
        ("[logs]\nk = true\n", "logs.k"),
    ],
)
def test_mistakes_are_named_by_every_command(tmp_path: Path, text: str, key: str) -> None:
    """Whichever command reads the file first tells what is wrong, by file and key."""
    alone = written(tmp_path, text)
    with pytest.raises(ConfigInvalid, match=f"{key}\\)"):
        load_logs(alone, needed=True)
    whole = written(tmp_path, f"{text if '[' not in text else ''}{HEAD}{JSONL}{text if '[' in text else ''}")
    with pytest.raises(ConfigInvalid, match=f"{key}\\)"):
        load(whole)
