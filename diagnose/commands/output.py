"""What the commands that end in a report share: the flags of their output, where it goes, and the exit status."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.commands import values
from diagnose.errors import USAGE, Stop

if TYPE_CHECKING:
    from diagnose.report.report import Report

FORMATS = ("text", "short", "json", "jsonl", "junit", "markdown", "html")
SEVERITIES = ("error", "warning", "info")


def add_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the flags of a report's output; the group takes further ones."""
    told = parser.add_argument_group("output")
    told.add_argument("--output", choices=FORMATS, default="text", help="on standard output (default: text)")
    told.add_argument(
        "--output-file",
        metavar="[FORMAT=]FILE",
        action="append",
        default=[],
        type=values.output_file,
        help="a file besides; without FORMAT as its name ends: .txt .json .jsonl .xml (junit) .md .html; repeatable",
    )
    told.add_argument("--fail-on", choices=SEVERITIES, default="error", help="least severity for exit status 1")
    told.add_argument(
        "--suppress",
        metavar="CODE",
        action="append",
        default=[],
        type=values.code,
        help="a finding that is known of: it is told, and does not enter the exit status; repeatable",
    )
    told.add_argument("--redact", action="store_true", help="placeholders for addresses and names, to share it")
    told.add_argument("-q", "--quiet", action="store_true", help="no progress")
    return told


def check(options: argparse.Namespace, *further: str, read: str | None = None) -> None:
    """Stop with status 2, before anything is sent, where a file could not be written; ``further`` are files, too.

    ``read`` is a file that the run is told from, which no output may replace.
    """
    paths = [*(path for _, path in options.output_file), *further]
    for path in paths:
        if not path:
            raise Stop("'' is no file's name.", "Name a file.", USAGE)
        folder = Path(os.path.realpath(path)).parent
        if os.path.isdir(path):
            raise Stop(f"{path} is a folder.", "Name a file in it.", USAGE)
        if not os.path.isdir(folder):
            raise Stop(f"{path} cannot be written: there is no folder {folder}.", "Make it, or name another.", USAGE)
        try:
            Path(path).stat()
        except FileNotFoundError:
            pass
        except OSError as error:  # too long a name, or links that lead in a circle
            raise Stop(f"{path} cannot be written: {error.strerror}.", "Name another file.", USAGE) from error
        if not os.access(path if os.path.exists(path) else folder, os.W_OK):
            raise Stop(f"{path} cannot be written: you may not.", "Name another file.", USAGE)
    files = [_file(path) for path in paths]
    if read is not None and _file(read) in files:
        raise Stop(f"{read} is read, and would be replaced.", "Name another file for the output.", USAGE)
    twice = next((path for path, file in zip(paths, files, strict=True) if files.count(file) > 1), None)
    if twice is not None:
        raise Stop(f"{twice} is named twice.", "Each output takes a file of its own.", USAGE)


def _file(path: str) -> str:
    """The file that a path leads to; what is no ordinary one, such as a terminal, is what it is called."""
    return path if os.path.exists(path) and not os.path.isfile(path) else os.path.realpath(path)


def judged(report: Report, options: argparse.Namespace) -> Report:
    """The report with what the flags say of findings: which are known of, and which make the run fail."""
    from dataclasses import replace

    from diagnose.report.report import Severity

    findings = tuple(replace(one, suppressed=one.code in options.suppress) for one in report.findings)
    return replace(report, findings=findings, fail_on=Severity(options.fail_on))


def finish(report: Report, options: argparse.Namespace) -> int:
    """Write the report, as ``judged``, wherever the flags ask for it; the exit status of the run."""
    from diagnose.report.formats import render

    for form, path in options.output_file:
        write_file(render(report, form), path)
    with reader_may_leave():
        if options.output == "text":
            from diagnose.report.terminal import show

            show(report, sys.stdout, verbose=options.verbose)
        else:
            print_text(render(report, options.output), options.output)
    return report.exit_status


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


def print_text(text: str, form: str) -> None:
    """Print a report in its format; what standard output's encoding lacks becomes an escape that the format knows."""
    encoding = sys.stdout.encoding or "utf-8"
    lacking = "xmlcharrefreplace" if form in ("html", "junit") else "backslashreplace"
    sys.stdout.write(text.encode(encoding, lacking).decode(encoding))


def write_file(text: str, path: str) -> None:
    """Write a report to a file. Stop where that cannot be done."""
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        raise Stop(f"The report could not be written to {path}: {error.strerror}.", "Make room for it.") from error
