"""Whole reports to render: one of each sort, written by hand."""

from __future__ import annotations

from dataclasses import replace

from diagnose.path.traffic import Layer
from diagnose.report.report import (
    Caller,
    Culprit,
    Finding,
    Group,
    ProbeRow,
    Remedy,
    RemedyStep,
    Report,
    Run,
    Rung,
    Severity,
    Status,
    Verdict,
)
from diagnose.site import Gap

PATCH = (
    "kubectl --context production --namespace kong patch service kong-gateway-proxy --type merge "
    """--patch '{"spec":{"externalTrafficPolicy":"Local"}}'"""
)

LISTEN = (
    "KONG_PROXY_LISTEN=0.0.0.0:8000 proxy_protocol reuseport backlog=16384, "
    "0.0.0.0:8443 proxy_protocol http2 ssl reuseport backlog=16384\n"
    "KONG_REAL_IP_HEADER=proxy_protocol\n"
    "KONG_TRUSTED_IPS=10.0.1.0/24"
)

MIXED = Report(
    verdict=Verdict.LOST,
    headline=(
        "lost at Service kong/kong-gateway-proxy: Kong logs 10.0.2.7 instead of the caller's address - "
        "the node replaces the source address with one of its own"
    ),
    site="Service kong/kong-gateway-proxy",
    caller=Caller(("198.51.100.9",), "--caller-ip", "outside"),
    culprits=(Culprit(Layer.NODE, "masquerades", "KIP301", "proven"),),
    path=(
        Rung(
            Layer.LOAD_BALANCER,
            "load balancer at 203.0.113.10:80",
            "passes_through",
            "198.51.100.9",
            "198.51.100.9",
            Status.KEEPS,
        ),
        Rung(Layer.NODE, "node node-b", "masquerades", "198.51.100.9", "10.0.2.7", Status.REWRITES),
        Rung(Layer.GATEWAY, "kong-5d9c-x2x7p", "logs_peer", "10.0.2.7", "10.0.2.7", Status.KEEPS),
        Rung(Layer.UPSTREAM, "what Kong passes on", "sends_x_real_ip", "10.0.2.7", "10.0.2.7", Status.UNKNOWN),
    ),
    findings=(
        Finding(
            "KIP301",
            "node-masquerade",
            Layer.NODE,
            Severity.ERROR,
            "the node replaces the source address with one of its own",
            (
                "Kong logged 10.0.2.7 (node node-b: Node node-b, status.addresses[0]) for 13 of 20 ordinary "
                "connections to Service kong/kong-gateway-proxy",
                "Service kong/kong-gateway-proxy has externalTrafficPolicy Cluster",
            ),
            Remedy(
                "Set externalTrafficPolicy of Service kong/kong-gateway-proxy to Local",
                True,
                (RemedyStep("kubectl", PATCH),),
                ("Nodes without a ready Kong pod then drop what reaches them.",),
            ),
        ),
        Finding(
            "KIP601",
            "forwarded-for-passed-on",
            Layer.UPSTREAM,
            Severity.INFO,
            "an X-Forwarded-For that a client wrote reaches the upstream",
            ("a probe that sent X-Forwarded-For: 192.0.2.20 reached the echo with 192.0.2.20, 10.0.2.7",),
        ),
    ),
    groups=(
        Group(
            "Service kong/kong-gateway-proxy",
            "203.0.113.10",
            4,
            "http",
            "kong-5d9c-x2x7p",
            "node-b",
            13,
            Verdict.LOST,
            (Culprit(Layer.NODE, "masquerades", "KIP301", "proven"),),
            (("10.0.2.7", 11), ("10.244.2.1", 2)),
        ),
        Group(
            "Service kong/kong-gateway-proxy",
            "203.0.113.10",
            4,
            "http",
            "kong-5d9c-9qk4t",
            "node-a",
            7,
            Verdict.PRESERVED,
            (),
            (("198.51.100.9", 7),),
        ),
        Group(
            "pod kong-5d9c-9qk4t",
            "10.244.1.9",
            4,
            "http",
            "kong-5d9c-9qk4t",
            "node-a",
            8,
            Verdict.PRESERVED,
            (),
            (("10.244.1.30", 8),),
            "inside",
        ),
    ),
    not_measured=(Gap("IPv6", "the caller has no route"),),
    settled_by=(),
    probes=(
        ProbeRow(
            "5f2a9c0d11e4b7a6",
            "Service kong/kong-gateway-proxy",
            "outside",
            "none",
            (),
            "200",
            None,
            "10.0.2.7",
            "kong-5d9c-x2x7p",
            "what an ordinary client sends",
        ),
        ProbeRow(
            "77aa01c2d3e4f506",
            "Service kong/kong-gateway-proxy",
            "outside",
            "none",
            (("X-Forwarded-For", "192.0.2.20"),),
            "200",
            "10.0.2.7",
            "10.0.2.7",
            "kong-5d9c-x2x7p",
            "whether Kong believes a client's X-Forwarded-For",
        ),
    ),
    run=Run("a1b2c3d4", "0.1.0", 3.21),
)

LOST = replace(
    MIXED,
    findings=(replace(MIXED.findings[0], because=MIXED.findings[0].because[1:]),),
    groups=(replace(MIXED.groups[0], pod=None, node=None, connections=20, logged=(("10.0.2.7", 20),)),),
    not_measured=(),
)

PRESERVED = replace(
    MIXED,
    verdict=Verdict.PRESERVED,
    headline="preserved at Service kong/kong-gateway-proxy: Kong logs the caller's own address 198.51.100.9",
    culprits=(),
    path=(
        MIXED.path[0],
        Rung(Layer.NODE, "node node-a", "keeps_source", "198.51.100.9", "198.51.100.9", Status.KEEPS),
        Rung(Layer.GATEWAY, "kong-5d9c-9qk4t", "logs_peer", "198.51.100.9", "198.51.100.9", Status.KEEPS),
    ),
    findings=(),
    groups=MIXED.groups[1:2],
    not_measured=(),
)

_MISMATCH = (
    Culprit(Layer.LOAD_BALANCER, "sends_proxy_v2", "KIP401", "possible"),
    Culprit(Layer.GATEWAY, "refuses_proxy_header", "KIP401", "possible"),
)

UNREACHABLE = replace(
    MIXED,
    verdict=Verdict.UNREACHABLE,
    headline="unreachable at Service kong/kong-gateway-proxy: no ordinary request gets an answer from Kong",
    culprits=_MISMATCH,
    path=(
        Rung(
            Layer.LOAD_BALANCER,
            "load balancer at 203.0.113.10:80",
            "sends_proxy_v2",
            "198.51.100.9",
            "10.0.1.5",
            Status.KEEPS,
        ),
        Rung(Layer.NODE, "node", None, None, None, Status.UNKNOWN),
        Rung(Layer.GATEWAY, "Kong (2 pods)", "refuses", "10.0.1.5", None, Status.REFUSES),
    ),
    findings=(
        Finding(
            "KIP401",
            "proxy-header-refused",
            Layer.LOAD_BALANCER,
            Severity.ERROR,
            "the balancer sends a PROXY header that Kong does not expect",
            ("sent through the entry: no PROXY header -> 400; PROXY v1 -> 400",),
            Remedy(
                "Set Kong's proxy_listen, real_ip_header, trusted_ips",
                True,
                (RemedyStep("kong", LISTEN), RemedyStep("note", "Then roll Kong's pods, one after another.")),
                ("Balancer and Kong have to change together.",),
            ),
        ),
    ),
    groups=(replace(MIXED.groups[0], pod=None, node=None, verdict=Verdict.UNREACHABLE, culprits=_MISMATCH, logged=()),),
    settled_by=("nothing more to measure: balancer and Kong disagree, and either may be changed",),
)

UNDETERMINED = replace(
    MIXED,
    verdict=Verdict.UNDETERMINED,
    headline=(
        "undetermined at https://shop.example.com: Kong logs 192.0.2.77, and the evidence does not settle whether "
        "that is right"
    ),
    caller=Caller((), "nothing proves which address is the caller's", "outside"),
    culprits=(),
    path=(),
    findings=(
        Finding(
            "KIP101",
            "caller-address-unknown",
            Layer.EGRESS,
            Severity.WARNING,
            "nothing proves which address is the caller's",
            ("Kong's side saw 192.0.2.77 (nobody is known to own it)",),
            Remedy(
                "If that address is the caller's own, say so and run again",
                False,
                (RemedyStep("kongip", "kongip diagnose --context production --caller-ip 192.0.2.77"),),
            ),
        ),
    ),
    groups=(replace(MIXED.groups[0], pod=None, node=None, verdict=Verdict.UNDETERMINED, culprits=()),),
    settled_by=("whose address 192.0.2.77 is: say --caller-ip 192.0.2.77 if it is the caller's",),
)

EVERY = {
    "lost": LOST,
    "mixed": MIXED,
    "preserved": PRESERVED,
    "undetermined": UNDETERMINED,
    "unreachable": UNREACHABLE,
}
