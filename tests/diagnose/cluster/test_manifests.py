"""What a run creates, held to the text beside this file and to what Kubernetes and a careful administrator demand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from diagnose.cluster import manifests
from diagnose.cluster.manifests import Admission, Run
from diagnose.cluster.replies import Object
from diagnose.cluster.route import ByClass, ByGateway
from tests.diagnose.cluster.things import gateway

RUN = Run("0123456789", "kong", "/kongip-feed", "c0ffee", "python:3-alpine", ByClass("kong"), (None, "shop.example"))
GOLDEN = Path(__file__).parent / "manifests.json"
OWNER = {"metadata": {"uid": "11111111-2222-3333-4444-555555555555"}}


def everything() -> list[Object]:
    return [
        manifests.job(RUN),
        manifests.config_map(RUN, OWNER, {"server.py": "print()\n"}),
        manifests.service(RUN, OWNER),
        *manifests.routes(RUN, OWNER),
    ]


def test_the_objects_are_those_of_the_golden_text() -> None:
    assert json.dumps(everything(), indent=2, sort_keys=True) + "\n" == GOLDEN.read_text()


def test_a_network_policy_lets_connections_to_the_echo_through_and_hangs_by_the_job() -> None:
    policy = manifests.network_policy(RUN, OWNER)
    pod = manifests.job(RUN)["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod.items()
    assert policy["spec"]["ingress"] == [{"ports": [{"protocol": "TCP", "port": manifests.PORT}]}]
    assert [owner["uid"] for owner in policy["metadata"]["ownerReferences"]] == [OWNER["metadata"]["uid"]]
    assert manifests.created(RUN.route, RUN.admission) == manifests.created(RUN.route, Admission())
    assert manifests.created(RUN.route, Admission(policy=True))[-1].kind == policy["kind"]


def test_node_selectors_and_tolerations_reach_the_pod() -> None:
    tolerations = (("dedicated", "infra", "NoSchedule"), ("spot", None, None), ("empty", "", None))
    run = replace(RUN, admission=Admission((("disk", "ssd"), ("kubernetes.io/os", "linux")), tolerations))
    spec = manifests.pod_spec(run)
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "disk": "ssd"}
    assert spec["tolerations"] == [
        {"key": "dedicated", "operator": "Equal", "value": "infra", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Exists"},
        {"key": "empty", "operator": "Equal", "value": ""},
    ]
    assert "tolerations" not in manifests.pod_spec(RUN)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sidecar.istio.io/inject", "false"),
        ("istio.io/dataplane-mode", "none"),
        ("linkerd.io/inject", "disabled"),
        ("kuma.io/sidecar-injection", "disabled"),
        ("consul.hashicorp.com/connect-inject", "false"),
        ("openservicemesh.io/sidecar-injection", "disabled"),
        ("injector.nsm.nginx.com/auto-inject", "false"),
        ("appmesh.k8s.aws/sidecarInjectorWebhook", "disabled"),
    ],
)
def test_the_echo_stays_out_of_every_mesh(key: str, value: str) -> None:
    metadata = manifests.job(RUN)["spec"]["template"]["metadata"]
    assert metadata["labels"][key] == metadata["annotations"][key] == value


def test_everything_bears_the_labels_and_hangs_by_the_job() -> None:
    job, *rest = everything()
    for one in (job, *rest):
        assert one["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "kongip", "kongip/run": "0123456789"}
        assert one["metadata"]["namespace"] == "kong"
    assert "ownerReferences" not in job["metadata"]
    for one in rest:
        assert [owner["uid"] for owner in one["metadata"]["ownerReferences"]] == [OWNER["metadata"]["uid"]]


def test_kubernetes_ends_and_removes_the_job_by_itself() -> None:
    spec = manifests.job(RUN)["spec"]
    assert (spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"], spec["backoffLimit"]) == (600, 60, 0)


def test_the_pod_passes_pod_security_restricted() -> None:
    pod = manifests.pod_spec(RUN)
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False
    assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} <= {"configMap", "emptyDir"}
    assert not pod.get("hostNetwork")


def test_each_host_has_a_rule_once_and_an_address_none_of_its_own() -> None:
    hosts = (None, "Shop.example", "shop.example", "192.0.2.7", "*.wild.example")
    (route,) = manifests.routes(replace(RUN, hosts=hosts), OWNER)
    spec = route["spec"]
    assert [rule.get("host") for rule in spec["rules"]] == [None, "shop.example", "*.wild.example"]
    assert {rule["http"]["paths"][0]["path"] for rule in spec["rules"]} == {"/kongip-feed"}


def on_a_gateway(*hosts: str | None) -> list[Object]:
    run = replace(RUN, route=ByGateway(gateway("edge", namespace="infra")), hosts=hosts)
    made = manifests.routes(run, OWNER)
    assert tuple(one["metadata"]["name"] for one in made) == manifests.route_names(run)
    return [*made]


def test_on_a_gateway_the_route_is_an_http_route_that_hangs_by_the_job_and_keeps_its_path() -> None:
    (route,) = on_a_gateway(None)
    assert (route["apiVersion"], route["kind"]) == ("gateway.networking.k8s.io/v1", "HTTPRoute")
    assert route["metadata"]["annotations"] == {"konghq.com/strip-path": "false"}
    assert route["metadata"]["ownerReferences"][0]["uid"] == OWNER["metadata"]["uid"]
    assert route["metadata"]["labels"] == manifests.job(RUN)["metadata"]["labels"]
    assert route["spec"] == {
        "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "infra", "name": "edge"}],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/kongip-feed"}}],
                "backendRefs": [{"kind": "Service", "name": "kongip-0123456789", "port": 80}],
            }
        ],
    }


def test_any_host_is_an_http_route_of_its_own_and_an_address_is_no_hostname() -> None:
    made = on_a_gateway(None, "Shop.example", "192.0.2.7", "shop.example", "*.wild.example")
    assert [one["spec"].get("hostnames") for one in made] == [None, ["shop.example", "*.wild.example"]]
    assert [one["metadata"]["name"] for one in made] == ["kongip-0123456789", "kongip-0123456789-1"]
    assert [one["spec"]["hostnames"] for one in on_a_gateway("shop.example")] == [["shop.example"]]


def test_no_http_route_has_more_hostnames_than_it_may() -> None:
    made = on_a_gateway(*(f"{number}.example" for number in range(17)))
    assert [len(one["spec"]["hostnames"]) for one in made] == [16, 1]
