"""What a Kong writes to its logs, kept in memory: one entry a request, one for each connection refused before."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the access log. ``time`` is seconds since the epoch; ``request_id`` is None before Kong 3.5."""

    address: str
    request: str
    status: int
    sent: int
    agent: str
    request_id: str | None
    time: float = field(default_factory=time.time)

    def __str__(self) -> str:
        """The line in Kong's own format (kong/templates/nginx_kong.lua, kong_log_format)."""
        when = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self.time))
        line = f'{self.address} - - [{when}] "{escaped(self.request)}" {self.status} {self.sent} "-" '
        line += f'"{escaped(self.agent) or "-"}"'
        return line if self.request_id is None else f'{line} kong_request_id: "{self.request_id}"'


@dataclass(frozen=True, slots=True)
class Refusal:
    """One line of the error log about a PROXY header; ``quoted`` is what nginx quotes of what it read, if it does."""

    kind: str
    detail: str
    quoted: str | None
    client: str
    server: str
    time: float = field(default_factory=time.time)

    def __str__(self) -> str:
        """The line as nginx writes it."""
        when = time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime(self.time))
        quoted = "" if self.quoted is None else f': "{self.quoted}"'
        told = f"{self.kind}{self.detail}{quoted} while reading PROXY protocol"
        return f"{when} [error] 1#0: *1 {told}, client: {self.client}, server: {self.server}"


class KongLog:
    """Both logs of one Kong, to which many connections write at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Access | Refusal] = []

    def add(self, entry: Access | Refusal) -> None:
        """Write one line."""
        with self._lock:
            self._entries.append(entry)

    @property
    def access(self) -> list[Access]:
        """The access log so far."""
        with self._lock:
            return [entry for entry in self._entries if isinstance(entry, Access)]

    @property
    def errors(self) -> list[Refusal]:
        """The error log so far."""
        with self._lock:
            return [entry for entry in self._entries if isinstance(entry, Refusal)]


def escaped(text: str) -> str:
    """``text`` as nginx writes a variable into a log (ngx_http_log_escape)."""
    return "".join(
        character if " " <= character <= "~" and character not in '"\\' else f"\\x{ord(character):02X}"
        for character in text
    )
