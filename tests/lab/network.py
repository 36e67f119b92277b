r"""The proving ground's network: client, edge, balancer, two nodes and Kong's pod, each a network namespace of its own.

    client --- router --- edge        198.51.100.9    192.0.2.50
                 |  \---- balancer    10.1.0.4, and the published 203.0.113.80
                 |---- node-a         10.2.0.11
                 |---- node-b --- pod 10.2.0.12       10.3.2.1 (bridge), 10.3.2.5
                           \---- neighbour            another pod, 10.3.3.5

Everything has an IPv6 address besides. Traffic never leaves these namespaces.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import count
from pathlib import Path

FAMILIES = (4, 6)
CLIENT = {4: "198.51.100.9", 6: "2001:db8:c::9"}
OFFICE = {4: "198.51.100.1", 6: "2001:db8:c::1"}
"""The router's own address towards the client, which it takes when it hides the client's."""

OFFICES = ("open", "hides", "pool")
"""What the caller's own network does to its address: nothing, hide it behind one address, or behind several."""

EDGE = {4: "192.0.2.50", 6: "2001:db8:e::50"}
BALANCER = {4: "10.1.0.4", 6: "fd00:1::4"}
PUBLISHED = {4: "203.0.113.80", 6: "2001:db8:80::80"}
NODES = {"node-a": {4: "10.2.0.11", 6: "fd00:2::11"}, "node-b": {4: "10.2.0.12", 6: "fd00:2::12"}}
BRIDGE = {4: "10.3.2.1", 6: "fd00:3:2::1"}
POD = {4: "10.3.2.5", 6: "fd00:3:2::5"}
NEIGHBOUR = {4: "10.3.3.5", 6: "fd00:3:3::5"}
POOLS = {
    "router": {4: "198.51.100.100", 6: "2001:db8:c::100"},
    "balancer": {4: "10.1.0.100", 6: "fd00:1::100"},
    "node-b": {4: "10.2.0.100", 6: "fd00:2::100"},
}
"""The first of the further addresses of a place, from which it may make connections."""

POOL_SIZE = 4

WIDTH = {4: 24, 6: 64}
SEGMENTS = {"client": CLIENT, "edge": EDGE, "balancer": BALANCER, "node-a": NODES["node-a"], "node-b": NODES["node-b"]}
PLACES = ("router", *SEGMENTS, "pod", "neighbour")
CALLERS = ("client", "neighbour", "pod")
"""Where kongip may run: outside, in another pod of the cluster, or in Kong's own."""
PORTS = {80: 8000, 443: 8443}
"""Kong's listeners behind the published ports."""

NODE_PORTS = {80: 30080, 443: 30443}

NAMED = Path("/run/netns")
_OWN_NAME = re.compile(r"kl(?P<pid>[0-9]+)-")
_numbers = count()


def why_not() -> str | None:
    """Say why this machine cannot have such a network, or None where it can."""
    missing = [name for name in ("ip", "iptables", "ip6tables", "nsenter") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} missing (Debian: iproute2, iptables, util-linux)"
    if os.geteuid() != 0:
        return "not root: network namespaces need it"
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "this machine does not let root make network namespaces"


@dataclass(frozen=True, slots=True)
class Network:
    """One such network; ``prefix`` is what its namespaces' names begin with."""

    prefix: str

    def inside(self, place: str) -> list[str]:
        """The words that run a command at a place."""
        return ["nsenter", f"--net={NAMED / self.prefix}{place}", "--"]

    def run(self, place: str, *words: str, text: str | None = None) -> str:
        """Run a command at a place, and return what it prints."""
        return subprocess.run(
            [*self.inside(place), *words], input=text, text=True, check=True, capture_output=True
        ).stdout

    def route(self, proxied: bool, ways: Mapping[int, str]) -> None:
        """Lead the published addresses to the balancer, or past it to the node of each family."""
        for family in FAMILIES:
            target = BALANCER[family] if proxied else NODES[ways[family]][family]
            self.run("router", "ip", f"-{family}", "route", "replace", PUBLISHED[family], "via", target)

    def translate(self, behaviours: Mapping[int, str], office: str) -> None:
        """Have the nodes lead to Kong's pod, and rewrite the source as told for each family."""
        for family in FAMILIES:
            tool = {4: "iptables-restore", 6: "ip6tables-restore"}[family]
            for node in NODES:
                self.run(node, tool, text=_rules(node, family, behaviours[family]))
            leaving = f"-A POSTROUTING -s {CLIENT[family]} ! -d {OFFICE[family]}"
            by = {"open": (), "hides": (OFFICE[family],), "pool": pool("router", family)}[office]
            self.run("router", tool, text=table(_in_turn(leaving, by)))


WAYS = {
    "keeps": "node-b",
    "same-node": "node-b",
    "other-node": "node-a",
    "pool": "node-b",
    "drops": "node-a",
    "refuses": "node-a",
    "foreign": "node-b",
    "foreign-elsewhere": "node-b",
}
"""What nodes may do to the source, and on which of them connections come in: Kong's pod runs on node-b.

``foreign``: a rule of somebody else's masquerades one range of sources, the client's; ``foreign-elsewhere``: another
range. ``drops`` and ``refuses`` are a node without a Kong pod under policy Local, and a Service without endpoints.
"""


def pool(place: str, family: int) -> tuple[str, ...]:
    """The further addresses of a place."""
    first = ip_address(POOLS[place][family])
    return tuple(str(first + number) for number in range(POOL_SIZE))


def _in_turn(matching: str, addresses: Sequence[str]) -> list[str]:
    """Rules that give each connection the next of these addresses: a range alone gives one caller always the same."""
    return [
        f"{matching} -m statistic --mode nth --every {left} --packet 0 -j SNAT --to-source {address}"
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True)
    ]


def _rules(node: str, family: int, behaviour: str) -> str:
    if behaviour in _ENDS:
        return table((), (f"-A FORWARD -d {PUBLISHED[family]} -p tcp -j {_ENDS[behaviour]}",))
    rules = []
    for port, listener in PORTS.items():
        pod = f"[{POD[family]}]:{listener}" if family == 6 else f"{POD[family]}:{listener}"
        for address, number in ((PUBLISHED[family], port), (NODES[node][family], NODE_PORTS[port])):
            reached = f"-A PREROUTING -d {address} -p tcp --dport {number} -j"
            # As kube-proxy has it: only the node that a connection comes in by rewrites its source.
            rules += [f"{reached} MARK --or-mark 0x4000", f"{reached} DNAT --to-destination {pod}"]
    marked = "-A POSTROUTING -m mark --mark 0x4000/0x4000 -p tcp"
    # Nor could a pod's connection to itself be answered, which kube-proxy therefore masquerades under any policy.
    rules.append(f"{marked} -s {POD[family]} -d {POD[family]} -j MASQUERADE")
    if behaviour == "pool":
        rules += _in_turn(marked, pool(node, family)) if node in POOLS else [f"{marked} -j MASQUERADE"]
    elif behaviour in _FOREIGN:
        rules.append(f"-A POSTROUTING -s {_FOREIGN[behaviour][family]} -j MASQUERADE")
    elif behaviour != "keeps":
        rules.append(f"{marked} -j MASQUERADE")
    return table(rules)


_ENDS = {"drops": "DROP", "refuses": "REJECT --reject-with tcp-reset"}
_FOREIGN = {
    "foreign": {4: "198.51.100.0/24", 6: "2001:db8:c::/64"},
    "foreign-elsewhere": {4: "172.17.0.0/16", 6: "fd00:17::/64"},
}


def table(rules: Iterable[str], filters: Iterable[str] = ()) -> str:
    """The rules of a nat table, and of a filter table, as iptables-restore reads them."""
    return "\n".join(("*nat", *rules, "COMMIT", "*filter", *filters, "COMMIT", ""))


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """A network of its own, removed in the end; those of runs that were killed are removed before."""
    for name in os.listdir(NAMED) if NAMED.is_dir() else ():
        left = _OWN_NAME.match(name)
        if left and not Path(f"/proc/{left['pid']}").exists():
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
    made = Network(f"kl{os.getpid()}-{next(_numbers)}-")
    try:
        for place in PLACES:
            subprocess.run(["ip", "netns", "add", made.prefix + place], check=True)
        for words in _cables(made):
            subprocess.run(["ip", *words], check=True)
        for place in PLACES:
            made.run(place, "sysctl", "-qw", *_FORWARDING)
        yield made
    finally:
        for place in PLACES:
            subprocess.run(["ip", "netns", "delete", made.prefix + place], check=False, capture_output=True)


_FORWARDING = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
)


def _cables(made: Network) -> Iterator[Sequence[str]]:
    """The cables, addresses and routes, as words of ip."""
    for place in PLACES:
        yield "-n", made.prefix + place, "link", "set", "lo", "up"
    bridged = {"node-a": "nodes", "node-b": "nodes"}
    for bridge in ("nodes",):
        # It never learns: each node hears what is for the other one, as it does until a switch has learned.
        told = ("type", "bridge", "mcast_snooping", "0", "ageing_time", "0")
        yield "-n", f"{made.prefix}router", "link", "add", bridge, *told
        yield "-n", f"{made.prefix}router", "link", "set", bridge, "up"
    for place, addresses in SEGMENTS.items():
        yield from _cable(made, "router", place, place, "eth0")
        if place in bridged:
            yield "-n", f"{made.prefix}router", "link", "set", place, "master", bridged[place]
        device = bridged.get(place, place)
        for family in FAMILIES:
            if place != "node-b":
                yield from _address(made, "router", device, _first(addresses[family]), family)
            yield from _address(made, place, "eth0", addresses[family], family)
            yield from _default(made, place, _first(addresses[family]), family)
    for pod, device, addresses in (("pod", "pod0", POD), ("neighbour", "pod1", NEIGHBOUR)):
        yield from _cable(made, "node-b", device, pod, "eth0")
        for family in FAMILIES:
            bridge = _first(addresses[family])
            yield from _address(made, "node-b", device, bridge, family)
            yield from _address(made, pod, "eth0", addresses[family], family)
            yield from _default(made, pod, bridge, family)
            pods = f"{_net(addresses[family])}/{WIDTH[family]}"
            for place in ("node-a", "router"):
                yield from _default(made, place, NODES["node-b"][family], family, pods)
    for family in FAMILIES:
        yield from _address(made, "balancer", "lo", PUBLISHED[family], family, {4: 32, 6: 128}[family])
        for place, device in (("router", "client"), ("balancer", "eth0"), ("node-b", "eth0")):
            for one in pool(place, family):
                # Deprecated, so that the kernel speaks for itself from the place's own address: of IPv6 addresses it
                # would take the newest.
                for words in _address(made, place, device, one, family):
                    yield [*words, *(("preferred_lft", "0") if family == 6 else ())]


def _cable(made: Network, place: str, device: str, other: str, there: str) -> Iterator[Sequence[str]]:
    ends = ("type", "veth", "peer", "name", there, "netns", made.prefix + other)
    yield "link", "add", device, "netns", made.prefix + place, *ends
    yield "-n", made.prefix + place, "link", "set", device, "up"
    yield "-n", made.prefix + other, "link", "set", there, "up"


def _address(
    made: Network, place: str, device: str, address: str, family: int, width: int | None = None
) -> Iterator[Sequence[str]]:
    whole = f"{address}/{WIDTH[family] if width is None else width}"
    tentative = ("nodad",) if family == 6 else ()
    yield f"-{family}", "-n", made.prefix + place, "address", "add", whole, "dev", device, *tentative


def _default(made: Network, place: str, via: str, family: int, target: str = "default") -> Iterator[Sequence[str]]:
    yield f"-{family}", "-n", made.prefix + place, "route", "add", target, "via", via


def _first(address: str) -> str:
    """The first address of the segment: the router's."""
    return f"{_net(address)}1" if ":" in address else f"{address.rpartition('.')[0]}.1"


def _net(address: str) -> str:
    return f"{address.rpartition(':')[0]}:" if ":" in address else f"{address.rpartition('.')[0]}.0"
