"""``kongip lab``: list the embedded labs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from diagnose.commands import output


def add_flags(parser: argparse.ArgumentParser) -> None:
    """There are none."""
    parser.description = "Lists the embedded labs, which kongip diagnose --lab NAME runs."
    parser.epilog = "exit status: 0 printed, 2 usage, 4 could not be written"


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Print a line for each lab."""
    from diagnose.lab.labs import LABS

    width = max(len(name) for name in LABS)
    with output.reader_may_leave():
        for name, lab in LABS.items():
            print(f"{name:<{width}}  {lab.summary}")
    return 0
