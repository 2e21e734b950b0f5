"""`Canary`: secrets that are planted in every place of a request, and must not turn up in what is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from smartify_core.errors import UsageError

from ._canary_driving import ASGIApplication, Surroundings, WSGIApplication, run_asgi, run_wsgi, talk
from ._canary_reading import lines_written
from ._canary_requests import PlantedRequest, planted_requests
from ._canary_search import Search
from ._canary_secrets import Kind, Secret, Secrets
from ._hygiene import Log

_MOST_TOLD: Final = 20
_MOST_KNOWN: Final = 10_000
_NOT_FOUND: Final = 404


class CanaryError(Exception):
    """An exception whose text nobody may find in a log."""


class Canary:
    """Plants secrets in requests to an application, and looks for them in what was written.

    In ten lines, for an application of your own::

        def test_our_log_knows_nobody(tmp_path):
            canary = Canary()
            log = RequestLog(JsonLinesFile(tmp_path))
            canary.run_wsgi(install(make_app(), log), ["/users/{}/orders/{}", "/login"])
            log.close()
            canary.assert_absent(tmp_path)

    Every place of a request has a secret of its own: parameters of the path, names and values of the query, the body
    and the names of files in it, cookies, Authorization, headers of one's own and their names, Referer, a comment of
    User-Agent, what proxies forward; some are addresses of mail, UUIDs, long numbers, other scripts, bytes that are no
    text, line breaks, and each of them escaped once or twice. Some requests break off while their body is read, or
    while the response is sent, with an exception whose class, arguments, notes and cause are secrets too.

    A secret counts as found where any four of its characters in a row were written: in either case, backwards, escaped
    by percent signs or backslashes, or as hexadecimal digits or base64 of it (eight and six characters of which are
    four of its own, or more). Secrets are words of few rare consonants and digits (``jkqvxz``, 2 to 9), so that no
    honest text has four such characters in a row by chance; of numbers six digits count, since times are numbers too,
    and four in records of the request log, whose times are known to be times.

    Args:
        seed: Other seeds plant other secrets.
    """

    def __init__(self, seed: int = 0) -> None:
        if type(seed) is not int:
            raise UsageError("a seed is a whole number", where="Canary(seed=…)", cure="Correct the call.")
        self._secrets = Secrets(seed)
        self._planted: dict[str, Secret] = {}

    @property
    def places(self) -> tuple[str, ...]:
        """Where something was planted, as failures name it."""
        return tuple(self._planted)

    def plant(self, place: str, kind: Kind = "token") -> str:
        """Return the secret of a place, for planting it where only the application's own tests reach.

        Args:
            place: What failures call the place. The same place has the same secret.
            kind: What it looks like: ``token``, ``email``, ``uuid``, ``number``, ``script`` (no Latin letter),
                ``bytes`` (that are no text, as latin-1), ``surrogates`` (text with lone ones), ``host part`` (the
                second half of an IPv6 address).

        Raises:
            UsageError: There is no such kind.
        """
        if place not in self._planted:
            self._planted[place] = self._secrets.made(place, kind)
        return self._planted[place].text

    def error(self) -> CanaryError:
        """Return an exception to raise in a view: its class, arguments, attributes, notes and cause are secrets."""
        kind = type(self.plant("an exception, its class", "token"), (CanaryError,), {})
        error: CanaryError = kind(
            self.plant("an exception, its text", "email"), self.plant("an exception, lone surrogates", "surrogates")
        )
        error.add_note(self.plant("an exception, a note", "token"))
        error.__dict__["token"] = self.plant("an exception, an attribute", "token")
        error.__cause__ = KeyError(self.plant("an exception, its cause", "token"))
        return error

    def requests(self, paths: Iterable[str]) -> list[PlantedRequest]:
        """Return the requests that are sent for ``paths``, for a driver of one's own."""
        return [request for requests in self._by_path(paths).values() for request in requests]

    def _by_path(self, paths: Iterable[str], missing: Iterable[str] = ()) -> dict[str, list[PlantedRequest]]:
        checked: list[object] = [*paths, *missing]
        if (
            isinstance(paths, str)
            or isinstance(missing, str)
            or not all(isinstance(path, str) and path.startswith("/") for path in checked)
        ):
            raise UsageError(
                "the paths of a canary are a list of texts that begin with a slash",
                where="Canary",
                cure='Hand over such as ["/users/{}"].',
            )
        return {str(path): [*planted_requests(str(path), self.plant)] for path in checked}

    def run_wsgi(self, app: WSGIApplication, paths: Sequence[str], *, missing: Sequence[str] = ()) -> int:
        """Call a WSGI application with many planted requests.

        Args:
            app: The application, with its log.
            paths: Paths that it has, with their parameters in braces: a secret is planted in each. One that is made of
                digits only ends in ``:int``, as ``/orders/{number:int}``.
            missing: Paths that it does not have, and that get the same requests.

        Returns:
            How many requests there were. Exceptions of the application's are its own affair: a server survives them.

        Raises:
            UsageError: A path with parameters reached no route, or nothing was answered at all: that proves nothing.
        """
        around = Surroundings(self.plant, self.error)
        answers = {
            path: [run_wsgi(app, request, around) for request in requests]
            for path, requests in self._by_path(paths, missing).items()
        }
        _check_reached(answers, missing)
        return sum(map(len, answers.values()))

    async def run_asgi(self, app: ASGIApplication, paths: Sequence[str], *, missing: Sequence[str] = ()) -> int:
        """Call an ASGI application with many planted requests, and open a WebSocket at each path.

        Its lifespan is not run: where the application needs it, run it around this call.

        Args:
            app: The application, with its log.
            paths: As `run_wsgi` has them.
            missing: As `run_wsgi` has them.

        Returns:
            How many connections there were. Exceptions of the application's are its own affair: a server survives them.

        Raises:
            UsageError: A path with parameters reached no route, or nothing was answered at all: that proves nothing.
        """
        around = Surroundings(self.plant, self.error)
        by_path = self._by_path(paths, missing)
        answers = {
            path: [await run_asgi(app, request, around) for request in requests] for path, requests in by_path.items()
        }
        _check_reached(answers, missing)
        sockets = [
            request
            for requests in by_path.values()
            for request in requests
            if request.method == "GET" and request.breaks is None
        ]
        for request in sockets:
            await talk(app, request, around)
        return sum(map(len, answers.values())) + len(sockets)

    def assert_absent(self, log: Log, *, full_addresses: bool = False) -> None:
        """Fail on any piece of a secret in what was written.

        Args:
            log: The path of a file, compressed (gzip) or not, or of a directory, of which every file is read; bytes; or
                lines, or entries.
            full_addresses: Whether the log keeps whole addresses, by the host's choice: then those are no secret.

        Raises:
            AssertionError: A piece of a secret was found, or nothing was written at all, which proves nothing. The
                message names line, key and the place where the secret had been planted, and never the secret.
            UsageError: There is no such log, or nothing was planted.
        """
        __tracebackhide__ = True
        if not self._planted:
            raise UsageError("nothing was planted", where="Canary.assert_absent", cure="Run the application first.")
        secrets = (one for one in self._planted.values() if not (full_addresses and one.kind == "host part"))
        search = Search(secrets)
        problems = []
        # Most lines of a second are alike.
        clean: set[bytes | str] = set()
        number = 0
        for number, (where, line) in enumerate(lines_written(log), 1):  # noqa: B007 - counted beyond the loop
            if isinstance(line, (bytes, str)) and line in clean:
                continue
            found = search.find(line)
            if found is None:
                if isinstance(line, (bytes, str)) and len(clean) < _MOST_KNOWN:
                    clean.add(line)
            else:
                under = "" if found.key is None else f" under the key {found.key!r}"
                problems.append(f"{where} holds a piece of what was planted in {found.place}{under}")
            if len(problems) > _MOST_TOLD:
                break
        if not number:
            raise AssertionError("nothing was written, so nothing is proved")
        if problems:
            raise AssertionError("\n".join(["secrets turn up in what was written:", *problems[:_MOST_TOLD]]))


def _check_reached(answers: Mapping[str, Sequence[int | None]], missing: Collection[str]) -> None:
    """Raise `UsageError` where requests did not come where secrets could have been told."""
    told = [status for statuses in answers.values() for status in statuses]
    if told and not any(told):
        raise UsageError(
            "the application answered none of the canary's requests",
            where="Canary",
            cure="Hand a WSGI application to run_wsgi, and await run_asgi with one for ASGI.",
        )
    for path, statuses in answers.items():
        if "{" in path and path not in missing and {*statuses} == {_NOT_FOUND}:
            raise UsageError(
                f"no request of the canary reached a route at {path}",
                where="Canary",
                cure="Name paths as the application has them, each parameter in braces; {id:int} for one of digits.",
            )
