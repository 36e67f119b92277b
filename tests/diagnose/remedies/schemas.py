"""The shapes that printed YAML may have, strict: a field that its reader does not know is refused.

Sources: Kong/charts (charts/kong README and templates), the CRDs of the Kong Operator (DataPlane v1beta1,
GatewayConfiguration v1beta1 and v2beta1), Kubernetes (Service).
"""

from __future__ import annotations

from typing import Any

import jsonschema

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
POLICY: Schema = {"enum": ["Cluster", "Local"]}
ANNOTATIONS: Schema = {"type": "object", "additionalProperties": TEXT, "minProperties": 1}


def table(required: tuple[str, ...] = (), **fields: Schema) -> Schema:
    """An object with these fields and no others."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(required),
        "additionalProperties": False,
        "minProperties": 1,
    }


PARAMETERS = table(("parameters",), parameters={"type": "array", "items": TEXT})
# charts/kong makes a variable of every key of env; a value that YAML reads as a switch would arrive as "true".
CHART = table(
    env={"type": "object", "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"}, "additionalProperties": TEXT},
    proxy=table(
        http=PARAMETERS, tls=PARAMETERS, externalTrafficPolicy=POLICY, annotations=ANNOTATIONS, loadBalancerClass=TEXT
    ),
    podAnnotations=ANNOTATIONS,
)
VALUES = {"kong": CHART, "ingress": table(("gateway",), gateway=CHART)}

CONTAINER = table(
    ("name", "env"),
    name=TEXT,
    env={"type": "array", "items": table(("name", "value"), name={"pattern": "^KONG_[A-Z0-9_]+$"}, value=TEXT)},
)
TEMPLATE = table(
    metadata=table(annotations=ANNOTATIONS),
    spec=table(containers={"type": "array", "items": CONTAINER, "minItems": 1, "maxItems": 1}),
)
OPTIONS = table(
    deployment=table(podTemplateSpec=TEMPLATE),
    network=table(services=table(ingress=table(externalTrafficPolicy=POLICY, annotations=ANNOTATIONS))),
)
METADATA = table(("name", "namespace"), name=TEXT, namespace=TEXT)


def _object(kind: str, versions: list[str], spec: Schema) -> Schema:
    group = [f"gateway-operator.konghq.com/{version}" for version in versions]
    fields: dict[str, Schema] = {
        "apiVersion": {"enum": group},
        "kind": {"const": kind},
        "metadata": METADATA,
        "spec": spec,
    }
    return table(tuple(fields), **fields)


OPERATED = {
    "DataPlane": _object("DataPlane", ["v1beta1"], OPTIONS),
    "GatewayConfiguration": _object("GatewayConfiguration", ["v1beta1", "v2beta1"], table(dataPlaneOptions=OPTIONS)),
}
SERVICE_PATCH = table(metadata=table(annotations=ANNOTATIONS), spec=table(externalTrafficPolicy=POLICY))
SERVICE = table(
    metadata=table(annotations=ANNOTATIONS), spec=table(externalTrafficPolicy=POLICY, loadBalancerClass=TEXT)
)
WORKLOAD = table(spec=table(template=TEMPLATE))


def check(value: object, schema: Schema) -> None:
    """Raise where ``value`` is not as ``schema`` says."""
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(value, schema)
