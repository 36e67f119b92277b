"""How Kong was installed: told by its Service and its workload, and unknown where they do not tell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from diagnose.cluster.installation import RELEASE, RELEASE_NAMESPACE, find_installation
from diagnose.cluster.replies import Object, Reply
from diagnose.cluster.snapshot import Snapshot
from diagnose.installation import Form, Installation

SELECTOR = {"app.kubernetes.io/name": "kong", "app.kubernetes.io/component": "app"}


def service(**metadata: Any) -> Object:
    return {"metadata": {"name": "edge-kong-proxy", "namespace": "kong", **metadata}, "spec": {"selector": SELECTOR}}


def workload(name: str = "edge-kong", **metadata: Any) -> Object:
    """A workload whose pods are behind the Service."""
    containers = [{"name": "ingress-controller"}, {"name": "proxy", "image": "kong:3.9"}]
    template = {"metadata": {"labels": {**SELECTOR, "pod": "x"}}, "spec": {"containers": containers}}
    return {"metadata": {"name": name, "namespace": "kong", **metadata}, "spec": {"template": template}}


def by_helm(chart: str, **annotations: str) -> Object:
    return workload(labels={"helm.sh/chart": chart}, annotations=annotations)


def installation(thing: Object, snapshot: Snapshot, **objects: Object) -> Installation | None:
    """What is found where these ``objects``, by the end of their path, may be read beside the snapshot."""

    def get(path: str) -> Reply:
        found = next((one for end, one in objects.items() if path.endswith(f"/{end}")), None)
        return Reply(404) if found is None else Reply(200, json.dumps(found).encode())

    return find_installation(thing, snapshot, get)[0]


RELEASED = {RELEASE: "edge", RELEASE_NAMESPACE: "kong"}


def test_a_release_of_charts_kong_is_told_by_its_labels_and_annotations() -> None:
    found = installation(service(), Snapshot({"deployments": (by_helm("kong-2.38.0", **RELEASED),)}))

    assert found is not None
    assert (found.form, found.name, found.chart, found.values, found.version) == (
        Form.HELM,
        "edge",
        "kong",
        (),
        "2.38.0",
    )


def test_the_gateway_of_charts_ingress_has_its_values_under_a_key() -> None:
    found = installation(service(), Snapshot({"daemonsets": (by_helm("gateway-2.33.1", **RELEASED),)}))

    assert found is not None
    assert (found.chart, found.values, found.version) == ("ingress", ("gateway",), None)


@pytest.mark.parametrize(
    ("chart", "addresses"),
    [
        ("kong-2.33.3", ("0.0.0.0",)),
        ("kong-2.34.0", ("0.0.0.0", "[::]")),
        ("gateway-3.0.1", ("0.0.0.0", "[::]")),
        ("kong-2.8.0", ("0.0.0.0",)),
    ],
)
def test_the_chart_listens_on_both_families_since_2_34(chart: str, addresses: tuple[str, ...]) -> None:
    found = installation(service(), Snapshot({"deployments": (by_helm(chart, **RELEASED),)}))

    assert found is not None
    assert found.addresses == addresses


def test_what_something_else_than_helm_applied_has_no_release() -> None:
    found = installation(service(), Snapshot({"deployments": (by_helm("kong-2.38.0"),)}))

    assert found is not None
    assert (found.form, found.name) == (Form.HELM, None)


def test_a_chart_of_another_is_a_workload_like_any() -> None:
    found = installation(service(), Snapshot({"daemonsets": (by_helm("edge-platform-1.0.0", **RELEASED),)}))

    assert found is not None
    assert (found.form, found.name, found.container) == (Form.MANIFEST, "daemonset/edge-kong", "proxy")


def test_another_chart_of_that_name_is_a_workload_that_its_release_writes() -> None:
    theirs = workload(labels={"helm.sh/chart": "kong-12.1.3"}, annotations=RELEASED)
    theirs["spec"]["template"]["spec"]["containers"] = [{"name": "kong", "image": "example.org/kong:3.6"}]

    found = installation(service(), Snapshot({"deployments": (theirs,)}))

    assert found is not None
    assert (found.form, found.container, found.keeper) == (Form.MANIFEST, "kong", "Helm's release edge")


@pytest.mark.parametrize(
    ("metadata", "keeper"),
    [
        (
            {"labels": {"helm.toolkit.fluxcd.io/name": "edge", "helm.toolkit.fluxcd.io/namespace": "flux"}},
            "Flux's HelmRelease flux/edge",
        ),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "all"}}, "Flux's Kustomization kong/all"),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "edge:apps/Deployment:kong/edge-kong"}},
            "Argo CD's application edge",
        ),
        ({"labels": {"argocd.argoproj.io/instance": "edge"}}, "Argo CD's application edge"),
        ({}, None),
    ],
)
def test_what_writes_a_workload_anew_is_named(metadata: Object, keeper: str | None) -> None:
    found = installation(service(), Snapshot({"deployments": (workload(**metadata),)}))

    assert found is not None
    assert (found.form, found.keeper) == (Form.MANIFEST, keeper)


def test_a_release_that_flux_keeps_is_not_upgraded_by_hand() -> None:
    labels = {"helm.sh/chart": "kong-2.38.0", "helm.toolkit.fluxcd.io/name": "edge"}

    found = installation(service(), Snapshot({"deployments": (workload(labels=labels, annotations=RELEASED),)}))

    assert found is not None
    assert (found.form, found.name, found.keeper) == (Form.HELM, None, "Flux's HelmRelease kong/edge")


OWNED: Object = service(
    ownerReferences=[{"kind": "DataPlane", "name": "edge-x2", "apiVersion": "gateway-operator.konghq.com/v1beta1"}]
)
PLANES = "gateway-operator.konghq.com/v1beta1/namespaces/kong/dataplanes/edge-x2"
BY_A_GATEWAY: dict[str, Object] = {
    PLANES: {"metadata": {"ownerReferences": [{"kind": "Gateway", "name": "edge"}]}},
    "v1/namespaces/kong/gateways/edge": {"spec": {"gatewayClassName": "kong"}},
    "v1/gatewayclasses/kong": {
        "spec": {"parametersRef": {"kind": "GatewayConfiguration", "namespace": "infra", "name": "conf"}}
    },
    "v1beta1/namespaces/infra/gatewayconfigurations/conf": {"metadata": {"name": "conf"}},
}


def test_a_data_plane_of_nobody_is_changed_itself() -> None:
    found = installation(OWNED, Snapshot(), **{PLANES: {"metadata": {"name": "edge-x2"}}})

    assert found is not None
    assert (found.form, found.kind, found.namespace, found.name, found.api) == (
        Form.OPERATOR,
        "DataPlane",
        "kong",
        "edge-x2",
        "gateway-operator.konghq.com/v1beta1",
    )


def test_a_data_plane_of_a_gateway_is_changed_by_the_configuration_of_its_class() -> None:
    found = installation(OWNED, Snapshot(), **BY_A_GATEWAY)

    assert found is not None
    assert (found.kind, found.namespace, found.name, found.api) == (
        "GatewayConfiguration",
        "infra",
        "conf",
        "gateway-operator.konghq.com/v1beta1",
    )
    assert "Gateway kong/edge" in found.source


@pytest.mark.parametrize("unreadable", BY_A_GATEWAY)
def test_where_the_owner_cannot_be_read_nothing_tells_which_of_both_is_to_be_changed(unreadable: str) -> None:
    readable = {path: one for path, one in BY_A_GATEWAY.items() if path != unreadable}

    found = installation(OWNED, Snapshot({"deployments": (workload(),)}), **readable)

    assert found is not None
    assert (found.form, found.kind, found.name, found.namespace) == (Form.OPERATOR, None, "edge-x2", "kong")


def test_nothing_is_told_by_no_workload_or_by_two() -> None:
    assert installation(service(), Snapshot()) is None
    assert installation(service(), Snapshot({"deployments": (workload(), workload("canary"))})) is None
