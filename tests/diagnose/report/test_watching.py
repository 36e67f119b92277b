"""A watch as it is shown: in place on a terminal, a line for each round elsewhere, lines of JSON, and the summary.

Its golden text is held by test_terminal.py.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest

from diagnose.path.traffic import Layer
from diagnose.report.report import Finding, Severity
from diagnose.report.signs import ASCII, UNICODE, Signs
from diagnose.report.watch_frame import text
from diagnose.report.watching import line_of, summary, watching
from diagnose.watch.history import History
from diagnose.watch.rounds import Round
from tests.diagnose.documents import hold
from tests.diagnose.report.hostile import HOSTILE, spoilt
from tests.diagnose.report.reports import LOST, MIXED, PRESERVED
from tests.diagnose.report.test_terminal import Terminal
from tests.diagnose.report.watches import CURED, NO_ANSWER, history

ROUNDS = (
    Round(1, 0.5, LOST),
    Round(2, 2.5, None, NO_ANSWER),
    Round(3, 4.5, MIXED, None, ("kong/b",), ("kong/a",)),
    Round(4, 6.5, PRESERVED),
)


def played(out: Terminal, *, lines_of_json: bool = False, quiet: bool = False) -> tuple[str, str]:
    """What stands on both streams after a watch of ``ROUNDS``."""
    err, told = Terminal(isatty=False), History()
    with watching(told, out, err, lines_of_json=lines_of_json, quiet=quiet) as shown:
        shown.awaited("deploying the echo")
        for one in ROUNDS:
            told.take(one)
            shown.round()
            shown.awaited("explaining")
    shown.end(False)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("signs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_each_round_has_a_mark_in_each_line_of_history(signs: Signs) -> None:
    lines = text(CURED, 80, coloured=False, signs=signs).splitlines()
    line = {name: next(one for one in lines if one.startswith(name)).split()[-1] for name in ("verdict", "node", "own")}
    good, bad = signs.good, signs.bad
    assert line["verdict"] == f"{bad}{bad}.{bad}{good}"
    assert line["node"] == f"{bad}{bad}.{bad}{good}"
    none, every = signs.levels[0], signs.levels[-1]
    assert (line["own"][:3], line["own"][-1]) == (f"{none}{none}.", every)
    assert line["own"][3] not in (none, every)


def test_the_latest_rounds_stay_when_the_line_is_full() -> None:
    lines = text(history(*[LOST] * 90, PRESERVED), 80, coloured=False).splitlines()
    verdict = next(line for line in lines if line.startswith("verdict"))
    assert len(verdict) == 80 - 1
    assert verdict.endswith("✗✓")


@pytest.mark.parametrize("width", [40, 80, 160])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, text(CURED, width, coloured=False).splitlines())) <= width


def test_a_round_without_an_answer_keeps_the_ladder_and_says_why() -> None:
    shown = text(history(LOST, None), 80, coloured=False)
    assert f"no answer in this round: {NO_ANSWER}" in shown
    assert "the address is lost here: KIP301" in shown


def test_what_is_found_beside_the_culprits_is_told_in_a_line() -> None:
    because = ("you may not a", "you may not b")
    rights = Finding("KIP703", "rights-missing", Layer.UPSTREAM, Severity.WARNING, "rights are missing", because)
    shown = text(history(replace(MIXED, findings=(*MIXED.findings, rights))), 80, coloured=False)
    assert "! KIP703 rights-missing: you may not a (and 1 more)\n" in shown
    assert "KIP703" not in text(history(MIXED), 80, coloured=False)
    assert not re.search("! KIP(301|601)", shown), "a culprit stands on the ladder, and what is no trouble nowhere"


def test_a_share_that_is_not_all_does_not_look_like_all() -> None:
    groups = (replace(MIXED.groups[0], connections=1), replace(MIXED.groups[1], connections=99))
    for levels in (UNICODE, ASCII):
        lines = text(history(replace(MIXED, groups=groups)), 80, coloured=False, signs=levels).splitlines()
        assert next(line for line in lines if line.startswith("own")).split()[-1] == levels.levels[-2]


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    told = history(spoilt(LOST, HOSTILE))
    told.take(Round(2, 4.0, None, HOSTILE, (HOSTILE,), (HOSTILE,)))
    shown = text(told, 160, coloured=False, awaited=HOSTILE)
    allowed = set("".join((UNICODE.bad, UNICODE.good, UNICODE.restored, UNICODE.line, UNICODE.here, UNICODE.levels)))
    assert set(re.findall(r"[^\n\x20-\x7e]", shown)) <= allowed
    for one in (told.latest, Round(3, 5.0, LOST, None, (HOSTILE,), ())):
        assert one is not None
        assert re.fullmatch(r"[\x20-\x7e]+", line_of(one))
    assert re.fullmatch(r"[\n\x20-\x7e]+", summary(told, interrupted=True))


def test_colour_adds_nothing_but_colour() -> None:
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", text(CURED, 80, coloured=True))
    assert [line.rstrip() for line in stripped.splitlines()] == text(CURED, 80, coloured=False).splitlines()


def test_without_a_terminal_each_round_is_a_line_and_the_summary_comes_last() -> None:
    out, err = played(Terminal(isatty=False))
    assert out.splitlines() == [
        "   0.5 s  lost: 0 of 20 keep their address; at fault: KIP301 node",
        "   2.5 s  no answer: The API server does not answer.",
        "   4.5 s  lost: 7 of 20 keep their address; at fault: KIP301 node; pods: -kong/a +kong/b",
        "   6.5 s  preserved: 7 of 7 keep their address",
        "watched for 6 s: 4 rounds, 2 lost, 1 without an answer, 1 preserved",
        "at the end preserved, since second 6",
    ]
    assert err == "deploying the echo\n", "progress is told until the first round alone"


def test_one_connection_is_told_as_one() -> None:
    group = replace(MIXED.groups[1], connections=1)
    one = replace(MIXED, groups=(replace(MIXED.groups[0], connections=19), group))
    assert "1 of 20 keeps its address" in line_of(Round(1, 0.5, one))


def test_quiet_tells_no_progress() -> None:
    assert played(Terminal(isatty=False), quiet=True)[1] == ""


def test_json_is_a_document_a_line_even_on_a_terminal() -> None:
    out, _ = played(Terminal(), lines_of_json=True)
    told = [json.loads(line) for line in out.splitlines()]
    for one in told:
        hold(one)
    assert [one["verdict"] for one in told[:-1]] == ["lost", None, "lost", "preserved"]
    assert told[2]["went"] == ["kong/a"]
    assert told[-1]["summary"]["verdicts"] == {"lost": 2, "without an answer": 1, "preserved": 1}


def test_on_a_terminal_the_last_picture_and_the_summary_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    out, err = played(Terminal())
    before, leaves, after = out.partition("\x1b[?1049l")
    assert "\x1b[?1049h" in before
    assert "explaining" in before
    assert leaves
    stays = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", after).splitlines()
    assert "preserved at Service" in "".join(stays)
    assert stays[-1] == "at the end preserved, since second 6"
    assert err == ""


def test_a_terminal_that_wants_no_colour_has_no_style(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*m", played(Terminal())[0])


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in played(Terminal())[0]


def test_a_stream_without_unicode_gets_ascii() -> None:
    out = Terminal("ascii")
    assert played(out)[0].isascii()
    assert isinstance(out, io.StringIO)
