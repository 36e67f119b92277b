"""``kongip watch``: probe a Kong at an interval, and show the cure arrive."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from diagnose.commands import output, place, values
from diagnose.errors import COULD_NOT_RUN, INTERRUPTED, PRESERVED, UNDETERMINED
from diagnose.limit import Limit

if TYPE_CHECKING:
    from diagnose.watch.history import History

ROUND = 60.0
"""Seconds that a round may take at most."""

HOLDS = 3
"""Rounds in a row after which --until preserved takes it for settled."""

EPILOG = f"""\
exit status: that of diagnose for the last round; with --until preserved 0 once the address was preserved {HOLDS} rounds
in a row, and 3 where it was only just so when --for was over; 4 where the last round got no answer; 130 interrupted
(Ctrl-C), after the summary and clean-up"""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of diagnose that say where and how, and those of the watch."""
    parser.description = "Probes a live Kong at an interval and redraws the path, until Ctrl-C."
    parser.epilog = EPILOG
    place.add_flags(parser, connections=5)
    parser.set_defaults(timeout=ROUND)
    pace = parser.add_argument_group("how long")
    pace.add_argument(
        "--interval",
        metavar="SECONDS",
        type=values.seconds,
        default=2.0,
        help="from the start of one round to that of the next (default 2)",
    )
    pace.add_argument("--for", dest="duration", metavar="DURATION", type=values.duration, help="such as 90s, 15m or 2h")
    pace.add_argument(
        "--until", choices=("preserved",), help=f"end once the address was preserved {HOLDS} rounds in a row"
    )
    told = parser.add_argument_group("output")
    told.add_argument("--output", choices=("text", "json"), default="text", help="json is one line a round")
    told.add_argument("--fail-on", choices=output.SEVERITIES, default="error", help="least severity for exit status 1")
    told.add_argument("-q", "--quiet", action="store_true", help="no progress before the first round")


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Probe round after round, and show each."""
    place.check(options)
    from diagnose.report.progress import progress_to
    from diagnose.report.watching import watching
    from diagnose.watch.history import History
    from diagnose.watch.rounds import Pace, rounds

    history, interrupted = History(), False
    with contextlib.ExitStack() as left_last, output.reader_may_leave():
        with progress_to(sys.stderr, quiet=options.quiet) as progress:
            site = left_last.enter_context(place.open_site(options, progress))
        left_last.enter_context(place.leftovers_told(site))
        lines_of_json = options.output == "json"
        with watching(history, sys.stdout, sys.stderr, lines_of_json=lines_of_json, quiet=options.quiet) as shown:
            try:
                pace = Pace(options.interval, options.duration)
                for one in rounds(site, place.asked_of(options, argv, Limit()), pace, shown.awaited):
                    history.take(one)
                    shown.round()
                    if options.until and history.holding >= HOLDS:
                        break
            except KeyboardInterrupt:
                interrupted = True
            shown.awaited("removing what was deployed")
            left_last.close()
        shown.end(interrupted)
    return INTERRUPTED if interrupted else status_of(history, until=bool(options.until), fail_on=options.fail_on)


def status_of(history: History, *, until: bool, fail_on: str) -> int:
    """The exit status of a watch that came to its end; what --until asks for has to hold for some rounds."""
    if history.latest is None or history.latest.report is None:
        return COULD_NOT_RUN
    if until and history.holding >= HOLDS:
        return PRESERVED
    from diagnose.report.report import Severity

    last = replace(history.latest.report, fail_on=Severity(fail_on)).exit_status
    return UNDETERMINED if until and last == PRESERVED else last
