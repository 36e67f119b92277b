"""A change to a world: what is to be set, what the world is then, and in which order its parts are safe to apply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from itertools import permutations

from diagnose.explain.bindings import Addresses
from diagnose.explain.cases import Case, holding
from diagnose.explain.faults import Judgement, judge
from diagnose.path.node import Node
from diagnose.path.proxying import Proxying
from diagnose.path.settings import Listener
from diagnose.path.traffic import Layer, Traffic
from diagnose.path.world import Binding, Hop, World, emits, predict
from diagnose.remedies.balancers import Telling, told
from diagnose.report.report import Verdict

Claims = Sequence[tuple[str, Traffic]]
"""Pairs of a channel and a connection, as it leaves the caller's socket, that claims an address through it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be set, and to what; None leaves it as it is.

    ``traffic_policy`` is the Service's externalTrafficPolicy, ``balancer`` what proxies on the way are told, the rest
    are Kong's settings; ``plain_flag`` and ``tls_flag`` are proxy_protocol on its plain and on its TLS listeners.
    """

    traffic_policy: str | None = None
    balancer: Telling | None = None
    plain_flag: bool | None = None
    tls_flag: bool | None = None
    real_ip_header: str | None = None
    real_ip_recursive: bool | None = None
    trusted_ips: tuple[str, ...] | None = None

    @property
    def size(self) -> int:
        """How many things it sets; a balancer's are counted twice, since they lie outside the cluster."""
        return sum(getattr(self, field.name) is not None for field in fields(self)) + (self.balancer is not None)

    def flag(self, listener: Listener) -> bool:
        """Whether ``listener`` has the proxy_protocol flag after the change."""
        wanted = self.tls_flag if listener.tls else self.plain_flag
        return listener.proxy_protocol if wanted is None else wanted


class Part(StrEnum):
    """What is changed in one go: each is somebody's act at one place."""

    BALANCER = "balancer"
    KONG = "kong"
    SERVICE = "service"


_OF_PART = {
    Part.BALANCER: ("balancer",),
    Part.KONG: ("plain_flag", "tls_flag", "real_ip_header", "real_ip_recursive", "trusted_ips"),
    Part.SERVICE: ("traffic_policy",),
}


def apply(change: Change, case: Case) -> tuple[World, Binding]:
    """The world of ``case`` after ``change``, with its hops' addresses.

    Where no proxy in it can be told so, they stay as they are: Kong and the Service are what they are for all ways.
    """
    hops, binding = list(case.world.hops), list(case.binding)
    if change.balancer is not None:
        hops = told(hops, change.balancer) or hops
        binding = [
            None if hop.behaviour is Proxying.PASSES_THROUGH else at for hop, at in zip(hops, binding, strict=True)
        ]
    for index, hop in enumerate(hops):
        if change.traffic_policy == "Local" and hop.behaviour is Node.MASQUERADES and _is_kongs(hops, index):
            hops[index], binding[index] = Hop(Layer.NODE, Node.KEEPS_SOURCE), None
    world = case.world
    settings = replace(
        world.settings,
        real_ip_header=change.real_ip_header or world.settings.real_ip_header,
        real_ip_recursive=world.settings.real_ip_recursive or bool(change.real_ip_recursive),
        trusted_ips=world.settings.trusted_ips if change.trusted_ips is None else change.trusted_ips,
    )
    listener = replace(world.listener, proxy_protocol=change.flag(world.listener))
    return World(tuple(hops), settings, listener), tuple(binding)


def _is_kongs(hops: Sequence[Hop], index: int) -> bool:
    """Whether it is the last that rewrites, which Kong's own Service decides on."""
    return not any(emits(hop) for hop in hops[index + 1 :])


def after(change: Change, case: Case, claims: Claims, addresses: Addresses) -> Judgement:
    """The judgement on ``case`` once ``change`` is made."""
    world, binding = apply(change, case)
    holds = holding(case.world, case.binding, case.plain.source, addresses)
    return judge(world, predict(world, case.plain, binding), claims, binding, holds)


def parts_of(change: Change) -> list[Part]:
    """The parts of ``change`` in which something is set."""
    return [part for part, names in _OF_PART.items() if any(getattr(change, name) is not None for name in names)]


def safest_order(
    change: Change, cases: Sequence[Case], claims: Claims, addresses: Addresses
) -> tuple[tuple[Part, ...], Verdict | None]:
    """The order of the parts in which the least harm is done on the way, and the worst that some case then meets.

    None where no case is ever worse off than before: neither without an answer nor, newly, forgeable.
    """
    orders = list(permutations(parts_of(change)))
    harms = [_harm(change, order, cases, claims, addresses) for order in orders]
    badness = [_HARMS.index(harm) for harm in harms]
    best = badness.index(min(badness))
    return orders[best], harms[best]


_HARMS = (None, Verdict.SPOOFABLE, Verdict.UNREACHABLE)


def _harm(
    change: Change, order: Sequence[Part], cases: Sequence[Case], claims: Claims, addresses: Addresses
) -> Verdict | None:
    worst: Verdict | None = None
    for done in range(1, len(order)):
        halfway = _only(change, order[:done])
        for case in cases:
            judged, before = after(halfway, case, claims, addresses), case.judgement
            if judged.verdict is Verdict.UNREACHABLE and before.verdict is not Verdict.UNREACHABLE:
                return Verdict.UNREACHABLE
            if judged.forgeable and not before.forgeable:
                worst = Verdict.SPOOFABLE
    return worst


def _only(change: Change, parts: Sequence[Part]) -> Change:
    names = [name for part in parts for name in _OF_PART[part]]
    return Change(**{name: getattr(change, name) for name in names})
