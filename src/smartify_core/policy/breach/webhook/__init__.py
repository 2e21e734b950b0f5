"""Notices as signed webhooks, by Standard Webhooks 1.0, and how a receiver verifies them."""

from __future__ import annotations

from ._keys import WebhookKey, WebhookSecret
from ._signatures import verify_webhook
from ._webhook_notifier import WebhookNotifier

__all__ = ["WebhookKey", "WebhookNotifier", "WebhookSecret", "verify_webhook"]
