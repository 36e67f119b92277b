"""A watch as it stands: the path as a ladder, a line of history for each layer, and what changed when."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from diagnose.path.traffic import Layer
from diagnose.report.blocks import laid_out
from diagnose.report.harmless import harmless
from diagnose.report.ladder_drawing import drawn
from diagnose.report.report import Report, Severity, Verdict
from diagnose.report.signs import UNICODE, Signs
from diagnose.watch.history import History, Mark, Tick

LATEST = 4
"""Changes that are shown."""

LABEL = 15
"""Columns before a line of history."""

NOT_SEEN = "."

STYLES = {Mark.WELL: "green", Mark.RESTORES: "green", Mark.AT_FAULT: "bold red", Mark.UNKNOWN: "yellow"}


def text(history: History, width: int, *, coloured: bool, signs: Signs = UNICODE, awaited: str = "") -> str:
    """``history`` as text of at most ``width`` columns; ``awaited`` is what is waited for now."""
    return laid_out(blocks(history, width, signs, awaited), width, coloured=coloured)


def blocks(history: History, width: int, signs: Signs, awaited: str = "") -> Iterator[RenderableType]:
    """The same as what rich prints, top to bottom; the bottom is what a low terminal cuts off."""
    if history.latest is None or history.report is None:
        yield Text(harmless(awaited), style="dim", no_wrap=True, overflow="ellipsis")
        return
    yield _headline(history, signs)
    yield Text(harmless(_standing(history)), style="dim")
    yield Text(harmless(awaited), style="dim", no_wrap=True, overflow="ellipsis")
    if history.latest.trouble is not None:
        yield Text(harmless(f"{signs.warning} no answer in this round: {history.latest.trouble}"), style="bold yellow")
    yield from drawn(history.report, signs)
    yield ""
    yield _lines(history, width - LABEL, signs)
    yield Text(_legend(signs), style="dim")
    yield from (Text(f"{signs.warning} {harmless(line)}", style="yellow") for line in _beside(history.report))
    yield ""
    for change in list(history.changes)[-LATEST:]:
        yield Text(harmless(f"{change.at:6.0f} s  {change.what}"))


def _headline(history: History, signs: Signs) -> Text:
    report = history.report
    assert report is not None
    sign, style = _of_verdict(report.verdict, signs)
    return Text(f"{sign} {harmless(report.headline)}", style=f"bold {style}")


def _standing(history: History) -> str:
    """Where the watch is, and how long it has said the same."""
    latest, report = history.latest, history.report
    assert latest is not None
    assert report is not None
    return f"{report.site}: round {latest.number} after {latest.at:.0f} s, verdict since second {history.since:.0f}"


def _lines(history: History, room: int, signs: Signs) -> Table:
    """The history, the latest round on the right of each line."""
    ticks = list(history.ticks)[-max(room, 1) :]
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, min_width=LABEL - 2)
    grid.add_column(no_wrap=True)
    grid.add_row(Text("verdict", style="bold"), _joined(_of_verdict(tick.verdict, signs) for tick in ticks))
    for layer in history.layers:
        grid.add_row(Text(layer.replace("_", " ")), _joined(_of_layer(tick, layer, signs) for tick in ticks))
    grid.add_row(Text("own address"), _joined(_of_share(tick, signs) for tick in ticks))
    return grid


def _joined(marks: Iterator[tuple[str, str]]) -> Text:
    line = Text()
    for sign, style in marks:
        line.append(sign, style=style)
    return line


def _of_verdict(verdict: Verdict | None, signs: Signs) -> tuple[str, str]:
    if verdict is None:
        return NOT_SEEN, "none"
    style = {Verdict.PRESERVED: "green", Verdict.UNDETERMINED: "yellow"}.get(verdict, "red")
    return signs.of_verdict(verdict), style


def _of_layer(tick: Tick, layer: Layer, signs: Signs) -> tuple[str, str]:
    mark = tick.marks.get(layer, Mark.NOT_SEEN)
    shown = {
        Mark.WELL: signs.good,
        Mark.RESTORES: signs.restored,
        Mark.AT_FAULT: signs.bad,
        Mark.UNKNOWN: signs.unknown,
        Mark.NOT_SEEN: NOT_SEEN,
    }
    return shown[mark], STYLES.get(mark, "none")


def _of_share(tick: Tick, signs: Signs) -> tuple[str, str]:
    """A bar as high as the share of connections that kept their address; only all of them reach the top."""
    if tick.share is None:
        return NOT_SEEN, "none"
    highest = len(signs.levels) - 1
    level = min(int(tick.share * highest + 0.5), highest if tick.share == 1 else highest - 1)
    return signs.levels[level if level or not tick.share else 1], "green" if tick.share == 1 else "none"


def _beside(report: Report) -> Iterator[str]:
    """What was found beside the culprits, such as rights that are missing: a line each."""
    blamed = {culprit.code for culprit in report.culprits}
    for finding in report.findings:
        if finding.severity is not Severity.INFO and finding.code not in blamed:
            more = f" (and {len(finding.because) - 1} more)" if len(finding.because) > 1 else ""
            yield f"{finding.code} {finding.name}: {next(iter(finding.because), finding.title)}{more}"


def _legend(signs: Signs) -> str:
    low, high = signs.levels[0], signs.levels[-1]
    return (
        f"{signs.good} keeps  {signs.restored} restores  {signs.bad} at fault  {signs.unknown} not known  "
        f"{NOT_SEEN} not seen  {low} to {high} share kept"
    )
