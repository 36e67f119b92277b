"""``kongip capture``: show, packet by packet, where the client's address is rewritten."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from diagnose.commands import output, values
from diagnose.counting import count_of
from diagnose.errors import USAGE, Stop

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
        "--seconds",
        metavar="N",
        type=values.seconds,
        default=10.0,
        help="how long to capture (default 10; with --context while its probes pass)",
    )
    live.add_argument(
        "--port", metavar="N", type=values.port, action="append", default=[], help="only to or from it; repeatable"
    )
    cluster = parser.add_argument_group("in a cluster")
    cluster.add_argument(
        "--context",
        metavar="NAME",
        type=values.name,
        action=values.Once,
        help="capture on the nodes of Kong's pods, while probes are sent",
    )
    cluster.add_argument(
        "--ephemeral",
        action="store_true",
        help="capture in Kong's pods instead, by an ephemeral container in each (Kubernetes 1.23 and later)",
    )
    values.add_kubeconfig(cluster)
    cluster.add_argument("--service", metavar="NAMESPACE/NAME", type=values.full_name, help="Kong's proxy Service")
    cluster.add_argument("--url", metavar="URL", action="append", default=[], help="a further entry; repeatable")
    cluster.add_argument("--namespace", metavar="NAME", help="where the capturing pods are made; default: Kong's")
    cluster.add_argument("--image", metavar="IMAGE", help="a Python image for what captures (default python:3-alpine)")
    cluster.add_argument(
        "--yes", action="store_true", help="what captures, with NET_RAW, is wanted there (without, it is only told)"
    )
    cluster.add_argument(
        "--connections", metavar="N", type=values.count, default=3, help="probes through each entry (default 3)"
    )
    which = parser.add_argument_group("which connections")
    which.add_argument("--nonce", metavar="HEX", type=values.nonce, help="the one of this probe")
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

    if not options.read and options.interface is None and options.context is None:
        what = "Name a capture with --read FILE, an interface with --interface, or Kong's cluster with --context."
        raise Stop("There is nothing to read.", what, USAGE)
    _check(options)
    found, left_out = _live(options)
    more, left = read_all(options.read)
    found, left_out = [*found, *more], left_out + left
    with output.reader_may_leave():
        _show(found, left_out, options)
    return 0


def _live(options: argparse.Namespace) -> tuple[list[Connection], int]:
    """What is captured now, on an interface, on Kong's side, or on both at once; and how many were left out.

    The interface goes first: what needs rights says so before anything else.
    """
    from diagnose.capture.files import POINTS as LAYERS
    from diagnose.capture.live import beside, listen
    from diagnose.path.traffic import Layer

    layer = LAYERS[options.at] if options.at is not None else None
    if options.context is None:
        return listen(options.interface, options.port, options.seconds, layer) if options.interface else ([], 0)
    if not options.interface:
        return _in_cluster(options), 0
    with beside(options.interface, options.port, layer or Layer.EGRESS) as heard:
        found = _in_cluster(options)
    return [*found, *heard.connections], heard.left_out


_OF_INTERFACE: dict[str, object] = {"at": None, "port": []}
_OF_CLUSTER: dict[str, object] = {
    "ephemeral": False,
    "kubeconfig": None,
    "service": None,
    "url": [],
    "namespace": None,
    "image": None,
    "yes": False,
}


def _check(options: argparse.Namespace) -> None:
    """Stop at a flag that would do nothing."""
    for way, flags in (("interface", _OF_INTERFACE), ("context", _OF_CLUSTER)):
        stray = next((name for name, default in flags.items() if getattr(options, name) != default), None)
        if stray is not None and getattr(options, way) is None:
            raise Stop(f"--{stray} goes with --{way}.", "Leave it out.", USAGE)
    if options.ephemeral and options.namespace is not None:
        raise Stop("--namespace goes without --ephemeral, which captures in Kong's own pods.", "Leave it out.", USAGE)


def _in_cluster(options: argparse.Namespace) -> list[Connection]:
    from diagnose.cluster.capture import Asked, capture
    from diagnose.cluster.options import DEFAULT_IMAGE, ClusterOptions
    from diagnose.report.progress import progress_to

    asked = Asked(
        ClusterOptions(
            context=options.context,
            kubeconfig=options.kubeconfig,
            service=options.service,
            namespace=options.namespace,
            urls=tuple(options.url),
            image=options.image or DEFAULT_IMAGE,
            execute=False,
            echo=False,
        ),
        options.connections,
        timeout=5.0,
        consent=options.yes,
        ephemeral=options.ephemeral,
    )
    with progress_to(sys.stderr, quiet=False) as progress:
        return capture(asked, progress, lambda line: print(f"kongip: {line}", file=sys.stderr))


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
    hidden = f", of which {more} {'is' if more == 1 else 'are'} not shown (--most)" if more > 0 else ""
    print(f"{count_of(len(ways), 'connection')}{hidden}", end="")
    left = "1 further one was" if left_out == 1 else f"{left_out} further ones were"
    print(f"; {left} left out (--nonce, --client choose)" if left_out else "")
