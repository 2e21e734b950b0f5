"""The files that the demo leaves in a folder, and how it knows them for its own."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from attrs import frozen

from smartify_core.errors import FileExists
from smartify_core.sealing import FileKeyRing
from smartify_core.testing.google import GoogleServer

from ._config import DEFAULT_FILE
from ._init import KEY_FILE, write_new

#: The one tenant of the demo.
TENANT: Final = "acme"

_SERVICE_ACCOUNT: Final = "smartify-demo-service-account.json"
_STORE: Final = "smartify.db"
_ENDINGS: Final = "smartify.endings"
_ENDPOINT: Final = "@ENDPOINT@"
_SUBJECT: Final = "@SUBJECT@"
_TEMPLATE: Final = f"""\
# Written by `smartify demo`, and replaced when it runs again as long as you change nothing here.
# The directory that it names was a sample, served on this machine while the demo ran; it has stopped.
# For a configuration of your own, run `smartify init` in another folder.

[storage]
url = "sqlite:///{_STORE}"

[keys]
file = "{KEY_FILE}"

[tenants.{TENANT}]
source = "google"
service_account_file = "{_SERVICE_ACCOUNT}"
subject = "{_SUBJECT}"
api_endpoint = "{_ENDPOINT}"
attempts = 1 # the sample never falters, and once it has stopped there is nothing to wait for
"""
_is_unchanged = re.compile(
    re.escape(_TEMPLATE)
    .replace(re.escape(_ENDPOINT), r"http://127\.0\.0\.1:[0-9]{1,5}/")
    .replace(re.escape(_SUBJECT), r"[A-Za-z0-9._+'@-]+")
).fullmatch


@frozen(order=False)
class DemoFiles:
    """The demo's files in one folder."""

    folder: Path

    @property
    def config(self) -> Path:
        """Return the configuration: written first and removed last, so that it vouches for the others."""
        return self.folder / DEFAULT_FILE

    @property
    def all(self) -> tuple[Path, ...]:
        """Return every file that the demo writes, the configuration last."""
        store = self.folder / _STORE
        return (
            store,
            *(store.with_name(store.name + end) for end in ("-wal", "-shm")),
            self.folder / _SERVICE_ACCOUNT,
            self.folder / KEY_FILE,
            self.config,
        )

    def clear(self) -> None:
        """Remove what an earlier demo left here, but for its key file.

        Raises:
            FileExists: A file is in the way that is not the demo's, or no longer only the demo's. Nothing was touched.
        """
        # Whoever has settled here has made a register of endings: it is the store's, and goes with it.
        there = [path for path in (self.folder / _ENDINGS, *self.all) if os.path.lexists(path)]
        if there and not self._ours():
            raise FileExists(
                "a file is in the way that may not be the demo's own; nothing was touched",
                where=str(there[-1]),
                cure="Run the demo in an empty folder.",
            )
        for path in there:
            # A store of the reader's own may have come to use the keys, and without them nothing in it would open.
            if path.name != KEY_FILE:
                path.unlink()

    def write(self, server: GoogleServer, subject: str) -> None:
        """Write the configuration, the key file and the service account's key."""
        write_new(self.config, _TEMPLATE.replace(_ENDPOINT, server.url).replace(_SUBJECT, subject))
        if not (self.folder / KEY_FILE).exists():
            FileKeyRing.create(self.folder / KEY_FILE)
        server.write_service_account(self.folder / _SERVICE_ACCOUNT)

    def _ours(self) -> bool:
        # Not by a marker alone: somebody may have kept the first line and put a real customer below it.
        try:
            return _is_unchanged(self.config.read_text(encoding="utf-8")) is not None
        except (OSError, ValueError):
            return False
