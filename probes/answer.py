"""Answer: what came back on one connection, read as HTTP piece by piece. Without I/O; every end of it is a value."""

from __future__ import annotations

import h11

from probes.outcome import Answered, Closed, Garbled, Outcome

BODY_LIMIT = 64 * 1024
"""How many bytes of a response's body count; what lies beyond is not asked for."""

KEPT = 1024
"""How many bytes of what came are kept, to tell what it was if it was no HTTP."""

_ASKED = h11.Request(method="GET", target="/", headers=[("Host", "x"), ("Connection", "close")])
"""What h11 has to have seen before it reads an answer; what was really sent does not matter to that."""


class Answer:
    """One response as it comes in. ``received`` holds the first bytes of it."""

    def __init__(self) -> None:
        self.received = b""
        self._status = 0
        self._headers: tuple[tuple[str, str], ...] = ()
        self._body = b""
        self._connection = h11.Connection(h11.CLIENT)
        self._connection.send(_ASKED)
        self._connection.send(h11.EndOfMessage())

    def take(self, data: bytes) -> Outcome | None:
        """The outcome once it is known, None while more has to come; empty ``data`` tells that the peer has closed."""
        if len(self.received) < KEPT:
            self.received = (self.received + data)[:KEPT]
        try:
            self._connection.receive_data(data)
            return self._next()
        except h11.RemoteProtocolError:
            return self._cut()

    def _next(self) -> Outcome | None:
        while True:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                return None
            if isinstance(event, h11.Response):
                self._status, self._headers = event.status_code, _decoded(event.headers.raw_items())
            elif isinstance(event, h11.Data):
                self._body += bytes(event.data)
                if len(self._body) >= BODY_LIMIT:
                    return self._whole()
            elif isinstance(event, h11.EndOfMessage):
                return self._whole()
            elif isinstance(event, h11.ConnectionClosed):
                return self._cut()

    def _whole(self) -> Answered:
        return Answered(self._status, self._headers, self._body[:BODY_LIMIT])

    def _cut(self) -> Outcome:
        """What it was that ended before a whole response had come, or was none."""
        if not self.received or self.received.startswith(b"HTTP/"):
            return Closed(self.received)
        return Garbled(self.received)


def _decoded(items: list[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in items)
