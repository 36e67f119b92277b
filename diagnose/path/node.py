"""Node: kube-proxy, the CNI, a mesh's redirect - all between the balancer and Kong's socket.

Sources: the Kubernetes documentation of externalTrafficPolicy (kube-proxy masquerades what may be answered by a pod of
another node, so that the answer comes back through it, and leaves it alone under policy Local); the entry script of
k3s's klipper-lb, which masquerades whatever passes the service-lb pod; Istio's inbound passthrough address.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address

from diagnose.path.proxying import Answer, End
from diagnose.path.traffic import Address, Traffic

INBOUND = ip_address("127.0.0.6")
"""From where Istio hands inbound connections on, and nobody else does anything."""

SIDECARS = (INBOUND, ip_address("127.0.0.1"))
"""Where a mesh's redirect connects from: Istio's inbound passthrough; Linkerd, and Istio before it had one."""


class Node(StrEnum):
    """What a node does with the source address on the way to Kong's pod."""

    KEEPS_SOURCE = "keeps_source"
    MASQUERADES = "masquerades"
    """Rewrites it to an address of the node: its own, its pod bridge's or its tunnel's."""
    SERVICE_LB = "service_lb"
    """A pod on the node stands in for a load balancer, as in k3s, and rewrites it to that pod's address."""
    SIDECAR = "sidecar"
    """A mesh's inbound redirect hands the connection to Kong from a loopback address."""
    DROPS = "drops"
    """Answers nothing: no Kong pod on that node under policy Local, or a firewall."""
    REFUSES = "refuses"
    """Resets: the Service has no ready endpoint."""


EMITS = frozenset({Node.MASQUERADES, Node.SERVICE_LB, Node.SIDECAR})
"""The behaviours whose next hop sees an address of the node."""


def pass_on(behaviour: Node, traffic: Traffic, own: Address | None) -> Traffic | End:
    """``traffic`` as it reaches Kong's socket, from the node's address ``own`` if it rewrites; or how it ends."""
    if behaviour is Node.DROPS:
        return End(frozenset({Answer.TIMED_OUT}))
    if behaviour is Node.REFUSES:
        return End(frozenset({Answer.REFUSED}))
    if behaviour is Node.KEEPS_SOURCE or own is None:
        return traffic
    return traffic.of(own)
