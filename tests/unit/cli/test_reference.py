"""The reference names every command, option and key that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from smartify_core.cli import _config_breach as config_breach
from smartify_core.cli import _config_policy as config_policy
from smartify_core.cli import _config_rules as config_rules
from smartify_core.cli import _exit_codes as exit_codes
from smartify_core.cli._commands import command_line
from smartify_core.cli._config import GoogleTenant, JsonLinesTenant, load
from smartify_core.cli._config_keys import KEYS
from smartify_core.cli._config_logs import LOGS
from smartify_core.cli._init import TEMPLATE

DOCS = Path(__file__).parents[3] / "docs" / "reference"


def sections(file: str, level: int) -> dict[str, str]:
    """Return the sections of one level of a document, by heading."""
    parts = re.split(rf"^{'#' * level} (.+)$", (DOCS / file).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_cells(text: str) -> set[str]:
    """Return what stands in code quotes in the first cells of the tables of ``text``."""
    rows = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
    return {cell.split()[0] for row in rows for cell in re.findall(r"`([^`]+)`", row)}


def options(command: click.Command) -> set[str]:
    """Return the options of a command, and its arguments as its usage line writes them."""
    with click.Context(command, help_option_names=["--help", "-h"]) as context:
        parameters = command.get_params(context)
        arguments = {(one.metavar or str(one.name).upper()) for one in parameters if isinstance(one, click.Argument)}
    return arguments | {
        name for one in parameters if isinstance(one, click.Option) for name in (*one.opts, *one.secondary_opts)
    }


def every_command(group: click.Group = command_line, *before: str) -> dict[str, click.Command]:
    """Return the commands that do something, by name; those of a group by both names."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= every_command(command, *before, name)
        else:
            found[" ".join((*before, name))] = command
    return found


def test_every_command_has_a_section() -> None:
    """The reference has a section for each command, and for no other."""
    documented = {heading for heading in sections("cli.md", 3) if heading.startswith("`smartify ")}
    assert documented == {f"`smartify {name}`" for name in every_command()}


def shared() -> set[str]:
    return first_cells(sections("cli.md", 2)["Options of every command"])


@pytest.mark.parametrize("name", sorted(every_command()))
def test_every_option_is_documented(name: str) -> None:
    """A command's own options are in its section, the others in the section on the options of every command."""
    section = sections("cli.md", 3)[f"`smartify {name}`"].split("\n## ")[0]
    assert first_cells(section) == options(every_command()[name]) - shared()
    assert shared() <= options(every_command()[name])


def test_groups_take_the_options_of_every_command() -> None:
    """A group of commands has no options of its own."""
    groups = [command for command in command_line.commands.values() if isinstance(command, click.Group)]
    assert sorted(str(group.name) for group in groups) == [
        *("audit", "breach", "communications", "employee", "grant", "hold", "keys", "logs", "storage", "vendors"),
    ]
    assert all(options(group) == shared() for group in groups)


def test_options_before_the_command_are_documented() -> None:
    """Before the command stand the options of every command, and ``--version``."""
    assert options(command_line) == shared() | {"--version"}
    assert "`smartify --version`" in (DOCS / "cli.md").read_text(encoding="utf-8")


def test_every_exit_code_is_documented() -> None:
    """The table of exit codes has those that the code knows."""
    rows = re.findall(r"^\| ([0-9, ]+) \|", sections("cli.md", 2)["Exit codes"], re.MULTILINE)
    documented = {int(code) for row in rows for code in row.split(",")}
    assert documented == {
        exit_codes.DONE,
        exit_codes.FAILED,
        exit_codes.WRONG_USAGE,
        exit_codes.HELD,
        exit_codes.DENIED,
        exit_codes.BROKEN_PIPE,
        130,
        143,
    }


@pytest.mark.parametrize(
    ("heading", "level", "keys"),
    [
        ("`[storage]`", 2, {"url"}),
        ("`[keys]`", 2, set(KEYS)),
        ("`[schedule]`", 2, {"every"}),
        ("`[logs]`", 2, set(LOGS)),
        ("`[policy]`", 2, set(config_policy.POLICY)),
        ("`[policy.communications]`", 3, set(config_policy.COMMUNICATIONS)),
        ("`[breach]`", 2, set(config_breach.BREACH)),
        ("`[breach.mail]`", 3, set(config_breach.MAIL)),
        ("`[breach.webhook]`", 3, set(config_breach.WEBHOOK)),
        ("`[rules]`", 2, set(config_rules.RULES - {"guards"})),
        ("`[rules.guards]`", 3, set(config_rules.GUARDS)),
        ("`[tenants.NAME]`", 2, {"source", "rules"}),
        ('With `source = "google"`', 3, set(GoogleTenant.__annotations__)),
        ('With `source = "jsonl"`', 3, set(JsonLinesTenant.__annotations__)),
    ],
)
def test_every_configuration_key_is_documented(heading: str, level: int, keys: set[str]) -> None:
    """Each table of the reference has the keys that its part of the configuration takes."""
    section = re.split(r"^##+ ", sections("configuration.md", level)[heading], flags=re.MULTILINE)[0]
    assert first_cells(section) == keys


def test_example_of_the_reference_is_a_configuration(tmp_path: Path) -> None:
    """The reference's own example loads."""
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    example = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(example) == 1
    (tmp_path / "smartify.toml").write_text(example[0], encoding="utf-8")
    assert set(load(tmp_path / "smartify.toml").tenants) == {"acme", "initech"}


def test_template_explains_every_key() -> None:
    """What ``smartify init`` writes has each key that there is."""
    written = set(re.findall(r"^(?:# )?([a-z_]+) = ", TEMPLATE, re.MULTILINE))
    assert written == {
        *("url", "file", "source", "every"),
        *LOGS,
        *KEYS,
        *config_policy.POLICY,
        *config_breach.BREACH,
        *GoogleTenant.__annotations__,
        *JsonLinesTenant.__annotations__,
        *(config_rules.RULES - {"guards"}),
        *config_rules.GUARDS,
    }
