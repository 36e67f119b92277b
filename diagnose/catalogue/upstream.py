"""KIP6xx: what the upstream gets, and what the echo in its place could tell."""

from __future__ import annotations

from diagnose.catalogue.fault import Fault
from diagnose.path.traffic import Layer
from diagnose.report.report import Severity

FAULTS = (
    Fault(
        code="KIP601",
        name="forwarded-for-passed-on",
        layer=Layer.UPSTREAM,
        severity=Severity.INFO,
        title="an X-Forwarded-For that a client wrote reaches the upstream",
        why="""
            Kong keeps the X-Forwarded-For that a request brings and appends its own TCP peer. It does so whether or not
            it trusts that peer: `trusted_ips` governs X-Forwarded-Proto, -Host, -Port, -Path and -Prefix, and the
            address that Kong itself takes, but not this header. The first element of the chain is therefore what a
            client chose to write, unless a hop before Kong removed it.

            With the PROXY protocol and a client that sends the header, the true address is nowhere in the chain: Kong
            appends the balancer's.
            """,
        tell_apart="""
            This is Kong's design and alters no verdict: what Kong logs may be right all the same. It becomes a fault in
            an application that reads the first element. If Kong itself logs what the client wrote, it is KIP503.
            """,
        cure="""
            Let applications read X-Real-IP: Kong always overwrites it with the address that it logs. If they have to
            read X-Forwarded-For, let them count from the right, or let the balancer replace the header instead of
            appending.
            """,
    ),
    Fault(
        code="KIP602",
        name="echo-unavailable",
        layer=Layer.UPSTREAM,
        severity=Severity.WARNING,
        title="the echo backend could not answer: one witness is missing",
        why="""
            kongip puts a small backend behind Kong, which tells both addresses that Kong holds: its TCP peer and the
            one it concluded. Here it could not be made, its pod did not start, or Kong did not pick up the route to it.
            The run went on with the witnesses that remain: the caller's sockets and Kong's log.
            """,
        tell_apart="""
            The finding says which of these it was. A missing right names the verb and the object; a pod that does not
            start bears kubelet's reason (an image that cannot be pulled, a quota, an admission policy, no node with
            room); a route that is not picked up is usually a matter of the IngressClass or the Gateway, or of a
            controller that does not watch the namespace.
            """,
        cure="""
            Remove what the finding names: give the right, use an image that the cluster can pull (`--image`), let the
            pod onto nodes that have room (`--toleration`, `--node-selector`), choose a namespace that the controller
            watches (`--namespace`), let Kong through to it where policies deny that (`--network-policy`), or name the
            class (`--ingress-class`) or the Gateway (`--gateway`). Then run again. For a Kong outside Kubernetes, start
            the echo and name its route (`--echo-path`), or let kongip make one (`--create-route`).
            """,
    ),
    Fault(
        code="KIP603",
        name="forgeable-from-inside",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="a workload in the cluster can make Kong log any address",
        why="""
            Sent from a pod straight to Kong's pod, a claimed address was believed. Pods can reach Kong without passing
            the balancer, and Kong trusts the addresses that they come from: everyone's, the whole pod network, or the
            nodes', behind which a pod on the host network stands as well.
            """,
        tell_apart="""
            Nobody outside can do this as long as the entry itself is not forgeable (KIP403, KIP503), so it does not
            alter the verdict.
            """,
        cure="""
            Narrow `trusted_ips` to what the balancer connects from, and let a NetworkPolicy admit only that to Kong's
            proxy ports. Where nodes have to be trusted, pods on the host network remain able to do it; decide whether
            they are within your line of trust.
            """,
    ),
    Fault(
        code="KIP604",
        name="kong-pod-unseen",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="a ready Kong pod got none of the connections",
        why="""
            Kong's Service has several ready pods, and not every one of them was seen to take a connection. One that was
            not may be set differently or stand on a node that behaves differently, so nothing is said to be preserved
            on its account. By chance it happens with few connections and many pods; otherwise session affinity, traffic
            policy `Local` with a balancer that knows one node only, or topology-aware routing keep sending to the same
            pods.
            """,
        tell_apart="""
            If the pod gets no connection although many were made, compare the nodes: pods on one node reached and pods
            on another never points at the balancer's targets (KIP302).
            """,
        cure="""
            More connections: `--connections 100`. Or run from another place, or name an entry that leads to that pod.
            """,
    ),
)
