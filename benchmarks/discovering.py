"""Discovery in a large cluster, beside `kubectl get nodes -o name` on the same API server. Needs root.

The server is a real one, that of the test cluster, with an etcd of its own on loopback, and it really holds all these
objects; but nothing else runs: controllers would take nodes without a kubelet for dead, and delete their pods.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import Row, in_turns, peak, quiet
from tests.cluster import bed

ROOT = Path(__file__).parents[1]
PKI = bed.BASE / "pki"
NODES, PODS, SERVICES, INGRESSES, KONGS = 5_000, 50_000, 2_000, 1_000, 3
NAMESPACES = 100
TIMES = 5
MOST_REQUESTS, MOST_MEMORY = 15, 150
"""Requests besides further pages, and MiB."""

SIDE_BY_SIDE = 16
UP = 60.0
"""Seconds that etcd and the API server have to come up."""

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Server:
    """The API server: its port on loopback, a kubeconfig for it, and the log of every request that it got."""

    port: int
    kubeconfig: Path
    audit: Path


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A new API server, without any object, for as long as it is wanted."""
    etcd, peers, port = free_ports(3)
    stored, between = f"http://127.0.0.1:{etcd}", f"http://127.0.0.1:{peers}"
    made = Server(port, folder / "kubeconfig", folder / "audit.log")
    policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
    (folder / "audit.yaml").write_text(json.dumps(policy | {"omitStages": ["RequestReceived"]}))
    told = json.loads(
        bed.run("client", "kubectl", f"--kubeconfig={bed.KUBECONFIG}", "config", "view", "--raw", "-ojson")
    )
    told["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    made.kubeconfig.write_text(json.dumps(told))
    made.kubeconfig.chmod(0o600)
    store = ["etcd", "--data-dir", str(folder / "etcd"), "--log-level", "error", "--logger", "zap", "--unsafe-no-fsync"]
    store += ["--listen-client-urls", stored, "--advertise-client-urls", stored, "--quota-backend-bytes", str(4 << 30)]
    store += ["--listen-peer-urls", between, "--initial-advertise-peer-urls", between]
    store += ["--initial-cluster", f"default={between}"]
    front = [str(bed.BASE / "bin" / "kube-apiserver"), f"--etcd-servers={stored}", f"--secure-port={port}"]
    front += ["--bind-address=127.0.0.1", "--advertise-address=10.0.0.1", "--service-cluster-ip-range=10.96.0.0/12"]
    front += ["--authorization-mode=AlwaysAllow", "--disable-admission-plugins=ServiceAccount"]
    front += ["--endpoint-reconciler-type=none", f"--client-ca-file={PKI}/authority.crt"]
    front += [f"--tls-cert-file={PKI}/apiserver.crt", f"--tls-private-key-file={PKI}/apiserver.key"]
    front += [f"--service-account-key-file={PKI}/service-accounts.pub", "--service-account-issuer=https://kubernetes"]
    front += [f"--service-account-signing-key-file={PKI}/service-accounts.key"]
    front += [f"--audit-policy-file={folder}/audit.yaml", f"--audit-log-path={made.audit}", "--audit-log-maxsize=1000"]
    with contextlib.ExitStack() as running:
        for command in (store, front):
            log = running.enter_context((folder / f"{Path(command[0]).name}.log").open("w"))
            process = subprocess.Popen(command, stdout=log, stderr=log)
            running.callback(process.wait)
            running.callback(process.terminate)
        end = time.monotonic() + UP
        while not _ready(port):
            if time.monotonic() > end:
                raise TimeoutError(
                    f"no API server within {UP:.0f} s:\n{(folder / 'kube-apiserver.log').read_text()[-2000:]}"
                )
            time.sleep(0.2)
        yield made


def free_ports(number: int) -> Sequence[int]:
    """Ports of loopback that nobody listens on."""
    with contextlib.ExitStack() as held:
        taken = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in taken]


def _connection(port: int) -> http.client.HTTPSConnection:
    trust = ssl.create_default_context(cafile=str(PKI / "authority.crt"))
    trust.load_cert_chain(PKI / "testbed.crt", PKI / "testbed.key")
    return http.client.HTTPSConnection("127.0.0.1", port, context=trust, timeout=60)


def _ready(port: int) -> bool:
    with contextlib.closing(_connection(port)) as one, contextlib.suppress(OSError, http.client.HTTPException):
        one.request("GET", "/readyz")
        return one.getresponse().status == http.HTTPStatus.OK
    return False


def fill(port: int, things: Iterator[tuple[str, str, Object]]) -> None:
    """Send every one of ``things``, a method, a path and an object, side by side. OSError where one is refused."""
    own = threading.local()

    def send(thing: tuple[str, str, Object]) -> None:
        if not hasattr(own, "connection"):
            own.connection = _connection(port)
        method, path, body = thing
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        own.connection.request(method, path, json.dumps(body), {"Content-Type": kind})
        answer = own.connection.getresponse()
        said = answer.read()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise OSError(f"{method} {path}: {said[:500]!r}")

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for _ in pool.map(send, things):
            pass


def surroundings() -> Iterator[tuple[str, str, Object]]:
    """What everything else is in: the namespaces, and the IngressClass of Kong's controller."""
    for name in ("kong", *(f"team-{number}" for number in range(NAMESPACES))):
        yield "POST", "/api/v1/namespaces", {"metadata": {"name": name}}
    yield (
        "POST",
        "/apis/networking.k8s.io/v1/ingressclasses",
        {
            "apiVersion": "networking.k8s.io/v1",
            "metadata": {"name": "kong"},
            "spec": {"controller": "ingress-controllers.konghq.com/kong"},
        },
    )


def population() -> Iterator[tuple[str, str, Object]]:
    """The objects of a large cluster, with about as much in each as they have in life; one Kong is among them."""
    for number in range(NODES):
        yield "POST", "/api/v1/nodes", node(number)
    for number in range(PODS):
        yield (
            "POST",
            f"/api/v1/namespaces/team-{number % NAMESPACES}/pods",
            pod(f"pod-{number}", number, "busy", "app:1"),
        )
    for number in range(SERVICES):
        spec = {"selector": {"app": f"busy-{number}"}, "ports": [{"port": 80, "targetPort": 8080}]}
        path = f"/api/v1/namespaces/team-{number % NAMESPACES}/services"
        yield "POST", path, {"metadata": {"name": f"service-{number}"}, "spec": spec}
    for number in range(INGRESSES):
        backend = {"service": {"name": f"service-{number}", "port": {"number": 80}}}
        paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
        rules = [{"host": f"{number}.example.com", "http": {"paths": paths}}]
        spec = {"ingressClassName": "kong", "rules": rules}
        path = f"/apis/networking.k8s.io/v1/namespaces/team-{number % NAMESPACES}/ingresses"
        yield "POST", path, {"metadata": {"name": f"ingress-{number}"}, "spec": spec}


def kong() -> Iterator[tuple[str, str, Object]]:
    """A Kong behind a load balancer, with its pods running."""
    spec = {
        "type": "LoadBalancer",
        "selector": {"app": "kong"},
        "ports": [{"name": "proxy", "port": 80, "targetPort": 8000}],
    }
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kong-proxy"}, "spec": spec}
    at = "/api/v1/namespaces/kong"
    yield "POST", f"{at}/services", service
    for number in range(KONGS):
        yield "POST", f"{at}/pods", pod(f"kong-{number}", number, "kong", "kong:3.9")


def standing() -> Iterator[tuple[str, str, Object]]:
    """The status of Kong's pods and Service, which is set apart from the rest."""
    at = "/api/v1/namespaces/kong"
    balancer = {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}
    yield "PATCH", f"{at}/services/kong-proxy/status", {"status": balancer}
    for number in range(KONGS):
        address = f"10.250.0.{number + 2}"
        ready = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        conditions = [{"type": "Ready", "status": "True"}]
        yield "PATCH", f"{at}/pods/kong-{number}/status", {"status": ready | {"conditions": conditions}}


def node(number: int) -> Object:
    """A node as kubelets report themselves: its images and conditions are the most of it."""
    a, b = divmod(number, 250)
    conditions = [
        {"type": kind, "status": "False", "reason": f"Kubelet{kind}", "message": "kubelet has no such pressure"}
        for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    ]
    images = [
        {"names": [f"registry.example.com/team/app-{one}@sha256:{one:064x}"], "sizeBytes": 100_000_000 + one}
        for one in range(30)
    ]
    return {
        "metadata": {
            "name": f"node-{number}",
            "labels": {"kubernetes.io/hostname": f"node-{number}", "topology.kubernetes.io/zone": f"z-{number % 3}"},
        },
        "spec": {"podCIDR": f"10.{100 + a}.{b}.0/24", "providerID": f"aws:///eu-central-1a/i-{number:017x}"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": f"10.{a}.{b}.7"}],
            "capacity": {"pods": "110", "cpu": "8", "memory": "32Gi"},
            "conditions": conditions,
            "images": images,
        },
    }


def pod(name: str, number: int, app: str, image: str) -> Object:
    """A pod on one of the nodes."""
    env = [{"name": f"SETTING_{one}", "value": f"value {one} of {name}"} for one in range(10)]
    containers = [{"name": "proxy", "image": image, "env": env, "ports": [{"containerPort": 8000}]}]
    return {
        "metadata": {"name": name, "labels": {"app": app, "pod-template-hash": "5d9f7c"}},
        "spec": {"nodeName": f"node-{number % NODES}", "containers": containers},
    }


def asked(audit: Path, since: int) -> tuple[int, int]:
    """How many requests kongip sent, as logged from byte ``since`` on: those for further pages, and all others."""
    lines = (json.loads(line) for line in audit.read_bytes()[since:].splitlines())
    urls = [line["requestURI"] for line in lines if str(line.get("userAgent")).startswith("kongip")]
    pages = sum("continue=" in url for url in urls)
    return pages, len(urls) - pages


@contextlib.contextmanager
def filled() -> Iterator[Server]:
    """An API server that holds all these objects."""
    with tempfile.TemporaryDirectory() as name, server(Path(name)) as made:
        for things in (surroundings(), population(), kong(), standing()):
            fill(made.port, things)
        yield made


def commands(made: Server) -> tuple[Sequence[str], Sequence[str]]:
    """Ours and the peer's."""
    where = ("--kubeconfig", str(made.kubeconfig), "--context", bed.CONTEXT)
    ours = (sys.executable, "-m", "diagnose", "inspect", *where, "--quiet")
    return ours, ("kubectl", *where, "get", "nodes", "--output=name")


def rows() -> Sequence[Row]:
    """The comparison, with what else it takes; none where the machine cannot carry the server."""
    if why := bed.why_not():
        print(f"  no API server here: {why}", file=sys.stderr)
        return []
    bed.up()
    with filled() as made:
        ours, peer = commands(made)
        times = in_turns(quiet(*ours), quiet(*peer), TIMES)
        before = made.audit.stat().st_size
        memory = peak(ours)
        pages, others = asked(made.audit, before)
    what = (
        f"`kongip inspect`, {NODES:,} nodes, {PODS:,} pods, {SERVICES:,} Services, {INGRESSES:,} Ingresses: {others} "
        f"requests (target: {MOST_REQUESTS}), {pages} further pages, {memory:.0f} MiB (target: {MOST_MEMORY} MiB)"
    )
    return [Row(what, "`kubectl get nodes -o name`", *times, "at most", 2.0)]
