"""Addresses by which Kong is reached past the load balancer that its Service asks for.

Source: Kubernetes, Service: externalIPs, externalTrafficPolicy and healthCheckNodePort.
"""

from __future__ import annotations

from collections.abc import Iterator

from diagnose.inspect.found import Found, note
from diagnose.inspect.ways import Way

_BEFORE = note(
    "Publish an address that a load balancer gives out: spec.type LoadBalancer, without externalIPs. Else let whatever "
    "brings the address lead it to the nodes that run Kong."
)


def external_ips_under_local(way: Way) -> Iterator[Found]:
    """Local for addresses that no load balancer leads to the right nodes, and that some kube-proxies leave out."""
    addresses = way.spec("externalIPs")
    if not addresses or way.within or way.policy != "Local":
        return  # the Kong Operator hands on no externalIPs
    told = f"{way.name} spec.externalIPs: {', '.join(addresses)}"
    why = "nothing leads these addresses to the nodes that run Kong, and not every kube-proxy keeps to Local there"
    because = (told, way.field("externalTrafficPolicy"), why)
    yield Found("KIP738", because, "let a load balancer lead to Kong", (_BEFORE,))
