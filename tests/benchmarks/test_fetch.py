"""How close reading a Google directory comes to the ideal, and what it costs in processor time.

Run with ``nox -s benchmarks -- -k fetch``. The server is a process of its own on loopback, which adds the latency to
each request.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import google.oauth2.service_account
from googleapiclient.discovery import build

from smartify_core.directory.google import SCOPES, GoogleDirectory, Limits
from smartify_core.model import Identity, InactiveReason

LATENCY = 0.040
PEOPLE, GROUPS, CONCURRENCY = 5_000, 1_000, 16
CPU_PEOPLE, CPU_ROUNDS = 50_000, 5
OF_IDEAL, OF_LOOP, OF_CPU = 1.3, 8.0, 2.0
MASK = "kind,nextPageToken,users(id,primaryEmail,name(givenName,familyName),suspended,archived)"


@contextmanager
def server(folder: Path, *, people: int, groups: int, latency: float) -> Iterator[dict[str, str]]:
    """Run the wire-level server in a process of its own."""
    command = [sys.executable, "-m", "smartify_core.testing.google", "--people", str(people), "--groups", str(groups)]
    command += ["--latency", str(latency), "--service-account", str(folder / "sa.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def directory(at: dict[str, str]) -> GoogleDirectory:
    """Return our source, with a rate that does not come into play."""
    limits = Limits(requests_per_minute=1_000_000, burst=1_000_000, concurrency=CONCURRENCY)
    return GoogleDirectory.from_service_account(
        at["service_account_file"], subject=at["subject"], api_endpoint=at["url"], limits=limits
    )


def read(source: GoogleDirectory) -> dict[str, int]:
    """Read everything; return how many requests each listing took, and how many people there are."""
    with source.snapshot() as snapshot:
        people = sum(1 for _ in snapshot.identities())
        assert snapshot.certificate.complete
        pages = {listing.name: listing.pages for listing in snapshot.certificate.listings}
        return pages | {"people": people, "requests": snapshot.requests}


def plain_loop(at: dict[str, str]) -> int:
    """Read the same as a script does that pages through users, groups and members one request after the other."""
    credentials = google.oauth2.service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]  # untyped in google-auth
        at["service_account_file"], scopes=list(SCOPES), subject=at["subject"]
    )
    options = {"api_endpoint": at["url"]}
    api: Any = build("admin", "directory_v1", credentials=credentials, client_options=options, cache_discovery=False)
    requests = 0

    def pages(resource: Any, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        nonlocal requests
        request = resource.list(**arguments)
        while request is not None:
            answer = request.execute(num_retries=3)
            requests += 1
            yield from answer.get(key, [])
            request = resource.list_next(request, answer)

    users = api.users()
    for _ in pages(users, "users", customer="my_customer", maxResults=500, fields=MASK):
        pass
    members = api.members()
    listed = list(pages(api.groups(), "groups", customer="my_customer", maxResults=200))
    for group in listed:
        for _ in pages(members, "members", groupKey=group["id"], maxResults=200):
            pass
    api.close()
    return requests


def test_fetch_is_close_to_the_ideal(tmp_path: Path) -> None:
    """5,000 users and 1,000 groups at 40 ms take at most 1.3 times the ideal, and an eighth of a sequential loop."""
    with server(tmp_path, people=PEOPLE, groups=GROUPS, latency=LATENCY) as at:
        source = directory(at)
        read(source)  # the token, the client's document and the server's caches are warm for both
        walls = []
        for _ in range(3):
            started = time.perf_counter()
            counts = read(source)
            walls.append(time.perf_counter() - started)
        started = time.perf_counter()
        sequential = plain_loop(at)
        loop = time.perf_counter() - started
    chain = max(counts["users"], counts["groups"]) * LATENCY
    ideal = chain + counts["members"] * LATENCY / CONCURRENCY
    wall = median(walls)
    figures = {
        "users": counts["people"],
        "requests": counts["requests"],
        "concurrency": CONCURRENCY,
        "ideal, s": round(ideal, 2),
        "wall, s": round(wall, 2),
        "wall / ideal": round(wall / ideal, 2),
        "limit": OF_IDEAL,
        "wall / (all requests side by side, no chains)": round(wall / (counts["requests"] * LATENCY / CONCURRENCY), 2),
        "sequential loop, s": round(loop, 1),
        "its requests": sequential,
        "loop / wall": round(loop / wall, 1),
        "at least": OF_LOOP,
    }
    print(json.dumps(figures, indent=2))
    assert wall / ideal <= OF_IDEAL
    assert loop / wall >= OF_LOOP


def user_pages(at: dict[str, str]) -> list[bytes]:
    """Return the bodies of all user pages, as they are on the wire before compression."""
    credentials = google.oauth2.service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]  # untyped in google-auth
        at["service_account_file"], scopes=list(SCOPES), subject=at["subject"]
    )
    options = {"api_endpoint": at["url"]}
    api: Any = build("admin", "directory_v1", credentials=credentials, client_options=options, cache_discovery=False)
    api.users().list(customer="my_customer", maxResults=1, fields="kind").execute()
    bodies: list[bytes] = []
    token: str | None = ""
    while token is not None:
        query = {"customer": "my_customer", "maxResults": "500", "fields": MASK} | (
            {"pageToken": token} if token else {}
        )
        url = f"{at['url']}admin/directory/v1/users?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {credentials.token}"})
        with urllib.request.urlopen(request) as answer:
            bodies.append(answer.read())
        token = json.loads(bodies[-1]).get("nextPageToken")
    api.close()
    return bodies


def decode_and_build(bodies: list[bytes]) -> int:
    """Do the least that a client must: decode each page and build the value of each person."""
    people = []
    for body in bodies:
        for user in json.loads(body)["users"]:
            name = user["name"]
            reason = (
                InactiveReason.SUSPENDED if user["suspended"] else InactiveReason.ARCHIVED if user["archived"] else None
            )
            people.append(Identity(user["id"], user["primaryEmail"], name["givenName"], name["familyName"], reason))
    return len(people)


def test_fetch_costs_little_more_than_decoding(tmp_path: Path) -> None:
    """With no latency, a person costs the client at most twice the processor time of decoding and building."""
    with server(tmp_path, people=CPU_PEOPLE, groups=1, latency=0) as at:
        source = directory(at)
        bodies = user_pages(at)
        read(source)
        least, ours = [], []
        for _ in range(CPU_ROUNDS):
            gc.collect()
            started = time.process_time()
            assert decode_and_build(bodies) == CPU_PEOPLE
            least.append(time.process_time() - started)
            gc.collect()
            started = time.process_time()
            assert read(source)["people"] == CPU_PEOPLE
            ours.append(time.process_time() - started)
    ratio = median(one / other for one, other in zip(ours, least, strict=True))
    figures = {
        "users": CPU_PEOPLE,
        "json.loads and the value, us CPU per user": round(median(least) / CPU_PEOPLE * 1e6, 2),
        "the whole client, us CPU per user": round(median(ours) / CPU_PEOPLE * 1e6, 2),
        "ratio": round(ratio, 2),
        "limit": OF_CPU,
    }
    print(json.dumps(figures, indent=2))
    assert ratio <= OF_CPU
