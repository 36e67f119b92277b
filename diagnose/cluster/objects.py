"""How plain Kubernetes objects are read: every field may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from diagnose.cluster.replies import Object

INGRESS_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def at(thing: Object, *keys: str) -> Any:
    """What stands under ``keys``, one within the other, or None."""
    found: Any = thing
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def namespace_of(thing: Object) -> str:
    """The namespace, empty for an object that has none."""
    return str(at(thing, "metadata", "namespace") or "")


def name_of(thing: Object) -> str:
    """The name within its namespace."""
    return str(at(thing, "metadata", "name") or "")


def full_name(thing: Object) -> str:
    """``namespace/name``, as people write it."""
    return "/".join(part for part in (namespace_of(thing), name_of(thing)) if part)


def labels_of(thing: Object) -> Mapping[str, str]:
    """The labels."""
    return at(thing, "metadata", "labels") or {}


def annotations_of(thing: Object) -> Mapping[str, str]:
    """The annotations."""
    return at(thing, "metadata", "annotations") or {}


def condition_of(thing: Object, kind: str) -> Object:
    """The status condition of that type, empty if there is none."""
    conditions: Iterable[Object] = at(thing, "status", "conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def containers_of(thing: Object) -> tuple[Object, ...]:
    """The containers of a pod, or of the pods of a Deployment or DaemonSet."""
    return tuple(at(thing, "spec", "template", "spec", "containers") or at(thing, "spec", "containers") or ())


def ingress_class_of(ingress: Object) -> str | None:
    """The class of an Ingress, by its field or by the annotation that came before it."""
    return at(ingress, "spec", "ingressClassName") or annotations_of(ingress).get(INGRESS_CLASS_ANNOTATION)
