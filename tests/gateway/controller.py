"""The gateway's ingress controller: watch the API, write the routes file. Run as `python3 -m tests.gateway.controller`.

Kong's own controller posts its routes to Kong's Admin API; this one hands them over in a volume that both containers
share. What a caller can see of the two is the same: a route works a moment after its Ingress, or its HTTPRoute on a
Gateway of Kong's, is created.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.gateway.http_routes import GatewayApi, http_routes
from tests.gateway.ingresses import Cluster, Key, Object, routes
from tests.gateway.routes import as_lua

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
INGRESSES = "/apis/networking.k8s.io/v1/ingresses"
SERVICES = "/api/v1/services"
ENDPOINTS = "/api/v1/endpoints"
GATEWAY_API = "/apis/gateway.networking.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Api:
    """The API server as a pod sees it, with the pod's service account."""

    server: str
    account: Path = ACCOUNT

    def list(self, path: str) -> dict[str, Any]:
        """Return the list at a path."""
        with self._open(path, 10) as answer:
            return dict(json.load(answer))

    def watch(self, path: str, version: str) -> Iterator[dict[str, Any]]:
        """Yield the events at a path since a resource version, until the server ends the watch."""
        query = f"?watch=true&timeoutSeconds=240&resourceVersion={version}"
        with self._open(path + query, 300) as answer:
            for line in answer:
                yield json.loads(line)

    def _open(self, path: str, seconds: float) -> Any:
        token = (self.account / "token").read_text()
        request = urllib.request.Request(self.server + path, headers={"Authorization": f"Bearer {token}"})
        context = ssl.create_default_context(cafile=str(self.account / "ca.crt"))
        return urllib.request.urlopen(request, timeout=seconds, context=context)


@dataclass(slots=True)
class Mirror:
    """The objects at one path of the API, kept up to date by a thread; `changed` is set at each change."""

    api: Api
    path: str
    changed: threading.Event
    objects: dict[Key, Object] = field(default_factory=dict)

    def follow(self) -> None:
        """List, then watch, for ever; what fails is told on standard error and tried again."""
        while True:
            try:
                self._follow()
            except (OSError, ValueError) as error:
                if getattr(error, "code", None) != 404:  # a server without the Gateway API may get it at any time
                    print(f"{self.path}: {error}", file=sys.stderr, flush=True)
                time.sleep(1)

    def _follow(self) -> None:
        listing = self.api.list(self.path)
        self.objects = {_key(item): item for item in listing["items"]}
        self.changed.set()
        for event in self.api.watch(self.path, listing["metadata"]["resourceVersion"]):
            if event["type"] == "ERROR":  # the version is too old: list again
                return
            remaining = {key: item for key, item in self.objects.items() if key != _key(event["object"])}
            added = {} if event["type"] == "DELETED" else {_key(event["object"]): event["object"]}
            self.objects = remaining | added  # replaced, not changed: the main thread may be reading it
            self.changed.set()


def _key(item: Object) -> Key:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def write(target: Path, text: str) -> None:
    """Replace a file in one step, so that its reader never finds half of it."""
    new = target.with_suffix(".new")
    new.write_text(text)
    new.replace(target)


def main() -> int:
    """Follow the API server and write the routes file at each change, until a signal ends the process."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # process 1 of a container ignores what it does not handle
    target = Path(os.environ["GATEWAY_ROUTES"])
    ingress_class = os.environ.get("CONTROLLER_INGRESS_CLASS", "kong")
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    changed = threading.Event()
    ingresses, services, endpoints = mirrors = [
        Mirror(Api(f"https://{host}:{port}"), path, changed) for path in (INGRESSES, SERVICES, ENDPOINTS)
    ]
    classes, gateways, attached = further = [
        Mirror(Api(f"https://{host}:{port}"), f"{GATEWAY_API}/{kind}", changed)
        for kind in ("gatewayclasses", "gateways", "httproutes")
    ]
    for mirror in (*mirrors, *further):
        threading.Thread(target=mirror.follow, daemon=True).start()
    while True:
        changed.wait()
        changed.clear()
        cluster = Cluster(ingresses.objects, services.objects, endpoints.objects)
        api = GatewayApi(classes.objects, gateways.objects, attached.objects)
        write(target, as_lua([*routes(cluster, ingress_class), *http_routes(api, cluster)]))


if __name__ == "__main__":
    sys.exit(main())
