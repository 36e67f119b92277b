"""KIP738 and on: what surrounds Kong's settings, such as its version, its plugins and the addresses of its nodes."""

from __future__ import annotations

from diagnose.catalogue.fault import Fault
from diagnose.path.traffic import Layer
from diagnose.report.report import Severity

FAULTS = (
    Fault(
        code="KIP738",
        name="external-ips-under-local",
        layer=Layer.NODE,
        severity=Severity.INFO,
        title="externalTrafficPolicy: Local may not keep the source at an address of spec.externalIPs",
        why="""
            Kubernetes brings an address of `spec.externalIPs` to no node: somebody's routes or BGP do. Where they lead
            to a node without a pod of Kong, `Local` drops the connection; a load balancer would ask that node's health
            check first. Some ways of spreading Services have left `Local` out at these addresses: kube-proxy in mode
            ipvs did (v1.18), and users of Calico saw nodes' addresses at external IPs that it announced by BGP.
            """,
        tell_apart="""
            The address in the Service's status is not concerned. Let `kongip diagnose` call each of the addresses: a
            node's address at the external one alone (KIP301) is this.
            """,
        cure="""
            Publish the load balancer's address instead. Else lead the external one to nodes that run Kong alone, or run
            Kong on each node that it is led to.
            """,
    ),
    Fault(
        code="KIP739",
        name="clear-text-http2",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="a clear-text listener with http2 answers no HTTP/1.1",
        why="""
            In clear text nothing negotiates the version of HTTP. nginx before 1.25.1, and so Kong before 3.6, takes
            each connection to a listener with `http2` and without `ssl` for HTTP/2 from its first byte. Requests of
            HTTP/1.1 fail there: those of browsers, of balancers that end TLS, and of health checks. It is often set for
            gRPC behind a balancer that ends TLS.
            """,
        tell_apart="""
            Kong 3.6 and later take both versions on one listener, and nothing is reported; nor where the image's tag
            tells no version. A PROXY header before a request is another matter (KIP726).
            """,
        cure="""
            `http2` on the entries with `ssl` alone. Let gRPC reach Kong by TLS, give it a clear-text port of its own,
            or update Kong.
            """,
    ),
    Fault(
        code="KIP740",
        name="plugin-reads-peer",
        layer=Layer.GATEWAY,
        severity=Severity.INFO,
        title="a plugin uses the address of Kong's TCP peer, whatever Kong logs",
        why="""
            Kong knows two addresses: its TCP peer, and the client that a trusted peer names. Logs and most plugins use
            the latter. `aws-lambda` with `awsgateway_compatible` writes the peer into `identity.sourceIp`, and
            `kong.client.get_ip` gives it to functions. Behind a trusted proxy both hold the proxy's address, however
            right the log is.
            """,
        tell_apart="""
            Nothing is reported where Kong trusts nobody: its peer and its client are then one. KongPlugin and
            KongClusterPlugin objects are read, with the functions that stand in them; plugins of one's own and those
            that were made by the Admin API are not. A function may ask for the peer on purpose.
            """,
        cure="""
            `kong.client.get_forwarded_ip` in functions. For a Lambda function, write that address into a header of the
            request by a `pre-function`; the event holds the headers. Behind a balancer of HTTP it also holds
            `X-Forwarded-For`.
            """,
    ),
    Fault(
        code="KIP741",
        name="proxy-v2-not-read",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="the balancer sends PROXY headers of version 2, and so old a Kong reads version 1 alone",
        why="""
            nginx reads version 2 of the PROXY protocol, the binary one, from 1.13.11 on. Kong had nginx 1.13.6 up to
            1.2, and 1.15.8 from 1.3 on. Before that a listener with `proxy_protocol` closes each connection that begins
            with version 2, and logs a broken header with the word QUIT in it. Network Load Balancers send version 2 and
            no other.
            """,
        tell_apart="""
            Nothing is reported where the balancer may send either version, or where the image's tag tells no version of
            Kong. If no PROXY header comes at all, traffic shows KIP402.
            """,
        cure="""
            Update Kong. A balancer that sends version 1, such as a Classic Load Balancer, does until then.
            """,
    ),
    Fault(
        code="KIP742",
        name="external-address-not-trusted",
        layer=Layer.NODE,
        severity=Severity.INFO,
        title="Kong trusts nodes by their internal address alone, and they can appear by the other",
        why="""
            Under `externalTrafficPolicy: Cluster` a node puts an address of its own into the place of the source, and
            which one depends on the way to the pod. To a pod on another node it is the internal one; users report that
            what comes in at the node where the pod runs has that node's public address. A private range in
            `trusted_ips` does not hold it: for some of the connections Kong believes nobody and logs the node.
            """,
        tell_apart="""
            Told only of clouds where the ExternalIP is on the node's own interface (Hetzner, DigitalOcean); elsewhere
            it is translated before the node. Nodes of which no address is trusted are KIP719. In a run, such a node's
            address as the peer (KIP501) of some probes alone is this.
            """,
        cure="""
            Add the nodes' public addresses to `trusted_ips`, each by itself, and keep the list in step with the nodes.
            Or let Kong be reached on the private network alone.
            """,
    ),
    Fault(
        code="KIP743",
        name="local-under-ipvs",
        layer=Layer.NODE,
        severity=Severity.INFO,
        title="kube-proxy's mode ipvs leaves callers on nodes without Kong unanswered under Local",
        why="""
            In mode ipvs each node has the published address on an interface of its own, so that a caller on a node gets
            to that node's kube-proxy and no further. Under `Local` it knows the node's own pods of Kong alone; where
            none runs, connections time out. From Kubernetes 1.21 on pods get through all the same; nodes themselves,
            and pods with `hostNetwork`, do not. kube-proxy's other modes lead callers within the cluster to any pod.
            """,
        tell_apart="""
            Callers from outside are not concerned. Nothing is reported where kube-proxy's mode is not known, where
            Kong runs on each node, or where `ipMode: Proxy` or a host name is published. Connections that are closed
            at once, rather than time out, are KIP728.
            """,
        cure="""
            Let callers within the cluster use the Service's name. Else run Kong as a DaemonSet, or kube-proxy in mode
            nftables or iptables.
            """,
    ),
    Fault(
        code="KIP744",
        name="answers-stay-on-nodes",
        layer=Layer.NODE,
        severity=Severity.WARNING,
        title="kube-proxy's mode ipvs keeps nodes' answers from a balancer that calls from its published address",
        why="""
            In mode ipvs each node has the published address on an interface of its own. A balancer that ends
            connections opens new ones to the nodes; where it does so from the address that it publishes, each node
            takes the answers for its own, and nothing goes back. Health checks fail, and the balancer takes all its
            targets for dead. Hetzner's does so within a private network.
            """,
        tell_apart="""
            Nothing is reported of balancers that hand packets on, where kube-proxy's mode is not known, or where
            traffic shows the address preserved: the balancer then calls from elsewhere.
            """,
        cure="""
            `ipMode: Proxy` (Kubernetes 1.30 and later), or a host name in place of the address: nodes then bind
            nothing. For Hetzner's, `load-balancer.hetzner.cloud/disable-private-ingress: "true"`.
            """,
    ),
)
