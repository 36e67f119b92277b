"""The Gateway API in the test cluster: as much of its three kinds as is written or read, and a Gateway of Kong's."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping

from tests.cluster.bed import Object, apply, kubectl, until
from tests.cluster.kong import NAMESPACE

GROUP = "gateway.networking.k8s.io"
CONTROLLER = "konghq.com/kic-gateway-controller"
ANYWHERE: Object = {"namespaces": {"from": "All"}}

TEXT: Object = {"type": "string"}
PORT: Object = {"type": "integer", "minimum": 1, "maximum": 65535}


def fields(required: tuple[str, ...] = (), /, **properties: Object) -> Object:
    """Return the schema of an object: what it does not name, the API server drops."""
    return {"type": "object", "properties": properties, **({"required": [*required]} if required else {})}


def several(item: Object, most: int) -> Object:
    """Return the schema of a list."""
    return {"type": "array", "items": item, "maxItems": most}


ALLOWED_ROUTES = fields(
    (),
    namespaces=fields(
        (),
        **{"from": {"type": "string", "enum": ["All", "Selector", "Same"]}},
        selector=fields((), matchLabels={"type": "object", "additionalProperties": TEXT}),
    ),
)
LISTENER = fields(
    ("name", "port", "protocol"), name=TEXT, hostname=TEXT, port=PORT, protocol=TEXT, allowedRoutes=ALLOWED_ROUTES
)
HOSTNAME: Object = {
    "type": "string",
    "pattern": r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
}
PATH = fields((), type={"type": "string", "enum": ["Exact", "PathPrefix", "RegularExpression"]}, value=TEXT)
RULE = fields(
    (),
    matches=several(fields((), path=PATH), 64),
    backendRefs=several(fields(("name",), kind=TEXT, name=TEXT, port=PORT), 16),
)
SPECS: Mapping[tuple[str, str, str], Object] = {
    ("GatewayClass", "gatewayclasses", "Cluster"): fields(("controllerName",), controllerName=TEXT),
    ("Gateway", "gateways", "Namespaced"): fields(
        ("gatewayClassName", "listeners"), gatewayClassName=TEXT, listeners=several(LISTENER, 64)
    ),
    ("HTTPRoute", "httproutes", "Namespaced"): fields(
        (),
        parentRefs=several(fields(("name",), group=TEXT, kind=TEXT, namespace=TEXT, name=TEXT), 32),
        hostnames=several(HOSTNAME, 16),
        rules=several(RULE, 16),
    ),
}
STATUS = fields((), addresses=several(fields((), type=TEXT, value=TEXT), 16))


def definition(kind: str, plural: str, scope: str, spec: Object) -> Object:
    """Return a CustomResourceDefinition with this schema of an object's spec."""
    annotations = {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api"}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": fields((), spec=spec, status=STATUS)},
    }
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}", "annotations": annotations},
        "spec": {"group": GROUP, "scope": scope, "names": names, "versions": [version]},
    }


@contextlib.contextmanager
def gateway_api() -> Iterator[None]:
    """The Gateway API, for as long as it is needed: other tests want a cluster without."""
    kinds = [f"crd/{plural}.{GROUP}" for _, plural, _ in SPECS]
    apply(*(definition(*names, spec) for names, spec in SPECS.items()))
    kubectl("wait", "--for=condition=Established", "--timeout=30s", *kinds)
    try:
        yield
    finally:
        kubectl("delete", *kinds)


@contextlib.contextmanager
def gateway(address: str, namespace: str = NAMESPACE, allowed: Object = ANYWHERE) -> Iterator[None]:
    """Kong's GatewayClass and a Gateway of it with this address."""
    head = {"apiVersion": f"{GROUP}/v1"}
    listener = {"name": "web", "port": 80, "protocol": "HTTP", "allowedRoutes": allowed}
    apply(
        {**head, "kind": "GatewayClass", "metadata": {"name": "kong"}, "spec": {"controllerName": CONTROLLER}},
        {
            **head,
            "kind": "Gateway",
            "metadata": {"name": "kong", "namespace": namespace},
            "spec": {"gatewayClassName": "kong", "listeners": [listener]},
            "status": {"addresses": [{"type": "IPAddress", "value": address}]},
        },
    )
    try:
        yield
    finally:
        kubectl("delete", f"--namespace={namespace}", f"gateways.{GROUP}/kong", f"gatewayclasses.{GROUP}/kong")


def http_routes() -> list[Object]:
    """Return every HTTPRoute of the cluster."""
    return list(json.loads(kubectl("get", f"httproutes.{GROUP}", "-A", "--output=json"))["items"])


def assert_no_http_route_left() -> None:
    """Assert that no HTTPRoute of kongip's is left."""
    until("kongip's HTTPRoutes are gone", lambda: not http_routes(), seconds=5)
