"""What people read about the request log: answers, events and findings into lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from smartify_core.requestlog import Note, Record, RequestEvent
from smartify_core.requestlog.analysis import FEW, Answer, Coverage
from smartify_core.requestlog.files import Expired

from ._log_times import told, weekday

_BAR: Final = 24
_MOST: Final = 10
_LONGEST_NAME: Final = 48
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_PLAIN: Final = str.maketrans({"█": "#", "≤": "<", "…": ".", **dict.fromkeys("▏▎▍▌", " "), **dict.fromkeys("▋▊▉", "#")})
_HEADS: Final = {
    "features": "Features",
    "errors": "Errors",
    "spikes": "Hours with more errors than usual",
    "statuses": "Statuses",
    "browsers": "Browsers",
    "systems": "Operating systems",
    "devices": "Devices",
    "languages": "Languages",
    "referrers": "Referring pages",
    "zones": "Time zones",
}
_SLOWEST: Final = 60_000


def of_summary(
    directory: Path, coverage: Coverage, answers: Mapping[str, Answer], *, offset: int, step: str
) -> Iterator[str]:
    """Return the lines of a summary.

    Args:
        directory: Where the log is.
        coverage: What the answers rest on.
        answers: The answers, by question.
        offset: Minutes that days and hours are ahead of UTC.
        step: ``hour``, ``day`` or ``week``: how long a step over time is.
    """
    if coverage.first is None or coverage.last is None:
        yield f"There is no request in {directory} for this time."
        yield from of_coverage(coverage)
        return
    rows = [tuple(map(int, row)) for row in _numbers(answers["requests"])]
    requests, errors, refused, slow = (sum(row[place] for row in rows) for place in range(1, 5))
    yield f"{directory}: {told(coverage.first, offset)} to {told(coverage.last, offset)}, times {_zone(offset)}"
    features = counted(len(answers["features"].rows), "feature")
    yield (
        f"{counted(requests, 'request')} to {features}: {_part(errors, requests)} failed, "
        f"{_part(refused, requests)} were refused, {_part(slow, requests)} took longer than a second"
    )
    yield ""
    yield from _over_time(rows, step, offset)
    for name, heading in _HEADS.items():
        lines = list(_TABLES.get(name, _ranked)(answers[name], offset))
        if lines:
            yield from ("", heading, *lines)
    yield ""
    yield from of_coverage(coverage)
    yield from dict.fromkeys(note for answer in answers.values() for note in answer.notes)
    if any(answer.folded for answer in answers.values()):
        yield answers["browsers"].floor


def of_coverage(coverage: Coverage) -> Iterator[str]:
    """Return what is missing, in a sentence."""
    missing = {
        "dropped": coverage.dropped,
        "unreadable lines": coverage.unreadable,
        "in (other) features": coverage.folded,
        "expired": coverage.expired,
    }
    told_of = ", ".join(f"{count:,} {what}" for what, count in missing.items() if count)
    yield f"{counted(coverage.files, 'file')}; {told_of or 'nothing is known to be missing'}"


def of_expired(gone: Expired, *, plan_only: bool) -> Iterator[str]:
    """Return what was deleted, or would be."""
    if plan_only:
        yield from gone.files
        yield f"{counted(len(gone.files), 'file')} old enough to be deleted"
        return
    for day, count in gone.days.items():
        yield f"{day}  {counted(count, 'event')}"
    yield f"{counted(len(gone.files), 'file')} with {counted(gone.events, 'event')} deleted"


def of_packed(days: Mapping[str, int], *, removed: Sequence[str], left: Sequence[str]) -> Iterator[str]:
    """Return what was packed, and what became of the files of lines."""
    for day, count in days.items():
        yield f"{day}  {counted(count, 'event')}"
    for name in left:
        yield f"{name}: left alone, because a newer version of this library wrote it"
    yield f"{counted(sum(days.values()), 'event')} packed, {counted(len(removed), 'file')} of lines removed"


def of_record(record: Record, offset: int) -> str:
    """Return one line about an event, or about what the log noted of itself."""
    if isinstance(record, Note):
        day = "" if record.day is None else f" of {record.day}"
        return f"{told(record.time, offset)}  -- {record.kind}: {record.count:,}{day}"
    return "  ".join(_of_event(record, offset))


def _of_event(event: RequestEvent, offset: int) -> Iterator[str]:
    found = event.as_dict()
    yield told(event.time, offset)
    yield str(found.get("status", "---"))
    yield f"{event.method:<6}"
    yield f"{_duration(event.ms):>9}"
    yield event.feature.name
    if event.failure is not None:
        yield " ".join(one for one in (event.failure.error, event.failure.phase) if one is not None)
    version = "" if event.client.version is None else f" {event.client.version}"
    yield f"{event.client.browser}{version}, {event.client.os}, {event.client.device}"
    for key in ("language", "ip", "referrer", "zone"):
        if key in found:
            yield str(found[key])


def _numbers(answer: Answer) -> Iterable[Sequence[int]]:
    for row in answer.rows:
        yield [int(one or 0) for one in row]


def _over_time(rows: Sequence[Sequence[int]], step: str, offset: int) -> Iterator[str]:
    most = max((row[1] for row in rows), default=0)
    yield f"{step:<16}  {'requests':>12}  {'':{_BAR}}  {'failed':>9}  {'refused':>9}  {'slow':>9}"
    for start, requests, errors, refused, slow in rows:
        others = "".join(f"  {count:>9,}" for count in (errors, refused, slow))
        yield f"{_step(start, step, offset):<16}  {requests:>12,}  {bar(requests, most)}{others}"


def _step(start: int, step: str, offset: int) -> str:
    when = told(start, offset)
    return when[:16] if step == "hour" else f"{when[:10]} {weekday(start, offset)}"


def _features(answer: Answer, _: int) -> Iterator[str]:
    rows = answer.rows[:_MOST]
    most = max((int(row[1] or 0) for row in rows), default=0)
    for feature, requests, errors, _half, nearly, _last in rows:
        count, failed = int(requests or 0), int(errors or 0)
        within = "" if nearly is None else _duration(int(nearly))
        yield f"{_name(feature)}  {count:>12,}  {bar(count, most)}  {_part(failed, count):>9} failed  95 % {within}"
    yield from _rest(answer, 1)


def _errors(answer: Answer, offset: int) -> Iterator[str]:
    for error, feature, phase, status, requests, last in answer.rows[:_MOST]:
        what = " ".join(str(one) for one in (error, phase, status) if one is not None)
        when = "" if last is None else f"  last {told(int(last), offset)[:16]}"
        yield f"{_name(feature)}  {int(requests or 0):>12,}  {what}{when}"
    yield from _rest(answer, 4)


def _spikes(answer: Answer, offset: int) -> Iterator[str]:
    for start, feature, requests, errors, usual, _ in answer.rows[:_MOST]:
        told_of = f"of {int(requests or 0):,} from {told(int(start or 0), offset)[:16]}, usually {usual:g} an hour"
        yield f"{_name(feature)}  {int(errors or 0):>12,}  {told_of}"


def _ranked(answer: Answer, _: int) -> Iterator[str]:
    known = [row for row in answer.rows if row[0] is not None]
    total = sum(int(row[-1] or 0) for row in known)
    most = max((int(row[-1] or 0) for row in known if row[0] != FEW), default=0)
    # Where the floor folded anything, and nothing is told of those who lack it, they may be folded as well.
    folded = "too few to tell apart" if len(known) < len(answer.rows) else "too few, or not known"
    for *names, requests in known[:_MOST]:
        few, count = names[0] == FEW, int(requests or 0)
        name = folded if few else " ".join(str(one) for one in names if one is not None)
        yield f"{_name(name)}  {count:>12,}  {bar(0 if few else count, most)}  {_part(count, total):>9}"
    if rest := known[_MOST:]:
        yield f"{_name(f'{len(rest):,} others')}  {sum(int(row[-1] or 0) for row in rest):>12,}"


_TABLES: Final = {"features": _features, "errors": _errors, "spikes": _spikes}


def _rest(answer: Answer, column: int) -> Iterator[str]:
    if rest := answer.rows[_MOST:]:
        yield f"{_name(f'{len(rest):,} others')}  {sum(int(row[column] or 0) for row in rest):>12,}"


def counted(count: int, one: str) -> str:
    """Return a number and what it counts."""
    return f"{count:,} {one if count == 1 else f'{one}s'}"


def plain(line: str) -> str:
    """Return a line for a terminal that has no characters but those of ASCII."""
    return line.translate(_PLAIN)


def bar(count: int, most: int) -> str:
    """Return a bar of blocks that is as long as a count is of the largest, in an eighth of a character."""
    eighths = 0 if most <= 0 else round(count / most * _BAR * 8)
    whole, rest = divmod(eighths, 8)
    return f"{'█' * whole}{_EIGHTHS[rest] if rest else ''}".ljust(_BAR)


def _name(value: object) -> str:
    name = str(value)
    return f"{name if len(name) <= _LONGEST_NAME else f'{name[: _LONGEST_NAME - 1]}…':<{_LONGEST_NAME}}"


def _part(count: int, whole: int) -> str:
    if not whole:
        return "-"
    percent = count / whole * 100
    return "<0.01 %" if 0 < percent < 0.01 else f"{percent:.{0 if percent >= 10 else 2}f} %"  # noqa: PLR2004 - digits


def _duration(bound: int) -> str:
    if bound > _SLOWEST:
        return "> 1 min"
    return f"≤ {bound / 1000:g} s" if bound >= 1_000 else f"≤ {bound} ms"  # noqa: PLR2004 - milliseconds of a second


def _zone(offset: int) -> str:
    if not offset:
        return "in UTC"
    hours, minutes = divmod(abs(offset), 60)
    return f"at UTC{'+' if offset > 0 else '-'}{hours:02}:{minutes:02}"
