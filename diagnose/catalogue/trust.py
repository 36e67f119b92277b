"""KIP5xx: what Kong trusts, and which address it takes."""

from __future__ import annotations

from diagnose.catalogue.fault import Fault
from diagnose.path.traffic import Layer
from diagnose.report.report import Severity

FAULTS = (
    Fault(
        code="KIP501",
        name="header-not-trusted",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong does not trust the hop whose header names the caller",
        why="""
            The caller's address reaches Kong in a header, and Kong ignores it, because the TCP peer that brought it is
            not in `trusted_ips`. That list is empty by default, and with an empty list Kong's nginx looks at no header,
            whatever `real_ip_header` says. A list may also be there and miss one sender: a node's address under
            `externalTrafficPolicy: Cluster`, a new subnet of the balancer's, IPv6.
            """,
        tell_apart="""
            The upstream gets the whole X-Forwarded-For in any case: Kong hands it on and appends its TCP peer whether
            or not it trusts. So an application that reads the first element seems to work, while Kong's own log, its
            rate limits and IP restrictions use the balancer's address. If the peer is trusted and the header is another
            than Kong reads, it is KIP502.
            """,
        cure="""
            Put the addresses that connect to Kong into `trusted_ips`: the smallest ranges that are sure to hold them,
            such as the balancer's subnets; the nodes' too, if they rewrite the source. Not `0.0.0.0/0`: with it anyone
            can name any address (KIP503). Set `real_ip_header` to the header that names the caller; its default is
            X-Real-IP, and most balancers send X-Forwarded-For. Kong reads both when it starts.
            """,
    ),
    Fault(
        code="KIP502",
        name="wrong-real-ip-header",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong reads another header than the one that names the caller",
        why="""
            Kong looks into one header alone, the one that `real_ip_header` names, and its default is X-Real-IP. Most
            balancers send X-Forwarded-For. Whoever sets `trusted_ips` and nothing else changes nothing that can be
            seen.

            A misspelt name is accepted silently. `x-forwarded-for` in lower case works, but only on the first header
            line; `PROXY_PROTOCOL` or `proxy-protocol` is taken for the name of an ordinary request header.
            """,
        tell_apart="""
            The peer is trusted, or KIP501 would come first, and the caller's address stands in a header that is not
            `real_ip_header`. If Kong reads the right header and takes the wrong one of several addresses in it, it is
            KIP505.
            """,
        cure="""
            `KONG_REAL_IP_HEADER=X-Forwarded-For` (or the header that your balancer or CDN sets), spelt exactly so, and
            roll the pods. A `KONG_NGINX_PROXY_REAL_IP_HEADER` wins over it, if there is one. With the Helm chart the
            key is `env.real_ip_header`: lower case and without the prefix.
            """,
    ),
    Fault(
        code="KIP503",
        name="trusts-everyone",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong believes a header that any caller can write",
        why="""
            `trusted_ips` covers whoever can connect, often as `0.0.0.0/0,::/0`, so a header that a caller writes itself
            is taken for the truth. With X-Forwarded-For and `real_ip_recursive = on` Kong walks from the right past
            every trusted address; if all are trusted it ends at the first one, which the caller chose. With X-Real-IP,
            a balancer that does not overwrite the header lets it straight through.

            IP restrictions, rate limits by address, audit logs and everything behind them then believe the caller.
            """,
        tell_apart="""
            kongip sent claims of its own, reserved for documentation (RFC 5737, RFC 3849), each channel with another
            address; the one that Kong logged names the channel. If the channel was a PROXY header, it is KIP403. That a
            caller's X-Forwarded-For is handed on to the *upstream* is not this; see KIP601.
            """,
        cure="""
            Trust only what really connects to Kong: the balancer's addresses or subnets, and the nodes' if they rewrite
            the source. With X-Forwarded-For keep `real_ip_recursive` off if one hop appends to it; if several do,
            switch it on and list every one of them, and no one else. Where the balancer is told to keep a client's
            header as it came, let it append or replace instead.
            """,
    ),
    Fault(
        code="KIP504",
        name="proxy-address-unused",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong reads the PROXY header and throws its address away",
        why="""
            The balancer sends the header, the listener has the flag, connections work, and the address in the header is
            still not used. It takes two more settings: `real_ip_header = proxy_protocol` (exactly so, in lower case and
            with the underscore), and a `trusted_ips` that holds the TCP peer. Kong starts without either and does not
            complain.
            """,
        tell_apart="""
            Were the header not expected, every request would fail (KIP401). Here they succeed with the address of the
            balancer, or of a node if that rewrites the source on the last leg: then the *nodes'* addresses are what has
            to be trusted.
            """,
        cure="""
            `KONG_REAL_IP_HEADER=proxy_protocol`, and `KONG_TRUSTED_IPS` with the addresses from which connections reach
            Kong: the balancer's, or the nodes' under `externalTrafficPolicy: Cluster`. Include a node's external
            address where the provider delivers from that.
            """,
    ),
    Fault(
        code="KIP505",
        name="wrong-chain-element",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong takes the wrong one of several addresses in the header",
        why="""
            Several hops have appended to X-Forwarded-For, and the caller's address is not the last one. With
            `real_ip_recursive = off` Kong takes the last element, which is then a proxy's. With `on` it walks from the
            right past trusted addresses and stops at the first that is not trusted: a hop that is missing in
            `trusted_ips` stops it too early, a range that also covers callers lets it walk too far.

            Google's HTTPS balancer is the well-known case: it appends the client's address and then its own.
            """,
        tell_apart="""
            The peer is trusted and the header is the right one (else KIP501, KIP502); the chain that the upstream
            received holds the caller's address, and Kong logged another element of it. If the element it logged is one
            that a caller can write, KIP503 is reported as well.
            """,
        cure="""
            `real_ip_recursive = on` and in `trusted_ips` every hop that appends: the balancer's subnet, the CDN's
            published ranges, with Google's balancer its own forwarding-rule address too. No range may contain callers.
            """,
    ),
)
