"""The one door to the network: a fresh TCP connection with the PROXY header in front, in TLS or in the clear."""

from __future__ import annotations

import errno
import hashlib
import socket
import ssl
import time

from probes.outcome import Outcome, Phase, Refused, Reset, TimedOut, TlsFailed, Unreachable

_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EACCES})

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}

PIECE = 64 * 1024
"""How many bytes are read at once."""


class Broken(Exception):
    """The network did something to a line; ``outcome`` says what."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Line:
    """One connection. Each step has ``timeout`` seconds and raises ``Broken`` where it does not come about.

    ``own`` and ``own_port`` are the caller's end once it is connected, ``certificate`` is the fingerprint of what the
    peer showed in TLS.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._due = 0.0
        self.own: str | None = None
        self.own_port: int | None = None
        self.certificate: str | None = None

    def connect(self, address: str, port: int, source: str | None) -> None:
        """Connect; ``source`` binds the caller's end, which only a caller with several addresses needs."""
        try:
            self._socket = socket.socket(_FAMILIES[6 if ":" in address else 4], socket.SOCK_STREAM)
            self._socket.settimeout(self._timeout)
            if source is not None:
                self._socket.bind((source, 0))
            self._socket.connect((address, port))
            self.own, self.own_port = self._socket.getsockname()[:2]
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise Broken(outcome_of(error, "connect")) from error

    def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Hand-shake; the certificate is recorded, not judged."""
        plain = self._connected
        try:
            server_name.encode("idna")  # where this fails, wrap_socket would leave the socket open
            tls = context.wrap_socket(plain, server_hostname=server_name)
        except OSError as error:
            raise Broken(outcome_of(error, "tls")) from error
        except ValueError as error:  # no name that a ClientHello could carry
            raise Broken(TlsFailed(str(error))) from error
        shown = tls.getpeercert(binary_form=True)
        self.certificate = hashlib.sha256(shown).hexdigest() if shown else None
        self._socket = tls

    def write(self, data: bytes, phase: Phase) -> None:
        """Send all of ``data``."""
        try:
            self._connected.sendall(data)
        except OSError as error:
            raise Broken(outcome_of(error, phase)) from error

    def read(self) -> bytes:
        """The next bytes that come, empty when the peer has closed.

        The time is for the whole answer, from the first read on: one that drips must not hold up the others.
        """
        now = time.monotonic()
        if not self._due:
            self._due = now + self._timeout
        try:
            if now >= self._due:
                raise TimeoutError("the answer did not end in time")
            self._connected.settimeout(self._due - now)
            return self._connected.recv(PIECE)
        except OSError as error:
            raise Broken(outcome_of(error, "answer")) from error

    def close(self) -> None:
        """Close the connection, if one was made."""
        if self._socket is not None:
            self._socket.close()

    @property
    def _connected(self) -> socket.socket:
        assert self._socket is not None, "connect comes first"
        return self._socket


def outcome_of(error: OSError, phase: Phase) -> Outcome:
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
