"""Read and put together all that a cluster says of a Kong that was found, and of what surrounds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from diagnose.cluster.api import Api
from diagnose.cluster.beside import beside
from diagnose.cluster.discover import Found
from diagnose.cluster.entries import (
    Entries,
    check_reachable,
    front_entries,
    pod_entries,
    resolve,
    service_entries,
)
from diagnose.cluster.facts import facts_of, known_providers
from diagnose.cluster.fronts import fronts_of, route_hosts
from diagnose.cluster.in_force import with_what_is_in_force
from diagnose.cluster.inventory import read_inventory
from diagnose.cluster.locate import Located
from diagnose.cluster.node_entries import named_at_nodes, node_entries
from diagnose.cluster.options import ClusterOptions
from diagnose.cluster.own_pod import own_pod
from diagnose.cluster.pods import KongPod, find_pods
from diagnose.cluster.ports import web_ports
from diagnose.cluster.replies import Object
from diagnose.cluster.rights import Scope, untold
from diagnose.cluster.snapshot import Snapshot
from diagnose.cluster.unprobed import Lookups
from diagnose.owners import Inventory
from diagnose.providers.provider import Match
from diagnose.providers.recognise import recognise, recognise_front
from diagnose.site import Entry, Fact, Gap, Kong

if TYPE_CHECKING:
    from diagnose.inspect.live import Reading


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was read of Kong and its surroundings. ``lookups`` are those of the hosts of its routes."""

    reading: Reading
    found: Found
    pods: tuple[KongPod, ...]
    entries: tuple[Entry, ...]
    inventory: Inventory
    facts: tuple[Fact, ...]
    providers: Mapping[str, Match]
    gaps: tuple[Gap, ...]
    lookups: Lookups

    @property
    def kongs(self) -> tuple[Kong, ...]:
        """What Kong each of the pods is."""
        return tuple(pod.kong for pod in self.pods)


def survey(api: Api, options: ClusterOptions, located: Located) -> Surroundings:
    """What the cluster says of the Kong that was found. Stop where no way to it is known.

    What is in force in its pods takes longest to ask for, so all that does not depend on it is done meanwhile.
    """
    found, snapshot = located.found, located.snapshot
    asked = beside(lambda: _pods(api, found.service, execute=options.execute))
    read = beside(lambda: _read_around(api, snapshot, found.service))
    ours = beside(lambda: own_pod(api, snapshot.of("pods")))
    fronts = fronts_of(snapshot, found.service, found.route)
    balancer = recognise(found.service, snapshot.of("nodes"), snapshot.of("pods"))
    edges = {
        front.name: recognise_front(front.thing, snapshot.of("ingressclasses", "gatewayclasses"), snapshot.of("nodes"))
        for front in fronts
    }
    lookups = Lookups(route_hosts(snapshot, found.route), resolve)
    pods, pod_gaps = asked.result()
    kongs = tuple(pod.kong for pod in pods)
    listeners = next((kong.settings.listeners for kong in kongs if kong.settings), None)
    ports = web_ports(found.service, [pod.pod for pod in pods], listeners)
    inventory = read_inventory(
        snapshot.of("nodes"),
        (*snapshot.of("pods"), *(pod.pod for pod in pods), *ours.result()),
        snapshot.of("services"),
        found.service,
        fronts,
        options.owners,
        resolve,
        {match.provider.key: match.provider for match in chain(balancer, *edges.values())}.values(),
        pods_listed="pods" not in snapshot.refused and not snapshot.pods_cut,
    )
    if not options.echo:  # nobody's application shall take a probe for a request of its own
        fronts = tuple(replace(front, host=options.host) for front in fronts)
    ways = (
        service_entries(found.service, ports, options.host, resolve),
        front_entries(fronts, found.service, ports, resolve),
        named_at_nodes(located.named, ports, inventory),
    )
    others = [entry for way in ways for entry in way.entries]
    parts = (
        *ways,
        node_entries(found.service, snapshot.of("nodes"), pods, ports, options.host, others),
        Entries(pod_entries(kongs, ports, options.host)),
    )
    entries = tuple(entry for part in parts for entry in part.entries)
    gaps = [gap for part in parts for gap in part.gaps]
    if located.attachment is not None:
        gaps += located.attachment.gaps_for([entry.host for entry in entries])
    gaps += other_pods_gap(snapshot)
    check_reachable(found.service, ports, entries, snapshot.refused.get("nodes"))
    reading = read.result()
    return Surroundings(
        reading,
        found,
        pods,
        entries,
        inventory,
        (*facts_of(found.service, balancer, edges), *(fact for part in parts for fact in part.facts)),
        known_providers(found.service, balancer, edges),
        tuple(dict.fromkeys((*gaps, *pod_gaps, *reading.gaps))),
        lookups,
    )


def _pods(api: Api, service: Object, *, execute: bool) -> tuple[tuple[KongPod, ...], tuple[Gap, ...]]:
    """Kong's pods, with what is in force in them where it may be asked for, and what is unknown of them."""
    pods, gaps = find_pods(api, service)
    return with_what_is_in_force(api, pods, gaps) if execute else (pods, gaps)


def _read_around(api: Api, snapshot: Snapshot, service: Object) -> Reading:
    """What inspect reads of a Kong, whose rules take a tenth of a second to load."""
    from diagnose.inspect.live import read_around

    return read_around(api, snapshot, service)


def other_pods_gap(snapshot: Snapshot) -> tuple[Gap, ...]:
    """What is unknown where the cluster's pods could not be read, or not all of them."""
    cut = f"only the first {len(snapshot.of('pods'))} pods were read" if snapshot.pods_cut else None
    why = snapshot.refused.get("pods") or cut
    return (Gap(untold(Scope.CLUSTER)["pods"], why),) if why else ()
