"""What every adapter does: one table of requests, held against every framework.

A subclass says how its application is made and installed, how its templates are spelled, and where it differs for a
good reason. Each request is run through the application alone and through the recorded one: the client must see the
same, and the log must say what the table says, and nothing of what was asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import evolve, frozen
from tests.unit.requestlog.conftest import Kept

from smartify_core.requestlog import RequestLog

from . import _driving as driving
from ._driving import Answer, Request

#: Parts of paths that name a person or a customer. The last two are no ASCII, and no text.
WHO = "alice.qzxj%40vkqx.zjq"
ODD = ("%D0%96%D1%83%D0%BA%D0%B8", "%FF%FEzqx", "a%2Fzqxj%2Fb", "zqxj%0d%0avkqx")
SECRETS = ("qzxj", "vkqx", "zqxj", "Жук", "\xff\xfe", "u0416", "%d0", "%ff")


@frozen
class Case:
    """One request, and what the log has to say of it."""

    name: str
    target: str
    #: Which template, by the name that subclasses have for it; None for unmatched.
    feature: str | None
    status: int | None = 200
    method: str = "GET"
    error: str | None = None
    failed: str | None = None
    gone_after: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    mounted_at: str = ""


FORM = (
    b'--qzxj\r\ncontent-disposition: form-data; name="vkqx"; filename="zqxj.pdf"\r\n'
    b"content-type: application/pdf\r\n\r\nzqxjzqxj\r\n--qzxj--\r\n"
)
CASES = (
    Case("plain", f"/plain/{WHO}?token=zqxjzqxj&vkqx=1", "plain"),
    Case("head", f"/plain/{WHO}?token=zqxjzqxj", "plain", method="HEAD"),
    Case("no text in the path", f"/plain/{ODD[1]}", "plain"),
    Case("another script", f"/plain/{ODD[0]}?{ODD[0]}", "plain"),
    Case("a line break in the path", f"/plain/{ODD[3]}", "plain"),
    Case("mounted by the server", f"/plain/{WHO}", "plain", mounted_at="/zqxj"),
    Case(
        "a form with a file",
        f"/post/{WHO}",
        "post",
        method="POST",
        headers=(("Content-Type", "multipart/form-data; boundary=qzxj"), ("Cookie", "vkqx=zqxj")),
        body=FORM,
    ),
    Case("nested prefixes", "/v1/zqxj/mid/in/items/4711", "nested"),
    Case("no such route", f"/nothing/{WHO}?zqxj", None, status=404),
    Case("no such route below a prefix", f"/v1/zqxj/mid/{WHO}", None, status=404),
    Case("another method", f"/post/{WHO}", "post", status=405),
    Case("a method of its own", f"/plain/{WHO}", "plain", status=405, method="PURGE"),
    Case("an exception", f"/raises/{WHO}", "raises", status=500, error="Broken"),
    Case("an exception that is handled", f"/handled/{WHO}", "handled", status=500, error="Handled"),
    Case("an exception that is the client's mistake", f"/refused/{WHO}", "refused", status=422),
    Case("a stream", f"/stream/{WHO}", "stream"),
    Case("a stream that breaks", f"/breaks/{WHO}", "breaks", error="Broken", failed="streaming"),
    Case("a client that goes away", f"/endless/{WHO}", "endless", failed="cancelled", gone_after=3),
    Case("a file", f"/file/{WHO}", "file"),
    Case("a static file", "/static/big.txt", "static"),
    Case("no static file", "/static/zqxj.txt", "static", status=404),
)


class Conformance:
    """The table, held against one framework."""

    #: How the framework spells each template.
    templates: ClassVar[Mapping[str, str]]
    #: What is different here, by the name of the case.
    different: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    #: Cases that the framework cannot have.
    missing: ClassVar[frozenset[str]] = frozenset()
    #: The kind of the application.
    is_async: ClassVar[bool] = False

    def make(self, folder: Path) -> Any:
        """Return the application, with static files in ``folder``, and nothing of ours in it."""
        raise NotImplementedError

    def install(self, app: Any, log: RequestLog) -> Any:
        """Return the application, recorded."""
        raise NotImplementedError

    def ask(self, app: Any, request: Request) -> Answer:
        """Run one request."""
        return (driving.ask_asgi if self.is_async else driving.ask_wsgi)(app, request)

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
    def test_the_log_says_what_happened_and_the_client_sees_nothing_of_it(
        self, case: Case, folder: Path, kept: Kept, log: RequestLog
    ) -> None:
        """The template, the status, the error's class and phase; the same answer as without; nothing of the request."""
        if case.name in self.missing:
            return
        expected = evolve(case, **self.different.get(case.name, {}))
        request = Request(
            case.target, case.method, case.headers, case.body, gone_after=case.gone_after, mounted_at=case.mounted_at
        )
        alone = self.ask(self.make(folder), request)
        recorded = self.ask(self.install(self.make(folder), log), request)
        assert without_dates(recorded) == without_dates(alone)
        assert recorded.status == expected.status
        (event,) = kept.events
        assert (event["feature"], event["method"], event.get("status"), event.get("error"), event.get("failed")) == (
            "unmatched" if expected.feature is None else self.templates[expected.feature],
            "OTHER" if case.method == "PURGE" else case.method,
            expected.status,
            expected.error,
            expected.failed,
        )
        nothing_of(kept)

    def test_a_page_of_ours_is_told_by_its_route(self, folder: Path, kept: Kept, log: RequestLog) -> None:
        """A referring page whose route is known is told by its template, although nobody asked for it before."""
        app = self.install(self.make(folder), log)
        here = ("Referer", "http://app.example/v1/zqxj/mid/in/items/4711?vkqx=1#zqxj")
        self.ask(app, Request(f"/plain/{WHO}", headers=[here]))
        assert kept.events[0]["referrer"] == self.templates["nested"]


def without_dates(answer: Answer) -> Answer:
    """Return an answer without what differs from run to run."""
    kept = [(name, value) for name, value in answer.headers if _name(name) not in {"date", "etag", "last-modified"}]
    return evolve(answer, headers=kept)


def _name(name: str | bytes) -> str:
    return (name.decode("latin-1") if isinstance(name, bytes) else name).lower()


def nothing_of(kept: Kept, *more: str, secrets: Sequence[str] = SECRETS) -> None:
    """Assert that no line has a piece of what was asked."""
    for record in kept.records:
        line = record.line().decode("ascii").lower()
        assert [secret for secret in (*secrets, *more) if secret.lower() in line] == []


__all__ = ["CASES", "ODD", "SECRETS", "WHO", "Case", "Conformance", "nothing_of", "without_dates"]
