"""Asking Google Cloud KMS: two calls over HTTP, the checks on the way both ways, and errors in our terms.

HTTP, not gRPC: a server may fork its workers after the first call, and a gateway can stand in between.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

from smartify_core.errors import (
    CredentialsInvalid,
    KeyServiceRejected,
    KeyServiceUnavailable,
    MissingExtra,
    SealBroken,
    SmartifyError,
    UsageError,
    WrongKey,
)

from ._crc32c import crc32c
from ._kms_file import Guarded

try:
    from google.cloud.kms_v1 import DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse
    from google.cloud.kms_v1 import KeyManagementServiceClient as Client
    from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceRestTransport
except ImportError:
    raise MissingExtra.named("google-kms", needed_for="smartify_core.sealing.google_kms") from None

_HOST: Final = "https://cloudkms.googleapis.com"
_KEY_NAME: Final = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}
_ATTEMPTS: Final = 4
_FIRST_PAUSE: Final = 0.1
_CLIENT_ERRORS: Final = range(400, 500)
#: Of the client errors, those that time mends: too slow, and too many.
_PASSING: Final = {408, 429}
#: What KMS says of a version that is disabled, scheduled for destruction or destroyed.
_NOT_ENABLED: Final = "FAILED_PRECONDITION"
#: What it says of bytes that do not decrypt, and of those whose checksum does not match.
_INVALID: Final = "INVALID_ARGUMENT"
#: Whoever asks: what google-auth calls credentials.
GoogleKmsCredentials = Credentials
_T = TypeVar("_T")


class GoogleKms:
    """One key in Google Cloud KMS.

    Args:
        key_name: The key.
        credentials: Who asks; those of the environment where none are given.
        endpoint: Another address of the KMS.
        timeout: Seconds that one call may take.
        pause: Waits between attempts.
    """

    def __init__(
        self,
        key_name: str,
        credentials: GoogleKmsCredentials | None,
        endpoint: str | None,
        *,
        timeout: float,
        pause: Callable[[float], object],
    ) -> None:
        if not _KEY_NAME.fullmatch(key_name):
            raise UsageError(
                "this is no name of a key in Google Cloud KMS",
                where="key_name",
                cure="Give it in full: projects/…/locations/…/keyRings/…/cryptoKeys/…, without a version.",
            )
        self._key_name = key_name
        self._host = _checked_endpoint(endpoint)
        self._credentials = credentials
        self._timeout = timeout
        self._pause = pause
        self._client = self._made()
        self._process = os.getpid()

    def encrypt(self, plaintext: bytes, aad: bytes) -> Guarded:
        """Return ``plaintext`` encrypted under the primary version of the key, bound to ``aad``.

        Raises:
            KeyServiceUnavailable: No answer, or none that came through whole, in four attempts.
            KeyServiceRejected: It refuses.
        """
        request = EncryptRequest(
            name=self._key_name,
            plaintext=plaintext,
            additional_authenticated_data=aad,
            plaintext_crc32c=crc32c(plaintext),
            additional_authenticated_data_crc32c=crc32c(aad),
        )

        def attempt() -> EncryptResponse:
            response: EncryptResponse = self._connected().encrypt(request, retry=None, timeout=self._timeout)
            verified = response.verified_plaintext_crc32c and response.verified_additional_authenticated_data_crc32c
            if not verified or response.ciphertext_crc32c != crc32c(response.ciphertext):
                raise _damaged(self._key_name)
            # What was encrypted by another key could be decrypted by whoever may use that one.
            if response.name.partition("/cryptoKeyVersions/")[0] != self._key_name:
                raise _damaged(self._key_name)
            return response

        response = self._attempted(attempt, decrypting=False)
        return Guarded(response.ciphertext, response.name)

    def decrypt(self, ciphertext: bytes, aad: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            WrongKey: The version that encrypted it is disabled or destroyed.
            SealBroken: It was altered, or is bound to something else.
            KeyServiceUnavailable: As `encrypt`.
            KeyServiceRejected: It refuses.
        """
        request = DecryptRequest(
            name=self._key_name,
            ciphertext=ciphertext,
            additional_authenticated_data=aad,
            ciphertext_crc32c=crc32c(ciphertext),
            additional_authenticated_data_crc32c=crc32c(aad),
        )

        def attempt() -> DecryptResponse:
            response: DecryptResponse = self._connected().decrypt(request, retry=None, timeout=self._timeout)
            if response.plaintext_crc32c != crc32c(response.plaintext):
                raise _damaged(self._key_name)
            return response

        return self._attempted(attempt, decrypting=True).plaintext

    def _made(self) -> Client:
        try:
            transport = KeyManagementServiceRestTransport(host=self._host, credentials=self._asking())
            return Client(transport=transport)
        except DefaultCredentialsError:
            raise CredentialsInvalid(
                "there are no credentials for Google Cloud KMS",
                where=self._key_name,
                cure="Hand them in, or set up application default credentials on this host.",
            ) from None
        except GoogleAuthError:
            raise CredentialsInvalid(
                "the credentials for Google Cloud KMS cannot be used",
                where=self._key_name,
                cure="Hand in others, or mend the application default credentials of this host.",
            ) from None

    def _asking(self) -> GoogleKmsCredentials | None:
        # A server on this machine without TLS is a test's or a gateway's, and sees no credentials of ours.
        if self._credentials is None and self._host.startswith("http://"):
            return AnonymousCredentials()  # type: ignore[no-untyped-call]
        return self._credentials

    def _connected(self) -> Client:
        if self._process != os.getpid():  # a fork: connections are the parent's
            self._client, self._process = self._made(), os.getpid()
        return self._client

    def _attempted(self, attempt: Callable[[], _T], *, decrypting: bool) -> _T:
        pause = _FIRST_PAUSE
        for left in reversed(range(_ATTEMPTS)):
            try:
                return attempt()
            except SmartifyError as error:
                trouble = error
            except Exception as error:  # noqa: BLE001 - whatever three libraries raise is told in our terms
                trouble = _translated(error, self._key_name, decrypting=decrypting)
            if not trouble.retryable or not left:
                raise trouble from None
            self._pause(pause)
            pause *= 4
        raise AssertionError  # pragma: no cover - the last attempt returns or raises


def _checked_endpoint(endpoint: str | None) -> str:
    if endpoint is None:
        return _HOST
    parts = urlsplit(endpoint)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        port = f":{parts.port}" if parts.port else ""
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}{port}"
    raise UsageError(
        "keys would go over the network in the clear, or nowhere",
        where="endpoint",
        cure="Give an address that begins with https://, or with http:// on this machine.",
    )


def _translated(error: Exception, key_name: str, *, decrypting: bool) -> SmartifyError:
    """Return what a foreign error means. Its text is not copied: it may hold what was sent."""
    if isinstance(error, GoogleAuthError):
        retryable = bool(getattr(error, "retryable", False)) or type(error).__name__ == "TransportError"
        return _unavailable(key_name) if retryable else _rejected("the credentials are not accepted", key_name)
    code = int(error.code or 0) if isinstance(error, GoogleAPICallError) else 0
    if code not in _CLIENT_ERRORS or code in _PASSING:
        return _unavailable(key_name)
    status, told = _told(error)
    if status == _INVALID and "crc32c" in told:  # it met other bytes than were sent
        return _damaged(key_name)
    if status == _NOT_ENABLED and decrypting:
        return WrongKey(
            "the version of the key that encrypted this is disabled or destroyed in the KMS",
            where=key_name,
            cure="Enable or restore that version there, if it was not destroyed on purpose.",
        )
    if status == _INVALID and decrypting:
        return SealBroken(
            "a key in the key file does not decrypt: altered, or moved from another tenant",
            where=key_name,
            cure="Restore the key file from your backup.",
        )
    return _rejected(f"it answers {code}" + (f" {status}" if status else ""), key_name)


def _told(error: Exception) -> tuple[str, str]:
    """Return Google's own word for what went wrong, and its message, where the answer has them."""
    response: Any = getattr(error, "response", None)
    try:
        told = response.json()["error"]
        status, message = str(told["status"]), str(told.get("message"))
    except Exception:  # noqa: BLE001 - a gateway answers what it likes
        return "", ""
    return (status if re.fullmatch("[A-Z_]{1,40}", status) else ""), message


def _damaged(key_name: str) -> KeyServiceUnavailable:
    return KeyServiceUnavailable(
        "what was sent to the KMS, or what it answered, was damaged on the way",
        where=key_name,
        cure="Try again. If it lasts, look at what stands between this host and the KMS.",
    )


def _unavailable(key_name: str) -> KeyServiceUnavailable:
    return KeyServiceUnavailable(
        "the KMS does not answer, or asks to be left alone for a while",
        where=key_name,
        cure="Try again later. If it lasts, look at the service's status and quotas.",
    )


def _rejected(why: str, key_name: str) -> KeyServiceRejected:
    return KeyServiceRejected(
        f"the KMS refuses: {why}",
        where=key_name,
        cure="Grant the caller the role cloudkms.cryptoKeyEncrypterDecrypter on this key; check its name and state.",
    )
