"""KIP706 to KIP721: what Kong is told, as its objects show it without any traffic."""

from __future__ import annotations

from diagnose.catalogue.fault import Fault
from diagnose.path.traffic import Layer
from diagnose.report.report import Severity

FAULTS = (
    Fault(
        code="KIP706",
        name="prefix-doubled",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="a setting bears the prefix KONG_ twice, and Kong does not read it",
        why="""
            Kong's Helm charts write `KONG_` before each key under `env`, in upper case. A key that has the prefix
            already, such as `env.KONG_TRUSTED_IPS`, becomes the variable `KONG_KONG_TRUSTED_IPS`. Kong has no setting
            of that name and says nothing; the setting that was meant stays at its default.
            """,
        tell_apart="""
            The variable's name is proof by itself. A setting that is read and has another value than expected is
            overridden instead (KIP714), or refused (KIP707). If the variable with the right name has the same value,
            nothing is reported.
            """,
        cure="""
            Write the key in lower case and without any prefix: `env.trusted_ips`, `env.real_ip_header`. Outside Helm,
            name the variable `KONG_TRUSTED_IPS`. What the variable says was not in force until then: see first that
            Kong starts with it, and that it trusts no more than it is meant to.
            """,
    ),
    Fault(
        code="KIP707",
        name="settings-refused",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong does not start with a setting as it is written",
        why="""
            Kong checks `trusted_ips` and `proxy_listen` when it starts. Host names, `*`, quotes within the value, and
            spaces or semicolons between the entries of `trusted_ips` stop it; so do flags of a listener that it does
            not know. Other values pass Kong and stop the nginx that it starts.
            """,
        tell_apart="""
            Pods that run nevertheless were started with something else: an older revision, or another source that wins
            over this one. `kubectl rollout status` tells which; a value that Kong fetches from a vault is not judged.
            """,
        cure="""
            Separate entries by commas. `trusted_ips` takes addresses and CIDR blocks of either family; `proxy_listen`
            takes `address:port` and flags such as `ssl`, `http2`, `proxy_protocol`, `reuseport`, `backlog=16384`.
            """,
    ),
    Fault(
        code="KIP708",
        name="proxy-header-not-expected",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong is to take the address from PROXY headers, and no listener reads them",
        why="""
            `real_ip_header = proxy_protocol` says where the address is taken from. That a listener reads a PROXY header
            is said elsewhere, by the flag `proxy_protocol` on each entry of `proxy_listen`. Kong 0.13 and later adds
            the flag to none and checks nothing, whatever its documentation of the setting says. Without the flag the
            header is no header: it is answered with 400.
            """,
        tell_apart="""
            The converse, a flag whose address is not used, is KIP709. If the balancer does not send PROXY headers
            either, requests are answered, and Kong logs its TCP peer.
            """,
        cure="""
            Add `proxy_protocol` to every entry of `proxy_listen` that the balancer leads to. In Kong's charts these are
            `proxy.http.parameters` and `proxy.tls.parameters`. Balancer and listener have to change together.
            """,
    ),
    Fault(
        code="KIP709",
        name="proxy-address-discarded",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong demands a PROXY header and does not use the address in it",
        why="""
            With the flag `proxy_protocol` a listener closes every connection that does not begin with a PROXY header.
            The address in it is used only if `real_ip_header` is `proxy_protocol` (the default is X-Real-IP) *and* the
            peer that sends it is among `trusted_ips` (the default is nobody).
            """,
        tell_apart="""
            Traffic shows the same as KIP504. A header that is named on purpose is not reported: behind a content
            network and a balancer that sends PROXY headers, the address rightly comes from the network's own header.
            """,
        cure="""
            Set `real_ip_header = proxy_protocol`, and name those who send the header in `trusted_ips`: the balancer's
            subnets, or under `externalTrafficPolicy: Cluster` the nodes'.
            """,
    ),
    Fault(
        code="KIP710",
        name="header-never-matches",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong is to read a header that no balancer sends under that name",
        why="""
            Kong does not check `real_ip_header`. Any word passes and is then the name of a request header: with
            `proxy-protocol` or `PROXY_PROTOCOL` Kong looks for a header of that name in place of the PROXY protocol,
            with `X_Forwarded_For` for one that no balancer writes, and two names with a comma between them are one name
            that cannot occur. `Forwarded` (RFC 7239) can be named, but its `for=` is not understood. Only a caller who
            wants to forge an address will ever send such a header.
            """,
        tell_apart="""
            Letter case does not matter with headers, save for X-Forwarded-For (KIP711), but it does with
            `proxy_protocol`. Names that are not known as a slip of some other are not judged.
            """,
        cure="""
            `proxy_protocol` in lower case with an underscore, or one header's name: `X-Forwarded-For`, `X-Real-IP`,
            `CF-Connecting-IP`.
            """,
    ),
    Fault(
        code="KIP711",
        name="header-read-once",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="Kong reads only the first X-Forwarded-For line, for the way the name is spelt",
        why="""
            nginx knows `X-Forwarded-For` by its exact spelling and then reads every line of it, the last one first.
            Spelt `x-forwarded-for` it is a header like any other, of which the first line alone is read. Some balancers
            (HAProxy's `option forwardfor`) append a line of their own below one that the client sent. The first line is
            then the client's, who can so choose the address that Kong logs.
            """,
        tell_apart="""
            A balancer that adds to the client's line, or replaces it, sends one line, and nothing is wrong. A spelling
            that matches nothing at all is KIP710.
            """,
        cure="""
            Write `real_ip_header = X-Forwarded-For`, in just these letters; nothing else has to change.
            """,
    ),
    Fault(
        code="KIP712",
        name="header-without-trust",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong is told which header to read and trusts nobody to write it",
        why="""
            `real_ip_header` names a header, and `trusted_ips` is empty, as it is by default. Kong then writes no
            `set_real_ip_from` for nginx, and without one nginx looks into no header at all. Kong logs its TCP peer.
            """,
        tell_apart="""
            Trust that does not hold the peer is KIP719 or, with traffic, KIP501. With a PROXY header it is KIP709.
            """,
        cure="""
            Name those who connect to Kong in `trusted_ips`: the balancer's subnets, under `externalTrafficPolicy:
            Cluster` also the nodes'. Not `0.0.0.0/0`, which lets callers write the header.
            """,
    ),
    Fault(
        code="KIP713",
        name="recursive-not-on",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong takes the value of its real_ip_recursive for off",
        why="""
            Kong turns `real_ip_recursive` on for the word `on` and for nothing else: `true`, `yes`, `1` and `On` are
            off. In YAML an `on` without quotes is a boolean, which Helm charts write as `"true"`. Kong then takes the
            last element of X-Forwarded-For even where that is a trusted proxy.
            """,
        tell_apart="""
            With one proxy before Kong the last element is right, and the setting is not needed at all. It plays no part
            with the PROXY protocol, where nothing is reported.
            """,
        cure="""
            `real_ip_recursive: "on"` with the quotes; as a variable, `KONG_REAL_IP_RECURSIVE=on`. Trust must then name
            the proxies exactly (KIP717).
            """,
    ),
    Fault(
        code="KIP714",
        name="setting-overridden",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="one of two settings for the same thing wins over the other",
        why="""
            `real_ip_header` and `real_ip_recursive` are other names for `nginx_proxy_real_ip_header` and
            `nginx_proxy_real_ip_recursive`. Where both are given, the latter is in force, and the Admin API shows both.
            `nginx_http_real_ip_header` goes into the http block, where it loses to the server block, into which Kong
            always writes one.
            """,
        tell_apart="""
            Nothing is reported where both have the same value. `nginx_proxy_directives` in the answer of the Admin API
            tells what is in force.
            """,
        cure="""
            Keep `real_ip_header` and `real_ip_recursive` with the values that are wanted, and remove the others.
            """,
    ),
    Fault(
        code="KIP715",
        name="trust-beside-kong",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="nginx trusts addresses of which Kong itself knows nothing",
        why="""
            `set_real_ip_from` was given to nginx directly, by `nginx_proxy_set_real_ip_from` or
            `nginx_http_set_real_ip_from`. nginx then replaces the client's address. Kong's own code looks into
            `trusted_ips` only, and so ignores what the same peer says in X-Forwarded-Proto, -Host and -Port: the
            upstream gets a wrong scheme and port. The Admin API shows an empty `trusted_ips`.
            """,
        tell_apart="""
            It is no loss of the address by itself, and kongip cannot tell from `trusted_ips` whom such a Kong believes;
            findings on trust keep silent.
            """,
        cure="""
            Move the addresses into `trusted_ips`: Kong writes `set_real_ip_from` for each of them by itself.
            """,
    ),
    Fault(
        code="KIP716",
        name="everyone-trusted",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="Kong believes whoever connects to it",
        why="""
            `trusted_ips` holds every address of a family, as a common guide shows it. Whoever can open a connection to
            Kong, every pod of the cluster among them, can then name any client address: in a PROXY header where the
            listener reads one, else in the header that `real_ip_header` names. That is X-Real-IP by default, which
            many balancers hand on as the client sent it.
            """,
        tell_apart="""
            Whether callers from outside can forge an address as well depends on the balancer; `kongip diagnose` tries
            it (KIP503, KIP403). With `real_ip_recursive` on they can (KIP717).
            """,
        cure="""
            Trust the addresses from which Kong is connected to: the balancer's subnets, and under
            `externalTrafficPolicy: Cluster` the nodes'. A network policy that admits only those does as well.
            """,
    ),
    Fault(
        code="KIP717",
        name="everyone-trusted-recursive",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="Kong takes the first address in the header, which the client itself wrote",
        why="""
            With `real_ip_recursive` Kong walks the list from the right, past each address that it trusts, and takes the
            first that it does not. If everyone is trusted there is none, and the leftmost is taken. A balancer appends
            on the right, so the leftmost is what the client sent.
            """,
        tell_apart="""
            Without `real_ip_recursive` the last element is taken, which the balancer wrote (KIP716). A balancer that
            replaces the header instead of adding to it would save the address; objects do not show that.
            """,
        cure="""
            Trust the proxies before Kong exactly, each of them and nobody else; then recursion ends at the client. With
            a single proxy, turn `real_ip_recursive` off as well.
            """,
    ),
    Fault(
        code="KIP718",
        name="one-family-trusted",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="everyone is trusted in one address family, and nobody in the other",
        why="""
            `0.0.0.0/0` holds IPv4 addresses only, `::/0` IPv6 ones only. Kong also listens to the other family, in
            which it believes no peer: clients that come that way are logged with the balancer's address. And only with
            both does Kong's own code believe a peer that a dual socket shows as `::ffff:a.b.c.d`.
            """,
        tell_apart="""
            Nothing is reported where the Service is known to have the one family alone, or where some addresses of the
            other are trusted too.
            """,
        cure="""
            Better than adding the second one: trust the balancer's and nodes' own networks, in both families (KIP716).
            """,
    ),
    Fault(
        code="KIP719",
        name="peers-not-trusted",
        layer=Layer.NODE,
        severity=Severity.WARNING,
        title="Kong trusts no address of nodes that bring connections to it",
        why="""
            Under `externalTrafficPolicy: Cluster` a node puts an address of its own into the place of the source, the
            balancer's included. So Kong's TCP peer is a node, and trust is judged by the peer alone. What a node brings
            of which no address is trusted, a header or a PROXY header, is not believed: Kong logs the node.
            """,
        tell_apart="""
            Every address that the node object tells is looked at, with its tunnel's and its pods' network. Some network
            plug-ins keep the source even under Cluster; a run with traffic settles it (KIP501).
            """,
        cure="""
            Trust the nodes' subnet, not single nodes: nodes that join later have other addresses. Or use
            `externalTrafficPolicy: Local`, where the balancer's health checks allow it.
            """,
    ),
    Fault(
        code="KIP720",
        name="checks-on-proxy-listener",
        layer=Layer.GATEWAY,
        severity=Severity.ERROR,
        title="a health check or a controller meets a listener that demands a PROXY header",
        why="""
            A listener with `proxy_protocol` closes each connection without a PROXY header. The kubelet, Prometheus and
            Kong's controller come straight to the pod and send none: pods never become Ready, or routes are never
            configured.
            """,
        tell_apart="""
            Lines of Kong's log such as `broken header: ""` that come with a balancer's own TCP checks are noise. Here
            it is the listener that is wrong, or the port that the check goes to.
            """,
        cure="""
            `proxy_protocol` belongs on the entries of `proxy_listen` and `stream_listen` that a balancer leads to,
            never on `status_listen` or `admin_listen`. Let probes ask the status listener.
            """,
    ),
    Fault(
        code="KIP721",
        name="listen-drops-defaults",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="Kong's proxy_listen was replaced to add proxy_protocol, and HTTP/2 was lost with it",
        why="""
            Kong's guide shows `0.0.0.0:8000 proxy_protocol, 0.0.0.0:8443 ssl proxy_protocol`. That replaces the whole
            list: `http2` is gone from the TLS listener, and with it gRPC; so are `reuseport` and the longer backlog of
            Kong's own default, and, with Kong's charts, the listeners on `[::]`.
            """,
        tell_apart="""
            It does not touch the client's address. Nothing is reported for a list without `proxy_protocol`: HTTP/2 may
            then have been left out on purpose.
            """,
        cure="""
            Add the flag to the entries that were there. With Kong's charts leave `env.proxy_listen` out and use
            `proxy.http.parameters: [proxy_protocol]` and `proxy.tls.parameters: [http2, proxy_protocol]`.
            """,
    ),
)
