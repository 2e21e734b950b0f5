"""`RequestLog`: makes an event of what a middleware saw of a request."""

from __future__ import annotations

import time as clocks
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, TypeAlias

from smartify_core.errors import UsageError
from smartify_core.model import Clock

from ._collecting import Collecting
from ._diagnostics import Troubles
from ._event._names import OTHER, OWN
from ._event._note import Note
from ._event._parts import Address, Client, Failure, Feature, Language, Referrer, Zone, time_zones
from ._event._request_event import STATUSES, RequestEvent, checked_status, event_of_parts
from ._event._schema import DURATIONS_MS, METHODS, OTHER_METHOD
from ._features._distinct import Distinct
from ._features._known_features import FOLDED, Features
from ._headers._addresses import Addresses
from ._headers._clients import UNREAD, Clients
from ._headers._remembered import Remembered
from ._headers._single_headers import language_of, opted_out, referrer_of, zone_of
from ._sinks._sink import Sink
from ._tally import Tally

#: Where each header stands in what a middleware hands over.
ZONE: Final = 7
#: The headers that are read, lower case, in that order; the one of the time zone is named by the host. The first eight
#: are those that a browser repeats with every request. The last place is for whatever is not read.
HEADERS: Final = (
    "user-agent",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "accept-language",
    "sec-gpc",
    "dnt",
    None,
    "referer",
    "host",
    None,
)
#: The value of a header, as the server gave it: bytes of ASGI, or text of WSGI in latin-1.
HeaderValue: TypeAlias = "str | bytes"

_BOUNDS: Final = tuple(bound / 1_000 for bound in DURATIONS_MS[:-1])
#: Combinations of headers, and referring pages, that are remembered: some 3 MB when full.
_ROOM: Final = 2_048
#: How many foreign origins are told apart in a day: anybody can make a page's address up.
_MOST_ORIGINS: Final = 2_000
_NOTE_EVERY: Final = 60
_WITHHELD: Final = Address(None, "withheld")
_ELSEWHERE: Final = Referrer(OTHER)


class _Sender(NamedTuple):
    """What the headers that a browser repeats with every request say. A tuple: it is taken apart in each request."""

    client: Client
    language: Language | None
    zone: Zone | None
    is_followed: bool


class _Page(NamedTuple):
    """What is kept of a referring page."""

    kept: Referrer | None


class RequestLog:
    """Makes a `RequestEvent` of each request, and hands it to a sink. One for each application and process.

    What headers say is cached under a keyed hash of them: no header's text outlives its request. Safe to use from any
    number of threads.

    Args:
        sink: Where events go.
        collecting: What is collected; by default the least.
        now: The time; the system's when not given.

    Raises:
        MissingExtra: The extra ``[requestlog]`` is not installed.
        UsageError: An argument is of another type.
    """

    def __init__(self, sink: Sink, collecting: Collecting | None = None, *, now: Clock | None = None) -> None:
        checked: object = collecting  # types are no promise at run time
        if not isinstance(checked, Collecting | None) or not isinstance(sink, Sink):
            raise UsageError("a request log takes a sink and a Collecting", cure="Correct the call.")
        if now is not None and not callable(now):
            raise UsageError("now is a function that tells the present instant", where="RequestLog", cure="Correct it.")
        self.collecting: Final = Collecting() if collecting is None else collecting
        self.sink: Final = sink
        self._put = sink.put
        #: The time in seconds since 1970 UTC.
        self.seconds: Final[Callable[[], float]] = clocks.time if now is None else lambda: now().timestamp()
        self._features = Features(self.collecting.features, self.collecting.most_features)
        self._addresses = Addresses(self.collecting.ip, self.collecting.proxies)
        self._clients = Clients()
        if self.collecting.time_zone_header is not None:
            time_zones()  # read from hundreds of files: now, and not in a request
        self._senders = Remembered[int, _Sender](_ROOM)
        self._referrers = Remembered[int, _Page](_ROOM)
        self._origins = Distinct(_MOST_ORIGINS)
        self._troubles = Troubles()
        self._folded = Tally()
        self._folded_noted = -_NOTE_EVERY
        self._failed = Tally()
        self._lost = Tally()
        self._lost_noted = -_NOTE_EVERY

    @property
    def failed(self) -> int:
        """How many requests this process could not record because the collector itself failed; logged by class."""
        return self._failed.count

    def learn(self, templates: Iterable[str]) -> None:
        """Teach the templates of the application's routes, so that referring pages of its own are told by them.

        The templates of requests are learned by themselves.
        """
        for template in templates:
            self._features.named(template, self.time())

    def time(self) -> int:
        """Return the time in whole seconds since 1970 UTC."""
        return int(self.seconds())

    def close(self, timeout: float = 5.0) -> None:
        """Note what is still to be noted, and close the sink."""
        self._note_folded(self.time())
        self._note_lost(self.time())
        self.sink.close(timeout)

    def record(  # noqa: PLR0917 - by place: names cost a request a microsecond
        self,
        time: int,
        feature: str | None,
        method: str,
        status: int | None,
        seconds: float,
        failure: Failure | None,
        peer: str | None,
        heard: Sequence[HeaderValue],
        forwarded: Sequence[str] = (),
    ) -> None:
        """Put the event of one request into the sink. Never raises: a log must not be felt by a request.

        Args:
            time: When the request came in, as `time` told it.
            feature: The route's template, or the host's name for what was used; None where no route matched.
            method: The request's method; one that is not known counts as ``OTHER``.
            status: The response's status, None where no response began.
            seconds: How long it took.
            failure: How it failed, None where it did not.
            peer: The connection's other end: an address, None where there is none.
            heard: The values of `HEADERS`, each empty where the request has none.
            forwarded: The values of the header in which proxies tell the client's address, each line of it.
        """
        try:
            # What was used of late is looked up here and not by a method: each call costs a request a hundredth.
            agent, ua, mobile, platform, languages, gpc, dnt, timezone, referer, host, _ = heard
            repeated = (agent, ua, mobile, platform, languages, gpc, dnt, timezone)
            key = hash(repeated)
            sender = self._senders.of_late.get(key)
            if sender is None:
                sender = self._senders.get(key) or self._first_heard(key, repeated)
            client, language, zone, is_followed = sender
            address: Address | None = _WITHHELD
            referrer: Referrer | None = None
            if is_followed:
                address = self._addresses.of(peer, forwarded)
                if referer:
                    key = hash((referer, host))
                    page = self._referrers.of_late.get(key)
                    if page is None:
                        page = self._referrers.get(key) or self._first_referred(key, referer, host, time)
                    referrer = page.kept
            elif self.collecting.opt_out == "skip":
                return
            self._put(
                event_of_parts(
                    RequestEvent,
                    (
                        time,
                        self._features.known.get(feature) or self._first_named(feature, time),
                        method if method in METHODS else OTHER_METHOD,
                        None if status is None else STATUSES.get(status) or checked_status(status),
                        DURATIONS_MS[bisect_left(_BOUNDS, seconds)],
                        client,
                        address,
                        failure,
                        language,
                        referrer,
                        zone,
                    ),
                )
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the request has to go on
            self.not_recorded(error)

    def not_recorded(self, error: Exception) -> None:
        """Count a request that could not be recorded, and say so once a minute: here, and in a note of the log."""
        self._failed.add()
        self._lost.add()
        self._troubles.warn("request_not_recorded", error=Failure.of(type(error), None).error or "")
        time = self.time()
        if time - self._lost_noted >= _NOTE_EVERY:
            self._note_lost(time)

    def feature_not_found(self, error: Exception) -> None:
        """Say once a minute that the host's finder of features failed, by the class of ``error``."""
        self._troubles.warn("feature_not_found", error=Failure.of(type(error), None).error or "")

    def _first_heard(self, key: int, repeated: Sequence[HeaderValue]) -> _Sender:
        agent, ua, mobile, platform, language, gpc, dnt, zone = map(_text, repeated)
        ours = self.collecting
        opted = ours.opt_out != "ignore" and opted_out(gpc, dnt)
        sender = _Sender(
            self._clients.of(agent, ua, mobile, platform),
            None if opted else language_of(language, ours.languages),
            None if opted or ours.time_zone_header is None else zone_of(zone, ours.time_zone_from),
            not opted,
        )
        # A client that was not read for want of time is to be read the next time.
        if sender.client is not UNREAD:
            self._senders.keep(key, sender)
        return sender

    def _first_referred(self, key: int, referer: HeaderValue, host: HeaderValue, time: int) -> _Page:
        page = _Page(self._kept_of(_text(referer), _text(host), time))
        if page.kept is _ELSEWHERE:
            self._troubles.warn("referrer_folded")  # and not remembered: tomorrow it may be told apart
        else:
            self._referrers.keep(key, page)
        return page

    def _kept_of(self, referer: str, host: str, time: int) -> Referrer | None:
        if self.collecting.referrer == "none":
            return None
        found = referrer_of(referer, host, self.collecting.is_own, self._features.routes.template_of)
        if found is None or found.text.startswith("/") or found.text == OWN:
            return found
        if self.collecting.referrer == "own":
            return None
        return found if self._origins.admits(found.text, time) else _ELSEWHERE

    def _first_named(self, name: str | None, time: int) -> Feature:
        feature = self._features.named(name, time)
        if feature is FOLDED:
            self._folded.add()
            if time - self._folded_noted >= _NOTE_EVERY:
                self._note_folded(time)
            self._troubles.warn("feature_folded")
        else:
            # A page of ours whose route was not known may be known now.
            self._referrers = Remembered(_ROOM)
        return feature

    def _note_lost(self, time: int) -> None:
        self._lost_noted = time
        count = self._lost.take()
        if count:
            with suppress(Exception):  # it may be the sink that fails
                self._put(Note(time, "dropped", count))

    def _note_folded(self, time: int) -> None:
        self._folded_noted = time
        # Of two threads that come by here at once, one finds nothing left.
        count = self._folded.take()
        if count:
            self.sink.put(Note(time, "folded", count))


def _text(value: HeaderValue) -> str:
    # RFC 9110, section 5.5: what is no ASCII in a header is opaque; latin-1 gives every byte a character.
    return value if isinstance(value, str) else value.decode("latin-1")
