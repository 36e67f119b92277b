"""One recorded row of a real Kong, sent again: the bytes, over plain TCP or TLS, and what came back."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SECONDS = 5.0

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


@dataclass(frozen=True, slots=True)
class Answer:
    """status is None when the connection ended without an answer; tls_failed says that no handshake came about."""

    status: int | None
    tls_failed: bool = False


def exchange(source: str, port: int, segments: list[bytes], request: bytes, *, tls: bool) -> Answer:
    """Send the segments, each as one TCP segment, then the request (under TLS if so), and read to the end."""
    with socket.create_connection(("127.0.0.1", port), SECONDS, (source, 0)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = f" {_shown(connection.getpeername())} {_shown(connection.getsockname())} "
        try:
            for segment in segments:
                connection.sendall(segment)
                _await_read(pair)  # two segments that the other side finds together would be one
            if tls:
                return _over_tls(connection, request)
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # closed on the first segment; what was answered can still be read
        return Answer(_status(_rest(connection)), tls_failed=tls)


def _await_read(pair: str) -> None:
    """Wait until the other end, which is on this machine, has read all that was sent, or is gone."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        ends = [line.split()[4] for line in TABLE.read_text().splitlines() if pair in line]
        if all(queues.endswith(":00000000") for queues in ends):
            return
        time.sleep(0.001)


TABLE = Path("/proc/net/tcp")
"""The kernel's IPv4 connections: local and remote address, state, and the bytes that wait to be sent and read."""


def _shown(address: tuple[str, int]) -> str:
    """An address and port as that table has them."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"


def _over_tls(connection: socket.socket, request: bytes) -> Answer:
    """Shake hands by hand, so that an answer in clear text is seen as what it is."""
    arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = CONTEXT.wrap_bio(arriving, leaving)
    received = b""
    while True:
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            with contextlib.suppress(OSError):
                connection.sendall(leaving.read())
            piece = _piece(connection)
            received += piece
            arriving.write(piece) if piece else arriving.write_eof()
        except ssl.SSLError:
            return Answer(_status(received + _rest(connection)), tls_failed=True)
    session.write(request)
    connection.sendall(leaving.read())
    arriving.write(_rest(connection))
    return Answer(_status(session.read()))


def _piece(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


def _rest(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: _piece(connection), b""))


def _status(answer: bytes) -> int | None:
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.") else None
