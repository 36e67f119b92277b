"""The inventory of address owners, as the cluster's own objects and the user tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network

from diagnose.cluster.entries import Resolve
from diagnose.cluster.fronts import Front, published_by
from diagnose.cluster.objects import annotations_of, at, full_name, name_of
from diagnose.cluster.replies import Object
from diagnose.owners import LOOPBACK, Inventory, Kind, Network, Owned, Owner, user_owned
from diagnose.path.traffic import parse_address
from diagnose.providers.provider import Provider

TUNNEL_ANNOTATIONS = (
    "projectcalico.org/IPv4Address",
    "projectcalico.org/IPv4IPIPTunnelAddr",
    "projectcalico.org/IPv4VXLANTunnelAddr",
    "projectcalico.org/IPv6Address",
    "projectcalico.org/IPv6VXLANTunnelAddr",
    "flannel.alpha.coreos.com/public-ip",
    "network.cilium.io/ipv4-cilium-host",
    "network.cilium.io/ipv6-cilium-host",
    "io.cilium.network.ipv4-cilium-host",
    "io.cilium.network.ipv6-cilium-host",
)
"""Where network plug-ins write the addresses that a node's tunnel or bridge has."""

SERVICE_LB_LABEL = "svccontroller.k3s.cattle.io/svcname"

WIDEST_SERVICE_RANGE = {4: 12, 6: 108}
"""An API server takes no wider range of ClusterIPs; a wider one here would be two ranges mistaken for one."""


def read_inventory(
    nodes: Iterable[Object],
    pods: Iterable[Object],
    services: Sequence[Object],
    proxy: Object,
    fronts: Iterable[Front],
    words: Iterable[tuple[str, str]],
    lookup: Resolve,
    providers: Iterable[Provider] = (),
    *,
    pods_listed: bool = False,
) -> Inventory:
    """Who owns what, from Nodes, pods, Services, Kong's ``proxy`` Service and its fronts, and ``--owner`` words.

    ``providers`` are those of load balancers and edges, whose published ranges are theirs.
    ``pods_listed`` tells whether ``pods`` are all of the cluster.
    """
    owned = [*LOOPBACK]
    for node in nodes:
        owned.extend(node_owned(node))
    for pod in pods:
        owned.extend(pod_owned(pod))
    owned.extend(service_ranges(services))
    owned.extend(balancer_owned(proxy, fronts, lookup))
    owned.extend(one for provider in providers for one in provider_owned(provider))
    owned.extend(user_owned(cidr, layer) for cidr, layer in words)
    return Inventory.of(dict.fromkeys(owned), pods_listed=pods_listed)


def node_owned(node: Object) -> Iterator[Owned]:
    """What a node is known by: its addresses, those of its tunnels and bridge, and the network of its pods."""
    name = name_of(node)
    for entry in at(node, "status", "addresses") or ():
        kind, address = entry.get("type"), str(entry.get("address"))
        if kind in ("InternalIP", "ExternalIP") and parse_address(address):
            yield address, Owner(Kind.NODE, f"node {name}", f"Node {name} status.addresses {kind}")
    for key in TUNNEL_ANNOTATIONS:
        address = annotations_of(node).get(key, "").partition("/")[0]
        if parse_address(address):
            yield address, Owner(Kind.NODE, f"node {name}'s tunnel", f"Node {name} annotation {key}")
    single = at(node, "spec", "podCIDR")
    for text in at(node, "spec", "podCIDRs") or ([single] if single else []):
        source = f"Node {name} spec.podCIDR {text}"
        network = ip_network(text, strict=False)
        yield text, Owner(Kind.POD_NETWORK, f"pod network of node {name}", source)
        # A tunnel takes the network's own address (flannel, Calico), the bridge the first one after it.
        for bridge in (network.network_address, network.network_address + 1):
            yield str(bridge), Owner(Kind.NODE, f"node {name}'s tunnel or pod bridge", source)


def pod_owned(pod: Object) -> Iterator[Owned]:
    """A pod's addresses. A pod in its node's network has none of its own, an ended one has given its back.

    Those of k3s that stand in for a load balancer are told by their label (k3s: pkg/cloudprovider/servicelb.go).
    """
    if at(pod, "spec", "hostNetwork") or at(pod, "status", "phase") in ("Succeeded", "Failed"):
        return
    stands_in = SERVICE_LB_LABEL in (at(pod, "metadata", "labels") or {})
    kind, what = (Kind.SERVICE_LB, "service-lb pod") if stands_in else (Kind.POD, "pod")
    single = at(pod, "status", "podIP")
    for entry in at(pod, "status", "podIPs") or ([{"ip": single}] if single else []):
        if parse_address(str(entry.get("ip"))):
            yield str(entry["ip"]), Owner(kind, f"{what} {full_name(pod)}", f"Pod {full_name(pod)} status.podIPs")


def service_ranges(services: Iterable[Object]) -> Iterator[Owned]:
    """For each family, the smallest network that holds all ClusterIPs: a part of the range they are taken from."""
    addresses = [
        ip_address(text)
        for service in services
        for text in at(service, "spec", "clusterIPs") or [at(service, "spec", "clusterIP")]
        if text and parse_address(text)
    ]
    for version, widest in WIDEST_SERVICE_RANGE.items():
        family = [address for address in addresses if address.version == version]
        if not family:
            continue
        network: Network = ip_network(min(family))
        while max(family) not in network and network.prefixlen > 0:
            network = network.supernet()
        if network.prefixlen >= widest:
            yield str(network), Owner(Kind.SERVICE, "Service addresses", "Services spec.clusterIPs")


def balancer_owned(proxy: Object, fronts: Iterable[Front], lookup: Resolve) -> Iterator[Owned]:
    """The published addresses of Kong's Service and of what stands in front of it, in a balancer's place."""
    for field, published in (
        ("status.loadBalancer", published_by(proxy)),
        ("spec.externalIPs", tuple(at(proxy, "spec", "externalIPs") or ())),
    ):
        for name in published:
            for address in lookup(name):
                yield address, Owner(Kind.BALANCER, f"load balancer {name}", f"Service {full_name(proxy)} {field}")
    for front in fronts:
        for name in front.published:
            for address in lookup(name):
                yield address, Owner(Kind.BALANCER, f"{front.name} at {name}", f"{front.name} status")


def provider_owned(provider: Provider) -> Iterator[Owned]:
    """The ranges that a provider guarantees its connections to come from."""
    for network in provider.trust.ranges:
        yield str(network), Owner(Kind.BALANCER, provider.name, f"ranges that {provider.name} connects from")
