"""``kongip clean``: remove what killed runs have left."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from diagnose.commands import output, values
from diagnose.errors import USAGE, Stop

_OF_CONTEXTS = ("kubeconfig", "namespace", "run_id", "older_than")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says where to look, and whether to remove."""
    parser.description = (
        "Removes what killed runs have left: in a cluster only what bears kongip's labels and a run's name, in a Kong "
        "outside Kubernetes only what bears kongip's tags. A run that still goes on is among them: --older-than spares "
        "it."
    )
    parser.epilog = (
        "exit status: 0 removed, or nothing is there, 2 usage, 4 could not run, or something could not be removed, 130 "
        "interrupted"
    )
    where = parser.add_argument_group("where")
    place = where.add_mutually_exclusive_group(required=True)
    place.add_argument(
        "--context", metavar="NAME", type=values.name, action=values.Once, help="the kubeconfig context of a cluster"
    )
    place.add_argument("--admin-url", metavar="URL", help="Kong's Admin API (a token: $KONGIP_ADMIN_TOKEN)")
    values.add_kubeconfig(where)
    where.add_argument(
        "--namespace", metavar="NAME", type=values.namespace, help="the only namespace to look in; default: all"
    )
    what = parser.add_argument_group("what")
    what.add_argument("--run", dest="run_id", metavar="ID", type=values.run_id, help="what that run has left alone")
    what.add_argument(
        "--older-than",
        metavar="AGE",
        type=values.duration,
        help="what runs have left that began longer ago: 90s, 10m, 2h, 1d",
    )
    what.add_argument("--dry-run", action="store_true", help="remove nothing, only tell what would be")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Remove, or only name, what is kongip's."""
    if options.admin_url is not None:
        if stray := next((name for name in _OF_CONTEXTS if getattr(options, name) is not None), None):
            flag = "--run" if stray == "run_id" else f"--{stray.replace('_', '-')}"
            raise Stop(f"{flag} goes with --context, not with --admin-url.", "Leave one of them out.", USAGE)
        from diagnose.outside.clean import clean

        with output.reader_may_leave():
            clean(options)
        return 0
    with output.reader_may_leave():
        _clean_cluster(options)
    return 0


def _clean_cluster(options: argparse.Namespace) -> None:
    from diagnose.cluster import clean
    from diagnose.cluster.api import connect
    from diagnose.report.harmless import harmless

    api = connect(options.context, options.kubeconfig)
    try:
        found = clean.find(api, options.namespace, options.run_id)
        left = found.left if options.older_than is None else clean.older_than(found.left, options.older_than)
        refused = {} if options.dry_run else clean.remove(api, left)
    finally:
        api.close()
    for kind, why in found.unlisted.items():
        sys.stderr.write(harmless(f"kongip: {kind.plural} could not be looked at: {why}") + "\n")
    for one in left:
        if one not in refused:
            print(harmless(f"{'would remove' if options.dry_run else 'removed'} {one}"))
    if not left:
        print("nothing of kongip's is there" if not found.left else "nothing of kongip's that old is there")
    if refused:
        told = "; ".join(f"{one} could not be removed: {why.rstrip('.')}" for one, why in refused.items())
        raise Stop(harmless(f"{told}."), "Ask for the right to delete it, and run this again.")
