"""``kongip trace``: follow the path to a published address, hop by hop."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from diagnose.commands import output, values

if TYPE_CHECKING:
    from probes.probe import Target


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add where to, and how."""
    parser.description = (
        "Attempts TCP connections to a published address with a growing TTL, and tells where the path leaves the "
        "caller's network, where packets are rewritten, and what speaks for a balancer that forwards packets or one "
        "that proxies. On Linux; with CAP_NET_RAW it reads what routers quote, too."
    )
    parser.epilog = "exit status: 0 traced, 2 usage, 4 could not run, 130 interrupted"
    parser.add_argument("url", metavar="URL", help="where to, such as https://shop.example.com or http://192.0.2.10:80")
    parser.add_argument(
        "--compare", metavar="URL", help="Kong's own listener or a node port of it, whose answer is held beside"
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=values.seconds, default=1.0, help="for each attempt (default 1)"
    )
    told = parser.add_argument_group("output")
    told.add_argument("--output", choices=("text", "json"), default="text", help="default: text")
    told.add_argument("-q", "--quiet", action="store_true", help="no progress")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Follow the path to the first address of the target, and print what it tells."""
    from diagnose.report.progress import progress_to
    from diagnose.tracing import told
    from diagnose.tracing.judge import judge
    from probes.trace import trace

    target = _target(options.url, "trace")
    beside = _target(options.compare, "--compare") if options.compare is not None else None
    with progress_to(sys.stderr, quiet=options.quiet) as progress:
        path = trace(target, options.timeout, progress)
        own = trace(beside, options.timeout, progress) if beside is not None else None
    judgement = judge(path, own)
    with output.reader_may_leave():
        if options.output == "json":
            print(json.dumps(told.document(path, judgement), indent=2))
        else:
            print("\n".join(told.text(path, judgement)))
    return 0


def _target(url: str, flag: str) -> Target:
    from diagnose.cluster.entries import parse_url, resolve
    from diagnose.errors import Stop
    from probes.probe import Target

    scheme, host, port = parse_url(url, flag)
    addresses = resolve(host)
    if not addresses:
        raise Stop(f"{host} does not resolve here.", "Name an address, or a name that resolves.")
    return Target(addresses[0], port, scheme, host)
