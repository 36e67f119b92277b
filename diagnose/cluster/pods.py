"""Kong's pods: which there are, which are Ready, where they run and what they are told."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from diagnose.cluster.api import Api, Query
from diagnose.cluster.kinds import POD, SERVICE
from diagnose.cluster.objects import at, condition_of, full_name, name_of, namespace_of
from diagnose.cluster.replies import Listing, Object, Reply
from diagnose.cluster.settings import (
    Contents,
    Source,
    kong_container,
    read_settings,
    sources_of,
)
from diagnose.path.settings import Settings
from diagnose.site import Gap, Kong

GONE = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class KongPod:
    """One Kong pod: the object, the name of its proxy container (None if that cannot be told), and what Kong it is."""

    pod: Object
    container: str | None
    kong: Kong


def selector_text(service: Object) -> str | None:
    """A Service's selector as a label selector, None for a Service without one."""
    selector = at(service, "spec", "selector") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or None


def find_pods(api: Api, service: Object) -> tuple[tuple[KongPod, ...], tuple[Gap, ...]]:
    """The pods behind ``service`` that are not ending, and what could not be read of them."""
    selector, namespace = selector_text(service), namespace_of(service)
    if selector is None:
        why = f"Service {full_name(service)} has no selector, so nothing tells its pods"
        return (), (Gap("Kong's pods, their settings and logs", why),)
    listing = api.items(f"/api/v1/namespaces/{namespace}/pods", [("labelSelector", selector)])
    if listing.refused:
        return (), (Gap("Kong's pods, their settings and logs", listing.refused),)
    pods = [pod for pod in listing.items if is_running(pod)]
    contents, refused = read_contents(api, namespace, pods)
    found = tuple(describe(pod, contents) for pod in pods)
    return found, tuple(gap for one in found if (gap := settings_gap(one, contents, refused)))


def log_lines_of(api: Api, pod: KongPod, query: Query, take: Callable[[bytes], None]) -> Reply:
    """Hand each line of the log of a pod's proxy container to ``take``; a refusal comes back as the reply."""
    path = f"{POD.collection(namespace_of(pod.pod))}/{name_of(pod.pod)}/log"
    return api.lines(path, [*query, *([("container", pod.container)] if pod.container else [])], take)


def is_running(pod: Object) -> bool:
    """Whether a pod has an address and is not about to end."""
    ending = at(pod, "metadata", "deletionTimestamp") is not None or at(pod, "status", "phase") in GONE
    return bool(at(pod, "status", "podIP")) and not ending


def is_ready(pod: Object) -> bool:
    """Whether the pod is Ready, and so takes traffic."""
    return condition_of(pod, "Ready").get("status") == "True"


def state_of(service: Object, pods: Iterable[Object]) -> Hashable:
    """What is another value once Kong's Service, or any of its pods that are not ending, has changed."""
    return at(service, "metadata", "resourceVersion"), frozenset(map(_state, pods))


def current_state(api: Api, service: Object) -> Hashable:
    """``state_of`` as it is now, empty where there is no such Service any more, None where that may not be read.

    It asks for what it has the right to list. Stop where the API server does not answer.
    """
    namespace, selector = namespace_of(service), selector_text(service)
    found = api.items(SERVICE.collection(namespace), [("fieldSelector", f"metadata.name={name_of(service)}")])
    pods = api.items(POD.collection(namespace), [("labelSelector", selector)]) if selector else Listing()
    if found.refused or pods.refused:
        return None
    return next((state_of(one, filter(is_running, pods.items)) for one in found.items), ())


def _state(pod: Object) -> Hashable:
    containers = at(pod, "status", "containerStatuses") or ()
    return at(pod, "metadata", "uid"), is_ready(pod), sum(one.get("restartCount", 0) for one in containers)


def read_contents(api: Api, namespace: str, pods: Sequence[Object]) -> tuple[Contents, Mapping[Source, str]]:
    """What the ConfigMaps and Secrets of these pods' Kong containers hold, and why some could not be read."""
    containers = [container for pod in pods if (container := kong_container(pod))]
    sources = tuple(dict.fromkeys(source for container in containers for source in sources_of(container)))
    if not sources:
        return {}, {}
    with ThreadPoolExecutor(min(8, len(sources))) as pool:
        paths = [f"/api/v1/namespaces/{namespace}/{source.kind}/{source.name}" for source in sources]
        replies = dict(zip(sources, pool.map(api.get, paths), strict=True))
    contents: dict[Source, Mapping[str, str] | None] = {}
    refused: dict[Source, str] = {}
    for source, reply in replies.items():
        if reply.ok:
            contents[source] = decoded(source, reply.object())
        elif reply.status == 404:
            contents[source] = {}  # the pod runs all the same, so the reference is optional
        else:
            contents[source] = None
            refused[source] = reply.message
    return contents, refused


def decoded(source: Source, thing: Object) -> dict[str, str]:
    """The data of a ConfigMap or Secret, which lives only until the variables that matter are picked out of it."""
    data: Mapping[str, str] = thing.get("data") or {}
    if source.kind == "configmaps":
        return dict(data)
    found = {}
    for key, value in data.items():
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found


def describe(pod: Object, contents: Contents) -> KongPod:
    """One pod as a Kong."""
    container = kong_container(pod)
    name = str(container["name"]) if container else None
    settings = read_settings(container, contents) if container else None
    kong = Kong(
        name=full_name(pod),
        address=str(at(pod, "status", "podIP")),
        node=at(pod, "spec", "nodeName"),
        ready=is_ready(pod),
        settings=settings if isinstance(settings, Settings) else None,
        source=f"env of pod {full_name(pod)}, container {name}" if name else f"pod {full_name(pod)}",
    )
    return KongPod(pod, name, kong)


def settings_of(pod: Object) -> str:
    """What is not known where a pod's settings are not."""
    return f"Kong's settings in pod {full_name(pod)}"


def settings_gap(one: KongPod, contents: Contents, refused: Mapping[Source, str]) -> Gap | None:
    """Why the settings of a pod are unknown, None where they are known."""
    if one.kong.settings is not None:
        return None
    container = kong_container(one.pod)
    what = settings_of(one.pod)
    if container is None:
        return Gap(what, "none of its containers is told to be Kong's")
    why = read_settings(container, contents)
    words = [refused[source] for source in sources_of(container) if source in refused]
    return Gap(what, "; ".join([str(why), *words]))
