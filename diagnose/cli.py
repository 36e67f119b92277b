"""The command line: flags in, exit status out. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn

from diagnose import __version__
from diagnose.errors import EXIT_STATUS, INTERRUPTED, USAGE, Stop

COMMANDS = {
    "diagnose": "probe a Kong and name the layer at fault",
    "inspect": "find what is wrong with Kong's configuration, without traffic",
    "compare": "tell what changed between two runs that were kept",
    "what-if": "answer for a connection to Kong without sending any",
    "clean": "remove what a killed run has left in a Kong outside Kubernetes",
    "lab": "list the embedded labs",
}
"""What each command does, in the order of --help; a command is the module of its name in diagnose.commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; the one place where errors become text."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:  # closed by who started us: the exit status is all they want
            setattr(sys, stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # for the whole process
    try:
        options = _parser(argv).parse_args(argv)
        with _interruptible():
            status: int = options.run(options, argv)
        return status
    except Stop as stop:
        sys.stderr.write(f"kongip: {stop}\n")
        return stop.status
    except KeyboardInterrupt:
        sys.stderr.write("kongip: interrupted\n")
        return INTERRUPTED


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM end the run once: what follows is clean-up, which a second one shall not cut short."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]

    def interrupt(*_: object) -> NoReturn:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        raise Stop(f"{message}.", f"See {self.prog} --help.", USAGE)


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="kongip",
        description="Tells where the client's IP address is lost on the way to Kong, and what restores it.",
        epilog=EXIT_STATUS,
    )
    parser.add_argument("--version", action="version", version=f"kongip {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name in argv:  # only the command that is asked for has to be loaded
            module = importlib.import_module(f"diagnose.commands.{name.replace('-', '_')}")
            module.add_flags(command)
            command.set_defaults(run=module.run)
    return parser
