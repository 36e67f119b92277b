"""Reports on paths that the simulator plays, without a site."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from diagnose.conclude.conclude import conclude
from diagnose.conclude.gathered import Evidence
from diagnose.explain.bindings import Addresses
from diagnose.explain.evidence import Observation, Seen
from diagnose.explain.groups import explain_all
from diagnose.explain.senders import find_senders
from diagnose.remedies.told import Place
from diagnose.report.report import Report, Run
from diagnose.site import Fact, Kong
from probes.outcome import Answered
from probes.probe import Vantage
from tests.diagnose.explain.simulator import KONG, Way, evidence, inventory


def kong(way: Way, name: str = "kong/kong-0") -> Kong:
    return Kong(name, KONG, "node-a", True, way.settings, f"env of pod {name}")


def with_headers(one: Observation, *headers: tuple[str, str]) -> Observation:
    """The same, with these headers in its answer if there was one."""
    if not isinstance(one.sent.outcome, Answered):
        return one
    return replace(one, sent=replace(one.sent, outcome=replace(one.sent.outcome, headers=headers)))


def by_another(one: Observation, status: int, *headers: tuple[str, str]) -> Observation:
    """The same, answered by something before Kong."""
    sent = replace(one.sent, outcome=Answered(status, headers))
    return replace(one, sent=sent, seen=Seen(None), kong=None, echoed=False)


def report(*ways: Way, told: tuple[str, ...] = (), facts: tuple[Fact, ...] = (), **known: Any) -> Report:
    """The report on connections of which each way took a share, through a Kong pod of its own.

    ``changed`` makes of each observation what is to be concluded from.
    """
    observations: list[Observation] = []
    for number, way in enumerate(ways):
        observations += [replace(one, kong=f"kong/kong-{number}") for one in evidence(way)]
    observations = [*map(known.pop("changed", lambda one: one), observations)]
    owners = known.pop("owners", inventory())
    senders = find_senders(told, observations, owners, None)
    addresses = Addresses(owners, senders)
    kongs = known.get("kongs", [kong(way, f"kong/kong-{number}") for number, way in enumerate(ways)])
    by_entry = {way.entry: facts for way in ways}
    given: dict[str, Any] = {
        "site": "kong/kong-proxy in prod",
        "place": Place("kubectl --context prod", "kong/kong-proxy"),
        "command": "kongip diagnose --context prod",
        "kongs": kongs,
        "facts": by_entry,
        "providers": {},
        "addresses": addresses,
        "outside": explain_all(observations, by_entry, kongs, addresses, {}),
        "inside": [],
        "gaps": [],
        "whys": {},
        "claims": {},
        "spared": [],
        "backend_problem": None,
        "lingering": None,
        "missing_rights": (),
        "vantage": Vantage.OUTSIDE,
    }
    return conclude(Evidence(**{**given, **known}), Run("r1", "0", 1.0))
