"""A world: one path with one behaviour for every hop, and what each witness would say of a probe in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from diagnose.path import egress, node, proxying
from diagnose.path.egress import Egress
from diagnose.path.gateway import Conclusion, receive
from diagnose.path.node import Node
from diagnose.path.proxying import PLAIN_MANNER, Answer, End, Manner, Proxying
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Address, Layer, Traffic

Behaviour = Egress | Proxying | Node


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop in front of the gateway; ``manner`` matters to those that proxy."""

    layer: Layer
    behaviour: Behaviour
    manner: Manner = PLAIN_MANNER


@dataclass(frozen=True, slots=True)
class World:
    """The hops in path order up to Kong's socket, and the Kong behind it. A layer may occur twice, or not at all."""

    hops: tuple[Hop, ...]
    settings: Settings
    listener: Listener


Binding = tuple[Address | None, ...]
"""The address that each hop answers from on one connection, None for a hop that has none of its own."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a world makes of one connection.

    ``arrivals`` is the traffic as it entered each hop and, if it came so far, the gateway. ``conclusion`` is the
    gateway's, None if it was not reached. ``answers`` are those that the caller may see.
    """

    arrivals: tuple[Traffic, ...]
    conclusion: Conclusion | None
    answers: frozenset[Answer]


def emits(hop: Hop) -> bool:
    """Whether the next hop sees an address of this one as the TCP source."""
    behaviour = hop.behaviour
    if isinstance(behaviour, Egress):
        return behaviour is not Egress.DIRECT
    return behaviour in (node.EMITS if isinstance(behaviour, Node) else proxying.EMITS)


def sends_proxy(hop: Hop) -> bool:
    """Whether a PROXY header of this hop's own goes before what the next one gets."""
    return hop.behaviour in proxying.SENDS_PROXY or hop.manner.prefaces


def predict(world: World, traffic: Traffic, binding: Binding) -> Prediction:
    """What becomes of ``traffic``, as the caller's socket sends it, in ``world``."""
    arrivals = [traffic]
    for index, hop in enumerate(world.hops):
        onward = _through(hop, traffic, binding[index])
        if isinstance(onward, End):
            return Prediction(tuple(arrivals), None, _answers(world, index, onward.answers))
        traffic = onward
        arrivals.append(traffic)
    conclusion = _received(world.settings, world.listener, traffic)
    return Prediction(tuple(arrivals), conclusion, _answers(world, len(world.hops), _answer(conclusion, traffic)))


def _through(hop: Hop, traffic: Traffic, own: Address | None) -> Traffic | End:
    behaviour = hop.behaviour
    if isinstance(behaviour, Egress):
        return egress.leave(behaviour, traffic, own)
    if isinstance(behaviour, Node):
        return node.pass_on(behaviour, traffic, own)
    return _proxied(behaviour, traffic, own, hop.manner)


# Thousands of worlds have their proxies in common, or bring the same to Kong.
_proxied = lru_cache(maxsize=4096)(proxying.pass_on)
_received = lru_cache(maxsize=16384)(receive)


def _answer(conclusion: Conclusion, traffic: Traffic) -> frozenset[Answer]:
    if conclusion.status == 400 and not traffic.tls:
        return frozenset({Answer.REJECTED})
    if conclusion.tls_failed or conclusion.status == 400:
        # A clear-text answer within a TLS handshake is a failed handshake to the client, whatever it says.
        return frozenset({Answer.TLS_FAILED, Answer.CLOSED})
    if conclusion.status is None:
        return frozenset({Answer.CLOSED, Answer.TLS_FAILED} if traffic.tls else {Answer.CLOSED})
    return frozenset({Answer.PASSED})


def _answers(world: World, reached: int, answers: frozenset[Answer]) -> frozenset[Answer]:
    for hop in reversed(world.hops[:reached]):
        if isinstance(hop.behaviour, Proxying):
            answers = proxying.answers_after(hop.behaviour, answers)
    return answers
