"""A client that loads a server, and never sleeps.

One that waits for its next response in the kernel has to be woken by each: on a virtual machine that costs the server
up to ten microseconds a response, which it pays the more often the slower it is. So whoever measures a server by such
a client measures the machine's way of waking up as well.
"""

from __future__ import annotations

import select
import socket
import time

from tests.benchmarks._requestlog_requests import HEADERS, PATH, QUERY

CONNECTIONS = 8
REQUEST = "".join(
    (f"GET {PATH}?{QUERY} HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in HEADERS), "\r\n")
).encode("ascii")
_BEGINNING = b"HTTP/1.1 200"
_END = b"\r\n\r\nok"


def answered(port: int, seconds: float) -> int:
    """Return how many requests a server on this machine answers in some seconds, over eight connections at once."""
    connections = {
        one.fileno(): one for one in (socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS))
    }
    count, heard = 0, dict.fromkeys(connections, b"")
    with select.epoll() as poll:
        for number, one in connections.items():
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.setblocking(False)
            poll.register(number, select.EPOLLIN)
            one.send(REQUEST)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for number, _ in poll.poll(0):
                said = heard[number] + connections[number].recv(65_536)
                if not said.startswith(_BEGINNING):
                    raise AssertionError(said)
                heard[number] = said
                if said.endswith(_END):
                    heard[number] = b""
                    connections[number].send(REQUEST)
                    count += 1
    for one in connections.values():
        one.close()
    return count
