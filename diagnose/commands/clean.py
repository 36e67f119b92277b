"""``kongip clean``: remove what killed runs have left."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from diagnose.commands import output


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says where to look, and whether to remove."""
    parser.description = "Removes the routes and services that kongip made in a Kong: only what bears its tags."
    parser.add_argument(
        "--admin-url", metavar="URL", required=True, help="Kong's Admin API (a token: $KONGIP_ADMIN_TOKEN)"
    )
    parser.add_argument("--dry-run", action="store_true", help="remove nothing, only tell what would be")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Remove, or only name, what bears kongip's tags."""
    from diagnose.outside.clean import clean

    with output.reader_may_leave():
        clean(options)
    return 0
