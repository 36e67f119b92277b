"""Captured packets as a witness: what the rest could not tell apart is proven, and nothing is that is not so."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.lab import parts
from tests.lab.network import Network
from tests.lab.playing import built
from tests.lab.scenario import FOLDER, parse


def diagnosed(
    ground: Network, name: str, folder: Path, captures: Sequence[tuple[str, str]], url: str = "http://4"
) -> dict[str, Any]:
    """What kongip says of a scenario, at one URL of it, with captures (place, point) that run meanwhile."""
    scenario = replace(parse(name, (FOLDER / f"{name}.toml").read_text("utf-8")), urls=(url,))
    with contextlib.ExitStack() as stack:
        words = stack.enter_context(built(ground, scenario, folder))
        for place, point in captures:
            file = folder / f"at-{place}.pcap"
            stack.enter_context(parts.captured(ground, place, file))
            words += ["--capture", f"{file}@{point}"]
        said = subprocess.run(
            [*ground.inside("client"), sys.executable, "-m", "diagnose", "diagnose", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=os.environ | {"KONGIP_SECRET": parts.SECRET},
        )
    report: dict[str, Any] = json.loads(said.stdout)
    return report


def culprits(report: dict[str, Any]) -> set[str]:
    return {f"{one['layer']} {one['code']} {one['certainty']}" for one in report["culprits"]}


BOTH = {"load_balancer KIP201 possible", "node KIP301 possible"}


@pytest.mark.parametrize(
    ("name", "captures", "wanted"),
    [
        ("node-same", [], BOTH),
        ("node-same", [("node-b", "node")], {"node KIP301 proven"}),
        ("node-other", [("node-a", "node")], {"node KIP301 proven"}),
        ("node-other", [("node-b", "node")], BOTH),  # there it has been rewritten already
        ("node-other", [("pod", "gateway")], BOTH),
        ("node-other", [("client", "client"), ("pod", "gateway")], {"node KIP301 proven"}),
        ("proxies-and-node", [("node-a", "node")], {"load_balancer KIP201 proven"}),
        ("proxies-and-node", [("client", "client"), ("pod", "gateway")], BOTH),
    ],
    ids=lambda value: "+".join(point for _, point in value) or "none" if isinstance(value, list) else None,
)
def test_captures_settle_what_was_open(
    name: str, captures: list[tuple[str, str]], wanted: set[str], ground: Network, tmp_path: Path
) -> None:
    report = diagnosed(ground, name, tmp_path, captures)

    assert report["verdict"] == "lost"
    assert culprits(report) == wanted
    because = [line for one in report["findings"] for line in one["because"]]
    told = any(line.startswith("captured packets came to the") for line in because)
    assert told == any(point != "client" for _, point in captures)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("passes", "http://4"),
        ("proxy-v1", "http://4"),
        ("proxy-v2", "https://4"),
        ("proxy-v2", "http://6"),
        ("forwarded", "http://4"),
        ("edge-and-balancer-recursive", "http://4"),
    ],
)
def test_captures_agree_with_what_is_known_without_them(name: str, url: str, ground: Network, tmp_path: Path) -> None:
    places = [("client", "client"), ("balancer", "load_balancer"), ("node-b", "node"), ("pod", "gateway")]
    report = diagnosed(ground, name, tmp_path, places, url)
    assert (report["verdict"], report["culprits"]) == ("preserved", [])


def test_a_capture_of_something_else_is_told_as_not_measured(ground: Network, tmp_path: Path) -> None:
    report = diagnosed(ground, "node-same", tmp_path, [("edge", "node")])
    assert culprits(report) == BOTH
    assert any("at-edge.pcap" in one["what"] for one in report["not_measured"])
