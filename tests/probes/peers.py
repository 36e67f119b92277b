"""Peers on loopback that do to a connection what the network may do: each a small script behind a real socket."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TLS = Path(__file__).parents[1] / "data" / "tls"
CERTIFICATE, KEY = TLS / "kong.test.crt", TLS / "kong.test.key"

PATIENCE = 20.0
"""Seconds after which a script that waits for its caller gives up, so that a broken caller cannot hang the tests."""

Script = Callable[[socket.socket], None]


@contextlib.contextmanager
def peer(script: Script, address: str = "127.0.0.1") -> Iterator[int]:
    """Run ``script`` on every connection to the port that this yields."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, 0), family=family)
    running: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # shut down below
            connection.settimeout(PATIENCE)
            running.append(threading.Thread(target=_run, args=(script, connection)))
            running[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        listener.close()
        for thread in running:
            thread.join()


def _run(script: Script, connection: socket.socket) -> None:
    with connection, contextlib.suppress(ConnectionError, ssl.SSLError):
        script(connection)


@contextlib.contextmanager
def refusing() -> Iterator[int]:
    """A port that is taken and that nobody listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextlib.contextmanager
def full() -> Iterator[int]:
    """A port whose queue of connections is full, so that the next attempt is never answered."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            attempt = waiting.enter_context(socket.socket())
            attempt.setblocking(False)
            attempt.connect_ex(("127.0.0.1", port))
        yield port


def read_head(connection: socket.socket) -> bytes:
    """All that comes up to the end of a request's headers, or of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    return data


def until_gone(connection: socket.socket) -> None:
    """Wait until the other side closes."""
    while connection.recv(65536):
        pass


def reset(connection: socket.socket) -> None:
    """Close with a reset (SO_LINGER of zero seconds)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def says(data: bytes) -> Script:
    """Reads a request, sends ``data`` and closes."""

    def script(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(data)

    return script


def says_and_resets(data: bytes) -> Script:
    """Reads a request, sends ``data`` and resets once that was taken in."""

    def script(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(data)
        reset(connection)

    return script


def says_and_stays(data: bytes) -> Script:
    """Reads a request, sends ``data`` and keeps the connection open until the other side closes."""

    def script(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(data)
        until_gone(connection)

    return script


def says_and_drips(data: bytes) -> Script:
    """Reads a request, sends ``data`` and then a byte every moment until the other side closes."""

    def script(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(data)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not select.select([connection], [], [], 0.05)[0]:
            connection.sendall(b".")

    return script


def says_before_reading(data: bytes) -> Script:
    """Sends ``data`` and closes, whatever came or comes."""

    def script(connection: socket.socket) -> None:
        connection.sendall(data)

    return script


def within_tls(script: Script) -> Script:
    """Shakes hands, and runs ``script`` inside."""

    def shaken(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, KEY)
        with context.wrap_socket(connection, server_side=True) as inner:
            script(inner)

    return shaken


def after_hello(script: Script) -> Script:
    """Takes in what a client says first, which is a ClientHello, and runs ``script``."""

    def heard(connection: socket.socket) -> None:
        connection.recv(65536)
        script(connection)

    return heard


Hello = tuple[str | None, str | None]
"""The server name of a ClientHello, and the protocol agreed on from its list."""


def hearing_hello(heard: list[Hello]) -> Script:
    """Shakes hands as one that knows HTTP/2 too, adds what was asked for to ``heard``, and answers with nothing."""

    def script(connection: socket.socket) -> None:
        names: list[str | None] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, KEY)
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.sni_callback = lambda inner, name, made: names.append(name)
        with context.wrap_socket(connection, server_side=True) as inner:
            heard.append((names[0], inner.selected_alpn_protocol()))
            read_head(inner)

    return script
