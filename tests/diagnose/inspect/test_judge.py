"""Everything together: whole manifests as people have them, what is told as a gap, and objects of every shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diagnose.cluster.snapshot import Snapshot
from diagnose.inspect.judge import agreeing_with, configuration_findings, judge
from diagnose.inspect.manifests import read_manifests
from diagnose.inspect.shapes import SHAPES, misfit
from diagnose.report.report import Verdict
from tests.diagnose.inspect.cases import CASES
from tests.diagnose.inspect.things import env, found_in, kong, made, node, pod, proxied, service, snapshot_of

HERE = Path(__file__).parent / "manifests"

SECRET = "10.77.0.0/16"


def codes_of(name: str) -> list[str]:
    """The codes that a file of manifests is found to have."""
    return [finding.code for finding in judge(read_manifests(str(HERE / name)).snapshot).findings]


def gaps_of(*things: Any) -> str:
    """What is told as not looked at."""
    return "\n".join(f"{gap.what}: {gap.why}" for gap in judge(snapshot_of(*things)).gaps)


def test_a_chart_that_is_in_order_has_no_finding() -> None:
    assert codes_of("chart-kong.yaml") == []


def test_a_chart_with_the_guides_settings_has_its_faults() -> None:
    assert codes_of("chart-ingress.yaml") == ["KIP706", "KIP709", "KIP724", "KIP721"]


def test_a_cluster_with_the_guides_annotations_has_its_fault() -> None:
    assert codes_of("cluster.yaml") == ["KIP722"]


def test_what_the_operator_is_told_is_judged_by_its_own_fields() -> None:
    found = judge(read_manifests(str(HERE / "operator.yaml")).snapshot).findings
    assert [finding.code for finding in found] == ["KIP708", "KIP724", "KIP726"]
    assert "GatewayConfiguration kong/edge, container proxy, env KONG_REAL_IP_HEADER" in found[0].because[0]
    place = "spec.dataPlaneOptions.network.services.ingress"
    assert f"GatewayConfiguration kong/edge {place} annotation" in found[1].because[0]
    assert f"GatewayConfiguration kong/edge {place}.externalTrafficPolicy: Local" in found[1].because[2]
    remedy = found[1].remedy
    assert remedy is not None
    assert yaml.safe_load(remedy.steps[0].text) == {
        "apiVersion": "gateway-operator.konghq.com/v2beta1",
        "kind": "GatewayConfiguration",
        "metadata": {"name": "edge", "namespace": "kong"},
        "spec": {"dataPlaneOptions": {"network": {"services": {"ingress": {"externalTrafficPolicy": "Cluster"}}}}},
    }


def test_the_same_fault_of_several_workloads_is_told_once_with_each_of_them() -> None:
    other = kong(KONG_TRUSTED_IPS="10.0.0.0/8")
    other["metadata"] = {"name": "second", "namespace": "kong"}
    finding = found_in(kong(KONG_TRUSTED_IPS="10.0.0.0/8"), other)["KIP706"]
    assert [line.split(",")[0] for line in finding.because] == ["Deployment kong/kong", "Deployment kong/second"]


def test_evidence_that_quotes_a_value_is_short() -> None:
    finding = found_in(proxied(TRUSTED_IPS=",".join(["0.0.0.0/0", *["10.0.0.0/8"] * 1000])))["KIP716"]
    assert max(len(line) for line in finding.because) < 600


def test_the_gravest_come_first() -> None:
    found = judge(snapshot_of(proxied(TRUSTED_IPS="0.0.0.0/0,::/0", KONG_X="1"))).findings
    assert [finding.severity.value for finding in found] == ["error", "warning"]


def test_a_config_map_that_is_not_at_hand_is_told_and_nothing_is_concluded() -> None:
    unknown = kong(container={"envFrom": [{"configMapRef": {"name": "settings"}}]}, REAL_IP_HEADER="X-Forwarded-For")
    assert "ConfigMap settings" in gaps_of(unknown)
    assert found_in(unknown) == {}


def test_a_config_map_that_is_at_hand_is_read() -> None:
    told = kong(container={"envFrom": [{"configMapRef": {"name": "settings"}}]})
    settings_map = {
        **made("v1", "ConfigMap", "settings", namespace="kong"),
        "data": {"KONG_REAL_IP_HEADER": "X-Forwarded-For"},
    }
    finding = found_in(told, settings_map)["KIP712"]
    assert "envFrom ConfigMap settings KONG_REAL_IP_HEADER: X-Forwarded-For" in finding.because[0]


def test_a_config_map_of_another_namespace_is_another() -> None:
    told = kong(container={"envFrom": [{"configMapRef": {"name": "settings"}}]})
    settings_map = {**made("v1", "ConfigMap", "settings", namespace="shop"), "data": {}}
    assert "ConfigMap settings" in gaps_of(told, settings_map)


@pytest.mark.parametrize(
    "values",
    [
        {"KONG_TRUSTED_IPS": "0.0.0.0/0", "KONG_REAL_IP_HEADER": "X-Very-Own"},
        {"KONG_TRUSTED_IPS": SECRET, "KONG_REAL_IP_HEADER": "X-Very_Own,2", "KONG_REAL_IP_RECURSIVE": "yes"},
        {"KONG_PROXY_LISTEN": "10.77.1.1:8000 proxy_protocol, 10.77.1.1:8443 ssl proxy_protocol"},
        {"KONG_REAL_IP_HEADER": "proxy_protocol", "KONG_PROXY_LISTEN": "10.77.1.1:8000"},
        {"KONG_TRUSTED_IPS": "10.77.x"},
        {"KONG_TRUSTED_IPS": "10.77.x", "KONG_PROXY_LISTEN": "10.77.1.1:8000 proxy-protocol"},
        {"KONG_KONG_TRUSTED_IPS": "10.77.x"},
        {"KONG_KONG_PG_PASSWORD": "10.77.pass"},
        {"KONG_STATUS_LISTEN": "10.77.1.1:8100 proxy_protocol"},
        {"KONG_NGINX_PROXY_SET_REAL_IP_FROM": SECRET},
    ],
)
def test_what_stands_in_a_secret_is_judged_and_not_shown(values: dict[str, str]) -> None:
    told = kong(container={"env": [], "envFrom": [{"secretRef": {"name": "settings"}}]})
    secret = {**made("v1", "Secret", "settings", namespace="kong"), "stringData": values}
    judged = judge(snapshot_of(told, secret, service()))
    assert judged.findings
    shown = repr((judged.findings, judged.gaps))
    assert [word for word in ("10.77", "X-Very") if word in shown] == []


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ({"volumeMounts": [{"mountPath": "/etc/kong/kong.conf"}]}, "/etc/kong/kong.conf"),
        ({"volumeMounts": [{"mountPath": "/etc/kong/"}]}, "/etc/kong"),
        ({"volumeMounts": [{"mountPath": "/etc/kong.conf"}]}, "/etc/kong.conf"),
        ({"command": ["kong", "start", "-c", "/opt/own.conf"]}, "/opt/own.conf"),
        ({"command": ["sh"], "args": ["-c", "exec kong start --conf /opt/own.conf"]}, "/opt/own.conf"),
    ],
)
def test_a_configuration_file_leaves_settings_open(container: Any, told: str) -> None:
    mounted = kong(container=container, REAL_IP_HEADER="proxy_protocol")
    assert found_in(mounted) == {}
    assert told in gaps_of(mounted)


@pytest.mark.parametrize(
    "container",
    [
        {"volumeMounts": [{"mountPath": "/etc/kong/certs"}, {"mountPath": "/etc/kongest"}]},
        {"command": ["sh", "-c", "kong docker-start"]},
    ],
)
def test_what_is_no_configuration_file_leaves_nothing_open(container: Any) -> None:
    assert set(found_in(kong(container=container, REAL_IP_HEADER="proxy_protocol"))) == {"KIP708"}


@pytest.mark.parametrize(("optional", "open_"), [(True, False), (False, True)])
def test_a_key_that_a_config_map_at_hand_lacks_is_not_set_if_it_is_optional(optional: bool, open_: bool) -> None:
    reference = {"configMapKeyRef": {"name": "settings", "key": "none", "optional": optional}}
    variables = [{"name": "KONG_PROXY_LISTEN", "valueFrom": reference}, *env(REAL_IP_HEADER="proxy_protocol")]
    settings_map = {**made("v1", "ConfigMap", "settings", namespace="kong"), "data": {}}
    things = kong(container={"env": variables}), settings_map
    assert set(found_in(*things)) == (set() if open_ else {"KIP708"})


def test_nodes_that_are_not_at_hand_are_told_where_trust_depends_on_them() -> None:
    assert "whether trusted_ips hold the nodes" in gaps_of(proxied(), service())
    assert "whether trusted_ips hold the nodes" not in gaps_of(proxied(), service(), node())


@pytest.mark.parametrize(
    ("thing", "told"),
    [
        (node(provider="kind://docker/kind/kind-worker"), "kind://"),
        (node("k3d-dev-server-0", provider="k3s://x"), "k3d-"),
    ],
)
def test_what_a_computer_does_before_nodes_that_are_containers_is_told_as_unknown(thing: Any, told: str) -> None:
    assert told in gaps_of(kong(), thing)
    assert "containers of one computer" not in gaps_of(kong(), node())


def test_a_service_without_a_workload_is_told() -> None:
    assert "no workload at hand is behind it" in gaps_of(service())


def test_the_admin_service_is_no_way_to_kong() -> None:
    admin = service(ports=[{"name": "admin", "port": 8001, "targetPort": 8001}])
    admin["metadata"]["name"] = "kong-admin"
    assert judge(snapshot_of(kong(), admin)).ways == ()


@pytest.mark.parametrize("image", ["kong/kong-operator:2.0", "kong/kubernetes-ingress-controller:3.5", "shop:1"])
def test_what_only_speaks_to_kong_is_no_kong(image: str) -> None:
    other = kong(container={"image": image, "env": [{"name": "KONG_ADMIN_URL", "value": "http://kong:8001"}]})
    assert judge(snapshot_of(other)).kongs == ()


@pytest.mark.parametrize(
    "image", ["kong", "kong:3.9", "docker.example/kong/kong-gateway:3.9@sha256:00", "kong@sha256:00"]
)
def test_kongs_images_are_known(image: str) -> None:
    assert len(judge(snapshot_of(kong(container={"image": image, "env": []}))).kongs) == 1


def test_pods_of_a_workload_are_not_judged_twice_and_those_that_end_not_at_all() -> None:
    job = pod()
    job["metadata"] = {"name": "migrations", "namespace": "kong", "ownerReferences": [{"kind": "Job", "name": "m"}]}
    job["spec"]["containers"][0]["image"] = "kong:3.9"
    assert [one.name for one in judge(snapshot_of(kong(), pod(), job)).kongs] == ["Deployment kong/kong"]


PRESERVED_ANYWAY = {
    *("KIP706", "KIP711", "KIP714", "KIP716", "KIP718", "KIP720", "KIP721", "KIP728", "KIP729"),
    *("KIP738", "KIP739", "KIP740", "KIP742", "KIP743"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.about}")
def test_traffic_that_shows_the_address_preserved_is_not_contradicted(case: Any) -> None:
    findings = configuration_findings(snapshot_of(*case.wrong))
    kept = {finding.code for finding in agreeing_with(findings, Verdict.PRESERVED)}
    assert (case.code in kept) == (case.code in PRESERVED_ANYWAY or case.code == "KIP715")


@pytest.mark.parametrize("verdict", [one for one in Verdict if one is not Verdict.PRESERVED])
def test_any_other_verdict_leaves_every_finding(verdict: Verdict) -> None:
    findings = configuration_findings(snapshot_of(proxied(TRUSTED_IPS="")))
    assert agreeing_with(findings, verdict) == findings


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["on", "0.0.0.0/0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to everything within ``value``."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in pairs for place in places(one, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """``value`` with ``other`` at the end of ``path``."""
    if not path:
        return other
    copied = value.copy()
    copied[path[0]] = replaced(value[path[0]], path[1:], other)
    return copied


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_an_odd_value_in_any_place_of_any_object_ends_no_run(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES))
    things = list(data.draw(st.sampled_from([case.wrong, case.right])))
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(things) - 1))
        inner = [place for place in places(things[index]) if place and place[0] not in ("apiVersion", "kind")]
        things[index] = replaced(things[index], data.draw(st.sampled_from(inner)), data.draw(ODD))
    judged = judge(snapshot_of(*things))
    assert len(judged.findings) <= 30


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(SHAPES)), st.lists(st.dictionaries(st.text(max_size=8), ODD), max_size=3))
)
def test_objects_of_any_shape_end_no_run(objects: dict[str, list[dict[str, Any]]]) -> None:
    snapshot = Snapshot({kind: tuple(things) for kind, things in objects.items()})
    odd = sum(misfit(thing, kind) is not None for kind, things in objects.items() for thing in things)
    assert sum(gap.what.startswith("one of the") for gap in judge(snapshot).gaps) == odd


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["PROXY_LISTEN", "TRUSTED_IPS", "REAL_IP_HEADER", "REAL_IP_RECURSIVE", "STATUS_LISTEN", "KONG_X"]
        ),
        st.text(max_size=20) | st.sampled_from(["0.0.0.0:8000 proxy_protocol", "::/0", "proxy_protocol", "on", "a,b"]),
    )
)
def test_settings_of_any_kind_end_no_run(told: dict[str, str]) -> None:
    judge(snapshot_of(kong(**told), service(), node()))
