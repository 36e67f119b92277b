"""kongip trace on real parts: what it says of the path and of the balancer is so, with and without CAP_NET_RAW."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.diagnose.documents import hold
from tests.lab.network import OFFICE, POD, PUBLISHED, Network
from tests.lab.playing import built
from tests.lab.scenario import FOLDER, parse

WITHOUT_RAW = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
CLAMP = "FORWARD -o nodes -p tcp --syn -j TCPMSS --set-mss 1200"


@contextlib.contextmanager
def playing(ground: Network, name: str, folder: Path) -> Iterator[None]:
    with built(ground, parse(name, (FOLDER / f"{name}.toml").read_text("utf-8")), folder):
        yield


def url(addresses: dict[int, str], family: int, port: int) -> str:
    return f"http://[{addresses[family]}]:{port}" if family == 6 else f"http://{addresses[family]}:{port}"


def traced(ground: Network, *words: str, family: int = 4, raw: bool = True) -> dict[str, Any]:
    """What kongip says, from the client."""
    command = [sys.executable, "-m", "diagnose", "trace", url(PUBLISHED, family, 80), "--output", "json", "--quiet"]
    said = ground.run("client", *([] if raw else WITHOUT_RAW), *command, *words)
    found: dict[str, Any] = json.loads(said)
    hold(found)
    return found


def hops(path: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(hop["kind"], hop["address"]) for hop in path["hops"]]


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "unprivileged"])
@pytest.mark.parametrize("family", [4, 6])
def test_where_nodes_forward_packets_the_path_leads_on_behind_the_published_address(
    family: int, raw: bool, ground: Network, tmp_path: Path
) -> None:
    with playing(ground, "passes", tmp_path):
        path = traced(ground, family=family, raw=raw)

    published = PUBLISHED[family]
    assert hops(path) == [("expired", OFFICE[family]), ("expired", published), ("connected", None)]
    assert path["load_balancer"] == "passes_through"
    assert f"run out behind {published}" in path["because"][0]
    assert path["answers"][0]["ttl"] == 62, "the pod sends with 64, and two routers are on its way"
    assert (path["skipped"] == []) == raw
    assert all("CAP_NET_RAW" in one for one in path["skipped"])
    assert path["answers"][0]["window"] is not None if raw else path["answers"][0]["window"] is None
    assert path["hops"][-1]["accepted"]["mss"] > 500
    # The node does rewrite the destination, and puts it back in what it quotes; the checksum may tell of that.
    assert all(told.startswith("before hop 2, the TCP checksum") for told in path["rewrites"])


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "unprivileged"])
def test_a_balancer_that_proxies_answers_from_nearer_than_kong(raw: bool, ground: Network, tmp_path: Path) -> None:
    with playing(ground, "balancer-proxies", tmp_path):
        alone = traced(ground, raw=raw)
        beside = traced(ground, "--compare", url(POD, 4, 8000), raw=raw)

    assert hops(alone) == [("expired", OFFICE[4]), ("connected", None)]
    assert alone["load_balancer"] == "unknown"
    assert "--compare" in alone["because"][0]
    assert beside["load_balancer"] == "proxies"
    assert beside["because"] == [f"the target answers at hop 2, {POD[4]} at hop 3: nearer than Kong itself"]


def test_what_a_router_changes_in_packets_is_read_from_what_is_quoted(ground: Network, tmp_path: Path) -> None:
    with playing(ground, "passes", tmp_path):
        ground.run("router", "iptables", "-t", "mangle", "-A", *CLAMP.split())
        try:
            path = traced(ground)
        finally:
            ground.run("router", "iptables", "-t", "mangle", "-D", *CLAMP.split())

    first, second, _ = path["hops"]
    assert first["changes"] == []
    assert {one["field"] for one in second["changes"]} >= {"TCP options"}
    assert any(told.startswith("before hop 2, the TCP options") for told in path["rewrites"])


def test_nothing_that_answers_is_told_so(ground: Network, tmp_path: Path) -> None:
    with playing(ground, "passes", tmp_path):
        ground.run("router", "iptables", "-A", "FORWARD", "-d", PUBLISHED[4], "-j", "DROP")
        try:
            path = traced(ground, "--timeout", "0.2")
        finally:
            ground.run("router", "iptables", "-D", "FORWARD", "-d", PUBLISHED[4], "-j", "DROP")

    assert path["because"] == ["the target did not answer"]
    assert path["load_balancer"] == "unknown"
