"""Node: kube-proxy, the CNI, a mesh's redirect - all between the balancer and Kong's socket.

Source: the Kubernetes documentation of externalTrafficPolicy; kube-proxy masquerades what may be answered by a pod of
another node, so that the answer comes back through it (policy Cluster), and leaves it alone under policy Local.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from diagnose.path.proxying import Answer, End
from diagnose.path.traffic import Address, Traffic


class Node(StrEnum):
    """What a node does with the source address on the way to Kong's pod."""

    KEEPS_SOURCE = "keeps_source"
    MASQUERADES = "masquerades"
    """Rewrites it to an address of the node: its own, its pod bridge's or its tunnel's."""
    SIDECAR = "sidecar"
    """A mesh's inbound redirect hands the connection to Kong from a loopback address."""
    DROPS = "drops"
    """Answers nothing: no Kong pod on that node under policy Local, or a firewall."""
    REFUSES = "refuses"
    """Resets: the Service has no ready endpoint."""


EMITS = frozenset({Node.MASQUERADES, Node.SIDECAR})
"""The behaviours whose next hop sees an address of the node."""


def pass_on(behaviour: Node, traffic: Traffic, own: Address | None) -> Traffic | End:
    """``traffic`` as it reaches Kong's socket, from the node's address ``own`` if it rewrites; or how it ends."""
    if behaviour is Node.DROPS:
        return End(frozenset({Answer.TIMED_OUT}))
    if behaviour is Node.REFUSES:
        return End(frozenset({Answer.REFUSED}))
    if behaviour is Node.KEEPS_SOURCE or own is None:
        return traffic
    return replace(traffic, source=own)
