"""From a configuration to policy over its store; and the words of the command line to the values of policy."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from smartify_core.errors import ConfigInvalid, UsageError
from smartify_core.policy import PROHIBITED, PersonalField, Policy, Purpose
from smartify_core.policy.breach import Notifier
from smartify_core.policy.shredding import EndingsFile
from smartify_core.sealing import KeyRing, Sealer
from smartify_core.storage import Storage

from ._build import chosen, ring_of, store_is_absent, store_of
from ._config import Config, load


@frozen(order=False)
class Opened:
    """A configuration, its store opened, and policy over it."""

    config: Config
    storage: Storage
    sealer: Sealer
    ring: KeyRing
    policy: Policy


@contextmanager
def opened(
    file: Path,
    tenant: str | None = None,
    *,
    guarded: bool = True,
    notifiers_of: Callable[[Config], Sequence[Notifier]] | None = None,
) -> Iterator[Opened]:
    """Open the store that is configured and yield policy over it.

    Args:
        file: The configuration.
        tenant: The tenant that it is about, if it is about one that has to be configured. Without one the configuration
            need not name a tenant any more: what was recorded of those who have left can still be looked at.
        guarded: Whether a store is refused that is older than the register of endings.
        notifiers_of: Makes the channels that notices leave by; there are none where it is not given.

    Raises:
        UnknownTenant: There is no such tenant in the configuration.
        ConfigInvalid: The configuration is wrong, or names a store that is not there, or that does not last.
        OlderStore: The store is older than the register of endings.
        StorageError: The store cannot be opened.
    """
    config = load(file, without_tenants=tenant is None)
    chosen(config, tenant)
    if config.storage_url.startswith("memory:"):
        raise ConfigInvalid(
            "a store in memory keeps no record of anybody",
            where=f"{file}: storage.url",
            cure="Use a store that lasts, such as sqlite:///smartify.db.",
        )
    if store_is_absent(config):
        raise ConfigInvalid("there is no store yet", where=f"{file}: storage.url", cure="Make it with: smartify sync")
    ring = ring_of(config)
    sealer = Sealer(ring)
    notifiers = () if notifiers_of is None else notifiers_of(config)
    with store_of(config, create=False, guarded=guarded) as storage:
        try:
            yield Opened(config, storage, sealer, ring, policy_of(config, storage, sealer, notifiers=notifiers))
        except UsageError as error:
            if type(error) is UsageError and error.where in _OPTIONS:
                # In the words of whoever typed it.
                option = _OPTIONS[error.where]
                what = error.what.replace(f"{error.where} is no id", f"{option} takes an id")
                raise UsageError(what, where=option, cure=error.cure) from None
            raise


def policy_of(config: Config, storage: Storage, sealer: Sealer, *, notifiers: Sequence[Notifier] = ()) -> Policy:
    """Return policy over an open store, by the rules of a configuration, with the channels that notices leave by."""
    settings = config.policy
    return Policy(
        storage,
        sealer,
        rules=settings.access,
        notice=settings.vendor_notice,
        communications=settings.communications,
        register=EndingsFile(settings.endings) if settings.endings.is_file() else None,
        breach=config.breach.rules,
        notifiers=notifiers,
        host=config.breach.host,
    )


def purpose_of(text: str) -> Purpose | str:
    """Return the purpose of a DPV name, also one in lower-case words with hyphens; another text as it is."""
    return _BY_WORDS.get(text, text)


def known_purpose(text: str) -> Purpose:
    """Return the purpose of a DPV name, also one in lower-case words with hyphens, or of an IRI.

    Raises:
        UsageError: There is no such purpose; the nearest one is named.
    """
    found = purpose_of(text)
    if isinstance(found, Purpose):
        return found
    try:
        return Purpose.of(found)
    except UsageError as error:
        names = {spelt: one.value for one in _GRANTABLE for spelt in (one.value, _hyphenated(one.value))}
        raise UsageError(error.what, where="--purpose", cure=_nearest(text, names) + (error.cure or "")) from None


def fields_of(texts: Sequence[str]) -> frozenset[str]:
    """Return the names of fields, each text with one or several, parted by commas."""
    return frozenset(name.strip() for text in texts for name in text.split(",") if name.strip())


def existing(names: Sequence[str]) -> frozenset[PersonalField]:
    """Return the fields of these names.

    Raises:
        UsageError: There is no such field; the nearest one is named.
    """
    return frozenset(map(_field, fields_of(names)))


def _field(name: str) -> PersonalField:
    try:
        return PersonalField.of(name)
    except UsageError as error:
        hint = _nearest(name, {one.value: one.value for one in PersonalField})
        raise UsageError(error.what, where="--fields", cure=hint + (error.cure or "")) from None


def _nearest(text: str, names: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(text, names, n=1, cutoff=0.5)
    return f"Did you mean {names[near[0]]}? " if near else ""


def _hyphenated(name: str) -> str:
    return "".join(f"-{one.lower()}" if one.isupper() else one for one in name).lstrip("-")


#: Which options stand for what policy calls otherwise.
_OPTIONS = {"by": "--as", "owner": "--owner", "agreement": "--agreement", "until": "--until", "ticket": "--ticket"}
_GRANTABLE = [one for one in Purpose if one not in PROHIBITED]
_BY_WORDS = {_hyphenated(one.value): one for one in Purpose}
