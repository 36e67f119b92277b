"""What is played on any cluster: Kong's settings, the way to it, and what kongip has to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NOBODY: Mapping[str, str] = {}
HEADER = {"KONG_REAL_IP_HEADER": "X-Forwarded-For", "KONG_TRUSTED_IPS": "BALANCER"}
EVERYONE = {
    "KONG_REAL_IP_HEADER": "X-Forwarded-For",
    "KONG_REAL_IP_RECURSIVE": "on",
    "KONG_TRUSTED_IPS": "0.0.0.0/0,::/0",
}
PROXY = {
    "KONG_PROXY_LISTEN": "LISTEN proxy_protocol",
    "KONG_REAL_IP_HEADER": "proxy_protocol",
    "KONG_TRUSTED_IPS": "BALANCER",
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to Kong. In ``kong``, BALANCER stands for HAProxy's address, and LISTEN for Kong's plain port.

    ``balancer`` is a mode of HAProxy's, None where callers reach Kong's own Service. ``culprits`` are layers, of which
    kongip names all, and ``cured`` tells that the printed remedy is taken and has to cure.
    """

    about: str
    verdict: str
    culprits: frozenset[str] = frozenset()
    policy: str = "Local"
    balancer: str | None = None
    kong: Mapping[str, str] = field(default_factory=dict)
    cured: bool = False


NODE, BALANCER, GATEWAY = (frozenset({layer}) for layer in ("node", "load_balancer", "gateway"))

SCENARIOS = (
    Scenario("the Service's policy is Cluster", "lost", NODE, policy="Cluster", cured=True),
    Scenario("the Service's policy is Local", "preserved"),
    Scenario("a balancer hands on connections and tells nothing", "lost", BALANCER, balancer="tcp"),
    Scenario(
        "PROXY headers are sent and not expected", "unreachable", BALANCER | GATEWAY, balancer="tcp, send-proxy-v2"
    ),
    Scenario("X-Forwarded-For is not believed", "lost", GATEWAY, balancer="http, forwardfor", cured=True),
    Scenario("X-Forwarded-For is believed", "preserved", balancer="http, forwardfor", kong=HEADER),
    Scenario("everyone is believed", "spoofable", GATEWAY, kong=EVERYONE, cured=True),
    Scenario(
        "everyone behind a balancer is believed", "spoofable", GATEWAY, balancer="http, forwardfor", kong=EVERYONE
    ),
    Scenario("PROXY headers are sent and read", "preserved", balancer="tcp, send-proxy-v2", kong=PROXY),
    Scenario(
        "PROXY headers are demanded of a balancer that sends none",
        "unreachable",
        BALANCER | GATEWAY,
        balancer="tcp",
        kong=PROXY,
    ),
)
"""In the order in which Kong's settings change least often."""
