"""What the cluster says of itself: one request for each kind, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from diagnose.cluster.api import Api
from diagnose.cluster.replies import Listing, Object, Reply

PATHS = {
    "ingressclasses": "/apis/networking.k8s.io/v1/ingressclasses",
    "services": "/api/v1/services",
    "deployments": "/apis/apps/v1/deployments",
    "daemonsets": "/apis/apps/v1/daemonsets",
    "ingresses": "/apis/networking.k8s.io/v1/ingresses",
    "nodes": "/api/v1/nodes",
    "pods": "/api/v1/pods",
    "gatewayclasses": "/apis/gateway.networking.k8s.io/v1/gatewayclasses",
    "gateways": "/apis/gateway.networking.k8s.io/v1/gateways",
    "httproutes": "/apis/gateway.networking.k8s.io/v1/httproutes",
    "dataplanes": "/apis/gateway-operator.konghq.com/v1beta1/dataplanes",
}

MOST_PODS = 500
"""Pods other than Kong's only name the owners of addresses: one page of them, however large the cluster."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The objects of every kind in ``PATHS``, by kind. ``refused`` says of a kind why it could not be read."""

    objects: Mapping[str, tuple[Object, ...]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    pods_cut: bool = False

    def of(self, *kinds: str) -> tuple[Object, ...]:
        """The objects of these kinds; none of a kind that could not be read or that the server lacks."""
        return tuple(thing for kind in kinds for thing in self.objects.get(kind, ()))


def take(api: Api, service: str | None = None, gateway: str | None = None) -> Snapshot:
    """Read every kind, in parallel. A kind that may not be read is refused, not an error.

    Where Services or Gateways may not be listed, the one that is known by its name ("namespace/name") is read alone.
    """

    def read(kind: str) -> Listing:
        return api.items(PATHS[kind], most=MOST_PODS if kind == "pods" else None)

    with ThreadPoolExecutor(len(PATHS)) as pool:
        listings = dict(zip(PATHS, pool.map(read, PATHS), strict=True))
    for kind, named in (("services", service), ("gateways", gateway)):
        if listings[kind].refused and named and "/" in named:
            listings[kind] = read_alone(api, kind, *named.split("/", 1))
    return Snapshot(
        {kind: listing.items for kind, listing in listings.items()},
        {kind: listing.refused for kind, listing in listings.items() if listing.refused},
        listings["pods"].cut,
    )


def read_alone(api: Api, kind: str, namespace: str, name: str) -> Listing:
    """A listing of one object of a kind, by its name."""
    root, _, plural = PATHS[kind].rpartition("/")
    return alone(api.get(f"{root}/namespaces/{namespace}/{plural}/{name}"))


def alone(reply: Reply) -> Listing:
    """One object as a listing of it, which is empty where there is none of that name."""
    if reply.ok:
        return Listing((reply.object(),))
    return Listing(refused=None if reply.status == 404 else reply.message)
