"""The lab's load balancers: real sockets, one mode each."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from enum import StrEnum
from itertools import cycle

from diagnose.lab import proxy_header
from diagnose.lab.http_head import Headers, Request, read_answer, read_request, write_head
from diagnose.lab.relay import exchange
from diagnose.lab.serving import Server, finish, reset


class Mode(StrEnum):
    """What a balancer does with the caller's address."""

    FORWARDS = "forwards"  # the next hop sees the caller's own address, as of a balancer that only forwards packets
    PROXIES = "proxies"
    SENDS_PROXY_V1 = "sends PROXY protocol version 1"
    SENDS_PROXY_V2 = "sends PROXY protocol version 2"
    APPENDS = "appends X-Forwarded-For"


_VERSION = {Mode.SENDS_PROXY_V1: 1, Mode.SENDS_PROXY_V2: 2}


class Balancer(Server):
    """Spreads connections to one address over ``backends``, (host, port) pairs, in turn."""

    def __init__(self, address: str, mode: Mode, backends: Sequence[tuple[str, int]]) -> None:
        super().__init__(address)
        self._mode = mode
        self._backends = cycle(backends)

    def answer(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        """Serve one connection."""
        if self._mode is Mode.APPENDS:
            self._answer_request(connection, peer[0])
            return
        try:
            onward = self.connect(next(self._backends), peer[0] if self._mode is Mode.FORWARDS else self.address)
        except OSError:
            reset(connection)
            return
        try:
            if version := _VERSION.get(self._mode):
                onward.sendall(proxy_header.write(version, peer, connection.getsockname()))
            exchange(connection, onward)
        finally:
            self.drop(onward)

    def _answer_request(self, connection: socket.socket, peer: str) -> None:
        request = read_request(connection)
        if request is None:
            return
        answer = self._ask(request, peer) if isinstance(request, Request) else _refusal("400 Bad Request")
        connection.sendall(answer)
        finish(connection)

    def _ask(self, request: Request, peer: str) -> bytes:
        """What a backend answers, from the balancer's own address."""
        try:
            onward = self.connect(next(self._backends), self.address)
        except OSError:
            return _refusal("503 Service Unavailable")
        try:
            onward.sendall(write_head(request.line, appended(request, peer)))
            return read_answer(onward) or _refusal("502 Bad Gateway")
        except OSError:
            return _refusal("502 Bad Gateway")
        finally:
            self.drop(onward)


def appended(request: Request, peer: str) -> Headers:
    """The request's headers with the peer at the end of X-Forwarded-For, as nginx's $proxy_add_x_forwarded_for."""
    chain = ", ".join([*request.values("X-Forwarded-For"), peer])
    others = (header for header in request.headers if header[0].lower() != "x-forwarded-for")
    return (*others, ("X-Forwarded-For", chain))


def _refusal(status: str) -> bytes:
    return write_head(f"HTTP/1.1 {status}", (("Content-Length", "0"), ("Connection", "close")))
