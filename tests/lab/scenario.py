"""Scenarios: one small file each, which says what stands on the way, and what kongip has to say of it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from tests.lab.network import CALLERS, NODES, OFFICES, WAYS

FOLDER = Path(__file__).parent / "scenarios"
PROGRAMS = ("haproxy", "nginx-stream", "nginx-http")
TLS = ("pass", "end", "again")
LOGS = ("plain", "json", "late")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy on the way, in its program's own words.

    ``bind`` and ``server`` are words of those lines, ``lines`` further ones. ``second`` are the words of another server
    line, for HAProxy: connections are shared out between the two. It leads to the same place, or for a balancer to the
    node ``second_at``. ``tls`` tells what it does on port 443: pass TLS through, end it and speak clear text to Kong's
    plain port, or end it and encrypt again.
    """

    program: str = "haproxy"
    mode: str = "tcp"
    bind: tuple[str, ...] = ()
    server: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    second: tuple[str, ...] | None = None
    second_at: str | None = None
    tls: str = "pass"


@dataclass(frozen=True, slots=True)
class Expected:
    """What kongip has to say. A culprit is written "layer CODE certainty"; ``findings`` are among those found.

    ``broken`` are the layers that are at fault in truth; where two disagree, and either may be changed, both are.
    ``cured`` tells that the printed remedy, taken as it is printed, leaves a preserved address.
    """

    verdict: str
    broken: frozenset[str] = frozenset()
    culprits: frozenset[str] = frozenset()
    findings: frozenset[str] = frozenset()
    status: int = 1
    cured: bool = True


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to Kong. ``nodes`` maps a family to what its nodes do; ``known`` are further words of the command line.

    ``urls`` are a scheme and a family each, "http://4", and after an @ the node whose own port is meant instead of what
    stands in front. ``caller`` is where kongip runs, ``office`` what the caller's own network does, ``sidecar`` from
    which address a mesh's sidecar in Kong's pod hands connections on to Kong, ``key`` that the echo's route wants a
    key. ``witnesses`` are those of echo, log, errors and admin that there are; ``log`` is how the access log comes: as
    Kong writes it, as JSON, or seconds late. ``seen`` names public reports of the same trouble.
    """

    name: str
    about: str
    expected: Expected
    kong: Mapping[str, str] = field(default_factory=dict)
    edge: Proxy | None = None
    balancer: Proxy | None = None
    nodes: Mapping[int, str] = field(default_factory=lambda: {4: "keeps", 6: "keeps"})
    urls: tuple[str, ...] = ("http://4",)
    caller: str = "client"
    office: str = "open"
    sidecar: str | None = None
    key: bool = False
    witnesses: frozenset[str] = frozenset({"echo", "log", "errors", "admin"})
    log: str = "plain"
    known: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()


def scenarios() -> list[Scenario]:
    """Every scenario, by the name of its file. ValueError for a file that says what no scenario may."""
    return [parse(path.stem, path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.toml"))]


def parse(name: str, text: str) -> Scenario:
    """The scenario that a file tells of."""
    told = tomllib.loads(text)
    expected = told.pop("expected")
    for key in ("broken", "culprits", "findings"):
        expected[key] = frozenset(expected.get(key, ()))
    for key in ("edge", "balancer"):
        if key in told:
            told[key] = _made(Proxy, {k: tuple(v) if isinstance(v, list) else v for k, v in told[key].items()})
            if told[key].program not in PROGRAMS or told[key].tls not in TLS:
                raise ValueError(f"{name}: {key} is none that there is")
    nodes = told.pop("nodes", "keeps")
    told["nodes"] = (
        {int(family): way for family, way in nodes.items()} if isinstance(nodes, dict) else {4: nodes, 6: nodes}
    )
    if not set(told["nodes"].values()) <= WAYS.keys():
        raise ValueError(f"{name}: nodes do one of {', '.join(WAYS)}")
    for key in ("urls", "known", "seen"):
        if key in told:
            told[key] = tuple(told[key])
    for key, default, known in (("log", "plain", LOGS), ("office", "open", OFFICES), ("caller", "client", CALLERS)):
        if told.get(key, default) not in known:
            raise ValueError(f"{name}: {key} is none of {', '.join(known)}")
    if stray := {at for url in told.get("urls", ()) if (at := url.partition("@")[2])} - NODES.keys():
        raise ValueError(f"{name}: there is no node {', '.join(sorted(stray))}")
    if "witnesses" in told:
        told["witnesses"] = frozenset(told["witnesses"])
    made: Scenario = _made(Scenario, {"name": name, "expected": _made(Expected, expected), **told})
    return made


def _made(kind: Any, values: Mapping[str, Any]) -> Any:
    known = {one.name for one in fields(kind)}
    if stray := values.keys() - known:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(stray))}")
    return kind(**values)


def with_kong(scenario: Scenario, settings: Mapping[str, str]) -> Scenario:
    """The scenario with further settings of Kong's."""
    return replace(scenario, kong={**scenario.kong, **settings})
