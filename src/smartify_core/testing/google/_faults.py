"""What can go wrong, on demand: each way a directory read has been seen to fail, and which calls it happens to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal, Self

from attrs import define, field, frozen

from smartify_core.testing.google import _answers as answers
from smartify_core.testing.google._answers import Answer
from smartify_core.testing.google._calls import Call
from smartify_core.testing.google._named_errors import NamedErrors

#: How the body leaves: whole, cut short (the connection closes before Content-Length is reached), dripping, or not at
#: all (RST).
Delivery = Literal["whole", "cut", "drip", "reset"]


@define
class Page:
    """The page of a listing that a fault may spoil before the mask is applied and it is encoded.

    Attributes:
        payload: The page as a JSON object.
        collection: The key under which the items are.
        request_token: The page token that the request brought, if any.
        restart_token: Returns a new token that leads to this same page once more.
    """

    payload: dict[str, Any]
    collection: str
    request_token: str | None
    restart_token: Callable[[], str]


@frozen
class Fault(NamedErrors):
    """One way to fail. Take a named constructor.

    ``attrs.evolve(fault, delay=seconds)`` combines a delay with anything.

    Attributes:
        name: What to call it.
        answer: Sent in place of the real answer.
        edit: Changes the page of a listing.
        body: Changes the encoded body.
        prelude: Called before the call is answered.
        delay: Seconds to wait before answering.
        delivery: How the body leaves.
        drip: Seconds over which a dripping body leaves.
        needs_token: Happens only to calls that bring a page token.
    """

    name: str
    answer: Callable[[Call], Answer] | None = None
    edit: Callable[[Page], None] | None = None
    body: Callable[[bytes], bytes] | None = None
    prelude: Callable[[], object] | None = None
    delay: float = 0.0
    delivery: Delivery = "whole"
    drip: float = 0.0
    needs_token: bool = False

    # --- answers of one's own ---------------------------------------------------------------------------------------

    @classmethod
    def error(
        cls, status: int, reason: str, message: str, domain: Literal["global", "usageLimits"] = "global"
    ) -> Fault:
        """Fail with the API's error object."""
        return cls._always(f"{status} {reason}", answers.error_answer(status, reason, message, domain=domain))

    @classmethod
    def text(cls, status: int, body: str) -> Fault:
        """Fail with a text that is not JSON, as front ends do."""
        return cls._always(f"{status} text", Answer(status, body.encode(), "text/plain; charset=UTF-8"))

    @classmethod
    def html200(cls) -> Fault:
        """Say 200 and send a web page."""
        return cls._always("200 html", answers.html_answer(200, "Sorry..."))

    @classmethod
    def empty200(cls) -> Fault:
        """Say 200 and send nothing."""
        return cls._always("200 empty", Answer(200, b""))

    @classmethod
    def json_null(cls) -> Fault:
        """Say 200 and send ``null``."""
        return cls._always("200 null", Answer(200, b"null"))

    @classmethod
    def json_list(cls) -> Fault:
        """Say 200 and send ``[]``."""
        return cls._always("200 list", Answer(200, b"[]"))

    @classmethod
    def not_modified(cls) -> Fault:
        """Say 304, which clients report as an error with an empty body."""
        return cls._always("304", Answer(304, b""))

    @classmethod
    def retry_after(cls, status: int, seconds: int) -> Fault:
        """Fail with ``Retry-After``: an error object that fits the status, and the header."""
        reason, domain = ("rateLimitExceeded", "usageLimits") if status in {403, 429} else ("backendError", "global")
        error = answers.error_answer(
            status, reason, "Try again later.", domain=domain, headers=(("Retry-After", str(seconds)),)
        )
        return cls._always(f"{status} Retry-After {seconds}", error)

    # --- real answers, spoiled --------------------------------------------------------------------------------------

    @classmethod
    def truncated_json200(cls) -> Fault:
        """Send the first half of the real body, with a matching Content-Length."""
        return cls("truncated JSON", body=lambda body: body[: len(body) // 2])

    @classmethod
    def cut_body(cls) -> Fault:
        """Promise the whole body and close the connection half-way (``IncompleteRead``)."""
        return cls("cut body", delivery="cut")

    @classmethod
    def reset(cls) -> Fault:
        """Reset the connection (RST) in place of an answer."""
        return cls("reset", delivery="reset")

    @classmethod
    def slow(cls, seconds: float) -> Fault:
        """Wait before answering."""
        return cls(f"slow {seconds}", delay=seconds)

    @classmethod
    def slow_drip(cls, seconds: float) -> Fault:
        """Send the body in small pieces over so many seconds."""
        return cls(f"drip {seconds}", delivery="drip", drip=seconds)

    @classmethod
    def missing_key(cls, key: str) -> Fault:
        """Leave a key out of the page, such as ``users`` or ``kind``."""
        return cls(f"no {key}", edit=lambda page: _drop(page, key))

    @classmethod
    def wrong_kind(cls, kind: str = "admin#directory#channels") -> Fault:
        """Send a page of another ``kind``."""
        return cls("wrong kind", edit=lambda page: page.payload.update(kind=kind))

    @classmethod
    def empty_page_with_token(cls) -> Fault:
        """Send a page without items whose token leads to the page that should have been here."""
        return cls("empty page with token", edit=_emptied)

    @classmethod
    def duplicate_page(cls) -> Fault:
        """Send the page with a token that leads to the same page once more."""
        return cls("duplicate page", edit=lambda page: page.payload.update(nextPageToken=page.restart_token()))

    @classmethod
    def same_token_again(cls) -> Fault:
        """Send a next token equal to the one that the request brought: a client that follows it never ends."""
        return cls(
            "same token again",
            edit=lambda page: page.payload.update(nextPageToken=page.request_token),
            needs_token=True,
        )

    @classmethod
    def expired_page_token(cls) -> Fault:
        """Refuse the page token that the request brings: 400 ``Invalid Input: <the token>``."""
        return cls("expired page token", answer=lambda call: answers.invalid_input(call.page_token), needs_token=True)

    @classmethod
    def before(cls, callback: Callable[[], object]) -> Fault:
        """Do something to the world, then answer as usual: a change between two pages."""
        return cls("before", prelude=callback)

    @classmethod
    def _always(cls, name: str, answer: Answer) -> Self:
        return cls(name, answer=lambda _: answer)


def _drop(page: Page, key: str) -> None:
    page.payload.pop(key, None)


def _emptied(page: Page) -> None:
    page.payload.pop(page.collection, None)
    page.payload["nextPageToken"] = page.restart_token()


@define
class Rule:
    """One line of the fault plan. ``hits`` counts how often the fault happened."""

    fault: Fault
    match: str
    where: Callable[[Call], bool] | None
    times: int | None
    after: int
    hits: int = 0
    _passed: int = field(default=0, init=False)

    def claims(self, call: Call) -> bool:
        """Return whether the fault happens to this call, and count it."""
        if self.match not in {"*", call.operation} or (self.times is not None and self.hits >= self.times):
            return False
        if (self.fault.needs_token and call.page_token is None) or (self.where is not None and not self.where(call)):
            return False
        if self._passed < self.after:
            self._passed += 1
            return False
        self.hits += 1
        return True


class Faults:
    """The fault plan of a server. For each call the oldest rule that matches it decides."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(
        self,
        match: str,
        fault: Fault,
        *,
        times: int | None = 1,
        after: int = 0,
        where: Callable[[Call], bool] | None = None,
    ) -> Rule:
        """Let ``fault`` happen to calls of an API method, and return the rule, whose ``hits`` tell how often it did.

        Args:
            match: An operation of :class:`Call` such as ``users.list`` or ``token``; ``*`` for every one.
            fault: What goes wrong.
            times: To how many calls; ``None`` for all of them.
            after: How many matching calls pass unharmed first.
            where: Which of these calls, by their query, path or keys.
        """
        rule = Rule(fault, match, where, times, after)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def pick(self, call: Call) -> Fault | None:
        """Return what happens to ``call``, and count it."""
        with self._lock:
            return next((rule.fault for rule in self._rules if rule.claims(call)), None)
