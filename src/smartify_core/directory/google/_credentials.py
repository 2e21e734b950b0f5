"""Credentials: a service-account file looked at before anything is sent, and one token that all threads share."""

from __future__ import annotations

import ipaddress
import json
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import google.auth.credentials
import google.auth.exceptions
import google_auth_httplib2
from google.oauth2 import service_account

from smartify_core.errors import CredentialsInvalid

from ._retry import RetryableError
from ._verdict import Kind, Verdict, judge_token
from ._wire import SCOPES, usable_id

_NEEDED = ("client_email", "private_key", "token_uri")
_CURE = "Make a JSON key for the service account in the Google Cloud console and name that file."
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def plain_text_to_a_stranger(url: str) -> bool:
    """Return whether a token sent to ``url`` could be read on the way: it is neither https nor http to this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return True
    encrypted = parts.scheme == "https"
    return not (host and (encrypted or (parts.scheme == "http" and is_loopback(host))))


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this very machine."""
    try:
        return host in _LOOPBACK or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, and names that begin with "127." belong to anybody
        return False


def load_service_account(file: str | Path, subject: object) -> service_account.Credentials:
    """Return credentials that act for ``subject`` with the two read-only scopes.

    Raises:
        CredentialsInvalid: The file is missing, unreadable, no service-account key or an incomplete one; or the subject
        is no address. Nothing was sent.
    """
    place = str(file)
    if (
        not isinstance(subject, str)
        or not (0 < subject.find("@") < len(subject) - 1)
        or not subject.isprintable()
        or " " in subject
    ):
        raise CredentialsInvalid(
            "the subject is not an email address",
            where="subject",
            cure="Name an active administrator of the customer's account by address.",
        )
    info = _read_info(Path(file), place)
    try:
        make: Callable[..., service_account.Credentials] = service_account.Credentials.from_service_account_info
        return make(info, scopes=list(SCOPES), subject=subject)
    except (ValueError, TypeError, google.auth.exceptions.GoogleAuthError):
        raise CredentialsInvalid(
            "the private key in the service-account file cannot be used", where=place, cure=_CURE
        ) from None


def _read_info(path: Path, place: str) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CredentialsInvalid("the service-account file does not exist", where=place, cure=_CURE) from None
    except OSError as failed:
        raise CredentialsInvalid(
            f"the service-account file cannot be read ({type(failed).__name__})",
            where=place,
            cure="Name a readable file.",
        ) from None
    except ValueError:
        raise CredentialsInvalid("the service-account file is not a UTF-8 text", where=place, cure=_CURE) from None
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        raise CredentialsInvalid("the service-account file is not JSON", where=place, cure=_CURE) from None
    if not isinstance(info, dict):
        raise CredentialsInvalid("the service-account file holds no JSON object", where=place, cure=_CURE)
    if info.get("type") != "service_account":
        what = "an OAuth client" if {"installed", "web"} & info.keys() else "credentials of another type"
        raise CredentialsInvalid(f"the file holds {what}, no service account's key", where=place, cure=_CURE)
    missing = [key for key in _NEEDED if not isinstance(info.get(key), str) or not info[key]]
    if missing:
        raise CredentialsInvalid(f"the service-account file lacks {', '.join(missing)}", where=place, cure=_CURE)
    if plain_text_to_a_stranger(info["token_uri"]):
        raise CredentialsInvalid(
            "token_uri would send the signed assertion in plain text",
            where=place,
            cure="Use https, or http only to this machine.",
        )
    return info


def narrowed(credentials: google.auth.credentials.Credentials) -> google.auth.credentials.Credentials:
    """Return a copy of the credentials that asks for the two read-only scopes only, where their kind takes scopes."""
    if isinstance(credentials, google.auth.credentials.Scoped):
        return credentials.with_scopes(list(SCOPES))  # type: ignore[no-any-return, no-untyped-call]  # google-auth is partly typed
    return credentials


def project_of(credentials: google.auth.credentials.Credentials) -> str | None:
    """Return the Google Cloud project whose quota the credentials draw on, where they say so."""
    for name in ("quota_project_id", "project_id"):
        project = getattr(credentials, name, None)
        if isinstance(project, str) and usable_id(project):
            return project
    return None


class TokenGate:
    """The one token of a read. Fetched, and renewed, by one thread while the others wait for it."""

    def __init__(self, credentials: google.auth.credentials.Credentials) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()

    def authorize(self, headers: dict[str, str], request: google_auth_httplib2.Request, url: str) -> str:
        """Put the token into ``headers`` (fetching one if there is none that lives) and return the header's value.

        Raises:
            RetryableError: The token endpoint is out of order.
            TokenRefusedError: It refuses for good.
        """
        with self._lock:
            self._guarded(partial(self._credentials.before_request, request, "GET", url, headers))
        return headers.get("authorization", "")

    def renew(self, refused: str, request: google_auth_httplib2.Request) -> None:
        """Fetch another token, unless another thread has done so since ``refused`` (a header's value) was used.

        Raises:
            RetryableError: The token endpoint is out of order.
            TokenRefusedError: It refuses for good.
        """
        with self._lock:
            token = self._credentials.token
            if token is None or refused.endswith(str(token)):
                self._guarded(partial(self._credentials.refresh, request))

    @staticmethod
    def _guarded(act: Callable[[], object]) -> None:
        """Run google-auth, and tell its failures apart.

        Its exceptions quote answers and subjects, so that nothing of them is kept.
        """
        try:
            act()
        except (google.auth.exceptions.TransportError, OSError):
            raise RetryableError(Verdict(Kind.AGAIN, "no answer from the token endpoint")) from None
        except google.auth.exceptions.GoogleAuthError as failed:
            if getattr(failed, "retryable", False):
                raise RetryableError(Verdict(Kind.AGAIN, "a failure of the token endpoint")) from None
            text = str(failed.args[0]) if failed.args else ""
            verdict = judge_token(failed.args[1] if len(failed.args) > 1 else None, text)
            raise TokenRefusedError(verdict) from None
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
            # A 200 that is no token (HTML of a captive portal, say) breaks inside google-auth with whatever error comes
            # first.
            raise RetryableError(Verdict(Kind.GARBLED, "no token in the token endpoint's answer")) from None


class TokenRefusedError(Exception):
    """Internal: the token endpoint refuses for good. Never leaves the adapter."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.text)
        self.verdict = verdict
