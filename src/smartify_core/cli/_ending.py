"""Endings: receipts for whoever is gone, customers who leave, and stores that were restored from a backup."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import asdict

from smartify_core.errors import SmartifyError, UsageError
from smartify_core.lifecycle import Run, Verdict
from smartify_core.policy.shredding import EndingsFile
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from . import _exit_codes as exit_codes
from ._build import register_of, store_is_absent
from ._config import Config, load
from ._numbers import are, numbered
from ._output import Output
from ._policy_of import opened, policy_of


def settle(output: Output, file: Path, tenant: str | None) -> int:
    """Write the receipts that are due, and enter them into the register of endings, which is made if need be."""
    config = load(file, without_tenants=tenant is None)
    register = config.policy.endings
    made = not register.exists() and not store_is_absent(config)
    if made:
        EndingsFile.create(register)
    with opened(file, tenant) as at:
        written = at.policy.shredder.settle(tenant)
    output.document({"receipts": written, "register": str(register), "register_made": made})
    if made:
        output.line(f"made a register of endings: {register}")
        output.line("Keep it apart from the store and its backups: it tells who must not come back with one")
    output.line(f"{numbered(written, 'receipt')} {are(written)} written for accounts that have ended")
    return exit_codes.DONE


def off_board(output: Output, file: Path, tenant: str, *, by: str, reason: str) -> int:
    """Erase all that is held of a customer, for good."""
    with opened(file) as at:
        if tenant in at.config.tenants:
            raise UsageError(
                "the tenant is still configured, so the next run would provision it anew",
                where=f"{file}: tenants.{tenant}",
                cure=f"Take [tenants.{tenant}] out of the configuration first, and stop whoever runs by an older one.",
            )
        before = at.policy.shredder.standing(tenant)
        gone = at.policy.shredder.off_board(tenant, by=by, reason=reason)
    ended = gone.ended_at.isoformat() if gone.ended_at else None
    output.document(
        {
            "tenant": tenant,
            "begun_at": gone.begun_at.isoformat(),
            "ended_at": ended,
            "accounts": gone.accounts,
            "tombstones": gone.tombstones,
        }
    )
    erased = "is erased"
    if before is not None and before.ended_at is not None:
        erased = f"was erased already, on {before.ended_at:%Y-%m-%d}"
    counts = f"{numbered(gone.accounts, 'account')}, {numbered(gone.tombstones, 'tombstone')}"
    output.line(f"{tenant}: all that was held {erased}: {counts}")
    return exit_codes.DONE


def reshred(output: Output, file: Path, *, by: str, reason: str) -> int:
    """End again whoever is on the register of endings and back in a restored store."""
    with opened(file, guarded=False) as at:
        if register_of(at.config) is None:
            raise UsageError(
                "there is no register of endings, so nobody can tell who is gone",
                where=str(at.config.policy.endings),
                cure="Bring it back from where it is kept, or name it as endings in [policy].",
            )
        done = at.policy.shredder.reshred(by=by, reason=reason)
    output.document({"reshredded": asdict(done)})
    output.line(
        f"{numbered(done.accounts, 'account')} and {numbered(done.tenants, 'tenant')} that had ended are ended again"
    )
    output.line("The store may be used again")
    return exit_codes.DONE


class Settling:
    """Settles the tenants that ran, and fails no run by it.

    Args:
        config: The configuration.
        storage: The store that is open.
        sealer: What seals what it holds.
        note: Where trouble is told.
    """

    def __init__(self, config: Config, storage: Storage, sealer: Sealer, note: Callable[[str], None]) -> None:
        self._shredder = policy_of(config, storage, sealer).shredder
        self._note = note
        self._settled: set[str] = set()

    def after(self, run: Run) -> None:
        """Settle the tenant of a run: the first time, and whenever somebody's account has ended or trouble is over."""
        if run.verdict is Verdict.FAILED or (run.tenant in self._settled and not run.counts.deleted):
            return
        try:
            self._shredder.settle(run.tenant)
        except SmartifyError as error:
            self._settled.discard(run.tenant)
            self._note(f"smartify: {run.tenant}: the receipts of ended accounts wait for the next run: {error}")
        else:
            self._settled.add(run.tenant)

    def after_each(self, runs: Iterable[Run]) -> Iterable[Run]:
        """Yield runs as they come, and settle the tenant of each."""
        for run in runs:
            yield run
            self.after(run)
