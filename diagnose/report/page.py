"""The report as one HTML page that needs nothing else: no script, no picture, no font from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from html import escape
from importlib import resources

from diagnose.counting import count_of
from diagnose.report.closing import left_open, redacted
from diagnose.report.groups import tables, unseen_shares
from diagnose.report.harmless import harmless, harmless_lines
from diagnose.report.ladder import title
from diagnose.report.more_of import more_of
from diagnose.report.picture import picture
from diagnose.report.report import Finding, ProbeRow, Remedy, Report, Verdict
from diagnose.report.short import marks_of
from diagnose.report.signs import UNICODE
from diagnose.report.steps import STEPS

TONES = {Verdict.PRESERVED: "good", Verdict.UNDETERMINED: "doubt"}


def page(report: Report) -> str:
    """The verdict first and last, the path as a picture, each finding with its remedy, and every probe, folded away.

    The page's policy allows its own style sheet, by its hash, and nothing else.
    """
    return "\n".join(("<!doctype html>", '<html lang="en">', *_head(report), *_body(report), "</html>", ""))


@cache
def _style() -> tuple[str, str]:
    """The style sheet as it stands within the page, and its hash as a policy names it (CSP level 3, 2.3.1)."""
    style = "\n" + resources.files("diagnose.report").joinpath("page.css").read_text("utf-8")
    return style, base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")


def _head(report: Report) -> Iterator[str]:
    style, digest = _style()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    yield from ("<head>", '<meta charset="utf-8">')
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>kongip: {_said(report.verdict)} - {_said(report.site)}</title>"
    yield from (f"<style>{style}</style>", "</head>")


def _body(report: Report) -> Iterator[str]:
    yield from ("<body>", "<main>")
    yield from _verdict(report, "h1")
    if report.path:
        yield f"<h2>{_said(title(report))}</h2>"
        yield f'<div class="figure">\n{picture(report)}\n</div>'
    yield from _groups(report)
    if report.findings:
        yield "<h2>Findings</h2>"
    for finding in report.findings:
        yield from _finding(finding, report)
    for name, items in left_open(report):
        yield from _listed(name, items)
    yield from _probes(report)
    run = report.run
    kongip = f"kongip {_said(run.version)}{redacted(report)}"
    yield f'<p class="quiet">Run {_said(run.id)}, {run.seconds:.1f} s, {kongip}</p>'
    yield from _verdict(report, "p")
    yield from ("</main>", "</body>")


def _verdict(report: Report, tag: str) -> Iterator[str]:
    sign = UNICODE.of_verdict(report.verdict)
    yield f'<div class="verdict {TONES.get(report.verdict, "bad")}">'
    yield f'<{tag}><span class="mark">{sign}</span>{_said(report.headline)}</{tag}>'
    if tag == "h1":
        known = ", ".join(report.caller.addresses) or "address not known"
        yield f'<p class="quiet">Caller: {_said(known)} ({_said(report.caller.source)})</p>'
    yield "</div>"


def _groups(report: Report) -> Iterator[str]:
    for heading, names, rows in tables(report.groups):
        yield f"<h2>{_said(heading)}</h2>"
        yield from _table(names, rows)
    yield from (f'<p class="quiet">{_said(told)}</p>' for told in unseen_shares(report.groups))


def _finding(finding: Finding, report: Report) -> Iterator[str]:
    sign = UNICODE.of_severity(finding.severity)
    yield f'<section class="card {_said(finding.severity)}">'
    yield f'<h3><span class="mark">{sign}</span>{_said(finding.code)} {_said(finding.name)}</h3>'
    yield f'<p class="quiet">{_said(", ".join(marks_of(finding, report)))}</p>'
    yield f"<p>{_said(finding.title)}</p>"
    yield from _items(finding.because)
    if finding.remedy is not None:
        yield from _remedy(finding.remedy)
    yield from more_of(finding.code)
    yield "</section>"


def _remedy(remedy: Remedy) -> Iterator[str]:
    yield '<div class="remedy">'
    yield f"<p><strong>{remedy.worth}: {_said(remedy.summary)}</strong></p>"
    yield from _items([f"Mind: {effect}" for effect in remedy.effects])
    for step in remedy.steps:
        yield f"<p>{_said(STEPS.get(step.kind, f'{step.kind}:'))}</p>"
        tag = "p" if step.kind == "note" else "pre"
        yield f"<{tag}>{escape(harmless_lines(step.text))}</{tag}>"
    yield "</div>"


def _listed(heading: str, told: Sequence[str]) -> Iterator[str]:
    if told:
        yield f"<h2>{_said(heading)}</h2>"
        yield from _items(told)


def _items(told: Sequence[str]) -> Iterator[str]:
    if told:
        yield from ("<ul>", *(f"<li>{_said(line)}</li>" for line in told), "</ul>")


def _probes(report: Report) -> Iterator[str]:
    if report.probes:
        yield f"<details><summary>{count_of(len(report.probes), 'probe')}</summary>"
        names = ("entry", "from", "PROXY", "claims", "outcome", "Kong's peer", "Kong logged", "Kong pod", "why")
        yield from _table(names, map(_probe, report.probes))
        yield "</details>"


def _probe(row: ProbeRow) -> Sequence[str]:
    claims = ", ".join(f"{channel} {address}" for channel, address in row.claims)
    seen = (row.peer or "?", row.logged or "?", row.kong or "?")
    return (row.entry, row.vantage, row.preamble, claims, row.outcome, *seen, row.why)


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield from ('<div class="scroll">', "<table>")
    yield f"<thead><tr>{''.join(f'<th>{_said(name)}</th>' for name in names)}</tr></thead>"
    yield "<tbody>"
    yield from (f"<tr>{''.join(f'<td>{_said(cell)}</td>' for cell in row)}</tr>" for row in rows)
    yield from ("</tbody>", "</table>", "</div>")


def _said(text: str) -> str:
    return escape(harmless(text))
