"""Receivers in a process of their own: two mail servers, bare and aiosmtpd, and a web server that take everything."""

from __future__ import annotations

import asyncio
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer

from aiosmtpd.smtp import SMTP

LOOPBACK = "127.0.0.1"


class Mail(StreamRequestHandler):
    """One conversation of RFC 5321, as short as can be."""

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wfile.write(b"220 bare ESMTP\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                while (line := self.rfile.readline()) and line != b".\r\n":
                    pass
                self.wfile.write(b"250 taken\r\n")
            elif verb == b"EHLO":
                self.wfile.write(b"250 bare\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 fine\r\n")


class Web(BaseHTTPRequestHandler):
    """A receiver of webhooks that keeps its connections."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.wfile.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is http.server's
        """Say nothing."""


class MailServer(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Taking:
    """What aiosmtpd asks: every message is taken."""

    async def handle_DATA(self, *_: object) -> str:  # noqa: N802  # the name is aiosmtpd's
        return "250 taken"


async def run_aiosmtpd() -> None:
    """Run aiosmtpd until the process is ended."""
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: SMTP(Taking(), hostname="receiver"), LOOPBACK, 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "aiosmtpd":
        asyncio.run(run_aiosmtpd())
    server = MailServer((LOOPBACK, 0), Mail) if sys.argv[1] == "mail" else ThreadingHTTPServer((LOOPBACK, 0), Web)
    print(server.server_address[1], flush=True)
    server.serve_forever()
