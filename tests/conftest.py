"""What every test run has in common: reproducible examples, and an account of what did not run."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Whoever starts the tests in the background may have SIGINT ignored, which the processes that tests start would
# inherit, and no Ctrl-C would ever reach them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure, so no example has a deadline and none is too slow to draw; a failure prints how to
# repeat it.
settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def postgresql_url(testrun_uid: str) -> str:
    """Return the URL of a PostgreSQL server, which all processes of the run share."""
    from tests import _postgresql as postgresql

    return postgresql.server_url(testrun_uid)


@pytest.fixture
def schema(postgresql_url: str) -> Iterator[str]:
    """Give the name of a schema that is not there yet, and is gone afterwards."""
    from tests import _postgresql as postgresql

    name = postgresql.fresh_name()
    yield name
    postgresql.drop_schema(postgresql_url, name)


def _place_and_reason(report: object) -> tuple[str, str]:
    """Return where a report was skipped, and why."""
    place = str(getattr(report, "nodeid", "")) or "collection"
    told = getattr(report, "longrepr", None)
    reason = told[2] if isinstance(told, tuple) else str(getattr(report, "wasxfail", told))
    return place, reason.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what could not run here, last, so that nothing is left out silently."""
    terminalreporter.section("not run here")
    missed = [*terminalreporter.stats.get("skipped", ()), *terminalreporter.stats.get("xfailed", ())]
    for place, reason in sorted(_place_and_reason(report) for report in missed):
        terminalreporter.write_line(f"{place}: {reason}")
    if not missed:
        terminalreporter.write_line("nothing: every collected test and code block ran")
