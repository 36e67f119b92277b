"""The lab's gateway, over real sockets, beside what real Kongs were recorded to do."""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import ssl
import sys
import termios
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from diagnose.lab.gateway import Gateway, Route
from diagnose.lab.http_head import write_head
from diagnose.lab.kong_log import Access, Refusal
from diagnose.lab.serving import Server
from diagnose.path.settings import Listener, Settings

Row = dict[str, Any]
Ends = tuple[Any, Any]
"""A connection's addresses: the gateway's and the client's."""

DATA = Path(__file__).parents[2] / "data"
ADDRESS, UPSTREAM_ADDRESS = "127.40.1.5", "127.40.1.9"
SHOWN = 5
AT_ONCE = 8
PATIENCE = 10.0

LISTENERS = tuple(Listener(0, tls, proxy) for tls in (False, True) for proxy in (False, True))
RECORDED_PORTS = ("8000", "8100", "8443", "8543")
"""The ports that the recorded Kongs had for these listeners."""

UPSTREAM = ("X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Host")


@pytest.fixture(scope="module")
def certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(DATA / "tls" / "kong.test.crt", DATA / "tls" / "kong.test.key")
    return context


class Upstream(Server):
    """Answers with the headers that came. Of blanks it takes away those that Kong adds: a tab is part of a value."""

    def answer(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += connection.recv(65536)
        lines = data.decode("latin-1").split("\r\n")[1:-2]
        headers = [(name, value.strip(" ")) for name, _, value in (line.partition(":") for line in lines)]
        connection.sendall(write_head("HTTP/1.1 200 OK", (("Connection", "close"),)) + json.dumps(headers).encode())


@pytest.mark.parametrize(("name", "number"), [("kong-truth.jsonl", 2458), ("kong-truth-wide.jsonl", 1496)])
def test_every_recorded_row_comes_out_as_a_real_kong_answered_it(
    name: str, number: int, certificate: ssl.SSLContext
) -> None:
    rows = [json.loads(line) for line in (DATA / name).read_text().splitlines()]
    assert len(rows) == number
    upstream = Upstream(UPSTREAM_ADDRESS).start()
    try:
        settings = [list(group) for _, group in groupby(sorted(rows, key=setting), setting)]
        with ThreadPoolExecutor(AT_ONCE) as workers:
            found = list(
                workers.map(lambda some: replay(some, certificate, (UPSTREAM_ADDRESS, upstream.port)), settings)
            )
    finally:
        upstream.close()
    wrong = [one for some in found for one in some]
    assert not wrong, f"{len(wrong)} of {len(rows)} rows differ, the first of them:\n" + "\n".join(wrong[:SHOWN])


def setting(row: Row) -> str:
    return json.dumps([row["kong"], row["real_ip_header"], row["real_ip_recursive"], row["trusted_ips"]])


def replay(rows: list[Row], certificate: ssl.SSLContext, upstream: tuple[str, int]) -> list[str]:
    """Send rows of one setting to one gateway, one after another, and tell which come out otherwise."""
    settings = Settings(
        listeners=LISTENERS,
        trusted_ips=tuple(rows[0]["trusted_ips"]),
        real_ip_header=rows[0]["real_ip_header"],
        real_ip_recursive=rows[0]["real_ip_recursive"] == "on",
    )
    gateway = Gateway(ADDRESS, settings, certificate, rows[0]["kong"])
    gateway.route = Route("/", upstream)
    try:
        wrong = []
        for row in rows:
            seen = observe(gateway, row)
            if seen != row["seen"]:
                wrong.append(f"{setting(row)} {row['probe']}\n  recorded: {row['seen']}\n  seen:     {seen}")
        return wrong
    finally:
        gateway.close()


def observe(gateway: Gateway, row: Row) -> Row:
    """What comes of one row, in the words of the rows."""
    at = LISTENERS.index(Listener(0, row["tls"], row["listener_proxy_protocol"]))
    access, errors = len(gateway.log.access), len(gateway.log.errors)
    status, tls_failed, body = exchange(row, gateway.ports[at])
    return {
        "status": status,
        "tls_handshake_failed": tls_failed,
        **logged(gateway.log.access[access:]),
        "upstream": at_the_upstream(body, {str(gateway.ports[at]): RECORDED_PORTS[at]}),
        "error_log": [kind_of(line) for line in gateway.log.errors[errors:]],
    }


def logged(lines: Iterable[Access]) -> Row:
    addresses = [str(line).split(" ", 1)[0] for line in lines]
    assert len(addresses) <= 1
    address = addresses[0] if addresses else None
    return {"access_log_address": address, "client_ip": address}


def kind_of(line: Refusal) -> str:
    kinds = ("broken header", "header is too large while reading PROXY", "unknown PROXY protocol version")
    return next(kind for kind in kinds if kind in str(line))


def at_the_upstream(body: bytes, ports: dict[str, str]) -> Row | None:
    if not body.startswith(b"[["):
        return None
    headers = dict(json.loads(body))
    port = headers.get("X-Forwarded-Port", "")
    return {name: headers.get(name) for name in UPSTREAM} | {"X-Forwarded-Port": ports.get(port, port) or None}


def exchange(row: Row, port: int) -> tuple[int | None, bool, bytes]:
    """Status, whether the TLS handshake failed, and body. A refusal may come while there is still more to send."""
    headers = [("Host", "kong.test"), ("User-Agent", "truth"), ("Connection", "close")]
    lines = ["GET / HTTP/1.1", *(f"{name}: {value}" for name, value in (*headers, *row["request_headers"])), "", ""]
    request = "\r\n".join(lines).encode("latin-1")
    with socket.create_connection((ADDRESS, port), PATIENCE, (row["tcp_peer"], 0)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ends = (connection.getpeername(), connection.getsockname())
        try:
            for segment in row["proxy_header_hex"]:
                connection.sendall(bytes.fromhex(segment))
                await_reading(connection, ends)
            if row["tls"]:
                tls_failed, answer = over_tls(connection, request)
            else:
                connection.sendall(request)
                tls_failed, answer = False, until_the_end(connection)
        except ConnectionError:
            tls_failed, answer = row["tls"], until_the_end(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    return (int(head.split(b" ")[1]) if head else None), tls_failed, body


def over_tls(connection: socket.socket, request: bytes) -> tuple[bool, bytes]:
    """Shake hands and ask: whether the handshake failed, and the answer, be it in clear text."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="kong.test")
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            came = connection.recv(65536)
            if not came:
                return True, b""
            incoming.write(came)
        except ssl.SSLError:
            return True, came + until_the_end(connection)
    tls.write(request)
    connection.sendall(outgoing.read())
    incoming.write(until_the_end(connection))
    incoming.write_eof()
    answer = b""
    try:
        while more := tls.read(65536):
            answer += more
    except ssl.SSLEOFError:
        pass  # the gateway closes without a farewell
    return False, answer


def until_the_end(connection: socket.socket) -> bytes:
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except ConnectionError:
        pass
    return data


def await_reading(connection: socket.socket, ends: Ends) -> None:
    """Wait until the gateway has read all that was sent, so that what comes next is a read of its own, or has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        arrived = waiting(connection, termios.TIOCOUTQ) == 0
        if (arrived and unread(ends) == 0) or select.select([connection], [], [], 0)[0]:
            return
        time.sleep(0.0005)
    raise TimeoutError("the gateway does not read")


def unread(ends: Ends) -> int | None:
    """How many bytes wait at the gateway's end, which is a descriptor of this process; None if there is none such."""
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            other = socket.socket(fileno=int(descriptor))
        except OSError:
            continue  # a file, or closed since
        try:
            if (other.getsockname(), other.getpeername()) == ends:
                return waiting(other, termios.FIONREAD)
        except OSError:
            pass  # it listens, or was closed since
        finally:
            other.detach()
    return None


def waiting(end: socket.socket, queue: int) -> int:
    """The bytes in a queue of this end: FIONREAD those to be read, TIOCOUTQ those that the other has not got."""
    return int.from_bytes(fcntl.ioctl(end, queue, bytes(4)), sys.byteorder)
