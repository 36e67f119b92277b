"""How a Kong was installed, which decides in what form a change to its settings is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """Where Kong's settings have to be changed so that they stay changed."""

    HELM = "helm"  # the values of charts/kong or charts/ingress
    OPERATOR = "operator"  # a DataPlane, or the GatewayConfiguration that makes it
    MANIFEST = "manifest"  # the workload itself


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation, and the object that tells it.

    ``name`` is the release, the operator's object, or the workload as kubectl names it (``deployment/kong``); None for
    a chart that no ``helm`` command installed. ``values`` are the keys under which the chart has Kong's own,
    ``addresses`` those that it listens on by default; ``version`` is the chart's, None where not known.
    ``kind`` is that of the operator's object and ``api`` its apiVersion; None where nothing told who makes the
    DataPlane. ``keeper`` is what writes the installation anew from elsewhere, None where nothing is known to.
    """

    form: Form
    name: str | None
    namespace: str
    source: str
    chart: str | None = None
    values: tuple[str, ...] = ()
    version: str | None = None
    addresses: tuple[str, ...] = ()
    kind: str | None = None
    api: str | None = None
    container: str = "proxy"
    keeper: str | None = None
