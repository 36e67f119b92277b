"""Remedies: changes to a world, each applied to every case that remains and predicted again before it is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from itertools import product

from diagnose.explain.bindings import Addresses
from diagnose.explain.explain import Case, holding
from diagnose.explain.faults import judge
from diagnose.owners import Kind, Network
from diagnose.path.node import Node
from diagnose.path.proxying import HTTP, SENDS_PROXY, Proxying
from diagnose.path.settings import Settings
from diagnose.path.traffic import Address, Layer, Traffic
from diagnose.path.world import Binding, Hop, World, predict
from diagnose.report.report import Remedy, RemedyStep, Verdict

FORWARDED_FOR = "X-Forwarded-For"
PROXY_PROTOCOL = "proxy_protocol"


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be set, and to what; None leaves it as it is.

    ``traffic_policy`` is the Service's externalTrafficPolicy, ``balancer`` what the balancer is to do, the rest are
    Kong's settings; ``proxy_protocol`` is the flag of the listener that the entry ends on.
    """

    traffic_policy: str | None = None
    balancer: Proxying | None = None
    proxy_protocol: bool | None = None
    real_ip_header: str | None = None
    real_ip_recursive: bool | None = None
    trusted_ips: tuple[str, ...] | None = None

    @property
    def size(self) -> int:
        """How many things it sets; a balancer's are counted twice, since they lie outside the cluster."""
        return sum(getattr(self, field.name) is not None for field in fields(self)) + (self.balancer is not None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a remedy is to be applied: the kubectl command with its context, and Kong's Service if there is one.

    ``proxy_listen`` is the text that Kong is told, None where it could not be read.
    """

    kubectl: str
    service: str | None
    proxy_listen: str | None = None


def find_remedy(
    cases: Sequence[Case],
    claims: Sequence[tuple[str, Traffic]],
    addresses: Addresses,
    place: Place,
    seen: frozenset[Address] = frozenset(),
) -> Remedy | None:
    """The smallest change that cures every case; else the one that cures most, as a first step; None if none does.

    ``seen`` are the addresses that a witness saw: where Kong's peers are among them, no others are to be trusted.
    """
    if all(case.judgement.verdict is Verdict.PRESERVED for case in cases):
        return None
    best: tuple[int, Change] | None = None
    for change in sorted(_changes(cases, addresses, place, seen), key=lambda one: one.size)[1:]:  # the first is none
        cured = sum(_cures(change, case, claims, addresses) for case in cases)
        if cured == len(cases):
            return _told(change, cases, addresses, place, sufficient=True)
        if cured and (best is None or cured > best[0]):
            best = cured, change
    return _told(best[1], cases, addresses, place, sufficient=False) if best else None


def _changes(cases: Sequence[Case], addresses: Addresses, place: Place, seen: frozenset[Address]) -> Iterator[Change]:
    masqueraded = any(hop.behaviour is Node.MASQUERADES for case in cases for hop in case.world.hops)
    policies = (None, "Local") if masqueraded and place.service else (None,)
    balancers = {hop.behaviour for case in cases for hop in case.world.hops if hop.layer is Layer.LOAD_BALANCER}
    offered: list[Proxying | None] = [None]
    if balancers & {Proxying.PROXIES}:
        offered.append(Proxying.SENDS_PROXY_V2)
    if balancers & SENDS_PROXY:
        offered.append(Proxying.PROXIES)
    if balancers & HTTP:
        offered.append(Proxying.HTTP_APPENDS_XFF)
    settings = cases[0].world.settings
    trusts = _trusts(cases, settings, addresses, seen)
    for policy, balancer, flag, header, recursive, trusted in product(
        policies, offered, (None, True, False), (None, FORWARDED_FOR, PROXY_PROTOCOL), (None, True), trusts
    ):
        if header == PROXY_PROTOCOL and flag is False:
            continue
        yield Change(policy, balancer, flag, header, recursive, trusted)


def _trusts(
    cases: Sequence[Case], settings: Settings, addresses: Addresses, seen: frozenset[Address]
) -> list[tuple[str, ...] | None]:
    """What trusted_ips may be set to: as it is, the balancer's side alone, that besides what is listed, nobody.

    Where none of Kong's peers was seen, those of the likeliest cases are the ones.
    """
    likeliest = [case for case in cases if case.rank == cases[0].rank]
    peers = {peer for case in cases if (peer := _peer(case)) in seen and peer is not None}
    peers = peers or {peer for case in likeliest if (peer := _peer(case)) is not None}
    ranges = collapse(net for peer in peers for net in smallest_ranges(peer, addresses))
    listed = tuple(text for text in settings.trusted_ips if text not in ("0.0.0.0/0", "::/0"))
    offered: list[tuple[str, ...] | None] = [None]
    if ranges:
        offered.append(tuple(dict.fromkeys((*listed, *ranges))))
        offered.append(ranges)
    if settings.trusted_ips:
        offered.append(())
    return list(dict.fromkeys(offered))


def _peer(case: Case) -> Address | None:
    """The TCP peer that Kong sees on the plain connection of ``case``, unless it is the caller itself."""
    prediction = predict(case.world, case.plain, case.binding)
    if len(prediction.arrivals) <= len(case.world.hops):
        return None
    peer = prediction.arrivals[-1].source
    return None if peer == case.plain.source else peer


def smallest_ranges(address: Address, addresses: Addresses) -> tuple[Network, ...]:
    """The smallest ranges that are sure to hold what answers in the place of ``address``.

    Nodes come and go: one node's address stands for all nodes'. A pod's stands for the pod network.
    """
    kinds = {owner.kind for owner in addresses.inventory.owners(address)}
    family = kinds & {Kind.NODE, Kind.POD_NETWORK, Kind.POD}
    if not family:
        return (ip_network(address),)
    return tuple(
        net for net, owner in addresses.inventory.ranges if owner.kind in family and net.version == address.version
    )


def collapse(networks: Iterator[Network]) -> tuple[str, ...]:
    """The fewest networks that cover the same addresses, as text; single addresses without a prefix length."""
    every = set(networks)
    merged: list[Network] = [
        *collapse_addresses(net for net in every if isinstance(net, IPv4Network)),
        *collapse_addresses(net for net in every if isinstance(net, IPv6Network)),
    ]
    return tuple(str(net.network_address) if net.num_addresses == 1 else str(net) for net in merged)


def _cures(change: Change, case: Case, claims: Sequence[tuple[str, Traffic]], addresses: Addresses) -> bool:
    changed = apply(change, case)
    if changed is None:
        return False
    world, binding = changed
    holds = holding(case.world, case.binding, case.plain.source, addresses)
    return judge(world, case.plain, claims, binding, holds).verdict is Verdict.PRESERVED


def apply(change: Change, case: Case) -> tuple[World, Binding] | None:
    """The world of ``case`` after ``change``, with its hops' addresses; None where such a hop cannot be told so."""
    hops, binding = list(case.world.hops), list(case.binding)
    for index, hop in enumerate(hops):
        if hop.layer is Layer.NODE and change.traffic_policy == "Local" and hop.behaviour is Node.MASQUERADES:
            hops[index], binding[index] = Hop(hop.layer, Node.KEEPS_SOURCE), None
        if hop.layer is Layer.LOAD_BALANCER and change.balancer is not None:
            if not isinstance(hop.behaviour, Proxying) or hop.behaviour not in _TELLABLE[change.balancer]:
                return None
            hops[index] = Hop(hop.layer, change.balancer)
    world, listener = case.world, case.world.listener
    if change.proxy_protocol is not None:
        listener = replace(listener, proxy_protocol=change.proxy_protocol)
    settings = replace(
        world.settings,
        real_ip_header=change.real_ip_header or world.settings.real_ip_header,
        real_ip_recursive=world.settings.real_ip_recursive or bool(change.real_ip_recursive),
        trusted_ips=world.settings.trusted_ips if change.trusted_ips is None else change.trusted_ips,
    )
    return World(tuple(hops), settings, listener), tuple(binding)


_TELLABLE = {
    Proxying.SENDS_PROXY_V2: frozenset({Proxying.PROXIES, *SENDS_PROXY}),
    Proxying.PROXIES: SENDS_PROXY,
    Proxying.HTTP_APPENDS_XFF: HTTP,
}
"""Which balancers can be told to do so: the kind of proxy stays what it is."""


def _of_nodes(trusted: str, addresses: Addresses) -> bool:
    owners = addresses.inventory.owners(ip_network(trusted, strict=False).network_address)
    return any(owner.kind is Kind.NODE for owner in owners)


def _told(change: Change, cases: Sequence[Case], addresses: Addresses, place: Place, *, sufficient: bool) -> Remedy:
    steps, effects, parts = [], [], []
    if change.balancer is not None:
        parts.append(_BALANCER[change.balancer][0])
        steps.append(RemedyStep("balancer", _BALANCER[change.balancer][1]))
    lines = _kong_lines(change, {case.world.listener.tls for case in cases}, place)
    if lines:
        parts.append("set Kong's " + ", ".join(line.split("=", 1)[0].removeprefix("KONG_").lower() for line in lines))
        steps.append(RemedyStep("kong", "\n".join(lines)))
        effects.append("Kong reads these settings only when it starts: its pods have to be rolled.")
    if change.traffic_policy is not None and place.service is not None:
        namespace, name = place.service.split("/", 1)
        patch = json.dumps({"spec": {"externalTrafficPolicy": change.traffic_policy}}, separators=(",", ":"))
        parts.append(f"set externalTrafficPolicy of Service {place.service} to {change.traffic_policy}")
        steps.append(
            RemedyStep(
                "kubectl",
                f"{place.kubectl} --namespace {namespace} patch service {name} --type merge --patch '{patch}'",
            )
        )
        effects.append(
            "Nodes without a ready Kong pod then drop what reaches them: the balancer must leave them out by the "
            "Service's healthCheckNodePort, and Kong should run on every node that takes traffic."
        )
    if change.proxy_protocol is not None or change.balancer in (Proxying.SENDS_PROXY_V2, Proxying.PROXIES):
        effects.append(
            "Balancer and Kong have to change together: while only one of them speaks the PROXY protocol, every "
            "connection fails. Switch in a maintenance window, or bring up a second Service and listener first."
        )
    if change.trusted_ips:
        effects.append("Whoever can connect to Kong from a trusted address can name any client address.")
        if any(_of_nodes(text, addresses) for text in change.trusted_ips):
            effects.append(
                "Among the trusted addresses are those of the nodes as they are now. Nodes that join later have "
                "others: trust the nodes' subnet instead, if nothing else lives in it."
            )
    summary = "; ".join(parts)
    return Remedy(summary[:1].upper() + summary[1:], sufficient, tuple(steps), tuple(effects))


_BALANCER = {
    Proxying.SENDS_PROXY_V2: (
        "let the balancer send the PROXY protocol",
        "Switch the PROXY protocol (version 2) on at the load balancer, for the ports that lead to Kong and not for "
        "health checks.\nHAProxy: add send-proxy-v2 to the server lines. nginx (stream): proxy_protocol on;",
    ),
    Proxying.PROXIES: (
        "stop the balancer from sending the PROXY protocol",
        "Switch the PROXY protocol off at the load balancer.\nHAProxy: remove send-proxy or send-proxy-v2 from the "
        "server lines. nginx (stream): proxy_protocol off;",
    ),
    Proxying.HTTP_APPENDS_XFF: (
        "let the balancer append the client's address to X-Forwarded-For",
        "Let the load balancer append its client's address to X-Forwarded-For.\nHAProxy: option forwardfor. nginx: "
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    ),
}


def _kong_lines(change: Change, tls: set[bool], place: Place) -> list[str]:
    lines = []
    if change.proxy_protocol is not None and place.proxy_listen is not None:
        text = place.proxy_listen
        for kind in tls:
            text = Settings(proxy_listen=text).with_proxy_protocol(kind, change.proxy_protocol)
        lines.append(f"KONG_PROXY_LISTEN={text}")
    elif change.proxy_protocol is not None:
        does = "added to" if change.proxy_protocol else "removed from"
        lines.append(f"KONG_PROXY_LISTEN=(as it is, with proxy_protocol {does} the entries that the balancer leads to)")
    if change.real_ip_header is not None:
        lines.append(f"KONG_REAL_IP_HEADER={change.real_ip_header}")
    if change.real_ip_recursive is not None:
        lines.append("KONG_REAL_IP_RECURSIVE=on")
    if change.trusted_ips is not None:
        lines.append("KONG_TRUSTED_IPS=" + ",".join(change.trusted_ips))
    return lines
