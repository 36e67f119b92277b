"""On the wire: whether what captures show of a connection is what a world predicts."""

from __future__ import annotations

from collections.abc import Iterator

from diagnose.capture.sightings import Sighting
from diagnose.path import proxying
from diagnose.path.node import Node
from diagnose.path.proxying import FORWARDED_FOR
from diagnose.path.traffic import Layer, Traffic, parse_address
from diagnose.path.world import Prediction, World
from probes.claims import REAL_IP
from probes.wire import proxy_protocol


def agrees(world: World, prediction: Prediction, seen: frozenset[Sighting]) -> bool:
    """Whether every sighting is one of the connections that came, or went on, at its layer."""
    return all(_agrees(world, prediction, sighting) for sighting in seen)


def _agrees(world: World, prediction: Prediction, sighting: Sighting) -> bool:
    places = list(_places(world, sighting.layer))
    if not places:
        return True  # what was captured at a layer that this world has not says nothing of it
    return any(
        _same(prediction.arrivals[place], sighting, world)
        and not (sighting.same and any(hop.behaviour in proxying.EMITS for hop in world.hops[:place]))
        for place in places
        if place < len(prediction.arrivals)
    )


def _places(world: World, layer: Layer) -> Iterator[int]:
    """Where in the world's path a capture at ``layer`` may have been made: the numbers of arrivals.

    On a node packets may have come through another node before. What reaches Kong's pod may have a sidecar still to
    pass.
    """
    if layer is Layer.GATEWAY:
        yield len(world.hops)
        yield from (number for number, hop in enumerate(world.hops) if hop.behaviour is Node.SIDECAR)
        return
    own = [number for number, hop in enumerate(world.hops) if hop.layer is layer]
    yield from own
    if layer is Layer.NODE and own:
        yield from range(own[-1] + 1, len(world.hops) + 1)


def _same(arrived: Traffic, sighting: Sighting, world: World) -> bool:
    if arrived.source != sighting.source:
        return False
    if sighting.proxies is not None and _prefaces(arrived) != sighting.proxies:
        return False
    if sighting.forwarded is not None and _listed(arrived, FORWARDED_FOR) != sighting.forwarded:
        return False
    # Which hop writes X-Real-IP is only asked where Kong reads it.
    if sighting.real_ips is None or not world.settings.trusted_ips or world.settings.real_ip_header != REAL_IP:
        return True
    return _listed(arrived, REAL_IP)[:1] == sighting.real_ips[:1]  # of several Kong takes the first


def _prefaces(arrived: Traffic) -> tuple[tuple[int, object], ...]:
    parsed = (proxy_protocol.parse(preface)[0] for preface in arrived.preface)
    return tuple((one.version, parse_address(one.source) if one.source is not None else None) for one in parsed)


def _listed(arrived: Traffic, wanted: str) -> tuple[str, ...]:
    lines = (value for name, value in arrived.headers if name.lower() == wanted.lower())
    return tuple(element.strip() for line in lines for element in line.split(","))
