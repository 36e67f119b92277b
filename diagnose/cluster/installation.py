"""How Kong was installed, as its Service and its workload tell.

Sources: Kong/charts (kong.metaLabels; charts/ingress has charts/kong twice, as ``controller`` and ``gateway``); Helm,
Flux and Argo CD, which mark the objects that they write; the Kong Operator, whose DataPlanes own their Services, and
whose Gateways own their DataPlanes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from diagnose.cluster.objects import annotations_of, at, full_name, labels_of, name_of, namespace_of
from diagnose.cluster.replies import Object, Reply
from diagnose.cluster.rights import OPERATED
from diagnose.cluster.settings import kong_container
from diagnose.cluster.snapshot import Snapshot
from diagnose.installation import Form, Installation
from diagnose.site import Gap

WORKLOADS = {"deployments": "deployment", "daemonsets": "daemonset"}
"""The kinds that run Kong, by the name that a snapshot has for them and the one that kubectl has."""

RELEASE, RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
CHART = re.compile(r"(kong|gateway)-((\d+)\.(\d+)[\w.+-]*)")
CONTAINER = "proxy"
"""How charts/kong and the Operator call Kong's container. Another chart that is called kong calls it otherwise."""

BOTH_FAMILIES_SINCE = (2, 34)
DATA_PLANE, GATEWAY, CONFIGURATION = "DataPlane", "Gateway", "GatewayConfiguration"
OPERATOR = "gateway-operator.konghq.com"
CONFIGURATION_VERSIONS = ("v2beta1", "v1beta1")
GATEWAYS = "/apis/gateway.networking.k8s.io/v1"

ARGO_ID, ARGO_LABEL = "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance"
FLUX = {"helm": "HelmRelease", "kustomize": "Kustomization"}

Get = Callable[[str], Reply]
"""Asks the API server for the object at a path."""


def find_installation(service: Object, snapshot: Snapshot, get: Get) -> tuple[Installation | None, tuple[Gap, ...]]:
    """The installation behind ``service``, and what of it may not be read.

    None where not exactly one workload is behind it, so that nothing tells.
    """
    refused: dict[str, Gap] = {}

    def noting(path: str) -> Reply:
        reply = get(path)
        if not reply.ok and reply.status != 404:
            refused[path] = Gap(OPERATED, reply.message)
        return reply

    return _installation(service, snapshot, noting), tuple(refused.values())


def _installation(service: Object, snapshot: Snapshot, get: Get) -> Installation | None:
    owners = at(service, "metadata", "ownerReferences") or ()
    plane = next((owner for owner in owners if owner.get("kind") == DATA_PLANE), None)
    if plane is not None:
        return _of_operator(service, str(plane.get("name")), str(plane.get("apiVersion")), get)
    behind = [(word, one) for kind, word in WORKLOADS.items() for one in snapshot.of(kind) if _behind(service, one)]
    if len(behind) != 1:
        return None
    word, workload = behind[0]
    container = kong_container(at(workload, "spec", "template") or {})
    return of_workload(word, workload, str(container.get("name")) if container is not None else CONTAINER)


def of_workload(word: str, workload: Object, name: str) -> Installation:
    """The installation of a workload by itself: ``word`` is its kind for kubectl, ``name`` that of Kong's container."""
    return (_of_chart(word, workload) if name == CONTAINER else None) or Installation(
        Form.MANIFEST,
        f"{word}/{name_of(workload)}",
        namespace_of(workload),
        f"{word} {full_name(workload)}",
        container=name,
        keeper=_keeper(workload) or _release(workload),
    )


def _behind(service: Object, workload: Object) -> bool:
    selector = at(service, "spec", "selector") or {}
    labels = dict(labels_of(at(workload, "spec", "template") or {}))
    same = namespace_of(workload) == namespace_of(service)
    return same and bool(selector) and selector.items() <= labels.items()


def _of_chart(word: str, workload: Object) -> Installation | None:
    """The installation of a workload that a chart of Kong's makes, None if none does.

    What something else than Helm applied bears the chart's labels, and no release.
    """
    found = CHART.fullmatch(str(labels_of(workload).get("helm.sh/chart") or ""))
    if found is None:
        return None
    annotations = annotations_of(workload)
    release, keeper = annotations.get(RELEASE), _keeper(workload)
    whole = found[1] == "kong"
    both = (int(found[3]), int(found[4])) >= BOTH_FAMILIES_SINCE
    return Installation(
        Form.HELM,
        str(release) if release and keeper is None else None,
        str(annotations.get(RELEASE_NAMESPACE) or namespace_of(workload)),
        f"{word} {full_name(workload)} label helm.sh/chart: {found[0]}",
        chart="kong" if whole else "ingress",
        values=() if whole else ("gateway",),
        version=found[2] if whole else None,
        addresses=("0.0.0.0", "[::]") if both else ("0.0.0.0",),
        keeper=keeper,
    )


def _keeper(thing: Object) -> str | None:
    """Which of Flux's or Argo CD's objects writes ``thing``."""
    labels = labels_of(thing)
    for word, kind in FLUX.items():
        name = labels.get(f"{word}.toolkit.fluxcd.io/name")
        if name:
            return f"Flux's {kind} {labels.get(f'{word}.toolkit.fluxcd.io/namespace') or namespace_of(thing)}/{name}"
    application = str(annotations_of(thing).get(ARGO_ID) or "").partition(":")[0] or labels.get(ARGO_LABEL)
    return f"Argo CD's application {application}" if application else None


def _release(thing: Object) -> str | None:
    """The release of a workload that a chart of somebody else makes."""
    release = annotations_of(thing).get(RELEASE)
    return f"Helm's release {release}" if release else None


def _of_operator(service: Object, plane: str, api: str, get: Get) -> Installation:
    """A data plane, or the configuration of the Gateway that owns it: a change to the first would be taken back."""
    namespace = namespace_of(service)
    told = f"Service {full_name(service)} metadata.ownerReferences: {DATA_PLANE} {plane}"
    unknown = Installation(Form.OPERATOR, plane, namespace, told)
    found = _read(get, f"/apis/{api}/namespaces/{namespace}/dataplanes/{plane}")
    if found is None:
        return unknown
    owners = at(found, "metadata", "ownerReferences") or ()
    gateway = next((str(owner.get("name")) for owner in owners if owner.get("kind") == GATEWAY), None)
    if gateway is None:
        return Installation(Form.OPERATOR, plane, namespace, told, kind=DATA_PLANE, api=api, keeper=_keeper(found))
    home, name = _configured(f"{GATEWAYS}/namespaces/{namespace}/gateways/{gateway}", get)
    told = f"{told}, which Gateway {namespace}/{gateway} owns"
    for version in CONFIGURATION_VERSIONS if name else ():
        configuration = _read(get, f"/apis/{OPERATOR}/{version}/namespaces/{home}/gatewayconfigurations/{name}")
        if configuration is not None:
            group, keeper = f"{OPERATOR}/{version}", _keeper(configuration)
            return Installation(Form.OPERATOR, name, home, told, kind=CONFIGURATION, api=group, keeper=keeper)
    return unknown


def _configured(gateway: str, get: Get) -> tuple[str, str]:
    """Namespace and name of the GatewayConfiguration of the class of a Gateway; empty where none is told."""
    name = at(_read(get, gateway) or {}, "spec", "gatewayClassName")
    found = _read(get, f"{GATEWAYS}/gatewayclasses/{name}") if name else None
    parameters = at(found or {}, "spec", "parametersRef") or {}
    if parameters.get("kind") != CONFIGURATION:
        return "", ""
    return str(parameters.get("namespace") or ""), str(parameters.get("name") or "")


def _read(get: Get, path: str) -> Object | None:
    """The object at ``path``, None where there is none or where it may not be read."""
    reply = get(path)
    return reply.object() if reply.ok else None
