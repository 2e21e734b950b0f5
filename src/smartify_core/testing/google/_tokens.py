"""The token endpoint: service accounts, signed assertions (RFC 7523), access tokens, domain-wide delegation."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from smartify_core.testing.google._answers import Answer, Refusal, json_answer, oauth_error
from smartify_core.testing.google._world import World

SCOPES = "https://www.googleapis.com/auth/"
USER_SCOPE = SCOPES + "admin.directory.user.readonly"
GROUP_SCOPE = SCOPES + "admin.directory.group.readonly"
MEMBER_SCOPE = SCOPES + "admin.directory.group.member.readonly"
#: The two read-only scopes that show users, groups and members.
READ_ONLY = (USER_SCOPE, GROUP_SCOPE)
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REFRESH_GRANT = "refresh_token"

_LONGEST_ASSERTION = timedelta(hours=1)
#: Google's addresses of the token endpoint: client libraries put one into ``aud`` wherever they send the assertion.
_GOOGLE_AUDIENCES = frozenset(
    {
        "https://oauth2.googleapis.com/token",
        "https://www.googleapis.com/oauth2/v4/token",
        "https://accounts.google.com/o/oauth2/token",
    }
)


@frozen
class Actor:
    """Who a token speaks for.

    ``subject`` is what :meth:`World.admin_standing` calls the person, or ``None`` when a service account speaks for
    itself.
    """

    world: World = field(repr=False)
    subject: str | None = field(repr=False)
    scopes: frozenset[str]
    project: str
    expires_at: datetime


@frozen
class _Delegate:
    """A service account that the customers' administrators let in."""

    client_email: str = field(repr=False)
    project: str
    key_id: str
    public_key: rsa.RSAPublicKey = field(repr=False)
    scopes: frozenset[str]
    subjects: frozenset[str] | None = field(repr=False)


class TokenOffice:
    """Makes service accounts, checks their assertions, and hands out access tokens that know subject and scopes."""

    def __init__(self, worlds: Sequence[World], clock: Callable[[], datetime]) -> None:
        self.lifetime = timedelta(seconds=3599)
        self.skew = timedelta(minutes=5)
        self._worlds = worlds
        self._clock = clock
        self._lock = threading.Lock()
        self._delegates: dict[str, _Delegate] = {}
        self._refreshers: dict[str, tuple[str, str]] = {}
        self._tokens: dict[str, Actor] = {}
        self._made = 0

    # --- who may come in ----------------------------------------------------------------------------------------------

    def new_service_account(
        self, scopes: Sequence[str], subjects: Sequence[str] | None, token_uri: str
    ) -> dict[str, Any]:
        """Return a new service account's key file, and let the account in for ``scopes`` and ``subjects``."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        number = self._count()
        project = f"wire-test-{number}"
        client_email = f"directory-reader@{project}.iam.gserviceaccount.com"
        key_id = blake2b(client_email.encode(), digest_size=20).hexdigest()
        allowed = None if subjects is None else frozenset(subject.lower() for subject in subjects)
        self._delegates[client_email] = _Delegate(
            client_email, project, key_id, key.public_key(), frozenset(scopes), allowed
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": project,
            "private_key_id": key_id,
            "private_key": pem.decode(),
            "client_email": client_email,
            "client_id": str(10**20 + number),
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        }

    def new_authorized_user(self, subject: str, scopes: Sequence[str], token_uri: str) -> dict[str, Any]:
        """Return the content of an "authorized user" file: a refresh token, as a person's consent gives."""
        refresh_token = f"1//{self._secret('refresh', self._count())}"
        self._refreshers[refresh_token] = (subject, " ".join(scopes))
        return {
            "type": "authorized_user",
            "client_id": "wire-test.apps.googleusercontent.com",
            "client_secret": "not-a-secret",
            "refresh_token": refresh_token,
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        }

    def issue(self, subject: str | None, scopes: Sequence[str], project: str = "wire-test") -> str:
        """Return a new access token.

        Raises:
            Refusal: 400 ``invalid_grant``: nobody active has the address ``subject``.
        """
        world, standing = self._find(subject)
        token = f"ya29.c.{self._secret('token', self._count())}"
        with self._lock:
            self._tokens[token] = Actor(world, standing, frozenset(scopes), project, self._clock() + self.lifetime)
        return token

    def revoke_all(self) -> None:
        """Make every access token invalid at once."""
        with self._lock:
            self._tokens.clear()

    def actor(self, token: str) -> Actor | None:
        """Return who ``token`` speaks for, or ``None`` when it is unknown, revoked or expired."""
        actor = self._tokens.get(token)
        return actor if actor is not None and self._clock() < actor.expires_at else None

    # --- the endpoint -------------------------------------------------------------------------------------------------

    def exchange(self, form: dict[str, str], own_url: str) -> Answer:
        """Answer one POST to the token endpoint.

        Raises:
            Refusal: With the error that Google gives.
        """
        grant = form.get("grant_type", "")
        if grant == JWT_GRANT:
            delegate, claims = self._checked(form.get("assertion", ""), own_url)
            token = self.issue(claims.get("sub"), claims["scope"].split(), delegate.project)
        elif grant == REFRESH_GRANT:
            known = self._refreshers.get(form.get("refresh_token", ""))
            if known is None:
                raise Refusal(oauth_error(400, "invalid_grant", "Token has been expired or revoked."))
            token = self.issue(known[0], known[1].split())
        else:
            raise Refusal(oauth_error(400, "unsupported_grant_type", "Invalid grant_type"))
        seconds = int(self.lifetime.total_seconds())
        return json_answer(200, {"access_token": token, "expires_in": seconds, "token_type": "Bearer"})

    def _checked(self, assertion: str, own_url: str) -> tuple[_Delegate, dict[str, Any]]:
        """Return the account and the claims of a good assertion."""
        try:
            head_text, claims_text, signature_text = assertion.split(".")
            head, claims = json.loads(_unpadded(head_text)), json.loads(_unpadded(claims_text))
            signature = _unpadded(signature_text)
            issuer, algorithm = claims["iss"], head["alg"]
            window = (float(claims["iat"]), float(claims["exp"]))
            scopes, subject, audience = claims["scope"], claims.get("sub"), claims["aud"]
            if not all(isinstance(each, str) for each in (issuer, scopes, audience)) or not isinstance(
                subject, str | None
            ):
                raise TypeError  # noqa: TRY301 - one way out for every malformed assertion
        except (ValueError, KeyError, TypeError, OverflowError):
            raise Refusal(_invalid_grant("Invalid JWT: Failed to parse or a required claim is missing.")) from None
        delegate = self._delegates.get(issuer)
        if delegate is None:
            raise Refusal(_invalid_grant("Invalid grant: account not found"))
        if algorithm != "RS256" or head.get("kid", delegate.key_id) != delegate.key_id:
            raise Refusal(_invalid_grant("Invalid JWT Signature."))
        try:
            delegate.public_key.verify(
                signature, f"{head_text}.{claims_text}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            raise Refusal(_invalid_grant("Invalid JWT Signature.")) from None
        if audience != own_url and audience not in _GOOGLE_AUDIENCES:
            raise Refusal(_invalid_grant("Invalid JWT: the audience is not the token endpoint."))
        self._check_times(*window)
        if not scopes.split():
            raise Refusal(oauth_error(400, "invalid_scope", "Empty or missing scope not allowed."))
        refused_subject = (
            subject is not None and delegate.subjects is not None and subject.lower() not in delegate.subjects
        )
        if refused_subject and self._find(subject):
            raise Refusal(unauthorized_client())
        if not delegate.scopes.issuperset(scopes.split()):
            raise Refusal(unauthorized_client())
        return delegate, claims

    def _check_times(self, issued: float, expires: float) -> None:
        now, skew = self._clock().timestamp(), self.skew.total_seconds()
        short_lived = 0 <= expires - issued <= _LONGEST_ASSERTION.total_seconds()
        if not (short_lived and issued <= now + skew and expires >= now - skew):
            text = (
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                "Check your iat and exp values in the JWT claim."
            )
            raise Refusal(_invalid_grant(text))

    def _find(self, subject: str | None) -> tuple[World, str | None]:
        """Return the customer whose domain the subject is in, and who the subject is there."""
        if subject is None:
            return self._worlds[0], None
        domain = subject.rpartition("@")[2].lower()
        for world in self._worlds:
            if domain in {each.lower() for each in world.domains}:
                standing, _ = world.admin_standing(subject)
                if standing is not None:
                    return world, standing
        raise Refusal(_invalid_grant("Invalid email or User ID"))

    def _count(self) -> int:
        with self._lock:
            self._made += 1
            return self._made

    @staticmethod
    def _secret(what: str, number: int) -> str:
        return blake2b(f"{what} {number}".encode(), digest_size=24, person=b"wire server").hexdigest()


def unauthorized_client() -> Answer:
    """Return the 401 for an account that was not let in, or not for one of the scopes: one missing scope fails all."""
    text = (
        "Client is unauthorized to retrieve access tokens using this method, "
        "or client not authorized for any of the scopes requested."
    )
    return oauth_error(401, "unauthorized_client", text)


def _invalid_grant(text: str) -> Answer:
    return oauth_error(400, "invalid_grant", text)


def _unpadded(text: str) -> bytes:
    return urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
