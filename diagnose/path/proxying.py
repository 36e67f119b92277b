"""What a proxy does, wherever it stands: an edge and a load balancer differ in place, not in kind.

Sources: the PROXY protocol specification, section 2 (who sends the header, and that it is sent first); HAProxy's
``option forwardfor``, which adds a header line of its own behind those of the client; nginx's
``$proxy_add_x_forwarded_for``, which extends the client's line; Google Cloud's external Application Load Balancer,
which appends the client's address and its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from diagnose.path.naming import written
from diagnose.path.traffic import Address, Headers, Traffic, parse_address
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
    ACCEPTS_AND_PASSES_PROXY = "accepts_and_passes_proxy"
    """Takes a PROXY header from whoever sends one and passes on what it names; without one, names its TCP peer."""
    REQUIRES_AND_PASSES_PROXY = "requires_and_passes_proxy"
    """The same, and closes a connection that brings none."""
    HTTP_APPENDS_XFF = "http_appends_xff"
    """Ends HTTP and adds its peer to the X-Forwarded-For line that came."""
    HTTP_APPENDS_XFF_LINE = "http_appends_xff_line"
    """Ends HTTP and adds an X-Forwarded-For line of its own behind those that came."""
    HTTP_APPENDS_XFF_AND_SELF = "http_appends_xff_and_self"
    """Ends HTTP and adds its peer and then the address that it was reached on, as Google's does."""
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
        Proxying.HTTP_APPENDS_XFF_AND_SELF,
        Proxying.HTTP_REPLACES_XFF,
        Proxying.HTTP_PRESERVES_XFF,
        Proxying.HTTP_STRIPS_XFF,
    }
)
"""The behaviours of a proxy that ends HTTP."""

BELIEVES_PROXY = frozenset({Proxying.ACCEPTS_AND_PASSES_PROXY, Proxying.REQUIRES_AND_PASSES_PROXY})
"""Those that hand on what a PROXY header of their own client names."""

SENDS_PROXY = frozenset({Proxying.SENDS_PROXY_V1, Proxying.SENDS_PROXY_V2}) | BELIEVES_PROXY

EMITS = HTTP | SENDS_PROXY | {Proxying.PROXIES}
"""The behaviours whose next hop sees the proxy's own address."""

ENDS = frozenset({Proxying.DROPS, Proxying.REFUSES})
"""The behaviours behind which no later hop is reached."""


class Reads(StrEnum):
    """What a proxy makes of a PROXY header in front of what it gets."""

    NOTHING = "nothing"
    """It expects none: to a parser of HTTP one is a broken request, to a layer 4 proxy it is bytes like others."""
    NAMES = "names"
    """It expects one, takes it off, and counts the address that it names as its client."""
    PEER = "peer"
    """It expects one, takes it off, and counts its TCP peer as its client all the same."""
    IF_ANY = "if_any"
    """It takes one off if there is one, and then counts the address that it names as its client."""


class Onward(StrEnum):
    """What a proxy speaks to the next hop."""

    AS_IT_CAME = "as_it_came"
    """A layer 4 proxy copies TLS without looking into it; one that ends HTTP encrypts anew what came encrypted."""
    CLEAR = "clear"
    """It ends TLS, and goes on in clear text."""
    TLS = "tls"
    """It ends TLS, if any came, and encrypts anew."""


@dataclass(frozen=True, slots=True)
class Manner:
    """The details in which proxies of one behaviour differ.

    ``sets`` are headers in which it writes its client; ``reached`` is the address that it was reached on, None for the
    one that the caller named. ``keeps`` are those of ``sets`` that it leaves as they came, if they came. ``prefaces``
    tells that one that ends HTTP puts a PROXY header in front as well, as HAProxy's ``send-proxy`` does in any mode.
    """

    reads: Reads = Reads.NOTHING
    sets: tuple[str, ...] = ()
    onward: Onward = Onward.AS_IT_CAME
    reached: Address | None = None
    keeps: tuple[str, ...] = ()
    prefaces: bool = False


PLAIN_MANNER = Manner()


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


def pass_on(behaviour: Proxying, traffic: Traffic, own: Address | None, manner: Manner = PLAIN_MANNER) -> Traffic | End:
    """``traffic`` as it leaves a proxy of that behaviour, from its address ``own``; or how it ends there."""
    if behaviour is Proxying.PASSES_THROUGH:
        return traffic
    if behaviour is Proxying.DROPS:
        return End(frozenset({Answer.TIMED_OUT}))
    if behaviour is Proxying.REFUSES:
        return End(frozenset({Answer.REFUSED}))
    taken = _taken_off(behaviour, traffic, manner.reads)
    if isinstance(taken, End):
        return taken
    client, traffic = taken
    looks_inside = behaviour in HTTP or (traffic.tls and manner.onward is not Onward.AS_IT_CAME)
    if looks_inside and traffic.preface:
        # An HTTP parser takes a PROXY header for a broken request line, and a TLS library for a broken handshake.
        return End(_BROKEN)
    source, preface, headers = own if own is not None else traffic.source, traffic.preface, traffic.headers
    if behaviour in SENDS_PROXY or manner.prefaces:
        preface = (_preface(behaviour, client, traffic.destination, traffic.port), *preface)
    if behaviour in HTTP:
        came = {name.lower() for name, _ in traffic.headers} & {name.lower() for name in manner.keeps}
        named = tuple(name for name in manner.sets if name.lower() not in came)
        headers = _set(named, _headers(behaviour, traffic, client, manner.reached or traffic.destination), client)
    tls = _speaks_tls(traffic, manner)
    return Traffic(source, traffic.destination, traffic.port, preface, headers, tls, traffic.host)


_BROKEN = frozenset({Answer.REJECTED, Answer.CLOSED, Answer.TLS_FAILED})


def _taken_off(behaviour: Proxying, traffic: Traffic, reads: Reads) -> tuple[Address, Traffic] | End:
    """The address that the proxy counts as its client, and the traffic without the PROXY header that it read."""
    optional = behaviour is Proxying.ACCEPTS_AND_PASSES_PROXY or reads is Reads.IF_ANY
    if reads is Reads.NOTHING and behaviour not in BELIEVES_PROXY:
        return traffic.source, traffic
    if not traffic.preface:
        return (traffic.source, traffic) if optional else End(frozenset({Answer.CLOSED, Answer.TLS_FAILED}))
    first, *rest = traffic.preface
    named = parse_address(source_of(first) or "")
    client = named if named is not None and reads is not Reads.PEER else traffic.source
    return client, replace(traffic, preface=tuple(rest))


def _speaks_tls(traffic: Traffic, manner: Manner) -> bool:
    return traffic.tls if manner.onward is Onward.AS_IT_CAME else manner.onward is Onward.TLS


@lru_cache(maxsize=4096)
def source_of(segment: bytes) -> str | None:
    """The source that a PROXY header names, None where it names none or is none."""
    try:
        return proxy_protocol.parse(segment)[0].source
    except ValueError:
        return None


def answers_after(behaviour: Proxying, answers: frozenset[Answer]) -> frozenset[Answer]:
    """What the caller may see of ``answers`` that the next hop gave to a proxy of that behaviour.

    A proxy that ends HTTP turns a closed, refused or silent backend into an answer of its own.
    """
    if behaviour in HTTP and answers & _WITHOUT_A_WORD:
        return answers | {Answer.BAD_GATEWAY}
    if behaviour in EMITS and answers & _WITHOUT_A_CONNECTION:
        return answers | {Answer.CLOSED}  # the connection to the proxy had been made
    return answers


_WITHOUT_A_CONNECTION = frozenset({Answer.REFUSED, Answer.TIMED_OUT, Answer.TLS_FAILED})
_WITHOUT_A_WORD = _WITHOUT_A_CONNECTION | {Answer.CLOSED}


@lru_cache(maxsize=4096)
def _preface(behaviour: Proxying, client: Address, destination: Address, port: int) -> bytes:
    header = proxy_protocol.Header(
        version=1 if behaviour is Proxying.SENDS_PROXY_V1 else 2,
        command="PROXY",
        source=str(client),
        source_port=40000,
        # The entry's address stays with the traffic, whatever family an earlier proxy went on in.
        destination=proxy_protocol.of_family(str(client), str(destination)),
        destination_port=port,
    )
    return proxy_protocol.encode(header)


def _headers(behaviour: Proxying, traffic: Traffic, client: Address, own: Address) -> Headers:
    name, peer, headers = FORWARDED_FOR.lower(), str(client), traffic.headers
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
        case Proxying.HTTP_APPENDS_XFF_AND_SELF:
            return (*others, (FORWARDED_FOR, ", ".join([*lines, peer, str(own)])))
        case _:
            return (*others, (FORWARDED_FOR, ", ".join([*lines, peer])))


def _set(names: tuple[str, ...], headers: Headers, client: Address) -> Headers:
    """``headers`` with those of ``names`` naming ``client``, whatever a client had written there."""
    if not names:
        return headers
    lower = {name.lower() for name in names}
    others = (line for line in headers if line[0].lower() not in lower)
    return (*others, *((name, written(name, client)) for name in names))
