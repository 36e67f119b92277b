"""Where a Kong is written, and in which form a change to it is told: chart values, an operator's object, a manifest."""

from __future__ import annotations

from dataclasses import dataclass, replace

from diagnose.cluster.installation import CHART, CONTAINER, DATA_PLANE, of_workload
from diagnose.cluster.objects import at, full_name, labels_of, name_of, namespace_of
from diagnose.cluster.replies import Object
from diagnose.inspect.found import manifest_step
from diagnose.installation import Form, Installation
from diagnose.remedies.forms import Told, as_step, of_service, pod_template
from diagnose.report.report import RemedyStep


@dataclass(frozen=True, slots=True)
class Written:
    """Where one Kong is written. ``path`` leads to its pod template within ``owner``, whose ``container`` is Kong's.

    ``kubectl`` is the command by which its cluster is reached.
    """

    owner: Object
    path: tuple[str, ...]
    container: str
    installation: Installation | None
    kubectl: str = "kubectl"

    def settings(self, told: Told) -> RemedyStep:
        """The step that tells Kong and its pods ``told``; lines of its environment where nothing else writes them."""
        form = self.installation.form if self.installation else None
        if form is Form.MANIFEST and not admitted(self.owner):
            return manifest_step(pod_template(told, self.container), *self.path)
        return as_step(told, self.installation, self.kubectl)

    def service(self, service: Object, told: Told) -> RemedyStep:
        """The step that changes Kong's ``service``."""
        if self.installation is not None and self.installation.form is Form.OPERATOR:
            return as_step(told, self.installation, self.kubectl)
        return service_step(service, told, self.installation, self.kubectl)


def service_step(service: Object, told: Told, installation: Installation | None, kubectl: str) -> RemedyStep:
    """The step that changes ``service``: values of the chart that makes it, a patch, or its manifest.

    The class of a Service that is there cannot be changed (Kubernetes: Service), so no command is printed that would.
    """
    charted = installation is not None and installation.form is Form.HELM and of_chart(service)
    if installation is not None and charted:
        taken = replace(installation, name=None) if told.balancer_class else installation
        return as_step(told, taken, kubectl)
    if admitted(service) and not told.balancer_class:
        return of_service(told, full_name(service), None, kubectl)
    spec = {"externalTrafficPolicy": told.traffic_policy, "loadBalancerClass": told.balancer_class}
    spec = {key: value for key, value in spec.items() if value is not None}
    noted = {"metadata": {"annotations": dict(told.annotations)}} if told.annotations else {}
    return manifest_step({**noted, **({"spec": spec} if spec else {})})


def admitted(thing: Object) -> bool:
    """Whether an API server holds this very object."""
    return bool(at(thing, "metadata", "uid"))


def of_chart(thing: Object) -> bool:
    """Whether one of Kong's charts makes ``thing``, by its label."""
    return CHART.fullmatch(str(labels_of(thing).get("helm.sh/chart") or "")) is not None


def installation_of(word: str, owner: Object, container: str) -> Installation:
    """How the Kong that ``owner`` (of kind ``word``) makes was installed, by the object alone."""
    planes = [one for one in at(owner, "metadata", "ownerReferences") or () if one.get("kind") == DATA_PLANE]
    name = f"{word.lower()}/{name_of(owner)}"
    if planes:
        return Installation(Form.OPERATOR, str(planes[0].get("name")), namespace_of(owner), name)
    return of_workload(word.lower(), owner, container)


def operated(word: str, owner: Object) -> Installation:
    """The installation that an object of the Kong Operator is."""
    place, api = namespace_of(owner), str(owner.get("apiVersion") or "")
    source = f"{word} {full_name(owner)}"
    return Installation(Form.OPERATOR, name_of(owner), place, source, kind=word, api=api, container=CONTAINER)
