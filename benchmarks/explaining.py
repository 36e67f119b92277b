"""How fast a run is explained, and how that grows with the number of groups.

Its peers are in the same process: one world is compared with one pass of the gateway layer alone, and many groups with
as many single ones. Seconds are shown for orientation; what counts are the ratios.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import TypeVar

from diagnose.explain import worlds
from diagnose.explain.bindings import Addresses
from diagnose.explain.evidence import Observation
from diagnose.explain.explain import explain
from diagnose.explain.groups import explain_all
from diagnose.explain.senders import find_senders
from diagnose.explain.sights import Sights
from diagnose.path.gateway import receive
from diagnose.path.settings import Listener, Settings
from diagnose.path.traffic import Traffic
from diagnose.site import Kong
from tests.diagnose.explain.simulator import BALANCER, BRIDGE, ENTRY, KONG, Way, evidence, inventory

WAYS = {
    "clean": Way(),
    "node masquerades": Way(node=BRIDGE),
    "silent proxy": Way("proxies"),
    "header not trusted": Way("appends", header="X-Forwarded-For"),
    "PROXY header missing": Way("proxies", flag=True, header="proxy_protocol", trusted=(BALANCER,)),
    "two PROXY headers": Way("proxy2", second="proxy2", flag=True, header="proxy_protocol", trusted=(BALANCER,)),
    "an edge, PROXY header missing": Way("appends", edge="appends", flag=True, header="proxy_protocol"),
}
GROUPS = (1, 4, 16, 64)
REPEATS = 9

Given = TypeVar("Given")


def seconds(given: Callable[[], Given], act: Callable[[Given], object], repeats: int = REPEATS) -> list[float]:
    """How long each of ``repeats`` acts took, each on what ``given`` makes anew: nothing is kept from before."""
    taken = []
    for _ in range(repeats):
        what = given()
        began = time.perf_counter()
        act(what)
        taken.append(time.perf_counter() - began)
    return taken


def shown(values: list[float]) -> str:
    """The median with the spread, in thousandths of a second."""
    low, middle, high = (1000 * value for value in (min(values), statistics.median(values), max(values)))
    return f"{middle:.1f} ms ({low:.1f} to {high:.1f})"


def known(observations: list[Observation]) -> Addresses:
    """What the cluster of the simulated paths tells of addresses."""
    owners = inventory()
    return Addresses(owners, find_senders((), observations, owners, None))


def thinkable(way: Way) -> int:
    """The number of worlds that an explanation of ``way`` has to settle, most of them without playing all of it."""
    seen = evidence(way, 20)
    kongs, addresses = worlds.gateways(way.entry, [way.settings]), known(seen)
    pointers = Sights.of(seen, (), addresses).pointers(kongs, addresses, before_asking=False)
    paths = worlds.paths(way.entry, (), pointers, lambda hop, after: True)
    return sum(1 for _ in worlds.all_worlds(paths, kongs, way.entry, pointers))


def gateway_alone() -> float:
    """Seconds for one pass of the gateway layer, which every world takes at least once."""
    settings = Settings(trusted_ips=("10.0.0.0/8",), real_ip_header="X-Forwarded-For", real_ip_recursive=True)
    headers = (("X-Forwarded-For", "192.0.2.1, 198.51.100.9"),)
    traffic = Traffic(ip_address("10.0.0.5"), ip_address("203.0.113.80"), 80, headers=headers)
    thousand = seconds(lambda: None, lambda _: [receive(settings, Listener(8000), traffic) for _ in range(1000)])
    return statistics.median(thousand) / 1000


def one_run(name: str, way: Way, alone: float) -> str:
    """Explain one run of 20 connections and a probe of every kind; a row of the table."""
    taken = seconds(partial(evidence, way, 20), lambda seen: explain(seen, (), [way.settings], known(seen)))
    number = thinkable(way)
    each = statistics.median(taken) / number
    return f"| {name} | {shown(taken)} | {number} | {1 / each:,.0f} | {each / alone:.2f} x |"


def behind(way: Way, number: int) -> list[Observation]:
    """What is seen of so many entries, each of them in front of the same path."""
    entries = [replace(ENTRY, name=f"entry {index}") for index in range(number)]
    return [replace(one, entry=entry) for entry in entries for one in evidence(way, 20)]


def many_groups() -> Iterator[str]:
    """As many entries, each with evidence of its own: what one costs more than alone; a row for each number."""
    way = WAYS["header not trusted"]
    pods = [Kong("kong/kong-0", KONG, "node-a", True, way.settings, "the benchmark")]
    base = 0.0
    for number in GROUPS:
        taken = seconds(partial(behind, way, number), lambda seen: explain_all(seen, {}, pods, known(seen), {}), 5)
        base = base or statistics.median(taken)
        growth = statistics.median(taken) / base / number
        yield f"| {number} | {shown(taken)} | {growth:.2f} x |"


def lines() -> Iterator[str]:
    """Both tables."""
    alone = gateway_alone()
    yield (
        f"Explaining one run (20 connections and 7 kinds of probe) is to take at most 0.3 s; one pass of the gateway "
        f"layer alone takes {alone * 1e6:.1f} µs."
    )
    yield ""
    yield "| path | time (spread) | worlds settled | a second | a world, in passes of the gateway layer |"
    yield "|---|---|---|---|---|"
    yield from (one_run(name, way, alone) for name, way in WAYS.items())
    yield ""
    yield "| groups | time (spread) | a group, beside one alone |"
    yield "|---|---|---|"
    yield from many_groups()
