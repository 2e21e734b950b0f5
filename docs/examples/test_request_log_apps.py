"""The three applications behind real servers and under load: one line for each request, and nobody in any of them."""

from __future__ import annotations

import gzip
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from smartify_core.requestlog import RequestEvent, read_line
from smartify_core.requestlog.files import log_files
from smartify_core.testing.requestlog import Canary, assert_header_only

HERE = Path(__file__).parent
TIME_LIMIT = 120.0  # seconds; only a hang comes near it
CLIENTS, ROUNDS = 12, 10
GUNICORN = ["gunicorn", "--workers", "2", "--threads", "4", "--log-level", "critical", "--bind", "{}"]
UVICORN = ["uvicorn", "fastapi_app:app", "--workers", "2", "--no-proxy-headers", "--no-access-log", "--port", "{}"]
APPS = {
    "flask": ([*GUNICORN, "flask_app:app"], "<int:number>", "/export/<name>.csv"),
    "django": ([*GUNICORN, "django_app:application"], "{number}", "/export/<name>.csv"),
    "fastapi": ([*UVICORN, "--log-level", "critical"], "{number:int}", "/export/{name}.csv"),
}


@contextmanager
def served(command: list[str], log: Path) -> Iterator[int]:
    """Run a server as its own process, and end it as an operator does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    place = f"127.0.0.1:{port}" if "--bind" in command else str(port)
    program = Path(sys.executable).parent / command[0]
    environment = {**os.environ, "REQUEST_LOG": str(log), "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    process = subprocess.Popen(
        [str(program), *(part.replace("{}", place) for part in command[1:])],
        cwd=log.parent,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(TIME_LIMIT)
        finally:
            process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once somebody listens; a connection without a request is no request."""
    pause = threading.Event()
    for _ in range(int(TIME_LIMIT / 0.05)):
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            pause.wait(0.05)
        else:
            return
    pytest.fail("the server does not listen")


def visit(port: int, canary: Canary) -> Counter[str]:
    """Be one client: ask for everything, again and again, with secrets wherever there is place for one."""
    tenant = quote(canary.plant("the customer in the path", "email"))
    base = f"/t/{tenant}/orders"
    query = f"?token={canary.plant('the query')}&id={canary.plant('a number in the query', 'number')}"
    headers = {
        "Host": f"{canary.plant('a customer in the host')}.app.example",
        "Accept-Language": "de-CH, de;q=0.9",
        "Authorization": f"Bearer {canary.plant('Authorization')}",
        "Cookie": f"session={canary.plant('a cookie')}",
        "Referer": f"https://www.example.org/{canary.plant('the path of the referring page')}?q=1",
        "User-Agent": f"Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0 {canary.plant('a comment')}",
        "X-Forwarded-For": f"{canary.plant('no address')}, 203.0.113.7",
        "X-Time-Zone": "Europe/Zurich",
    }
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    coupon = f"coupon={canary.plant('a form')}".encode()
    asked: Counter[str] = Counter()
    for _ in range(ROUNDS):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIME_LIMIT)
        for name, method, path, body, expected in (
            ("shown", "GET", f"{base}/4711{query}", None, 200),
            ("shown", "HEAD", f"{base}/4711{query}", None, None),
            ("missing", "GET", f"{base}/0{query}", None, 404),
            ("unmatched", "GET", f"/nothing/{tenant}{query}", None, 404),
            ("placed", "POST", f"{base}/{query}", b"amount=1", 201),
            ("failed", "POST", f"{base}/{query}", coupon, 500),
            ("exported", "GET", f"{base}/export/{tenant}.csv{query}", None, 200),
        ):
            connection.request(method, path, body, form if body else headers)
            answer = connection.getresponse()
            answer.read()
            assert expected in {None, answer.status}, (name, answer.status)
            asked[name] += 1
            if answer.status == http.HTTPStatus.INTERNAL_SERVER_ERROR:
                # uvicorn closes a connection whose application failed.
                connection.close()
        connection.close()
        # Somebody who does not wait for the end.
        leaving = http.client.HTTPConnection("127.0.0.1", port, timeout=TIME_LIMIT)
        leaving.request("GET", f"{base}/export/{tenant}.csv{query}", None, headers)
        leaving.getresponse().read(100)
        leaving.close()
        asked["left"] += 1
    return asked


def lines_in(directory: Path) -> Iterator[bytes]:
    """Yield every line of a log."""
    for file in log_files(directory):
        data = file.path.read_bytes()
        yield from (gzip.decompress(data) if file.compressed else data).splitlines(keepends=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", APPS)
def test_a_real_application_under_load_has_one_line_for_each_request(name: str, tmp_path: Path) -> None:
    """Two processes, a dozen clients, errors, streams and clients that leave: every line is there, and strictly so."""
    command, number, export = APPS[name]
    canary, log = Canary(), tmp_path / "log"
    with served(command, log) as port, ThreadPoolExecutor(CLIENTS) as pool:
        visit_all = [pool.submit(visit, port, canary) for _ in range(CLIENTS)]
        asked = sum((visit.result() for visit in visit_all), Counter[str]())
    records = [read_line(line) for line in lines_in(log)]
    events = [record for record in records if isinstance(record, RequestEvent)]
    # No note: nothing was dropped, nothing torn.
    assert len(records) == len(events) == asked.total() == CLIENTS * ROUNDS * 8
    assert len(log_files(log)) == 2, "each process writes a file of its own"
    tenant = "{tenant}" if name == "fastapi" else "<tenant>"
    base = f"/t/{tenant}/orders"
    counts = Counter((event.feature.name, event.method, event.status) for event in events)
    # FastAPI has no HEAD where only GET is declared.
    head = 405 if name == "fastapi" else 200
    assert counts == {
        (f"{base}/{number}", "GET", 200): asked["shown"] // 2,
        (f"{base}/{number}", "HEAD", head): asked["shown"] // 2,
        (f"{base}/{number}", "GET", 404): asked["missing"],
        ("unmatched", "GET", 404): asked["unmatched"],
        (f"{base}/", "POST", 201): asked["placed"],
        (f"{base}/", "POST", 500): asked["failed"],
        (f"{base}{export}", "GET", 200): asked["exported"] + asked["left"],
    }
    errors = Counter(event.failure.error for event in events if event.failure is not None and event.failure.error)
    assert errors == {"OutOfStock": asked["failed"]}
    lines = [event.as_dict() for event in events]
    assert {line["ip"] for line in lines} == {"203.0.113.0/24"}
    assert {(line["language"], line["referrer"], line["zone"]) for line in lines} == {
        ("de", "https://www.example.org", "Europe/Zurich")
    }
    assert_header_only(log)
    canary.assert_absent(log)
