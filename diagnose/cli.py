"""The command line: flags in, exit status out. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from diagnose import __version__
from diagnose.errors import USAGE, Stop
from diagnose.hosts import host_name
from diagnose.inspect import flags as inspect_flags
from diagnose.outside import flags as outside_flags

if TYPE_CHECKING:
    from diagnose.report.report import Report
    from diagnose.site import Progress, Site

PRESERVED, FINDINGS, UNDETERMINED, INTERRUPTED = 0, 1, 3, 130

SEVERITIES = ("error", "warning", "info")

EXIT_STATUS = """\
exit status: 0 preserved, 1 findings at or above --fail-on, 2 usage, 3 undetermined, 4 could not run, 130 interrupted"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; the one place where errors become text."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:  # closed by who started us: the exit status is all they want
            setattr(sys, stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # for the whole process
    try:
        options = _parser().parse_args(argv)
        with _interruptible():
            status: int = options.run(options, argv)
        return status
    except Stop as stop:
        sys.stderr.write(f"kongip: {stop}\n")
        return stop.status
    except KeyboardInterrupt:
        sys.stderr.write("kongip: interrupted\n")
        return INTERRUPTED


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM end the run once: what follows is clean-up, which a second one shall not cut short."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]

    def interrupt(*_: object) -> NoReturn:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        raise Stop(f"{message}.", f"See {self.prog} --help.", USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="kongip",
        description="Tells where the client's IP address is lost on the way to Kong, and what restores it.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("--version", action="version", version=f"kongip {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    _add_diagnose(commands.add_parser("diagnose", help="probe a Kong and name the layer at fault", epilog=EXIT_STATUS))
    _add_inspect(commands.add_parser("inspect", help="find what is wrong with Kong's configuration, without traffic"))
    _add_what_if(commands.add_parser("what-if", help="answer for a connection to Kong without sending any"))
    clean = commands.add_parser("clean", help="remove what a killed run has left in a Kong outside Kubernetes")
    outside_flags.add_clean_flags(clean)
    clean.set_defaults(run=_clean)
    lab = commands.add_parser("lab", help="list the embedded labs")
    lab.set_defaults(run=_lab)
    return parser


def _add_diagnose(parser: argparse.ArgumentParser) -> None:
    parser.description = "Probes a live Kong and names the layer that drops or rewrites the client's address."
    where = parser.add_argument_group("where")
    place = where.add_mutually_exclusive_group()
    place.add_argument("--context", metavar="NAME", help="the kubeconfig context of Kong's cluster")
    place.add_argument("--lab", metavar="NAME", help="an embedded lab on loopback addresses (see: kongip lab)")
    where.add_argument("--kubeconfig", metavar="FILE", help="default: $KUBECONFIG, else ~/.kube/config")
    where.add_argument("--service", metavar="NAMESPACE/NAME", type=_full_name, help="Kong's proxy Service")
    route = where.add_mutually_exclusive_group()
    route.add_argument("--ingress-class", metavar="NAME", help="the IngressClass of the Kong to diagnose")
    route.add_argument(
        "--gateway", metavar="NAMESPACE/NAME", type=_full_name, help="the Gateway of Kong's for the echo's route"
    )
    where.add_argument(
        "--url",
        metavar="URL",
        action="append",
        default=[],
        help="a further entry, or without --context and --lab a Kong outside Kubernetes; repeatable",
    )
    where.add_argument("--host", metavar="HOST", type=_host, help="the Host header and TLS server name of probes")
    outside_flags.add_flags(parser)
    known = parser.add_argument_group("what is known")
    known.add_argument(
        "--caller-ip",
        metavar="ADDRESS|CIDR",
        action="append",
        default=[],
        type=_network,
        help="an address that the caller rightly appears as; repeatable",
    )
    known.add_argument(
        "--owner",
        metavar="CIDR=LAYER",
        action="append",
        default=[],
        type=_owner,
        help="whose addresses those are: edge, load_balancer, node or caller; repeatable",
    )
    how = parser.add_argument_group("how")
    how.add_argument("--namespace", metavar="NAME", help="where the echo backend is made; default: Kong's namespace")
    how.add_argument("--image", metavar="IMAGE", help="a Python image for the echo backend (default python:3-alpine)")
    how.add_argument(
        "--connections",
        metavar="N",
        type=_count,
        default=20,
        help="ordinary connections through each entry (default 20)",
    )
    how.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, default=5.0, help="for each step of a probe (default 5)"
    )
    how.add_argument(
        "--no-exec",
        dest="execute",
        action="store_false",
        help="run no command in any pod and reach into none: settings are then as objects tell them",
    )
    told = parser.add_argument_group("output")
    told.add_argument("--output", choices=("text", "json"), default="text", help="default: text")
    told.add_argument("--fail-on", choices=SEVERITIES, default="error", help="least severity for exit status 1")
    told.add_argument("-v", "--verbose", action="store_true", help="show every probe")
    told.add_argument("-q", "--quiet", action="store_true", help="no progress")
    parser.set_defaults(run=_diagnose)


def _add_inspect(parser: argparse.ArgumentParser) -> None:
    parser.description = "Finds what is wrong in Kong's objects or manifests. Nothing is sent and nothing is made."
    parser.epilog = "exit status: 0 no finding at or above --fail-on, 1 there is one, 2 usage, 4 could not run"
    inspect_flags.add_flags(parser)
    told = parser.add_argument_group("output")
    told.add_argument("--output", choices=("text", "json"), default="text", help="default: text")
    told.add_argument("--fail-on", choices=SEVERITIES, default="error", help="least severity for exit status 1")
    parser.set_defaults(run=_inspect, verbose=False)


def _add_what_if(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Tells what a Kong would conclude from a connection, and why, out of the model alone: nothing is sent."
    )
    parser.epilog = "exit status: 0 answered, 2 usage or a line that asks nothing, 4 could not run, 130 interrupted"
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--peer", metavar="ADDRESS", help="the TCP peer that Kong sees")
    what.add_argument("--batch", metavar="FILE", help="JSON lines of questions (-: standard input), a JSON line each")
    kong = parser.add_argument_group("what Kong is told")
    port = kong.add_mutually_exclusive_group()
    port.add_argument("--listen", metavar="TEXT", help="proxy_listen (default: Kong's own)")
    port.add_argument("--stream-listen", metavar="TEXT", help="stream_listen, for a layer 4 listener")
    kong.add_argument("--trusted-ips", metavar="LIST", help="trusted_ips, separated by commas (default: none)")
    kong.add_argument("--real-ip-header", metavar="NAME", help="real_ip_header (default: X-Real-IP)")
    kong.add_argument("--real-ip-recursive", action="store_true", help="real_ip_recursive is on")
    kong.add_argument("--kong-version", metavar="VERSION", help="such as 2.8 (default: the newest that is known)")
    sent = parser.add_argument_group("what it is sent")
    sent.add_argument("--port", metavar="N", type=_port, help="Kong's listener (default: the first of the scheme)")
    sent.add_argument("--https", action="store_true", help="the request is inside TLS")
    before = sent.add_mutually_exclusive_group()
    before.add_argument("--proxy-v1", metavar="ADDRESS", help="a PROXY header of version 1 that names this client")
    before.add_argument("--proxy-v2", metavar="ADDRESS", help="a PROXY header of version 2 that names this client")
    before.add_argument("--proxy-unknown", action="store_true", help="a PROXY header of version 1 that names nobody")
    before.add_argument("--proxy-local", action="store_true", help="a PROXY header of version 2 that names nobody")
    before.add_argument(
        "--proxy-hex", metavar="HEX", action="append", default=[], help="a TCP segment before the request; repeatable"
    )
    sent.add_argument(
        "--header", metavar="'NAME: VALUE'", action="append", default=[], help="a header of the request; repeatable"
    )
    told = parser.add_argument_group("output")
    told.add_argument("--output", choices=("text", "json"), help="default: text; --batch knows JSON alone")
    parser.set_defaults(run=_what_if)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def _full_name(text: str) -> str:
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAMESPACE/NAME")
    return text


def _host(text: str) -> str:
    try:
        return host_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no host name") from error


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is neither an address nor a CIDR") from error
    return text


def _owner(text: str) -> tuple[str, str]:
    network, _, layer = text.partition("=")
    if layer not in ("caller", "edge", "load_balancer", "node"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in =caller, =edge, =load_balancer or =node")
    return _network(network), layer


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1 to 60")
    return seconds


def _lab(options: argparse.Namespace, argv: Sequence[str]) -> int:
    from diagnose.lab.labs import LABS

    width = max(len(name) for name in LABS)
    for name, lab in LABS.items():
        print(f"{name:<{width}}  {lab.summary}")
    return 0


CLUSTER_ONLY = ("kubeconfig", "service", "ingress_class", "gateway", "url", "host", "owner", "namespace", "image")


def _diagnose(options: argparse.Namespace, argv: Sequence[str]) -> int:
    stray = next((name for name in CLUSTER_ONLY if options.lab is not None and getattr(options, name)), None)
    if stray is not None:
        raise Stop(f"--{stray.replace('_', '-')} goes with --context, not with --lab.", "Leave one of them out.", USAGE)
    outside_flags.check(options)
    from diagnose.report.progress import progress_to
    from diagnose.run import Options, diagnose

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
        report = diagnose(site, asked, progress)
    with _reader_may_leave():
        _print(report, options)
    return exit_status(report, options.fail_on)


@contextlib.contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Print until the reader has had enough: what is then left in the buffer has nowhere to go at exit either."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise Stop(f"The answer could not be written: {error.strerror}.", "Make room for it.") from error


def _inspect(options: argparse.Namespace, argv: Sequence[str]) -> int:
    inspect_flags.check(options)
    from diagnose.inspect.command import inspect

    report = inspect(options)
    with _reader_may_leave():
        _print(report, options)
    return FINDINGS if exit_status(report, options.fail_on) == FINDINGS else 0


def _what_if(options: argparse.Namespace, argv: Sequence[str]) -> int:
    from diagnose.what_if.command import answer_batch, answer_one

    with _reader_may_leave():
        if options.batch is None:
            answer_one(options)
        else:
            answer_batch(options)
    return 0


def _clean(options: argparse.Namespace, argv: Sequence[str]) -> int:
    from diagnose.outside.clean import clean

    with _reader_may_leave():
        clean(options)
    return 0


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


def _print(report: Report, options: argparse.Namespace) -> None:
    if options.output == "json":
        from diagnose.report.document import document

        print(json.dumps(document(report), indent=2))
        return
    from diagnose.report.terminal import show

    show(report, sys.stdout, verbose=options.verbose)


def exit_status(report: Report, fail_on: str) -> int:
    """The exit status of a finished run: findings at or above ``fail_on`` come before an undetermined verdict."""
    from diagnose.report.report import Verdict

    counted = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    if any(finding.severity in counted for finding in report.findings):
        return FINDINGS
    return UNDETERMINED if report.verdict is Verdict.UNDETERMINED else PRESERVED
