"""Our own channels keep the contract of notifiers, as far as their receivers can do what it is about."""

from __future__ import annotations

import pytest
from tests.conformance._notifier_worlds import (
    MailWorld,
    MemoryWorld,
    SecureWebhookWorld,
    StartTlsWorld,
    TlsWorld,
    WebhookWorld,
)

from smartify_core.testing.conformance import NotifierContract


class TestMemoryNotifier(NotifierContract):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        """Return the world of a fresh notifier."""
        return MemoryWorld()


class TestSmtpNotifier(NotifierContract):
    @pytest.fixture(params=[MailWorld, StartTlsWorld, TlsWorld])
    def world(self, request: pytest.FixtureRequest) -> MailWorld:
        """Return a fresh mail server."""
        world: MailWorld = request.param()
        return world


class TestWebhookNotifier(NotifierContract):
    @pytest.fixture(params=[WebhookWorld, SecureWebhookWorld])
    def world(self, request: pytest.FixtureRequest) -> WebhookWorld:
        """Return a fresh web server."""
        world: WebhookWorld = request.param()
        return world
