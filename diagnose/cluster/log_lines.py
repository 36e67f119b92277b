"""What one line of Kong's log says: of a request of ours, or of a connection whose PROXY header was not to its liking.

The formats are nginx's ``combined``, which Kong 3.5 and later end with the request's id
(kong/templates/nginx_kong.lua), and nginx's error log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from diagnose.path.traffic import parse_address
from diagnose.site import PREAMBLE_AS_REQUEST, AccessLine, Complaint
from probes.probe import PROXY_CHANNEL, Probe

ACCESS = re.compile(r'^(?P<address>\S+) - .*? \[[^\]\[]{1,64}\] "(?P<request>[^"]*)" (?P<status>\d{3})\b')
LOOSE = re.compile(r'^(?P<address>[0-9A-Fa-f.:]+)\s.*?"(?P<request>[^"]*)"\s+(?P<status>\d{3})\b')
REQUEST_ID = re.compile(r' kong_request_id: "(?P<id>[0-9a-f]{32})"$')
ERROR_LINE = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] ")
CLIENT = re.compile(r"while reading PROXY protocol, client: (?P<client>[^,\s]+)")
"""nginx quotes what it was sent as it came, and then names the client: the last one in a line is nginx's word."""

QUOTED = re.compile(r'broken header: "(?P<excerpt>.*?)(?:" while reading PROXY protocol|$)')
STAMP = re.compile(r"^(?P<second>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?P<part>\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d) ?")

KINDS = ("broken header", "header is too large", "unknown PROXY protocol version")
EXCERPT = 8
"""How much is kept of what others sent: enough to tell a GET from a TLS handshake or a health check."""

LONGEST_LINE = 64 * 1024
"""Bytes: nginx writes no longer request lines than its buffers hold (large_client_header_buffers, 8 kB by default)."""

LONGEST_ENTRY = 64
"""Kong before 3.6 quotes the whole of what it read, line breaks and all: an entry may take that many lines."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for: the paths of probes, and the claims of PROXY preambles that may be logged as a request line.

    ``paths`` maps nonces to paths. A nonce alone proves nothing: it is in every report. The path before it is not, and
    cannot be guessed.
    """

    paths: Mapping[str, str]
    preambles: tuple[tuple[str, str, str], ...] = ()

    @classmethod
    def of(cls, probes: Iterable[Probe]) -> Wanted:
        """What the log may say of these probes."""
        known = tuple(probes)
        claims = ((one.nonce, one.claim(PROXY_CHANNEL), one.claimed_port) for one in known)
        return cls(
            {one.nonce: one.path for one in known},
            tuple((nonce, address, str(port)) for nonce, address, port in claims if address and port),
        )

    def nonce_in(self, text: str) -> str | None:
        """The nonce of the probe whose path stands in ``text``, or None; nonces are of letters, digits, - and _.

        What is before Kong may have put something in front of the path, or behind it.
        """
        words = (word for word in re.findall(r"[\w-]+", text) if word in self.paths)
        return next((word for word in words if self.paths[word] in text), None)

    def request_in(self, line: str) -> str | None:
        """The nonce of the probe whose GET this request line is, or None."""
        method, _, rest = line.partition(" ")
        target = rest.rpartition(" ")[0] if " HTTP/" in rest else rest
        path, _, _ = target.partition("?")
        nonce = self.nonce_in(path) if method == "GET" else None
        return nonce if nonce is not None and path.endswith(self.paths[nonce]) else None

    def preamble_in(self, request: str) -> str | None:
        """The nonce of the probe whose PROXY v1 header was logged as this request line, or None."""
        words = request.split()
        if words[:1] != ["PROXY"]:
            return None
        return next((nonce for nonce, address, port in self.preambles if address in words and port in words), None)


def split_stamp(line: str) -> tuple[float | None, str]:
    """The API server's stamp in front of a line, in seconds since the epoch, and the line itself."""
    match = STAMP.match(line)
    if not match:
        return None, line
    zone = "+00:00" if match["zone"] == "Z" else match["zone"]
    try:
        second = datetime.fromisoformat(match["second"] + zone).timestamp()
    except ValueError:
        return None, line
    return second + float(match["part"] or 0), line[match.end() :]


def is_error_line(line: str) -> bool:
    """Whether a line begins an entry of the error log."""
    return ERROR_LINE.match(line) is not None


def parse_access(kong: str, line: str, wanted: Wanted) -> tuple[str, AccessLine] | None:
    """The nonce and what an access-log line says of it; None for a line that is another's or no access line."""
    said = _of_json(line) or _of_text(line, ACCESS) or (None if is_error_line(line) else _of_text(line, LOOSE))
    if said is None or parse_address(said.address) is None:
        return None
    nonce = wanted.request_in(said.request) or wanted.preamble_in(said.request)
    if nonce is None:
        return None
    return nonce, AccessLine(kong, said.address, said.status, said.request, said.identifier)


def parse_refused_preamble(kong: str, line: str, stamp: float | None) -> Complaint | None:
    """What an access-log line says of a PROXY header that was taken for a request, None for any other line.

    Version 1 is logged as it came; of version 2 nginx skips the empty lines and logs the zero byte after them.
    """
    said = _of_json(line) or _of_text(line, ACCESS)
    if said is None or said.status != 400 or not said.request.startswith(("PROXY ", "\\x00", "\x00")):
        return None
    return Complaint(kong, PREAMBLE_AS_REQUEST, said.address, said.request[:EXCERPT], stamp)


@dataclass(frozen=True, slots=True)
class _Said:
    """What an access-log line says of a request."""

    address: str
    request: str
    status: int
    identifier: str | None = None


def _of_text(line: str, shape: re.Pattern[str]) -> _Said | None:
    match = shape.match(line)
    if match is None:
        return None
    told = REQUEST_ID.search(line)
    return _Said(match["address"], match["request"], int(match["status"]), told["id"] if told else None)


def _of_json(line: str) -> _Said | None:
    """The same of a line that is a JSON object with nginx's names for the three variables, or a log plugin's.

    Kong's log plugins write client_ip, which is $remote_addr, and the request's method and URI apart
    (kong/pdk/log.lua). Other names may hold anything, so nothing is guessed.
    """
    try:
        told = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):  # RecursionError: brackets without end
        return None
    if not isinstance(told, dict):
        return None
    address, request, status = told.get("remote_addr", told.get("client_ip")), told.get("request"), told.get("status")
    if isinstance(request, dict):
        answer = told.get("response")
        status = answer.get("status") if isinstance(answer, dict) else None
        request = f"{request.get('method')} {request.get('uri')}"
    if not isinstance(address, str) or not isinstance(request, str) or not re.fullmatch(r"\d{3}", str(status)):
        return None
    return _Said(address, request, int(str(status)))


class Complaints:
    """The error log's complaints about PROXY headers so far; one may stretch over several lines."""

    def __init__(self, kong: str, wanted: Wanted) -> None:
        self.found: list[Complaint] = []
        self._kong = kong
        self._wanted = wanted
        self._open: tuple[str, str, float | None] | None = None
        self._lines = 0

    def take(self, line: str, stamp: float | None) -> None:
        """Look at one line. Of what is not a complaint nothing is kept."""
        if is_error_line(line):
            kind = next((kind for kind in KINDS if kind in line), None)
            quoted = QUOTED.search(line)
            self._open = (kind, self._kept(quoted["excerpt"] if quoted else ""), stamp) if kind else None
            self._lines = 0
        if self._open is None:
            return
        self._lines += 1
        if clients := CLIENT.findall(line):
            kind, excerpt, time = self._open
            self.found.append(Complaint(self._kong, kind, clients[-1], excerpt, time))
            self._open = None
        elif self._lines >= LONGEST_ENTRY:
            self._open = None

    def _kept(self, excerpt: str) -> str:
        return excerpt if self._wanted.nonce_in(excerpt) else excerpt[:EXCERPT]
