"""What the commands that probe a Kong share: the flags that say where it is and how, and the place that they name."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from diagnose.commands import values
from diagnose.errors import USAGE, Stop
from diagnose.outside import flags as outside_flags
from diagnose.report.harmless import harmless

if TYPE_CHECKING:
    from diagnose.limit import Limit
    from diagnose.run import Options
    from diagnose.site import Progress, Site


class PlaceFlags(NamedTuple):
    """What takes further flags: those of which one names the place, and those of how to go about it."""

    place: argparse._MutuallyExclusiveGroup
    how: argparse._ArgumentGroup


def add_flags(parser: argparse.ArgumentParser, connections: int, *, several: bool = False) -> PlaceFlags:
    """Add the flags of all that probe: where Kong is, what is known, and how to go about it.

    ``connections`` is how many ordinary ones are made if nobody says otherwise. With ``several``, any number of
    contexts may be named, or all that there are: ``contexts`` are their names then.
    """
    where = parser.add_argument_group("where")
    place = where.add_mutually_exclusive_group()
    told = "the kubeconfig context of Kong's cluster"
    if several:
        place.add_argument(
            "--context",
            dest="contexts",
            metavar="NAME",
            type=values.name,
            action="append",
            default=[],
            help=f"{told}; repeatable, to diagnose several side by side",
        )
        place.add_argument("--all-contexts", action="store_true", help="all of the kubeconfig; inspected without --yes")
        where.add_argument("--yes", action="store_true", help="with --all-contexts: deploy and send probes in each")
    else:
        place.add_argument("--context", metavar="NAME", type=values.name, action=values.Once, help=told)
    place.add_argument("--lab", metavar="NAME", help="an embedded lab on loopback addresses (see: kongip lab)")
    values.add_kubeconfig(where)
    where.add_argument("--service", metavar="NAMESPACE/NAME", type=values.full_name, help="Kong's proxy Service")
    route = where.add_mutually_exclusive_group()
    route.add_argument("--ingress-class", metavar="NAME", help="the IngressClass of the Kong to diagnose")
    route.add_argument(
        "--gateway", metavar="NAMESPACE/NAME", type=values.full_name, help="the Gateway of Kong's for the echo's route"
    )
    where.add_argument(
        "--url",
        metavar="URL",
        action="append",
        default=[],
        help="a further entry, or without --context and --lab a Kong outside Kubernetes; repeatable",
    )
    where.add_argument("--host", metavar="HOST", type=values.host, help="the Host header and TLS server name of probes")
    outside_flags.add_flags(parser)
    known = parser.add_argument_group("what is known")
    known.add_argument(
        "--caller-ip",
        metavar="ADDRESS|CIDR",
        action="append",
        default=[],
        type=values.network,
        help="an address that the caller rightly appears as; repeatable",
    )
    known.add_argument(
        "--owner",
        metavar="CIDR=LAYER",
        action="append",
        default=[],
        type=values.owner,
        help="whose addresses those are: edge, load_balancer, node or caller; repeatable",
    )
    known.add_argument(
        "--capture",
        metavar="FILE@POINT",
        action="append",
        default=[],
        type=values.capture_at,
        help="packets that are captured meanwhile, at client, edge, load_balancer, node or gateway; repeatable",
    )
    how = parser.add_argument_group("how")
    echo = parser.add_argument_group("the echo backend in a cluster")
    echo.add_argument("--no-echo", dest="echo", action="store_false", help="deploy none: Kong's 404 and its log tell")
    echo.add_argument(
        "--namespace", metavar="NAME", type=values.namespace, help="where it is made; default: Kong's namespace"
    )
    echo.add_argument("--image", metavar="IMAGE", help="a Python image (default python:3-alpine)")
    echo.add_argument(
        "--node-selector",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=values.label,
        help="a label of the nodes that may run it; repeatable",
    )
    echo.add_argument(
        "--toleration",
        metavar="KEY[=VALUE][:EFFECT]",
        action="append",
        default=[],
        type=values.toleration,
        help="a taint of nodes that it puts up with; repeatable",
    )
    echo.add_argument(
        "--network-policy",
        action="store_true",
        help="make a NetworkPolicy that lets connections to it through, for namespaces that deny them",
    )
    how.add_argument(
        "--connections",
        metavar="N",
        type=values.count,
        default=connections,
        help=f"ordinary connections through each entry (default {connections})",
    )
    how.add_argument(
        "--probe-timeout",
        metavar="SECONDS",
        type=values.seconds,
        default=5.0,
        help="for each step of a probe (default 5), at most a tenth of --timeout",
    )
    how.add_argument(
        "--no-exec",
        dest="execute",
        action="store_false",
        help="run no command in any pod and reach into none: settings are then as objects tell them",
    )
    return PlaceFlags(place, how)


CLUSTER_ONLY = (
    "kubeconfig",
    "service",
    "ingress_class",
    "gateway",
    "url",
    "host",
    "owner",
    *outside_flags.OF_ECHOES,
)


def check(options: argparse.Namespace) -> None:
    """Stop with status 2 where the flags of ``add_flags`` do not go together."""
    stray = next((name for name in CLUSTER_ONLY if options.lab is not None and getattr(options, name)), None)
    if stray is not None:
        raise Stop(f"--{stray.replace('_', '-')} goes with --context, not with --lab.", "Leave one of them out.", USAGE)
    if options.lab is not None and not options.echo:
        raise Stop("--no-echo goes with --context, not with --lab.", "Leave one of them out.", USAGE)
    values.check_owners(options.owner, options.caller_ip)
    outside_flags.check(options)
    stray = next((name for name in outside_flags.OF_ECHOES if getattr(options, name)), None)
    if stray is not None and not options.echo:
        raise Stop(f"--{stray.replace('_', '-')} does not go with --no-echo.", "It is for the echo.", USAGE)
    if options.capture:
        from diagnose.capture.files import check_all

        check_all(options.capture)


def asked_of(options: argparse.Namespace, argv: Sequence[str], limit: Limit) -> Options:
    """What the main job is asked for; ``argv`` are the words by which the run can be repeated."""
    from diagnose.remedies.forms import kubectl_for
    from diagnose.run import Options

    return Options(
        caller_ips=tuple(options.caller_ip),
        connections=options.connections,
        timeout=limit.step(options.probe_timeout),
        kubectl=kubectl_for(options.context),
        command=shlex.join(["kongip", *argv]),
        limit=limit,
        captures=tuple(options.capture),
    )


@contextlib.contextmanager
def leftovers_told(site: Site) -> Iterator[None]:
    """Remove what the run made, however it ends, and say what could not be removed."""
    try:
        yield
    finally:
        site.remove()
        for leftover in site.leftovers:
            sys.stderr.write(f"kongip: {harmless(leftover)}\n")


def open_site(options: argparse.Namespace, progress: Progress) -> Site:
    """The place that the flags name, looked at; nothing is made there yet."""
    if options.lab is not None:
        from diagnose.lab.site import open_lab

        return open_lab(options.lab)
    if outside_flags.is_outside(options):
        from diagnose.outside.site import OutsideOptions, OutsideSite

        progress("looking at what is known of Kong")
        return OutsideSite(
            OutsideOptions(
                urls=tuple(options.url),
                direct=options.direct,
                host=options.host,
                owners=tuple(options.owner),
                kong_log=options.kong_log,
                kong_error_log=options.kong_error_log,
                admin_url=options.admin_url,
                echo_path=options.echo_path,
                echo_url=options.echo_url,
                timeout=options.probe_timeout,
            )
        )
    from diagnose.cluster.manifests import Admission
    from diagnose.cluster.options import DEFAULT_IMAGE, ClusterOptions
    from diagnose.cluster.site import open_cluster

    progress(f"looking for Kong in context {options.context}" if options.context else "looking for Kong in the cluster")
    return open_cluster(
        ClusterOptions(
            context=options.context,
            kubeconfig=options.kubeconfig,
            namespace=options.namespace,
            service=options.service,
            ingress_class=options.ingress_class,
            gateway=options.gateway,
            urls=tuple(options.url),
            host=options.host,
            image=options.image or DEFAULT_IMAGE,
            execute=options.execute,
            echo=options.echo,
            admission=Admission(tuple(options.node_selector), tuple(options.toleration), options.network_policy),
            owners=tuple(options.owner),
            timeout=min(60.0, options.timeout / 3),
        )
    )
