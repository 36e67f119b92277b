"""The report as JUnit XML, as Jenkins, GitLab and others show it: a test case for the verdict, one for each finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from diagnose.errors import FINDINGS, PRESERVED
from diagnose.fleet.outcome import NO_REPORT, Outcome
from diagnose.report.harmless import harmless, harmless_lines
from diagnose.report.report import Finding, Report
from diagnose.report.short import marks_of
from diagnose.report.steps import more

_NOT_IN_XML = re.compile("[\ufffe\uffff]")
"""What XML 1.0 has no characters for, beside the controls that ``harmless`` escapes."""


PRESERVED_CASE = "the caller's address is preserved"


def junit(report: Report) -> str:
    """One test suite. A case fails where the exit status of the run counts it; an undetermined verdict is an error.

    What is known of and suppressed is a case that was skipped.
    """
    return _document([_suite(report.site, report.run.seconds, _cases(report), _properties(report))])


def junit_of_several(outcomes: Iterable[Outcome]) -> str:
    """A suite for each context; where there is no report, its one case is an error."""
    return _document([_suite_of(one) for one in outcomes])


def _suite_of(outcome: Outcome) -> Element:
    named = f"context {outcome.context}"
    if outcome.report is None:
        return _suite(named, outcome.seconds, [_no_verdict(outcome)], ())
    return _suite(named, outcome.seconds, _cases(outcome.report), _properties(outcome.report))


def _document(suites: Sequence[Element]) -> str:
    seconds = sum(float(suite.attrib["time"]) for suite in suites)
    counted = {name: str(sum(int(suite.attrib[name]) for suite in suites)) for name in ("tests", "failures", "errors")}
    whole = Element("testsuites", {"name": "kongip", **counted, "time": f"{seconds:.3f}"})
    whole.extend(suites)
    indent(whole)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(whole, encoding="unicode")}\n'


def _suite(of: str, seconds: float, cases: Sequence[Element], told: Iterable[tuple[str, str]]) -> Element:
    counted = {
        "skipped": str(_count(cases, "skipped")),
        "tests": str(len(cases)),
        "failures": str(_count(cases, "failure")),
        "errors": str(_count(cases, "error")),
        "time": f"{seconds:.3f}",
    }
    suite = Element("testsuite", {"name": _line(f"kongip: {of}"), **counted})
    properties = SubElement(suite, "properties")
    for name, value in told:
        SubElement(properties, "property", {"name": name, "value": _line(value)})
    suite.extend(cases)
    return suite


def _cases(report: Report) -> list[Element]:
    return [_verdict(report), *(_finding(finding, report) for finding in report.findings)]


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    yield "verdict", report.verdict
    yield "caller", ", ".join(report.caller.addresses) or "not known"
    yield "run", report.run.id
    yield "version", report.run.version


def _no_verdict(outcome: Outcome) -> Element:
    case = Element("testcase", {"classname": "kongip.verdict", "name": PRESERVED_CASE, "time": "0"})
    SubElement(case, "error", {"type": NO_REPORT, "message": _line(outcome.problem or "")})
    return case


def _verdict(report: Report) -> Element:
    status = report.exit_status
    asked = PRESERVED_CASE if report.traffic else "nothing is wrong in the objects"
    case = Element("testcase", {"classname": "kongip.verdict", "name": asked, "time": "0"})
    if status == PRESERVED:
        SubElement(case, "system-out").text = _line(report.headline)
    else:
        kind = "failure" if status == FINDINGS else "error"
        told = SubElement(case, kind, {"type": report.verdict, "message": _line(report.headline)})
        told.text = _lines("\n".join([report.headline, *report.settled_by]))
    return case


def _finding(finding: Finding, report: Report) -> Element:
    named = {"classname": f"kongip.{finding.layer}", "name": _line(f"{finding.code} {finding.name}"), "time": "0"}
    case = Element("testcase", named)
    text = _lines("\n".join(_told(finding, report)))
    if finding.suppressed:
        SubElement(case, "skipped", {"message": _line(f"suppressed: {finding.title}")})
    elif report.failing(finding):
        SubElement(case, "failure", {"type": finding.code, "message": _line(finding.title)}).text = text
        return case
    SubElement(case, "system-out").text = text
    return case


def _told(finding: Finding, report: Report) -> Iterator[str]:
    yield f"{finding.title} ({', '.join(marks_of(finding, report))})"
    yield from (f"- {line}" for line in finding.because)
    if finding.remedy is not None:
        yield f"Remedy: {finding.remedy.summary}"
        yield from (f"Mind: {effect}" for effect in finding.remedy.effects)
        yield from (step.text for step in finding.remedy.steps)
    yield f"More: {more(finding.code)}"


def _count(cases: Sequence[Element], tag: str) -> int:
    return sum(case.find(tag) is not None for case in cases)


def _line(text: str) -> str:
    return _NOT_IN_XML.sub(_escape, harmless(text))


def _lines(text: str) -> str:
    return _NOT_IN_XML.sub(_escape, harmless_lines(text))


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
