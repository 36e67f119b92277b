"""A cluster as inspect reads it: the objects of Kong and of what is before it. Nothing is made, nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diagnose.cluster.api import Api
from diagnose.cluster.discover import find_service
from diagnose.cluster.installation import find_installation
from diagnose.cluster.objects import at, full_name, labels_of, namespace_of
from diagnose.cluster.pods import read_contents, selector_text
from diagnose.cluster.replies import Listing, Object
from diagnose.cluster.rights import Scope, untold
from diagnose.cluster.snapshot import Snapshot, alone, take
from diagnose.errors import USAGE, Stop
from diagnose.inspect.kongs import WORKLOADS, Everything
from diagnose.inspect.rules.peers import CILIUM
from diagnose.installation import Installation
from diagnose.site import Gap

CILIUM_SETTINGS = f"/api/v1/namespaces/{Scope.SYSTEM}/configmaps/{CILIUM}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one Kong: its objects, what its ConfigMaps and Secrets hold, and what could not be read."""

    service: str
    snapshot: Snapshot
    contents: Everything
    installation: Installation | None
    gaps: tuple[Gap, ...]


def read_cluster(api: Api, service: str | None, ingress_class: str | None, namespace: str | None) -> Reading:
    """The objects of the one Kong that is named or found. Stop as diagnose does where there is none, or several."""
    whole = take(api, service)
    found = find_service(_within(whole, namespace), service, ingress_class)
    home = namespace_of(found)
    if namespace is not None and home != namespace:
        raise Stop(f"Service {full_name(found)} is not in namespace {namespace}.", "Change one of them.", USAGE)
    return read_around(api, whole, found)


def read_around(api: Api, whole: Snapshot, service: Object) -> Reading:
    """The objects of the Kong behind ``service``, of those in ``whole`` and what that lacks."""
    home = namespace_of(service)
    objects, refused = dict(whole.objects), dict(whole.refused)
    for kind, listing in _more(api, home, service).items():
        objects[kind] = listing.items
        if listing.refused:
            refused[kind] = listing.refused
        else:
            refused.pop(kind, None)
    objects["services"] = (service,)
    for kind in WORKLOADS:
        objects[kind] = tuple(one for one in objects.get(kind, ()) if _behind(service, one))
    templates = [at(one, "spec", "template") or {} for kind in WORKLOADS for one in objects[kind]]
    contents, unread = read_contents(api, home, [*templates, *objects["pods"]])
    read = Snapshot(objects, refused)
    installation, operated = find_installation(service, read, api.get)
    unheld = (Gap(f"{source.kind[:-1]} {source.name}", why) for source, why in unread.items())
    gaps = (*refused_gaps(refused), *unheld, *operated)
    return Reading(full_name(service), read, {home: contents}, installation, gaps)


def refused_gaps(refused: Mapping[str, str]) -> tuple[Gap, ...]:
    """What the kinds that may not be read leave unknown. Those of Kong's own namespace are told as such."""
    words = {**untold(Scope.CLUSTER), **untold(Scope.KONG), **untold(Scope.SYSTEM)}
    return tuple(Gap(told, refused[kind]) for kind, told in words.items() if kind in refused)


def _within(snapshot: Snapshot, namespace: str | None) -> Snapshot:
    """The snapshot with the Services of one namespace alone."""
    if namespace is None:
        return snapshot
    services = tuple(one for one in snapshot.of("services") if namespace_of(one) == namespace)
    return Snapshot({**snapshot.objects, "services": services}, snapshot.refused, snapshot.pods_cut)


def _more(api: Api, home: str, service: Object) -> dict[str, Listing]:
    """What the snapshot of a whole cluster lacks: Kong's own pods to the last, its StatefulSets, its namespace."""
    selector = selector_text(service)
    pods = api.items(f"/api/v1/namespaces/{home}/pods", [("labelSelector", selector)]) if selector else Listing()
    space = api.get(f"/api/v1/namespaces/{home}")
    cilium = api.get(CILIUM_SETTINGS)
    return {
        "configmaps": alone(cilium),
        "pods": pods,
        "statefulsets": api.items(f"/apis/apps/v1/namespaces/{home}/statefulsets"),
        "namespaces": alone(space),
    }


def _behind(service: Object, workload: Object) -> bool:
    """Whether a workload's pods are behind the Service."""
    selector: Iterable[tuple[str, str]] = (at(service, "spec", "selector") or {}).items()
    labels = labels_of(at(workload, "spec", "template") or {})
    same = namespace_of(workload) == namespace_of(service)
    return same and bool(selector) and all(labels.get(key) == value for key, value in selector)
