"""Structlog processors for the request log, and for a host's own logs, and a sink that runs any processors.

`StructlogSink` calls processors as the functions that they are: a call through a structlog logger costs more than all
they do. `HeaderOnly` goes to the end of a host's own chain, before the renderer.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from structlog import DropEvent

from smartify_core.errors import UsageError
from smartify_core.model import Clock

from ._diagnostics import Troubles
from ._event._note import Note, Record
from ._event._request_event import RequestEvent
from ._sinks._mappings import to_ecs, to_otel
from ._sinks._pump import Pump, Sent
from ._sinks._refusing import AllowList, Bounds, told_key

__all__ = ["EcsKeys", "HeaderOnly", "OtelKeys", "StructlogSink"]

_Entry = MutableMapping[str, Any]
_Processor = Callable[[Any, str, _Entry], Any]

_MOST_WAITING: Final = 1_000_000
_LONGEST_PAUSE: Final = 60.0


class EcsKeys:
    """Gives the items of a request log's record the names of Elastic Common Schema; other entries pass unchanged."""

    def __call__(self, _logger: object, _method: str, event_dict: _Entry) -> _Entry:
        """Return the entry with other names."""
        return _mapped(to_ecs, event_dict)


class OtelKeys:
    """Gives the items of a record the names of OpenTelemetry's semantic conventions; other entries pass unchanged."""

    def __call__(self, _logger: object, _method: str, event_dict: _Entry) -> _Entry:
        """Return the entry with other names."""
        return _mapped(to_otel, event_dict)


def _mapped(mapping: Callable[[Mapping[str, str | int]], dict[str, str | int]], entry: _Entry) -> _Entry:
    # A host's own entry may have a "version" of its own; only ours have these two.
    return dict(mapping(entry)) if "v" in entry and "time" in entry else entry


class HeaderOnly:
    """Refuses what a log that knows only a request's header does not hold: a key that is not allowed, a foreign value.

    Allowed are the items of the request log's schema, under any of their names, each within its bounds; the level, time
    and name of a logger; and what ``allow`` says. Messages are data as soon as somebody formats something into them, so
    ``event`` has to be allowed by its texts, too. Put it last before the renderer, after
    ``structlog.stdlib.ProcessorFormatter.remove_processors_meta`` where that is in use.

    Args:
        allow: Further keys, each with all values that it may have (a set, a range), or with a function that says True
            to a value: ``{"event": {"request finished"}, "attempt": range(10)}``.
        on_refusal: ``drop`` leaves out what is refused, and adds how many items that were (``refused``); ``raise``
            raises, for tests.

    Raises:
        UsageError: ``allow`` gives a key no bounds, or ``on_refusal`` is another word.
    """

    def __init__(
        self, allow: Mapping[str, Bounds] | None = None, *, on_refusal: Literal["drop", "raise"] = "drop"
    ) -> None:
        if on_refusal not in {"drop", "raise"}:
            raise UsageError("on_refusal is drop or raise", where="HeaderOnly", cure="Correct the call.")
        self._allowed = AllowList({} if allow is None else allow)
        self._raises = on_refusal == "raise"

    def __call__(self, _logger: object, _method: str, event_dict: _Entry) -> _Entry:
        """Return what of an entry is allowed.

        Raises:
            UsageError: Something is not, and it is to be raised. The value is not told.
        """
        refusals = self._allowed.refusals(event_dict)
        if not refusals:
            return event_dict
        if self._raises:
            key, why = next(iter(refusals.items()))
            raise UsageError(
                f"{told_key(key)} {why}",
                where="a log entry",
                cure="Leave it out, or allow it with its bounds in HeaderOnly(allow=…).",
            )
        kept = {key: value for key, value in event_dict.items() if key not in refusals}
        return kept | {"refused": len(refusals)}


class StructlogSink(Pump):
    """A `Sink` that runs structlog processors over each record and hands the outcome to a function.

    A request only appends to a queue. The rest happens in one thread a process, in the order of the puts: the items of
    the record go through the processors (logger None, method ``info``), and what the last returns goes to ``write``. A
    processor may raise `structlog.DropEvent`. A record on which one fails is dropped, counted, and told in the next
    note; an `OSError` of ``write`` is waited for, and the record is written again.

    Args:
        processors: As in `structlog.configure`; the last one is a renderer.
        write: Takes what the last processor returns, and has written it when it returns: a logger of
            `structlog.BytesLogger`, say, which flushes.
        queue: How many records may wait.
        flush_every: Seconds between two writings, at most 60.
        now: The clock for notes; the system's when not given.
        on_sigterm: Whether to write what waits before SIGTERM ends the process, by a handler that calls the one before.

    Raises:
        UsageError: An argument makes no sense.
    """

    def __init__(
        self,
        processors: Iterable[_Processor],
        write: Callable[[Any], object],
        *,
        queue: int = 10_000,
        flush_every: float = 1.0,
        now: Clock | None = None,
        on_sigterm: bool = True,
    ) -> None:
        given: object = processors  # types are no promise at run time
        chain = tuple(given) if isinstance(given, Iterable) else ()
        if not chain or not all(map(callable, (*chain, write))):
            raise _wrong("processors and write are functions, at least one of each")
        if type(queue) is not int or not 1 <= queue <= _MOST_WAITING:
            raise _wrong(f"queue is a whole number from 1 to {_MOST_WAITING:,}")
        if type(flush_every) not in {int, float} or not 0 < flush_every <= _LONGEST_PAUSE:
            raise _wrong(f"flush_every is more than 0 and at most {_LONGEST_PAUSE:.0f} seconds")
        target = _Chain(chain, write)
        super().__init__(
            target, limit=queue, flush_every=flush_every, now=_utc_now if now is None else now, on_sigterm=on_sigterm
        )


class _Chain:
    """Processors and what their outcome goes to, as a `Target`."""

    def __init__(self, processors: Sequence[_Processor], write: Callable[[Any], object]) -> None:
        self._processors = processors
        self._write = write
        self._troubles = Troubles()

    def send(self, records: Sequence[Record]) -> Sent:
        """Write each record."""
        lost = 0
        for done, record in enumerate(records):
            try:
                self._one(record)
            except DropEvent:
                continue
            except OSError as error:
                return Sent(done, lost, errno.errorcode.get(error.errno or 0, "OSError"))
            except Exception as error:  # noqa: BLE001 - whatever a host's processor raises: one record stops no other
                lost += not isinstance(record, Note)
                self._troubles.warn("request_log_record_refused", error=type(error).__name__)
        return Sent(len(records), lost)

    def _one(self, record: Record) -> None:
        if type(record) is not RequestEvent and type(record) is not Note:
            raise TypeError("a sink takes events and notes")
        outcome: Any = record.as_dict()
        for processor in self._processors:
            outcome = processor(None, "info", outcome)
        self._write(outcome)

    def step(self) -> bool:
        """Do nothing: there is nothing else to do."""
        return False

    def hasten(self) -> None:
        """Do nothing, as above."""

    def close(self) -> None:
        """Do nothing: what ``write`` writes to is the host's."""

    def forget(self) -> None:
        """Do nothing, as above."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _wrong(rule: str) -> UsageError:
    return UsageError(rule, where="StructlogSink", cure="Correct the call.")
