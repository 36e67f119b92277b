"""The lab's Kong: a server that takes connections, PROXY headers and requests as Kong does, and logs as Kong does.

Sources: kong/templates/nginx_kong.lua; nginx, src/http/ngx_http_request.c. Held to what real Kongs were seen to do.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from diagnose.lab import proxy_header
from diagnose.lab.decisions import Caught, Version, client_address, upstream_headers
from diagnose.lab.http_head import Headers, NoRequest, Request, read_answer, read_request, write_head
from diagnose.lab.kong_log import Access, KongLog, Refusal
from diagnose.lab.serving import Server, finish
from diagnose.path.settings import Listener, Settings

VERSION = "3.9.3"

FIRST_READ = 1024  # client_header_buffer_size: on a plain port, a PROXY header has to fit
FIRST_READ_TLS, FIRST_READ_TLS_OLD = 4097, 108  # NGX_PROXY_PROTOCOL_MAX_HEADER + 1, since and before nginx 1.23.2

_NO_ROUTE = "no Route matched with those values"
_NO_UPSTREAM = "An invalid response was received from the upstream server"
_PLAIN_TO_TLS = "The plain HTTP request was sent to HTTPS port"


@dataclass(frozen=True, slots=True)
class Route:
    """All paths that begin with ``prefix`` go to the server at ``upstream``."""

    prefix: str
    upstream: tuple[str, int]


class Gateway:
    """One Kong with all its listeners on one ``address``, running until it is closed.

    Listeners of port 0 get one that is free; ``ports`` tells them in order. ``tls`` is for the listeners with TLS.
    """

    def __init__(
        self, address: str, settings: Settings, tls: ssl.SSLContext | None = None, version: str = VERSION
    ) -> None:
        self.address = address
        self.settings = settings
        self.tls = tls
        self.version = Version(version)
        self.log = KongLog()
        self.route: Route | None = None
        self._ports: list[_Port] = []
        with contextlib.ExitStack() as undo:
            for listener in settings.listeners:
                self._ports.append(_Port(self, listener))
                undo.callback(self._ports[-1].close)
            undo.pop_all()
        for port in self._ports:
            port.start()

    @property
    def ports(self) -> Sequence[int]:
        """The port of each listener."""
        return [port.port for port in self._ports]

    def close(self) -> None:
        """End all listeners and connections. Safe to call twice."""
        for port in self._ports:
            port.close()


class _Port(Server):
    """One listener."""

    def __init__(self, gateway: Gateway, listener: Listener) -> None:
        super().__init__(gateway.address, listener.port)
        self._kong = gateway
        self._listener = listener

    def answer(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        """Take the PROXY header and the handshake, if there are to be any, and answer one request."""
        already, named = b"", None
        if self._listener.proxy_protocol:
            taken = self._take_header(connection, peer[0])
            if taken is None:
                return
            already, named = taken
        caught = Caught(peer[0], self.port, self._listener.tls, named)
        if self._listener.tls and _speaks_tls(connection):
            assert self._kong.tls is not None
            secured = self._kong.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            self.keep(secured)
            try:
                secured.do_handshake()
                self._answer_request(secured, caught, read_request(secured))
            finally:
                self.drop(secured)
            return
        request = read_request(connection, already)
        if self._listener.tls and isinstance(request, Request):
            # nginx's own page, for which realip does not run
            self._reply(connection, caught.peer, request, 400, _page(_PLAIN_TO_TLS), "text/html")
            return
        self._answer_request(connection, caught, request)

    def _take_header(self, connection: socket.socket, peer: str) -> tuple[bytes, str | None] | None:
        """What was read beyond the PROXY header and the source that it names; None where it was refused."""
        if self._listener.tls:
            limit = FIRST_READ_TLS if self._kong.version.since(3, 6) else FIRST_READ_TLS_OLD
            data = connection.recv(limit, socket.MSG_PEEK)
        else:
            data = connection.recv(FIRST_READ)
            if not data:
                return None  # a health check that connects and goes leaves no trace on a plain port
        read = proxy_header.read(data)
        if isinstance(read, proxy_header.Refused):
            if read.kind is not None:
                self._complain(read.kind, read.detail, data, peer)
            return None
        if self._listener.tls:
            connection.recv(read.length)
            return b"", read.source
        return data[read.length :], read.source

    def _complain(self, kind: str, detail: str, data: bytes, peer: str) -> None:
        quoted = None
        if kind == proxy_header.BROKEN:
            first = re.split(rb"[\r\n]", data, maxsplit=1)[0] if self._kong.version.since(3, 6) else data
            quoted = first.decode("latin-1")
        self._kong.log.add(Refusal(kind, detail, quoted, peer, f"{self.address}:{self.port}"))

    def _answer_request(self, connection: socket.socket, caught: Caught, request: Request | NoRequest | None) -> None:
        kong = self._kong
        if request is None:
            return
        client = client_address(kong.settings, caught, request.headers if isinstance(request, Request) else ())
        if isinstance(request, NoRequest):
            self._reply(connection, client, request, 400, "Bad request", "text/plain")
        elif kong.route is None or not request.path.startswith(kong.route.prefix):
            self._reply(connection, client, request, 404, _NO_ROUTE, "application/json")
        else:
            self._pass_on(connection, caught, client, request, kong.route)

    def _pass_on(self, connection: socket.socket, caught: Caught, client: str, request: Request, route: Route) -> None:
        headers = upstream_headers(self._kong.settings, self._kong.version, caught, request)
        try:
            upstream = self.connect(route.upstream, self.address)
            try:
                upstream.sendall(write_head(f"{request.method} {request.path} HTTP/1.1", headers))
                came = read_answer(upstream)
            finally:
                self.drop(upstream)
        except ConnectionRefusedError:
            came = b""
        head, end, body = came.partition(b"\r\n\r\n")
        if not end:
            self._reply(connection, client, request, 502, _NO_UPSTREAM, "application/json")
            return
        line, _, rest = head.partition(b"\r\n")
        added = (
            ("X-Kong-Upstream-Latency", "1"),
            ("X-Kong-Proxy-Latency", "0"),
            ("Via", self._kong.version.via),
        )
        status = int(line.split(b" ")[1])
        self._log(client, request, status, len(body))
        whole = write_head(line.decode("latin-1"), added)[: -len(b"\r\n")] + rest + b"\r\n\r\n" + body
        _send(connection, whole)

    def _reply(
        self, connection: socket.socket, client: str, request: Request | NoRequest, status: int, text: str, kind: str
    ) -> None:
        """An answer of Kong's own."""
        request_id = self._request_id()
        body = _body(text, kind, request_id, self._kong.version)
        headers: Headers = (
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Connection", "close"),
            ("Content-Length", str(len(body))),
            ("X-Kong-Response-Latency", "0"),
            ("Server", f"kong/{self._kong.version.text}"),
            *((("X-Kong-Request-Id", request_id),) if request_id else ()),
        )
        self._log(client, request, status, len(body), request_id)
        reason = {400: "Bad Request", 404: "Not Found", 502: "Bad Gateway"}[status]
        _send(connection, write_head(f"HTTP/1.1 {status} {reason}", headers) + body)

    def _log(
        self, client: str, request: Request | NoRequest, status: int, sent: int, request_id: str | None = None
    ) -> None:
        """Write the access log. Before the answer is sent, not after, so that whoever has it finds the line there."""
        agent = next(iter(request.values("User-Agent")), "") if isinstance(request, Request) else ""
        self._kong.log.add(Access(client, request.line, status, sent, agent, request_id or self._request_id()))

    def _request_id(self) -> str | None:
        return secrets.token_hex(16) if self._kong.version.since(3, 5) else None


def _speaks_tls(connection: socket.socket) -> bool:
    """Whether a handshake begins, by its first byte: a record of TLS, or a hello of SSL 2."""
    first = connection.recv(1, socket.MSG_PEEK)
    return bool(first) and (first[0] == 0x16 or first[0] >= 0x80)


def _page(text: str) -> str:
    return f"<html>\r\n<head><title>400 {text}</title></head>\r\n<body>{text}</body>\r\n</html>\r\n"


def _body(text: str, kind: str, request_id: str | None, version: Version) -> bytes:
    """The body of one of Kong's own answers (kong/error_handlers.lua, kong.response.error)."""
    match kind:
        case "text/html":
            said = text
        case "text/plain":
            said = f"{text}\nrequest_id: {request_id}\n" if request_id else f"{text}\n"
        case _ if version.since(3, 3):
            fields = {"message": text} | ({"request_id": request_id} if request_id else {})
            said = json.dumps(fields, indent=2, separators=(",", ":"))
        case _:
            said = json.dumps({"message": text}, separators=(",", ":"))
    return said.encode("ascii")


def _send(connection: socket.socket, answer: bytes) -> None:
    connection.sendall(answer)
    finish(connection)
