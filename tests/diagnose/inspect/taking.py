"""Takes the steps of a remedy as they are printed, in whichever form; what its reader would not know is refused."""

from __future__ import annotations

import copy
import json
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from diagnose.cluster.replies import Object
from diagnose.remedies.forms import chart_parameters
from diagnose.report.report import Finding, RemedyStep
from tests.diagnose.remedies import schemas

PASTED = frozenset({"manifest", "kong", "helm", "shell", "kubectl"})
"""The kinds of step that are to be pasted as they are; a note leaves something to be looked up."""

FAMILIES = ("0.0.0.0", "[::]")
WORKLOADS = frozenset({"Deployment", "DaemonSet", "StatefulSet"})
OPERATED = frozenset({"DataPlane", "GatewayConfiguration"})


def kinds_of(finding: Finding) -> set[str]:
    """The kinds of the steps of its remedy."""
    return {step.kind for step in finding.remedy.steps} if finding.remedy else set()


def taken(things: Iterable[Object], finding: Finding) -> list[Object]:
    """``things`` once every step that is to be pasted has been; ``finding`` has a remedy."""
    changed = [copy.deepcopy(thing) for thing in things]
    assert finding.remedy is not None
    for step in finding.remedy.steps:
        if step.kind in PASTED:
            for thing in changed:
                _TAKE[step.kind](thing, step)
    return changed


def _lines(thing: Object, step: RemedyStep) -> None:
    told = dict(line.split("=", 1) for line in step.text.splitlines())
    assert all(re.fullmatch(r"KONG_[A-Z0-9_]+", name) for name in told)
    if thing["kind"] in WORKLOADS:
        _told(thing["spec"]["template"], told)


def _told(template: Object, told: Mapping[str, str]) -> None:
    """Set variables of a template's first container, as an entry of env that comes later does."""
    (container, *_) = template["spec"]["containers"]
    kept = [entry for entry in container.get("env") or () if entry["name"] not in told]
    container["env"] = [*kept, *({"name": name, "value": value} for name, value in told.items())]


def _values(thing: Object, step: RemedyStep) -> None:
    """Helm values, by themselves or within a command, for a chart that had made ``thing``."""
    command = re.fullmatch(r"(.+) <<'VALUES'\n(.+)\nVALUES", step.text, re.DOTALL)
    values = yaml.safe_load(command[2] if command else step.text)
    schemas.check(values, schemas.VALUES["ingress" if "gateway" in values else "kong"])
    values = values.get("gateway", values)
    proxy = dict(values.get("proxy") or {})
    if thing["kind"] == "Service":
        policy = {key: proxy[key] for key in ("externalTrafficPolicy", "loadBalancerClass") if key in proxy}
        _laid(thing, {"metadata": {"annotations": proxy.get("annotations") or {}}, "spec": policy})
    if thing["kind"] in WORKLOADS:
        env = {f"KONG_{name.upper()}": value for name, value in (values.get("env") or {}).items()}
        _told(thing["spec"]["template"], _listening(thing, proxy) | env)
        _laid(thing["spec"]["template"], {"metadata": {"annotations": values.get("podAnnotations") or {}}})


def _listening(thing: Object, proxy: Mapping[str, Any]) -> dict[str, str]:
    """The proxy_listen that the chart makes of other parameters (Kong/charts, kong.listen)."""
    env = thing["spec"]["template"]["spec"]["containers"][0]["env"]
    before = next((one["value"] for one in env if one["name"] == "KONG_PROXY_LISTEN"), "")
    parameters = chart_parameters(before, FAMILIES)
    told = {kind: proxy[kind]["parameters"] for kind in ("http", "tls") if kind in proxy}
    if not told:
        return {}
    assert parameters, "what was set as a whole wins over parameters"
    words = {**parameters, **told}
    entries = [
        " ".join([f"{address}:{port}", *words[kind], *last])
        for kind, port, last in (("http", 8000, []), ("tls", 8443, ["ssl"]))
        if kind in words
        for address in FAMILIES
        if f"{address}:{port}" in before
    ]
    return {"KONG_PROXY_LISTEN": ", ".join(entries)}


def _manifest(thing: Object, step: RemedyStep) -> None:
    content = yaml.safe_load(step.text)
    if content.get("kind") in OPERATED:
        schemas.check(content, schemas.OPERATED[content["kind"]])
        same = all(content[key] == thing.get(key) for key in ("apiVersion", "kind"))
        if same and content["metadata"].items() <= thing["metadata"].items():
            _laid(thing, {"spec": content["spec"]})
    elif "template" in content.get("spec", {}):
        schemas.check(content, schemas.WORKLOAD)
        if thing["kind"] in WORKLOADS:
            _laid(thing, content)
    else:
        schemas.check(content, schemas.SERVICE)
        if thing["kind"] == "Service":
            _laid(thing, content)


def _command(thing: Object, step: RemedyStep) -> None:
    """A kubectl command, word by word, for the object that it names."""
    words = shlex.split(step.text)
    at = words.index("--namespace")
    assert words[0] == "kubectl"
    namespace, verb, *rest = words[at + 1 :]
    assert namespace == thing["metadata"].get("namespace") or thing["kind"] in ("Node", "IngressClass", "Namespace")
    if verb == "set":
        assert rest[0] == "env"
        assert rest[2].startswith("--containers=")
        if rest[1] == f"{thing['kind'].lower()}/{thing['metadata']['name']}":
            _told(thing["spec"]["template"], dict(word.split("=", 1) for word in rest[3:]))
        return
    whole = rest[0].replace("/", " ").split() + rest[1:]
    kind, name, *flags = whole
    assert (verb, flags[:3]) == ("patch", ["--type", "merge", "--patch"])
    patch = json.loads(flags[3])
    schemas.check(patch, schemas.SERVICE_PATCH if kind == "service" else schemas.WORKLOAD)
    if (thing["kind"].lower(), thing["metadata"]["name"]) == (kind, name):
        _laid(thing, patch)


def _laid(thing: Object, content: Any) -> None:
    """Lay ``content`` over ``thing``, as kubectl apply does: mappings by key, containers and env by name."""
    for key, value in content.items():
        if isinstance(value, dict):
            thing[key] = thing.get(key) or {}
            _laid(thing[key], value)
        elif key == "containers":
            for one in value:
                (same,) = [held for held in thing[key] if held["name"] == one["name"]]
                kept = [
                    entry for entry in same.get("env") or () if entry["name"] not in {new["name"] for new in one["env"]}
                ]
                same["env"] = [*kept, *one["env"]]
        else:
            thing[key] = value


_TAKE = {"kong": _lines, "helm": _values, "shell": _values, "manifest": _manifest, "kubectl": _command}
