"""KIP722 to KIP737: what leads to Kong, as its objects show it without any traffic."""

from __future__ import annotations

from diagnose.catalogue.fault import Fault
from diagnose.path.traffic import Layer
from diagnose.report.report import Severity

FAULTS = (
    Fault(
        code="KIP722",
        name="annotation-not-honoured",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="an annotation that is to carry the address is read by no controller",
        why="""
            Annotations are wishes, and each controller reads its own. AWS's built-in controller reads
            `aws-load-balancer-proxy-protocol` for Classic Load Balancers only, never on one of type `nlb`, and
            `target-group-attributes` only from v1.34.0 on. What the AWS Load Balancer Controller reads does nothing on
            a Service that it does not own. On another cloud, or on a Service that asks for no balancer, nobody reads
            any of them. Kong then waits for PROXY headers that never come, and closes every connection.
            """,
        tell_apart="""
            The owner is read from the Service as the cluster holds it: `spec.loadBalancerClass`, finalizers, and the
            type that it names. A manifest that leaves the owner open is KIP723. Traffic shows KIP402.
            """,
        cure="""
            Let the AWS Load Balancer Controller own the Service: `spec.loadBalancerClass: service.k8s.aws/nlb`, or type
            `external` with a target type. Class and type of an existing Service cannot be changed: make a second
            one, move the traffic, remove the first.
            """,
    ),
    Fault(
        code="KIP723",
        name="owner-not-named",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.WARNING,
        title="the manifest leaves open which controller owns the balancer, and not each reads its annotation",
        why="""
            With type `nlb` and no class, AWS's built-in controller makes the balancer and ignores the annotation for
            PROXY headers; type `external` without a target type is taken by nobody. Unless the AWS Load Balancer
            Controller from 2.5 on runs with its webhook for Services, or EKS in Auto Mode: these give a new Service
            their own class. The same manifest works in one cluster and stops all traffic in another.
            """,
        tell_apart="""
            A Service as the cluster holds it tells its owner: if that does not read the annotation it is KIP722. This
            one comes from a manifest that no cluster has taken yet.
            """,
        cure="""
            Name the controller in the manifest: `spec.loadBalancerClass: service.k8s.aws/nlb`, or type `external`
            together with `aws-load-balancer-nlb-target-type`. Where the Service is there already, neither can be
            changed: a second one, with a balancer and an address of its own, takes its place.
            """,
    ),
    Fault(
        code="KIP724",
        name="health-checks-get-proxy",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="the balancer puts a PROXY header before health checks that cannot read it",
        why="""
            An NLB that sends PROXY headers sends them with its health checks, too. Under `externalTrafficPolicy: Local`
            with instance targets the check goes to the Service's `healthCheckNodePort`, where kube-proxy expects plain
            HTTP. All targets count as unhealthy, and callers get no answer.
            """,
        tell_apart="""
            The node port itself answers, and only the way through the balancer fails. With TCP checks, with IP targets,
            or under Cluster the three go together.
            """,
        cure="""
            `externalTrafficPolicy: Cluster`: with PROXY headers the source that nodes rewrite is not needed. Kong
            then has to trust the nodes' subnet as well as the balancer's.
            """,
    ),
    Fault(
        code="KIP725",
        name="proxy-listener-behind-passthrough",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.WARNING,
        title="Kong demands PROXY headers behind a balancer that sends none",
        why="""
            Balancers that forward packets end no connection and so have nothing to put a PROXY header into. Google's
            and Azure's for a plain Service, MetalLB and kube-vip are such. A listener with `proxy_protocol` closes
            every connection that comes through one.
            """,
        tell_apart="""
            It is a warning, since something that the Service does not show may send the header: Azure's Private Link, a
            target TCP proxy of Google's that was made beside it, an HAProxy in front. Traffic settles it (KIP402).
            """,
        cure="""
            Remove `proxy_protocol` from the listeners and `real_ip_header`, and set `externalTrafficPolicy: Local`: a
            balancer that forwards packets keeps the source, and with Local the nodes do so as well.
            """,
    ),
    Fault(
        code="KIP726",
        name="proxy-header-unexpected",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="the balancer is told to send PROXY headers to a listener that does not expect them",
        why="""
            By its annotations the balancer sends PROXY headers, and at least one listener behind it has no
            `proxy_protocol`. Kong takes the header for a request and answers 400, or for a broken TLS handshake. One
            port is often forgotten: 8443, or that of a stream.
            """,
        tell_apart="""
            Traffic shows KIP401. If the annotation is not read by whoever owns the Service, it is KIP722.
            """,
        cure="""
            Add `proxy_protocol` to each of the entries that are named, and set `real_ip_header = proxy_protocol` and
            `trusted_ips`. Or let the balancer send the header on the other ports alone, if it can.
            """,
    ),
    Fault(
        code="KIP727",
        name="local-cannot-restore",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.WARNING,
        title="the Service is told Local behind a balancer that replaces the source itself",
        why="""
            `Local` keeps the source that a node sees. Behind a balancer that ends connections and opens its own, that
            is the balancer's address already, and neither PROXY headers nor request headers are set up to name the
            caller.
            """,
        tell_apart="""
            A balancer that forwards packets keeps the source, and there Local is the whole cure. Which of the two it is
            was taken from the Service's annotations and the nodes' cloud. Traffic shows KIP201.
            """,
        cure="""
            Let the balancer send PROXY headers and Kong expect them, or end HTTP at the balancer and let Kong read
            X-Forwarded-For.
            """,
    ),
    Fault(
        code="KIP728",
        name="hairpin-without-header",
        layer=Layer.NODE,
        severity=Severity.WARNING,
        title="pods that call the published address reach Kong without the PROXY header that it demands",
        why="""
            The Service publishes an IP address without `ipMode: Proxy`. kube-proxy then takes connections of pods to
            that address straight to Kong, past the balancer, and so without its PROXY header: Kong closes them. From
            outside all is well. The usual victim is cert-manager, which checks its challenge from within.
            """,
        tell_apart="""
            Only callers in the cluster are affected. Nothing is reported where a host name is published: that leads
            through the balancer. Some network plug-ins, in place of kube-proxy, go through the balancer in any case.
            """,
        cure="""
            `ipMode: Proxy` (Kubernetes 1.30 and later), which newer cloud controllers write once PROXY headers are on.
            Else a host name in place of the address: most clouds have an annotation for it.
            """,
    ),
    Fault(
        code="KIP729",
        name="certificates-out-of-play",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.WARNING,
        title="routes have certificates of their own, and TLS ends before Kong",
        why="""
            The balancer ends TLS with its own certificate and speaks clear text to Kong. Certificates in `spec.tls` of
            Kong's routes are shown to nobody who comes this way. Neither do client certificates reach Kong, nor server
            names by which TLS is to be passed through.
            """,
        tell_apart="""
            The client's address is not concerned. Nothing is reported where the balancer encrypts anew, or passes TLS
            through.
            """,
        cure="""
            Keep the certificates where TLS ends, and remove them from the routes. Or pass TLS through: a layer 4
            balancer with PROXY headers, whose TLS ends at Kong.
            """,
    ),
    Fault(
        code="KIP730",
        name="mesh-takes-connections",
        layer=Layer.NODE,
        severity=Severity.ERROR,
        title="a mesh sidecar is to take the connections that come to Kong",
        why="""
            A sidecar takes each connection to the pod and opens one of its own to Kong, from a loopback address:
            127.0.0.6 with Istio, else mostly 127.0.0.1. The caller's address is lost inside the pod, whatever comes
            before it. Kong's charts keep Istio and Kuma off by annotations; the Kong Operator and plain manifests do
            not.
            """,
        tell_apart="""
            Where pods are at hand, a sidecar in them is proof; else what their template and namespace ask for. Nothing
            is reported where Kong trusts the sidecar's address. Traffic shows KIP303.
            """,
        cure="""
            Leave the ports of Kong's listeners (not those of the Service) out of interception: Istio
            `traffic.sidecar.istio.io/excludeInboundPorts`, Linkerd `config.linkerd.io/skip-inbound-ports`, Kuma
            `kuma.io/gateway: enabled`.
            """,
    ),
    Fault(
        code="KIP731",
        name="front-not-read",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="a balancer that ends HTTP names the caller in X-Forwarded-For, and Kong does not read it",
        why="""
            An Ingress of another class leads to Kong's Service: its balancer (AWS's ALB, Google's or Azure's) ends HTTP
            and appends the caller to X-Forwarded-For. Kong reads X-Real-IP unless told otherwise, which none of them
            sends, and believes nobody unless told otherwise. It logs the balancer's address.
            """,
        tell_apart="""
            A header that is named on purpose is not reported: a content network before the balancer may send it.
            Traffic shows KIP501 or KIP502.
            """,
        cure="""
            `real_ip_header = X-Forwarded-For`, and the balancer's subnets in `trusted_ips`; for Google's, see KIP732.
            """,
    ),
    Fault(
        code="KIP732",
        name="front-appends-itself",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="the balancer appends its own address behind the caller's, and Kong takes that one",
        why="""
            Google's balancer for HTTP writes two addresses: the caller's and then its own. Kong takes the last element,
            unless `real_ip_recursive` is on and the last one is trusted. So it logs the address that the caller
            connected to.
            """,
        tell_apart="""
            The logged address is the one that the Ingress publishes. A balancer's internal address would be KIP731.
            """,
        cure="""
            `real_ip_recursive = on`, and in `trusted_ips` the balancer's published address with 130.211.0.0/22 and
            35.191.0.0/16, from where it connects. Nobody else: with recursion, trust has to be exact.
            """,
    ),
    Fault(
        code="KIP733",
        name="ip-targets-drop-source",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="the NLB sends to pods, and by default puts its own address in the caller's place",
        why="""
            With instance targets an NLB preserves the source by default, with IP targets it does not, for TCP and TLS.
            Neither the attribute `preserve_client_ip.enabled` nor PROXY headers are asked for, so Kong's peer is a
            private address of the NLB, and nothing names the caller.
            """,
        tell_apart="""
            `externalTrafficPolicy` plays no part: no node is on the way. Traffic shows KIP201. Attributes that were set
            by hand in the console do not show in the Service.
            """,
        cure="""
            `aws-load-balancer-target-group-attributes: preserve_client_ip.enabled=true`, or PROXY headers on both
            sides. Where the source is preserved, security groups have to admit the callers.
            """,
    ),
    Fault(
        code="KIP734",
        name="proxy-header-within-tls",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.WARNING,
        title="the balancer encrypts anew and sends PROXY headers, and Kong expects them before TLS",
        why="""
            With `backend-protocol: ssl` or `https` the balancer ends TLS and begins a new TLS connection to Kong. Kong
            reads a PROXY header before the TLS handshake. Users report that HTTPS then fails with `broken header` and
            the bytes of a ClientHello in Kong's log, while HTTP works.
            """,
        tell_apart="""
            Test both ports: 80 answers and 443 is closed. If both are closed, the balancer sends no PROXY header at all
            (KIP722).
            """,
        cure="""
            `backend-protocol: tcp`, so that TLS is passed through to Kong behind the PROXY header; and a TCP health
            check.
            """,
    ),
    Fault(
        code="KIP735",
        name="listeners-disagree",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="some listeners behind one balancer demand PROXY headers, and others refuse them",
        why="""
            A balancer sends PROXY headers on all ports or on none, unless it is told which. The Service leads to
            listeners with `proxy_protocol` and to listeners without it, so one of the two sorts fails: without the flag
            a PROXY header is answered with 400, with it every other connection is closed. Often the flag is missing on
            the TLS port, on the entry for `[::]`, or in `stream_listen`, which is a setting of its own.
            """,
        tell_apart="""
            Nothing is reported where an annotation chooses ports. If the balancer is known to send the header, the
            listeners that lack the flag are KIP726.
            """,
        cure="""
            The same on every entry that the balancer leads to. In Kong's charts: `proxy.http.parameters`,
            `proxy.tls.parameters`, and `parameters` of each entry of `proxy.stream`.
            """,
    ),
    Fault(
        code="KIP736",
        name="balancer-trap",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.WARNING,
        title="the balancer is asked for something that is known to go wrong with it",
        why="""
            Balancers have their own rules on what goes together: Oracle's network balancer that is to preserve the
            source is refused without `Local`, Azure's probes a port by its `appProtocol` at a path that Kong answers
            404, a DigitalOcean one that passes TLS through writes no X-Forwarded-For there. The objects show such a
            choice; the evidence quotes what is known of it, and where that is told.
            """,
        tell_apart="""
            What this page names is a choice by annotation that no other finding is about. The page of each load
            balancer lists all that is known of it, also what no object shows.
            """,
        cure="""
            What the steps say. Where the balancer is told otherwise than the Service shows, nothing is wrong.
            """,
    ),
    Fault(
        code="KIP737",
        name="edge-header-open",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="Kong believes a content network's header of callers who come past that network",
        why="""
            A content network such as Cloudflare names the client in a header of its own, and Kong is told to read it.
            Whether it may be believed Kong decides by who has connected to it, and that is the load balancer for all
            callers alike. Whoever knows the balancer's address can connect there and write any address into the header.
            """,
        tell_apart="""
            A diagnosis with traffic sends such a header through the balancer itself (KIP503). That everyone is trusted
            is KIP716: here the trusted addresses may well be right. A balancer that is known to have no public address
            is not reported: who gets to it is within a network of one's own.
            """,
        cure="""
            Let the balancer admit the content network's published ranges alone: `spec.loadBalancerSourceRanges`, a
            security group, or a tunnel without a public address.
            """,
    ),
)
