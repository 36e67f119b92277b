"""The report for people: text of a given width, with or without colour."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from diagnose.report.groups import Way, apart, by_entry, entry_of, logged_of, unseen_share
from diagnose.report.harmless import harmless, harmless_lines
from diagnose.report.ladder import possible, title
from diagnose.report.ladder_drawing import drawn
from diagnose.report.report import Finding, Group, ProbeRow, Remedy, Report, Severity, Verdict
from diagnose.report.short import marks_of
from diagnose.report.signs import ASCII, UNICODE, Signs
from diagnose.report.steps import PAGES, STEPS

PROSE = 100
"""Columns beyond which lines of prose become hard to read; tables may be wider."""

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
    encoding = stream.encoding or "utf-8"
    columns = max(40, shutil.get_terminal_size().columns if width is None else width)
    coloured = _has_colour(stream) if colour is None else colour
    shown = text(report, columns, coloured=coloured, signs=_signs(encoding), verbose=verbose)
    stream.write(shown.encode(encoding, "backslashreplace").decode(encoding))


def _has_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _signs(encoding: str) -> Signs:
    try:
        "".join((UNICODE.good, UNICODE.bad, UNICODE.line, UNICODE.here)).encode(encoding)
    except UnicodeEncodeError:
        return ASCII
    return UNICODE


def text(report: Report, width: int, *, coloured: bool, signs: Signs = UNICODE, verbose: bool = False) -> str:
    """``report`` as text of at most ``width`` columns, save the verdict's lines and what is to be pasted.

    ``verbose`` adds every probe.
    """
    written = io.StringIO()
    console = Console(
        file=written,
        width=width,
        force_terminal=coloured,
        color_system="standard" if coloured else None,
        no_color=not coloured,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for block in _blocks(report, signs, verbose):
        if isinstance(block, Text) and block.no_wrap:
            console.print(block, soft_wrap=True)
        elif isinstance(block, Table) and block.show_header:
            console.print(block)
        else:
            console.print(block, width=min(width, PROSE))
    return "".join(f"{line.rstrip()}\n" for line in written.getvalue().splitlines())


def _blocks(report: Report, signs: Signs, verbose: bool) -> Iterator[RenderableType]:
    yield _headline(report, signs)
    yield ""
    yield from _path(report, signs)
    yield from _groups(report.groups)
    for finding in report.findings:
        yield from _finding(finding, report, signs)
    yield from _listed("Not told apart: the evidence fits each of these", possible(report), signs)
    yield from _listed("What would settle what is open", report.settled_by, signs)
    gaps = [f"{gap.what}: {gap.why}" for gap in report.not_measured]
    yield from _listed("Not measured", gaps, signs)
    if verbose:
        yield from _probes(report)
        not_needed = [f"{gap.what}: {gap.why}" for gap in report.not_needed]
        yield from _listed("Not sent, as they would have told nothing more", not_needed, signs)
    yield Text(harmless(_summary(report)), style="dim")
    yield _headline(report, signs)


def _headline(report: Report, signs: Signs) -> Text:
    """The verdict in one line, however long: the first and the last line of a report are for tools like tail, too."""
    style = STYLES.get(report.verdict, "bold red")
    return Text(f"{signs.of_verdict(report.verdict)} {harmless(report.headline)}", style=style, no_wrap=True)


def _path(report: Report, signs: Signs) -> Iterator[RenderableType]:
    if not report.path:
        return
    yield _heading(title(report))
    yield from drawn(report, signs)
    yield ""


def _groups(groups: Sequence[Group]) -> Iterator[RenderableType]:
    """A table for each entry where groups differ; what does not enter the verdict apart."""
    entries = by_entry(groups)
    for entry, ways in entries.items():
        missed = unseen_share(entry, ways)
        told: list[RenderableType] = [] if missed is None else [Text(harmless(missed), style="dim")]
        if len(ways) > 1 or len(entries) > 1:
            told = [_heading(f"What became of the connections to {entry}"), _entry_table(ways), *told]
        yield from (*told, "") if told else ()
    for heading, some in apart(groups):
        yield _heading(heading)
        table = _table("verdict", "connections", "entry", "Kong logged")
        for group in some:
            _row(table, group.verdict, str(group.connections), entry_of(group), logged_of([group]))
        yield table
        yield ""


def _entry_table(ways: Sequence[Way]) -> Table:
    table = _table("verdict", "share", "Kong pod", "Kong logged", "at fault")
    for way in ways:
        share = f"{way.connections} of {way.whole}"
        _row(table, way.verdict, share, way.pods, logged_of(way.groups), ", ".join(way.codes))
    return table


def _finding(finding: Finding, report: Report, signs: Signs) -> Iterator[RenderableType]:
    style = STYLES[finding.severity]
    marks = ", ".join(marks_of(finding, report))
    head = Text(harmless(f"{finding.code} {finding.name}"), style=style).append(f"  {marks}", style="none")
    yield _beside(Text(signs.of_severity(finding.severity), style=style), head)
    yield Padding(Text(harmless(finding.title)), (0, 0, 0, 2))
    yield from (_bullet(line, signs) for line in finding.because)
    if finding.remedy is not None:
        yield from _remedy(finding.remedy, signs)
    yield Padding(Text(f"More: {PAGES}/{finding.code}.md", style="dim"), (0, 0, 0, 2))
    yield ""


def _remedy(remedy: Remedy, signs: Signs) -> Iterator[RenderableType]:
    """What to do; its side effects come before the text that brings them about.

    Text to be copied begins in the first column and is never wrapped; only a note is prose.
    """
    worth = "First step, which alone does not suffice" if remedy.sufficient is False else "Remedy"
    yield Padding(Text(harmless(f"{worth}: {remedy.summary}"), style="bold"), (0, 0, 0, 2))
    yield from (_bullet(f"Mind: {effect}", signs) for effect in remedy.effects)
    for step in remedy.steps:
        yield Padding(Text(harmless(STEPS.get(step.kind, f"{step.kind}:"))), (0, 0, 0, 2))
        yield ""
        yield Text(harmless_lines(step.text), no_wrap=step.kind != "note")
        yield ""


def _listed(title: str, lines: Iterable[str], signs: Signs) -> Iterator[RenderableType]:
    bullets = [_bullet(line, signs) for line in lines]
    if bullets:
        yield _heading(title)
        yield from bullets
        yield ""


def _probes(report: Report) -> Iterator[RenderableType]:
    """Every probe, by what it was sent for. Unknown is a question mark."""
    for asked in dict.fromkeys(map(_asked, report.probes)):
        yield _heading(asked)
        table = _table("PROXY", "claims", "outcome", "Kong's peer", "Kong logged", "Kong pod", "nonce")
        for row in report.probes:
            if _asked(row) == asked:
                claims = ", ".join(f"{channel} {address}" for channel, address in row.claims)
                seen = (row.peer or "?", row.logged or "?", row.kong or "?")
                _row(table, row.preamble, claims, row.outcome, *seen, row.nonce)
        yield table
        yield ""


def _asked(row: ProbeRow) -> str:
    why = f": {row.why}" if row.why else ""
    return f"Probes from {row.vantage} to {row.entry}{why}"


def _summary(report: Report) -> str:
    run = report.run
    redacted = "; addresses and names are placeholders" if report.redacted else ""
    return f"{len(report.probes)} probes in {run.seconds:.1f} s, run {run.id}, kongip {run.version}{redacted}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="underline")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _row(table: Table, *cells: str) -> None:
    table.add_row(*(Text(harmless(cell)) for cell in cells))


def _heading(title: str) -> Text:
    return Text(harmless(title), style="bold")


def _bullet(line: str, signs: Signs) -> Padding:
    return Padding(_beside(Text(signs.bullet), Text(harmless(line))), (0, 0, 0, 2))


def _beside(sign: Text, said: Text) -> Table:
    """``said`` behind a sign, its further lines indented by as much."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(sign, said)
    return grid
