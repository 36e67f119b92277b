"""What a capture shows, as text and as JSON. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from diagnose.capture.connections import Connection, Opening
from diagnose.capture.head import Carries
from diagnose.capture.ways import Between, Passage, Way
from diagnose.hosts import bracketed
from diagnose.path.traffic import Layer
from diagnose.report.harmless import harmless
from probes.wire import tlvs
from probes.wire.proxy_protocol import Header

POINTS = {
    Layer.EGRESS: "client",
    Layer.EDGE: "edge",
    Layer.LOAD_BALANCER: "load balancer",
    Layer.NODE: "node",
    Layer.GATEWAY: "Kong",
    Layer.UPSTREAM: "upstream",
}


def place(connection: Connection) -> str:
    """Where a connection was seen."""
    layer = connection.point.layer
    return POINTS[layer] if layer is not None else connection.point.name


def text(ways: Sequence[Way]) -> Iterator[str]:
    """The ways, a line each bit; text from the capture is made harmless."""
    for way in ways:
        yield harmless(title(way))
        for number, one in enumerate(way.sightings):
            if number:
                yield from (f"    | {harmless(line)}" for line in passed(way.passages[number - 1]))
            again = number and one.point == way.sightings[number - 1].point
            yield harmless(f"  {'then' if again else place(one):<14} {_ends(one)}{_opened(one.opening)}")
            yield from (f"  {'':<14} {harmless(line)}" for line in carried(one))
        yield f"  => {harmless(conclusion(way))}"
        yield ""


def title(way: Way) -> str:
    """The way in a few words: the probe or the request, or what it is instead."""
    request = next((one.head.request for one in way.sightings if one.head.request), None)
    if request is not None:
        return request
    return "a TLS connection" if any(one.head.carries is Carries.TLS for one in way.sightings) else "a connection"


def passed(passage: Passage) -> Iterator[str]:
    """What happened between two points, a line each."""
    yield {
        Between.SAME: "the same TCP connection: forwarded, its source as it was",
        Between.REWRITTEN: "the same TCP connection: its source was rewritten on the way",
        Between.NEW: "a new TCP connection: something between the two ended the one before",
        Between.UNKNOWN: "how it was forwarded is not known: its beginning was not captured at both points",
    }[passage.between]
    yield from (f"a PROXY header was put in front: {header(one)}" for one in passage.sent)
    yield from (f"a PROXY header was taken off: {header(one)}" for one in passage.taken)
    yield from (f"the request got {name}: {value}" for name, value in passage.fields)
    if passage.tls is not None:
        yield {"ended": "TLS was ended", "begun": "it was encrypted"}[passage.tls]


def carried(one: Connection) -> Iterator[str]:
    """What a connection began with, a line each."""
    head = one.head
    behind = {Carries.TLS: "before TLS", Carries.HTTP: "before HTTP in clear text"}.get(
        head.carries or Carries.OTHER, ""
    )
    for number, proxy in enumerate(head.proxies):
        sender = f"sent by {one.source}" if number == 0 else "behind it"
        yield f"{header(proxy)}, {sender}{f', {behind}' if behind else ''}"
    if head.broken is not None:
        yield f"a broken PROXY header: {head.broken}"
    yield from (f"{name}: {value}" for name, value in head.fields)
    if head.carries is Carries.TLS:
        yield "TLS: what is inside cannot be seen, and neither can a PROXY header in there"


def header(proxy: Header) -> str:
    """A PROXY header in words."""
    named = f"{proxy.source}:{proxy.source_port} > {proxy.destination}:{proxy.destination_port}"
    what = named if proxy.source is not None else "LOCAL" if proxy.command == "LOCAL" else "of nobody"
    extra = "; ".join(tlvs.told(kind, value) for kind, value in proxy.tlvs)
    return f"PROXY v{proxy.version} {what}{f' ({extra})' if extra else ''}"


def conclusion(way: Way) -> str:
    """Where the address that the first point saw gets lost, if it does."""
    first = way.sightings[0]
    if len(way.sightings) == 1:
        return f"seen at {place(first)} only: another capture would tell what became of it"
    lost = way.lost_after
    if lost is None:
        return f"{first.source} is told up to {_where(way, way.sightings[-1])}"
    before, after = way.sightings[lost], way.sightings[lost + 1]
    between = f"{_where(way, before)} and {_where(way, after)}"
    return f"{first.source} is lost between {between}, where {after.source} takes its place"


def _where(way: Way, one: Connection) -> str:
    """Where a connection of a way was seen; by the end that it leads to, where another was seen there before it."""
    if one is next(other for other in way.sightings if other.point == one.point):
        return place(one)
    return f"{_end(one.destination, one.destination_port)} (seen at {place(one)})"


def _ends(one: Connection) -> str:
    return f"{_end(one.source, one.source_port)} > {_end(one.destination, one.destination_port)}"


def _end(address: str, port: int) -> str:
    return f"{bracketed(address)}:{port}"


def _opened(opening: Opening | None) -> str:
    return f"   SYN with TTL {opening.ttl}" if opening is not None else "   its SYN was not captured"


SCHEMA = "kongip.capture/v1"


def document(ways: Sequence[Way], left_out: int) -> dict[str, Any]:
    """The ways as one JSON document. ``left_out`` is how many connections were more than can be kept."""
    return {"schema": SCHEMA, "ways": [_way(way) for way in ways], "left_out": left_out}


def _way(way: Way) -> dict[str, Any]:
    passages = [None, *way.passages]
    return {
        "title": title(way),
        "nonce": way.nonce,
        "conclusion": conclusion(way),
        "lost_after": way.lost_after,
        "sightings": [_sighting(one, passage) for one, passage in zip(way.sightings, passages, strict=True)],
    }


def _sighting(one: Connection, passage: Passage | None) -> dict[str, Any]:
    return {
        "capture": one.point.name,
        "layer": one.point.layer.value if one.point.layer is not None else None,
        "time": one.time,
        "source": one.source,
        "source_port": one.source_port,
        "destination": one.destination,
        "destination_port": one.destination_port,
        "syn": _syn(one.opening),
        "syn_ack": _syn(one.answer),
        "proxy_headers": [_header(proxy) for proxy in one.head.proxies],
        "broken_proxy_header": one.head.broken,
        "carries": one.head.carries.value if one.head.carries is not None else None,
        "headers": [list(line) for line in one.head.fields],
        "since_the_one_before": _passage(passage),
    }


def _syn(opening: Opening | None) -> dict[str, Any] | None:
    if opening is None:
        return None
    return {"sequence": opening.sequence, "ttl": opening.ttl, "window": opening.window, "ip_id": opening.ident}


def _header(proxy: Header) -> dict[str, Any]:
    return {
        "version": proxy.version,
        "command": proxy.command,
        "source": proxy.source,
        "source_port": proxy.source_port if proxy.source is not None else None,
        "destination": proxy.destination,
        "destination_port": proxy.destination_port if proxy.destination is not None else None,
        "tlvs": [{"type": kind, "value": value.hex(), "told": tlvs.told(kind, value)} for kind, value in proxy.tlvs],
    }


def _passage(passage: Passage | None) -> dict[str, Any] | None:
    if passage is None:
        return None
    return {
        "connection": passage.between.value,
        "proxy_headers_sent": [_header(one) for one in passage.sent],
        "proxy_headers_taken_off": [_header(one) for one in passage.taken],
        "headers": [list(line) for line in passage.fields],
        "tls": passage.tls,
    }
