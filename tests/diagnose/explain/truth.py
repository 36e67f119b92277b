"""What is true of a simulated path, by definition: read from the hops of an ordinary connection, not from evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

from diagnose.path.proxying import Answer
from diagnose.path.traffic import Layer
from diagnose.report.report import Verdict
from tests.diagnose.explain.simulator import OF_HTTP, Played, Step, Way

PROXY_SENDERS = ("proxy1", "proxy2", "accepts", "requires")

_ORDER = tuple(Layer)
_FRONTS = frozenset({Layer.EDGE, Layer.LOAD_BALANCER})


@dataclass(frozen=True, slots=True)
class Truth:
    """What became of the caller's address. ``culprits`` are the layers at fault, of a mismatch both sides of it.

    ``mendable`` are those that may be called proven: besides the culprits, whoever of the hops before could have
    prevented a mismatch as well.
    """

    verdict: Verdict
    culprits: frozenset[Layer]
    mendable: frozenset[Layer]


def rightful(way: Way, told: Sequence[str] = ()) -> frozenset[str]:
    """The addresses or CIDRs that the caller may rightly appear as: the user's word, else what its network shows."""
    if told:
        return frozenset(told)
    if way.pool:
        return frozenset(way.pool)
    if way.egress is not None:
        return frozenset({way.egress})
    if way.company_proxy is not None and way.scheme == "https":
        return frozenset({way.company_proxy})
    return frozenset({way.socket})


def truth(way: Way, played: Sequence[Played], told: Sequence[str] = ()) -> Truth:
    """The worst that is true of the ordinary connections among ``played``."""
    own = rightful(way, told)
    plain = [one for one in played if _plain(one)]
    each = [_of_one(way, one, played, own) for one in plain]
    worst = min((one.verdict for one in each), key=tuple(Verdict).index)
    those = [one for one in each if one.verdict is worst]
    return Truth(
        worst,
        frozenset().union(*(one.culprits for one in those)),
        frozenset().union(*(one.mendable for one in those)),
    )


def _plain(one: Played) -> bool:
    return not one.probe.claims and one.probe.preamble == "none"


def _of_one(way: Way, plain: Played, played: Sequence[Played], own: frozenset[str]) -> Truth:
    if plain.seen.answer is not Answer.PASSED:
        culprits, others = _unreachable(way, plain)
        return Truth(Verdict.UNREACHABLE, culprits, culprits | others)
    if not _holds(own, str(plain.seen.logged)):
        at_fault = frozenset({_first_at_fault(plain.steps, own)})
        return Truth(Verdict.LOST, at_fault, at_fault)
    believers = {_believer(way, channel) for one in played for channel in _forged(one, own)}
    if believers:
        return Truth(Verdict.SPOOFABLE, frozenset(believers), frozenset(believers))
    return Truth(Verdict.PRESERVED, frozenset(), frozenset())


def _first_at_fault(steps: Sequence[Step], own: frozenset[str]) -> Layer:
    """The first hop that some channel brought the address to and that no channel left with it.

    Kong, the last, is at fault if the address came so far: it logged another.
    """
    for step in steps:
        if any(_holds(own, address) for address in step.came):
            left = step.left or frozenset()
            if not any(_holds(own, address) for address in left):
                return step.layer
    raise AssertionError(f"nobody had the caller's address {sorted(own)}: {steps}")


def _forged(one: Played, own: frozenset[str]) -> list[str]:
    """The channels of the claims that Kong took for the caller's address."""
    logged = str(one.seen.logged) if one.seen.answer is Answer.PASSED else ""
    return [claim.channel for claim in one.probe.claims if claim.address == logged and not _holds(own, logged)]


def _believer(way: Way, channel: str) -> Layer:
    """The layer that took a caller's word: the first that reads PROXY headers of anyone, else Kong."""
    if channel == "PROXY":
        for layer, kind in ((Layer.EDGE, way.edge), (Layer.LOAD_BALANCER, way.balancer)):
            if kind in ("accepts", "requires"):
                return layer
    return Layer.GATEWAY


def _unreachable(way: Way, plain: Played) -> tuple[frozenset[Layer], frozenset[Layer]]:
    """The layers at fault for an ordinary connection that ends early, and those that could have mended it too."""
    last = plain.steps[-1]
    kinds = _kinds(way)
    kind = kinds[len(plain.steps) - 1][1]
    if kind in ("drops", "refuses"):
        return frozenset({last.layer}), frozenset()
    before = frozenset(layer for layer, _ in kinds[: len(plain.steps) - 1]) & _FRONTS
    senders = [layer for layer, one in kinds[: len(plain.steps) - 1] if one in PROXY_SENDERS]
    if last.layer is not Layer.GATEWAY:
        # Either it wants a PROXY header, or it does not understand the one that a hop before it sent.
        sender = {senders[-1]} if senders and kind in OF_HTTP else set()
        return frozenset({last.layer, *sender}), before
    if way.flag and last.proxies_came > 1:
        return frozenset({senders[-1]}), before | {Layer.GATEWAY}
    if last.proxies_came and not way.flag:
        return frozenset({senders[-1], Layer.GATEWAY}), before
    return frozenset({Layer.LOAD_BALANCER, Layer.GATEWAY}), before


def _kinds(way: Way) -> list[tuple[Layer, str]]:
    """Every hop's kind, in path order."""
    hops: list[tuple[Layer, str | None]] = [(Layer.EGRESS, way.company_proxy)]
    hops += [(Layer.EGRESS, way.pool[0] if way.pool else way.egress)]
    hops += [(Layer.EDGE, way.edge), (Layer.LOAD_BALANCER, way.balancer), (Layer.LOAD_BALANCER, way.second)]
    hops += [(Layer.NODE, kind) for kind in (way.service_lb, way.node, way.sidecar)]
    return [*((layer, kind) for layer, kind in hops if kind is not None), (Layer.GATEWAY, "kong")]


def _holds(own: frozenset[str], address: str) -> bool:
    return address in own or any("/" in one and _within(address, one) for one in own)


@lru_cache(maxsize=4096)
def _within(address: str, network: str) -> bool:
    return ip_address(address) in ip_network(network)
