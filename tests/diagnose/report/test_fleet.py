"""Several contexts in every format that has a place for each, and text from outside that stays text."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from diagnose.fleet.outcome import Outcome
from diagnose.report import fleet
from diagnose.report.fleet_formats import FORMATS, render
from diagnose.report.fleet_rows import at_fault, first_help
from diagnose.report.signs import ASCII
from tests.diagnose.fleet.fleets import FLEET, INSPECTED, UNREACHABLE, WARNED, ended, failed
from tests.diagnose.report.hostile import HOSTILE, MARKUP, spoilt
from tests.diagnose.report.reports import LOST, MIXED, PRESERVED, UNDETERMINED
from tests.diagnose.report.test_formats import ORDINARY, XSD, rendered

STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SPOILT = (ended(HOSTILE, spoilt(MIXED, HOSTILE)), failed(MARKUP, HOSTILE + MARKUP), ended(MARKUP, spoilt(LOST, MARKUP)))


def text(outcomes: tuple[Outcome, ...], width: int) -> str:
    return fleet.text(outcomes, width, coloured=False)


@pytest.mark.parametrize("width", [40, 80, 160])
@pytest.mark.parametrize("outcomes", [FLEET, SPOILT], ids=["ordinary", "hostile"])
def test_no_line_but_the_verdicts_is_wider_than_the_terminal(outcomes: tuple[Outcome, ...], width: int) -> None:
    assert max(map(len, text(outcomes, width).splitlines()[1:-1])) <= width


def test_what_is_no_terminal_has_no_colour_and_a_poor_one_other_signs() -> None:
    stream = io.StringIO()
    fleet.show(FLEET, stream, width=80)
    assert stream.getvalue() == text(FLEET, 80)
    assert "\x1b[" in fleet.text(FLEET, 80, coloured=True)
    assert fleet.text(FLEET, 80, coloured=False, signs=ASCII).isascii()


def test_what_was_only_inspected_says_so() -> None:
    assert fleet.INSPECTED not in text(FLEET, 160)
    assert fleet.INSPECTED in " ".join(text((ended("a", INSPECTED),), 160).split())


def test_the_layer_to_blame_is_told_with_how_sure_that_is() -> None:
    assert at_fault(ended("a", LOST)) == "node (proven)"
    assert at_fault(ended("a", PRESERVED)) == ""
    assert at_fault(failed("a")) == ""


def test_what_helps_first_is_the_finding_to_blame_else_any_that_is_no_mere_information() -> None:
    blamed = replace(LOST, findings=(*WARNED.findings[:1], *LOST.findings))
    assert first_help(ended("a", LOST)).startswith("KIP301 node-masquerade: Set externalTrafficPolicy")
    assert first_help(ended("a", blamed)).startswith("KIP301 node-masquerade")
    assert first_help(ended("a", WARNED)) == "KIP301 node-masquerade"
    assert first_help(ended("a", PRESERVED)) == ""
    known = tuple(replace(finding, suppressed=True) for finding in LOST.findings)
    assert first_help(ended("a", replace(LOST, findings=known))) == ""


def test_without_a_finding_it_is_what_would_settle_what_is_open_or_why_there_is_no_report() -> None:
    assert first_help(ended("a", replace(UNDETERMINED, findings=()))) == UNDETERMINED.settled_by[0]
    assert first_help(failed("a")) == UNREACHABLE


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_names_every_context_its_verdict_and_what_is_wrong(form: str) -> None:
    said = re.sub(r"\s+", " ", render(FLEET, form).replace("\\", ""))
    for one in FLEET:
        assert one.context in said
        assert one.report is None or one.report.verdict in said
    assert "KIP301" in said
    assert "cannot be reached" in said


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("json", "jsonl")])
def test_no_format_steers_a_terminal(form: str) -> None:
    assert not STEERING.search(render(SPOILT, form))


def test_lines_of_json_are_a_line_a_context() -> None:
    lines = [json.loads(line) for line in render(FLEET, "jsonl").splitlines()]
    assert [line["context"] for line in lines] == [one.context for one in FLEET]


def test_short_begins_every_line_with_its_context() -> None:
    lines = render(FLEET, "short").splitlines()
    assert lines[0] == f"production-eu: {PRESERVED.headline}"
    assert lines[-1] == f"lab: could not run: {UNREACHABLE}"
    assert all(line.startswith(tuple(f"{one.context}: " for one in FLEET)) for line in lines)
    assert len(render(SPOILT, "short").splitlines()) == 2 + 1 + 2


@pytest.mark.parametrize("outcomes", [FLEET, SPOILT], ids=["ordinary", "hostile"])
def test_junit_is_a_suite_for_each_context(outcomes: tuple[Outcome, ...]) -> None:
    document = render(outcomes, "junit")
    XSD.validate(document)
    suites = ElementTree.fromstring(document.encode())
    assert len(suites) == len(outcomes)
    for name in ("tests", "failures", "errors"):
        assert int(suites.attrib[name]) == sum(int(suite.attrib[name]) for suite in suites)
    without = [suite for suite, one in zip(suites, outcomes, strict=True) if one.report is None]
    assert [(suite.attrib["tests"], suite.attrib["errors"]) for suite in without] == [("1", "1")] * len(without)


def test_markdown_is_a_table_and_a_section_for_each() -> None:
    said = render(FLEET, "markdown")
    assert said.startswith("# 4 contexts: 1 could not run, 1 lost, 1 undetermined, 1 preserved\n")
    assert [line for line in said.splitlines() if line.startswith("# ")][1:] == [f"# {one.context}" for one in FLEET]
    assert set(rendered(render(SPOILT, "markdown")).tags) <= ORDINARY | set(rendered(said).tags)
