"""How Kong was installed: told by its Service and its workload, and unknown where they do not tell."""

from __future__ import annotations

from typing import Any

from diagnose.cluster.installation import RELEASE, RELEASE_NAMESPACE, find_installation
from diagnose.cluster.replies import Object
from diagnose.cluster.snapshot import Snapshot
from diagnose.installation import Form

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


RELEASED = {RELEASE: "edge", RELEASE_NAMESPACE: "kong"}


def test_a_release_of_charts_kong_is_told_by_its_labels_and_annotations() -> None:
    found = find_installation(service(), Snapshot({"deployments": (by_helm("kong-2.38.0", **RELEASED),)}))

    assert found is not None
    assert (found.form, found.name, found.chart, found.values, found.version) == (
        Form.HELM,
        "edge",
        "kong",
        (),
        "2.38.0",
    )


def test_the_gateway_of_charts_ingress_has_its_values_under_a_key() -> None:
    found = find_installation(service(), Snapshot({"daemonsets": (by_helm("gateway-3.4.1", **RELEASED),)}))

    assert found is not None
    assert (found.chart, found.values, found.version) == ("ingress", ("gateway",), None)


def test_what_something_else_than_helm_applied_has_no_release() -> None:
    found = find_installation(service(), Snapshot({"deployments": (by_helm("kong-2.38.0"),)}))

    assert found is not None
    assert (found.form, found.name) == (Form.HELM, None)


def test_a_chart_of_another_is_a_workload_like_any() -> None:
    found = find_installation(service(), Snapshot({"daemonsets": (by_helm("edge-platform-1.0.0", **RELEASED),)}))

    assert found is not None
    assert (found.form, found.name, found.container) == (Form.MANIFEST, "daemonset/edge-kong", "proxy")


def test_a_data_plane_of_the_operator_owns_its_service() -> None:
    owner = {"kind": "DataPlane", "name": "edge-x2"}

    found = find_installation(service(ownerReferences=[owner]), Snapshot({"deployments": (workload(),)}))

    assert found is not None
    assert (found.form, found.name, found.namespace) == (Form.OPERATOR, "edge-x2", "kong")


def test_nothing_is_told_by_no_workload_or_by_two() -> None:
    assert find_installation(service(), Snapshot()) is None
    assert find_installation(service(), Snapshot({"deployments": (workload(), workload("canary"))})) is None
