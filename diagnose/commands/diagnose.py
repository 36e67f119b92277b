"""``kongip diagnose``: probe a Kong and name the layer at fault."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

from diagnose.commands import output, place, values
from diagnose.errors import EXIT_STATUS, USAGE, Stop

if TYPE_CHECKING:
    from diagnose.evidence.record import Record
    from diagnose.report.report import Report
    from diagnose.report.timings import Timings


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says where Kong is, what is known, and how to go about it."""
    parser.description = "Probes a live Kong and names the layer that drops or rewrites the client's address."
    parser.epilog = EXIT_STATUS
    flags = place.add_flags(parser, connections=20, several=True)
    flags.place.add_argument(
        "--from", dest="saved", metavar="FILE", help="what --save kept, explained again: nothing is sent"
    )
    flags.how.add_argument(
        "--timeout",
        metavar="TIME",
        type=values.time_limit,
        default=300.0,
        help="for the whole run, in seconds or as 5m (default 5m)",
    )
    told = output.add_flags(parser)
    told.add_argument("-v", "--verbose", action="store_true", help="show every probe")
    told.add_argument("--save", metavar="FILE", help="keep all that was seen, for --from and kongip compare")
    told.add_argument(
        "--metrics-file", metavar="FILE", help="the run as metrics, for the textfile collector of Prometheus's exporter"
    )
    told.add_argument("--timings", action="store_true", help="where the time went, on standard error at the end")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Probe, judge, and tell."""
    further = [path for path in (options.save, options.metrics_file) if path is not None]
    output.check(options, *further, read=options.saved)
    if options.saved is not None:
        return _explain_again(options, argv)
    if options.all_contexts or len(set(options.contexts)) > 1:
        from diagnose.fleet.command import run_all

        return run_all(options, argv)
    if options.yes:
        raise Stop("--yes goes with --all-contexts.", "A context that is named is diagnosed without.", USAGE)
    options.context = next(iter(options.contexts), None)
    place.check(options)
    from diagnose.commands.metering import metered
    from diagnose.report.timings import Timings

    timings = Timings()
    try:
        return output.finish(metered(options, lambda: _diagnosed(options, argv, timings)), options)
    finally:
        if options.timings:  # a run that takes too long most of all
            sys.stderr.write(timings.text())


def _diagnosed(options: argparse.Namespace, argv: Sequence[str], timings: Timings) -> Report:
    """The report of a run as the flags have it; its evidence is kept where they ask for that."""
    from diagnose.limit import Limit
    from diagnose.report.progress import progress_to
    from diagnose.run import examine

    with Limit(options.timeout) as limit, progress_to(sys.stderr, quiet=options.quiet) as shown:
        progress = timings.of(shown)
        with limit.whole():
            found = place.open_site(options, progress)
        _load_meanwhile(*_LATER, *(("diagnose.report.terminal",) if options.output == "text" else ()))
        with found as site, place.leftovers_told(site), limit.whole():
            record, report = examine(site, place.asked_of(options, argv, limit), progress)
            progress("removing what was made")
        progress("telling")
    return _kept(record, report, options)


def _load_meanwhile(*modules: str) -> None:
    """Load what is needed later while the echo's pod starts: it takes a third of a second."""
    Thread(target=lambda: [import_module(name) for name in modules], daemon=True).start()


_LATER = ("diagnose.one_round", "diagnose.inspect.judge")
"""What is needed once the echo's pod runs."""


def _kept(record: Record, report: Report, options: argparse.Namespace) -> Report:
    """Keep what was seen where that is asked for; the report to tell, with placeholders in both if they are wanted."""
    if options.save or options.redact:
        from diagnose.evidence.secrets import without_secrets

        record = without_secrets(record)
    if options.redact:
        from diagnose.redact.redact import redacted

        record, report = redacted(record, report)
    if options.save:
        from diagnose.evidence.file import save

        save(record, options.save)
    return output.judged(report, options)


WITH_FROM = (
    "--from",
    "--output",
    "--output-file",
    "--fail-on",
    "--suppress",
    "--redact",
    "--quiet",
    "--verbose",
    "--save",
)
"""The flags that go with --from, which are those that ask for nothing to be done or known."""


def _explain_again(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Explain what an earlier run saw. Nothing but the output can be asked for: all else is as it was then."""
    given = (word.partition("=")[0] for word in argv if word.startswith("--") and word != "--")
    stray = next((word for word in given if not any(flag.startswith(word) for flag in WITH_FROM)), None)
    if stray is not None:
        raise Stop(f"{stray} does not go with --from.", "All but the output is as the saved run had it.", USAGE)
    from diagnose.evidence.file import load
    from diagnose.judge import judge

    record = load(options.saved)
    try:
        report = judge(record)
    except (ValueError, KeyError) as error:
        raise Stop(f"{options.saved} cannot be explained: {error}.", "Name what --save wrote.", USAGE) from error
    return output.finish(_kept(record, report, options), options)
