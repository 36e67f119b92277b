"""The report for people: golden text, and what must hold for any report."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.cli import main
from diagnose.path.traffic import Layer
from diagnose.report.ladder import possible
from diagnose.report.report import Culprit, Report, Rung, Status, Verdict
from diagnose.report.signs import ASCII, UNICODE
from diagnose.report.terminal import show, text
from tests.diagnose.report.hostile import HOSTILE, spoilt
from tests.diagnose.report.reports import EVERY, LISTEN, LOST, MIXED, PATCH, PRESERVED, UNREACHABLE
from tests.diagnose.report.write_golden import GOLDEN, golden_texts

ESCAPE = "\x1b"

every_report = pytest.mark.parametrize("report", EVERY.values(), ids=list(EVERY))


class Terminal(io.StringIO):
    """A stream that says it is a terminal of a certain encoding."""

    def __init__(self, encoding: str = "utf-8", *, isatty: bool = True) -> None:
        super().__init__()
        self._encoding, self._isatty = encoding, isatty

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._isatty


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.parametrize("name", golden_texts())
def test_a_report_reads_as_recorded(name: str) -> None:
    assert golden_texts()[name] == (GOLDEN / name).read_text("utf-8")


def test_no_golden_text_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == golden_texts().keys()


@every_report
@pytest.mark.parametrize("width", [80, 160])
def test_only_the_verdict_and_what_is_pasted_exceed_the_width(report: Report, width: int) -> None:
    pasted = {
        line
        for finding in report.findings
        if finding.remedy
        for step in finding.remedy.steps
        for line in step.text.splitlines()
    }
    first, *between, last = text(report, width, coloured=False, verbose=True).splitlines()
    assert report.headline in first
    assert [line for line in between if len(line) > width and line not in pasted] == []
    assert last == first


@every_report
def test_the_verdict_is_the_first_and_the_last_line(report: Report) -> None:
    lines = text(report, 80, coloured=False).splitlines()
    assert lines[0] == lines[-1]
    assert lines[0].split()[1] == report.verdict


@pytest.mark.parametrize("width", [40, 80, 160])
@pytest.mark.parametrize(
    ("report", "paste"), [(LOST, PATCH), (UNREACHABLE, LISTEN)], ids=["a command", "several lines"]
)
def test_what_is_to_be_pasted_stands_whole_at_the_left_margin(report: Report, paste: str, width: int) -> None:
    assert f"\n{paste}\n" in text(report, width, coloured=False)


def test_the_rung_that_loses_the_address_is_marked_and_named() -> None:
    lines = text(LOST, 80, coloured=False).splitlines()
    broken = next(index for index, line in enumerate(lines) if line.startswith(f" {UNICODE.bad} node"))
    assert "rewrites" in lines[broken]
    assert "the address is lost here: KIP301 node-masquerade" in lines[broken + 1]
    assert sum("lost here" in line for line in lines) == 1


def test_a_rung_called_by_another_behaviour_than_its_culprit_is_marked_all_the_same() -> None:
    culprit = Culprit(Layer.GATEWAY, "trusts_nobody_on_the_way", "KIP501", "proven")
    groups = tuple(replace(group, culprits=(culprit,)) for group in LOST.groups)
    shown = text(replace(LOST, culprits=(culprit,), groups=groups), 80, coloured=False)
    assert re.search(r"✗ gateway .*\n ▲ +the address is lost here: KIP501", shown)


def test_a_culprit_of_other_connections_is_not_marked_on_the_path_of_the_worst() -> None:
    elsewhere = Culprit(Layer.GATEWAY, "believes_callers", "KIP503", "proven")
    other = replace(MIXED.groups[1], verdict=Verdict.SPOOFABLE, culprits=(elsewhere,))
    shown = text(
        replace(MIXED, culprits=(*MIXED.culprits, elsewhere), groups=(MIXED.groups[0], other)), 80, coloured=False
    )
    assert "lost here: KIP301" in shown
    assert "lost here: KIP503" not in shown
    assert re.search(r"spoofable +7 of 20 .*KIP503", shown)


def test_possible_culprits_are_listed_as_not_told_apart() -> None:
    shown = text(UNREACHABLE, 80, coloured=False)
    assert "Not told apart" in shown
    assert "load balancer: sends PROXY v2 (KIP401)" in shown
    assert "gateway: refuses PROXY header (KIP401)" in shown
    assert "Not told apart" not in text(LOST, 80, coloured=False)


def test_behaviours_that_are_told_together_are_each_said_as_alone() -> None:
    behaviour = "http_appends_xff or http_replaces_xff or http_strips_xff"
    culprit = Culprit(Layer.LOAD_BALANCER, behaviour, "KIP202", "possible")
    (told,) = possible(replace(UNREACHABLE, culprits=(culprit,)))
    assert told == (
        "load balancer: HTTP appends X-Forwarded-For or HTTP replaces X-Forwarded-For or HTTP strips X-Forwarded-For "
        "(KIP202)"
    )


def test_every_share_is_told_in_the_same_spelling() -> None:
    group = replace(PRESERVED.groups[0], missable=0.139)
    shown = " ".join(text(replace(PRESERVED, groups=(group,)), 80, coloured=False).split())
    assert "a fault in fewer than 14 % of all may have gone unseen (with a probability of 5 %)." in shown


def test_a_first_step_is_not_called_a_remedy() -> None:
    finding = LOST.findings[0]
    assert finding.remedy is not None
    first = replace(LOST, findings=(replace(finding, remedy=replace(finding.remedy, sufficient=False)),))
    assert "Remedy:" in text(LOST, 80, coloured=False)
    assert "Remedy:" not in text(first, 80, coloured=False)
    assert "First step, which alone does not suffice:" in text(first, 80, coloured=False)


def test_every_finding_names_the_command_that_shows_its_page(capsys: pytest.CaptureFixture[str]) -> None:
    commands = re.findall(r"More: kongip (.+)", text(MIXED, 80, coloured=False))
    assert commands == ["explain KIP301", "explain KIP601"]
    for finding, command in zip(MIXED.findings, commands, strict=True):
        assert main(command.split()) == 0
        assert capsys.readouterr().out.startswith(f"{finding.code} {finding.name}\n")


def test_probes_are_listed_only_on_demand() -> None:
    nonce = MIXED.probes[0].nonce
    assert nonce not in text(MIXED, 160, coloured=False)
    assert nonce in text(MIXED, 160, coloured=False, verbose=True)


def test_nonces_and_addresses_of_probes_stay_whole_where_names_are_long() -> None:
    row = replace(
        MIXED.probes[0],
        outcome="closed by the other side without an answer",
        logged="2001:db8:9::19",
        kong="kong-gateways/kong-gateway-proxy-5d9c7f86b4-x2x7p",
    )
    shown = text(replace(MIXED, probes=(row,)), 80, coloured=False, verbose=True)
    assert row.nonce in shown
    assert "2001:db8:9::19" in shown
    assert "without an" in shown


def test_what_a_probe_bears_is_said_before_what_became_of_it() -> None:
    row = replace(MIXED.probes[0], preamble="v2", claims=(("PROXY", "192.0.2.9"), ("X-Real-IP", "192.0.2.2")))
    local = replace(row, preamble="v2-local", claims=(), why="a health check")
    shown = text(replace(MIXED, probes=(row, local)), 80, coloured=False, verbose=True)
    assert "sent with PROXY v2 192.0.2.9, X-Real-IP 192.0.2.2\n" in shown
    assert "a health check\n    sent with PROXY v2-local\n" in shown


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    shown = text(spoilt(LOST, HOSTILE), 160, coloured=False, verbose=True)
    assert set(re.findall(r"[^\n\x20-\x7e]", shown)) <= set("".join((UNICODE.bad, UNICODE.line, UNICODE.here, "•")))


def test_text_from_outside_is_no_markup() -> None:
    shown = text(replace(LOST, headline="[bold red]x[/] :warning: [link=file:///]y[/link]"), 160, coloured=True)
    assert "[bold red]x[/] :warning: [link=file:///]y[/link]" in shown
    assert f"{ESCAPE}]8;" not in shown


def test_a_newline_from_outside_does_not_begin_a_line() -> None:
    outside = "node\n✓ preserved: all is well"
    rungs = (Rung(Layer.NODE, outside, None, None, None, Status.UNKNOWN),)
    lines = text(replace(LOST, headline=outside, site=outside, path=rungs), 160, coloured=False).splitlines()
    assert not any(line.lstrip().startswith("✓ preserved") for line in lines)


@given(st.text(max_size=40))
def test_any_text_leaves_printable_characters_only(outside: str) -> None:
    shown = text(spoilt(LOST, outside), 80, coloured=False, verbose=True)
    assert all(char == "\n" or not re.match(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", char) for char in shown)


@every_report
def test_a_stream_without_unicode_gets_ascii(report: Report) -> None:
    stream = Terminal("ascii", isatty=False)
    show(report, stream, verbose=True)
    assert stream.getvalue().isascii()
    assert stream.getvalue().startswith(f"{ASCII.of_verdict(report.verdict)} {report.verdict}")
    assert "\\u" not in stream.getvalue()


def test_text_that_the_stream_cannot_encode_is_written_as_an_escape() -> None:
    stream = Terminal("ascii", isatty=False)
    show(replace(PRESERVED, site="Dienst größer"), stream)
    assert r"gr\xf6\xdfer" in stream.getvalue()


def test_a_terminal_has_colour() -> None:
    stream = Terminal()
    show(LOST, stream)
    assert ESCAPE in stream.getvalue()


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_none_has_no_colour(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    stream = Terminal()
    show(LOST, stream)
    assert ESCAPE not in stream.getvalue()


def test_an_empty_no_color_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    stream = Terminal()
    show(LOST, stream)
    assert ESCAPE in stream.getvalue()


def test_a_pipe_has_no_colour() -> None:
    stream = Terminal(isatty=False)
    show(LOST, stream)
    assert ESCAPE not in stream.getvalue()


def test_width_and_colour_can_be_asked_for() -> None:
    stream = Terminal(isatty=False)
    show(MIXED, stream, width=160, colour=False)
    assert stream.getvalue() == text(MIXED, 160, coloured=False)
    stream = Terminal(isatty=False)
    show(MIXED, stream, width=100, colour=True)
    assert stream.getvalue() == text(MIXED, 100, coloured=True)


def test_colour_adds_nothing_but_colour() -> None:
    coloured = text(MIXED, 80, coloured=True, verbose=True)
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in stripped.splitlines()] == text(
        MIXED, 80, coloured=False, verbose=True
    ).splitlines()
