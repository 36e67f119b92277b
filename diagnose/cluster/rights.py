"""Which rights each mode needs and what goes untold without one: the one table, checked here and printed as Roles."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from diagnose.cluster.api import Api
from diagnose.cluster.kinds import CONFIG_MAP, JOB, Resource
from diagnose.cluster.replies import Object


class Mode(StrEnum):
    """What kongip is to do in a cluster."""

    DIAGNOSE = "diagnose"
    NO_ECHO = "no-echo"
    INSPECT = "inspect"
    CAPTURE = "capture"
    EPHEMERAL = "capture-ephemeral"


class Scope(StrEnum):
    """Where a right has to hold; the last is a namespace of that name."""

    CLUSTER = "cluster"
    KONG = "kong"
    ECHO = "echo"
    SYSTEM = "kube-system"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that is asked of one resource, which may be a part of one such as pods/log.

    ``tells`` is what goes untold without it. ``names`` are the only objects that are meant, none for any. Without a
    ``vital`` one the echo is not deployed, and nothing captured. ``reaches_in`` marks what --no-exec does without,
    ``secret`` what is asked only where Kong's settings stand in a Secret.
    """

    scope: Scope
    verbs: tuple[str, ...]
    group: str
    resource: str
    tells: str
    names: tuple[str, ...] = ()
    vital: bool = False
    reaches_in: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource; ``namespace`` is None for all of them and for what has none."""

    verb: str
    group: str
    resource: str
    namespace: str | None
    name: str | None = None

    def __str__(self) -> str:
        """As people write it: "create jobs.batch in namespace kong"."""
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        named = f"{kind}/{self.name}" if self.name else kind
        return f"{self.verb} {named} in {f'namespace {self.namespace}' if self.namespace else 'the whole cluster'}"


_LIST, _GET = ("list",), ("get",)
_BEGIN = ("create", "get")
"""A websocket begins with a GET, so some versions ask for get, and others for create."""

_NETWORKING, _APPS = "networking.k8s.io", "apps"
_GATEWAY_API, _OPERATOR = "gateway.networking.k8s.io", "gateway-operator.konghq.com"

_PLUGINS, _PEERS = "configuration.konghq.com", "which plugins use Kong's TCP peer, whatever Kong logs"
_SPREAD = "what leads connections to pods: kube-proxy, in which mode, or Cilium"

CILIUM = "cilium-config"
KUBE_PROXY = ("kube-proxy-config", "kube-proxy")
"""The ConfigMaps that kube-proxy may read: EKS's, whose other one holds no settings, and that of kubeadm."""

READING: tuple[Need, ...] = (
    Need(Scope.CLUSTER, _LIST, "", "services", "which Service is Kong's: --service NAMESPACE/NAME then has to name it"),
    Need(Scope.CLUSTER, _LIST, "", "nodes", "which cloud the nodes are in, and whose their addresses are"),
    Need(Scope.CLUSTER, _LIST, _APPS, "deployments", "which Deployments run Kong and its controller"),
    Need(Scope.CLUSTER, _LIST, _APPS, "daemonsets", "which DaemonSets run Kong and its controller"),
    Need(Scope.CLUSTER, _LIST, _NETWORKING, "ingressclasses", "which IngressClass is Kong's"),
    Need(Scope.CLUSTER, _LIST, _NETWORKING, "ingresses", "the hosts of routes, and what stands in front of Kong"),
    Need(Scope.CLUSTER, _LIST, _GATEWAY_API, "gatewayclasses", "which Gateways are Kong's"),
    Need(Scope.CLUSTER, _LIST, _GATEWAY_API, "gateways", "Gateways of Kong's, and those in front of it"),
    Need(Scope.CLUSTER, _LIST, _GATEWAY_API, "httproutes", "which Gateways in front of Kong lead to it"),
    Need(Scope.CLUSTER, _LIST, _OPERATOR, "dataplanes", "the data planes that the Kong Operator runs"),
    Need(Scope.KONG, _LIST, "", "pods", "Kong's pods, their settings and logs"),
    Need(Scope.KONG, _LIST, _APPS, "statefulsets", "which StatefulSets run Kong"),
    Need(Scope.KONG, _GET, "", "namespaces", "whether a mesh is to inject its sidecar into Kong's namespace"),
    Need(Scope.KONG, _GET, "", "configmaps", "settings of Kong's that stand in a ConfigMap"),
    Need(Scope.KONG, _GET, "", "secrets", "settings of Kong's that stand in a Secret", secret=True),
    *(Need(Scope.CLUSTER, _LIST, _PLUGINS, kind, _PEERS) for kind in ("kongplugins", "kongclusterplugins")),
    Need(Scope.SYSTEM, _GET, "", "configmaps", _SPREAD, names=(CILIUM, *KUBE_PROXY)),
)
"""What every mode reads."""

OPERATED = "how Kong was installed, where the Kong Operator did it"

WATCHING: tuple[Need, ...] = (
    Need(Scope.CLUSTER, _LIST, "", "pods", "whose the addresses of pods beside Kong's are"),
    *(Need(Scope.CLUSTER, _GET, _GATEWAY_API, kind, OPERATED) for kind in ("gatewayclasses", "gateways")),
    *(Need(Scope.CLUSTER, _GET, _OPERATOR, kind, OPERATED) for kind in ("dataplanes", "gatewayconfigurations")),
    Need(Scope.KONG, _GET, "", "pods/log", "which address Kong logs"),
    Need(Scope.KONG, _BEGIN, "", "pods/exec", "with which settings Kong really runs", reaches_in=True),
    Need(
        Scope.KONG,
        _BEGIN,
        "",
        "pods/portforward",
        "with which settings Kong really runs, where its Admin API alone shows it",
        reaches_in=True,
    ),
)
"""What tells of probes, of whose the addresses are that they show, and of a running Kong."""

_BY_ECHO = "both of the addresses that Kong holds, by the echo behind it"


def _making(kinds: Iterable[Resource], tells: str) -> Iterator[Need]:
    for kind in kinds:
        yield Need(Scope.ECHO, ("create", "delete"), kind.group, kind.plural, tells, vital=True)
        yield Need(Scope.ECHO, _LIST, kind.group, kind.plural, "whether all that the run made is gone")


def making(kinds: Iterable[Resource]) -> tuple[Need, ...]:
    """What the echo takes, whose objects are of these kinds: to make it, to follow it and to remove it."""
    return (
        *_making(kinds, _BY_ECHO),
        Need(Scope.ECHO, _LIST, "", "pods", _BY_ECHO, vital=True),
        Need(Scope.ECHO, _LIST, "", "events", "why the cluster refuses the echo's pod, where it does"),
        Need(Scope.ECHO, _GET, "", "namespaces", "whether Kong's Gateway takes routes of the echo's namespace"),
        Need(Scope.ECHO, _BEGIN, "", "pods/exec", "what Kong's pods do with probes from inside", reaches_in=True),
        Need(Scope.ECHO, _GET, "", "services/proxy", "which address the API server sees the caller at"),
    )


_ON_NODES = "what packets show on the nodes of Kong's pods"
_IN_PODS = "what packets show at Kong's pods"

CAPTURING: tuple[Need, ...] = (
    *_making((JOB, CONFIG_MAP), _ON_NODES),
    Need(Scope.ECHO, _LIST, "", "pods", _ON_NODES, vital=True),
    Need(Scope.ECHO, _BEGIN, "", "pods/exec", _ON_NODES, vital=True),
    Need(Scope.ECHO, _LIST, "", "events", "why the cluster refuses a capturing pod, where it does"),
)
"""What capturing on the nodes of Kong's pods takes: to make what does, to read it and to remove it."""

ATTACHING: tuple[Need, ...] = (
    Need(Scope.KONG, ("patch",), "", "pods/ephemeralcontainers", _IN_PODS, vital=True),
    Need(Scope.KONG, _BEGIN, "", "pods/exec", _IN_PODS, vital=True),
)
"""What capturing in Kong's pods takes: an ephemeral container in each, to be read and ended."""


def needs(mode: Mode, kinds: Sequence[Resource], *, execute: bool) -> tuple[Need, ...]:
    """All that a mode needs. ``kinds`` are those of the echo's objects, ``execute`` whether it may reach into pods."""
    found = READING
    if mode in (Mode.DIAGNOSE, Mode.NO_ECHO):
        found += WATCHING
    if mode is Mode.DIAGNOSE:
        found += making(kinds)
    found += {Mode.CAPTURE: CAPTURING, Mode.EPHEMERAL: ATTACHING}.get(mode, ())
    return tuple(need for need in found if execute or not need.reaches_in)


def rights_of(need: Need, namespaces: Mapping[Scope, str]) -> tuple[Right, ...]:
    """A need as rights, one for each verb and each object that it names."""
    where = namespaces.get(need.scope)
    return tuple(
        Right(verb, need.group, need.resource, where, name) for verb in need.verbs for name in need.names or (None,)
    )


def namespaces(kong: str, echo: str) -> dict[Scope, str]:
    """The namespace of each scope that has one."""
    return {Scope.KONG: kong, Scope.ECHO: echo, Scope.SYSTEM: Scope.SYSTEM.value}


@dataclass(frozen=True, slots=True)
class Lacking:
    """A right that the caller lacks, and the need that it is of."""

    right: Right
    need: Need

    def __str__(self) -> str:
        """The right, and what goes untold without it."""
        return f"{self.right}; it would tell {self.need.tells}"


def missing(api: Api, wanted: Iterable[Need], places: Mapping[Scope, str]) -> tuple[Lacking, ...]:
    """What the caller lacks for certain; where the server does not say, the attempt will tell.

    A right that several need is told once, by a vital need if there is one. The rules of each namespace, a request for
    each, grant most; the server is asked one by one for what they do not show, as other authorizers may grant it.
    """
    by_right: dict[Right, Need] = {}
    for need in sorted((one for one in wanted if not one.secret), key=lambda one: not one.vital):
        for right in rights_of(need, places):
            by_right.setdefault(right, need)
    with ThreadPoolExecutor(8) as pool:
        spaces = list(dict.fromkeys(right.namespace for right in by_right))
        listed = dict(zip(spaces, pool.map(lambda space: api.rules(space or NOWHERE), spaces), strict=True))
        open_ = [right for right in by_right if not any(grants(rule, right) for rule in listed[right.namespace])]
        answers = pool.map(lambda one: api.may(one.verb, one.group, one.resource, one.namespace, one.name), open_)
        denied = (right for right, allowed in zip(open_, answers, strict=True) if allowed is False)
        return tuple(Lacking(right, by_right[right]) for right in denied)


NOWHERE = f"kongip-nowhere-{secrets.token_hex(5)}"
"""A namespace that does not exist, where the rules for the whole cluster hold and no others."""


def grants(rule: Object, right: Right) -> bool:
    """Whether a rule of a Role, or of a ClusterRole that is bound for ``right``'s namespace, grants it.

    Source: Kubernetes, RBAC: a star is for all, also for the kind before a part ("*/log").
    """
    kind, slash, part = right.resource.partition("/")
    resources = {"*", right.resource, f"*/{part}"} if slash else {"*", kind}
    names = rule.get("resourceNames") or ()
    return (
        not {"*", right.verb}.isdisjoint(rule.get("verbs") or ())
        and not {"*", right.group}.isdisjoint(rule.get("apiGroups") or ())
        and not resources.isdisjoint(rule.get("resources") or ())
        and (not names or right.name in names)
    )


def untold(scope: Scope) -> dict[str, str]:
    """What goes untold where the kinds of ``scope``, by their plural, may not be read; in the table's order."""
    words: dict[str, str] = {}
    for need in (*READING, *WATCHING):
        if need.scope is scope and not need.secret:
            words.setdefault(need.resource, need.tells)
    return words
