"""Playing a scenario: its parts are started, and kongip is run from the client as its user runs it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import parts
from tests.lab.network import BALANCER, BRIDGE, EDGE, FAMILIES, NODE_PORTS, NODES, PUBLISHED, WAYS, Network, pool
from tests.lab.scenario import Scenario

KONGIP = Path(sys.executable).with_name("kongip")
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended: exit status, report (None when it printed none), standard error, and seconds."""

    status: int
    report: Object | None
    errors: str
    seconds: float

    @property
    def verdict(self) -> str:
        """The verdict, or that there is none."""
        return str(self.report["verdict"]) if self.report is not None else "none"

    @property
    def culprits(self) -> frozenset[str]:
        """Culprits as scenarios write them."""
        found = self.report["culprits"] if self.report is not None else ()
        return frozenset(f"{one['layer']} {one['code']} {one['certainty']}" for one in found)

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all findings."""
        return frozenset(one["code"] for one in (self.report["findings"] if self.report is not None else ()))


def play(network: Network, scenario: Scenario, folder: Path) -> Run:
    """What kongip says of the scenario; ``folder`` holds the parts' files, the report, and captured packets."""
    folder.mkdir(parents=True, exist_ok=True)
    with built(network, scenario, folder) as words:
        began = time.monotonic()
        result = subprocess.run(
            [*network.inside(scenario.caller), str(KONGIP), "diagnose", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=os.environ | {"KONGIP_SECRET": parts.SECRET},
        )
        seconds = time.monotonic() - began
    (folder / "report.json").write_text(result.stdout)
    (folder / "errors.txt").write_text(result.stderr)
    report = json.loads(result.stdout) if result.stdout.startswith("{") else None
    return Run(result.returncode, report, result.stderr, seconds)


@contextlib.contextmanager
def built(network: Network, scenario: Scenario, folder: Path) -> Iterator[list[str]]:
    """The scenario's parts, running; yields the words of the command line that fit them."""
    ways = {family: WAYS[scenario.nodes[family]] for family in FAMILIES}
    network.translate(scenario.nodes, scenario.office)
    network.route(scenario.balancer is not None, ways)
    words = [*_urls(scenario), *_owners(), "--output", "json", "--quiet", "--connections", "6", "--probe-timeout", "2"]
    words += scenario.known
    with contextlib.ExitStack() as stack:
        for place in ("router", "pod"):
            stack.enter_context(parts.captured(network, place, folder / f"{place}.pcap"))
        kong = stack.enter_context(parts.kong(network, folder / "kong", scenario.kong, key=scenario.key))
        if scenario.sidecar is not None:
            stack.enter_context(parts.sidecar(network, folder, scenario.sidecar))
        if "echo" in scenario.witnesses:
            stack.enter_context(parts.echo(network))
            words += ["--echo-path", parts.ECHO_PATH]
        if "admin" in scenario.witnesses:
            words += ["--admin-url", stack.enter_context(parts.admin(network, scenario.kong))]
        if "log" in scenario.witnesses:
            log = kong.files.access_log
            if scenario.log != "plain":
                log = stack.enter_context(parts.shipped(network, log, scenario.log))
            words += ["--kong-log", str(log)]
        if "errors" in scenario.witnesses:
            words += ["--kong-error-log", str(kong.files.error_log)]
        if scenario.balancer is not None:
            stack.enter_context(parts.balancer(network, folder, scenario.balancer, ways))
        if scenario.edge is not None:
            stack.enter_context(parts.edge(network, folder, scenario.edge))
        yield words


def _urls(scenario: Scenario) -> list[str]:
    addresses = EDGE if scenario.edge is not None else PUBLISHED
    words = []
    for url in scenario.urls:
        scheme, _, place = url.partition("://")
        family, _, node = place.partition("@")
        address = (NODES[node] if node else addresses)[int(family)]
        port = f":{NODE_PORTS[{'http': 80, 'https': 443}[scheme]]}" if node else ""
        words += ["--url", f"{scheme}://{f'[{address}]' if family == '6' else address}{port}"]
    return words


def _owners() -> list[str]:
    owners = ["10.2.0.0/24=node", "fd00:2::/64=node"]
    for family, width in ((4, 32), (6, 128)):
        owners.append(f"{BRIDGE[family]}/{width}=node")
        balancers = (BALANCER[family], PUBLISHED[family], *pool("balancer", family))
        owners += [f"{one}/{width}=load_balancer" for one in balancers]
        owners.append(f"{EDGE[family]}/{width}=edge")
    return [word for owner in owners for word in ("--owner", owner)]
