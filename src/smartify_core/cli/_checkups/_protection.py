"""C10: whether what is held is protected, and whether what has ended is gone."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from smartify_core.cli._auditing import checkpoints_of
from smartify_core.cli._build import file_of_sqlite
from smartify_core.cli._numbers import are, numbered
from smartify_core.cli._policy_of import Opened
from smartify_core.errors import EndingsInvalid, OlderStore
from smartify_core.lifecycle import utc_now
from smartify_core.policy.audit import verify
from smartify_core.policy.shredding import EndingsFile, check_restored
from smartify_core.storage.walks import every_tenant

from ._checkup import Checkup, counted

#: After how long without a checkpoint one is due.
_CHECKPOINT_DUE: Final = timedelta(days=1)


def of_trail(at: Opened) -> Iterator[Checkup]:
    checkpoints = checkpoints_of(at)
    latest = checkpoints.latest()
    found = verify(at.policy.trail, verifiers=checkpoints.verifiers)
    if not found.is_sound:
        yield Checkup(
            "C10",
            enforced=False,
            what=f"The audit trail is broken: {found.findings[0]}.",
            cure="See `smartify audit verify`, and treat it as an incident.",
        )
        return
    yield Checkup("C10", enforced=True, what=f"The audit trail agrees with itself: {numbered(found.size, 'entry')}.")
    settings = at.config.policy
    if settings.witness_folder is None and not settings.witnesses:
        yield Checkup(
            "C10",
            enforced=False,
            what="No witness outside of the store sees the trail's checkpoints.",
            cure="Name witness_folder or a witness in [policy], or keep the notes of `smartify audit checkpoint --to`.",
        )
    if found.size and (latest is None or utc_now() - latest.at > _CHECKPOINT_DUE):
        yield Checkup(
            "C10",
            enforced=False,
            what="The latest checkpoint of the trail is older than a day."
            if latest
            else "The trail has no checkpoint.",
            cure="Have `smartify audit checkpoint` run every day.",
        )


def of_files(at: Opened) -> Iterator[Checkup]:
    store = file_of_sqlite(at.config.storage_url)
    if store is not None and store.exists():
        mode = stat.S_IMODE(store.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield Checkup(
                "C10",
                enforced=False,
                what=f"Others than its owner may use the store (mode {mode:04o}).",
                cure="Run: chmod 600 on the file of the store, and on those beside it.",
            )
        if store.parent == at.config.key_file.parent:
            yield Checkup(
                "C10",
                enforced=False,
                what="The keys lie in the same folder as the store: whoever copies one copies the other.",
                cure="Move the key file elsewhere, and name it in [keys].",
            )
    yield Checkup("C10", enforced=True, what="Every account is sealed under a key of its own (AES-256-GCM).")


def of_keys(at: Opened) -> Iterator[Checkup]:
    left = at.policy.rotation.remaining()
    if left.total:
        yield Checkup(
            "C10",
            enforced=False,
            what=f"Under older keys: {numbered(left.accounts, 'account')}, {numbered(left.documents, 'document')}.",
            cure="Move them: smartify keys rewrap. Then take the old keys out: smartify keys retire.",
        )
    else:
        yield Checkup("C10", enforced=True, what="Everything is under the newest key.")
    if left.damaged:
        yield Checkup(
            "C10",
            enforced=False,
            what=f"{left.damaged:,} {are(left.damaged)} under no key that can be told.",
            cure="Look with `smartify storage check`, and restore the store from a backup.",
        )


def of_holds(at: Opened) -> Iterator[Checkup]:
    holds = [hold for one in every_tenant(at.storage) for hold in at.policy.holds.of(one.tenant)]
    endless = [hold.tenant for hold in holds if hold.until is None]
    if endless:
        yield Checkup(
            "C10",
            enforced=False,
            what=f"{numbered(len(endless), 'legal hold')} without an end, at {counted(endless)}: nothing there goes.",
            cure="Ask whoever ordered them, and release them or give them an end: smartify hold.",
        )
    yield Checkup("C10", enforced=True, what=f"{numbered(len(holds), 'legal hold')} on record.")


def of_endings(at: Opened) -> Iterator[Checkup]:
    waiting = at.policy.shredder.unsettled()
    if waiting:
        yield Checkup(
            "C10",
            enforced=False,
            what=f"{numbered(waiting, 'account')} ended without a receipt yet.",
            cure="Write them: smartify settle.",
        )
    yield from _of_register(at)


def _of_register(at: Opened) -> Iterator[Checkup]:
    file, store = at.config.policy.endings, file_of_sqlite(at.config.storage_url)
    if not file.is_file():
        yield Checkup(
            "C10",
            enforced=False,
            what="There is no register of endings: a restored backup brings the gone back unnoticed.",
            cure="Name endings in [policy], a file apart from the store, and make it once: smartify settle.",
        )
        return
    try:
        check_restored(at.policy.trail, EndingsFile(file))
    except (OlderStore, EndingsInvalid) as error:
        cure = "End again whoever is gone: smartify reshred." if isinstance(error, OlderStore) else error.cure or ""
        yield Checkup("C10", enforced=False, what=f"{error.what[:1].upper()}{error.what[1:]}.", cure=cure)
        return
    if store is not None and file.absolute().parent == store.parent:
        yield Checkup(
            "C10",
            enforced=False,
            what="The register of endings lies beside the store: what restores the one restores the other.",
            cure="Move it elsewhere, out of reach of the store's backups, and name it as endings in [policy].",
        )
    else:
        yield Checkup("C10", enforced=True, what="An older store would be noticed by the register of endings.")
