"""The message by which it is tried whether a customer can be reached."""

from __future__ import annotations

from smartify_core.policy.breach._customer import Customer
from smartify_core.policy.breach._notifier import RehearsalMessage
from smartify_core.policy.breach._rules import BreachRules

from ._locales import Locales
from ._payload import rehearsal_payload
from ._rendering import rehearsed


def rehearsal_message(
    customer: Customer, rules: BreachRules, code: str, *, locales: Locales | None = None
) -> RehearsalMessage:
    """Return the message of an exercise to a customer, in its language.

    Args:
        customer: Whom it is for.
        rules: Whom it is from.
        code: By what it is known.
        locales: The languages; those of this library without it.
    """
    words = (locales or Locales()).words(customer.locale)
    made = rehearsed(words, rules, code)
    return RehearsalMessage(words.tag, made.subject, made.text, made.html, rehearsal_payload(code))
