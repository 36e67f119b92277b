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

    ``name`` is the release, the DataPlane, or the workload as kubectl names it (``deployment/kong``); None for a chart
    whose release nobody tells, as where something else than Helm applied it. ``values`` are the keys under which the
    chart has Kong's own, ``version`` is the chart's, None where not known.
    """

    form: Form
    name: str | None
    namespace: str
    source: str
    chart: str | None = None
    values: tuple[str, ...] = ()
    version: str | None = None
    container: str = "proxy"
