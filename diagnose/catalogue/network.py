"""KIP3xx: nodes, the network of pods, and meshes."""

from __future__ import annotations

from diagnose.catalogue.fault import Fault
from diagnose.path.traffic import Layer
from diagnose.report.report import Severity

FAULTS = (
    Fault(
        code="KIP301",
        name="node-masquerade",
        layer=Layer.NODE,
        severity=Severity.ERROR,
        title="the node replaces the source address with one of its own",
        why="""
            With `externalTrafficPolicy: Cluster`, which is the default, any node accepts traffic for the Service and
            may hand it to a pod on another node. So that the answer comes back through the same node, it rewrites the
            source to an address of its own: that of its pod bridge if the pod is on this node, else its main address or
            that of its tunnel device. kube-proxy does this in all its modes, and most CNIs that replace it do so by
            default.

            Other rules do the same by accident: a MASQUERADE rule of a container engine or a CNI that catches too much,
            a ServiceLB pod of k3s (`svclb-...`) in front of the Service, an `externalIPs` address or an advertised
            ClusterIP, for which the policy does not count in every version.
            """,
        tell_apart="""
            The address that Kong sees belongs to a node, a pod bridge (often the `.1` of a pod range) or a tunnel
            device (often its `.0`). A proxying balancer (KIP201) shows its own. That two connections show two different
            addresses of this sort is normal: one was delivered on the node it entered, one was handed on.

            If the Service already says `Local` and this still happens, KIP702 is reported beside it: the rewriting is
            then not kube-proxy's policy. 127.0.0.6 and 127.0.0.1 are a mesh's (KIP303).
            """,
        cure="""
            `externalTrafficPolicy: Local` on Kong's Service: the node then delivers only to its own pods and leaves the
            source alone. Its price: a node without a ready Kong pod drops what reaches it. The balancer must therefore
            leave such nodes out, by the Service's `healthCheckNodePort`, and load is spread by node and not by pod. Run
            Kong on every node that takes traffic, or let the balancer send to pods directly.

            Where that is no option: let the balancer send the PROXY protocol and trust the *nodes'* addresses, since
            they are then Kong's TCP peers. Do not combine the PROXY protocol with `Local` on a balancer that also sends
            the header to health checks: the health check port does not read it.
            """,
    ),
    Fault(
        code="KIP302",
        name="node-drops",
        layer=Layer.NODE,
        severity=Severity.ERROR,
        title="the node drops or refuses what it should bring to Kong",
        why="""
            Under `externalTrafficPolicy: Local` a node delivers only to its own Kong pods. If it has none, it drops the
            packets by design, and the balancer is expected to notice by the Service's `healthCheckNodePort`. When the
            balancer checks something else, or nothing, it keeps sending there. The other common cause is a Service
            without a ready endpoint, whose nodes refuse the connection; a third, a firewall on the node.
            """,
        tell_apart="""
            If every connection fails, look at the entry first (KIP203). If only some do, and the others reach Kong pods
            on certain nodes alone, it is this. A share of failures near *nodes without Kong / all nodes* is a strong
            sign.
            """,
        cure="""
            Point the balancer's health check at the node port in `spec.healthCheckNodePort`, path `/healthz`; most
            cloud controllers do so by themselves unless an annotation says otherwise. Or run Kong on each node that the
            balancer sends to (a DaemonSet, or topology spread). Check that the Service has endpoints at all.
            """,
    ),
    Fault(
        code="KIP303",
        name="sidecar-redirect",
        layer=Layer.NODE,
        severity=Severity.ERROR,
        title="a mesh sidecar takes the connection in Kong's place",
        why="""
            Service meshes redirect a pod's inbound connections to a proxy beside the application, which then connects
            to the application over loopback. Kong's TCP peer is therefore 127.0.0.6 (Istio's inbound address) or
            127.0.0.1 (Linkerd and others), whoever called.
            """,
        tell_apart="""
            No node, balancer or caller can appear at Kong with a loopback address; only something in the pod itself
            can. Look for a second container: `istio-proxy`, `linkerd-proxy`, `kuma-sidecar`. What happened before the
            sidecar cannot be told from Kong's side: cure this one first, then diagnose again.
            """,
        cure="""
            A gateway at the edge of the mesh needs no inbound interception. Exclude Kong's proxy ports (the
            container's, usually 8000 and 8443), in the pod template's annotations, and roll the pods:

            - Istio: `traffic.sidecar.istio.io/includeInboundPorts: ""`, or
              `traffic.sidecar.istio.io/excludeInboundPorts: "8000,8443"`
            - Linkerd: `config.linkerd.io/skip-inbound-ports: "8000,8443"`
            - Kuma, Kong Mesh: `kuma.io/gateway: enabled`

            The Kong Helm chart sets the first and the last; other ways to install Kong may not.
            """,
    ),
    Fault(
        code="KIP304",
        name="service-lb-pod",
        layer=Layer.NODE,
        severity=Severity.ERROR,
        title="a service load balancer's pod puts its own address in the caller's place",
        why="""
            Small distributions have no balancer of their own and let a pod on every node stand in for one: in k3s it is
            `svclb-NAME` in kube-system. The pod takes the Service's port on its node and hands each connection on by
            rules that masquerade all of it. The next hop sees the pod's address, whoever called.
            """,
        tell_apart="""
            The address that arrives is that of a pod, not of a node (KIP301): one of the pod network, and no bridge's
            or tunnel's. A proxy that runs in the cluster, such as another ingress controller in front of Kong, appears
            by a pod's address as well; `kubectl get pods -A --field-selector status.podIP=ADDRESS` tells which it is.
            """,
        cure="""
            `externalTrafficPolicy: Local` lets newer releases of k3s hand on the source on nodes that run a Kong pod.
            Otherwise put something else in the stand-in's place: MetalLB or kube-vip, with the stand-in switched off
            (`--disable=servicelb`), or run Kong with `hostNetwork` or `hostPort`, which needs no Service hop at all.
            """,
    ),
)
