"""Inspecting a cluster, against a scripted API server: only read, and told what may not be read."""

from __future__ import annotations

from typing import Any

import pytest

from diagnose.cluster.replies import Object
from diagnose.cluster.snapshot import PATHS
from diagnose.errors import Stop
from diagnose.inspect.judge import judge
from diagnose.inspect.live import PLUGINS, Reading, read_cluster
from tests.diagnose.cluster.things import Transport, controller_workload, ingress_class, scripted, serving
from tests.diagnose.inspect.things import (
    kube_proxy,
    kube_proxy_pods,
    namespace,
    node,
    plugin,
    pod,
    proxied,
    service,
)

SETTINGS = {
    "metadata": {"name": "settings", "namespace": "kong"},
    "data": {"KONG_TRUSTED_IPS": "10.9.0.0/16"},
}
PUBLISHED = {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}}
SYSTEM_SETTINGS = "/api/v1/namespaces/kube-system/configmaps"


class Cluster:
    """A cluster with one Kong, and what was asked of its API server."""

    def __init__(self, *pods: Object, denied: tuple[str, ...] = (), of: Object | None = None, **told: str) -> None:
        deployment = proxied(**told)
        self.collections: dict[str, list[Any]] = {
            PATHS["ingressclasses"]: [ingress_class()],
            PATHS["services"]: [of or service()],
            PATHS["deployments"]: [deployment, controller_workload()],
            PATHS["nodes"]: [node()],
            "/api/v1/namespaces/kong/pods": list(pods or [pod()]),
            "/api/v1/namespaces": [namespace({"istio-injection": "enabled"})],
            "/api/v1/namespaces/kong/configmaps": [SETTINGS],
        }
        self.denied = denied
        self.transport: Transport | None = None

    def read(self, *arguments: Any) -> Reading:
        api, self.transport = scripted(serving(self.collections, self.denied))
        return read_cluster(api, *(arguments or (None, None, None)))


def codes(reading: Reading) -> list[str]:
    """The codes of what is found."""
    return [finding.code for finding in judge(reading.snapshot, reading.contents).findings]


def test_a_kong_is_found_and_judged_with_its_nodes() -> None:
    reading = Cluster(TRUSTED_IPS="10.9.0.0/16").read()
    assert reading.service == "kong/kong-proxy"
    assert reading.gaps == ()
    assert codes(reading) == ["KIP719"]


def test_nothing_is_asked_for_but_to_read() -> None:
    cluster = Cluster()
    cluster.read()
    assert cluster.transport is not None
    assert {method for method, _, _ in cluster.transport.asked} == {"GET"}


def test_pods_tell_whether_a_sidecar_is_there() -> None:
    assert codes(Cluster().read()) == []
    assert codes(Cluster(pod("istio-proxy")).read()) == ["KIP730"]


def test_a_config_map_is_read_by_its_name() -> None:
    cluster = Cluster(REAL_IP_HEADER="proxy_protocol")
    workload = cluster.collections[PATHS["deployments"]][0]
    container = workload["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [one for one in container["env"] if one["name"] != "KONG_TRUSTED_IPS"]
    container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    assert codes(cluster.read()) == ["KIP719"]


def asked_for(cluster: Cluster, word: str) -> list[str]:
    """The paths with ``word`` in them that the API server was asked for."""
    assert cluster.transport is not None
    return sorted(path for _, path, _ in cluster.transport.asked if word in path)


@pytest.mark.parametrize("settings", ["kube-proxy", "kube-proxy-config"])
def test_the_mode_of_kube_proxy_is_read_where_its_daemon_set_has_it_from(settings: str) -> None:
    cluster = Cluster(of=service(status=PUBLISHED, externalTrafficPolicy="Local"))
    cluster.collections[PATHS["daemonsets"]] = [kube_proxy_pods(settings=settings)]
    cluster.collections[SYSTEM_SETTINGS] = [kube_proxy("ipvs", name=settings)]
    assert "KIP743" in codes(cluster.read())
    assert asked_for(cluster, SYSTEM_SETTINGS) == [f"{SYSTEM_SETTINGS}/{settings}"]


def test_a_flag_of_kube_proxy_is_seen_though_it_is_no_workload_of_kongs() -> None:
    cluster = Cluster(of=service(status=PUBLISHED, externalTrafficPolicy="Local"))
    cluster.collections[PATHS["daemonsets"]] = [kube_proxy_pods("--proxy-mode", "ipvs")]
    assert "KIP743" in codes(cluster.read())


def test_settings_of_kube_proxy_are_not_asked_for_where_nothing_depends_on_them() -> None:
    cluster = Cluster()
    cluster.collections[PATHS["daemonsets"]] = [kube_proxy_pods()]
    cluster.read()
    assert asked_for(cluster, SYSTEM_SETTINGS) == [f"{SYSTEM_SETTINGS}/cilium-config"]


def test_settings_of_kube_proxy_that_may_not_be_read_are_told() -> None:
    cluster = Cluster(of=service(status=PUBLISHED), denied=("configmaps/kube-proxy",))
    cluster.collections[PATHS["daemonsets"]] = [kube_proxy_pods()]
    gaps = cluster.read().gaps
    assert [gap.what for gap in gaps] == ["what leads connections to pods: kube-proxy, in which mode, or Cilium"]
    assert "forbidden" in gaps[0].why


def test_plugins_are_read_where_kong_believes_somebody() -> None:
    cluster = Cluster()
    cluster.collections[PLUGINS["kongplugins"]] = [plugin("aws-lambda", awsgateway_compatible=True)]
    assert codes(cluster.read()) == ["KIP740"]

    wary = Cluster(REAL_IP_HEADER="X-Real-IP", TRUSTED_IPS="", PROXY_LISTEN="0.0.0.0:8000")
    wary.read()
    assert asked_for(wary, "plugins") == []


def test_what_may_not_be_read_is_told() -> None:
    reading = Cluster(denied=("nodes", "namespaces/kong")).read()
    assert [gap.what.split(",")[0] for gap in reading.gaps] == [
        "which cloud the nodes are in",
        "whether a mesh is to inject its sidecar into Kong's namespace",
    ]
    assert all("forbidden" in gap.why for gap in reading.gaps)


def test_a_service_that_is_named_is_the_one() -> None:
    assert Cluster().read("kong/kong-proxy", None, None).service == "kong/kong-proxy"
    with pytest.raises(Stop) as stopped:
        Cluster().read("kong/kong-prox", None, None)
    assert (stopped.value.status, "kong/kong-proxy" in str(stopped.value)) == (2, True)


def test_a_namespace_without_kong_has_none() -> None:
    assert Cluster().read(None, None, "kong").service == "kong/kong-proxy"
    with pytest.raises(Stop):
        Cluster().read(None, None, "shop")
