"""The wire-level Google server as a process of its own: ``python -m smartify_core.testing.google --sample 7``.

It prints one line of JSON when it is ready and serves until it is interrupted or terminated. Clients in any language
can use it: they need the URL and the service-account file from that line.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from smartify_core.errors import SmartifyError
from smartify_core.testing._sample_maker import make_sample
from smartify_core.testing.google._quota import Quota
from smartify_core.testing.google._server import GoogleServer
from smartify_core.testing.google._workspace import Workspace


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a sample directory until SIGINT or SIGTERM; return the exit code (0, or 2 for a wrong option)."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    workspace = Workspace.from_sample(make_sample(seed=options.sample, people=options.people, groups=options.groups))
    limited = options.per_minute is not None or options.concurrent is not None
    server = GoogleServer(
        workspace,
        port=options.port,
        latency=options.latency,
        quota=Quota(options.per_minute, options.concurrent) if limited else None,
        page_size_cap=options.page_size_cap,
    )
    try:
        with server:
            file = server.write_service_account(options.service_account)
            if options.truth is not None:
                options.truth.write_text(json.dumps(workspace.truth(), ensure_ascii=False), encoding="utf-8")
            ready = {
                "url": server.url,
                "service_account_file": str(file.resolve()),
                "subject": workspace.admin_email,
                "customer": workspace.customer_id,
            }
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
            stop.wait()
    except SmartifyError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m smartify_core.testing.google",
        description="Serve a sample directory as Google's Admin SDK Directory API, on 127.0.0.1, until interrupted.",
    )
    parser.add_argument("--sample", type=int, default=1, metavar="SEED", help="which sample directory (default: 1)")
    parser.add_argument("--people", type=_count, default=200, help="how many people it has (default: 200)")
    parser.add_argument("--groups", type=_count, default=30, help="how many groups it has (default: 30)")
    parser.add_argument("--port", type=int, default=0, help="the port (default: a free one)")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="added to every request")
    parser.add_argument("--per-minute", type=_count, metavar="N", help="queries a minute, user and project")
    parser.add_argument("--concurrent", type=_count, metavar="N", help="queries at once, for the account")
    parser.add_argument("--page-size-cap", type=_count, metavar="N", help="at most so many items on a page")
    parser.add_argument(
        "--service-account", type=Path, default=Path("sa.json"), metavar="FILE", help="written new (default: sa.json)"
    )
    parser.add_argument("--truth", type=Path, metavar="FILE", help="write what is true of the directory here, as JSON")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
