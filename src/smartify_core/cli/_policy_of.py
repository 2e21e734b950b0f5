"""From a configuration to policy over its store; and the words of the command line to the values of policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from smartify_core.errors import ConfigInvalid
from smartify_core.policy import PersonalField, Policy, Purpose
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._build import sealer_of, store_is_absent, store_of
from ._config import Config, load


@frozen(order=False)
class Opened:
    """A configuration, its store opened, and policy over it."""

    config: Config
    storage: Storage
    sealer: Sealer
    policy: Policy


@contextmanager
def opened(file: Path) -> Iterator[Opened]:
    """Open the store that is configured and yield policy over it.

    Raises:
        ConfigInvalid: The configuration is wrong, or names a store that is not there.
        StorageError: The store cannot be opened.
    """
    config = load(file)
    if store_is_absent(config):
        raise ConfigInvalid("there is no store yet", where=f"{file}: storage.url", cure="Make it with: smartify sync")
    sealer = sealer_of(config)
    with store_of(config, create=False) as storage:
        yield Opened(config, storage, sealer, Policy(storage, sealer, rules=config.policy.access))


def purpose_of(text: str) -> Purpose | str:
    """Return the purpose of a DPV name, also one in lower-case words with hyphens; another text as it is."""
    return _BY_WORDS.get(text, text)


def fields_of(texts: Sequence[str]) -> frozenset[str]:
    """Return the names of fields, each text with one or several, parted by commas."""
    return frozenset(name.strip() for text in texts for name in text.split(",") if name.strip())


def existing(names: Sequence[str]) -> frozenset[PersonalField]:
    """Return the fields of these names.

    Raises:
        UsageError: There is no such field.
    """
    return frozenset(PersonalField.of(name) for name in fields_of(names))


def _hyphenated(name: str) -> str:
    return "".join(f"-{one.lower()}" if one.isupper() else one for one in name).lstrip("-")


_BY_WORDS = {_hyphenated(one.value): one for one in Purpose}
