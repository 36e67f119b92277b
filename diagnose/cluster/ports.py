"""Which of a Service's ports carry HTTP to Kong, on which Kong port they end, and whether TLS is spoken there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from diagnose.cluster.objects import at
from diagnose.cluster.replies import Object
from diagnose.path.settings import Listener
from probes.probe import Scheme

TLS_NAME = re.compile(r"tls|ssl|https")
HTTP_NAME = re.compile(r"proxy|http|web")
TLS_PORTS = frozenset({443, 8443})
HTTP_PORTS = frozenset({80, 8000})


@dataclass(frozen=True, slots=True)
class WebPort:
    """One port of the Service: its number, the Kong port it ends on (None: not known), what is spoken there.

    ``node_port`` is the port of every node that leads to it, None if there is none.
    """

    number: int
    listener: int | None
    scheme: Scheme
    node_port: int | None = None


def web_ports(service: Object, pods: Sequence[Object], listeners: Sequence[Listener] | None) -> tuple[WebPort, ...]:
    """The ports of ``service`` that carry HTTP; those of streams and of other protocols are left out.

    Kong's ``listeners`` decide where they are known, else the port's name and number.
    """
    found = []
    for port in at(service, "spec", "ports") or ():
        target = target_port(port, pods)
        scheme = spoken(port, target, listeners)
        if scheme and port.get("protocol", "TCP") == "TCP":
            found.append(WebPort(int(port["port"]), target, scheme, port.get("nodePort")))
    return tuple(found)


def target_port(port: Object, pods: Sequence[Object]) -> int | None:
    """The port of the pods that a Service port leads to; a name is looked up in the pods' containers."""
    target = port.get("targetPort", port.get("port"))
    if isinstance(target, int):
        return target
    for pod in pods:
        for container in at(pod, "spec", "containers") or ():
            for known in container.get("ports") or ():
                if known.get("name") == target:
                    return int(known["containerPort"])
    return None


def spoken(port: Object, target: int | None, listeners: Sequence[Listener] | None) -> Scheme | None:
    """The scheme spoken there, None for a port that carries neither http nor https."""
    if listeners is not None and target is not None:
        tls = next((one.tls for one in listeners if one.port == target), None)
        return None if tls is None else "https" if tls else "http"
    name, numbers = str(port.get("name") or ""), {port.get("port"), target}
    if TLS_NAME.search(name) or numbers & TLS_PORTS:
        return "https"
    return "http" if HTTP_NAME.search(name) or numbers & HTTP_PORTS else None
