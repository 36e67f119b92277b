"""Forms: what Kong is to be told, in the form of the installation at hand: chart values, a DataPlane, a workload."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from diagnose.installation import Form, Installation
from diagnose.report.report import RemedyStep

LISTEN = "KONG_PROXY_LISTEN"
DATA_PLANE = "DataPlane"


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be set: Kong's variables by their names, the traffic policy of its Service, None as it is, and its
    annotations and the class of its load balancer, and annotations of Kong's pods.

    ``listened`` is the text of proxy_listen before, None where it is not known.
    """

    variables: Mapping[str, str]
    traffic_policy: str | None = None
    listened: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    balancer_class: str | None = None
    pod_annotations: Mapping[str, str] = field(default_factory=dict)


def kubectl_for(context: str | None) -> str:
    """The kubectl command for a context of the kubeconfig, None for the current one."""
    return f"kubectl --context {shlex.quote(context)}" if context else "kubectl"


def as_step(told: Told, installation: Installation | None, kubectl: str) -> RemedyStep:
    """The one step that sets ``told``; without a known installation, the lines of Kong's environment."""
    match installation:
        case Installation(form=Form.HELM):
            return _helm(told, installation, kubectl)
        case Installation(form=Form.OPERATOR):
            return RemedyStep("manifest", _of_operator(told, installation))
        case Installation(form=Form.MANIFEST, name=str(name)):
            pairs = " ".join(shlex.quote(f"{key}={value}") for key, value in told.variables.items())
            where = f"--namespace {shlex.quote(installation.namespace)}"
            if told.pod_annotations:
                patch = {"spec": {"template": {"metadata": {"annotations": dict(told.pod_annotations)}}}}
                return RemedyStep("kubectl", f"{kubectl} {where} patch {shlex.quote(name)} {_merged(patch)}")
            named = f"{shlex.quote(name)} --containers={shlex.quote(installation.container)}"
            return RemedyStep("kubectl", f"{kubectl} {where} set env {named} {pairs}")
        case _:
            return RemedyStep("kong", "\n".join(f"{key}={value}" for key, value in told.variables.items()))


def writes_service(installation: Installation | None) -> bool:
    """Whether the Service is written by what installs Kong, which would take a change of the object back."""
    return installation is not None and installation.form in (Form.HELM, Form.OPERATOR)


def of_service(told: Told, service: str, installation: Installation | None, kubectl: str) -> RemedyStep:
    """The step that changes Kong's ``service`` (namespace/name) where it is written."""
    if writes_service(installation):
        return as_step(told, installation, kubectl)
    namespace, name = service.split("/", 1)
    metadata = {"metadata": {"annotations": dict(told.annotations)}} if told.annotations else {}
    spec = {"spec": {"externalTrafficPolicy": told.traffic_policy}} if told.traffic_policy else {}
    where = f"--namespace {shlex.quote(namespace)}"
    return RemedyStep("kubectl", f"{kubectl} {where} patch service {shlex.quote(name)} {_merged(metadata | spec)}")


def _merged(patch: Mapping[str, Any]) -> str:
    """The words by which kubectl patch merges ``patch`` into an object."""
    return f"--type merge --patch {shlex.quote(json.dumps(patch, separators=(',', ':')))}"


def kept(installation: Installation | None) -> tuple[str, ...]:
    """What is to be known of a change to what others write, a sentence each."""
    if installation is None:
        return ()
    effects = []
    if installation.keeper is not None:
        effects.append(
            f"{installation.keeper} writes these objects: make the change where it reads from, or it is taken back."
        )
    if installation.form is Form.HELM and installation.name:
        effects.append(f"kong/{installation.chart} names the chart as Kong's documentation does; yours may not.")
    return tuple(effects)


def chart_values(told: Told, installation: Installation) -> dict[str, Any]:
    """What is told, as values of the installation's chart."""
    env = {name.removeprefix("KONG_").lower(): value for name, value in told.variables.items() if name != LISTEN}
    proxy: dict[str, Any] = {}
    if LISTEN in told.variables:
        parameters = chart_parameters(told.variables[LISTEN], installation.addresses)
        before = chart_parameters(told.listened or "", installation.addresses)
        if parameters is None or before is None:
            env["proxy_listen"] = told.variables[LISTEN]
        else:
            changed = {kind: words for kind, words in parameters.items() if words != before.get(kind)}
            proxy |= {kind: {"parameters": words} for kind, words in changed.items()}
    if told.traffic_policy is not None:
        proxy["externalTrafficPolicy"] = told.traffic_policy
    if told.annotations:
        proxy["annotations"] = dict(told.annotations)
    if told.balancer_class is not None:
        proxy["loadBalancerClass"] = told.balancer_class
    values: dict[str, Any] = ({"env": env} if env else {}) | ({"proxy": proxy} if proxy else {})
    values |= {"podAnnotations": dict(told.pod_annotations)} if told.pod_annotations else {}
    for key in reversed(installation.values):
        values = {key: values}
    return values


def chart_parameters(listen: str, addresses: Sequence[str]) -> dict[str, list[str]] | None:
    """The parameters, for plain and for TLS, of which the chart makes this text; None where it makes no such text.

    ``addresses`` are those that this version of the chart listens on, unless it is told to take fewer.
    The chart writes one port of each kind, on each address alike, the parameters after it, and ``ssl`` last
    (Kong/charts, kong.listen). What is written in another way was set as a whole, which wins over parameters.
    """
    found: dict[str, set[tuple[str, tuple[str, ...]]]] = {}
    for entry in filter(str.strip, listen.split(",")):
        where, *words = entry.split()
        address, _, port = where.rpartition(":")
        tls = words[-1:] == ["ssl"]
        rest = tuple(words[:-1] if tls else words)
        if address not in addresses or "ssl" in rest:
            return None
        found.setdefault("tls" if tls else "http", set()).add((port, rest))
    if any(len(ways) > 1 for ways in found.values()):
        return None
    return {kind: list(next(iter(ways))[1]) for kind, ways in found.items()}


def _helm(told: Told, installation: Installation, kubectl: str) -> RemedyStep:
    values = as_yaml(chart_values(told, installation))
    if installation.name is None:
        return RemedyStep("helm", values)
    helm = kubectl.replace("kubectl", "helm", 1).replace("--context", "--kube-context", 1)
    version = f" --version {shlex.quote(installation.version)}" if installation.version else ""
    chart = f"kong/{installation.chart}{version}"
    where = f"--namespace {shlex.quote(installation.namespace)}"
    command = f"{helm} upgrade {shlex.quote(installation.name)} {chart} {where} --reuse-values --values -"
    return RemedyStep("shell", f"{command} <<'VALUES'\n{values}\nVALUES")


def data_plane(told: Told) -> dict[str, Any]:
    """What is told, as options of a data plane of the Kong Operator."""
    options: dict[str, Any] = {}
    if template := pod_template(told, "proxy"):
        options["deployment"] = {"podTemplateSpec": template}
    service: dict[str, Any] = {"externalTrafficPolicy": told.traffic_policy} if told.traffic_policy is not None else {}
    service |= {"annotations": dict(told.annotations)} if told.annotations else {}
    if service:
        options["network"] = {"services": {"ingress": service}}
    return options


def pod_template(told: Told, container: str) -> dict[str, Any]:
    """What is told, as part of a pod template whose ``container`` is Kong's; empty where nothing of it goes there."""
    env = [{"name": name, "value": value} for name, value in told.variables.items()]
    template: dict[str, Any] = {}
    template |= {"metadata": {"annotations": dict(told.pod_annotations)}} if told.pod_annotations else {}
    return template | ({"spec": {"containers": [{"name": container, "env": env}]}} if env else {})


def _of_operator(told: Told, installation: Installation) -> str:
    """The object to edit. Lists in it are not merged by any command, so containers that stand there would be lost."""
    where = f"{installation.namespace}/{installation.name}"
    if installation.kind is None:
        return (
            f"# into spec of DataPlane {where}; where a Gateway owns that, into\n"
            "# spec.dataPlaneOptions of the GatewayConfiguration of its class. Keep what stands there.\n"
            f"{as_yaml(data_plane(told))}"
        )
    options = data_plane(told)
    manifest = {
        "apiVersion": installation.api,
        "kind": installation.kind,
        "metadata": {"name": installation.name, "namespace": installation.namespace},
        "spec": options if installation.kind == DATA_PLANE else {"dataPlaneOptions": options},
    }
    return f"# into {installation.kind} {where}. Keep what stands there.\n{as_yaml(manifest)}"


def as_yaml(value: Mapping[str, Any]) -> str:
    """``value`` as a YAML document."""
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, default_flow_style=False, width=1000)).rstrip("\n")
