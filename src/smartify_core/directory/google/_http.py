"""googleapiclient and httplib2, set up so that nothing is logged, redirected, proxied or left open behind our back."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import threading
from collections.abc import Callable
from typing import Any

import google.auth.credentials
import googleapiclient.discovery
import googleapiclient.model
import httplib2
from google.api_core.client_options import ClientOptions
from googleapiclient.http import HttpRequest

from smartify_core.errors import SourceUnavailable

from ._answer import bounded_response
from ._credentials import TokenGate, is_loopback


class _BytesModel(googleapiclient.model.JsonModel):
    """Asks for JSON and hands the body on as it came.

    googleapiclient itself turns a body that is not JSON into a text without a word.
    """

    def deserialize(self, content: bytes) -> bytes:  # type: ignore[override]  # the stubs say None
        return content


def build_service(api_endpoint: str | None) -> Any:  # noqa: ANN401 - made at run time from a document
    """Return googleapiclient's service object, built from the discovery document in its package; nothing is sent."""
    options = ClientOptions(api_endpoint=api_endpoint, universe_domain="googleapis.com")
    return googleapiclient.discovery.build(
        "admin",
        "directory_v1",
        http=httplib2.Http(),
        model=_BytesModel(),
        client_options=options,
        cache_discovery=False,
        static_discovery=True,
    )


class Endpoint:
    """What all reads of one directory share: the service object, the token, and the places for requests under way."""

    def __init__(
        self, credentials: google.auth.credentials.Credentials, api_endpoint: str | None, concurrency: int
    ) -> None:
        service = build_service(api_endpoint)
        users, groups, members = service.users(), service.groups(), service.members()
        self.methods: dict[str, Callable[..., HttpRequest]] = {
            "users.list": users.list,
            "users.get": users.get,
            "groups.list": groups.list,
            "groups.get": groups.get,
            "members.list": members.list,
        }
        self.gate: TokenGate = TokenGate(credentials)
        self.places: threading.BoundedSemaphore = threading.BoundedSemaphore(concurrency)


class Http(httplib2.Http):
    """One thread's connections. They can be cut off by another thread, and then open no new one.

    Args:
        closing: Set when the read is being closed.
        timeout: Seconds that a connection may stay silent.
        patience: Seconds that one answer may take.
        ca_certs: A file with the certificate authorities to trust.
    """

    def __init__(self, closing: threading.Event, timeout: float, patience: float, ca_certs: str | None) -> None:
        super().__init__(timeout=timeout, ca_certs=ca_certs)
        # A redirect of an API call is a captive portal's or a proxy's; the token must not follow it.
        self.follow_redirects = False
        answer = bounded_response(patience)

        class Plain(httplib2.HTTPConnectionWithTimeout):
            response_class = answer

            def connect(self) -> None:
                _before_connect(self, closing)
                super().connect()
                _after_connect(self, closing)

        class Secure(httplib2.HTTPSConnectionWithTimeout):
            response_class = answer

            def connect(self) -> None:
                _before_connect(self, closing)
                super().connect()
                _after_connect(self, closing)

        self._types = {"http": Plain, "https": Secure}

    def request(self, uri: str, *args: Any, **kwargs: Any) -> tuple[httplib2.Response, bytes]:  # noqa: ANN401 - handed on
        kwargs["connection_type"] = self._types.get(uri.partition(":")[0].lower())
        answer: tuple[httplib2.Response, bytes] = super().request(uri, *args, **kwargs)
        return answer

    def drop(self) -> None:
        """Close all connections: after a failure nobody knows what is still in them. For the thread that owns them."""
        connections = list(self.connections.values())
        self.connections.clear()
        for connection in connections:
            connection.close()

    def cut(self) -> None:
        """Make whatever waits on these connections fail at once. For other threads."""
        for connection in list(self.connections.values()):
            carrier = getattr(connection, "sock", None)
            if isinstance(carrier, socket.socket):
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(carrier, socket.SHUT_RDWR)


def _before_connect(
    connection: httplib2.HTTPConnectionWithTimeout | httplib2.HTTPSConnectionWithTimeout, closing: threading.Event
) -> None:
    """Refuse to connect while closing, and take the environment's proxy away where it does not belong.

    A proxy never stands between this machine and itself. httplib2 needs PySocks for any proxy, and asks for it even
    where the environment's ``no_proxy`` names the host.

    Raises:
        ConnectionAbortedError: The read is being closed.
        SourceUnavailable: A proxy is wanted, and httplib2 cannot use one.
    """
    if closing.is_set():
        raise ConnectionAbortedError
    proxy = connection.proxy_info
    if proxy is None:
        return
    if is_loopback(connection.host) or not proxy.applies_to(connection.host):
        connection.proxy_info = None
    elif importlib.util.find_spec("socks") is None:
        raise SourceUnavailable(
            "the environment names a proxy, which httplib2 cannot use without PySocks",
            where="http_proxy or https_proxy",
            cure="Install it with: python -m pip install pysocks. Or name Google's hosts in no_proxy.",
        )


def _after_connect(
    connection: httplib2.HTTPConnectionWithTimeout | httplib2.HTTPSConnectionWithTimeout, closing: threading.Event
) -> None:
    """Refuse a connection that was being opened while `Http.cut` looked for those to cut: it would not be found again.

    Raises:
        ConnectionAbortedError: The read is being closed.
    """
    if closing.is_set():
        connection.close()
        raise ConnectionAbortedError
