"""--metrics-file of one run: metrics of how it went, also where it could not run."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from diagnose.errors import Stop

if TYPE_CHECKING:
    from diagnose.report.report import Report


def metered(options: argparse.Namespace, run: Callable[[], Report]) -> Report:
    """The report that ``run`` gives. Its metrics are written where the flags name a file, also where it stops."""
    if options.metrics_file is None:
        return run()
    from diagnose.fleet.outcome import Outcome
    from diagnose.report import metrics

    metrics.check(options.metrics_file)
    began = time.monotonic()

    def write(status: int, report: Report | None) -> None:
        seconds = round(time.monotonic() - began, 3)
        metrics.write([Outcome(_place(options), status, round(time.time(), 3), seconds, report)], options.metrics_file)

    try:
        report = run()
    except Stop as stop:
        write(stop.status, None)
        raise
    write(report.exit_status, report)
    return report


def _place(options: argparse.Namespace) -> str:
    """What was diagnosed, for the label that tells runs apart; with --redact it is no name."""
    kinds = {"context": options.context, "lab": options.lab, "url": next(iter((*options.url, options.direct)), None)}
    kind, name = next(((kind, name) for kind, name in kinds.items() if name), ("context", "in-cluster"))
    return f"{kind}-1" if options.redact and kind != "lab" else str(name)
