"""Send probes from the caller: each a fresh connection with one request, its outcome a value."""

from __future__ import annotations

import contextlib
import functools
import ssl
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpcore
import httpx

from probes import compose
from probes.line import Line
from probes.outcome import Answered, Closed, Garbled, Outcome, Sent
from probes.probe import Probe

BODY_LIMIT = 64 * 1024
"""How many bytes of a response's body are read."""

AT_ONCE = 8
"""How many connections are open at once at most."""


def send_all(probes: Sequence[Probe], timeout: float, source: str | None = None) -> list[Sent]:
    """The outcome of each probe, in order, at most ``AT_ONCE`` at a time; see ``send``."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as workers:
        return list(workers.map(lambda probe: send(probe, timeout, source), probes))


def send(probe: Probe, timeout: float, source: str | None = None) -> Sent:
    """Connect, send and read the answer. ``timeout`` is seconds for each step: connecting, the handshake, the answer.

    ``source`` is the address to send from, None for the one that the system chooses.
    """
    line = Line(probe.target.address, compose.preface(probe), source)
    started, began = time.time(), time.monotonic()
    request = httpx.Request(
        "GET",
        f"{probe.target.scheme}://{compose.host(probe)}{probe.path}",
        headers=list(compose.headers(probe)),
        extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout)},
    )
    try:
        with contextlib.closing(line):  # httpcore does not know a connection whose PROXY header could not be sent
            outcome = _answer(_Wire(line), request)
    except (httpx.TransportError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        outcome = line.failure or _cut(line.received)
    return Sent(probe, outcome, line.own, started, time.monotonic() - began, line.certificate, line.own_port)


class _Wire(httpx.BaseTransport):
    """httpx over one line: no redirects, no cookies, no proxies of the environment, no second connection."""

    def __init__(self, line: Line) -> None:
        self._pool = httpcore.ConnectionPool(_tls(), http2=False, network_backend=line)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` as httpcore understands it; the body is read by the caller."""
        url = request.url
        response = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        """Close the line."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


def _answer(wire: _Wire, request: httpx.Request) -> Outcome:
    with wire:
        response = wire.handle_request(request)
        body = b""
        for part in response.iter_raw():
            body += part
            if len(body) >= BODY_LIMIT:
                break
        response.close()
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
    return Answered(response.status_code, headers, body[:BODY_LIMIT])


def _cut(received: bytes) -> Outcome:
    """What it was that ended before a whole response had come."""
    return Closed(received) if not received or received.startswith(b"HTTP/") else Garbled(received)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Accepts any certificate: what is asked is the way, not the name, and the certificate is recorded."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context
