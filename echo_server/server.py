"""The echo: answers a request that knows the run's secret with what reached it, and nobody else with anything.

The secret itself is never sent: a request carries what is made from it, and the answer what nobody else could make.

One file without dependencies, so that it can be mounted onto any Python image from 3.9 on. Told by the environment:
KONGIP_SECRET (required), KONGIP_PORT (default 8080), KONGIP_DEADLINE (seconds until it ends by itself, default 900),
KONGIP_POD (the pod's name, for the answer).
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import re
import signal
import sys
from typing import NoReturn

HEAD_LIMIT = 64 * 1024  # bytes of request line and headers
HEADERS_LIMIT = 200
CONNECTIONS_LIMIT = 512
PATIENCE = 10.0  # seconds for a whole request head, however slowly it drips

SECRET_HEADER = "x-kongip-secret"
READY_PATH = "/kongip-ready"

Head = tuple[str, str, list[tuple[str, str]]]

REASONS = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
}


class Echo:
    """The server's only state: the secret, the pod's name, and the connections that are open, the oldest first."""

    def __init__(self, secret: str, pod: str | None = None) -> None:
        self._secret = secret
        self._opening = opening(secret).encode("ascii")
        self._pod = pod
        self._open: dict[asyncio.StreamWriter, None] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request of one connection, and close it.

        Where there are too many, the oldest makes room: a request takes no time, so it is one that says nothing.
        """
        self._open[writer] = None
        if len(self._open) > CONNECTIONS_LIMIT:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.transport.abort()
        try:
            status, body = await self._answer(reader, writer)
            writer.write(response(status, body))
            await asyncio.wait_for(writer.drain(), PATIENCE)
        except (OSError, asyncio.TimeoutError, asyncio.CancelledError):
            # The peer is gone, or does not read, or the echo ends: asyncio would log each connection left open, and
            # keep what was not read.
            writer.transport.abort()
        finally:
            self._open.pop(writer, None)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, bytes]:
        try:
            data = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        except asyncio.TimeoutError:
            return 408, b""
        except asyncio.LimitOverrunError:
            return 431, b""
        except asyncio.IncompleteReadError:
            return 400, b""
        head = parse_head(data)
        if head is None:
            return 400, b""
        peer = writer.get_extra_info("peername") or ("",)
        return self.reply(head, str(peer[0]))

    def reply(self, head: Head, peer: str) -> tuple[int, bytes]:
        """Status and body for a request that came from ``peer``."""
        method, path, headers = head
        if path == READY_PATH and method == "GET":
            return 204, b""
        if len(headers) > HEADERS_LIMIT:
            return 431, b""
        given = [value for name, value in headers if name.lower() == SECRET_HEADER]
        if len(given) != 1 or not hmac.compare_digest(given[0].encode("utf-8"), self._opening):
            return 404, b""
        if method != "GET":
            return 405, b""
        said: dict[str, object] = {
            "kongip": "echo/v1",
            "peer": peer[7:] if peer.startswith("::ffff:") else peer,
            "method": method,
            "path": path,
            "headers": [[name, value] for name, value in headers if name.lower() != SECRET_HEADER],
            "pod": self._pod,
        }
        said["proof"] = proof(self._secret, json.dumps(said))
        return 200, json.dumps(said).encode("ascii")


def opening(secret: str) -> str:
    """What a request carries to be answered: who reads it learns no secret, and cannot answer as the echo does."""
    return hmac.new(secret.encode("utf-8"), b"kongip: open", "sha256").hexdigest()


def proof(secret: str, text: str) -> str:
    """What only one who has the secret can say of ``text``."""
    return hmac.new(secret.encode("utf-8"), b"kongip: said " + text.encode("utf-8"), "sha256").hexdigest()


def parse_head(data: bytes) -> Head | None:
    """Method, path and headers in the order received, or None for what is no request (RFC 9112, 3 and 5)."""
    lines = data.decode("latin-1").split("\r\n")[:-2]
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
        return None
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            return None
        headers.append((name, value.strip(" \t")))  # the blanks of RFC 9112, and no others
    return words[0], words[1], headers


def response(status: int, body: bytes) -> bytes:
    """A whole HTTP/1.1 response, after which the connection is closed."""
    lines = [
        f"HTTP/1.1 {status} {REASONS[status]}",
        "Content-Type: application/json",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    ]
    if status != 204:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body


async def run(echo: Echo, host: str | None, port: int, deadline: float) -> None:
    """Serve until ``deadline`` seconds have passed or SIGTERM comes. ``host`` None: every address of either family."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)  # as process 1 of a container, a default handler would do nothing
    server = await asyncio.start_server(echo.serve, host, port, limit=HEAD_LIMIT, backlog=CONNECTIONS_LIMIT)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(ended.wait(), deadline)
    server.close()


def main() -> None:
    """Serve as the environment says."""
    secret = os.environ.get("KONGIP_SECRET", "")
    if not secret:
        sys.exit("KONGIP_SECRET is not set: without it the echo would answer anyone")
    port, deadline = os.environ.get("KONGIP_PORT", "8080"), os.environ.get("KONGIP_DEADLINE", "900")
    if re.fullmatch("[0-9]{1,5}", port) is None or not 1 <= int(port) <= 65535:
        _refuse(f"KONGIP_PORT is {port!r}, and is to be a port from 1 to 65535")
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", deadline) is None:
        _refuse(f"KONGIP_DEADLINE is {deadline!r}, and is to be a number of seconds")
    asyncio.run(run(Echo(secret, os.environ.get("KONGIP_POD")), None, int(port), float(deadline)))


def _refuse(why: str) -> NoReturn:
    """End with status 2, the one for what is asked wrongly."""
    sys.stderr.write(f"{why}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
