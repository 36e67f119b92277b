"""The lab's Kong on the wire, where no recorded row tells: routes, its own answers, and what it logs by version."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from diagnose.lab.gateway import Gateway, Route
from diagnose.lab.http_head import write_head
from diagnose.lab.serving import Server
from diagnose.path.settings import Listener, Settings

KONG, UPSTREAM, PEER = "127.40.1.5", "127.40.1.9", "127.20.0.10"
PLAIN, PROXY, TLS, TLS_PROXY = range(4)
LISTENERS = tuple(Listener(0, tls, proxy) for tls in (False, True) for proxy in (False, True))
CERTIFICATE = Path(__file__).parents[2] / "data" / "tls"
REQUEST = write_head("GET /lab/x HTTP/1.1", (("Host", "kong.test"), ("X-Forwarded-For", "203.0.113.50")))


class Upstream(Server):
    """Keeps what came and answers shortly."""

    def __init__(self) -> None:
        super().__init__(UPSTREAM)
        self.seen: list[bytes] = []

    def answer(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        self.seen.append(connection.recv(65536))
        connection.sendall(write_head("HTTP/1.1 201 Created", (("Server", "upstream"),)) + b"body")


@contextmanager
def running(version: str = "3.9.3") -> Iterator[tuple[Gateway, Upstream]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE / "kong.test.crt", CERTIFICATE / "kong.test.key")
    settings = Settings(LISTENERS, ("127.0.0.0/8",), "X-Forwarded-For", True)
    gateway = Gateway(KONG, settings, context, version)
    upstream = Upstream().start()
    gateway.route = Route("/lab/", (UPSTREAM, upstream.port))
    try:
        yield gateway, upstream
    finally:
        gateway.close()
        upstream.close()


def ask(gateway: Gateway, listener: int, data: bytes) -> bytes:
    """What comes back until the end. ConnectionResetError where the connection is reset."""
    answer = b""
    with socket.create_connection((KONG, gateway.ports[listener]), 10.0, (PEER, 0)) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while more := connection.recv(65536):
            answer += more
    return answer


def refused(gateway: Gateway, listener: int, data: bytes) -> None:
    """Send what is closed without an answer, by a reset if not all of it was read."""
    with suppress(ConnectionResetError):
        assert ask(gateway, listener, data) == b""


@pytest.mark.parametrize(("version", "via"), [("3.9.3", "1.1 kong/3.9.3"), ("2.8.5", "kong/2.8.5")])
def test_what_matches_the_route_is_passed_on(version: str, via: str) -> None:
    with running(version) as (gateway, upstream):
        answer = ask(gateway, PLAIN, REQUEST).decode()
        [line] = gateway.log.access
    [passed] = upstream.seen
    assert passed.startswith(b"GET /lab/x HTTP/1.1\r\nHost: kong.test\r\n")
    assert b"\r\nX-Forwarded-For: 203.0.113.50, 127.20.0.10\r\n" in passed
    assert b"\r\nX-Real-IP: 203.0.113.50\r\n" in passed
    assert (b"\r\nVia: 1.1 kong/3.9.3\r\n" in passed) is (version == "3.9.3")
    assert answer.startswith("HTTP/1.1 201 Created\r\n")
    assert f"\r\nVia: {via}\r\n" in answer
    assert "\r\nServer: upstream\r\n" in answer
    assert answer.endswith("\r\n\r\nbody")
    assert (line.address, line.status, line.sent) == ("203.0.113.50", 201, 4)
    assert (line.request_id is None) is (version == "2.8.5")


def test_what_matches_no_route_is_answered_by_kong_itself() -> None:
    with running() as (gateway, upstream):
        head, _, body = ask(gateway, PLAIN, REQUEST.replace(b"/lab/", b"/")).partition(b"\r\n\r\n")
        [line] = gateway.log.access
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"\r\nServer: kong/3.9.3" in head
    assert json.loads(body) == {"message": "no Route matched with those values", "request_id": line.request_id}
    assert body.startswith(b'{\n  "message":"no Route')
    assert (line.address, line.status) == ("203.0.113.50", 404)
    assert not upstream.seen


def test_an_older_kong_says_so_on_one_line() -> None:
    with running("2.8.5") as (gateway, _):
        answer = ask(gateway, PLAIN, REQUEST.replace(b"/lab/", b"/"))
    assert answer.endswith(b'\r\n\r\n{"message":"no Route matched with those values"}')
    assert b"X-Kong-Request-Id" not in answer


def test_an_upstream_that_is_gone_is_a_502() -> None:
    with running() as (gateway, upstream):
        upstream.close()
        assert ask(gateway, PLAIN, REQUEST).startswith(b"HTTP/1.1 502 Bad Gateway\r\n")


@pytest.mark.parametrize(
    ("version", "body"), [("3.9.3", r"Bad request\nrequest_id: [0-9a-f]{32}\n"), ("2.8.5", r"Bad request\n")]
)
def test_a_proxy_header_that_is_not_expected_is_a_bad_request(version: str, body: str) -> None:
    header = "PROXY TCP4 203.0.113.7 198.51.100.1 40001 443"
    with running(version) as (gateway, _):
        answer = ask(gateway, PLAIN, f"{header}\r\n".encode() + REQUEST).decode()
        [line] = gateway.log.access
    assert answer.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert re.fullmatch(body, answer.partition("\r\n\r\n")[2])
    assert (line.address, line.request, line.status) == (PEER, header, 400)


def test_who_is_answered_early_can_send_the_rest() -> None:
    answer = b""
    with running() as (gateway, _), socket.create_connection((KONG, gateway.ports[PLAIN]), 10.0) as connection:
        connection.sendall(b"\x00")
        while more := connection.recv(65536):
            answer += more
        connection.sendall(bytes(32_000_000))  # more than buffers hold: without a reader, this ends in a reset
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_clear_text_on_a_tls_port_is_logged_with_the_peer_whatever_it_says() -> None:
    with running() as (gateway, _):
        answer = ask(gateway, TLS, REQUEST)
        [line] = gateway.log.access
    assert b"The plain HTTP request was sent to HTTPS port" in answer
    assert (line.address, line.status) == (PEER, 400)


def test_a_health_check_is_noticed_where_tls_and_a_header_are_expected_alone() -> None:
    with running() as (gateway, _):
        for listener in (PLAIN, PROXY, TLS, TLS_PROXY):
            assert ask(gateway, listener, b"") == b""
        assert not gateway.log.access
        [line] = gateway.log.errors
        assert (line.kind, line.quoted, line.server) == ("broken header", "", f"{KONG}:{gateway.ports[TLS_PROXY]}")


@pytest.mark.parametrize(("version", "quoted"), [("3.9.3", "GET /lab/x HTTP/1.1"), ("2.8.5", REQUEST.decode())])
def test_a_header_that_does_not_come_is_complained_of(version: str, quoted: str) -> None:
    with running(version) as (gateway, _):
        refused(gateway, PROXY, REQUEST)
        [line] = gateway.log.errors
        server = f"{KONG}:{gateway.ports[PROXY]}"
    assert (line.kind, line.quoted, line.client, line.server) == ("broken header", quoted, PEER, server)
    assert str(line).endswith(
        f'broken header: "{quoted}" while reading PROXY protocol, client: {PEER}, server: {server}'
    )


def test_ports_that_are_taken_leave_none_of_the_others_open() -> None:
    with socket.create_server((KONG, 0)) as taken:
        port = taken.getsockname()[1]
        with socket.create_server((KONG, 0)) as other:
            free = other.getsockname()[1]
        with pytest.raises(OSError, match="Address already in use"):
            Gateway(KONG, Settings((Listener(free), Listener(port))))
        socket.create_server((KONG, free)).close()
