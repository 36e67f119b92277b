"""KIP7xx: what is configured, where it contradicts the traffic, could not be read, or is wrong by itself."""

from __future__ import annotations

from diagnose.catalogue import configured_around, configured_kong, configured_way
from diagnose.catalogue.fault import Fault
from diagnose.path.traffic import Layer
from diagnose.report.report import Severity

FAULTS = (
    Fault(
        code="KIP701",
        name="settings-contradicted",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="Kong does not behave as its settings say",
        why="""
            Kong's settings were read where the finding says, and what the traffic shows cannot come from a Kong that
            runs with them. kongip believed the traffic. Usual causes: an environment variable with a doubled prefix
            (`KONG_KONG_TRUSTED_IPS`, from Helm keys written with the prefix), a `nginx_proxy_*` setting or template
            that overrides it, a configuration file that is read besides, a file or ConfigMap changed after Kong had
            started: Kong reads its settings only then.
            """,
        tell_apart="""
            A plugin can change what is logged or sent on as well. Look at the nginx configuration that Kong really
            wrote: `nginx-kong.conf` in its prefix directory, with its `listen`, `set_real_ip_from` and `real_ip_header`
            lines.
            """,
        cure="""
            Restart Kong (roll its pods), so that what runs is what is written; then run again. If it stays, compare
            the finding's settings with `nginx-kong.conf` line by line.
            """,
    ),
    Fault(
        code="KIP702",
        name="traffic-policy-contradicted",
        layer=Layer.NODE,
        severity=Severity.WARNING,
        title="the node does not do what the Service's traffic policy says",
        why="""
            `externalTrafficPolicy` promises one thing and the packets show another: mostly, the Service says `Local`
            and the source is rewritten all the same. Traffic then arrives by a way that the policy does not govern: an
            `externalIPs` address, a ClusterIP that is advertised to the outside, a port of the host, a ServiceLB
            pod of k3s (it masquerades by itself), rules gone stale, a CNI that decides otherwise, or a balancer that
            still sends to nodes as it did before the policy was changed.
            """,
        tell_apart="""
            If the address belongs to the balancer it is no contradiction: `Local` keeps the source that the node sees,
            and a proxying balancer has put its own there (KIP201).
            """,
        cure="""
            Find out by which address and port the traffic came in, and whether the policy covers that way. Touching the
            Service (adding an annotation) makes some cloud controllers bring the balancer into line. Stale rules go
            with a restart of kube-proxy on the node that the finding names.
            """,
    ),
    Fault(
        code="KIP703",
        name="rights-missing",
        layer=Layer.UPSTREAM,
        severity=Severity.WARNING,
        title="rights are missing, and evidence with them",
        why="""
            The credentials of this context do not suffice for every witness: reading Kong's log, running a command in
            the echo pod, listing nodes, creating the echo. The run went on with what was left; what could not be asked
            is unknown, and not taken to be fine.
            """,
        tell_apart="""
            Each missing right is named with verb, resource and namespace, and with what it would tell. The API server
            itself answered that it is missing; nothing was tried first.
            """,
        cure="""
            Ask for the named rights, or run with another context. `kongip rbac` prints all that a run needs as Roles
            for `kubectl apply`, `kongip rbac --mode no-echo` those of a run that makes nothing. A verdict that stands
            without them stands: more evidence can settle what is open, not turn what is proven.
            """,
    ),
    Fault(
        code="KIP704",
        name="leftovers-not-expiring",
        layer=Layer.UPSTREAM,
        severity=Severity.WARNING,
        title="nothing but kongip removes what it creates here, so a killed run leaves its objects behind",
        why="""
            All that kongip creates in a cluster hangs by one Job with a deadline and a time to live. kongip removes it
            at the end of a run, also on failure and Ctrl-C. Should kongip be killed outright, Kubernetes removes it
            after the deadline, unless it dropped `ttlSecondsAfterFinished`: clusters before 1.21 know that field only
            with the feature gate TTLAfterFinished. Outside Kubernetes, a route and a service that kongip made through
            Kong's Admin API (`--create-route`) have no deadline at all.
            """,
        tell_apart="""
            kongip reads the Job back after creating it and looks whether the field is still there. Of objects in Kong
            it is always so. It says nothing about the client's address.
            """,
        cure="""
            Nothing, as long as runs end by themselves. After a killed run, `kongip clean --context NAME` removes what
            bears kongip's labels and a run's name, and nothing else; `--dry-run` only names it, `--older-than 15m`
            spares runs that still go on.

            Outside Kubernetes, `kongip clean --admin-url URL` removes the routes and services that bear kongip's tags.
            """,
    ),
    Fault(
        code="KIP705",
        name="settings-unread",
        layer=Layer.GATEWAY,
        severity=Severity.WARNING,
        title="Kong's settings could not be read",
        why="""
            kongip reads Kong's settings from the environment of its containers, ConfigMaps and Secrets among it. Here
            they stand elsewhere (a configuration file in the image, a template), may not be read, or hold something
            that Kong would refuse to start with. All settings that agree with the traffic were considered instead.
            """,
        tell_apart="""
            Read and contradicted is KIP701. Here nothing was there to contradict. Remedies name the settings to reach,
            not the lines to change.
            """,
        cure="""
            Give the right to read the ConfigMap or Secret that the finding names; for a Kong outside Kubernetes, name
            its Admin API (`--admin-url`). Or look yourself: `trusted_ips`,
            `real_ip_header`, `real_ip_recursive` and `proxy_listen` are what matters, as they stand in
            `nginx-kong.conf`.
            """,
    ),
    *configured_kong.FAULTS,
    *configured_way.FAULTS,
    *configured_around.FAULTS,
)
