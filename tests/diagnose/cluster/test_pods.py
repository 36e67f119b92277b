"""Kong's pods, found by the Service's selector and read with the ConfigMaps and Secrets they name."""

from __future__ import annotations

import base64

from diagnose.cluster.pods import find_pods
from diagnose.path.settings import Settings
from tests.diagnose.cluster.things import kong_pod, proxy_service, scripted, serving, thing

PODS = "/api/v1/namespaces/kong/pods"
SECRETS = "/api/v1/namespaces/kong/secrets"
REFERENCE = {"name": "KONG_TRUSTED_IPS", "valueFrom": {"secretKeyRef": {"name": "s", "key": "ips"}}}
SECRET = thing("s", data={"ips": base64.b64encode(b"10.0.0.0/8").decode(), "other": "%%%"})


def test_pods_are_asked_for_by_the_services_selector_and_described() -> None:
    api, transport = scripted(serving({PODS: [kong_pod(env=[REFERENCE])], SECRETS: [SECRET]}))
    (pod,), gaps = find_pods(api, proxy_service())
    assert "labelSelector=app=kong-proxy" in transport.queries[0]
    assert gaps == ()
    assert (pod.kong.name, pod.kong.address, pod.kong.node, pod.kong.ready) == ("kong/kong-1", "10.78.1.5", "n1", True)
    assert pod.kong.settings == Settings(trusted_ips=("10.0.0.0/8",), version=(3, 9))
    assert pod.kong.source == "env of pod kong/kong-1, container proxy"


def test_a_source_that_may_not_be_read_is_a_gap_in_the_servers_words() -> None:
    api, _ = scripted(serving({PODS: [kong_pod(env=[REFERENCE])]}, denied=["/secrets/s"]))
    (pod,), gaps = find_pods(api, proxy_service())
    assert pod.kong.settings is None
    assert [(gap.what, gap.why) for gap in gaps] == [
        ("Kong's settings in pod kong/kong-1", "secret s could not be read; s is forbidden: cannot list")
    ]


def test_an_optional_source_that_is_not_there_sets_nothing() -> None:
    api, _ = scripted(serving({PODS: [kong_pod(env=[REFERENCE])]}))
    (pod,), _ = find_pods(api, proxy_service())
    assert pod.kong.settings == Settings(version=(3, 9))


def test_pods_on_their_way_out_or_without_an_address_are_left_out_and_unready_ones_kept() -> None:
    ending, ended, pending, unready = (kong_pod(name) for name in ("ending", "ended", "pending", "unready"))
    ending["metadata"]["deletionTimestamp"] = "2025-11-24T10:00:00Z"
    ended["status"]["phase"] = "Failed"
    del pending["status"]["podIP"]
    unready["status"]["conditions"] = []
    api, _ = scripted(serving({PODS: [ending, ended, pending, unready]}))
    pods, _ = find_pods(api, proxy_service())
    assert [(pod.kong.name, pod.kong.ready) for pod in pods] == [("kong/unready", False)]


def test_pods_that_may_not_be_listed_and_a_service_without_a_selector_are_gaps() -> None:
    api, _ = scripted(serving({}, denied=["/pods"]))
    assert [gap.why for gap in find_pods(api, proxy_service())[1]] == ["pods is forbidden: cannot list"]
    assert "no selector" in find_pods(api, proxy_service(spec={"selector": {}}))[1][0].why
