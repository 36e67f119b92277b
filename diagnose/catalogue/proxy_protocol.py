"""KIP4xx: the PROXY protocol between the balancer and Kong's listener."""

from __future__ import annotations

from diagnose.catalogue.fault import Fault
from diagnose.path.traffic import Layer
from diagnose.report.report import Severity

FAULTS = (
    Fault(
        code="KIP401",
        name="proxy-header-refused",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="the balancer sends a PROXY header that Kong does not expect",
        why="""
            The balancer puts a PROXY header in front of each connection. Kong's listener lacks the `proxy_protocol`
            flag and takes the header for the request line, which it is not: every request is answered with 400, over
            TLS the handshake fails (`WRONG_VERSION_NUMBER`, because the 400 comes in clear text).

            Often `real_ip_header = proxy_protocol` is set and believed to be enough. It is not: since 0.13 Kong appends
            the flag to no listener and checks nothing. The flag belongs on each entry of `proxy_listen`.
            """,
        tell_apart="""
            Kong's access log shows a status of 400 for the request `PROXY TCP4 203.0.113.7 ...` (version 1), or for
            `\\x00` (version 2). The opposite mistake (KIP402) leaves no access-log line and a *broken header* in the
            error log, and its callers get no answer at all instead of a 400.

            Whether the balancer or Kong is wrong is not a matter of fact but of what you want. Both are named, as
            possible.
            """,
        cure="""
            Either make Kong expect the header: `proxy_protocol` on the listener, `real_ip_header = proxy_protocol`, the
            balancer's addresses in `trusted_ips`. Or make the balancer stop sending it, if it preserves the source
            anyway. Leave the status and admin listeners as they are: kubelet's probes bear no header.

            Both sides have to change together; in between every connection fails. Bring up a second Service and
            listener, move the traffic, remove the first.
            """,
    ),
    Fault(
        code="KIP402",
        name="proxy-header-missing",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="Kong demands a PROXY header that nothing on the way sends",
        why="""
            A listener with the `proxy_protocol` flag reads the header before anything else, and closes a connection
            that begins with something else, without an answer. The balancer does not send it: it was never switched on,
            it was switched on by an annotation that this balancer or its controller does not know, or the balancer is
            of a kind that forwards packets and cannot.

            On AWS, `aws-load-balancer-proxy-protocol: "*"` is honoured for an NLB only by the AWS Load Balancer
            Controller; on a Service that the cloud controller manager owns it counts for Classic ELB alone. The
            passthrough balancers of GKE and AKS cannot send the header at all.
            """,
        tell_apart="""
            Kong's error log says `broken header: "GET / HTTP/1.1" while reading PROXY protocol, client: ...`; over TLS
            the quotes hold the bytes of a ClientHello. *Empty* quotes are something else: a health check that connects
            and leaves, which is noise and no fault.

            A probe that brings a header of its own gets through where an ordinary request does not. That also means
            that anyone else can (KIP403).
            """,
        cure="""
            Either switch the PROXY protocol on at the balancer, and check at the balancer itself that it is on; or take
            the flag off Kong's listeners and use what the balancer offers, usually a preserved source with
            `externalTrafficPolicy: Local`.
            """,
    ),
    Fault(
        code="KIP403",
        name="proxy-header-forgeable",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong believes a PROXY header that any caller can write",
        why="""
            The listener reads a PROXY header from whoever connects, and the address in it becomes the one that Kong
            logs, limits and admits by, because the TCP peer is in `trusted_ips` or everyone is. It takes one line in
            front of a request to become any client.
            """,
        tell_apart="""
            Where the balancer sends a header of its own, a caller's is the second one, which Kong takes for a broken
            request and answers with 400: not forgeable from outside. This finding is about entries where the caller's
            header comes first, and believed. If a request header does it, it is KIP503; if only workloads within the
            cluster can do it, KIP603.
            """,
        cure="""
            Let only the balancer reach that listener (security group, NetworkPolicy), and put the balancer's addresses
            in `trusted_ips` instead of everyone's. If no balancer sends the header, the listener should not have the
            flag.
            """,
    ),
    Fault(
        code="KIP404",
        name="balancer-believes-proxy-header",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="the balancer hands on a PROXY header that any caller can write",
        why="""
            The balancer reads a PROXY header from whoever connects to it, and names the address in it to Kong, in the
            header that it sends itself. Kong trusts the balancer, and rightly so; it is the balancer that believes
            strangers. Usually it was set up behind another proxy that sends such headers, and can be reached without
            it: `accept-proxy` in HAProxy, `proxy_protocol` on the `listen` line of nginx.
            """,
        tell_apart="""
            An ordinary request gets through, and so does one with a PROXY header in front: something on the way takes
            the header off. A balancer that adds its own to one that a caller wrote makes Kong answer 400. Where Kong
            itself reads the caller's header, an ordinary request does not get through (KIP402, KIP403).
            """,
        cure="""
            Let the balancer accept PROXY headers from the proxies in front of it alone: a listener of their own, a
            firewall or security group that admits nobody else, HAProxy's `tcp-request connection expect-proxy layer4 if
            { src ... }`. If nothing in front sends them, switch the reading off.
            """,
    ),
    Fault(
        code="KIP405",
        name="balancer-demands-proxy-header",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="the balancer demands a PROXY header that callers do not send",
        why="""
            The balancer closes connections that do not begin with a PROXY header. That is right behind another proxy
            that sends one, and wrong at an entry that callers use themselves.
            """,
        tell_apart="""
            If Kong were the one that demands it (KIP402), its error log would say `broken header` for the ordinary
            requests. Here Kong has never heard of them, and those with a PROXY header reach it from the balancer's
            address.
            """,
        cure="""
            Switch the reading of PROXY headers off at that listener of the balancer (`accept-proxy` in HAProxy,
            `proxy_protocol` on nginx's `listen`), or let callers come through the proxy that sends them.
            """,
    ),
    Fault(
        code="KIP406",
        name="two-proxy-headers",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="a PROXY header is put in front of another one, and Kong reads only the first",
        why="""
            Two proxies in a row both send a PROXY header, and the second one does not read that of the first: it takes
            it for the client's bytes and puts its own in front. Kong reads one header and finds another where the
            request should begin, which it refuses. Nothing gets through.
            """,
        tell_apart="""
            A Kong that expects no PROXY header at all (KIP401) refuses the first one already. Here its listener has the
            flag, and its access log shows the second header in the place of the request, answered with 400, for
            ordinary requests too.
            """,
        cure="""
            Let the second proxy read the header of the first: `accept-proxy` on HAProxy's `bind` line, `proxy_protocol`
            on nginx's `listen` line with `set_real_ip_from` for the first proxy's addresses. Or let the first one send
            none, if it forwards packets instead.
            """,
    ),
)
