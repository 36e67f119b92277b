"""``kongip probe``: the wire signature of one address, without a cluster."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from diagnose.commands import output, values


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what to connect to, and how."""
    parser.description = (
        "Makes five connections to one address: with no PROXY header, and with each sort of it (v1, v2, v1 UNKNOWN, v2 "
        "LOCAL). Tells which states of the listener and of what is in front of it agree with the answers."
    )
    parser.epilog = (
        "exit status: 0 explained, 2 usage, 3 the answers fit nothing that is known, 4 no connection could be made"
    )
    parser.add_argument(
        "place", metavar="HOST:PORT", type=values.place, help="an IPv6 address in brackets: [2001:db8::1]:80"
    )
    parser.add_argument("--tls", action="store_true", help="the requests are inside TLS")
    parser.add_argument(
        "--host", metavar="NAME", type=values.host, help="the Host header and TLS server name (default: HOST's name)"
    )
    parser.add_argument("--path", metavar="PATH", type=values.path, default="/", help="what is asked for (default /)")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=values.seconds, default=5.0, help="for each step (default 5)"
    )
    parser.add_argument("--output", choices=("text", "json"), default="text", help="default: text")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Connect, and print the signature."""
    from diagnose.signature.document import document, exit_status
    from diagnose.signature.take import take

    name, port = options.place
    signature = take(name, port, options.tls, options.host, options.path, options.timeout)
    with output.reader_may_leave():
        if options.output == "json":
            print(json.dumps(document(signature), indent=2))
        else:
            from diagnose.report.signature import show

            show(signature, sys.stdout)
    return exit_status(signature)
