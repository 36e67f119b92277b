"""The access logs of all Kong pods, as they come from the API server, and whose the addresses in them are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from diagnose.cluster.api import Api, connect
from diagnose.cluster.discover import find_service
from diagnose.cluster.entries import resolve
from diagnose.cluster.fronts import fronts_of
from diagnose.cluster.inventory import read_inventory
from diagnose.cluster.objects import full_name
from diagnose.cluster.pods import KongPod, find_pods, log_lines_of
from diagnose.cluster.snapshot import take
from diagnose.errors import Stop
from diagnose.owners import Inventory
from diagnose.providers.recognise import recognise
from diagnose.site import Gap

Take = Callable[[bytes], None]
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class KongLogs:
    """The Kong whose logs can be read: its name, its pods, who owns what, and what could not be read so far."""

    api: Api
    place: str
    pods: tuple[KongPod, ...]
    inventory: Inventory
    gaps: tuple[Gap, ...]

    def read(self, taking: Callable[[str], Take], seconds: int | None, lines: int | None) -> dict[str, str]:
        """Read each pod's log, several at once; returns by pod why those that could not be read were not.

        ``taking`` makes what takes a pod's lines, as they come. ``seconds`` and ``lines`` bound how far back it goes.
        """
        query = [("sinceSeconds", str(seconds))] if seconds is not None else []
        query += [("tailLines", str(lines))] if lines is not None else []

        def read(pod: KongPod) -> str | None:
            try:
                reply = log_lines_of(self.api, pod, query, taking(pod.kong.name))
            except Stop as stop:
                return stop.what
            return None if reply.ok else reply.message

        with ThreadPoolExecutor(min(AT_ONCE, len(self.pods) or 1)) as pool:
            whys = zip(self.pods, pool.map(read, self.pods), strict=True)
            return {pod.kong.name: why for pod, why in whys if why is not None}


@contextlib.contextmanager
def open_logs(
    context: str | None,
    kubeconfig: str | None,
    service: str | None,
    ingress_class: str | None,
    words: Sequence[tuple[str, str]],
) -> Iterator[KongLogs]:
    """The logs of the one Kong that is named or found; ``words`` are those of ``--owner``. Stop where there is none."""
    api = connect(context, kubeconfig, otherwise="a log that was kept: kongip traffic --file FILE")
    try:
        snapshot = take(api, service)
        found = find_service(snapshot, service, ingress_class)
        pods, gaps = find_pods(api, found)
        if not pods:
            why = "; ".join(gap.why for gap in gaps) or "it has no running pods"
            raise Stop(f"Of Service {full_name(found)} no pod's log can be read: {why}.", "Check it with kubectl.")
        recognised = recognise(found, snapshot.of("nodes"), snapshot.of("pods"))
        inventory = read_inventory(
            snapshot.of("nodes"),
            (*snapshot.of("pods"), *(pod.pod for pod in pods)),
            snapshot.of("services"),
            found,
            fronts_of(snapshot, found, None),
            words,
            resolve,
            [match.provider for match in recognised],
        )
        refused = [
            Gap(f"whose the addresses of {kind} are", why) for kind, why in snapshot.refused.items() if kind in OWNING
        ]
        yield KongLogs(api, f"{full_name(found)} in {api.context}", pods, inventory, tuple(refused))
    finally:
        api.close()


OWNING = ("nodes", "pods", "services")
"""Kinds of object that own addresses."""
