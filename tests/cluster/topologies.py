"""The ways to Kong that the tests take: the Service's policy, the balancer in front, and Kong's own settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.balancers import Balancer, balancer
from tests.cluster.bed import BALANCER
from tests.cluster.kong import Installed, Kong, install


@dataclass(frozen=True, slots=True)
class Topology:
    """One way to Kong; `nodes` have a pod of Kong's each."""

    policy: str
    balancer: Balancer
    settings: Mapping[str, str] = field(default_factory=dict)
    nodes: tuple[str, ...] = ("n2",)


@contextlib.contextmanager
def built(topology: Topology, folder: Path) -> Iterator[Installed]:
    """Bring the cluster into this shape and keep the balancer running."""
    kong = install(Kong(topology.settings, topology.policy, topology.nodes), BALANCER)
    with balancer(topology.balancer, kong, folder):
        yield kong


MASQUERADING = Topology("Cluster", Balancer.PASS_THROUGH)
PASSING = Topology("Local", Balancer.PASS_THROUGH)
TWO_PODS = Topology("Local", Balancer.PASS_THROUGH, nodes=("n1", "n3"))
PROXYING = Topology("Local", Balancer.TCP)
PROXY_PROTOCOL = Topology(
    "Local",
    Balancer.TCP_WITH_PROXY_V2,
    {
        "KONG_PROXY_LISTEN": "0.0.0.0:8000 proxy_protocol",
        "KONG_REAL_IP_HEADER": "proxy_protocol",
        "KONG_TRUSTED_IPS": BALANCER,
    },
)
PROXY_PROTOCOL_REFUSED = Topology("Local", Balancer.TCP_WITH_PROXY_V2)
EVERYONE_MAY_SEND_PROXY = {
    "KONG_TRUSTED_IPS": "0.0.0.0/0,::/0",
    "KONG_PROXY_LISTEN": "0.0.0.0:8000 proxy_protocol, 0.0.0.0:8443 ssl proxy_protocol",
    "KONG_REAL_IP_HEADER": "proxy_protocol",
}
"""As many examples have it."""

PROXY_PROTOCOL_OF_EXAMPLES = Topology("Local", Balancer.TCP_WITH_PROXY_V2, EVERYONE_MAY_SEND_PROXY)
PROXY_PROTOCOL_MISSING = Topology("Local", Balancer.TCP, EVERYONE_MAY_SEND_PROXY)
FORWARDED_HEADER = Topology(
    "Local",
    Balancer.HTTP_WITH_FORWARDFOR,
    {"KONG_REAL_IP_HEADER": "X-Forwarded-For", "KONG_TRUSTED_IPS": BALANCER},
)
HEADER_NOT_TRUSTED = Topology("Local", Balancer.HTTP_WITH_FORWARDFOR)
TRUSTS_EVERYONE = Topology(
    "Local",
    Balancer.HTTP_WITH_FORWARDFOR,
    {
        "KONG_REAL_IP_HEADER": "X-Forwarded-For",
        "KONG_REAL_IP_RECURSIVE": "on",
        "KONG_TRUSTED_IPS": "0.0.0.0/0,::/0",
    },
)
