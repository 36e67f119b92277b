"""A cluster as inspect reads it: the objects of Kong and of what is before it. Nothing is made, nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from diagnose.cluster.api import Api
from diagnose.cluster.discover import find_service
from diagnose.cluster.installation import find_installation
from diagnose.cluster.objects import at, full_name, labels_of, namespace_of
from diagnose.cluster.pods import read_contents, selector_text
from diagnose.cluster.replies import Listing, Object
from diagnose.cluster.rights import CILIUM, Scope, untold
from diagnose.cluster.snapshot import Snapshot, alone, take
from diagnose.errors import USAGE, Stop
from diagnose.inspect.kongs import OPERATED, WORKLOADS, Everything, find_kongs
from diagnose.inspect.rules import kube_proxy
from diagnose.inspect.rules.balancers import taken_by_nodes
from diagnose.inspect.shapes import without_misfits
from diagnose.installation import Installation
from diagnose.site import Gap

PLUGINS = {kind: f"/apis/configuration.konghq.com/v1/{kind}" for kind in ("kongplugins", "kongclusterplugins")}


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
    read = _with(_own(whole, service), _more(api, home, service, whole.of("daemonsets")))
    templates = [at(one, "spec", "template") or {} for one in read.of(*WORKLOADS)]
    contents, unread = read_contents(api, home, [*templates, *read.of("pods")])
    if _believes_some(read, {home: contents}):
        read = _with(read, _listings(api, PLUGINS))
    installation, operated = find_installation(service, read, api.get)
    unheld = (Gap(f"{source.kind[:-1]} {source.name}", why) for source, why in unread.items())
    gaps = (*refused_gaps(read.refused), *unheld, *operated)
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


def _own(whole: Snapshot, service: Object) -> Snapshot:
    """The snapshot with the one Service, the workloads behind it, and kube-proxy, which leads connections to it."""
    objects = dict(whole.objects)
    objects["services"] = (service,)
    for kind in WORKLOADS:
        objects[kind] = tuple(one for one in whole.of(kind) if _behind(service, one) or kube_proxy.is_kube_proxy(one))
    return Snapshot(objects, whole.refused, whole.pods_cut)


def _with(snapshot: Snapshot, listings: Mapping[str, Listing]) -> Snapshot:
    """The snapshot with these kinds in the place of what it has of them."""
    objects, refused = dict(snapshot.objects), dict(snapshot.refused)
    for kind, listing in listings.items():
        objects[kind] = listing.items
        refused.pop(kind, None)
        if listing.refused:
            refused[kind] = listing.refused
    return Snapshot(objects, refused, snapshot.pods_cut)


def _more(api: Api, home: str, service: Object, daemon_sets: Iterable[Object]) -> dict[str, Listing]:
    """What the snapshot of a whole cluster lacks: Kong's own pods to the last, its StatefulSets, its namespace."""

    def pods() -> Listing:
        selector = selector_text(service)
        path = f"/api/v1/namespaces/{home}/pods"
        return api.items(path, [("labelSelector", selector)]) if selector else Listing()

    def settings(name: str) -> Listing:
        return alone(api.get(f"/api/v1/namespaces/{Scope.SYSTEM}/configmaps/{name}"))

    with ThreadPoolExecutor(5) as pool:
        read = {
            "pods": pool.submit(pods),
            "statefulsets": pool.submit(api.items, f"/apis/apps/v1/namespaces/{home}/statefulsets"),
            "namespaces": pool.submit(lambda: alone(api.get(f"/api/v1/namespaces/{home}"))),
        }
        told = list(pool.map(settings, _spreading(service, daemon_sets)))
    return {kind: future.result() for kind, future in read.items()} | {"configmaps": _together(told)}


def _together(listings: Sequence[Listing]) -> Listing:
    """Listings as one, which is refused where one of them is."""
    items = tuple(one for listing in listings for one in listing.items)
    return Listing(items, next((listing.refused for listing in listings if listing.refused), None))


def _spreading(service: Object, daemon_sets: Iterable[Object]) -> Iterator[str]:
    """The ConfigMaps that tell how connections get to pods, where that matters to rules."""
    if at(service, "spec", "externalTrafficPolicy") != "Local":
        yield CILIUM
    if taken_by_nodes(service) and (name := kube_proxy.settings_of(daemon_sets)):
        yield name


def _believes_some(snapshot: Snapshot, contents: Everything) -> bool:
    """Whether Kong may take the client from what a peer says, so that plugins may use another address than its log."""
    kinds = (*WORKLOADS, *OPERATED, "pods")
    sound, _ = without_misfits(Snapshot({kind: snapshot.of(kind) for kind in kinds}))
    return any(not kong.sees_nobody() for kong in find_kongs(sound, contents))


def _listings(api: Api, paths: Mapping[str, str]) -> dict[str, Listing]:
    """All objects of some kinds; of one that the server lacks, none."""
    with ThreadPoolExecutor(len(paths)) as pool:
        return dict(zip(paths, pool.map(api.items, paths.values()), strict=True))


def _behind(service: Object, workload: Object) -> bool:
    """Whether a workload's pods are behind the Service."""
    selector: Iterable[tuple[str, str]] = (at(service, "spec", "selector") or {}).items()
    labels = labels_of(at(workload, "spec", "template") or {})
    same = namespace_of(workload) == namespace_of(service)
    return same and bool(selector) and all(labels.get(key) == value for key, value in selector)
