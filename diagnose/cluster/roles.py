"""The rights of a mode as Roles, in YAML: the table that a run is checked against, written for an administrator."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from diagnose.cluster.rights import Mode, Need, Scope

GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who gets the rights: a User, a Group, or a ServiceAccount of a namespace."""

    kind: str
    name: str
    namespace: str | None = None


def roles(mode: Mode, needs: Sequence[Need], namespaces: Mapping[Scope, str], subjects: Sequence[Subject]) -> str:
    """A ClusterRole, and a Role for each namespace, with the bindings of ``subjects``: YAML documents.

    A right that is needed for several reasons is granted once.
    """
    by_namespace: dict[str | None, list[Need]] = {}
    for need in needs:
        by_namespace.setdefault(namespaces.get(need.scope), []).append(need)
    name = f"kongip-{mode}"
    documents = []
    for namespace, wanted in by_namespace.items():
        documents.append(role(name, namespace, wanted))
        if subjects:
            documents.append(binding(name, namespace, subjects))
    return "---\n".join(documents)


def role(name: str, namespace: str | None, needs: Iterable[Need]) -> str:
    """A Role, or the ClusterRole where there is no namespace; each rule with what it is for."""
    lines = [*head("Role", name, namespace), "rules:"]
    for need, verbs in once(needs):
        lines += [
            f"  # {need.tells}",
            f"  - apiGroups: {flow([need.group])}",
            f"    resources: {flow([need.resource])}",
        ]
        lines += [f"    resourceNames: {flow(need.names)}"] if need.names else []
        lines.append(f"    verbs: {flow(verbs)}")
    return "\n".join(lines) + "\n"


def once(needs: Iterable[Need]) -> Iterable[tuple[Need, list[str]]]:
    """Each need with those of its verbs that no need before it has on the same objects."""
    granted: set[tuple[str, str, tuple[str, ...], str]] = set()
    for need in needs:
        verbs = [verb for verb in need.verbs if (need.group, need.resource, need.names, verb) not in granted]
        granted |= {(need.group, need.resource, need.names, verb) for verb in verbs}
        if verbs:
            yield need, verbs


def binding(name: str, namespace: str | None, subjects: Iterable[Subject]) -> str:
    """What gives the role of that name to the subjects."""
    kind = "ClusterRole" if namespace is None else "Role"
    lines = [*head("RoleBinding", name, namespace), "roleRef:"]
    lines += [f"  apiGroup: {GROUP}", f"  kind: {kind}", f"  name: {quoted(name)}", "subjects:"]
    for one in subjects:
        lines += [f"  - kind: {one.kind}", f"    name: {quoted(one.name)}"]
        lines.append(f"    namespace: {quoted(one.namespace)}" if one.namespace else f"    apiGroup: {GROUP}")
    return "\n".join(lines) + "\n"


def head(kind: str, name: str, namespace: str | None) -> list[str]:
    """The beginning of an object, whose kind has Cluster before it where there is no namespace."""
    lines = [f"apiVersion: {GROUP}/v1", f"kind: {'Cluster' if namespace is None else ''}{kind}", "metadata:"]
    lines.append(f"  name: {quoted(name)}")
    return lines if namespace is None else [*lines, f"  namespace: {quoted(namespace)}"]


def flow(words: Iterable[str]) -> str:
    """Words as a YAML list in one line."""
    return f"[{', '.join(map(quoted, words))}]"


def quoted(word: str) -> str:
    """A word as a YAML string; JSON's are such."""
    return json.dumps(word)
