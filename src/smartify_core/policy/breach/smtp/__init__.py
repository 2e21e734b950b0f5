"""Notices by mail, handed to a mail server of the host's (RFC 5321)."""

from __future__ import annotations

from ._smtp_notifier import SmtpNotifier

__all__ = ["SmtpNotifier"]
