"""What a developer writes, as type checkers see it. Read by mypy and pyright, never executed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import assert_type

from smartify_core.directory import DirectorySource
from smartify_core.directory.google import GoogleDirectory
from smartify_core.errors import MissingExtra, SmartifyError, SourceError, StorageError
from smartify_core.lifecycle import Accounts, Change, Counts, Plan, Reconciler, Run, Verdict
from smartify_core.model import Account, AccountState, Clock, InactiveReason, Membership, PersonalFields, Stage
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.storage.url import open_storage


def nightly(clock: Clock) -> None:
    google = GoogleDirectory.from_service_account("sa.json", subject="admin@acme.example")
    assert_type(google, GoogleDirectory)
    sealer = Sealer(FileKeyRing("smartify.keys"))
    with SQLiteStorage("smartify.db") as storage:
        assert_type(storage, SQLiteStorage)
        reconciler = Reconciler({"acme": google}, storage, sealer, clock=clock)
        plan = reconciler.plan("acme")
        assert_type(plan, Plan)
        assert_type(reconciler.apply(plan), Run)
        assert_type(reconciler.run("acme", progress=on_progress), Run)
        assert_type(reconciler.run_each(), Iterator[Run])


def looks(plan: Plan, run: Run) -> None:
    assert_type(plan.changes, tuple[Change, ...])
    assert_type(run.verdict, Verdict)
    assert_type(run.counts, Counts)


def on_progress(stage: Stage, done: int, total: int | None) -> None:
    assert_type(stage, Stage)
    assert_type((done, total), tuple[int, int | None])


def sign_in(accounts: Accounts, email: str) -> bool:
    account = accounts.by_email("acme", email)
    assert_type(account, Account | None)
    return account is not None and account.state is AccountState.ACTIVE


def report(accounts: Accounts) -> None:
    for account in accounts.each("acme"):
        assert_type(account.inactive_reason, InactiveReason | None)
        assert_type(account.personal, PersonalFields | None)
        if account.personal is not None:
            assert_type(account.personal.memberships, tuple[Membership, ...])


def handles(reconciler: Reconciler) -> None:
    try:
        reconciler.run("acme")
    except SourceError as error:
        assert_type(error.code, str)
        assert_type(error.retryable, bool)
        assert_type(error.where, str | None)
    except StorageError as error:
        assert_type(error.cure, str | None)
    except SmartifyError as error:
        assert_type(error.what, str)
    assert_type(MissingExtra.named("cli", needed_for="the smartify command"), MissingExtra)


def configured(clock: Clock) -> None:
    assert_type(open_storage("sqlite:///smartify.db"), Storage)
    assert_type(clock(), datetime)


#: Adapters satisfy their ports structurally.
a_source: type[DirectorySource] = GoogleDirectory
a_storage: type[Storage] = SQLiteStorage
