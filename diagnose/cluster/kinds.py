"""The kinds of object that a run makes in the cluster, as the API names them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind; ``group`` is empty for those of the core."""

    kind: str
    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        """Group and version as an object's apiVersion has them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_plural(self) -> str:
        """The name that only this kind has, as people write it: "httproutes.gateway.networking.k8s.io"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def collection(self, namespace: str | None) -> str:
        """The path of all objects of the kind in a namespace, None for those of all namespaces."""
        root = f"/apis/{self.group}" if self.group else "/api"
        within = f"/namespaces/{namespace}" if namespace is not None else ""
        return f"{root}/{self.version}{within}/{self.plural}"


JOB = Resource("Job", "batch", "v1", "jobs")
CONFIG_MAP = Resource("ConfigMap", "", "v1", "configmaps")
SERVICE = Resource("Service", "", "v1", "services")
INGRESS = Resource("Ingress", "networking.k8s.io", "v1", "ingresses")
HTTP_ROUTE = Resource("HTTPRoute", "gateway.networking.k8s.io", "v1", "httproutes")
NETWORK_POLICY = Resource("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies")
POD = Resource("Pod", "", "v1", "pods")
