"""KIP2xx: the edge and the load balancer."""

from __future__ import annotations

from diagnose.catalogue.fault import Fault
from diagnose.path.traffic import Layer
from diagnose.report.report import Severity

FAULTS = (
    Fault(
        code="KIP201",
        name="balancer-replaces-source",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="the load balancer proxies and tells Kong nothing of the caller",
        why="""
            A layer 4 balancer that proxies accepts the caller's TCP connection and opens a second one to the node or
            the pod. The second one has the balancer's own source address, and the bytes inside are copied unchanged, so
            the caller's address is not in them. AWS Classic ELB, an NLB with IP targets at its defaults, HAProxy in
            `mode tcp`, Octavia's amphora driver and most rented balancers work like this.

            Nothing in Kong or in the cluster can bring the address back: no setting of Kong's restores what does not
            arrive. `externalTrafficPolicy: Local` does not help either; it keeps the source that the node sees, and
            that is already the balancer's.
            """,
        tell_apart="""
            A node that masquerades (KIP301) looks the same from afar, a wrong address and no header. The owner of the
            address decides: the balancer's, or one of its subnet, here; a node's there. If both happen, only the node's
            address reaches Kong, and the two cannot be told apart by their traces; kongip then says *possible* for
            both.

            A balancer that ends HTTP leaves headers (KIP202); one that sends the PROXY protocol is refused by a
            listener that does not expect it (KIP401).
            """,
        cure="""
            Let the balancer name the caller, in one of three ways.

            - Switch on the PROXY protocol at the balancer *and* on Kong's listeners, both together. Kong then needs
              `proxy_protocol` on each entry of `proxy_listen`, `real_ip_header = proxy_protocol`, and the balancer's
              addresses (or, under `externalTrafficPolicy: Cluster`, the nodes') in `trusted_ips`.
            - Use a balancer, or a mode of this one, that forwards packets and preserves the source. On an NLB with IP
              targets that is `preserve_client_ip.enabled=true`.
            - End HTTP at the balancer and let it add X-Forwarded-For; TLS then ends there too, and Kong's own
              certificates and mTLS are out of play.
            """,
    ),
    Fault(
        code="KIP202",
        name="balancer-drops-client-header",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="the load balancer hands on no header that names the caller",
        why="""
            The balancer ends HTTP and speaks to Kong from its own address, so a header is the only place where the
            caller's address could travel on, and it is in none. Either adding one was never switched on (HAProxy
            without `option forwardfor`, nginx without `proxy_set_header X-Forwarded-For`), or it is switched off (an
            ALB whose `routing.http.xff_header_processing.mode` is `remove` or `preserve`), or a rule removes the header
            to guard against forgery and puts nothing in its place.
            """,
        tell_apart="""
            kongip judges this from requests that carry no X-Forwarded-For of their own: some balancers add a second
            header *line*, of which Kong 3.6 and later hand on only the first, and such a line would be overlooked
            otherwise. If the caller's address does arrive in a header and Kong does not take it, the fault is Kong's
            (KIP501, KIP502, KIP505). If the balancer copies bytes without looking into HTTP, it is KIP201.
            """,
        cure="""
            Let the balancer append its client's address to X-Forwarded-For: `option forwardfor` in HAProxy,
            `proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;` in nginx, mode `append` on an ALB. Then let
            Kong trust the balancer and read that header: `trusted_ips`, and `real_ip_header = X-Forwarded-For`, since
            Kong's default is X-Real-IP.
            """,
    ),
    Fault(
        code="KIP203",
        name="entry-unreachable",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="connections are refused, or nothing answers them",
        why="""
            Not one ordinary request through this entry got an answer from Kong. The usual causes, roughly by frequency:
            a firewall or security group admits the balancer but not the callers (packets that keep their source carry
            the caller's address, so it is the caller that has to be admitted); the balancer's health check fails and it
            has no target left; the published address is stale; the port is not open; the Service has no ready endpoint.
            """,
        tell_apart="""
            *Refused* means that something answered with a reset: the address is alive and nothing listens, or there is
            no endpoint behind it. *No answer* means that packets vanish: a firewall, no route, or a node without a Kong
            pod under `externalTrafficPolicy: Local` (KIP302). *502, 503 or 504* of something before Kong means that it
            found no server that counts as healthy, or could not speak to it: its log and health checks tell which. A
            connection that is *accepted, and then nothing*, may end at any hop that waits for the next one, or at a
            Kong that is stuck; `kongip probe` at each of them tells. One that is accepted and then closed or answered
            with 400 is none of these; that is a disagreement on the PROXY protocol (KIP401, KIP402).
            """,
        cure="""
            Follow the path from outside in: does the name resolve to the address that the Service publishes? Do the
            balancer's targets count as healthy, and on which port and path are they checked? Do the security groups or
            firewalls of the nodes admit the callers' addresses? Does the Service have endpoints (`kubectl get
            endpointslices`)? If other machines get through, it is the network of the one that runs kongip.
            """,
    ),
    Fault(
        code="KIP204",
        name="entry-not-probed",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.WARNING,
        title="a way to Kong was found and not probed",
        why="""
            Routes in the cluster are for hosts whose names resolve to an address that is none of those probed: a CDN, a
            web application firewall, a second balancer that no object in the cluster knows of. Users who come by that
            name take another path, and the verdict says nothing about it.
            """,
        tell_apart="""
            Something that could not be tried at all, such as IPv6 from a machine without an IPv6 route, is listed as
            not measured; it is no finding.
            """,
        cure="""
            Name the entry: `kongip diagnose --url https://shop.example.com ...`. If a CDN is in front, every caller
            reaches the balancer from the CDN's addresses, and Kong has to take the address from the header that the CDN
            sets.
            """,
    ),
    Fault(
        code="KIP205",
        name="edge-replaces-source",
        layer=Layer.EDGE,
        severity=Severity.ERROR,
        title="a proxy before the load balancer hands on nothing of the caller",
        why="""
            Between the caller and the load balancer stands another proxy: a CDN, a web application firewall, a
            provider's accelerator, a tunnel. It ends the connection and opens one of its own, and nothing that it sends
            on bears the caller's address: no PROXY header and no request header.
            """,
        tell_apart="""
            The address that arrives belongs to neither caller nor cluster. A balancer's address (KIP201) is one that
            the Service publishes, or one of the balancer's subnet; an edge has addresses of its own, which its operator
            publishes. Send through the balancer's own address as well: if the caller's address arrives that way and not
            by the public name, it is the edge. Where no such second way exists, edge, balancer and the caller's own
            side all stay possible.
            """,
        cure="""
            Every CDN can send the client's address in a header: switch it on, and let Kong read that header
            (`real_ip_header`) and trust whoever connects to it (`trusted_ips`). Trust is judged by the TCP peer. So
            when a balancer stands between, the balancer must admit nobody but the CDN; otherwise anyone who reaches it
            directly can write that header.
            """,
    ),
    Fault(
        code="KIP206",
        name="tls-mismatch",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="the balancer and Kong disagree on whether TLS is spoken between them",
        why="""
            The balancer ends TLS and goes on in clear text to a port on which Kong expects TLS, or the other way round.
            Kong answers clear text on a TLS port with 400, *The plain HTTP request was sent to HTTPS port*. The usual
            cause is a certificate at the balancer together with a target port of 8443, or a backend protocol left at
            its default.
            """,
        tell_apart="""
            A PROXY header that Kong does not expect (KIP401) is answered with 400 as well; Kong's access log then shows
            `PROXY TCP4 ...` in the place of the request, and the request itself here. Where a TLS handshake is answered
            in clear text (`WRONG_VERSION_NUMBER`), the URL may also just name a port that is not meant for TLS.
            """,
        cure="""
            Either let the balancer pass TLS through (`backend-protocol: tcp` on AWS, a TCP listener elsewhere) and end
            at Kong's TLS port; or let it end TLS and lead to Kong's plain port; or let it encrypt anew towards the TLS
            port. Where TLS ends at the balancer, the certificates on Kong's routes and client certificates are out of
            play.
            """,
    ),
    Fault(
        code="KIP207",
        name="proxy-address-dropped",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.ERROR,
        title="a second proxy takes the PROXY header off and forgets the address in it",
        why="""
            Between the balancer and Kong stands a further proxy, an nginx for example. It expects the PROXY header that
            the balancer sends, takes it off, and then names the balancer, which is its TCP peer, as the client.
            nginx does so where `listen ... proxy_protocol` is set and `real_ip_header proxy_protocol` with
            `set_real_ip_from` is not.
            """,
        tell_apart="""
            The balancer's own address stands in X-Forwarded-For where the caller's should be, although the balancer
            sends the PROXY protocol. If the balancer sends no header at all, it is the balancer's fault (KIP201).
            """,
        cure="""
            Let the second proxy count the address in the header as its client: in nginx `set_real_ip_from` the balancer
            and `real_ip_header proxy_protocol`, in HAProxy `accept-proxy`, which does so by itself.
            """,
    ),
    Fault(
        code="KIP208",
        name="answered-before-kong",
        layer=Layer.LOAD_BALANCER,
        severity=Severity.WARNING,
        title="something before Kong answers by itself, so that requests do not get to Kong",
        why="""
            The answers bear no sign of Kong's, and its logs hold no line of the requests: an edge or a balancer gave
            them. It may redirect HTTP to HTTPS, which is no fault: callers then come by the other entry. It may be a
            firewall that refuses a path, a client or a method that it does not know, a page for maintenance, or a
            balancer that has no server left.
            """,
        tell_apart="""
            An answer of Kong's own, 404 among them, says so in `Server`, `Via` or an `X-Kong-*` header, and in its
            access log. If a proxy removes those headers and the log cannot be read, the answer may be Kong's all the
            same.
            """,
        cure="""
            Where it redirects, probe what it redirects to: `--url https://...`; with both entries probed, the other
            one decides. Where it refuses, admit what kongip asks for, GET requests to paths that begin with `/kongip-`,
            or for a Kong outside Kubernetes name a path that is admitted with `--echo-path`.
            """,
    ),
)
