"""How answers are marked."""

from __future__ import annotations

import pytest

from tests.lab.accuracy import Mark, judge
from tests.lab.playing import Run
from tests.lab.scenario import Expected, Scenario


def run(verdict: str, *culprits: tuple[str, str]) -> Run:
    found = [{"layer": layer, "code": "KIP000", "certainty": certainty} for layer, certainty in culprits]
    return Run(1, {"verdict": verdict, "culprits": found, "findings": []}, "", 1.0)


NODE, BALANCER = ("node", "proven"), ("load_balancer", "proven")
EITHER = (("node", "possible"), ("load_balancer", "possible"))


@pytest.mark.parametrize(
    ("broken", "verdict", "culprits", "mark"),
    [
        ({"node"}, "lost", [NODE], Mark.RIGHT),
        ({"node"}, "lost", EITHER, Mark.OPEN),
        ({"node", "load_balancer"}, "lost", EITHER, Mark.RIGHT),
        ({"node"}, "lost", [BALANCER], Mark.WRONG),
        ({"node"}, "lost", [EITHER[1]], Mark.WRONG),
        ({"node"}, "undetermined", EITHER, Mark.OPEN),
        ({"node"}, "undetermined", [], Mark.OPEN),
        ({"node"}, "preserved", [], Mark.WRONG),
        (set(), "lost", [], Mark.WRONG),
    ],
)
def test_an_answer_is_right_open_or_wrong(
    broken: set[str], verdict: str, culprits: list[tuple[str, str]], mark: Mark
) -> None:
    truth = "lost" if broken else "preserved"
    assert judge(Scenario("a", "a test", Expected(truth, frozenset(broken))), run(verdict, *culprits)) is mark
