"""A service and its routes in Kong that lead to the echo, made through the Admin API and taken away by their tag."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diagnose.admin_api import AdminApi, Object, Reply, tags_of

TAG = "kongip"
RUN_TAG = re.compile(r"kongip-run-[0-9a-f]{8,64}")
KINDS = ("routes", "services")
"""In the order in which they are removed: Kong keeps a service that a route leads to."""

DB_LESS = (
    "This Kong runs without a database (DB-less), so its Admin API takes no route. Lead a route of its declarative "
    "configuration to the echo, and name its path with --echo-path."
)
_ID = re.compile(r"[0-9a-fA-F-]{36}")


@dataclass(frozen=True, slots=True)
class EchoRoute:
    """What is to be made for one run: routes of ``path`` to the echo at ``host`` and ``port``.

    The ids are chosen here, so that nothing that exists can be meant. Of two routes that take a request Kong prefers
    the one that asks for more (kong/router/traditional.lua), whatever the paths: so there is one for the hosts that
    probes name, lest somebody's route for such a host take them, and one for any, as a proxy may change the host.
    """

    run: str
    path: str
    host: str
    port: int

    @property
    def tag(self) -> str:
        """The tag of this run alone."""
        return f"kongip-run-{self.run}"

    @property
    def service(self) -> Object:
        """The service, as the Admin API takes it."""
        target = {"protocol": "http", "host": self.host, "port": self.port, "retries": 0, "connect_timeout": 2000}
        return self._named("echo") | target

    def routes(self, service: str, hosts: Sequence[str]) -> Iterator[Object]:
        """The routes to the service of that id; the path is handed on whole, so that the echo's answer tells it."""
        common = {
            "service": {"id": service},
            "paths": [self.path],
            "methods": ["GET"],
            "strip_path": False,
            "protocols": ["http", "https"],
        }
        if hosts:
            yield self._named("hosts") | common | {"hosts": list(hosts)}
        yield self._named("any") | common

    def _named(self, what: str) -> dict[str, object]:
        return {"id": str(uuid.uuid4()), "name": f"kongip-{self.run}-{what}", "tags": [TAG, self.tag]}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the route could not be made; ``nothing`` tells that Kong refused the very first object: none was made."""

    why: str
    nothing: bool


def make(api: AdminApi, wanted: EchoRoute, hosts: Sequence[str]) -> Refusal | None:
    """Make the service and its routes for ``hosts`` and for any; None where they were made."""
    service = wanted.service
    reply = api.request("POST", "/services", service)
    if reply.problem is not None:
        return _refused(reply, nothing=reply.status is not None)
    for route in wanted.routes(str(service["id"]), hosts):
        reply = api.request("POST", "/routes", route)
        if reply.problem is not None:
            return _refused(reply, nothing=False)
    return None


def _refused(reply: Reply, *, nothing: bool) -> Refusal:
    why = DB_LESS if reply.status == 405 else f"The route to the echo could not be made: {reply.problem}."
    return Refusal(why, nothing)


def remove(api: AdminApi, tag: str) -> list[str]:
    """Remove every route and service that bears ``tag`` and a run's; what could not be removed, a sentence each."""
    left = []
    for kind in KINDS:
        for one in made(api, kind, tag):
            if isinstance(one, Reply):
                left.append(f"the {kind} that kongip made could not be listed: {one.problem}")
                continue
            reply = api.request("DELETE", f"/{kind}/{one['id']}")
            if reply.problem is not None and reply.status != 404:  # 404: another has removed it
                left.append(f"{called(kind, one)} could not be removed: {reply.problem}")
    return left


def made(api: AdminApi, kind: str, tag: str = TAG) -> Iterator[Object | Reply]:
    """What kongip made of a kind, as its tags tell: its own and that of a run. A reply where it cannot be listed."""
    for one in list(api.tagged(kind, tag)):  # to the end before anything is removed: pages shift
        if isinstance(one, Reply) or _is_ours(one):
            yield one


def called(kind: str, one: Object) -> str:
    """An object in words."""
    return f"{kind.removesuffix('s')} {one.get('name') or one['id']}"


def _is_ours(one: Object) -> bool:
    tags, name = tags_of(one), one.get("id")
    return TAG in tags and any(map(RUN_TAG.fullmatch, tags)) and isinstance(name, str) and bool(_ID.fullmatch(name))
