"""The lab's balancers, each in front of a backend that tells what it got."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from diagnose.lab.balancer import Balancer, Mode
from diagnose.lab.http_head import write_head
from diagnose.lab.serving import Server, reset

CALLER, BALANCER, BACKENDS = "127.0.0.1", "127.20.0.10", ("127.30.0.11", "127.30.0.12")
REQUEST = write_head("GET /x HTTP/1.1", (("Host", "kong.test"), ("X-Forwarded-For", "203.0.113.50"), ("Accept", "*/*")))
PROXY_V1 = b"PROXY TCP4 203.0.113.7 198.51.100.1 40001 443\r\n"


class Backend(Server):
    """Notes who came with what, and answers with its own address; or ends the connection otherwise."""

    def __init__(self, address: str, ending: str = "answers") -> None:
        super().__init__(address)
        self.ending = ending
        self.seen: list[tuple[str, bytes]] = []

    def answer(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += connection.recv(65536)
        self.seen.append((peer[0], data))
        if self.ending == "answers":
            connection.sendall(write_head("HTTP/1.1 200 OK", (("From", self.address), ("Connection", "close"))))
        elif self.ending == "resets":
            reset(connection)


@contextmanager
def path(mode: Mode, ending: str = "answers") -> Iterator[tuple[Balancer, list[Backend]]]:
    backends = [Backend(address, ending).start() for address in BACKENDS]
    balancer = Balancer(BALANCER, mode, [(one.address, one.port) for one in backends]).start()
    try:
        yield balancer, backends
    finally:
        for server in (balancer, *backends):
            server.close()


def ask(balancer: Balancer, data: bytes = REQUEST) -> bytes:
    """What comes back. ConnectionResetError where the connection is reset."""
    answer = b""
    with socket.create_connection((balancer.address, balancer.port), 10.0) as connection:
        connection.sendall(data)
        while more := connection.recv(65536):
            answer += more
    return answer


@pytest.mark.parametrize(("mode", "source"), [(Mode.FORWARDS, CALLER), (Mode.PROXIES, BALANCER)])
def test_a_balancer_without_words_of_its_own_relays_bytes(mode: Mode, source: str) -> None:
    with path(mode) as (balancer, backends):
        answers = [ask(balancer), ask(balancer)]
        assert [one.seen for one in backends] == [[(source, REQUEST)], [(source, REQUEST)]]
    for address, answer in zip(BACKENDS, answers, strict=True):
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert f"From: {address}".encode() in answer


@pytest.mark.parametrize(
    ("mode", "header"),
    [
        (Mode.SENDS_PROXY_V1, b"PROXY TCP4 127.0.0.1 127.20.0.10 "),
        (Mode.SENDS_PROXY_V2, b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x14\x00\x0a"),
    ],
)
def test_a_proxy_header_goes_first_and_names_the_caller(mode: Mode, header: bytes) -> None:
    with path(mode) as (balancer, backends):
        ask(balancer)
        [(source, data)] = backends[0].seen
    assert source == BALANCER
    assert data.startswith(header)
    assert data.endswith(REQUEST)


def test_the_callers_address_is_appended_to_what_it_sent() -> None:
    with path(Mode.APPENDS) as (balancer, backends):
        assert ask(balancer).startswith(b"HTTP/1.1 200 OK\r\n")
        [(source, data)] = backends[0].seen
    assert source == BALANCER
    assert data == (
        b"GET /x HTTP/1.1\r\nHost: kong.test\r\nAccept: */*\r\nX-Forwarded-For: 203.0.113.50, 127.0.0.1\r\n\r\n"
    )


@pytest.mark.parametrize(
    "data", [PROXY_V1 + REQUEST, b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00" + REQUEST, b"\x16\x03\x01\x02\x00"]
)
def test_what_is_not_http_is_refused_by_the_http_balancer_itself(data: bytes) -> None:
    with path(Mode.APPENDS) as (balancer, backends):
        assert ask(balancer, data).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert not any(one.seen for one in backends)


@pytest.mark.parametrize("ending", ["closes", "resets"])
def test_a_backend_that_does_not_answer_becomes_a_502(ending: str) -> None:
    with path(Mode.APPENDS, ending) as (balancer, _):
        assert ask(balancer).startswith(b"HTTP/1.1 502 Bad Gateway\r\n")


def test_a_relay_hands_on_how_its_backend_ends() -> None:
    with path(Mode.PROXIES, "closes") as (balancer, _):
        assert ask(balancer) == b""
    with path(Mode.PROXIES, "resets") as (balancer, _), pytest.raises(ConnectionResetError):
        ask(balancer)


def test_a_backend_that_is_gone_resets_the_connection() -> None:
    with path(Mode.PROXIES) as (balancer, backends):
        for one in backends:
            one.close()
        with pytest.raises(ConnectionResetError):
            ask(balancer)
