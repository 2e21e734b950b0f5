"""The server itself: worlds behind a port."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from smartify_core.errors import FileExists, UsageError
from smartify_core.testing.google._answered import AnsweredRequests
from smartify_core.testing.google._answers import Refusal
from smartify_core.testing.google._api import Api
from smartify_core.testing.google._faults import Faults
from smartify_core.testing.google._http import Listener
from smartify_core.testing.google._quirks import Quirks
from smartify_core.testing.google._quota import Meter, Quota
from smartify_core.testing.google._service import Service
from smartify_core.testing.google._tokens import READ_ONLY, TokenOffice
from smartify_core.testing.google._workspace import Workspace
from smartify_core.testing.google._world import utc_now


class GoogleServer:
    """Speaks the Google Admin SDK Directory API (users, groups, members; reading) on 127.0.0.1, for tests.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`. Point a client's API endpoint at :attr:`url`
    and give it a service account from :meth:`service_account`, whose ``token_uri`` is this server's.

    Args:
        workspace: The customer's world, or several; a token's subject belongs to the one that has its domain.
        port: The port; 0 takes a free one.
        latency: Seconds that every request takes at least.
        quota: Limits on rate and concurrency; none by default.
        page_size_cap: The most items on a page, below the API's own maximum: long listings from small worlds.
        clock: What access tokens, assertions and quotas are timed by. The worlds' own clocks time everything in them.
        quirks: Behaviour that nobody outside Google could confirm.

    Attributes:
        latency: As above; may be changed at any time.
        faults: What goes wrong.
        workspaces: The worlds.
    """

    def __init__(
        self,
        workspace: Workspace | Sequence[Workspace],
        *,
        port: int = 0,
        latency: float = 0.0,
        quota: Quota | None = None,
        page_size_cap: int | None = None,
        clock: Callable[[], datetime] = utc_now,
        quirks: Quirks | None = None,
    ) -> None:
        self.workspaces: tuple[Workspace, ...] = (workspace,) if isinstance(workspace, Workspace) else tuple(workspace)
        domains = [domain.lower() for each in self.workspaces for domain in each.domains]
        customers = {each.customer_id for each in self.workspaces}
        if not domains or len(set(domains)) != len(domains) or len(customers) != len(self.workspaces):
            raise UsageError(
                "the workspaces cannot share a server",
                cure="Give every workspace domains and a customer id of its own.",
            )
        self.latency = latency
        self.faults: Faults = Faults()
        self._stopping = threading.Event()
        self._tokens = TokenOffice(self.workspaces, clock)
        api = Api(self.workspaces, quirks=quirks or Quirks(), page_size_cap=page_size_cap, clock=clock)
        self._service = Service(
            api,
            self._tokens,
            self.faults,
            Meter(quota),
            clock=clock,
            latency=lambda: self.latency,
            wait=self._stopping.wait,
        )
        self._wanted_port = port
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    # --- running ----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Take the port and answer from now on.

        Raises:
            UsageError: It is running already, or the port is taken.
        """
        if self._listener is not None:
            raise UsageError("the server is running already", where=self.url, cure="Stop it first.")
        self._stopping.clear()
        try:
            self._listener = Listener(self._wanted_port, self._service.handle, self._stopping.wait)
        except OSError:
            raise UsageError(
                "the port cannot be used", where=f"127.0.0.1:{self._wanted_port}", cure="Use port 0 to take a free one."
            ) from None
        self._service.token_url = self.url + "token"
        self._thread = threading.Thread(target=self._listener.serve, name="google-wire", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection, and wait for the threads. Does nothing when it is not running."""
        if self._listener is None or self._thread is None:
            return
        self._stopping.set()
        self._listener.close_all(self._thread)
        self._listener = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return ``http://127.0.0.1:PORT/``, for a client's ``api_endpoint``.

        Raises:
            UsageError: The server is not running.
        """
        if self._listener is None:
            raise UsageError("the server is not running", cure="Enter it as a context manager, or call start().")
        return f"http://127.0.0.1:{self._listener.server_address[1]}/"

    # --- credentials ------------------------------------------------------------------------------------------------

    def service_account(
        self, *, scopes: Sequence[str] = READ_ONLY, subjects: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Return the content of a new service account's key file, delegated domain-wide.

        Args:
            scopes: What the administrators granted. An assertion that asks for one more is refused whole.
            subjects: Whom it may act for; by default every active person of every workspace here, as at Google.
        """
        return self._tokens.new_service_account(scopes, subjects, self.url + "token")

    def write_service_account(
        self, path: str | os.PathLike[str], *, scopes: Sequence[str] = READ_ONLY, subjects: Sequence[str] | None = None
    ) -> Path:
        """Write a new service account's key file that only its owner can read (mode 0600), and return its path.

        Raises:
            FileExists: There is a file of that name; it was left alone.
        """
        content = json.dumps(self.service_account(scopes=scopes, subjects=subjects), indent=2) + "\n"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise FileExists("there is a file already", where=os.fspath(path), cure="Choose another name.") from None
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        return Path(path)

    def authorized_user(self, subject: str, *, scopes: Sequence[str] = READ_ONLY) -> dict[str, Any]:
        """Return the content of an "authorized user" file: an administrator's consent in place of a service account.

        Google's Python library takes ``token_uri`` from such a file only when its values are passed to ``Credentials``
        one by one; ``from_authorized_user_info`` always asks Google.
        """
        return self._tokens.new_authorized_user(subject, scopes, self.url + "token")

    def access_token(self, subject: str | None = None, *, scopes: Sequence[str] = READ_ONLY) -> str:
        """Return an access token for plain HTTP clients, by default the first workspace's administrator's.

        Raises:
            UsageError: Nobody active has that address.
        """
        try:
            return self._tokens.issue(subject or self.workspaces[0].admin_email, scopes)
        except Refusal:
            raise UsageError("nobody active has this address", cure="Add the person to a workspace first.") from None

    def revoke_tokens(self) -> None:
        """Make every access token invalid: the next call gets a 401."""
        self._tokens.revoke_all()

    @property
    def token_lifetime(self) -> timedelta:
        """Return how long access tokens are good for; may be set, for tokens issued from then on."""
        return self._tokens.lifetime

    @token_lifetime.setter
    def token_lifetime(self, lifetime: timedelta) -> None:
        self._tokens.lifetime = lifetime

    # --- looking back -----------------------------------------------------------------------------------------------

    @property
    def requests(self) -> AnsweredRequests:
        """Return what was asked so far, oldest first."""
        return self._service.log

    @property
    def max_in_flight(self) -> int:
        """Return the greatest number of API requests that were being worked on at once."""
        return self._service.max_in_flight

    def reset_log(self) -> None:
        """Forget the requests so far and the greatest number in flight."""
        self._service.reset_log()
