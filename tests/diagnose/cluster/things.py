"""Plain Kubernetes objects as an API server returns them, cut down to what tests vary, and a scripted API."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from diagnose.cluster.api import Api
from diagnose.cluster.replies import Object

KONG_CONTROLLER = "ingress-controllers.konghq.com/kong"


def thing(name: str, spec: Mapping[str, Any] | None = None, namespace: str | None = "kong", **more: Any) -> Object:
    """An object with a name, a spec and whatever else of metadata and status is given."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **more.pop("metadata", {})}
    return {"metadata": metadata, "spec": dict(spec or {}), **more}


def ingress_class(name: str = "kong", controller: str = KONG_CONTROLLER) -> Object:
    """An IngressClass."""
    return thing(name, {"controller": controller}, namespace=None)


def gateway_class(name: str = "kong", controller: str = "konghq.com/kic-gateway-controller") -> Object:
    """A GatewayClass."""
    return thing(name, {"controllerName": controller}, namespace=None)


def listener(origin: str | None = None, **more: Any) -> Object:
    """A listener of a Gateway that takes routes from there; None: it does not say."""
    allowed: Object = {"kinds": more.pop("kinds")} if "kinds" in more else {}
    if origin:
        selector = {"selector": more.pop("selector")} if "selector" in more else {}
        allowed["namespaces"] = {"from": origin, **selector}
    return {"name": "web", "port": 80, "protocol": "HTTP", **({"allowedRoutes": allowed} if allowed else {}), **more}


def gateway(name: str = "kong", *addresses: str, namespace: str = "kong", **more: Any) -> Object:
    """A Gateway with these addresses, of class kong and with one listener that takes all routes, unless told."""
    spec = {"gatewayClassName": more.pop("named", "kong"), "listeners": [*more.pop("listeners", [listener("All")])]}
    status = {"addresses": [{"type": "IPAddress", "value": one} for one in addresses]}
    metadata = {"uid": more.pop("uid")} if "uid" in more else {}
    return thing(name, spec, namespace, status=status, metadata=metadata)


def proxy_service(name: str = "kong-proxy", **more: Any) -> Object:
    """Kong's proxy Service as the chart makes it, published at 192.0.2.10 unless ``published`` says otherwise."""
    published = more.pop("published", [{"ip": "192.0.2.10"}])
    spec = {
        "type": "LoadBalancer",
        "clusterIP": "10.96.7.7",
        "externalTrafficPolicy": "Cluster",
        "selector": {"app": name},
        "ports": [
            {"name": "kong-proxy", "port": 80, "targetPort": 8000, "protocol": "TCP"},
            {"name": "kong-proxy-tls", "port": 443, "targetPort": 8443, "protocol": "TCP"},
        ],
    }
    spec |= more.pop("spec", {})
    return thing(name, spec, status={"loadBalancer": {"ingress": published}}, **more)


def controller_workload(publishes: str = "kong/kong-proxy", name: str = "kong", **variables: str) -> Object:
    """A Deployment that runs Kong's ingress controller."""
    env = [{"name": key, "value": value} for key, value in variables.items()]
    container = {
        "name": "ingress-controller",
        "env": [{"name": "CONTROLLER_PUBLISH_SERVICE", "value": publishes}, *env],
    }
    return thing(name, {"template": {"spec": {"containers": [container]}}})


def kong_pod(name: str = "kong-1", address: str = "10.78.1.5", **container: Any) -> Object:
    """A Ready pod with a proxy container; what is given besides goes into that container."""
    proxy = {"name": "proxy", "image": "kong:3.9", **container}
    status = {"phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": "True"}]}
    return thing(name, {"nodeName": "n1", "containers": [proxy]}, status=status)


class Response:
    """An HTTP response as the door's transport gives it."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = headers
        self.response = self
        half = len(body) // 2
        self._pieces = [piece for piece in (body[:half], body[half:]) if piece]

    def read1(self, size: int) -> bytes:
        """The next piece of the body, of which there are two, broken amid a line; nothing at its end."""
        return self._pieces.pop(0) if self._pieces else b""

    def close(self) -> None:
        """Nothing is held."""


Answer = Callable[[str, str, Any], tuple[int, Any]]


class Transport:
    """Stands where the client library's ApiClient does: answers from a script and keeps what was asked."""

    def __init__(self, answer: Answer) -> None:
        self.configuration: Any = type("Configuration", (), {"host": "https://192.0.2.1:6443"})()
        self.asked: list[tuple[str, str, Any]] = []
        self.queries: list[str] = []
        self._answer = answer
        self._lock = threading.Lock()

    def param_serialize(self, method: str, path: str, **more: Any) -> tuple[str, str, Any, Any, Any]:
        """The request, its query in the URL."""
        query = "&".join(f"{key}={value}" for key, value in more["query_params"])
        return method, f"{path}?{query}", more["header_params"], more["body"], None

    def call_api(self, method: str, url: str, headers: Any, body: Any, post: Any, _request_timeout: Any) -> Response:
        """The scripted answer."""
        path = urlsplit(url).path
        with self._lock:
            self.asked.append((method, path, body))
            self.queries.append(urlsplit(url).query)
        status, document = self._answer(method, path, body)
        return Response(status, document if isinstance(document, bytes) else json.dumps(document).encode(), {})

    def close(self) -> None:
        """Nothing is held."""


def scripted(answer: Answer) -> tuple[Api, Transport]:
    """An Api whose answers are ``answer(method, path, body)``, and its transport."""
    transport = Transport(answer)
    return Api(transport, "test"), transport


NO_RULES: tuple[int, Object] = (201, {"status": {"resourceRules": [], "incomplete": True}})
"""The rules of a caller whom something else than roles grants what he may do."""


def serving(collections: Mapping[str, Sequence[Object]], denied: Sequence[str] = ()) -> Answer:
    """Answers GET by collections (path -> objects); those whose path ends with one of ``denied`` with 403."""

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        if path.endswith(tuple(denied)):
            return 403, {"message": f"{path.rpartition('/')[2]} is forbidden: cannot list"}
        if path in collections:
            return 200, {"items": list(collections[path])}
        folder, _, name = path.rpartition("/")
        held = [one for one in collections.get(folder, ()) if one["metadata"]["name"] == name]
        return (200, held[0]) if held else (404, {"message": "not found"})

    return answer
