"""What the route from Kong to the echo hangs by: a class of Ingresses, or a Gateway."""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.cluster.kinds import HTTP_ROUTE, INGRESS, Resource
from diagnose.cluster.replies import Object


@dataclass(frozen=True, slots=True)
class ByClass:
    """The route is an Ingress of the class of that name."""

    name: str

    @property
    def kind(self) -> Resource:
        """The kind of object that the route is."""
        return INGRESS


@dataclass(frozen=True, slots=True)
class ByGateway:
    """The route is an HTTPRoute, or a few of them, whose parent is this Gateway."""

    gateway: Object

    @property
    def kind(self) -> Resource:
        """The kind of object that the route is."""
        return HTTP_ROUTE


Route = ByClass | ByGateway
