"""The report as Markdown, for a pull request or a pipeline's summary (GitHub's dialect, which GitLab reads too)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from diagnose.counting import count_of
from diagnose.fleet.outcome import NO_REPORT, Outcome, headline
from diagnose.report.closing import left_open, redacted
from diagnose.report.fleet_rows import TITLES, cells
from diagnose.report.groups import tables
from diagnose.report.harmless import harmless, harmless_lines
from diagnose.report.ladder import Line, What, lines, title
from diagnose.report.report import Finding, Remedy, RemedyStep, Report
from diagnose.report.short import marks_of
from diagnose.report.signs import UNICODE
from diagnose.report.steps import STEPS, more

LANGUAGES = {"kubectl": "sh", "shell": "sh", "helm": "yaml", "kong": "sh", "manifest": "yaml", "kongip": "sh"}
"""What a remedy's step is written in, by its kind."""

_TELLING = re.compile(r"[\\`*_{}\[\]|~$]")
"""What means something in Markdown wherever it stands, and is written behind a backslash (CommonMark 2.4)."""

_BEGINNING = re.compile(r"([-+=])|([0-9]+)([.)])")
"""What means something at the beginning of a line."""

_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;<!-- -->", "#": "&#35;<!-- -->"}
"""What is written as a character reference, which never is markup; a comment keeps hosts from making links of it."""

_LINKED = re.compile(r":(?=//)|(?<=www)\.|:(?=[A-Za-z0-9_+-]+:)", re.IGNORECASE)
"""What would make a link of an address (GFM 6.9), and a picture of a word between colons."""


def markdown(report: Report) -> str:
    """The verdict first and last, the ladder and the groups as tables, each finding with its remedy."""
    return "\n".join(_blocks(report)) + "\n"


def markdown_of_several(outcomes: Sequence[Outcome]) -> str:
    """A table with a row for each context, then the whole of each."""
    return "\n".join(_blocks_of_several(outcomes)) + "\n"


def _blocks_of_several(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield from (f"# {plain(headline(outcomes))}", "")
    rows = ([plain(cell) for cell in cells(one, UNICODE)] for one in outcomes)
    yield from _table(TITLES, rows)
    for one in outcomes:
        yield from ("", f"# {plain(one.context)}", "")
        if one.report is None:
            yield f"**{plain(f'{NO_REPORT}: {one.problem}')}**"
        else:
            yield from _blocks(one.report)


def plain(text: str) -> str:
    """``text`` on one line that shows as it is: nothing in it is markup, a link, a mention or a reference."""
    shown = _TELLING.sub(r"\\\g<0>", harmless(text).strip())
    shown = "".join(_REFERENCES.get(char, char) for char in shown)
    shown = _LINKED.sub(lambda found: f"&#{ord(found[0])};<!-- -->", shown)
    begins = _BEGINNING.match(shown)
    if begins is None:
        return shown
    return f"{begins[2] or ''}\\{begins[1] or begins[3]}{shown[begins.end() :]}"


def _blocks(report: Report) -> Iterator[str]:
    verdict = f"{UNICODE.of_verdict(report.verdict)} {plain(report.headline)}"
    yield from (f"## {verdict}", "")
    yield from _ladder(report)
    yield from _groups(report)
    for finding in report.findings:
        yield from _finding(finding, report)
    for name, items in left_open(report):
        yield from _listed(name, items)
    yield from _probes(report)
    run = report.run
    yield from (
        f"<sub>run {plain(run.id)}, {run.seconds:.1f} s, kongip {plain(run.version)}{redacted(report)}</sub>",
        "",
    )
    yield f"**{verdict}**"


def _ladder(report: Report) -> Iterator[str]:
    if report.path:
        yield from (f"**{plain(title(report))}**", "")
        yield from _table(("", "hop", "does", ""), map(_rung, lines(report)))


def _rung(line: Line) -> Sequence[str]:
    said = f"**{plain(line.said)}**" if line.blamed else plain(line.said)
    match line.what:
        case What.HOP:
            return UNICODE.of_hop(line), plain(line.layer), plain(line.status or ""), said
        case What.CALLER:
            return "", plain(line.layer), "", said
        case What.ADDRESS:
            return UNICODE.line, "", "", said
        case What.BLAME:
            return UNICODE.here, "", "", said


def _groups(report: Report) -> Iterator[str]:
    for heading, names, rows in tables(report.groups):
        yield from (f"**{plain(heading)}**", "")
        yield from _table(names, ([plain(cell) for cell in row] for row in rows))


def _finding(finding: Finding, report: Report) -> Iterator[str]:
    sign = UNICODE.of_severity(finding.severity)
    yield f"### {sign} {plain(finding.code)} {plain(finding.name)} ({plain(', '.join(marks_of(finding, report)))})"
    yield from ("", plain(finding.title), "")
    yield from (f"- {plain(line)}" for line in finding.because)
    yield ""
    if finding.remedy is not None:
        yield from _remedy(finding.remedy)
    yield from (f"<sub>More: {plain(more(finding.code))}</sub>", "")


def _remedy(remedy: Remedy) -> Iterator[str]:
    yield from (f"**{remedy.worth}: {plain(remedy.summary)}**", "")
    yield from (f"- Mind: {plain(effect)}" for effect in remedy.effects)
    yield ""
    for step in remedy.steps:
        yield from (plain(STEPS.get(step.kind, f"{step.kind}:")), "")
        yield from ((plain(step.text), "") if step.kind == "note" else _fenced(step))


def _fenced(step: RemedyStep) -> tuple[str, ...]:
    """The text to paste, in a fence that nothing in it can close (CommonMark 4.5)."""
    text = harmless_lines(step.text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{LANGUAGES.get(step.kind, 'text')}", text, fence, ""


def _listed(heading: str, told: Iterable[str]) -> Iterator[str]:
    items = [f"- {plain(line)}" for line in told]
    if items:
        yield from (f"**{heading}**", "", *items, "")


def _probes(report: Report) -> Iterator[str]:
    """Every probe, folded away."""
    if not report.probes:
        return
    yield from (f"<details><summary>{count_of(len(report.probes), 'probe')}</summary>", "")
    rows = (
        (
            row.entry,
            row.vantage,
            row.preamble,
            ", ".join(f"{channel} {address}" for channel, address in row.claims),
            row.outcome,
            row.peer or "?",
            row.logged or "?",
            row.kong or "?",
        )
        for row in report.probes
    )
    names = ("entry", "from", "PROXY", "claims", "outcome", "Kong's peer", "Kong logged", "Kong pod")
    yield from _table(names, ([plain(cell) for cell in row] for row in rows))
    yield from ("</details>", "")


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|{' --- |' * len(names)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
