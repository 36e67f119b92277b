"""``kongip capture``: show, packet by packet, where the client's address is rewritten."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from diagnose.commands import output, values

if TYPE_CHECKING:
    from diagnose.capture.connections import Connection


POINTS = ("client", "edge", "load_balancer", "node", "gateway")


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
    parser.add_argument(
        "--interface", metavar="NAME", help="capture live on this interface, or any (needs CAP_NET_RAW)"
    )
    live = parser.add_argument_group("live")
    live.add_argument("--at", choices=POINTS, help="what the interface is at")
    live.add_argument(
        "--seconds", metavar="N", type=values.seconds, default=10.0, help="how long to capture (default 10)"
    )
    live.add_argument(
        "--port", metavar="N", type=values.port, action="append", default=[], help="only to or from it; repeatable"
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
    from diagnose.capture.files import POINTS as LAYERS
    from diagnose.capture.files import read_all
    from diagnose.capture.live import listen
    from diagnose.errors import USAGE, Stop

    if not options.read and options.interface is None:
        raise Stop("There is nothing to read.", "Name a capture with --read FILE, or --interface NAME.", USAGE)
    found: list[Connection] = []
    left_out = 0
    if options.interface is not None:  # first: what needs rights says so before anything else
        layer = LAYERS[options.at] if options.at is not None else None
        found, left_out = listen(options.interface, options.port, options.seconds, layer)
    more, left = read_all(options.read)
    found, left_out = [*found, *more], left_out + left
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
