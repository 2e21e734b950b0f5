"""PostgreSQL by its URL: options of ours are taken out, the rest is libpq's, and a missing extra is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from smartify_core.errors import StorageUnavailable, UsageError
from smartify_core.storage import Storage
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.storage.url import open_storage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def opened(postgresql_url: str, schema: str) -> Callable[..., Storage]:
    """Return a function that opens the schema by a URL with more options."""

    def open_with(options: str = "", scheme: str = "postgresql", *, read_only: bool = False) -> Storage:
        _, _, rest = postgresql_url.partition(":")
        url = f"{scheme}:{rest}{'&' if '?' in rest else '?'}schema={schema}{options}"
        return open_storage(url, read_only=read_only)

    return open_with


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "PostgreSQL"])
def test_a_postgresql_url_opens_a_schema(opened: Callable[..., Storage], scheme: str) -> None:
    """Each spelling of the scheme leads to the same store, in the schema that the URL names."""
    with opened() as storage:
        assert isinstance(storage, PostgreSQLStorage)
        storage.claim("acme", now=NOON, ttl=timedelta(hours=1))
    with opened(scheme=scheme) as storage:
        assert [one.tenant for one in storage.tenants()] == ["acme"]


def test_options_of_ours_and_of_libpq_stand_side_by_side(opened: Callable[..., Storage]) -> None:
    """Ours are taken out wherever they stand, and what libpq knows is left to it."""
    ours = "&pool_size=2&application_name=a%20shop&statement_timeout=7.5&connect_timeout=5&lock_timeout=3"
    with opened(ours) as storage:
        assert isinstance(storage, PostgreSQLStorage)
        assert storage.tenants() == []
    with opened("&migrate=no&prepare_threshold=3") as storage:
        assert storage.tenants() == []


def test_a_url_may_ask_for_reading_only(opened: Callable[..., Storage]) -> None:
    """So may the caller; what is not there is not made then, and what is there is not written."""
    for options, read_only in (("&mode=ro", False), ("", True), ("&mode=ro&connect_timeout=5", True)):
        with pytest.raises(StorageUnavailable, match="there is no store in the schema"):
            opened(options, read_only=read_only)
    opened().close()
    for options, read_only in (("&mode=ro", False), ("", True), ("&mode=ro&connect_timeout=5", True)):
        with opened(options, read_only=read_only) as storage:
            assert storage.tenants() == []
            with pytest.raises(UsageError, match="for reading only"):
                storage.schedule({"acme": NOON})


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("schema=", "schema must be a text"),
        ("pool_size=0", "pool_size must be a whole number"),
        ("pool_size=s3cret", "pool_size must be a whole number"),
        ("pool_size=1&pool_size=2", "pool_size is given twice"),
        ("statement_timeout=s3cret", "statement_timeout must be a number of seconds"),
        ("lock_timeout=-1", "lock_timeout must be a number of seconds"),
        ("prepare_threshold=x", "prepare_threshold must be a whole number"),
        ("migrate=yes", "migrate must be no"),
        ("mode=rw", "mode must be ro"),
        ("s3cret=1", "cannot be read"),
    ],
)
def test_options_that_make_no_sense_are_named(option: str, words: str) -> None:
    """The option is named, what it says is not, and the password is not."""
    with pytest.raises(UsageError, match=words) as caught:
        open_storage(f"postgresql://admin:s3cret@127.0.0.1:1/shop?{option}")
    assert "s3cret" not in str(caught.value)


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    """Where it was looked for is said, and no more of the URL."""
    with pytest.raises(StorageUnavailable) as caught:
        open_storage("postgresql://admin:s3cret@127.0.0.1:1/shop?connect_timeout=2")
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_missing_extra_is_named(scheme: str) -> None:
    """Without psycopg the command that installs it is told, and the password is not."""
    script = (
        "import sys\n"
        "sys.modules['psycopg'] = None\n"
        "from smartify_core.errors import MissingExtra\n"
        "from smartify_core.storage.url import open_storage\n"
        "try:\n"
        f"    open_storage('{scheme}://admin:s3cret@h/shop')\n"
        "except MissingExtra as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "smartify-core[postgresql]" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr
