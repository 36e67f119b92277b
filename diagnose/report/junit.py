"""The report as JUnit XML, as Jenkins, GitLab and others show it: a test case for the verdict, one for each finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from diagnose.errors import FINDINGS, PRESERVED
from diagnose.report.harmless import harmless, harmless_lines
from diagnose.report.report import Finding, Report
from diagnose.report.short import marks_of
from diagnose.report.steps import more

_NOT_IN_XML = re.compile("[\ufffe\uffff]")
"""What XML 1.0 has no characters for, beside the controls that ``harmless`` escapes."""


def junit(report: Report) -> str:
    """One test suite. A case fails where the exit status of the run counts it; an undetermined verdict is an error.

    What is known of and suppressed is a case that was skipped.
    """
    cases = [_verdict(report), *(_finding(finding, report) for finding in report.findings)]
    counted = {
        "tests": str(len(cases)),
        "failures": str(_count(cases, "failure")),
        "errors": str(_count(cases, "error")),
        "time": f"{report.run.seconds:.3f}",
    }
    suites = Element("testsuites", {"name": "kongip", **counted})
    named = {"name": _line(f"kongip: {report.site}"), "skipped": str(_count(cases, "skipped"))}
    suite = SubElement(suites, "testsuite", {**named, **counted})
    properties = SubElement(suite, "properties")
    for name, value in _properties(report):
        SubElement(properties, "property", {"name": name, "value": _line(value)})
    suite.extend(cases)
    indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    yield "verdict", report.verdict
    yield "caller", ", ".join(report.caller.addresses) or "not known"
    yield "run", report.run.id
    yield "version", report.run.version


def _verdict(report: Report) -> Element:
    status = report.exit_status
    asked = "the caller's address is preserved" if report.traffic else "nothing is wrong in the objects"
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


def _count(cases: list[Element], tag: str) -> int:
    return sum(case.find(tag) is not None for case in cases)


def _line(text: str) -> str:
    return _NOT_IN_XML.sub(_escape, harmless(text))


def _lines(text: str) -> str:
    return _NOT_IN_XML.sub(_escape, harmless_lines(text))


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
