"""``kongip capture``: show, packet by packet, where the client's address is rewritten."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from diagnose.commands import output, values

if TYPE_CHECKING:
    from diagnose.capture.connections import Connection


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add where packets come from, and which connections are shown."""
    parser.description = (
        "Follows connections through captured packets: at each point the source address on the wire, PROXY headers and "
        "who sent them, X-Forwarded-For in clear text, and what happened in between."
    )
    parser.epilog = "exit status: 0 shown, 2 usage, 4 could not run, 130 interrupted"
    parser.add_argument(
        "--read",
        metavar="FILE[@POINT]",
        type=values.capture_file,
        action="append",
        default=[],
        help="a pcap or pcapng file, and where it was captured: client, edge, load_balancer, node, gateway; repeatable",
    )
    which = parser.add_argument_group("which connections")
    which.add_argument("--nonce", metavar="HEX", help="the one of this probe")
    which.add_argument(
        "--client", metavar="ADDRESS|CIDR", type=values.network, help="those that come from there, or that name it"
    )
    which.add_argument(
        "--most", metavar="N", type=values.count, default=20, help="how many are shown as text at most (default 20)"
    )
    told = parser.add_argument_group("output")
    told.add_argument("--output", choices=("text", "json"), default="text", help="default: text")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Read what there is, and show it."""
    from diagnose.capture.files import read_all
    from diagnose.errors import USAGE, Stop

    if not options.read:
        raise Stop("There is nothing to read.", "Name a capture with --read FILE.", USAGE)
    found, left_out = read_all(options.read)
    with output.reader_may_leave():
        _show(found, left_out, options)
    return 0


def _show(found: Sequence[Connection], left_out: int, options: argparse.Namespace) -> None:
    from diagnose.capture import told
    from diagnose.capture.ways import chosen, join

    ways = chosen(join(found), options.nonce, options.client)
    if options.output == "json":
        print(json.dumps(told.document(ways, left_out), indent=2))
        return
    for line in told.text(ways[: options.most]):
        print(line)
    more = len(ways) - options.most
    print(f"{len(ways)} connections{f', of which {more} are not shown (--most)' if more > 0 else ''}", end="")
    print(f"; {left_out} further ones were left out (--nonce, --client choose)" if left_out else "")
