"""A Google Workspace account as a directory source."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from smartify_core.directory import Capability, Presence
from smartify_core.errors import UsageError
from smartify_core.model import ProgressSink

from ._limits import Limits, RateLimiter, limiter_of
from ._snapshot import GoogleSnapshot, look_up

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

    from ._http import Endpoint
    from ._transport import Transport

_CAPABILITIES = frozenset({Capability.IMMUTABLE_IDS, Capability.DELETION_EVIDENCE, Capability.SINGLE_READ})
_LONGEST_TIMEOUT = 86_400
_customer_like = re.compile(r"my_customer|[A-Za-z0-9]{2,64}").fullmatch


class Options(TypedDict, total=False):
    """What `GoogleDirectory` takes besides credentials; its documentation says what each is."""

    customer: str
    api_endpoint: str | None
    limits: Limits | None
    rate_limiter: RateLimiter | None
    ca_certs: str | Path | None
    timeout: float
    sleep: Callable[[float], None] | None
    random: Callable[[], float] | None


class GoogleDirectory:
    """A Google Workspace account, read through the Directory API: a `DirectorySource`. Threads may share one.

    Args:
        credentials: Any google-auth credentials. Where their kind takes scopes, a copy with the two read-only ones is
            used and nothing else is asked for.
        customer: ``"my_customer"`` for the account of the delegated administrator, or the account's id (``C...``).
        api_endpoint: Where the API is, if not at Google: for tests and gateways. https, or http to this machine.
        limits: How fast and how stubbornly to ask.
        rate_limiter: Shared by all directories of one Google Cloud project. Without it, directories whose credentials
            name the same project and whose limits agree share one within this process.
        ca_certs: A file with the certificate authorities to trust in place of the usual ones.
        timeout: Seconds that a connection may stay silent.
        sleep: Waits so many seconds between attempts; for tests. Without it, waits end at once when the snapshot is
            closed.
        random: Returns a number in [0, 1) for the random part of waits; for tests.

    Raises:
        UsageError: An argument makes no sense. Nothing was sent.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        customer: str = "my_customer",
        api_endpoint: str | None = None,
        limits: Limits | None = None,
        rate_limiter: RateLimiter | None = None,
        ca_certs: str | Path | None = None,
        timeout: float = 60.0,
        sleep: Callable[[float], None] | None = None,
        random: Callable[[], float] | None = None,
    ) -> None:
        from ._credentials import narrowed, plain_text_to_a_stranger, project_of  # noqa: PLC0415 - heavy

        if not _customer_like(str(customer)):
            raise UsageError(
                "customer is neither 'my_customer' nor a customer id",
                where="customer",
                cure="It is no domain: use 'my_customer'.",
            )
        if api_endpoint is not None and plain_text_to_a_stranger(api_endpoint):
            raise UsageError(
                "api_endpoint is no address to send a token to",
                where="api_endpoint",
                cure="Use an https URL, or http to this machine.",
            )
        if not 0 < timeout <= _LONGEST_TIMEOUT:
            raise UsageError(
                f"timeout must be a number of seconds above 0 and at most {_LONGEST_TIMEOUT:,}", where="timeout"
            )
        if ca_certs is not None and not Path(ca_certs).is_file():
            raise UsageError("the file with certificate authorities does not exist", where=f"ca_certs: {ca_certs}")
        self._limits = limits or Limits()
        self._limiter = rate_limiter or limiter_of(project_of(credentials), self._limits)
        self._credentials = narrowed(credentials)
        self._customer = customer
        self._api_endpoint = api_endpoint if api_endpoint is None else api_endpoint.rstrip("/") + "/"
        self._ca_certs = None if ca_certs is None else str(ca_certs)
        self._timeout = float(timeout)
        self._sleep = sleep
        self._random = random or Random().random  # noqa: S311 - jitter, not a secret
        self._lock = threading.Lock()
        self._endpoint: Endpoint | None = None

    @classmethod
    def from_service_account(cls, file: str | Path, *, subject: str, **options: Unpack[Options]) -> Self:
        """Return a directory that a service account with domain-wide delegation reads.

        Args:
            file: The service account's JSON key.
            subject: The address of an active administrator of the customer's account, for whom the service account
                acts.
            options: As for `GoogleDirectory`.

        Raises:
            CredentialsInvalid: The file is missing, unreadable, no service account's key or an incomplete one.
                Nothing was sent.
            UsageError: Another argument makes no sense.
        """
        from ._credentials import load_service_account  # noqa: PLC0415 - heavy

        return cls(load_service_account(file, subject), **options)

    def __repr__(self) -> str:
        """Return the customer's id; nothing personal."""
        return f"<GoogleDirectory {self._customer}>"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what Google vouches for: immutable ids, a list of the deleted (for 20 days), and reads by id."""
        return _CAPABILITIES

    def snapshot(self, *, progress: ProgressSink | None = None) -> GoogleSnapshot:
        """Begin one read; nothing is sent before `GoogleSnapshot.identities` is iterated."""
        return GoogleSnapshot(self._transport(), customer=self._customer, limits=self._limits, progress=progress)

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Ask Google for people by id, one request each. See `DirectorySource.look_up`.

        Groups are not read (`Present.memberships_read` is false). Who is not found is looked for on the list of the
        deleted, which costs a request for 500 of them.
        """
        return look_up(self._transport(), source_ids, customer=self._customer, limits=self._limits)

    def _transport(self) -> Transport:
        from ._http import Endpoint  # noqa: PLC0415 - heavy
        from ._transport import Transport  # noqa: PLC0415 - heavy

        with self._lock:
            if self._endpoint is None:
                self._endpoint = Endpoint(self._credentials, self._api_endpoint, self._limits.concurrency)
        return Transport(
            self._endpoint,
            limits=self._limits,
            limiter=self._limiter,
            sleep=self._sleep,
            random=self._random,
            timeout=self._timeout,
            ca_certs=self._ca_certs,
        )
