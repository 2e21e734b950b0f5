"""One request from arrival to answer: latency, faults, who is asking, quotas, the API itself, and the log."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qsl

from attrs import field, frozen

from smartify_core.testing.google import _answers as answers
from smartify_core.testing.google._answered import AnsweredRequests, Recorded
from smartify_core.testing.google._answers import Answer, Refusal, html_answer
from smartify_core.testing.google._api import Api
from smartify_core.testing.google._batch import answer_batch
from smartify_core.testing.google._calls import Call, Request, route
from smartify_core.testing.google._faults import Delivery, Fault, Faults
from smartify_core.testing.google._quota import Meter
from smartify_core.testing.google._tokens import Actor, TokenOffice

_NO_FAULT = Fault("none")


@frozen
class Outcome:
    """An answer and how it leaves."""

    answer: Answer
    delivery: Delivery = "whole"
    drip: float = field(default=0.0)


class Service:
    """Answers requests. Safe to call from many threads.

    Args:
        api: The API methods.
        tokens: The token endpoint.
        faults: What goes wrong.
        meter: The quotas.
        clock: The server's clock.
        latency: Returns the seconds that every request takes at least.
        wait: Waits for some seconds, or until the server stops.
    """

    def __init__(
        self,
        api: Api,
        tokens: TokenOffice,
        faults: Faults,
        meter: Meter,
        *,
        clock: Callable[[], datetime],
        latency: Callable[[], float],
        wait: Callable[[float], object],
    ) -> None:
        self.log = AnsweredRequests()
        self.max_in_flight = 0
        self.token_url = ""
        self._api = api
        self._tokens = tokens
        self._faults = faults
        self._meter = meter
        self._clock = clock
        self._latency = latency
        self._wait = wait
        self._in_flight = 0
        self._lock = threading.Lock()

    def reset_log(self) -> None:
        """Forget the requests so far and the greatest number in flight."""
        with self._lock:
            self.log.clear()
            self.max_in_flight = self._in_flight

    def handle(self, request: Request, inherited: str | None = None) -> Outcome:
        """Return what to send back; ``inherited`` is the outer ``Authorization`` of a part of a batch."""
        call = route(request)
        counts = call is not None and call.operation not in {"token", "batch"}
        at = self._clock()
        with self._lock:
            self._in_flight += counts
            in_flight = self._in_flight
            self.max_in_flight = max(self.max_in_flight, in_flight)
        outcome = Outcome(html_answer(404, "Error 404 (Not Found)!!1"))
        try:
            if call is not None:
                outcome = self._answered(call, request, inherited)
        finally:
            with self._lock:
                self._in_flight -= counts
        known = call or Call("unknown", request.method, request.target.partition("?")[0], {})
        status = 0 if outcome.delivery == "reset" else outcome.answer.status
        self.log.append(Recorded(known.operation, known.method, known.path, known.query, at, status, in_flight))
        return outcome

    def _answered(self, call: Call, request: Request, inherited: str | None) -> Outcome:
        fault = self._faults.pick(call) or _NO_FAULT
        if fault.prelude is not None:
            fault.prelude()
        delay = fault.delay + (self._latency() if inherited is None else 0.0)
        try:
            if fault.answer is not None:
                self._pause(delay)
                answer = fault.answer(call)
            elif call.operation == "token":
                self._pause(delay)
                answer = self._tokens.exchange(_form(request), self.token_url)
            elif call.operation == "batch":
                self._pause(delay)
                answer = answer_batch(request, lambda part, outer: self.handle(part, outer).answer)
            else:
                answer = self._api_answer(call, request, inherited, fault, delay)
        except Refusal as refusal:
            answer = refusal.answer
        if fault.body is not None:
            answer = Answer(answer.status, fault.body(answer.body), answer.content_type, answer.headers)
        return Outcome(answer, fault.delivery, fault.drip)

    def _api_answer(self, call: Call, request: Request, inherited: str | None, fault: Fault, delay: float) -> Answer:
        """Answer an API method within the quotas. Latency is part of the time that a call counts as running."""
        actor = self._actor(call, request, inherited)
        customer_id = actor.world.customer_id
        refused = self._meter.enter(customer_id)
        if refused is not None:
            self._pause(delay)
            return refused
        try:
            self._pause(delay)
            spender = f"{actor.project}/{call.query.get('quotaUser') or actor.subject}"
            refused = self._meter.rate(spender, self._clock())
            if refused is not None:
                return refused
            answer = self._api.answer(call, actor, fault.edit)
            return self._conditional(answer, request)
        finally:
            self._meter.leave(customer_id)

    def _actor(self, call: Call, request: Request, inherited: str | None) -> Actor:
        header = request.headers.get("authorization") or inherited or ""
        kind, _, token = header.partition(" ")
        if kind.lower() != "bearer":
            token = call.query.get("access_token") or call.query.get("oauth_token") or ""
        if not token:
            raise Refusal(answers.login_required())
        actor = self._tokens.actor(token.strip())
        if actor is None:
            raise Refusal(answers.invalid_credentials())
        return actor

    def _conditional(self, answer: Answer, request: Request) -> Answer:
        known = request.headers.get("if-none-match")
        if known is None or not self._api.quirks.conditional_reads or ("ETag", known) not in answer.headers:
            return answer
        return Answer(304, b"", answer.content_type, answer.headers)

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self._wait(seconds)


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))
