"""What a proxy does, wherever it stands: an edge and a load balancer differ in place, not in kind.

Sources: the PROXY protocol specification, section 2 (who sends the header, and that it is sent first); HAProxy's
``option forwardfor``, which adds a header line of its own behind those of the client; nginx's
``$proxy_add_x_forwarded_for``, which extends the client's line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from diagnose.path.traffic import Address, Headers, Traffic
from probes.wire import proxy_protocol

FORWARDED_FOR = "X-Forwarded-For"


class Proxying(StrEnum):
    """What an edge or a load balancer does with the caller's address."""

    PASSES_THROUGH = "passes_through"
    """Forwards packets; source and bytes stay as they are."""
    PROXIES = "proxies"
    """Ends TCP and connects anew from its own address; the bytes stay as they are, and nothing names the caller."""
    SENDS_PROXY_V1 = "sends_proxy_v1"
    SENDS_PROXY_V2 = "sends_proxy_v2"
    """As PROXIES, with a PROXY header in front that names its TCP peer."""
    HTTP_APPENDS_XFF = "http_appends_xff"
    """Ends HTTP and adds its peer to the X-Forwarded-For line that came."""
    HTTP_APPENDS_XFF_LINE = "http_appends_xff_line"
    """Ends HTTP and adds an X-Forwarded-For line of its own behind those that came."""
    HTTP_REPLACES_XFF = "http_replaces_xff"
    """Ends HTTP and puts its peer in place of any X-Forwarded-For that came."""
    HTTP_PRESERVES_XFF = "http_preserves_xff"
    """Ends HTTP and leaves X-Forwarded-For as it came: what a client wrote, or nothing."""
    HTTP_STRIPS_XFF = "http_strips_xff"
    """Ends HTTP and removes X-Forwarded-For."""
    DROPS = "drops"
    """Answers nothing: packets are lost, or the connection is never completed."""
    REFUSES = "refuses"
    """Answers the connection attempt with a reset: nothing is behind it."""


HTTP = frozenset(
    {
        Proxying.HTTP_APPENDS_XFF,
        Proxying.HTTP_APPENDS_XFF_LINE,
        Proxying.HTTP_REPLACES_XFF,
        Proxying.HTTP_PRESERVES_XFF,
        Proxying.HTTP_STRIPS_XFF,
    }
)
"""The behaviours of a proxy that ends HTTP."""

SENDS_PROXY = frozenset({Proxying.SENDS_PROXY_V1, Proxying.SENDS_PROXY_V2})

EMITS = HTTP | SENDS_PROXY | {Proxying.PROXIES}
"""The behaviours whose next hop sees the proxy's own address."""


class Answer(StrEnum):
    """How a connection ended for the caller."""

    PASSED = "passed"  # Kong, or what is behind it, took the request and answered it
    REJECTED = "rejected"  # 400: bytes that are no HTTP request, or HTTP to a TLS port
    CLOSED = "closed"  # closed or reset without an answer
    REFUSED = "refused"  # the SYN was answered with a reset
    TIMED_OUT = "timed-out"
    TLS_FAILED = "tls-failed"
    BAD_GATEWAY = "bad-gateway"  # 502, 503 or 504 of a proxy whose backend did not answer


@dataclass(frozen=True, slots=True)
class End:
    """The connection goes no further: which answers the caller may see then."""

    answers: frozenset[Answer]


def pass_on(behaviour: Proxying, traffic: Traffic, own: Address | None, *, onward_tls: bool) -> Traffic | End:
    """``traffic`` as it leaves a proxy of that behaviour, from its address ``own``; or how it ends there.

    A proxy that ends HTTP ends TLS too, and speaks onwards what its backend expects: TLS if ``onward_tls``.
    """
    if behaviour is Proxying.PASSES_THROUGH:
        return traffic
    if behaviour is Proxying.DROPS:
        return End(frozenset({Answer.TIMED_OUT}))
    if behaviour is Proxying.REFUSES:
        return End(frozenset({Answer.REFUSED}))
    source = own if own is not None else traffic.source
    if behaviour is Proxying.PROXIES:
        return replace(traffic, source=source)
    if behaviour in SENDS_PROXY:
        return replace(traffic, source=source, preface=(_preface(behaviour, traffic), *traffic.preface))
    if traffic.preface:
        # An HTTP parser takes a PROXY header for a broken request line, and a TLS library for a broken handshake.
        return End(frozenset({Answer.REJECTED, Answer.CLOSED, Answer.TLS_FAILED}))
    headers = _headers(behaviour, traffic.headers, str(traffic.source))
    return replace(traffic, source=source, headers=headers, tls=onward_tls)


def answers_after(behaviour: Proxying, answers: frozenset[Answer]) -> frozenset[Answer]:
    """What the caller may see of ``answers`` that the next hop gave to a proxy of that behaviour.

    A proxy that ends HTTP turns a closed, refused or silent backend into an answer of its own.
    """
    if behaviour in HTTP and answers & {Answer.CLOSED, Answer.REFUSED, Answer.TIMED_OUT, Answer.TLS_FAILED}:
        return answers | {Answer.BAD_GATEWAY}
    if behaviour in EMITS and answers & {Answer.REFUSED, Answer.TIMED_OUT}:
        return answers | {Answer.CLOSED}  # the connection to the proxy had been made
    return answers


def _preface(behaviour: Proxying, traffic: Traffic) -> bytes:
    source = str(traffic.source)
    header = proxy_protocol.Header(
        version=1 if behaviour is Proxying.SENDS_PROXY_V1 else 2,
        command="PROXY",
        source=source,
        source_port=40000,
        # The entry's address stays with the traffic, whatever family an earlier proxy went on in.
        destination=proxy_protocol.of_family(source, str(traffic.destination)),
        destination_port=traffic.port,
    )
    return proxy_protocol.encode(header)


def _headers(behaviour: Proxying, headers: Headers, peer: str) -> Headers:
    name = FORWARDED_FOR.lower()
    lines = [value for key, value in headers if key.lower() == name]
    others = tuple((key, value) for key, value in headers if key.lower() != name)
    match behaviour:
        case Proxying.HTTP_PRESERVES_XFF:
            return headers
        case Proxying.HTTP_STRIPS_XFF:
            return others
        case Proxying.HTTP_REPLACES_XFF:
            return (*others, (FORWARDED_FOR, peer))
        case Proxying.HTTP_APPENDS_XFF_LINE:
            return (*headers, (FORWARDED_FOR, peer))
        case _:
            return (*others, (FORWARDED_FOR, ", ".join([*lines, peer])))
