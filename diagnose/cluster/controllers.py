"""What Kong's ingress controllers say of themselves: which class they serve and which Service they publish."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from diagnose.cluster.objects import at, containers_of, full_name, namespace_of
from diagnose.cluster.replies import Object

PUBLISH_SERVICE = ("CONTROLLER_PUBLISH_SERVICE", "--publish-service")
INGRESS_CLASS = ("CONTROLLER_INGRESS_CLASS", "--ingress-class")
DEFAULT_CLASS = "kong"
KONG_VARIABLES = "CONTROLLER_"
KONG_IMAGE = "kubernetes-ingress-controller"
"""The name of the image that Kong's controller comes in, whichever registry it was copied to."""


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller: the workload it runs in, the class it serves, the Service it publishes as ``namespace/name``."""

    workload: str
    ingress_class: str
    publishes: str


def controllers_of(workloads: Iterable[Object]) -> tuple[Controller, ...]:
    """The controllers among Deployments, DaemonSets and pods; of several copies of one, the first."""
    found: dict[tuple[str, str], Controller] = {}
    for workload in workloads:
        for container in filter(is_kongs, containers_of(workload)):
            publishes = setting(container, namespace_of(workload), *PUBLISH_SERVICE)
            if publishes and "/" in publishes:
                served = setting(container, namespace_of(workload), *INGRESS_CLASS) or DEFAULT_CLASS
                found.setdefault((served, publishes), Controller(full_name(workload), served, publishes))
    return tuple(found.values())


def is_kongs(container: Object) -> bool:
    """Whether something in a container tells of Kong: the flags are also those of others (ingress-nginx, HAProxy)."""
    image = str(container.get("image") or "")
    flags = [word.partition("=")[0] for word in words_of(container) if word.startswith(("-", "/"))]
    variables = [str(entry.get("name")) for entry in container.get("env") or ()]
    return (
        any("kong" in word for word in (image, *flags))
        or image.rpartition("/")[2].partition(":")[0] == KONG_IMAGE
        or any(name.startswith(KONG_VARIABLES) for name in variables)
    )


def words_of(container: Object) -> list[str]:
    """The command line of a container, as far as its specification has it."""
    return [str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]


def setting(container: Object, namespace: str, variable: str, flag: str) -> str | None:
    """What a container is told by an argument or, if there is none, by a variable. None if by neither."""
    value = next(arguments(words_of(container), flag), None) or plain_variables(container, namespace).get(variable)
    return expanded(value, plain_variables(container, namespace)) if value else None


def arguments(words: list[str], flag: str) -> Iterator[str]:
    """The values of ``flag`` in a command line: ``--flag=value`` and ``--flag value``."""
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        if word.startswith(flag + "="):
            yield word.partition("=")[2]
        elif word == flag and following:
            yield following


def plain_variables(container: Object, namespace: str) -> dict[str, str]:
    """The variables whose values the container's own specification tells."""
    found = {}
    for entry in container.get("env") or ():
        if entry.get("value") is not None:
            found[str(entry["name"])] = str(entry["value"])
        elif at(entry, "valueFrom", "fieldRef", "fieldPath") == "metadata.namespace":
            found[str(entry["name"])] = namespace
    return found


def expanded(value: str, variables: dict[str, str]) -> str:
    """``value`` with each ``$(NAME)`` replaced, as Kubernetes does; unknown names stay."""
    return re.sub(r"\$\((\w+)\)", lambda match: variables.get(match[1], match[0]), value)
