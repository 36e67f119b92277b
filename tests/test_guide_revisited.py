"""docs/guide-revisited.md names findings, labs and tests that exist, and every method of the guide has some."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diagnose.catalogue import FAULTS
from diagnose.lab.labs import LABS
from tests.cluster import test_inspect
from tests.cluster.test_first_light import CASES

PAGE = (Path(__file__).parents[1] / "docs" / "guide-revisited.md").read_text("utf-8")
METHODS = {section.splitlines()[0]: section for section in PAGE.split("\n## ")[1:]}
TRIED = {*CASES, *(name for name in vars(test_inspect) if name.startswith("test_"))}
LEFT_OUT = "What the guide leaves out"


def named(section: str, row: str) -> list[str]:
    """What one row of a method's table names."""
    (line,) = (line for line in METHODS[section].splitlines() if line.startswith(f"| {row} |"))
    return re.findall(r"KIP\d{3}" if row in ("findings", "inspect") else r"`([^`]+)`", line)


def test_every_method_of_the_guide_is_there() -> None:
    assert list(METHODS) == [
        "externalTrafficPolicy",
        "PROXY protocol",
        "HTTP headers",
        "Certificates behind an L7 balancer",
        "GKE",
        "AKS",
        "EKS with an L4 balancer",
        "EKS with an L7 balancer",
        LEFT_OUT,
    ]


@pytest.mark.parametrize("method", [method for method in METHODS if method != LEFT_OUT])
@pytest.mark.parametrize(
    ("row", "known"),
    [("findings", set(FAULTS)), ("inspect", set(FAULTS)), ("lab", set(LABS)), ("cluster test", TRIED)],
    ids=["findings", "inspect", "labs", "cluster tests"],
)
def test_a_method_is_diagnosed_and_tried(method: str, row: str, known: set[str]) -> None:
    names = named(method, row)

    assert names
    assert set(names) <= known


def test_every_code_on_the_page_is_in_the_catalogue() -> None:
    assert set(re.findall(r"KIP\d{3}", PAGE)) <= set(FAULTS)
