"""What the commands that end in a report share: the flags of their output, and the exit status."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from diagnose.errors import FINDINGS, PRESERVED, UNDETERMINED, Stop

if TYPE_CHECKING:
    from diagnose.report.report import Report

SEVERITIES = ("error", "warning", "info")


def add_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the flags of a report's output; the group takes further ones."""
    told = parser.add_argument_group("output")
    told.add_argument("--output", choices=("text", "json"), default="text", help="default: text")
    told.add_argument("--fail-on", choices=SEVERITIES, default="error", help="least severity for exit status 1")
    return told


@contextlib.contextmanager
def reader_may_leave() -> Iterator[None]:
    """Print until the reader has had enough: what is then left in the buffer has nowhere to go at exit either."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise Stop(f"The answer could not be written: {error.strerror}.", "Make room for it.") from error


def print_report(report: Report, options: argparse.Namespace) -> None:
    """Print the report as the flags ask for it."""
    if options.output == "json":
        from diagnose.report.document import document

        print(json.dumps(document(report), indent=2))
        return
    from diagnose.report.terminal import show

    show(report, sys.stdout, verbose=options.verbose)


def exit_status(report: Report, fail_on: str) -> int:
    """The exit status of a finished run: findings at or above ``fail_on`` come before an undetermined verdict."""
    from diagnose.report.report import Verdict

    counted = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    if any(finding.severity in counted for finding in report.findings):
        return FINDINGS
    return UNDETERMINED if report.verdict is Verdict.UNDETERMINED else PRESERVED
