"""Entries at nodes: the node ports of Kong's Service, and the ports of the node that Kong's pods have for themselves.

Callers are taken to come that way only where no other way in is known: node ports behind a balancer are none of theirs.
Sources: Kubernetes, "Service" (type NodePort), "Using Source IP" (externalTrafficPolicy), ContainerPort.hostPort.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, zip_longest

from diagnose.cluster.entries import Entries
from diagnose.cluster.objects import at, condition_of, full_name, name_of
from diagnose.cluster.pods import KongPod
from diagnose.cluster.ports import WebPort
from diagnose.cluster.replies import Object
from diagnose.owners import Inventory, Kind, Owner
from diagnose.path.proxying import Proxying
from diagnose.path.traffic import Layer, parse_address
from diagnose.site import Entry, EntryKind, Fact, Gap

_NOTHING = frozenset({Proxying.PASSES_THROUGH.value})

MOST_NODES = 8
"""Nodes that are probed: what a node does shows in a few of them."""

TOO_MANY = f"no more than {MOST_NODES} nodes are probed"

FAMILIES = {"IPv4": 4, "IPv6": 6}
EVERYWHERE = frozenset({None, "", "0.0.0.0", "::"})


def node_entries(
    service: Object,
    nodes: Sequence[Object],
    pods: Sequence[KongPod],
    ports: Sequence[WebPort],
    host: str | None,
    others: Sequence[Entry],
) -> Entries:
    """The entries at nodes, none where ``others`` lead to Kong already, nor for a balancer that is merely pending."""
    kind = at(service, "spec", "type") or "ClusterIP"
    if kind == "NodePort":
        found = node_port_entries(service, nodes, pods, ports, host)
    elif kind == "ClusterIP":
        found = host_port_entries(nodes, pods, ports, host)
    else:
        return Entries(())
    if not others or not found.entries:
        return found
    ways = ", ".join(dict.fromkeys(entry.name for entry in others))
    what = f"the ports of nodes that lead to Service {full_name(service)}"
    return Entries((), (Gap(what, f"callers are taken to come another way: {ways}"),))


def named_at_nodes(named: Entries, ports: Sequence[WebPort], inventory: Inventory) -> Entries:
    """``named`` entries, and what it tells of those whose addresses are all nodes' own.

    No edge stands before a node. kube-proxy answers at a node port of Kong's Service before any process could, so that
    nothing is before it at all; at another port anything may answer.
    """
    node_ports = {port.node_port: port.listener for port in ports if port.node_port}
    entries: list[Entry] = []
    facts: list[Fact] = []
    for url in dict.fromkeys(entry.name for entry in named.entries):
        one_url = [entry for entry in named.entries if entry.name == url]
        owner = _of_nodes(one_url, inventory)
        port = one_url[0].port
        if owner is not None:
            facts.append(Fact(Layer.EDGE, _NOTHING, f"{url} is at {owner.name} ({owner.source})", True, url))
        if owner is not None and port in node_ports:
            one_url = [replace(entry, listener=node_ports[port]) for entry in one_url]
            told = f"{port} is a node port of Kong's Service, and {url} is at {owner.name} ({owner.source})"
            facts.append(Fact(Layer.LOAD_BALANCER, _NOTHING, told, True, url))
        entries += one_url
    return replace(named, entries=tuple(entries), facts=(*named.facts, *facts))


def _of_nodes(entries: Sequence[Entry], inventory: Inventory) -> Owner | None:
    """The owner of the first entry's address, where each one's is a node's; None where one is not."""
    addresses = [one for entry in entries if (one := parse_address(entry.address)) is not None]
    owners = [[owner for owner in inventory.owners(one) if owner.kind is Kind.NODE] for one in addresses]
    return owners[0][0] if owners and all(owners) else None


def node_port_entries(
    service: Object, nodes: Sequence[Object], pods: Sequence[KongPod], ports: Sequence[WebPort], host: str | None
) -> Entries:
    """Every node port at the addresses of Ready nodes, of such with and without a pod of Kong's.

    With externalTrafficPolicy: Local a node leads to its own pods alone, and nowhere without one.
    """
    name, local = f"Service {full_name(service)}", at(service, "spec", "externalTrafficPolicy") == "Local"
    kongs = [pod.kong for pod in pods if pod.kong.ready]
    homes = {kong.node for kong in kongs}
    ready = [node for node in nodes if condition_of(node, "Ready").get("status") == "True"]
    there = [node for node in ready if name_of(node) in homes]
    elsewhere = [node for node in ready if name_of(node) not in homes]
    gaps: list[Gap] = []
    if local and pods and elsewhere:
        why = "no Ready pod of Kong's is there, and with externalTrafficPolicy: Local they lead to no other"
        gaps.append(Gap(f"{name} at {listed(elsewhere)}", why))
        elsewhere = []
    alternating = [node for node in chain(*zip_longest(there, elsewhere)) if node is not None]
    chosen, left = alternating[:MOST_NODES], alternating[MOST_NODES:]
    if left:
        gaps.append(Gap(f"{name} at {listed(left)}", TOO_MANY))
    families = {FAMILIES.get(family) for family in at(service, "spec", "ipFamilies") or FAMILIES}
    entries = [
        Entry(
            EntryKind.NODE,
            f"{name} at node {name_of(node)}",
            address,
            port.node_port,
            port.scheme,
            host,
            port.listener,
            kongs=tuple(kong.name for kong in kongs if kong.node == name_of(node)) if local and kongs else None,
        )
        for node in chosen
        for address in addresses_of(node)
        for port in ports
        if port.node_port is not None and (parsed := parse_address(address)) and parsed.version in families
    ]
    return Entries(tuple(entries), tuple(gaps))


def host_port_entries(
    nodes: Sequence[Object], pods: Sequence[KongPod], ports: Sequence[WebPort], host: str | None
) -> Entries:
    """The ports of its node that each Ready pod of Kong's has, by hostNetwork or by hostPort."""
    known = {name_of(node): addresses_of(node) for node in nodes}
    ways = [(pod, places) for pod in pods if pod.kong.ready and (places := [*places_of(pod, ports, known)])]
    entries: list[Entry] = []
    facts: list[Fact] = []
    for pod, places in ways[:MOST_NODES]:
        name = f"pod {pod.kong.name} at node {pod.kong.node}"
        how = "spec.hostNetwork" if at(pod.pod, "spec", "hostNetwork") else "hostPort"
        # A port of the node's own keeps the source, and so does the destination NAT that a hostPort is.
        facts.append(Fact(Layer.NODE, frozenset({"keeps_source"}), f"pod {pod.kong.name} {how}", entry=name))
        entries += [
            Entry(EntryKind.NODE, name, address, number, port.scheme, host, port.listener, kongs=(pod.kong.name,))
            for address, number, port in places
        ]
    left = ", ".join(pod.kong.name for pod, _ in ways[MOST_NODES:])
    gaps = (Gap(f"pods {left} at their nodes", TOO_MANY),) if left else ()
    return Entries(tuple(entries), gaps, tuple(facts))


def places_of(
    pod: KongPod, ports: Sequence[WebPort], known: dict[str, tuple[str, ...]]
) -> Iterator[tuple[str, int, WebPort]]:
    """Address, port and what is spoken there, of each port of its node that leads to a pod."""
    spec, own = at(pod.pod, "spec") or {}, str(at(pod.pod, "status", "hostIP") or "")
    addresses = known.get(str(pod.kong.node)) or ((own,) if parse_address(own) else ())
    for port in ports:
        if spec.get("hostNetwork"):
            yield from ((address, port.listener, port) for address in addresses if port.listener is not None)
            continue
        for declared in (one for container in spec.get("containers") or () for one in container.get("ports") or ()):
            if declared.get("containerPort") == port.listener and declared.get("hostPort"):
                bound = declared.get("hostIP")
                there = addresses if bound in EVERYWHERE else (str(bound),)
                yield from ((address, int(declared["hostPort"]), port) for address in there if not is_loopback(address))


def addresses_of(node: Object) -> tuple[str, ...]:
    """The addresses that callers may know a node by: the external ones, else the internal ones."""
    told = [(one.get("type"), str(one.get("address"))) for one in at(node, "status", "addresses") or ()]
    for kind in ("ExternalIP", "InternalIP"):
        if found := tuple(address for word, address in told if word == kind and parse_address(address)):
            return found
    return ()


def is_loopback(text: str) -> bool:
    """Whether an address is reached from its own machine alone."""
    address = parse_address(text)
    return address is None or address.is_loopback


def listed(nodes: Sequence[Object]) -> str:
    """Some nodes as people list them: the first few by name."""
    names = [name_of(node) for node in nodes]
    more = f" and {len(names) - MOST_NODES} more" if len(names) > MOST_NODES else ""
    return f"node{'s' if len(names) > 1 else ''} {', '.join(names[:MOST_NODES])}{more}"
