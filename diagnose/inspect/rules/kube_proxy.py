"""kube-proxy in mode ipvs, which binds each IP address that a Service publishes to an interface of every node.

Sources: KEP-1860 (ipMode) and kubernetes#79783, on what a balancer sends from such an address; kubernetes#93456 and
#97081 (v1.21), on Local.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from diagnose.cluster.objects import at, containers_of, full_name, name_of, namespace_of
from diagnose.cluster.replies import Object
from diagnose.cluster.rights import KUBE_PROXY, Scope
from diagnose.cluster.snapshot import Snapshot
from diagnose.inspect.found import Found, note
from diagnose.inspect.rules.aws import oldest_version
from diagnose.inspect.rules.balancers import PASSES, expected, led_through, taken_by_nodes
from diagnose.inspect.ways import Way

_FLAG = re.compile(r"--proxy-mode[= ]ipvs\b")
_MODE = re.compile(r"""^mode:\s*["']?ipvs\b""", re.MULTILINE)

PODS_SERVED_SINCE = 21
"""The minor version of Kubernetes from which on pods of every node get through, though nodes themselves do not."""


def is_kube_proxy(workload: Object) -> bool:
    """Whether a DaemonSet is the cluster's kube-proxy, by its name."""
    return namespace_of(workload) == Scope.SYSTEM and name_of(workload) == "kube-proxy"


def settings_of(daemon_sets: Iterable[Object]) -> str | None:
    """The name of the ConfigMap that kube-proxy's settings are mounted from, None where no DaemonSet tells."""
    volumes = [one for each in daemon_sets if is_kube_proxy(each) for one in at(each, *_VOLUMES) or ()]
    mounted = {at(one, "configMap", "name") for one in volumes}
    return next((name for name in KUBE_PROXY if name in mounted), None)


_VOLUMES = ("spec", "template", "spec", "volumes")


def bound_by_ipvs(snapshot: Snapshot) -> str | None:
    """Where it is told that kube-proxy runs in mode ipvs; None where it is not, or nothing is known."""
    for one in filter(is_kube_proxy, snapshot.of("daemonsets")):
        for container in containers_of(one):
            words = " ".join(map(str, (*(container.get("command") or ()), *(container.get("args") or ()))))
            if flag := _FLAG.search(words):
                return f"DaemonSet {full_name(one)}, container {container.get('name')}: {flag[0]}"
    for one in snapshot.of("configmaps"):
        if namespace_of(one) == Scope.SYSTEM and name_of(one) in KUBE_PROXY:
            for key, text in (at(one, "data") or {}).items():
                if _MODE.search(str(text)):
                    return f"ConfigMap {full_name(one)} {key}: mode: ipvs"
    return None


def local_under_ipvs(way: Way) -> Iterator[Found]:
    """Local leaves callers on nodes without Kong, which ipvs has take the connection for themselves, with nobody."""
    taken, mode = taken_by_nodes(way.service), bound_by_ipvs(way.snapshot)
    if taken is None or mode is None or way.policy != "Local" or not way.kongs or _on_every_node(way):
        return
    oldest = oldest_version(way.snapshot.of("nodes"))
    why = f"{_left_out(oldest[0] if oldest else None)} get no answer at that address where no pod of Kong runs"
    because = (mode, way.field("externalTrafficPolicy"), f"{way.name} {taken}", *([oldest[1]] if oldest else []), why)
    yield Found("KIP743", because, "lead such callers to Kong by another way", (_WITHIN,))


def _left_out(version: int | None) -> str:
    """Whom Local leaves without an answer, by the minor version of Kubernetes."""
    if version is None:
        return f"nodes, pods with hostNetwork and, before Kubernetes 1.{PODS_SERVED_SINCE}, all pods"
    return "nodes and pods" if version < PODS_SERVED_SINCE else "nodes, and pods with hostNetwork,"


_WITHIN = note(
    "Callers within the cluster reach Kong by its Service's name, which leads to every pod of it. Else run Kong on "
    "each node as a DaemonSet, or kube-proxy in mode nftables or iptables."
)


def _on_every_node(way: Way) -> bool:
    """Whether some pod of Kong's is to run, or runs, on each node."""
    if any(kong.name.startswith("DaemonSet ") for kong in way.kongs):
        return True
    nodes = {name_of(node) for node in way.snapshot.of("nodes")}
    return bool(nodes) and nodes <= {at(pod, "spec", "nodeName") for kong in way.kongs for pod in kong.pods}


def answers_stay_on_nodes(way: Way) -> Iterator[Found]:
    """A balancer that connects from its published address, which ipvs has every node take for its own."""
    taken, mode, fact = taken_by_nodes(way.service), bound_by_ipvs(way.snapshot), expected(way)
    if taken is None or mode is None or fact is None or PASSES & fact.behaviours:
        return
    why = "what a node answers to that address never leaves it: where the balancer connects from it, all checks fail"
    because = (mode, f"{way.name} {taken}", fact.source, why)
    yield Found("KIP744", because, "have ipMode: Proxy published", led_through(way))
