"""Faults: which hop of a world loses the caller's address, and what a world makes of it in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from diagnose.path.naming import addresses_in
from diagnose.path.node import Node
from diagnose.path.proxying import BELIEVES_PROXY, ENDS, HTTP, Answer, Proxying, Reads, source_of
from diagnose.path.realip import PROXY
from diagnose.path.settings import Settings
from diagnose.path.traffic import Address, Layer, Traffic, parse_address
from diagnose.path.world import Binding, Hop, Prediction, World, predict, sends_proxy
from diagnose.report.report import Verdict

MISMATCH = frozenset({"KIP206", "KIP401", "KIP402"})
"""Codes of a fault between two hops: either may be changed, and which one is the user's choice."""

Holds = Callable[[Address], bool]
"""Tells whether an address is one of the caller's."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A hop at fault: its layer, what it does, and the catalogue's code for it."""

    layer: Layer
    behaviour: str
    code: str


BELIEVER = Fault(Layer.GATEWAY, "believes_callers", "KIP503")
"""A Kong that takes an address from a header that callers write."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one world makes of the caller's address: the verdict, the culprits, and the forgeable channels."""

    verdict: Verdict
    culprits: tuple[Fault, ...]
    forgeable: tuple[str, ...] = ()


def judge(
    world: World,
    plain: Prediction,
    claims: Iterable[tuple[str, Traffic]],
    binding: Binding,
    holds: Holds,
    forged: Iterable[str] = (),
) -> Judgement:
    """The judgement on ``world`` when its hops answer as in ``binding``.

    ``plain`` is what it predicts of an ordinary connection; ``claims`` are (channel, connection) pairs, as they leave
    the caller's socket, each claiming through its channel the address that ``claimed_in`` finds in it; ``forged`` are
    the channels whose claim Kong was seen to believe.
    """
    conclusion = plain.conclusion
    passed = Answer.PASSED in plain.answers
    # What its headers say changes nothing about how far a connection gets.
    arriving = ((channel, traffic) for channel, traffic in claims if passed or traffic.preface)
    believed = (channel for channel, traffic in arriving if _forged(world, traffic, binding))
    forgeable = tuple(dict.fromkeys((*believed, *forged)))
    if not passed or conclusion is None:
        return Judgement(Verdict.UNREACHABLE, _ending(world, plain), forgeable)
    culprits = _losers(world, plain, holds)
    logged = parse_address(conclusion.address or "")
    if logged is None or not holds(logged):
        return Judgement(Verdict.LOST, culprits, forgeable)
    if forgeable:
        return Judgement(Verdict.SPOOFABLE, (_forgery(world, forgeable),), forgeable)
    return Judgement(Verdict.PRESERVED, ())


def _ending(world: World, prediction: Prediction) -> tuple[Fault, ...]:
    """The hop at which the connection ends; what an earlier one did to the address matters only once it is mended."""
    reached = len(prediction.arrivals) - 1
    if reached == len(world.hops):
        return _mismatch(world, prediction.arrivals[-1])
    hop = world.hops[reached]
    if hop.behaviour in ENDS or isinstance(hop.behaviour, Node):
        return (_fault(hop, "KIP302" if hop.layer is Layer.NODE else "KIP203"),)
    if believes_callers(world.hops, reached):
        return (_fault(hop, "KIP405"),)
    # It could not read what the hop before it sent: a PROXY header more, or one too few.
    code = "KIP402" if hop.manner.reads is not Reads.NOTHING else "KIP401"
    return tuple(_fault(one, code) for one in world.hops[max(reached - 1, 0) : reached + 1] if _proxies(one))


def _fault(hop: Hop, code: str) -> Fault:
    return Fault(hop.layer, hop.behaviour.value, code)


def _proxies(hop: Hop) -> bool:
    return isinstance(hop.behaviour, Proxying)


def _losers(world: World, prediction: Prediction, holds: Holds) -> tuple[Fault, ...]:
    """The first hop, in path order, that the caller's address enters and does not leave."""
    for hop, after in zip(world.hops, prediction.arrivals[1:], strict=True):
        if not carries(after, holds):
            return (_fault(hop, _code(hop)),)
    return _gateway(world, prediction, holds)


_NODES = {Node.MASQUERADES: "KIP301", Node.SERVICE_LB: "KIP304", Node.SIDECAR: "KIP303"}


def _code(hop: Hop) -> str:
    if isinstance(hop.behaviour, Node):
        return _NODES[hop.behaviour]
    if hop.layer is Layer.EGRESS:
        return "KIP102"
    if hop.manner.reads is Reads.PEER:
        return "KIP207"
    if hop.layer is Layer.EDGE:
        return "KIP205"
    return "KIP202" if hop.behaviour in HTTP else "KIP201"


def _gateway(world: World, prediction: Prediction, holds: Holds) -> tuple[Fault, ...]:
    conclusion, arrived = prediction.conclusion, prediction.arrivals[-1]
    logged = parse_address(conclusion.address or "") if conclusion is not None else None
    if logged is not None and holds(logged):
        return ()
    code = _misread(world.settings, arrived, holds)
    return (Fault(Layer.GATEWAY, _MISREADS[code], code),)


_MISREADS = {
    "KIP501": "trusts_nobody_on_the_way",
    "KIP502": "reads_another_header",
    "KIP504": "throws_proxy_address_away",
    "KIP505": "takes_another_element",
}


def _mismatch(world: World, arrived: Traffic) -> tuple[Fault, ...]:
    """Kong was reached and could not read what came: it and whoever sent it so disagree."""
    listener = world.listener
    senders = [hop for hop in world.hops if sends_proxy(hop)]
    if len(arrived.preface) > 1 and listener.proxy_protocol:
        return (_fault(senders[-1], "KIP406"),)
    if arrived.preface and not listener.proxy_protocol:
        return (_fault(senders[-1], "KIP401"), Fault(Layer.GATEWAY, "refuses_proxy_header", "KIP401"))
    if listener.proxy_protocol and not arrived.preface:
        code, does = "KIP402", "requires_proxy_header"
    elif arrived.tls is not listener.tls:
        code, does = "KIP206", "expects_tls" if listener.tls else "expects_clear_text"
    else:
        return (Fault(Layer.GATEWAY, "refuses", "KIP203"),)
    proxies = [hop for hop in world.hops if hop.layer is Layer.LOAD_BALANCER] or [*filter(_proxies, world.hops)]
    return (*(_fault(hop, code) for hop in proxies[-1:]), Fault(Layer.GATEWAY, does, code))


def _misread(settings: Settings, arrived: Traffic, holds: Holds) -> str:
    """How Kong came to another address although a channel that held the caller's reached it."""
    if _preface_holds(arrived, holds):
        return "KIP504"
    if not settings.trusts(arrived.source):
        return "KIP501"
    carrying = {name.lower() for name, value in arrived.headers if _value_holds(name, value, holds)}
    if carrying and settings.real_ip_header.lower() not in carrying:
        return "KIP502"
    return "KIP505"


def _forgery(world: World, forgeable: tuple[str, ...]) -> Fault:
    """Who believes callers: a proxy that takes a PROXY header from anyone, else Kong."""
    if any(not channel.startswith(PROXY) for channel in forgeable):
        return BELIEVER
    believer = next((hop for index, hop in enumerate(world.hops) if believes_callers(world.hops, index)), None)
    return _fault(believer, "KIP404") if believer else Fault(Layer.GATEWAY, "believes_callers", "KIP403")


def believes_callers(hops: Sequence[Hop], index: int) -> bool:
    """Whether the hop there is a proxy that reads PROXY headers which no proxy before it sends."""
    reads = hops[index].behaviour in BELIEVES_PROXY or hops[index].manner.reads is not Reads.NOTHING
    return reads and not any(map(sends_proxy, hops[:index]))


def _forged(world: World, traffic: Traffic, binding: Binding) -> bool:
    conclusion = predict(world, traffic, binding).conclusion
    if conclusion is None or conclusion.status != 200:
        return False
    logged = parse_address(conclusion.address or "")
    return logged is not None and logged in claimed_in(traffic)


def claimed_in(traffic: Traffic) -> frozenset[Address]:
    """The addresses that ``traffic``, as it leaves the caller's socket, claims in its preface and headers."""
    values = [part for _, value in traffic.headers for part in value.split(",")]
    values += [source for segment in traffic.preface if (source := source_of(segment)) is not None]
    return frozenset(filter(None, (parse_address(value.strip()) for value in values)))


def carries(traffic: Traffic, holds: Holds) -> bool:
    """Whether ``traffic`` bears the caller's address in any channel: TCP source, PROXY header, request header."""
    return (
        holds(traffic.source)
        or _preface_holds(traffic, holds)
        or any(_value_holds(name, value, holds) for name, value in traffic.headers)
    )


def _preface_holds(traffic: Traffic, holds: Holds) -> bool:
    sources = (source_of(segment) for segment in traffic.preface[:1])
    return any(address is not None and holds(address) for address in (parse_address(text or "") for text in sources))


def _value_holds(name: str, value: str, holds: Holds) -> bool:
    return any(address is not None and holds(address) for address in addresses_in(name, value))
