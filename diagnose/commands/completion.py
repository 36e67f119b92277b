"""``kongip completion``: print what completes commands, flags and values in a shell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from diagnose.commands import output

SHELLS = ("bash", "zsh", "fish")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add which shell it is for."""
    parser.description = "Prints what completes kongip's commands, flags and values, to be read by a shell."
    parser.epilog = "exit status: 0 printed, 2 usage"
    parser.add_argument("shell", choices=SHELLS, help="the shell: source <(kongip completion bash), for one")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Print it."""
    from diagnose.manual import completion

    with output.reader_may_leave():
        sys.stdout.write(completion.SHELLS[options.shell]())
    return 0
