"""The pod that kongip itself runs in, if it does: where it is the caller, its address is the caller's."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from diagnose.cluster.api import Api
from diagnose.cluster.objects import at, name_of
from diagnose.cluster.replies import Object
from diagnose.hosts import is_pod

PATIENCE = 3.0
"""Seconds for its address to be told: a kubelet does so some time after it started the pod."""

POLL = 0.3


def own_pod(api: Api, listed: Iterable[Object]) -> tuple[Object, ...]:
    """The pod, where those ``listed`` lack it or its address; none where this is no pod of that cluster's.

    A listing may have been made before its kubelet told the address, or have been cut.
    """
    name = os.environ.get("HOSTNAME")  # a pod's is its name (Kubernetes: Container environment)
    if name is None or not is_pod():
        return ()
    found = tuple(pod for pod in listed if name_of(pod) == name)
    end = time.monotonic() + PATIENCE
    while not _is_told(found):
        found = api.items("/api/v1/pods", [("fieldSelector", f"metadata.name={name}")]).items
        if not found or _is_told(found) or time.monotonic() > end:
            break
        time.sleep(POLL)
    return found


def _is_told(pods: Iterable[Object]) -> bool:
    return any(at(pod, "status", "podIP") for pod in pods)
