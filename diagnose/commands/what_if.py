"""``kongip what-if``: answer for a connection to Kong without sending any."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from diagnose.commands import output, values


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what Kong is told, and what it is sent."""
    parser.description = (
        "Tells what a Kong would conclude from a connection, and why, out of the model alone: nothing is sent."
    )
    parser.epilog = (
        "exit status: 0 answered, 2 usage, or a line or a batch that asks nothing, 4 could not run, 130 interrupted"
    )
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
    sent.add_argument(
        "--port", metavar="N", type=values.port, help="Kong's listener (default: the first of the scheme)"
    )
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


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Print what the model answers."""
    from diagnose.what_if.command import answer_batch, answer_one

    with output.reader_may_leave():
        if options.batch is None:
            answer_one(options)
        else:
            answer_batch(options)
    return 0
