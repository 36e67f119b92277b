"""A remedy is told in the form that Kong was installed in: YAML that the reader of that form knows, and that cures."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from diagnose.cluster.replies import Object
from diagnose.inspect.judge import judge
from diagnose.installation import Form, Installation
from diagnose.report.report import Finding
from tests.diagnose.inspect.cases import CASES, Case
from tests.diagnose.inspect.taking import PASTED, WORKLOADS, kinds_of, taken
from tests.diagnose.inspect.things import found_in, kong, made, node, proxied, service, snapshot_of

Dressed = Callable[[Object], Object]


def labelled(chart: str, *, release: bool = False) -> Dressed:
    """Objects that bear a chart's label, and its release where Helm itself has installed them."""

    def dress(thing: Object) -> Object:
        dressed = copy.deepcopy(thing)
        if thing["kind"] in {*WORKLOADS, "Service"}:
            metadata = dressed["metadata"]
            metadata["labels"] = {**(metadata.get("labels") or {}), "helm.sh/chart": chart}
            noted = {"meta.helm.sh/release-name": "edge", "meta.helm.sh/release-namespace": "kong"} if release else {}
            metadata["annotations"] = {**(metadata.get("annotations") or {}), **noted}
        return dressed

    return dress


def held(thing: Object) -> Object:
    """An object as a cluster holds it; what a Service is recognised by stays as it was."""
    dressed = copy.deepcopy(thing)
    if thing["kind"] in WORKLOADS:
        dressed["metadata"]["uid"] = "6f1c"
    return dressed


FORMS: dict[str, tuple[Dressed, set[str]]] = {
    "a manifest": (copy.deepcopy, {"manifest", "kubectl"}),
    "a cluster": (held, {"manifest", "kubectl"}),
    "charts/kong": (labelled("kong-2.46.0"), {"helm"}),
    "charts/ingress": (labelled("gateway-2.46.0"), {"helm"}),
    "a release of charts/kong": (labelled("kong-2.46.0", release=True), {"shell", "helm"}),
}

FOLLOW = {"KIP708", "KIP709", "KIP712"}
"""What a note of the remedy itself still has to settle: whom to trust."""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.about}")
def test_what_is_printed_is_in_the_form_of_the_installation_and_cures(case: Case, form: str) -> None:
    dress, kinds = FORMS[form]
    things = [dress(thing) for thing in case.wrong]
    finding = found_in(*things)[case.code]

    pasted = kinds_of(finding) & PASTED
    assert pasted <= kinds
    cured = found_in(*taken(things, finding))
    if pasted and kinds_of(finding) <= PASTED:
        assert case.code not in cured
    severe = {code for code, found in cured.items() if found.severity.value == "error"}
    assert severe - set(found_in(*things)) <= FOLLOW, "a remedy brings no new fault that stops traffic"


def operator(kind: str, **told: str) -> Object:
    """An object of the Kong Operator that makes the same Kong as ``kong`` does."""
    template = kong(**told)["spec"]["template"]
    options = {
        "deployment": {"podTemplateSpec": template},
        "network": {"services": {"ingress": {"type": "LoadBalancer"}}},
    }
    spec = options if kind == "DataPlane" else {"dataPlaneOptions": options}
    version = "v1beta1" if kind == "DataPlane" else "v2beta1"
    return {
        "apiVersion": f"gateway-operator.konghq.com/{version}",
        "kind": kind,
        "metadata": {"name": "edge", "namespace": "kong"},
        "spec": spec,
    }


@pytest.mark.parametrize("kind", ["DataPlane", "GatewayConfiguration"])
@pytest.mark.parametrize("case", [case for case in CASES if len(case.wrong) == 1], ids=lambda case: case.about)
def test_what_the_operator_is_told_is_one_of_its_objects(case: Case, kind: str) -> None:
    (one,) = case.wrong
    container = one["spec"]["template"]["spec"]["containers"][0]
    if container.get("envFrom"):
        pytest.skip("the case is one of sources, not of settings")
    plane = operator(kind)
    path = plane["spec"] if kind == "DataPlane" else plane["spec"]["dataPlaneOptions"]
    path["deployment"]["podTemplateSpec"] = copy.deepcopy(one["spec"]["template"])
    finding = found_in(plane).get(case.code)

    assert finding is not None
    assert kinds_of(finding) & PASTED <= {"manifest"}
    cured = found_in(*taken([plane], finding))
    if kinds_of(finding) and kinds_of(finding) <= PASTED:
        assert case.code not in cured


def step_of(finding: Finding) -> tuple[str, str]:
    """The first step of a remedy."""
    assert finding.remedy is not None
    step = finding.remedy.steps[0]
    return step.kind, step.text


def test_a_manifest_names_the_container_and_a_cluster_is_told_by_a_command() -> None:
    wrong = kong(REAL_IP_HEADER="proxy-protocol", TRUSTED_IPS="10.0.0.0/8")

    assert step_of(found_in(wrong)["KIP710"]) == (
        "manifest",
        "spec:\n  template:\n    spec:\n      containers:\n      - name: proxy\n        env:\n"
        "        - name: KONG_REAL_IP_HEADER\n          value: proxy_protocol",
    )
    assert step_of(found_in(held(wrong))["KIP710"]) == (
        "kubectl",
        "kubectl --namespace kong set env deployment/kong --containers=proxy KONG_REAL_IP_HEADER=proxy_protocol",
    )


def test_the_cluster_that_was_asked_is_named_in_commands() -> None:
    wrong = held(kong(REAL_IP_HEADER="proxy-protocol", TRUSTED_IPS="10.0.0.0/8"))
    (finding, *_) = judge(snapshot_of(wrong), kubectl="kubectl --context prod").findings
    assert step_of(finding)[1].startswith("kubectl --context prod --namespace kong set env deployment/kong")


def test_more_that_is_known_of_an_installation_decides() -> None:
    known = Installation(Form.OPERATOR, "conf", "infra", "a test", kind="GatewayConfiguration", api="g/v2beta1")
    (finding, *_) = judge(snapshot_of(kong(REAL_IP_HEADER="proxy-protocol")), installation=known).findings
    assert step_of(finding)[1].startswith("# into GatewayConfiguration infra/conf.")


def test_a_workload_of_a_data_plane_is_not_told_itself() -> None:
    made = kong(REAL_IP_HEADER="proxy-protocol")
    made["metadata"]["ownerReferences"] = [{"kind": "DataPlane", "name": "edge-x2"}]
    assert "into spec of DataPlane kong/edge-x2" in step_of(found_in(made)["KIP710"])[1]


def test_what_writes_the_objects_is_named() -> None:
    wrong = held(kong(REAL_IP_HEADER="proxy-protocol"))
    wrong["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/name": "edge"}
    finding = found_in(wrong)["KIP710"]
    assert finding.remedy is not None
    assert "Flux's Kustomization kong/edge writes these objects" in finding.remedy.effects[0]


def test_a_twin_that_decides_is_told_in_the_place_of_kongs_own() -> None:
    finding = found_in(kong(NGINX_PROXY_REAL_IP_HEADER="proxy-protocol", REAL_IP_HEADER="proxy-protocol"))["KIP710"]
    assert "KONG_NGINX_PROXY_REAL_IP_HEADER" in step_of(finding)[1]


def test_a_service_that_kongs_chart_does_not_make_is_told_by_itself() -> None:
    things = [labelled("gateway-2.46.0")(proxied()), service({"load-balancer.hetzner.cloud/location": "fsn1"})]
    kind, text = step_of(found_in(*things)["KIP725"])
    assert (kind, "gateway:" in text) == ("manifest", False)


def manifest_of(finding: Finding) -> str:
    """The first manifest of a remedy, in one line."""
    assert finding.remedy is not None
    return next(" ".join(step.text.split()) for step in finding.remedy.steps if step.kind == "manifest")


ELSEWHERE = "0.0.0.0:8000, ssl 0.0.0.0:8443, 0.0.0.0:8080"
SENT = {"load-balancer.hetzner.cloud/uses-proxyprotocol": "true"}


def test_listeners_that_the_balancer_does_not_lead_to_are_left_as_they_are() -> None:
    text = manifest_of(found_in(kong(PROXY_LISTEN=ELSEWHERE), service(SENT))["KIP726"])
    assert "value: 0.0.0.0:8000 proxy_protocol, ssl 0.0.0.0:8443 proxy_protocol, 0.0.0.0:8080" in text
    back = proxied(PROXY_LISTEN="0.0.0.0:8000 proxy_protocol, 0.0.0.0:8080 proxy_protocol")
    text = manifest_of(found_in(back, service(), node(provider="gce://p/z/n"))["KIP725"])
    assert "value: 0.0.0.0:8000, 0.0.0.0:8080 proxy_protocol" in text
    assert "REAL_IP_HEADER" not in text, "the other listener still reads it"


@pytest.mark.parametrize(("header", "told"), [("X-Forwarded-For", True), ("proxy_protocol", False)])
def test_a_header_that_clients_write_is_told_beside_proxy_headers(header: str, told: bool) -> None:
    remedy = found_in(kong(REAL_IP_HEADER=header, TRUSTED_IPS="10.0.0.0/8"), service(SENT))["KIP726"].remedy
    assert remedy is not None
    assert any("what the client wrote" in effect for effect in remedy.effects) is told


@pytest.mark.parametrize(
    ("ports", "found"),
    [({}, False), ({"ports": [{"port": 80, "targetPort": 8080}]}, True)],
    ids=["the usual ports", "its own"],
)
def test_the_operators_service_leads_to_its_ports_alone(ports: Object, found: bool) -> None:
    listen = "0.0.0.0:8000 proxy_protocol, 0.0.0.0:8443 ssl proxy_protocol, 0.0.0.0:8080"
    workload = proxied(PROXY_LISTEN=listen, STREAM_LISTEN="0.0.0.0:9000")
    options = {
        "deployment": {"podTemplateSpec": workload["spec"]["template"]},
        "network": {"services": {"ingress": {"annotations": SENT, **ports}}},
    }
    plane = made("gateway-operator.konghq.com/v1beta1", "DataPlane", "edge", options, namespace="kong")
    assert ("KIP726" in found_in(plane)) is found


def test_the_helm_value_is_named_where_helm_may_write_it() -> None:
    def notes(*things: Object) -> str:
        remedy = found_in(*things)["KIP706"].remedy
        return "" if remedy is None else " ".join(step.text for step in remedy.steps)

    wrong = kong(KONG_TRUSTED_IPS="10.0.0.0/8")
    assert "As a Helm value it is env.trusted_ips" in notes(labelled("kong-2.46.0")(wrong))
    plane = {"deployment": {"podTemplateSpec": wrong["spec"]["template"]}}
    assert notes(made("gateway-operator.konghq.com/v1beta1", "DataPlane", "edge", plane, namespace="kong")) == ""


def test_a_balancer_that_cannot_send_proxy_headers_is_told_to_keep_the_source() -> None:
    shared = service({"kubernetes.io/elb.class": "union"}, externalTrafficPolicy="Local")
    remedy = found_in(kong(), shared)["KIP727"].remedy
    assert remedy is not None
    assert "enable-transparent-client-ip" in remedy.steps[0].text
    assert remedy.summary == "let the balancer keep the source"
