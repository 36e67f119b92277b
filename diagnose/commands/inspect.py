"""``kongip inspect``: find what is wrong with Kong's configuration, without traffic."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from diagnose.commands import output, values
from diagnose.errors import USAGE, Stop

_OF_CONTEXTS = ("kubeconfig", "service", "ingress_class", "namespace")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says where the objects are."""
    parser.description = "Finds what is wrong in Kong's objects or manifests. Nothing is sent and nothing is made."
    parser.epilog = "exit status: 0 no finding at or above --fail-on, 1 there is one, 2 usage, 4 could not run"
    where = parser.add_argument_group("where")
    place = where.add_mutually_exclusive_group(required=True)
    place.add_argument(
        "--context",
        metavar="NAME",
        type=values.name,
        action=values.Once,
        help="the kubeconfig context of Kong's cluster, which is only read",
    )
    place.add_argument(
        "--file", metavar="FILE|FOLDER|-", help="manifests as kubectl get -o yaml or helm template print them"
    )
    values.add_kubeconfig(where)
    where.add_argument("--service", metavar="NAMESPACE/NAME", help="Kong's proxy Service")
    where.add_argument("--ingress-class", metavar="NAME", help="the IngressClass of the Kong to inspect")
    where.add_argument("--namespace", metavar="NAME", help="the only namespace to look for Kong in")
    output.add_flags(parser)
    parser.set_defaults(verbose=False)


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Read the objects, and print the report."""
    _check(options)
    output.check(options, read=options.file)
    from diagnose.inspect.command import inspect

    report = inspect(options)
    if options.redact:
        from diagnose.redact.redact import redacted_report

        report = redacted_report(report, shlex.join(argv))
    return output.finish(output.judged(report, options), options)


def _check(options: argparse.Namespace) -> None:
    stray = next((name for name in _OF_CONTEXTS if options.file is not None and getattr(options, name)), None)
    if stray is not None:
        flag = f"--{stray.replace('_', '-')}"
        raise Stop(f"{flag} goes with --context, not with --file.", "Leave one of them out.", USAGE)
    if options.service and len([part for part in options.service.split("/") if part]) != 2:
        raise Stop(f"--service {options.service} is not NAMESPACE/NAME.", "Name both.", USAGE)
