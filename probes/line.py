"""The one door to the network: a fresh TCP connection with the PROXY header in front, as httpcore wants it."""

from __future__ import annotations

import errno
import hashlib
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from probes.outcome import Outcome, Phase, Refused, Reset, TimedOut, TlsFailed, Unreachable

_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EACCES})

KEPT = 1024
"""How many bytes of what came are kept, to tell what it was if it was no HTTP."""


class Line(httpcore.NetworkBackend, httpcore.NetworkStream):
    """One connection to one address: httpcore's backend that makes it, and the stream that it is.

    ``failure`` says afterwards what the network did to it; ``source`` binds the caller's end, which only a caller with
    several addresses needs.
    """

    def __init__(self, address: str, preface: bytes, source: str | None = None) -> None:
        self._address = address
        self._preface = preface
        self._bound = source
        self._socket: socket.socket | None = None
        self._due: float | None = None
        self.own: str | None = None
        self.own_port: int | None = None
        self.received = b""
        self.certificate: str | None = None
        self.failure: Outcome | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the line's own address, whatever ``host`` the URL names, and send the PROXY header."""
        try:
            bound = (self._bound, 0) if self._bound else None
            self._socket = socket.create_connection((self._address, port), timeout, bound)
            self.own, self.own_port = self._socket.getsockname()[:2]
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._preface:
                self._socket.sendall(self._preface)
        except OSError as error:
            raise self._failed(error, "connect", httpcore.ConnectError) from error
        return self

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Hand-shake; the certificate is recorded, not judged."""
        assert self._socket is not None
        try:
            self._socket.settimeout(timeout)
            (server_hostname or "").encode("idna")  # where this fails, wrap_socket would leave the socket open
            tls = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except OSError as error:
            raise self._failed(error, "tls", httpcore.ConnectError) from error
        except ValueError as error:  # no name that a ClientHello could carry
            self.failure = TlsFailed(str(error))
            raise httpcore.ConnectError(str(error)) from error
        shown = tls.getpeercert(binary_form=True)
        self.certificate = hashlib.sha256(shown).hexdigest() if shown else None
        self._socket = tls
        return self

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes that come, empty when the peer has closed.

        ``timeout`` is for the whole answer, from the first read on: one that drips must not hold up the others.
        """
        assert self._socket is not None
        try:
            self._socket.settimeout(None if timeout is None else self._left(timeout))
            data = self._socket.recv(max_bytes)
        except OSError as error:
            raise self._failed(error, "answer", httpcore.ReadError) from error
        self.received = (self.received + data)[:KEPT]
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of ``buffer``."""
        assert self._socket is not None
        if not buffer:
            return  # to send nothing would still take note of a reset, which then no read would see
        try:
            self._socket.settimeout(timeout)
            self._socket.sendall(buffer)
        except OSError as error:
            raise self._failed(error, "answer", httpcore.WriteError) from error

    def close(self) -> None:
        """Close the connection, if one was made."""
        if self._socket is not None:
            self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks of a stream; nothing that matters to a connection used once."""
        return self._socket if info == "socket" else None

    def _left(self, timeout: float) -> float:
        now = time.monotonic()
        if self._due is None:
            self._due = now + timeout
        if now >= self._due:
            raise TimeoutError("the answer did not end in time")
        return self._due - now

    def _failed(self, error: OSError, phase: Phase, as_seen: type[Exception]) -> Exception:
        self.failure = _outcome(error, phase)
        return as_seen(str(error))


def _outcome(error: OSError, phase: Phase) -> Outcome:
    """What the network did, from the operating system's or OpenSSL's word for it."""
    if isinstance(error, TimeoutError):
        return TimedOut(phase)
    if isinstance(error, ConnectionRefusedError):
        return Refused()
    if isinstance(error, ssl.SSLError):
        return TlsFailed(error.reason or type(error).__name__)
    if isinstance(error, ConnectionError):
        return Reset(phase)
    if error.errno in _NO_WAY or phase == "connect":
        return Unreachable(error.strerror or str(error))
    return Reset(phase)
