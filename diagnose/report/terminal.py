"""The report for people: text of a given width, with or without colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from diagnose.counting import count_of
from diagnose.report import blocks
from diagnose.report.closing import left_open, redacted
from diagnose.report.groups import Way, apart, by_entry, entry_of, logged_of, unseen_share
from diagnose.report.harmless import harmless, harmless_lines
from diagnose.report.ladder import title
from diagnose.report.ladder_drawing import drawn
from diagnose.report.report import Finding, Group, ProbeRow, Remedy, Report, Severity, Verdict
from diagnose.report.short import marks_of
from diagnose.report.signs import UNICODE, Signs
from diagnose.report.steps import STEPS, more

STYLES = {
    Verdict.PRESERVED: "bold green",
    Verdict.UNDETERMINED: "bold yellow",
    Severity.ERROR: "bold red",
    Severity.WARNING: "bold yellow",
    Severity.INFO: "bold",
}


def show(
    report: Report, stream: TextIO, *, verbose: bool = False, width: int | None = None, colour: bool | None = None
) -> None:
    """Write ``report`` to ``stream`` as its terminal can show it; what its encoding lacks is written as an escape.

    ``width`` (columns, at least 40) and ``colour`` are the terminal's own where they are None; NO_COLOR, TERM=dumb and
    anything that is no terminal have no colour.
    """
    blocks.put(lambda signs: _blocks(report, signs, verbose), stream, width, colour)


def text(report: Report, width: int, *, coloured: bool, signs: Signs = UNICODE, verbose: bool = False) -> str:
    """``report`` as text of at most ``width`` columns, save the verdict's lines and what is to be pasted.

    ``verbose`` adds every probe.
    """
    return blocks.laid_out(_blocks(report, signs, verbose), width, coloured=coloured)


def _blocks(report: Report, signs: Signs, verbose: bool) -> Iterator[RenderableType]:
    yield _headline(report, signs)
    yield ""
    yield from _path(report, signs)
    yield from _groups(report.groups)
    for finding in report.findings:
        yield from _finding(finding, report, signs)
    for name, items in left_open(report):
        yield from blocks.listed(name, items, signs)
    if verbose:
        yield from _probes(report, signs)
        not_needed = [f"{gap.what}: {gap.why}" for gap in report.not_needed]
        yield from blocks.listed("Not sent, as they would have told nothing more", not_needed, signs)
    yield Text(harmless(_summary(report)), style="dim")
    yield _headline(report, signs)


def _headline(report: Report, signs: Signs) -> Text:
    """The verdict in one line, however long: the first and the last line of a report are for tools like tail, too."""
    style = STYLES.get(report.verdict, "bold red")
    return Text(f"{signs.of_verdict(report.verdict)} {harmless(report.headline)}", style=style, no_wrap=True)


def _path(report: Report, signs: Signs) -> Iterator[RenderableType]:
    if not report.path:
        return
    yield blocks.heading(title(report))
    yield from drawn(report, signs)
    yield ""


def _groups(groups: Sequence[Group]) -> Iterator[RenderableType]:
    """A table for each entry where groups differ; what does not enter the verdict apart."""
    entries = by_entry(groups)
    for entry, ways in entries.items():
        missed = unseen_share(entry, ways)
        told: list[RenderableType] = [] if missed is None else [Text(harmless(missed), style="dim")]
        if len(ways) > 1 or len(entries) > 1:
            told = [blocks.heading(f"What became of the connections to {entry}"), _entry_table(ways), *told]
        yield from (*told, "") if told else ()
    for heading, some in apart(groups):
        yield blocks.heading(heading)
        table = blocks.table("verdict", "connections", "entry", "Kong logged")
        for group in some:
            blocks.row(table, group.verdict, str(group.connections), entry_of(group), logged_of([group]))
        yield table
        yield ""


def _entry_table(ways: Sequence[Way]) -> Table:
    table = blocks.table("verdict", "share", "Kong pod", "Kong logged", "at fault")
    for way in ways:
        share = f"{way.connections} of {way.whole}"
        blocks.row(table, way.verdict, share, way.pods, logged_of(way.groups), ", ".join(way.codes))
    return table


def _finding(finding: Finding, report: Report, signs: Signs) -> Iterator[RenderableType]:
    style = STYLES[finding.severity]
    marks = ", ".join(marks_of(finding, report))
    head = Text(harmless(f"{finding.code} {finding.name}"), style=style).append(f"  {marks}", style="none")
    yield blocks.beside(Text(signs.of_severity(finding.severity), style=style), head)
    yield Padding(Text(harmless(finding.title)), (0, 0, 0, 2))
    yield from (blocks.bullet(line, signs) for line in finding.because)
    if finding.remedy is not None:
        yield from _remedy(finding.remedy, signs)
    yield Padding(Text(harmless(f"More: {more(finding.code)}"), style="dim"), (0, 0, 0, 2))
    yield ""


def _remedy(remedy: Remedy, signs: Signs) -> Iterator[RenderableType]:
    """What to do; its side effects come before the text that brings them about.

    Text to be copied begins in the first column and is never wrapped; only a note is prose.
    """
    yield Padding(Text(harmless(f"{remedy.worth}: {remedy.summary}"), style="bold"), (0, 0, 0, 2))
    yield from (blocks.bullet(f"Mind: {effect}", signs) for effect in remedy.effects)
    for step in remedy.steps:
        yield Padding(Text(harmless(STEPS.get(step.kind, f"{step.kind}:"))), (0, 0, 0, 2))
        yield ""
        yield Text(harmless_lines(step.text), no_wrap=step.kind != "note")
        yield ""


def _probes(report: Report, signs: Signs) -> Iterator[RenderableType]:
    """Every probe, by its entry and by what was sent; what is the same for all of them is said once, before them."""
    entries: dict[str, dict[tuple[str, str], list[ProbeRow]]] = {}
    for row in report.probes:
        sorts = entries.setdefault(f"Probes from {row.vantage} to {row.entry}", {})
        sorts.setdefault((row.why, _bearing(row)), []).append(row)
    for heading, sorts in entries.items():
        yield blocks.heading(heading)
        for (why, bearing), rows in sorts.items():
            if why:
                yield blocks.bullet(why, signs)
            yield Padding(Text(harmless(bearing), style="dim"), (0, 0, 0, 4))
            yield Padding(_became(rows), (0, 0, 0, 4))
            yield ""


def _bearing(row: ProbeRow) -> str:
    """What a probe bears that an ordinary client's request does not."""
    proxy = f"PROXY {row.preamble}"
    borne = [f"{proxy if channel == 'PROXY' else channel} {address}" for channel, address in row.claims]
    if row.preamble != "none" and "PROXY" not in dict(row.claims):
        borne.insert(0, proxy)
    return f"sent with {', '.join(borne)}" if borne else "sent with nothing further"


def _became(rows: Sequence[ProbeRow]) -> Table:
    """What became of probes. Unknown is a question mark; a nonce stays whole, as it is searched for in logs."""
    table = blocks.table("outcome", "Kong's peer", "Kong logged", "Kong pod", "nonce")
    table.columns[-1].no_wrap = True
    for row in rows:
        blocks.row(table, row.outcome, row.peer or "?", row.logged or "?", row.kong or "?", row.nonce)
    return table


def _summary(report: Report) -> str:
    run, sent = report.run, count_of(len(report.probes), "probe")
    return f"{sent} in {run.seconds:.1f} s, run {run.id}, kongip {run.version}{redacted(report)}"
