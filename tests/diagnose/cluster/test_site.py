"""The whole survey and the site's promises, against a scripted API server."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from diagnose.cluster import site as place
from diagnose.cluster.replies import Object
from diagnose.cluster.site import ClusterOptions, ClusterSite, open_cluster
from diagnose.cluster.snapshot import PATHS
from diagnose.errors import Stop
from diagnose.owners import Kind
from diagnose.site import EntryKind, Site
from probes.probe import Vantage
from tests.diagnose.cluster.things import (
    Transport,
    controller_workload,
    ingress_class,
    kong_pod,
    proxy_service,
    scripted,
    serving,
    thing,
)

ROUTE = thing("shop", {"ingressClassName": "kong", "rules": [{"host": "shop.example"}]})
NAMES = {"shop.example": ("198.51.100.1",)}
NODE = thing("n1", {"podCIDR": "10.78.1.0/24"}, namespace=None)


class Cluster:
    """A cluster with one Kong, whose API server grants every right but those in ``lacking`` (verb and resource)."""

    def __init__(self) -> None:
        self.collections: dict[str, list[Object]] = {
            PATHS["ingressclasses"]: [ingress_class()],
            PATHS["services"]: [proxy_service()],
            PATHS["deployments"]: [controller_workload()],
            PATHS["ingresses"]: [ROUTE],
            PATHS["nodes"]: [NODE],
            "/api/v1/namespaces/kong/pods": [kong_pod()],
        }
        self.denied: list[str] = []
        self.lacking: set[tuple[str, str]] = set()
        self.created: list[str] = []
        self.transport: Transport | None = None

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path.endswith("selfsubjectaccessreviews"):
            wanted = body["spec"]["resourceAttributes"]
            return 201, {"status": {"allowed": (wanted["verb"], wanted["resource"]) not in self.lacking}}
        if method == "POST":
            self.created.append(path)
            return 403, {"message": "exceeded quota"}
        return serving(self.collections, self.denied)(method, path, body)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster that ``open_cluster`` finds whatever the context."""
    made = Cluster()
    monkeypatch.setattr(place, "connect", lambda *_: scripted(made)[0])
    monkeypatch.setattr(place, "resolve", lambda name: NAMES.get(name, (name,)))
    return made


def opened(**chosen: Any) -> ClusterSite:
    return open_cluster(ClusterOptions(**chosen))


def test_a_survey_finds_kong_its_entries_owners_facts_and_hosts(cluster: Cluster) -> None:
    with opened() as found:
        site: Site = found
        assert (site.name, site.service) == ("kong/kong-proxy in test", "kong/kong-proxy")
        assert [(one.kind, one.address, one.port) for one in site.entries if one.vantage is Vantage.OUTSIDE] == [
            (EntryKind.SERVICE, "192.0.2.10", 80),
            (EntryKind.SERVICE, "192.0.2.10", 443),
        ]
        assert [one.address for one in site.entries if one.vantage is Vantage.INSIDE] == ["10.78.1.5", "10.78.1.5"]
        assert [kong.name for kong in site.kongs] == ["kong/kong-1"]
        assert [owner.kind for owner in site.inventory.owners(ip_address("10.78.1.1"))] == [Kind.NODE]
        assert [fact.behaviours for fact in site.facts] == [{"masquerades"}]
        assert site.gaps == ()
        assert [line.split(";")[0] for line in site.unprobed()] == [
            "routes are for shop.example, which leads to 198.51.100.1"
        ]


def test_what_may_not_be_read_is_a_gap_and_the_survey_goes_on(cluster: Cluster) -> None:
    cluster.denied = ["/nodes", "/ingresses"]
    with opened(service="kong/kong-proxy") as site:
        assert [gap.why for gap in site.gaps] == [
            "nodes is forbidden: cannot list",
            "ingresses is forbidden: cannot list",
        ]


def test_options_reach_the_survey(cluster: Cluster) -> None:
    with opened(
        urls=("http://192.0.2.77",), host="shop.example", owners=(("203.0.113.0/24", "edge"),), namespace="mine"
    ) as site:
        assert {one.host for one in site.entries} == {"shop.example"}
        assert EntryKind.URL in {one.kind for one in site.entries}
        assert [owner.kind for owner in site.inventory.owners(ip_address("203.0.113.9"))] == [Kind.EDGE]
        assert site.namespace == "mine"


def test_a_wrong_option_stops_before_anything_is_asked(cluster: Cluster) -> None:
    with pytest.raises(Stop, match="--url ftp://x cannot be used"):
        opened(urls=("ftp://x",))


@pytest.mark.parametrize(
    ("right", "words"),
    [
        (("create", "jobs"), "create jobs.batch in namespace kong"),
        (("delete", "services"), "delete services in namespace kong"),
        (("list", "pods"), "list pods in namespace kong"),
    ],
)
def test_without_a_vital_right_nothing_is_created(cluster: Cluster, right: tuple[str, str], words: str) -> None:
    cluster.lacking = {right}
    with opened() as site:
        problem = site.deploy([None], lambda line: None).problem
    assert problem is not None
    assert words in problem
    assert site.missing_rights == (words,)
    assert cluster.created == []


def test_without_an_ingress_class_nothing_is_created(cluster: Cluster) -> None:
    cluster.collections[PATHS["ingressclasses"]] = []
    with opened() as site:
        assert site.deploy([None], lambda line: None).problem == place.NO_CLASS
    assert cluster.created == []


def test_a_refused_job_is_a_problem_and_no_echo_is_asked(cluster: Cluster) -> None:
    with opened() as site:
        problem = site.deploy([None], lambda line: None).problem
        assert problem is not None
        assert "exceeded quota" in problem
        assert site.send_inside([], 1.0) is None
        assert site.caller_by_api() is None
    assert site.leftovers == ()
    assert cluster.created == ["/apis/batch/v1/namespaces/kong/jobs"]


def test_the_code_of_the_echo_comes_with_the_packages() -> None:
    code = place.echo_code()
    assert set(code) == {"server.py", "inside.py"}
    for text in code.values():
        compile(text, "echo", "exec")
