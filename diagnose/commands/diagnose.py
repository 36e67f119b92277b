"""``kongip diagnose``: probe a Kong and name the layer at fault."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from diagnose.commands import output, values
from diagnose.errors import EXIT_STATUS, USAGE, Stop
from diagnose.outside import flags as outside_flags

if TYPE_CHECKING:
    from diagnose.evidence.record import Record
    from diagnose.report.report import Report
    from diagnose.site import Progress, Site


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says where Kong is, what is known, and how to go about it."""
    parser.description = "Probes a live Kong and names the layer that drops or rewrites the client's address."
    parser.epilog = EXIT_STATUS
    where = parser.add_argument_group("where")
    place = where.add_mutually_exclusive_group()
    place.add_argument("--context", metavar="NAME", help="the kubeconfig context of Kong's cluster")
    place.add_argument("--lab", metavar="NAME", help="an embedded lab on loopback addresses (see: kongip lab)")
    place.add_argument(
        "--from", dest="saved", metavar="FILE", help="what --save kept, explained again: nothing is sent"
    )
    where.add_argument("--kubeconfig", metavar="FILE", help="default: $KUBECONFIG, else ~/.kube/config")
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
    how = parser.add_argument_group("how")
    how.add_argument("--namespace", metavar="NAME", help="where the echo backend is made; default: Kong's namespace")
    how.add_argument("--image", metavar="IMAGE", help="a Python image for the echo backend (default python:3-alpine)")
    how.add_argument(
        "--connections",
        metavar="N",
        type=values.count,
        default=20,
        help="ordinary connections through each entry (default 20)",
    )
    how.add_argument(
        "--timeout", metavar="SECONDS", type=values.seconds, default=5.0, help="for each step of a probe (default 5)"
    )
    how.add_argument(
        "--no-exec",
        dest="execute",
        action="store_false",
        help="run no command in any pod and reach into none: settings are then as objects tell them",
    )
    told = output.add_flags(parser)
    told.add_argument("-v", "--verbose", action="store_true", help="show every probe")
    told.add_argument("--save", metavar="FILE", help="keep all that was seen, for --from and kongip compare")


CLUSTER_ONLY = ("kubeconfig", "service", "ingress_class", "gateway", "url", "host", "owner", "namespace", "image")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Probe, judge, and print the report."""
    output.check(options, *([options.save] if options.save else []))
    if options.saved is not None:
        return _explain_again(options, argv)
    stray = next((name for name in CLUSTER_ONLY if options.lab is not None and getattr(options, name)), None)
    if stray is not None:
        raise Stop(f"--{stray.replace('_', '-')} goes with --context, not with --lab.", "Leave one of them out.", USAGE)
    outside_flags.check(options)
    from diagnose.report.progress import progress_to
    from diagnose.run import Options, examine

    with (
        progress_to(sys.stderr, quiet=options.quiet) as progress,
        _site(options, progress) as site,
        _leftovers_told(site),
    ):
        kubectl = f"kubectl --context {shlex.quote(options.context)}" if options.context else "kubectl"
        asked = Options(
            caller_ips=tuple(options.caller_ip),
            connections=options.connections,
            timeout=options.timeout,
            kubectl=kubectl,
            command=shlex.join(["kongip", *argv]),
        )
        record, report = examine(site, asked, progress)
    return _told(record, report, options)


def _told(record: Record, report: Report, options: argparse.Namespace) -> int:
    """Keep what was seen, and tell the report, where that is asked for with placeholders in both."""
    if options.save or options.redact:
        from diagnose.evidence.secrets import without_secrets

        record = without_secrets(record)
    if options.redact:
        from diagnose.redact.redact import redacted

        record, report = redacted(record, report)
    if options.save:
        from diagnose.evidence.file import save

        save(record, options.save)
    return output.finish(report, options)


WITH_FROM = (
    "--from",
    "--output",
    "--output-file",
    "--fail-on",
    "--suppress",
    "--redact",
    "--quiet",
    "--verbose",
    "--save",
)
"""The flags that go with --from, which are those that ask for nothing to be done or known."""


def _explain_again(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Explain what an earlier run saw. Nothing but the output can be asked for: all else is as it was then."""
    given = (word.partition("=")[0] for word in argv if word.startswith("--") and word != "--")
    stray = next((word for word in given if not any(flag.startswith(word) for flag in WITH_FROM)), None)
    if stray is not None:
        raise Stop(f"{stray} does not go with --from.", "All but the output is as the saved run had it.", USAGE)
    from diagnose.evidence.file import load
    from diagnose.judge import judge

    record = load(options.saved)
    try:
        report = judge(record)
    except (ValueError, KeyError) as error:
        raise Stop(f"{options.saved} cannot be explained: {error}.", "Name what --save wrote.", USAGE) from error
    return _told(record, report, options)


@contextlib.contextmanager
def _leftovers_told(site: Site) -> Iterator[None]:
    """Remove what the run made, however it ends, and say what could not be removed."""
    try:
        yield
    finally:
        site.remove()
        for leftover in site.leftovers:
            sys.stderr.write(f"kongip: {leftover}\n")


def _site(options: argparse.Namespace, progress: Progress) -> Site:
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
                timeout=options.timeout,
            )
        )
    from diagnose.cluster.site import DEFAULT_IMAGE, ClusterOptions, open_cluster

    progress(f"looking for Kong in context {options.context}")
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
            owners=tuple(options.owner),
        )
    )
