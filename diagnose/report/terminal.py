"""The report for people: text of a given width, with or without colour."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from diagnose.report.harmless import harmless, harmless_lines
from diagnose.report.ladder_drawing import drawn
from diagnose.report.report import Finding, Group, Remedy, Report, Severity, Verdict
from diagnose.report.signs import ASCII, UNICODE, Signs

PROSE = 100
"""Columns beyond which lines of prose become hard to read; tables may be wider."""

STEPS = {
    "kubectl": "Run:",
    "helm": "Helm values:",
    "kong": "In the environment of Kong's container:",
    "balancer": "At the load balancer:",
    "kongip": "Run again:",
    "note": "Note:",
}
"""What to do with the text of a remedy's step, by its kind."""

STYLES = {
    Verdict.PRESERVED: "bold green",
    Verdict.UNDETERMINED: "bold yellow",
    Severity.ERROR: "bold red",
    Severity.WARNING: "bold yellow",
    Severity.INFO: "bold",
}


class Paste(str):
    """Text to be copied: it begins in the first column and is never wrapped."""

    __slots__ = ()


Block = RenderableType | Paste


def show(report: Report, stream: TextIO, *, verbose: bool = False) -> None:
    """Write ``report`` to ``stream`` as its terminal can show it; what its encoding lacks is written as an escape."""
    encoding = stream.encoding or "utf-8"
    plain = not stream.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    columns = max(40, shutil.get_terminal_size().columns)
    shown = text(report, columns, coloured=not plain, signs=_signs(encoding), verbose=verbose)
    stream.write(shown.encode(encoding, "backslashreplace").decode(encoding))


def _signs(encoding: str) -> Signs:
    try:
        "".join((UNICODE.good, UNICODE.bad, UNICODE.line, UNICODE.here)).encode(encoding)
    except UnicodeEncodeError:
        return ASCII
    return UNICODE


def text(report: Report, width: int, *, coloured: bool, signs: Signs = UNICODE, verbose: bool = False) -> str:
    """``report`` as text of at most ``width`` columns, save what is to be pasted. ``verbose`` adds every probe."""
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
        if isinstance(block, Paste):
            console.print(Text(harmless_lines(block)), soft_wrap=True)
        elif isinstance(block, Table) and block.show_header:
            console.print(block)
        else:
            console.print(block, width=min(width, PROSE))
    return "".join(f"{line.rstrip()}\n" for line in written.getvalue().splitlines())


def _blocks(report: Report, signs: Signs, verbose: bool) -> Iterator[Block]:
    yield _headline(report, signs)
    yield ""
    yield from _path(report, signs)
    yield from _groups(report.groups)
    for finding in report.findings:
        yield from _finding(finding, signs)
    yield from _listed("What would settle what is open", report.settled_by, signs)
    gaps = [f"{gap.what}: {gap.why}" for gap in report.not_measured]
    yield from _listed("Not measured", gaps, signs)
    if verbose:
        yield from _probes(report)
    yield Text(harmless(_summary(report)), style="dim")
    yield _headline(report, signs)


def _headline(report: Report, signs: Signs) -> Table:
    style = STYLES.get(report.verdict, "bold red")
    return _beside(Text(signs.of_verdict(report.verdict), style=style), Text(harmless(report.headline), style=style))


def _path(report: Report, signs: Signs) -> Iterator[Block]:
    if not report.path:
        return
    yield _heading(f"The path to {report.site}, and the address before and after each hop")
    yield from drawn(report, signs)
    yield ""


def _groups(groups: tuple[Group, ...]) -> Iterator[Block]:
    """A table of the groups where there are several; inside ones apart, since they are another experiment."""
    outside = [group for group in groups if group.vantage == "outside"]
    inside = [group for group in groups if group.vantage == "inside"]
    if len(outside) > 1:
        yield _heading("Connections, by entry and by what became of them")
        yield _group_table(outside)
        yield ""
    if inside:
        yield _heading("From inside the cluster, straight to Kong's pods (no evidence about callers outside)")
        yield _group_table(inside)
        yield ""


def _group_table(groups: list[Group]) -> Table:
    table = _table("verdict", "share", "entry", "Kong pod", "Kong logged")
    for group in groups:
        whole = sum(other.connections for other in groups if _entry(other) == _entry(group))
        _row(table, group.verdict, f"{group.connections} of {whole}", _entry(group), _pod(group), _logged(group))
    return table


def _entry(group: Group) -> str:
    named = group.entry if group.address in group.entry else f"{group.entry} at {group.address}"
    return named if named.startswith(group.scheme) else f"{named} ({group.scheme})"


def _pod(group: Group) -> str:
    if group.pod is None:
        return "any"
    return f"{group.pod} on {group.node}" if group.node else group.pod


def _logged(group: Group) -> str:
    return ", ".join(f"{address} ({connections})" for address, connections in group.logged) or "nothing seen"


def _finding(finding: Finding, signs: Signs) -> Iterator[Block]:
    style = STYLES[finding.severity]
    head = Text(f"{finding.code} {finding.name}", style=style).append(
        f"  {finding.severity}, {finding.layer.replace('_', ' ')}", style="none"
    )
    yield _beside(Text(signs.of_severity(finding.severity), style=style), head)
    yield Padding(Text(harmless(finding.title)), (0, 0, 0, 2))
    yield from (_bullet(line, signs) for line in finding.because)
    if finding.remedy is not None:
        yield from _remedy(finding.remedy, signs)
    yield ""


def _remedy(remedy: Remedy, signs: Signs) -> Iterator[Block]:
    """What to do; its side effects come before the text that brings them about."""
    worth = "Remedy" if remedy.sufficient else "First step, which alone does not suffice"
    yield Padding(Text(harmless(f"{worth}: {remedy.summary}"), style="bold"), (0, 0, 0, 2))
    yield from (_bullet(f"Mind: {effect}", signs) for effect in remedy.effects)
    for number, step in enumerate(remedy.steps):
        if number:
            yield ""
        yield Padding(Text(harmless(STEPS.get(step.kind, f"{step.kind}:"))), (0, 0, 0, 2))
        yield ""
        yield Text(harmless_lines(step.text)) if step.kind == "note" else Paste(step.text)


def _listed(title: str, lines: Iterable[str], signs: Signs) -> Iterator[Block]:
    bullets = [_bullet(line, signs) for line in lines]
    if bullets:
        yield _heading(title)
        yield from bullets
        yield ""


def _probes(report: Report) -> Iterator[Block]:
    """Every probe, by entry. Unknown is a question mark."""
    for vantage, entry in dict.fromkeys((row.vantage, row.entry) for row in report.probes):
        yield _heading(f"Every probe to {entry} from {vantage}")
        table = _table("PROXY", "claims", "outcome", "Kong's peer", "Kong logged", "Kong pod", "nonce")
        for row in report.probes:
            if (row.vantage, row.entry) == (vantage, entry):
                claims = ", ".join(f"{channel} {address}" for channel, address in row.claims)
                seen = (row.peer or "?", row.logged or "?", row.kong or "?")
                _row(table, row.preamble, claims, row.outcome, *seen, row.nonce)
        yield table
        yield ""


def _summary(report: Report) -> str:
    run = report.run
    return f"{len(report.probes)} probes in {run.seconds:.1f} s, run {run.id}, kongip {run.version}"


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="underline")
    for title in titles:
        table.add_column(title, overflow="fold")
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
