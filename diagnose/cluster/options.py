"""What the user chose of a Kong in a cluster."""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.cluster.manifests import AS_USUAL, Admission

DEFAULT_IMAGE = "python:3-alpine"


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What the user chose. ``service`` and ``gateway`` are NAMESPACE/NAME; ``owners`` are pairs of CIDR and layer.

    ``execute`` tells whether commands may be run in pods, ``echo`` whether anything may be deployed, and ``admission``
    what the echo's pod needs to be let in and to be reached. ``timeout`` is how many seconds that pod is given to run,
    ``request_timeout`` those of one request to the API server.
    """

    context: str | None = None
    kubeconfig: str | None = None
    namespace: str | None = None
    service: str | None = None
    ingress_class: str | None = None
    gateway: str | None = None
    urls: tuple[str, ...] = ()
    host: str | None = None
    image: str = DEFAULT_IMAGE
    execute: bool = True
    echo: bool = True
    admission: Admission = AS_USUAL
    owners: tuple[tuple[str, str], ...] = ()
    timeout: float = 60.0
    request_timeout: float = 10.0
