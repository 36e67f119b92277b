"""``kongip compare``: tell what changed between two runs that were kept."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from diagnose.commands import output

SCHEMA = "kongip.comparison/v1"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the two files."""
    parser.description = "Tells what changed between two runs: what --save kept, or reports of --output json."
    parser.epilog = "exit status: 0 nothing changed, 1 something did, 2 usage"
    parser.add_argument("before", metavar="BEFORE", help="a file that diagnose --save or --output json wrote")
    parser.add_argument("after", metavar="AFTER", help="a later one")
    parser.add_argument("--output", choices=("text", "json"), default="text", help="default: text")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Print a line for each change."""
    from dataclasses import asdict

    from diagnose.compare.changes import changes, told
    from diagnose.compare.run import kept_in
    from diagnose.report.harmless import harmless

    found = changes(kept_in(options.before), kept_in(options.after))
    with output.reader_may_leave():
        if options.output == "json":
            document = {"schema": SCHEMA, "same": not found, "changes": [asdict(change) for change in found]}
            print(json.dumps(document, indent=2))
        else:
            lines = [harmless(told(change)) for change in found] or ["nothing changed"]
            encoding = sys.stdout.encoding or "utf-8"
            print("\n".join(lines).encode(encoding, "backslashreplace").decode(encoding))
    return 1 if found else 0
