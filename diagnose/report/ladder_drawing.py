"""The ladder on a terminal: signs, colours and columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from diagnose.report.harmless import harmless
from diagnose.report.ladder import Line, Tone, What, lines
from diagnose.report.report import Report
from diagnose.report.signs import Signs

STYLES = {Tone.PLAIN: "none", Tone.GOOD: "green", Tone.DOUBT: "yellow", Tone.BAD: "red"}


def drawn(report: Report, signs: Signs) -> Iterator[Table]:
    """The ladder of ``report``, top to bottom from the caller to the upstream."""
    grid = Table.grid(padding=(0, 1), pad_edge=True)
    for fixed in (True, True, True):
        grid.add_column(no_wrap=fixed)
    grid.add_column(overflow="fold")
    for line in lines(report):
        style = _style(line)
        layer = line.layer if line.what is not What.BLAME else ""
        cells = (_sign(line, signs), layer, line.status or "")
        grid.add_row(*(Text(cell, style=style) for cell in cells), Text(harmless(line.said), style))
    yield grid


def _style(line: Line) -> str:
    if line.what is What.ADDRESS:
        return "cyan"
    return f"bold {STYLES[line.tone]}" if line.blamed else STYLES[line.tone]


def _sign(line: Line, signs: Signs) -> str:
    match line.what:
        case What.CALLER:
            return ""
        case What.ADDRESS:
            return signs.line
        case What.BLAME:
            return signs.here
        case What.HOP:
            return signs.of_hop(line)
