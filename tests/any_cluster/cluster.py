"""The cluster under test, through kubectl alone: its Kong, a Service of these tests' before it, and HAProxy."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KONGIP = Path(sys.executable).with_name("kongip")
MAY_BREAK = "kongip/may-be-broken=yes"
"""The label of a namespace whose Kong these tests may break: without it they touch nothing."""

PREFIX = "kongip-tests"
OF_TESTS = {"app.kubernetes.io/part-of": PREFIX}
MODES = {"tcp": 18001, "tcp, send-proxy-v2": 18002, "http, forwardfor": 18003}
"""What HAProxy does on each of its ports."""

Object = dict[str, Any]


class Unfit(Exception):
    """The cluster is none to run these tests in; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster by its context, and the one Deployment of Kong's in the namespace that is labelled for these tests."""

    context: str
    namespace: str
    deployment: str
    container: str
    port: int
    selector: Mapping[str, str]
    environment: Sequence[Object]

    def kubectl(self, *words: str, text: str | None = None) -> str:
        """Run kubectl in Kong's namespace; RuntimeError with what it said where it fails."""
        return _kubectl(self.context, f"--namespace={self.namespace}", *words, text=text)

    def get(self, *words: str) -> Object:
        """What `kubectl get` finds in Kong's namespace."""
        return dict(json.loads(self.kubectl("get", *words, "--output=json")))

    def apply(self, *things: Object) -> None:
        """Create these objects, or change those that exist."""
        self.kubectl("apply", "--filename=-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": things}))

    def set_kong(self, settings: Mapping[str, str]) -> None:
        """Set Kong's environment to what it was found with and ``settings``, and wait for its pods."""
        kept = [one for one in self.environment if one["name"] not in settings]
        added = [{"name": name, "value": value} for name, value in settings.items()]
        container = {"name": self.container, "env": [{"$patch": "replace"}, *kept, *added]}
        self.kubectl("patch", f"deployment/{self.deployment}", "--patch", json.dumps(_in_pod(container)))
        self.settle()

    def settle(self) -> None:
        """Wait until the tests' Service leads to the pods that Kong's Deployment now tells of, and to no others."""
        self.kubectl("rollout", "status", f"deployment/{self.deployment}", "--timeout=180s")
        until("former pods of Kong's get no more traffic", lambda: self._endpoints(PREFIX) == self._staying())

    def set_policy(self, policy: str) -> None:
        """Put the tests' own NodePort Service before Kong's pods, with this externalTrafficPolicy."""
        ports = [{"name": "proxy", "port": 80, "targetPort": self.port}]
        self.apply(_service(PREFIX, self.selector, ports, policy))

    def pod_address(self, name: str) -> str:
        """The address of the one pod that a Service of these tests leads to."""
        until(f"Service {name} has a pod", lambda: len(self._endpoints(name)) == 1)
        return next(iter(self._endpoints(name)))

    def url(self, service: str, port: int) -> str:
        """Where a Service answers from outside: on a node with one of its pods."""
        spec = self.get("service", service)["spec"]
        node_port = next(one["nodePort"] for one in spec["ports"] if one["port"] == port)
        pods = [
            one for one in self.get("pods", f"--selector={_chosen(spec['selector'])}")["items"] if not _leaving(one)
        ]
        node = self.get("node", pods[0]["spec"]["nodeName"])
        address = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
        return f"http://[{address}]:{node_port}" if ":" in address else f"http://{address}:{node_port}"

    def diagnose(self, *words: str) -> tuple[int, Object]:
        """The exit status and the report of `kongip diagnose` with these words; AssertionError where there is none."""
        command = [str(KONGIP), "diagnose", "--context", self.context, "--output", "json", "--service"]
        command += [f"{self.namespace}/{PREFIX}", *words]
        if image := os.environ.get("ECHO_IMAGE"):
            command += ["--image", image]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert ended.stdout, ended.stderr
        return ended.returncode, dict(json.loads(ended.stdout))

    def _endpoints(self, service: str) -> set[str]:
        subsets = self.get("endpoints", service).get("subsets") or []
        return {one["ip"] for subset in subsets for one in subset.get("addresses") or []}

    def _staying(self) -> set[str]:
        pods = self.get("pods", f"--selector={_chosen(self.selector)}")["items"]
        return {pod["status"]["podIP"] for pod in pods if not _leaving(pod) and "podIP" in pod["status"]}


def find(context: str) -> Cluster:
    """The cluster of a context, and its Kong. Unfit where there is none that these tests may break."""
    labelled = json.loads(_kubectl(context, "get", "namespaces", f"--selector={MAY_BREAK}", "--output=json"))["items"]
    if len(labelled) != 1:
        raise Unfit(
            f"{len(labelled)} namespaces of {context} are labelled {MAY_BREAK}, and one has to be: these tests change "
            f"the settings of the Kong in it. On a cluster to experiment with: kubectl --context {context} label "
            f"namespace NAMESPACE {MAY_BREAK}"
        )
    namespace = labelled[0]["metadata"]["name"]
    listing = json.loads(_kubectl(context, "get", "deployments", f"--namespace={namespace}", "--output=json"))
    kongs = [(one, kong) for one in listing["items"] if (kong := _proxy(one)) is not None]
    if len(kongs) != 1:
        raise Unfit(f"{len(kongs)} Deployments in namespace {namespace} have a container proxy, and one has to")
    deployment, container = kongs[0]
    ports = {one.get("name"): one["containerPort"] for one in container.get("ports", [])}
    return Cluster(
        context,
        namespace,
        deployment["metadata"]["name"],
        container["name"],
        ports.get("proxy", 8000),
        deployment["spec"]["selector"]["matchLabels"],
        container.get("env", []),
    )


@contextlib.contextmanager
def prepared(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with the tests' Service and HAProxy; in the end both go, and Kong is set as it was."""
    try:
        cluster.set_policy("Local")
        cluster.apply(*_haproxy(cluster.get("service", PREFIX)["spec"]["clusterIP"]))
        cluster.kubectl("rollout", "status", f"deployment/{PREFIX}-haproxy", "--timeout=180s")
        yield cluster
    finally:
        cluster.set_kong({})
        cluster.kubectl("delete", "deployments,services,configmaps", f"--selector={_chosen(OF_TESTS)}", "--wait=false")


def until(what: str, condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until a condition holds; AssertionError, naming what was awaited, when it does not in this time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain until {what}"
        time.sleep(0.5)


def _kubectl(context: str, *words: str, text: str | None = None) -> str:
    command = ["kubectl", f"--context={context}", *words]
    ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)}: {ended.stderr.strip()}")
    return ended.stdout


def _proxy(deployment: Object) -> Object | None:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return next((one for one in containers if one["name"] == "proxy"), None)


def _chosen(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in labels.items())


def _leaving(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _in_pod(container: Object) -> Object:
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def _named(kind: str, version: str, name: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": OF_TESTS}}


def _service(name: str, selector: Mapping[str, str], ports: Sequence[Object], policy: str) -> Object:
    spec = {"type": "NodePort", "externalTrafficPolicy": policy, "selector": dict(selector), "ports": list(ports)}
    return _named("Service", "v1", name) | {"spec": spec}


def _haproxy(kong: str) -> list[Object]:
    """HAProxy with a port for each mode, all leading to Kong, and a Service that keeps its callers' addresses."""
    name, labels = f"{PREFIX}-haproxy", {"app": f"{PREFIX}-haproxy"}
    mounted = [{"name": "settings", "mountPath": "/settings"}]
    container = {
        "name": "haproxy",
        "image": os.environ.get("HAPROXY_IMAGE", "haproxy:lts"),
        "imagePullPolicy": "IfNotPresent",
        "command": ["haproxy", "-db", "-f", "/settings/haproxy.cfg"],
        "ports": [{"containerPort": port} for port in MODES.values()],
        "readinessProbe": {"tcpSocket": {"port": MODES["tcp"]}, "periodSeconds": 1},
        "volumeMounts": mounted,
    }
    pod = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000},
        "containers": [container],
        "volumes": [{"name": "settings", "configMap": {"name": name}}],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    ports = [{"name": f"port-{port}", "port": port, "targetPort": port} for port in MODES.values()]
    return [
        _named("ConfigMap", "v1", name) | {"data": {"haproxy.cfg": _configuration(kong)}},
        _named("Deployment", "apps/v1", name) | {"spec": {"selector": {"matchLabels": labels}, "template": template}},
        _service(name, labels, ports, "Local"),
    ]


def _configuration(kong: str) -> str:
    target = f"[{kong}]:80" if ":" in kong else f"{kong}:80"
    written = {"tcp": ("tcp", "", ""), "tcp, send-proxy-v2": ("tcp", "", " send-proxy-v2")}
    written["http, forwardfor"] = ("http", "    option forwardfor\n", "")
    listens = "".join(
        f"listen port-{port}\n    bind :{port}\n    mode {written[mode][0]}\n{written[mode][1]}"
        f"    server kong {target}{written[mode][2]}\n"
        for mode, port in MODES.items()
    )
    return f"defaults\n    timeout connect 2s\n    timeout client 30s\n    timeout server 30s\n{listens}"
