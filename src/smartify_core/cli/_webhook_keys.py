"""The file of the keys that webhooks are signed with: for its owner only, and never quoted."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from smartify_core.errors import ConfigInvalid, UsageError
from smartify_core.policy.breach.webhook import WebhookKey, WebhookSecret

from ._whole_files import writing

#: The name of the key of contacts that name none.
DEFAULT_KEY: Final = "default"
_HEADING: Final = "# The keys that webhooks of notices are signed with. Whoever has this file can sign as you.\n"
_OTHERS: Final = 0o077


def read_keys(file: Path) -> Mapping[str, tuple[WebhookKey | WebhookSecret, ...]]:
    """Return the keys of a file by their names. Of several under one name, all sign: a receiver needs one of them.

    Raises:
        ConfigInvalid: The file is not there, others may read it, or something in it is no key.
    """
    content = _content(file)
    return {name: tuple(_key(file, name, text) for text in texts) for name, texts in content.items()}


def add_key(file: Path, name: str, *, shared: bool) -> str:
    """Add a new key under a name, make the file if need be, and return what a receiver checks signatures with.

    Args:
        file: The file.
        name: The name, as contacts give it as their ``key_id``.
        shared: Whether receivers share the secret, as common libraries want it, and could sign as the host then.

    Raises:
        ConfigInvalid: The file is there and cannot be used.
        OutputFailed: It cannot be written.
    """
    content = {} if not file.exists() else _content(file)
    made = WebhookSecret.generate() if shared else WebhookKey.generate()
    content[name] = [*content.get(name, ()), made.secret]
    with writing(file) as target:
        target.write(_HEADING)
        for key, texts in content.items():
            quoted = ", ".join(f'"{text}"' for text in texts)
            target.write(f'"{key}" = [{quoted}]\n')
    return made.secret if isinstance(made, WebhookSecret) else made.public


def _content(file: Path) -> dict[str, list[str]]:
    try:
        mode = file.stat().st_mode
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigInvalid(
            "there is no file of webhook keys", where=str(file), cure="Make it with: smartify breach webhook-key"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise _wrong(file) from None
    if os.name == "posix" and mode & _OTHERS:
        raise ConfigInvalid(
            "others may read the webhook keys", where=str(file), cure="Take their right away: chmod 600 FILE."
        )
    for texts in content.values():
        if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
            raise _wrong(file)
    return content


def _key(file: Path, name: str, text: str) -> WebhookKey | WebhookSecret:
    try:
        return WebhookSecret.parse(text) if text.startswith("whsec_") else WebhookKey.parse(text)
    except UsageError as error:
        raise ConfigInvalid(error.what, where=f"{file}: {name}", cure=error.cure) from None


def _wrong(file: Path) -> ConfigInvalid:
    return ConfigInvalid(
        "this is no file of webhook keys",
        where=str(file),
        cure='It has lines such as: "default" = ["whsk_..."]. Bring it back from a copy.',
    )
