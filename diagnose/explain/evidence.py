"""Evidence: what every witness said of each probe, in the terms in which worlds predict it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from diagnose.capture.sightings import Sighting, Sightings
from diagnose.path.naming import addresses_in, unwrapped
from diagnose.path.proxying import Answer
from diagnose.path.traffic import Address, Traffic, parse_address
from diagnose.site import PREAMBLE_AS_REQUEST, AccessLine, Entry, EntryKind, Kong, Logs
from probes import compose
from probes.outcome import Answered, Closed, Garbled, Outcome, Refused, Reset, Sent, TimedOut, TlsFailed, Unreachable
from probes.probe import Preamble, Probe, Vantage
from probes.secret import is_proven

ECHO_MARK = "echo/v1"

_REFUSALS = frozenset({Answer.REJECTED, Answer.CLOSED, Answer.TLS_FAILED})


@dataclass(frozen=True, slots=True)
class Seen:
    """What the witnesses said; None is unknown.

    ``logged`` is the address that Kong took (access log, or X-Real-IP at the echo). ``forwarded`` are the elements of
    the X-Forwarded-For that Kong sent on; where the request had carried one, the last is Kong's TCP peer. ``refused``
    are the addresses that Kong's log names for connections that it refused so, this one's among them; ``quoted`` tells
    that it quotes this very one, which therefore had come to Kong. ``carried`` are
    the other headers that reached the echo and whose value is an address or a list of such: (name in lower case,
    value). ``in_clear`` tells whether Kong itself refused the request because it came in clear text to a TLS port,
    ``unlogged`` that Kong's logs, though read up to a later time, hold no line of it, ``clear_reply`` that a TLS
    handshake was answered in clear text. ``wire`` is what packet captures show.
    """

    answer: Answer | None
    logged: Address | None = None
    forwarded: tuple[str, ...] | None = None
    refused: frozenset[Address] | None = None
    carried: frozenset[tuple[str, str]] | None = None
    in_clear: bool | None = None
    unlogged: bool = False
    wire: frozenset[Sighting] = frozenset()
    quoted: bool = False
    clear_reply: bool = False


@dataclass(frozen=True)  # no slots: every world asks for the same derived values, which are kept
class Observation:
    """One probe, and what each witness said of it. ``kong`` names the pod that took it, None if nobody knows.

    ``echoed`` and ``in_log`` tell whether the echo and Kong's access log spoke of it.
    """

    sent: Sent
    entry: Entry
    seen: Seen
    kong: str | None = None
    echoed: bool = False
    in_log: bool = False

    @property
    def probe(self) -> Probe:
        """The probe that was sent."""
        return self.sent.probe

    @property
    def plain(self) -> bool:
        """Whether it claimed nothing: what an ordinary client would send."""
        return not self.probe.claims and self.probe.preamble is Preamble.NONE

    @cached_property
    def traffic(self) -> Traffic | None:
        """The connection as it left the caller's socket, None if none was made and its source is unknown."""
        source = parse_address(self.sent.socket) if self.sent.socket else None
        return departure(self.probe, source) if source is not None else None

    @cached_property
    def claimed(self) -> frozenset[Address]:
        """The addresses that the probe claimed."""
        return frozenset(filter(None, (parse_address(claim.address) for claim in self.probe.claims)))

    @cached_property
    def told(self) -> frozenset[Address]:
        """The addresses that a witness names for this very connection and that the probe did not claim itself."""
        chain = (parse_address(element) for element in self.seen.forwarded or ())
        return frozenset(one for one in (self.seen.logged, *chain) if one is not None) - self.claimed

    @cached_property
    def visible(self) -> frozenset[Address]:
        """Those, what captures show, and where Kong refused it all that its log names for connections refused so.

        One of the last is this one's.
        """
        others = (self.seen.refused or frozenset()) | {sighting.source for sighting in self.seen.wire}
        return self.told | others - self.claimed

    @cached_property
    def forged(self) -> str | None:
        """The channel whose claim Kong took for the caller's address, or None."""
        for claim in self.probe.claims:
            if self.seen.logged is not None and parse_address(claim.address) == self.seen.logged:
                return claim.channel
        return None


@lru_cache(maxsize=1024)  # every world is asked what becomes of the same few
def departure(probe: Probe, source: Address) -> Traffic:
    """``probe`` as traffic that leaves a socket of address ``source``."""
    preface = compose.preface(probe)
    destination = parse_address(probe.target.address)
    if destination is None:
        raise ValueError(f"target address {probe.target.address!r} is no address")
    return Traffic(
        source=source,
        destination=destination,
        port=probe.target.port,
        preface=(preface,) if preface else (),
        headers=probe.headers,
        tls=probe.target.scheme == "https",
    )


def observe_all(
    sent: Sequence[tuple[Sent, Entry]], logs: Logs, kongs: Sequence[Kong], secret: str, wire: Sightings | None = None
) -> list[Observation]:
    """What all witnesses said of each probe; an echo is believed only if it proves that it has the run's ``secret``.

    A refused connection that Kong's log cannot be asked for by a nonce is one of those that the log complains of: the
    echo pod's own complaints are kept apart from those of connections from outside.
    """
    insiders = {one.socket for one, _ in sent if one.probe.vantage is Vantage.INSIDE}
    by_vantage = {
        vantage: replace(logs, complaints=tuple(c for c in logs.complaints if (c.client in insiders) is inside))
        for vantage, inside in ((Vantage.INSIDE, True), (Vantage.OUTSIDE, False))
    }
    read_to = _read_to([one for one, _ in sent], logs, kongs)
    identified = any(_identified(one, line) for one, _ in sent for line in logs.access.get(one.probe.nonce, ()))
    seen = wire or {}
    return [
        _observe(
            one,
            entry,
            by_vantage[one.probe.vantage],
            _own(one, logs, identified),
            kongs,
            secret,
            read_to,
            seen.get(one.probe.nonce, frozenset()) if one.probe.vantage is Vantage.OUTSIDE else frozenset(),
        )
        for one, entry in sent
    ]


def _own(sent: Sent, logs: Logs, identified: bool) -> Sequence[AccessLine]:
    """Kong's lines of a probe, without those of requests that only carry its path.

    Kong gives each request an id and tells it in the answer and in its log (since 3.5). Somebody who reads probes on
    their way can send their paths once more, but not have Kong log them under those ids. ``identified`` tells that the
    answers' ids are those of the logs at all: of two Kongs in a row the answer tells the first one's.
    """
    lines = logs.access.get(sent.probe.nonce, ())
    if not identified or _request_id(sent) is None:
        return lines
    return [line for line in lines if line.identifier is None or _identified(sent, line)]


def _identified(sent: Sent, line: AccessLine) -> bool:
    return line.identifier is not None and line.identifier == _request_id(sent)


def _request_id(sent: Sent) -> str | None:
    return sent.outcome.header("X-Kong-Request-Id") if isinstance(sent.outcome, Answered) else None


def _read_to(sent: Sequence[Sent], logs: Logs, kongs: Sequence[Kong]) -> float:
    """Up to when the logs of all ready Kong pods were read for sure: each holds a line of a probe that began then.

    Seconds since the epoch, by the clock of those who sent. A pod writes its lines in the order of time.
    """
    latest = {kong.name: float("-inf") for kong in kongs if kong.ready}
    if latest.keys() & logs.unread.keys():  # of some log the beginning is missing, if not all of it
        return float("-inf")
    for one in sent:
        for line in logs.access.get(one.probe.nonce, ()):
            if one.probe.vantage is Vantage.OUTSIDE and line.kong in latest:
                latest[line.kong] = max(latest[line.kong], one.started)
    return min(latest.values(), default=float("-inf"))


def _observe(
    sent: Sent,
    entry: Entry,
    logs: Logs,
    lines: Sequence[AccessLine],
    kongs: Sequence[Kong],
    secret: str,
    read_to: float,
    wire: frozenset[Sighting],
) -> Observation:
    echo = _echo(sent, secret)
    line = _answering(sent.outcome, lines)
    headers = {str(name).lower(): str(value) for name, value in echo["headers"]} if echo is not None else {}
    logged = parse_address(headers.get("x-real-ip", ""))
    forwarded = tuple(map(unwrapped, headers.get("x-forwarded-for", "").split(","))) if headers else None
    if line is not None and logged is None:
        logged = parse_address(line.address)
    came = line.kong if line is not None else logs.foreign.get(sent.probe.nonce)
    answer = _answer(sent.outcome, echo is not None or came is not None, lines, sent.probe.nonce)
    refused = _refused(sent.probe, logs) if logged is None and answer in _REFUSALS else None
    return Observation(
        sent=sent,
        entry=entry,
        seen=Seen(
            answer,
            logged,
            forwarded,
            refused,
            carried=_carried(headers) if echo is not None else None,
            in_clear=_in_clear(sent.outcome, line),
            unlogged=_unlogged(sent, lines, read_to),
            wire=wire,
            quoted=refused is not None and any(sent.probe.nonce in one.excerpt for one in logs.complaints),
            clear_reply=isinstance(sent.outcome, TlsFailed) and sent.outcome.reason == NO_TLS_RECORD,
        ),
        kong=_kong(echo, came, entry, kongs),
        echoed=echo is not None,
        in_log=line is not None,
    )


def _answering(outcome: Outcome, lines: Sequence[AccessLine]) -> AccessLine | None:
    """The line of the try that was answered, where a balancer tried twice; None where that may be one or another."""
    status = outcome.status if isinstance(outcome, Answered) else None
    tried = [line for line in lines if line.status == status] or list(lines)
    return tried[0] if len({(line.kong, line.address) for line in tried}) == 1 else None


def _unlogged(sent: Sent, lines: Sequence[AccessLine], read_to: float) -> bool:
    """Whether Kong has no line of a PROXY v1 header that was refused: those are the ones it would quote."""
    refused = isinstance(sent.outcome, Answered) and sent.outcome.status == 400
    known = sent.probe.vantage is Vantage.OUTSIDE and sent.probe.preamble is Preamble.V1
    return refused and known and not lines and sent.started + sent.seconds < read_to


def _in_clear(outcome: Outcome, line: AccessLine | None) -> bool | None:
    """Whether it is nginx's error 497, for which Kong has no page of its own; None where another may have answered."""
    if not isinstance(outcome, Answered) or outcome.status != 400 or not (line is not None or by_kong(outcome)):
        return None
    return CLEAR_TEXT in outcome.body


CLEAR_TEXT = b"plain HTTP request was sent to HTTPS port"
NO_TLS_RECORD = "WRONG_VERSION_NUMBER"
"""What OpenSSL calls an answer to a handshake that begins as no record of TLS does."""

_NOT_OF_CLIENTS = frozenset({"host", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port"})


def _carried(headers: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """The headers, besides those that Kong writes itself, whose value is an address or a list of addresses."""
    named = ((name, addresses_in(name, value)) for name, value in headers.items() if name not in _NOT_OF_CLIENTS)
    return frozenset((name, ", ".join(map(str, addresses))) for name, addresses in named if all(addresses))


def _refused(probe: Probe, logs: Logs) -> frozenset[Address] | None:
    """The addresses in Kong's complaints: of this very connection where one quotes its path, else of all."""
    quoting = [complaint for complaint in logs.complaints if probe.path in complaint.excerpt]
    named = quoting or [complaint for complaint in logs.complaints if complaint.kind == PREAMBLE_AS_REQUEST]
    return frozenset(filter(None, (parse_address(complaint.client) for complaint in named))) or None


def _echo(sent: Sent, secret: str) -> dict[str, Any] | None:
    if not isinstance(sent.outcome, Answered) or sent.outcome.status != 200 or not secret:
        return None
    try:
        said = json.loads(sent.outcome.body)
        if not isinstance(said, dict) or said.get("kongip") != ECHO_MARK:
            return None
        proven = is_proven(secret, said.pop("proof", None), json.dumps(said))
    except (ValueError, RecursionError):  # RecursionError: brackets without end
        return None
    return said if proven and sent.probe.nonce in str(said.get("path")) else None


def echo_peer(sent: Sent) -> str | None:
    """The TCP peer that the echo names in its answer to ``sent`` - the Kong pod - or None if no echo answered."""
    echo = _echo(sent, sent.probe.secret)
    return str(echo["peer"]) if echo is not None else None


def _kong(echo: dict[str, Any] | None, came: str | None, entry: Entry, kongs: Sequence[Kong]) -> str | None:
    """The pod that took the probe; ``came`` is the one in whose log it stands."""
    if entry.kongs is not None and len(entry.kongs) == 1:
        return entry.kongs[0]
    # A Kong in its node's network has the node's address, and a NodePort there may lead to any other.
    address = echo["peer"] if echo is not None else None if entry.kind is EntryKind.NODE else entry.address
    passed_on_by = next((kong.name for kong in kongs if kong.address == address), None)
    return passed_on_by if passed_on_by is not None else came


def _read_whole(outcome: Answered, lines: Sequence[AccessLine], nonce: str) -> bool:
    """Whether a 400 came of a request that Kong had read: then a plugin or the application gave it."""
    read = any(line.status == 400 and nonce in line.request for line in lines)
    return read and CLEAR_TEXT not in outcome.body


def _answer(outcome: Outcome, came: bool, lines: Sequence[AccessLine], nonce: str) -> Answer | None:
    match outcome:
        case Answered(status=400) if not _read_whole(outcome, lines, nonce):
            return Answer.REJECTED
        case Answered():
            if came or lines or by_kong(outcome):
                return Answer.PASSED
            return Answer.BAD_GATEWAY if outcome.status in (502, 503, 504) else None
        case Closed(received=b"") | Reset():
            return Answer.CLOSED
        case Refused():
            return Answer.REFUSED
        case TimedOut(phase="connect"):
            return Answer.TIMED_OUT
        case TlsFailed():
            return Answer.TLS_FAILED
        case Closed() | Garbled() | Unreachable() | TimedOut():
            return None


def by_kong(outcome: Answered) -> bool:
    """Whether the answer says of itself that Kong gave it or passed it on."""
    own = (outcome.header("Server") or "").lower().startswith("kong/")
    marks = ("X-Kong-Request-Id", "X-Kong-Response-Latency")
    return own or passed_on(outcome) or any(outcome.header(mark) for mark in marks)


def passed_on(outcome: Answered) -> bool:
    """Whether the answer says of itself that Kong had it from an upstream: a route matched."""
    return "kong/" in (outcome.header("Via") or "").lower() or outcome.header("X-Kong-Upstream-Latency") is not None


def described(outcome: Outcome) -> str:
    """The outcome in a few words, for a table."""
    match outcome:
        case Answered(status=status):
            return str(status)
        case Closed(received=b""):
            return "closed without an answer"
        case Closed():
            return "closed within the answer"
        case Reset():
            return "reset"
        case Refused():
            return "refused"
        case TimedOut(phase=phase):
            return f"timed out ({phase})"
        case TlsFailed(reason=reason):
            return f"TLS failed ({reason})"
        case Unreachable(reason=reason):
            return f"no way there ({reason})"
        case Garbled():
            return "no HTTP"
