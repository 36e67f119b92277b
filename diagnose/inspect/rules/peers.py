"""trusted_ips that cannot contain those who connect to Kong: the nodes, where nodes rewrite the source."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from diagnose.cluster.inventory import TUNNEL_ANNOTATIONS
from diagnose.cluster.objects import annotations_of, at, name_of
from diagnose.cluster.replies import Object
from diagnose.cluster.rights import CILIUM
from diagnose.inspect.found import Found
from diagnose.inspect.kongs import Kong
from diagnose.inspect.rules.balancers import names_groups
from diagnose.inspect.rules.fronts import recognised
from diagnose.inspect.rules.trust import WHOM_TO_TRUST, everyone_in, overlapping, trusted_networks
from diagnose.inspect.ways import Way
from diagnose.path.traffic import parse_address
from diagnose.path.trust import Network
from diagnose.providers.provider import Local


def nodes_not_trusted(way: Way) -> Iterator[Found]:
    """Under Cluster, Kong's peer is a node; one of which no address is trusted makes Kong disbelieve what it brings."""
    if not relies_on_nodes(way):
        return
    for kong in way.kongs:
        trusted = trusts_some(kong)
        if trusted is None:
            continue
        known = [(node, addresses_of(node)) for node in way.snapshot.of("nodes")]
        strangers = [
            f"Node {name_of(node)} status.addresses: {', '.join(str(one.network_address) for one in own[:3])}"
            for node, own in known
            if own and not any(overlapping(one, trusted) for one in own)
        ]
        if strangers:
            policy = at(way.service, "spec", "externalTrafficPolicy")
            told = way.field("externalTrafficPolicy") if policy else f"{way.name} has Cluster, the default"
            because = (kong.told("KONG_TRUSTED_IPS", ""), told, *strangers[:5])
            yield Found("KIP719", because, "trust the nodes' subnet as well", (WHOM_TO_TRUST,))


ON_THE_NODE = ("hcloud://", "hrobot://", "digitalocean://")
"""How providerIDs begin where a node's ExternalIP is an address of its own interface, and not translated before it."""


def external_address_not_trusted(way: Way) -> Iterator[Found]:
    """Nodes that are trusted by their InternalIP alone, and can appear by their ExternalIP as well."""
    if not relies_on_nodes(way):
        return
    for kong in way.kongs:
        trusted = trusts_some(kong)
        if trusted is None or kong.header_told() is None:
            continue
        outside = [
            f"Node {name_of(node)} status.addresses: ExternalIP {one.network_address}, which trusted_ips do not hold"
            for node in way.snapshot.of("nodes")
            if str(at(node, "spec", "providerID") or "").startswith(ON_THE_NODE)
            and any(overlapping(one, trusted) for one in _addresses(node, "InternalIP"))
            for one in _addresses(node, "ExternalIP")
            if not overlapping(one, trusted)
        ]
        if outside:
            why = "what a node delivers to a pod of its own can have that address; then Kong logs the node"
            because = (kong.told("KONG_TRUSTED_IPS", ""), *outside[:5], why)
            yield Found("KIP742", because, "trust the nodes' ExternalIPs as well", (WHOM_TO_TRUST,))


def _addresses(node: Object, kind: str) -> list[Network]:
    """A node's addresses of one kind."""
    told = [one for one in at(node, "status", "addresses") or () if one.get("type") == kind]
    return [ip_network(text) for one in told if parse_address(text := str(one.get("address")))]


def relies_on_nodes(way: Way) -> bool:
    """Whether callers come to Kong by way of nodes that rewrite the source, as far as objects tell."""
    if at(way.service, "spec", "type") not in ("LoadBalancer", "NodePort") or way.policy != "Cluster":
        return False
    if way.fronts:
        return False  # a balancer of another sort is in front, which may send to pods
    modes = [match.mode for match in recognised(way)]
    if names_groups(way) or any(mode.node or mode.local is Local.UNKNOWN for mode in modes):
        return False  # the balancer leads to pods, or may
    # Cilium can bring packets to the pod with their source as it was, by a setting of its own.
    return not any(name_of(one) == CILIUM for one in way.snapshot.of("configmaps"))


def trusts_some(kong: Kong) -> list[Network] | None:
    """The networks that Kong trusts; None where it trusts nobody or all of a family, or that is not known."""
    trusted_ips = (kong.settings.trusted_ips if kong.settings else None) or ()
    if not trusted_ips or kong.trust_beside() or everyone_in(trusted_ips) or at(kong.template, "spec", "hostNetwork"):
        return None
    return trusted_networks(trusted_ips)


def addresses_of(node: Object) -> list[Network]:
    """What a node may appear as: its addresses, and the network of its pods, which its tunnel and bridge are in."""
    told = [str(one.get("address")) for one in at(node, "status", "addresses") or ()]
    tunnels = [str(annotations_of(node).get(key) or "").partition("/")[0] for key in TUNNEL_ANNOTATIONS]
    found: list[Network] = [ip_network(text) for text in (*told, *tunnels) if parse_address(text)]
    if not found:
        return []
    pods = at(node, "spec", "podCIDRs") or [at(node, "spec", "podCIDR")]
    return [*found, *(network for text in pods if (network := _network(text)))]


def _network(text: object) -> Network | None:
    try:
        return ip_network(str(text), strict=False)
    except ValueError:
        return None
