"""The whole survey and the site's promises, against a scripted API server."""

from __future__ import annotations

import threading
from ipaddress import ip_address
from typing import Any

import pytest

from diagnose.cluster import site as place
from diagnose.cluster import survey
from diagnose.cluster.locate import locate
from diagnose.cluster.options import ClusterOptions
from diagnose.cluster.replies import Object
from diagnose.cluster.site import ClusterSite, open_cluster
from diagnose.cluster.snapshot import PATHS
from diagnose.errors import Stop
from diagnose.owners import Kind
from diagnose.site import EntryKind, Site
from probes.probe import Vantage
from tests.diagnose.cluster.things import (
    NO_RULES,
    Transport,
    controller_workload,
    gateway,
    gateway_class,
    ingress_class,
    kong_pod,
    listener,
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
        if path.endswith("selfsubjectrulesreviews"):
            return NO_RULES
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
    monkeypatch.setattr(survey, "resolve", lambda name: NAMES.get(name, (name,)))
    return made


def opened(**chosen: Any) -> ClusterSite:
    return open_cluster(ClusterOptions(**{"execute": False, **chosen}))


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
        problem = site.deploy(lambda line: None).problem
    assert problem is not None
    assert words in problem
    assert words in [line.partition(";")[0] for line in site.missing_rights]
    assert cluster.created == []


FRONT = {
    "ingressClassName": "alb",
    "rules": [
        {"host": "shop.example", "http": {"paths": [{"path": "/", "backend": {"service": {"name": "kong-proxy"}}}]}}
    ],
}


def test_without_an_echo_the_api_server_is_only_read_and_no_host_of_anybodys_is_asked_for(cluster: Cluster) -> None:
    published = {"loadBalancer": {"ingress": [{"ip": "192.0.2.20"}]}}
    cluster.collections[PATHS["ingresses"]] = [thing("front", FRONT, status=published)]
    methods: list[str] = []

    def noting(method: str, path: str, body: Any) -> tuple[int, Any]:
        methods.append(method)
        return cluster(method, path, body)

    api, _ = scripted(noting)
    options = ClusterOptions(execute=False, echo=False)
    with ClusterSite(api, options, locate(api, options)) as site:
        backend = site.deploy(lambda line: None)
        assert (backend.problem, backend.wanted, backend.secret) == (place.NO_ECHO, False, "")
        assert site.send_inside([], 1.0) is None
    assert set(methods) == {"GET"}
    assert EntryKind.FRONT in {one.kind for one in site.entries}
    assert {one.host for one in site.entries} == {None}
    with opened() as other:
        assert "shop.example" in {one.host for one in other.entries}
    with opened(echo=False, host="asked.example") as named:
        assert {one.host for one in named.entries} == {"asked.example"}


def test_without_an_ingress_class_nothing_is_created(cluster: Cluster) -> None:
    cluster.collections[PATHS["ingressclasses"]] = []
    with opened() as site:
        assert site.deploy(lambda line: None).problem == place.NO_ROUTE
    assert cluster.created == []


def on_a_gateway(cluster: Cluster, origin: str) -> None:
    """Leave Kong a Gateway in another namespace in place of its IngressClass."""
    limited = listener(origin, hostname="*.shop.example")
    cluster.collections[PATHS["ingressclasses"]] = []
    cluster.collections[PATHS["gatewayclasses"]] = [gateway_class()]
    cluster.collections[PATHS["gateways"]] = [gateway("edge", namespace="infra", listeners=[limited])]


def test_on_a_gateway_the_rights_to_its_routes_are_vital(cluster: Cluster) -> None:
    on_a_gateway(cluster, "All")
    cluster.lacking = {("create", "httproutes"), ("create", "ingresses")}
    with opened() as site:
        assert [gap.what for gap in site.gaps] == ["the echo behind Gateway infra/edge"]
        problem = site.deploy(lambda line: None).problem
    assert problem is not None
    assert "rights to create httproutes.gateway.networking.k8s.io in namespace kong." in problem


def test_a_gateway_that_takes_no_route_of_the_runs_namespace_stops_the_run(cluster: Cluster) -> None:
    on_a_gateway(cluster, "Same")
    with pytest.raises(Stop, match="--namespace infra") as stopped:
        opened(host="www.shop.example")
    assert stopped.value.status == 2
    with opened(host="www.shop.example", namespace="infra") as site:
        assert site.gaps == ()


def test_a_node_port_is_entered_at_the_nodes(cluster: Cluster) -> None:
    ports = [{"name": "proxy", "port": 80, "targetPort": 8000, "nodePort": 30080}]
    spec = {"type": "NodePort", "ports": ports}
    node = {**NODE, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}
    node["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    cluster.collections[PATHS["services"]] = [proxy_service(published=[], spec=spec)]
    cluster.collections[PATHS["nodes"]] = [node]
    with opened() as site:
        outside = [one for one in site.entries if one.vantage is Vantage.OUTSIDE]
        assert [(one.kind, one.address, one.port) for one in outside] == [(EntryKind.NODE, "10.0.0.1", 30080)]
    cluster.denied = ["/nodes"]
    with (
        pytest.raises(Stop, match="NodePort, and no node is known to lead to it: nodes is forbidden"),
        opened() as site,
    ):
        list(site.entries)


def test_a_pod_in_the_network_of_its_node_is_entered_there_and_no_owner_of_the_address(cluster: Cluster) -> None:
    pod = kong_pod(address="10.0.0.1")
    pod["spec"]["hostNetwork"] = True
    node = {**NODE, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}
    cluster.collections[PATHS["services"]] = [proxy_service(published=[], spec={"type": "ClusterIP"})]
    cluster.collections[PATHS["nodes"]] = [node]
    cluster.collections["/api/v1/namespaces/kong/pods"] = [pod]
    with opened() as site:
        outside = [one for one in site.entries if one.vantage is Vantage.OUTSIDE]
        assert [(one.address, one.port, one.kongs) for one in outside] == [
            ("10.0.0.1", 8000, ("kong/kong-1",)),
            ("10.0.0.1", 8443, ("kong/kong-1",)),
        ]
        assert [owner.kind for owner in site.inventory.owners(ip_address("10.0.0.1"))] == [Kind.NODE]
        assert "pod kong/kong-1 spec.hostNetwork" in [fact.source for fact in site.facts]


def test_a_refused_job_is_a_problem_and_no_echo_is_asked(cluster: Cluster) -> None:
    with opened() as site:
        problem = site.deploy(lambda line: None).problem
        assert problem is not None
        assert "exceeded quota" in problem
        assert site.send_inside([], 1.0) is None
        assert site.caller_by_api() is None
    assert site.leftovers == ()
    assert cluster.created == ["/apis/batch/v1/namespaces/kong/jobs"]


def test_the_job_is_created_while_what_surrounds_kong_is_still_read(cluster: Cluster) -> None:
    created, in_time = threading.Event(), list[bool]()

    def waiting(method: str, path: str, body: Any) -> tuple[int, Any]:
        if path.endswith("/jobs"):
            created.set()
        elif path == "/api/v1/namespaces/kong/pods":
            in_time.append(created.wait(5.0))
        return cluster(method, path, body)

    api, _ = scripted(waiting)
    options = ClusterOptions(execute=False)
    with ClusterSite(api, options, locate(api, options)) as site:
        site.deploy(lambda line: None)
        assert site.kongs
    assert in_time
    assert all(in_time)


def test_where_no_way_to_kong_turns_up_the_job_that_was_begun_is_removed(cluster: Cluster) -> None:
    cluster.collections[PATHS["services"]] = [proxy_service(published=[])]

    def accepting(method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "DELETE":
            return 200, {}
        if method == "POST" and "selfsubject" not in path:
            return 201, {**body, "metadata": {**body["metadata"], "uid": "u-1"}}
        return cluster(method, path, body)

    api, transport = scripted(accepting)
    options = ClusterOptions(execute=False)
    with (
        pytest.raises(Stop, match="has no published address"),
        ClusterSite(api, options, locate(api, options)) as site,
    ):
        site.deploy(lambda line: None)
    done = [(method, path.split("/")[-2 if method == "DELETE" else -1]) for method, path, _ in transport.asked]
    assert ("POST", "jobs") in done
    assert ("POST", "ingresses") not in done
    assert {kind for method, kind in done if method == "DELETE"} >= {"jobs", "services", "configmaps"}
    assert site.leftovers == ()


def test_the_code_of_the_echo_comes_with_the_packages() -> None:
    code = place.echo_code()
    assert set(code) == {"server.py", "inside.py"}
    for text in code.values():
        compile(text, "echo", "exec")
