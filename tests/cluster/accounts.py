"""Accounts with few rights, to run kongip under."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.cluster.bed import KUBECONFIG, Object, apply, kubectl

READING = [
    {"apiGroups": [""], "resources": ["services", "pods", "nodes"], "verbs": ["get", "list"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "ingressclasses"], "verbs": ["get", "list"]},
]
MAKING = [
    {"apiGroups": [""], "resources": ["services", "configmaps", "pods"], "verbs": ["get", "list", "create", "delete"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "create", "delete"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "list", "create", "delete"]},
]


NAME = "kongip-restricted"
USER = f"system:serviceaccount:default:{NAME}"


@contextlib.contextmanager
def account(rules: list[Object], folder: Path) -> Iterator[Path]:
    """A kubeconfig of an account with these rights alone, everywhere."""
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": "default"}
    rights = "rbac.authorization.k8s.io/v1"
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME}
    binding: Object = {"apiVersion": rights, "kind": "ClusterRoleBinding", "metadata": {"name": NAME}}
    binding |= {"roleRef": reference, "subjects": [subject]}
    role: Object = {"apiVersion": rights, "kind": "ClusterRole", "metadata": {"name": NAME}, "rules": rules}
    with account_under([role, binding], folder) as path:
        yield path


@contextlib.contextmanager
def account_under(documents: list[Object], folder: Path) -> Iterator[Path]:
    """A kubeconfig of the ServiceAccount default/NAME, with the rights that these Roles and bindings give it."""
    kubectl("create", "serviceaccount", NAME)
    apply(*documents)
    config = yaml.safe_load(KUBECONFIG.read_text())
    for user in config["users"]:
        user["user"] = {"token": token(NAME)}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    try:
        yield path
    finally:
        kubectl("delete", "serviceaccount", NAME)
        kubectl("delete", "--filename=-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))


@contextlib.contextmanager
def admitted(namespace: str, account: str) -> Iterator[None]:
    """Let pods of any kind run as this account: those of Jobs are held to "restricted" otherwise."""
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "testbed:unrestricted"}
    binding: Object = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "roleRef": role}
    binding |= {"metadata": {"name": f"testbed:{namespace}-{account}"}, "subjects": [subject]}
    apply(binding)
    try:
        yield
    finally:
        kubectl("delete", "clusterrolebinding", binding["metadata"]["name"])


def token(account: str, namespace: str = "default") -> str:
    """A token of a service account, asked for in a way that every kubectl knows."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    answer = kubectl("create", f"--raw={path}", "--filename=-", text=json.dumps(request))
    return str(json.loads(answer)["status"]["token"])
