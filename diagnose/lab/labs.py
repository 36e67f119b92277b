"""The embedded labs: each is one fault, or none, between the caller and two Kong pods on two nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from diagnose.lab.balancer import Mode
from diagnose.path.settings import Listener, Settings

CALLER = "127.0.0.1"
"""Where an ordinary socket of this machine connects from when it connects to another loopback address."""

BALANCER = "127.20.0.10"
NODES = {"lab-a": "127.30.0.11", "lab-b": "127.30.0.12"}
PODS = {"lab-a": "127.40.1.5", "lab-b": "127.40.2.5"}
KONGS = {"lab-a": "kong/kong-a", "lab-b": "kong/kong-b"}
BRIDGES = {"lab-a": "127.40.1.1", "lab-b": "127.40.2.1"}
ECHO = "127.40.1.9"

Certainty = Literal["proven", "possible"]


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab: what stands on the path, what Kong is set to, and what a diagnosis of it has to say.

    ``culprits`` are (layer, certainty) pairs. ``policy`` is the Service's externalTrafficPolicy; ``cured_in`` is the
    round of a watch in which it becomes Local, for one node after another, None where it never does.
    """

    name: str
    summary: str
    verdict: str
    culprits: tuple[tuple[str, Certainty], ...] = ()
    balancer: Mode = Mode.FORWARDS
    policy: Literal["Local", "Cluster"] = "Local"
    cured_in: int | None = None
    proxy_protocol: bool = False
    real_ip_header: str = "X-Real-IP"
    trusted_ips: tuple[str, ...] = ()
    real_ip_recursive: bool = False

    @property
    def status(self) -> int:
        """The exit status of a diagnosis of this lab."""
        return 0 if self.verdict == "preserved" else 1

    def settings(self, port: int) -> Settings:
        """What its Kongs are set to, with their one listener on ``port``."""
        return Settings(
            listeners=(Listener(port, proxy_protocol=self.proxy_protocol),),
            trusted_ips=self.trusted_ips,
            real_ip_header=self.real_ip_header,
            real_ip_recursive=self.real_ip_recursive,
            version=(3, 9),
            proxy_listen=f"0.0.0.0:{port}{' proxy_protocol' if self.proxy_protocol else ''}",
        )


_EITHER: tuple[tuple[str, Certainty], ...] = (("load_balancer", "possible"), ("gateway", "possible"))

_LABS = (
    Lab(
        name="preserved",
        summary="the balancer forwards packets, the nodes leave the source alone: nothing is wrong",
        verdict="preserved",
    ),
    Lab(
        name="node-masquerade",
        summary="externalTrafficPolicy Cluster: a node puts its own address in the caller's place",
        verdict="lost",
        culprits=(("node", "proven"),),
        policy="Cluster",
    ),
    Lab(
        name="proxy-without-header",
        summary="the balancer proxies TCP, sends no PROXY header, and Kong is at its defaults",
        verdict="lost",
        culprits=(("load_balancer", "proven"),),
        balancer=Mode.PROXIES,
    ),
    Lab(
        name="proxy-header-refused",
        summary="the balancer sends a PROXY header to a Kong that does not expect one",
        verdict="unreachable",
        culprits=_EITHER,
        balancer=Mode.SENDS_PROXY_V1,
        real_ip_header="proxy_protocol",
        trusted_ips=(BALANCER,),
    ),
    Lab(
        name="proxy-header-missing",
        summary="Kong expects a PROXY header that nobody sends",
        verdict="unreachable",
        culprits=_EITHER,
        balancer=Mode.PROXIES,
        proxy_protocol=True,
        real_ip_header="proxy_protocol",
        trusted_ips=(BALANCER,),
    ),
    Lab(
        name="header-not-trusted",
        summary="the balancer appends X-Forwarded-For, and Kong trusts nobody",
        verdict="lost",
        culprits=(("gateway", "proven"),),
        balancer=Mode.APPENDS,
        real_ip_header="X-Forwarded-For",
    ),
    Lab(
        name="wrong-header",
        summary="the balancer appends X-Forwarded-For, and Kong reads X-Real-IP",
        verdict="lost",
        culprits=(("gateway", "proven"),),
        balancer=Mode.APPENDS,
        trusted_ips=(BALANCER,),
    ),
    Lab(
        name="trusts-everyone",
        summary="the balancer appends X-Forwarded-For, and Kong believes whatever a caller wrote before it",
        verdict="spoofable",
        culprits=(("gateway", "proven"),),
        balancer=Mode.APPENDS,
        real_ip_header="X-Forwarded-For",
        trusted_ips=("0.0.0.0/0", "::/0"),
        real_ip_recursive=True,
    ),
    Lab(
        name="proxy-protocol",
        summary="the balancer sends a PROXY header, Kong reads it, and trusts everyone, as many examples have it",
        verdict="preserved",
        balancer=Mode.SENDS_PROXY_V1,
        proxy_protocol=True,
        real_ip_header="proxy_protocol",
        trusted_ips=("0.0.0.0/0", "::/0"),
    ),
    Lab(
        name="forwarded-header",
        summary="the balancer appends X-Forwarded-For, and Kong reads it from the balancer alone",
        verdict="preserved",
        balancer=Mode.APPENDS,
        real_ip_header="X-Forwarded-For",
        trusted_ips=(BALANCER,),
    ),
    Lab(
        name="rollout",
        summary="as node-masquerade; while kongip watch looks on, externalTrafficPolicy becomes Local",
        verdict="lost",
        culprits=(("node", "proven"),),
        policy="Cluster",
        cured_in=5,
    ),
)

LABS: Mapping[str, Lab] = {lab.name: lab for lab in _LABS}
"""Every lab by its name, in the order in which they are told."""
