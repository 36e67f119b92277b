"""``kongip explain``: what a finding means, how it is told from its neighbours, and what helps."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from diagnose.commands import output, values


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what to explain."""
    parser.description = "Tells of a finding why it happens, how it is told from its neighbours, and what helps."
    parser.epilog = "exit status: 0 explained, 2 a code that never was"
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "code",
        metavar="CODE",
        nargs="*",
        default=[],
        type=values.code,
        help="such as KIP301, or its name node-masquerade",
    )
    what.add_argument("--list", action="store_true", help="list all findings")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Print the pages of the findings that are named, or the list of all."""
    from diagnose.catalogue import FAULTS
    from diagnose.catalogue_pages import page_of
    from diagnose.report.finding_page import show_list, show_pages

    pages = [page_of(code) for code in options.code]
    with output.reader_may_leave():
        if options.list:
            show_list(FAULTS.values(), sys.stdout)
        else:
            show_pages(pages, sys.stdout)
    return 0
