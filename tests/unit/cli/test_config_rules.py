from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

from smartify_core.cli._config import load
from smartify_core.cli._config_table import duration_of
from smartify_core.errors import ConfigInvalid
from smartify_core.lifecycle import Ceiling, Guards, Rules, Threshold

HEAD = '[storage]\nurl = "sqlite:///s.db"\n[keys]\nfile = "k"\n'
TENANTS = '[tenants.acme]\nsource = "jsonl"\npath = "p.jsonl"\n[tenants.initech]\nsource = "jsonl"\npath = "q.jsonl"\n'
RULES = """
[schedule]
every = "90s"
[rules]
retain_for = "20d"
protected = ["1", "2"]
delete_adopted = true
held_plan_ttl = "12h"
[rules.guards]
window = "14d"
shrinkage = 0.25
deletions = { run = { floor = 1, share = 0.1, count = 10 }, window = { floor = 2, share = 0.2, count = 20 } }
renames = { run = { floor = 3 } }
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "smartify.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_rules_are_the_defaults_where_nothing_is_said(tmp_path: Path) -> None:
    """Without any table of rules every tenant has the library's own."""
    config = load(written(tmp_path, HEAD + TENANTS))
    assert config.rules == {"acme": Rules(), "initech": Rules()}
    assert config.every == timedelta(minutes=15)


def test_every_rule_is_read(tmp_path: Path) -> None:
    """Each key of the rules lands in the value of the same name, and what is left out is as by default."""
    config = load(written(tmp_path, HEAD + RULES + TENANTS))
    default = Guards()
    assert config.every == timedelta(seconds=90)
    assert config.rules["acme"] == Rules(
        retain_for=timedelta(days=20),
        protected={"1", "2"},
        delete_adopted=True,
        held_plan_ttl=timedelta(hours=12),
        guards=Guards(
            window=timedelta(days=14),
            shrinkage=0.25,
            deletions=Threshold(Ceiling(1, 0.1, 10), Ceiling(2, 0.2, 20)),
            renames=Threshold(evolve(default.renames.run, floor=3), default.renames.window),
        ),
    )


def test_rules_of_one_tenant_override_the_shared_ones(tmp_path: Path) -> None:
    """What a tenant's own table says counts for that tenant; what it leaves out is as the shared table has it."""
    own = '[tenants.acme.rules]\nprotected = ["3"]\n[tenants.acme.rules.guards.deletions.run]\nfloor = 0\n'
    rules = load(written(tmp_path, HEAD + RULES + TENANTS + own)).rules
    assert rules["acme"].protected == {"3"}
    assert rules["acme"].retain_for == timedelta(days=20)
    assert rules["acme"].guards.deletions.run == Ceiling(0, 0.1, 10)
    assert rules["acme"].guards.deletions.window == rules["initech"].guards.deletions.window
    assert rules["initech"].guards.deletions.run == Ceiling(1, 0.1, 10)


@pytest.mark.parametrize(
    ("text", "key", "cure"),
    [
        ('[rules]\nretain_for = "20"\n', "rules.retain_for", "duration"),
        ("[rules]\nretain_for = 20\n", "rules.retain_for", "duration"),
        ('[rules]\nretain = "20d"\n', "rules.retain", "'retain_for'"),
        ('[rules]\nretain_for = "9999999d"\n', "rules", "rules"),
        ('[rules]\nprotected = "1"\n', "rules.protected", "list"),
        ('[rules]\nprotected = [""]\n', "rules.protected", "list"),
        ('[rules]\nprotected = ["a@b.example"]\n', "rules", "source id"),
        ("[rules]\ndelete_adopted = 1\n", "rules.delete_adopted", "true or false"),
        ('[rules.guards]\nwindow = "1m"\n', "rules.guards", "rules"),
        ("[rules.guards]\nshrinkage = -1\n", "rules.guards.shrinkage", "0 or more"),
        ("[rules.guards]\nshrinkage = 2\n", "rules.guards", "rules"),
        ("[rules.guards]\ndeletions = 5\n", "rules.guards.deletions", "table"),
        ("[rules.guards]\ndeletion = {}\n", "rules.guards.deletion", "'deletions'"),
        ("[rules.guards.deletions]\nruns = {}\n", "rules.guards.deletions.runs", "'run'"),
        ("[rules.guards.deletions.run]\nshare = nan\n", "rules.guards.deletions.run.share", "number"),
        ("[rules.guards.deletions.run]\nfloor = 9\ncount = 3\n", "rules.guards.deletions.run", "rules"),
        ("[rules.guards.deletions.run]\ncount = 1_000_000\n", "rules.guards.deletions", "rules"),
        ("[rules.guards.renames.run]\nfloor = true\n", "rules.guards.renames.run.floor", "whole number"),
        ("[tenants.acme.rules]\nprotect = []\n", "tenants.acme.rules.protect", "'protected'"),
        ('[tenants.acme.rules]\nheld_plan_ttl = "0s"\n', "tenants.acme.rules", "rules"),
        ('[schedule]\nevery = "15 minutes"\n', "schedule.every", "duration"),
        ('[schedule]\nevery = "0s"\n', "schedule.every", "one second"),
        ('[schedule]\nevery = "999999999d"\n', "schedule.every", "366 days"),
        ("[schedule]\nworkers = 4\n", "schedule.workers", "every"),
    ],
)
def test_mistakes_in_rules_are_named_by_key(tmp_path: Path, text: str, key: str, cure: str) -> None:
    """Every mistake is refused with the way to its key, or to the table that contradicts itself."""
    file = written(tmp_path, HEAD + TENANTS + text)
    with pytest.raises(ConfigInvalid) as caught:
        load(file)
    assert caught.value.where == f"{file}: {key}"
    assert cure in (caught.value.cure or "")
    assert "a@b.example" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-5s", "1.5h", "5 m", "5M", "1h30m", "٣s", "1e3s", "5s\n", "9999999999s"]
)
def test_texts_that_are_no_durations(text: str) -> None:
    """A duration is digits and one unit, and nothing else."""
    assert duration_of(text) is None


def test_durations() -> None:
    """Seconds, minutes, hours and days are understood."""
    assert [duration_of(text) for text in ("0s", "90s", "15m", "6h", "20d")] == [
        timedelta(0),
        timedelta(seconds=90),
        timedelta(minutes=15),
        timedelta(hours=6),
        timedelta(days=20),
    ]
