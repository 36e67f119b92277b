"""How Kong was installed, as its Service and its workload tell.

Sources: Kong/charts (kong.metaLabels; charts/ingress has charts/kong twice, as ``controller`` and ``gateway``); Helm,
which annotates every object that it installs with its release; the Kong Operator, whose DataPlanes own their Services.
"""

from __future__ import annotations

import re

from diagnose.cluster.objects import annotations_of, at, full_name, labels_of, name_of, namespace_of
from diagnose.cluster.replies import Object
from diagnose.cluster.settings import kong_container
from diagnose.cluster.snapshot import Snapshot
from diagnose.installation import Form, Installation

WORKLOADS = {"deployments": "deployment", "daemonsets": "daemonset"}
"""The kinds that run Kong, by the name that a snapshot has for them and the one that kubectl has."""

RELEASE, RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
CHART = re.compile(r"(kong|gateway)-(\d[\w.+-]*)")
DATA_PLANE = "DataPlane"


def find_installation(service: Object, snapshot: Snapshot) -> Installation | None:
    """The installation behind ``service``, None where not exactly one workload is behind it, so that nothing tells."""
    owners = at(service, "metadata", "ownerReferences") or ()
    plane = next((str(owner.get("name")) for owner in owners if owner.get("kind") == DATA_PLANE), None)
    if plane is not None:
        told = f"Service {full_name(service)} metadata.ownerReferences: {DATA_PLANE} {plane}"
        return Installation(Form.OPERATOR, plane, namespace_of(service), told)
    behind = [(word, one) for kind, word in WORKLOADS.items() for one in snapshot.of(kind) if _behind(service, one)]
    if len(behind) != 1:
        return None
    word, workload = behind[0]
    template = at(workload, "spec", "template") or {}
    container = kong_container(template)
    name = str(container.get("name")) if container is not None else "proxy"
    return _of_chart(word, workload) or Installation(
        Form.MANIFEST,
        f"{word}/{name_of(workload)}",
        namespace_of(workload),
        f"{word} {full_name(workload)}",
        container=name,
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
    release = annotations.get(RELEASE)
    whole = found[1] == "kong"
    return Installation(
        Form.HELM,
        str(release) if release else None,
        str(annotations.get(RELEASE_NAMESPACE) or namespace_of(workload)),
        f"{word} {full_name(workload)} label helm.sh/chart: {found[0]}",
        chart="kong" if whole else "ingress",
        values=() if whole else ("gateway",),
        version=found[2] if whole else None,
    )
