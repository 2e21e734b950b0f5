"""Keys as a configuration file writes of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from attrs import frozen

from ._config_table import Table

#: The keys of the table.
KEYS: Final = frozenset({"file", "kms_key", "kms_keys_file", "kms_endpoint"})

_key_like = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+").fullmatch


@frozen(order=False)
class KeySettings:
    """Where the keys are.

    Attributes:
        file: The key file; with a KMS, the file of the keys that it encrypted.
        kms_key: The full name of the key in Google Cloud KMS that guards them; ``None`` where the file holds them.
        kms_endpoint: Another address of the KMS.
    """

    file: Path
    kms_key: str | None = None
    kms_endpoint: str | None = None


def key_settings_of(table: Table) -> KeySettings:
    """Return what the table ``[keys]`` says.

    Raises:
        ConfigInvalid: It has an unknown key, names both a key file and a KMS, or neither, or one of them by half.
    """
    table.only(KEYS)
    if "kms_key" not in table.content:
        for key in ("kms_keys_file", "kms_endpoint"):
            if key in table.content:
                raise table.wrong("a key of the KMS is missing", "Add kms_key = ....", "kms_key")
        return KeySettings(table.path("file"))
    if "file" in table.content:
        raise table.wrong("keys are in a key file or guarded by a KMS, not both", "Leave out one of them.", "file")
    name = table.text("kms_key")
    if _key_like(name) is None:
        cure = "Give it in full: projects/…/locations/…/keyRings/…/cryptoKeys/…, without a version."
        raise table.wrong("this is no name of a key in Google Cloud KMS", cure, "kms_key")
    return KeySettings(table.path("kms_keys_file"), name, table.optional("kms_endpoint", table.text))
