"""The command line: flags in, exit status out. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Collection, Iterator, Sequence
from typing import NoReturn

from diagnose import __version__
from diagnose.errors import EXIT_STATUS, INTERRUPTED, USAGE, Stop

COMMANDS = {
    "diagnose": "probe a Kong and name the layer at fault",
    "watch": "probe a Kong at an interval, and show the cure arrive",
    "inspect": "find what is wrong with Kong's configuration, without traffic",
    "traffic": "tell where requests seem to come from, by Kong's access log",
    "probe": "take the wire signature of one address, without a cluster",
    "compare": "tell what changed between two runs that were kept",
    "capture": "show, packet by packet, where the client's address is rewritten",
    "trace": "follow the path to a published address, hop by hop",
    "what-if": "answer for a connection to Kong without sending any",
    "explain": "tell what a finding means and what helps",
    "rbac": "print the rights that kongip needs in a cluster, as Roles",
    "clean": "remove what killed runs have left",
    "lab": "list the embedded labs",
    "completion": "print what completes commands and flags in a shell",
}
"""What each command does, in the order of --help; a command is the module of its name in diagnose.commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; the one place where errors become text."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:  # closed by who started us: the exit status is all they want
            setattr(sys, stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # for the whole process
    try:
        options = parser([name for name in COMMANDS if name in argv], _called(sys.argv[0])).parse_args(argv)
        with _interruptible():
            status: int = options.run(options, argv)
        return status
    except Stop as stop:
        from diagnose.report.harmless import harmless

        sys.stderr.write(f"kongip: {harmless(str(stop))}\n")
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


PLUGIN = "kubectl-kongip"
"""The name by which kubectl finds and starts kongip for ``kubectl kongip``."""


def _called(program: str) -> str:
    """How the user has called the command."""
    return PLUGIN.replace("-", " ") if os.path.basename(program) == PLUGIN else "kongip"


def parser(loaded: Collection[str] = tuple(COMMANDS), program: str = "kongip") -> argparse.ArgumentParser:
    """The whole command line; only the commands that are ``loaded`` have their flags, since that takes time."""
    made = _Parser(
        prog=program,
        description="Tells where the client's IP address is lost on the way to Kong, and what restores it.",
        epilog=EXIT_STATUS,
    )
    made.add_argument("--version", action="version", version=f"kongip {__version__}")
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name in loaded:
            module = importlib.import_module(f"diagnose.commands.{name.replace('-', '_')}")
            module.add_flags(command)
            command.set_defaults(run=module.run)
    return made
