"""Short, JUnit, Markdown and HTML: golden texts, and that text from outside is never more than text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from diagnose import errors
from diagnose.catalogue import FAULTS
from diagnose.report.formats import FORMATS, render
from diagnose.report.harmless import harmless
from diagnose.report.junit import junit
from diagnose.report.markdown import markdown, plain
from diagnose.report.page import page
from diagnose.report.report import Report, Severity
from diagnose.report.short import short
from tests.diagnose.report.hostile import HOSTILE, MARKUP, spoilt
from tests.diagnose.report.reports import EVERY, LOST, MIXED, PRESERVED
from tests.diagnose.report.reports import UNDETERMINED as OPEN

XSD = xmlschema.XMLSchema(str(Path(__file__).parents[2] / "data" / "junit.xsd"))

every_report = pytest.mark.parametrize("report", EVERY.values(), ids=list(EVERY))
hostile = pytest.mark.parametrize("text", [HOSTILE, MARKUP], ids=["terminal", "markup"])
anything = st.text(st.characters(exclude_categories=()), max_size=60)


class Tags(HTMLParser):
    """What a page is made of: its tags with their attributes, and all of its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


ORDINARY = {tag for one in EVERY.values() for tag in Tags(page(one)).tags}


def rendered(text: str) -> Tags:
    """Markdown as CommonMark with tables, and with the HTML in it, makes HTML of it."""
    return Tags(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))


# Short


@every_report
def test_short_is_the_verdict_and_a_line_for_each_finding(report: Report) -> None:
    first, *lines = short(report).splitlines()
    assert first == report.headline
    assert [line.split()[0] for line in lines] == [finding.code for finding in report.findings]


@hostile
def test_short_keeps_a_line_a_line(text: str) -> None:
    assert len(short(spoilt(LOST, text)).splitlines()) == 2


# JSON


@every_report
def test_a_json_line_is_the_document_on_one_line(report: Report) -> None:
    (line,) = render(report, "jsonl").splitlines()
    assert json.loads(line) == json.loads(render(report, "json"))


# JUnit


@every_report
def test_junit_agrees_with_the_schema(report: Report) -> None:
    XSD.validate(junit(report))


@pytest.mark.parametrize(
    ("report", "status", "failures", "errors"),
    [(LOST, errors.FINDINGS, 2, 0), (PRESERVED, errors.PRESERVED, 0, 0), (OPEN, errors.UNDETERMINED, 0, 1)],
    ids=["lost", "preserved", "undetermined"],
)
def test_junit_fails_as_the_exit_status_does(report: Report, status: int, failures: int, errors: int) -> None:
    suite = ElementTree.fromstring(junit(report).encode()).find("testsuite")
    assert suite is not None
    assert report.exit_status == status
    assert (int(suite.attrib["failures"]), int(suite.attrib["errors"])) == (failures, errors)
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase")) == 1 + len(report.findings)


def test_junit_skips_what_is_suppressed() -> None:
    known = replace(LOST, findings=tuple(replace(one, suppressed=True) for one in LOST.findings))
    told = junit(known)
    XSD.validate(told)
    assert ElementTree.fromstring(told.encode()).findall(".//failure") == []
    assert len(ElementTree.fromstring(told.encode()).findall(".//skipped")) == len(LOST.findings)


def test_what_is_read_off_objects_alone_is_no_error() -> None:
    objects = replace(OPEN, traffic=False, findings=())
    assert objects.exit_status == errors.PRESERVED
    assert "<error" not in junit(objects)


@hostile
def test_junit_of_hostile_text_is_xml_and_says_it(text: str) -> None:
    told = junit(spoilt(LOST, text))
    XSD.validate(told)
    read = ElementTree.fromstring(told.encode())
    assert {one.tag for one in read.iter()} <= {
        *("testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "system-out"),
    }


@settings(max_examples=40)
@given(anything)
def test_junit_of_any_text_is_xml(text: str) -> None:
    ElementTree.fromstring(junit(spoilt(LOST, text)).encode())


# Markdown


OPENING = ("<script a", "<pre a", "<!-- a", "<?a", "<![CDATA[ a", "<table", "</div")
"""What begins a block of HTML, whether it ends or not (CommonMark 4.6)."""


def test_markdown_shows_what_it_is_told() -> None:
    for text in (MARKUP, "1. a", "- a", "10) a", "+ b", "a | b", "  lead", "&amp;", "# h", "=", "---", *OPENING):
        assert " ".join(rendered(plain(text)).text.split()) == " ".join(harmless(text).split())


@settings(max_examples=40)
@given(anything)
def test_any_text_in_markdown_is_text(text: str) -> None:
    made = rendered(f"x {plain(text)}\n\n{plain(text)}\n\n- {plain(text)}\n\n| a |\n| --- |\n| {plain(text)} |\n")
    assert {tag for tag, _ in made.tags} <= {"p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}


@hostile
@every_report
def test_hostile_text_in_markdown_is_text(report: Report, text: str) -> None:
    made = rendered(markdown(spoilt(report, text)))
    tags = {tag for tag, _ in made.tags}
    assert tags <= {
        *("h2", "h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "pre", "code", "sub"),
        *("details", "summary"),
    }
    assert {names for tag, names in made.tags if tag != "code"} == {()}
    assert sum(tag == "h2" for tag, _ in made.tags) == 1
    assert sum(tag == "h3" for tag, _ in made.tags) == 1


def test_hosts_make_no_link_or_mention_of_it() -> None:
    told = plain("@someone a@evil.test #12 http://evil.test www.evil.test :bomb:")
    assert not re.search(r"@\w|#\d|://|www\.|:bomb:", re.sub(r"&#\d+;", "", told))


@pytest.mark.parametrize("width", [3, 4, 7])
def test_a_fence_is_longer_than_any_within(width: int) -> None:
    finding = LOST.findings[0]
    assert finding.remedy is not None
    step = replace(finding.remedy.steps[0], text=f"a\n{'`' * width}\n# b")
    told = replace(LOST, findings=(replace(finding, remedy=replace(finding.remedy, steps=(step,))),))
    made = rendered(markdown(told))
    assert sum(tag == "pre" for tag, _ in made.tags) == 1
    assert not any(tag == "h1" for tag, _ in made.tags)


# HTML


@every_report
def test_a_page_asks_for_nothing_from_elsewhere(report: Report) -> None:
    shown = page(report)
    assert "default-src 'none'; style-src 'sha256-" in shown
    made = Tags(shown)
    names = {name for _, attributes in made.tags for name in attributes}
    assert not names & {"src", "href", "style", "action", "srcset", "data"}
    assert not any(name.startswith("on") for name in names)
    assert not {tag for tag, _ in made.tags} & {"script", "img", "link", "iframe", "object", "a", "form", "base"}


@pytest.mark.parametrize("code", FAULTS)
def test_a_page_holds_the_text_of_each_finding(code: str) -> None:
    """All of it, and nothing of its Markdown but the words."""
    made = page(replace(LOST, findings=(replace(LOST.findings[0], code=code),)))
    folded = re.search(rf"<details><summary>More of {code}</summary>(.*?)</details>", made, re.DOTALL)
    assert folded is not None
    shown = unescape(re.sub(r"<[^>]+>", " ", folded[1]))
    words = re.findall(r"\w{4,}", FAULTS[code].why + FAULTS[code].tell_apart + FAULTS[code].cure)
    assert [word for word in words if word not in shown] == []
    assert "`" not in shown
    assert set(re.findall(r"<(\w+)", folded[1])) <= {"h4", "p", "ul", "li", "pre", "code", "em"}


@hostile
@every_report
def test_hostile_text_in_a_page_is_text(report: Report, text: str) -> None:
    assert set(Tags(page(spoilt(report, text))).tags) <= ORDINARY


@settings(max_examples=40)
@given(anything)
def test_any_text_in_a_page_is_text(text: str) -> None:
    assert set(Tags(page(spoilt(LOST, text))).tags) <= ORDINARY


# All


@pytest.mark.parametrize("form", FORMATS)
@every_report
def test_every_format_says_the_verdict_and_every_code(report: Report, form: str) -> None:
    said = render(report, form)
    assert report.verdict in said
    assert all(finding.code in said for finding in report.findings)


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("json", "jsonl")])
def test_no_format_steers_a_terminal(form: str) -> None:
    assert not re.search(
        r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", render(spoilt(MIXED, HOSTILE), form)
    )


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_the_verdict_is_said_first_and_last(form: str) -> None:
    words = re.findall(r"lost at Service", re.sub(r"<title>.*?</title>", "", render(LOST, form)))
    assert len(words) >= 2


def test_the_exit_status_counts_from_the_least_severity_on() -> None:
    only = replace(PRESERVED, findings=(replace(LOST.findings[0], severity=Severity.WARNING),))
    assert only.exit_status == errors.PRESERVED
    assert replace(only, fail_on=Severity.WARNING).exit_status == errors.FINDINGS
    known = replace(only.findings[0], suppressed=True)
    assert replace(only, fail_on=Severity.INFO, findings=(known,)).exit_status == errors.PRESERVED


def test_suppressing_a_finding_settles_nothing() -> None:
    open_still = replace(OPEN, findings=(replace(LOST.findings[0], suppressed=True),))
    assert open_still.exit_status == errors.UNDETERMINED
