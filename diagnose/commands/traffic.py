"""``kongip traffic``: where requests seem to come from, by Kong's access log, without sending anything."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from diagnose.commands import output, values
from diagnose.errors import USAGE, Stop

_OF_CONTEXTS = ("context", "kubeconfig", "service", "ingress_class", "since", "tail")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says which logs to read, and how."""
    parser.description = (
        "Reads Kong's access log and tells whose addresses its requests carry. Nothing is sent to Kong, and no line is "
        "kept."
    )
    parser.epilog = "exit status: 0 told, 2 usage, 3 no request in the log, 4 could not run"
    where = parser.add_argument_group("where")
    where.add_argument(
        "--context",
        metavar="NAME",
        type=values.name,
        action=values.Once,
        help="the kubeconfig context of Kong's cluster, which is only read",
    )
    where.add_argument(
        "--file",
        metavar="FILE|-",
        action="append",
        default=[],
        help="an access log, plain or gzipped (-: standard input); repeatable",
    )
    values.add_kubeconfig(where)
    where.add_argument("--service", metavar="NAMESPACE/NAME", type=values.full_name, help="Kong's proxy Service")
    where.add_argument("--ingress-class", metavar="NAME", help="the IngressClass of the Kong whose logs are read")
    past = where.add_mutually_exclusive_group()
    past.add_argument(
        "--since", metavar="TIME", type=values.duration, help="how far back, such as 90s, 30m, 2h, 1d (default 1h)"
    )
    past.add_argument("--tail", metavar="N", type=values.lines, help="so many lines of each pod's log instead")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--log-format",
        metavar="TEXT",
        help="the log_format that nginx was told, as '$http_host $remote_addr [$time_local]' "
        "(default: what the lines look like: Kong's own, combined, or JSON)",
    )
    how.add_argument(
        "--owner",
        metavar="CIDR=LAYER",
        action="append",
        default=[],
        type=values.owner,
        help="whose addresses those are: edge, load_balancer, node or caller; repeatable",
    )
    how.add_argument("--output", choices=("text", "json"), default="text", help="default: text")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Read the logs, and print what they say."""
    stray = next((name for name in _OF_CONTEXTS if options.file and getattr(options, name) is not None), None)
    if stray is not None:
        flag = f"--{stray.replace('_', '-')}"
        raise Stop(f"{flag} goes with a cluster's logs, not with --file.", "Leave one of them out.", USAGE)
    values.check_owners(options.owner)
    from diagnose.traffic.command import exit_status, traffic

    told = traffic(options)
    with output.reader_may_leave():
        if options.output == "json":
            from diagnose.traffic.document import document

            print(json.dumps(document(told), indent=2))
        else:
            from diagnose.report.traffic import show

            show(told, sys.stdout)
    return exit_status(told)
