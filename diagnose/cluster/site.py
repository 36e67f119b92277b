"""A Kong in a cluster, as the main job sees it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING, Self

from diagnose.cluster import deploy as deployment
from diagnose.cluster import manifests, rights, waiting
from diagnose.cluster.api import Api, connect
from diagnose.cluster.caller import caller_in
from diagnose.cluster.discover import Found, discover
from diagnose.cluster.entries import (
    Entries,
    check_reachable,
    front_entries,
    pod_entries,
    resolve,
    service_entries,
    url_entries,
)
from diagnose.cluster.facts import facts_of, known_providers
from diagnose.cluster.fronts import fronts_of, route_hosts
from diagnose.cluster.gateways import check_attachment
from diagnose.cluster.in_force import with_what_is_in_force
from diagnose.cluster.inside import send_inside
from diagnose.cluster.inventory import read_inventory
from diagnose.cluster.kinds import POD, SERVICE
from diagnose.cluster.logs import read_logs
from diagnose.cluster.manifests import AS_USUAL, Admission, Run
from diagnose.cluster.node_entries import named_at_nodes, node_entries
from diagnose.cluster.objects import full_name, namespace_of
from diagnose.cluster.pods import KongPod, current_state, find_pods, state_of
from diagnose.cluster.ports import web_ports
from diagnose.cluster.replies import Object
from diagnose.cluster.rights import Mode, Scope, untold
from diagnose.cluster.route import Route
from diagnose.cluster.snapshot import Snapshot, take
from diagnose.cluster.unprobed import Lookups, unprobed
from diagnose.errors import Stop
from diagnose.owners import Inventory
from diagnose.providers.provider import Match
from diagnose.providers.recognise import recognise, recognise_front
from diagnose.remedies.forms import kubectl_for
from diagnose.report.report import Finding
from diagnose.site import Backend, Entry, Fact, Gap, Kong, Logs, Progress
from probes.compose import SECRET_HEADER
from probes.outcome import Sent
from probes.probe import Probe
from probes.secret import opening

if TYPE_CHECKING:
    from diagnose.inspect.live import Reading

DEFAULT_IMAGE = "python:3-alpine"

KNOWN_FOR = 60.0
"""Seconds after which a site that is watched is read anew as a whole, even if Kong's Service and pods are the same."""

ANSWERS_WITHIN = 15.0
"""Seconds that the echo is given to answer once its pod runs."""

EARLIER = 60
"""Seconds before its deadline from which on the echo of a site that is watched is made anew."""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What the user chose. ``service`` and ``gateway`` are NAMESPACE/NAME; ``owners`` are pairs of CIDR and layer.

    ``execute`` tells whether commands may be run in pods, ``echo`` whether anything may be deployed, and ``admission``
    what the echo's pod needs to be let in and to be reached. ``timeout`` is how many seconds that pod is given to run,
    ``request_timeout`` those of one request to the API server.
    """

    context: str | None = None
    kubeconfig: str | None = None
    namespace: str | None = None
    service: str | None = None
    ingress_class: str | None = None
    gateway: str | None = None
    urls: tuple[str, ...] = ()
    host: str | None = None
    image: str = DEFAULT_IMAGE
    execute: bool = True
    echo: bool = True
    admission: Admission = AS_USUAL
    owners: tuple[tuple[str, str], ...] = ()
    timeout: float = 60.0
    request_timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was read of Kong and its surroundings before anything is made or sent."""

    reading: Reading
    found: Found
    pods: tuple[KongPod, ...]
    entries: tuple[Entry, ...]
    inventory: Inventory
    facts: tuple[Fact, ...]
    providers: Mapping[str, Match]
    gaps: tuple[Gap, ...]
    hosts: tuple[str, ...]


class ClusterSite:
    """One Kong in one cluster.

    ``leftovers`` is what could not be removed, a sentence each; ``missing_rights`` what the caller may not do, as the
    deployment found.
    """

    def __init__(self, api: Api, options: ClusterOptions, around: Surroundings) -> None:
        self.namespace = options.namespace or namespace_of(around.found.service)
        self.missing_rights: Sequence[str] = ()
        self.leftovers: Sequence[str] = ()
        self._api = api
        self._options = options
        self._run: Run | None = None
        self._echo: Object | None = None
        self._progress: Progress = lambda line: None
        self._know(around)

    def _know(self, around: Surroundings) -> None:
        """Take ``around`` for what is known of Kong and its surroundings."""
        self.name = f"{full_name(around.found.service)} in {self._api.context}"
        self.service: str | None = full_name(around.found.service)
        self.installation = around.reading.installation
        self.providers = around.providers
        self.entries: Sequence[Entry] = around.entries
        self.kongs: Sequence[Kong] = tuple(pod.kong for pod in around.pods)
        self.inventory = around.inventory
        self.facts: Sequence[Fact] = around.facts
        self.gaps: Sequence[Gap] = around.gaps
        self._around = around
        self._lookups = Lookups(around.hosts, resolve)
        self._lost = False
        self._known = time.monotonic()
        self._state = state_of(around.found.service, [pod.pod for pod in around.pods])
        self._configured: Sequence[Finding] | None = None

    def __enter__(self) -> Self:
        """The site itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove all that the run made."""
        try:
            self.remove()
        finally:
            self._api.close()

    def deploy(self, hosts: Sequence[str | None], progress: Progress) -> Backend:
        """Make the echo and a route to it for each host (None: any host), and wait until its pod runs.

        Rights are asked for first: where one to create, follow or remove the echo is missing, nothing is created.
        Where no echo is wanted not even that is asked, since a review of rights is itself something that is created.
        """
        self._progress = progress
        self.remove()
        path, secret = f"/kongip-{secrets.token_hex(16)}", secrets.token_hex(16)
        route = self._around.found.route
        if not self._options.echo:
            return Backend(path, "", NO_ECHO, wanted=False)
        if problem := self._obstacle(route):
            return Backend(path, secret, problem)
        if route is None:
            return Backend(path, secret, NO_ROUTE)
        run = Run(
            secrets.token_hex(5),
            self.namespace,
            path,
            secret,
            self._options.image,
            route,
            tuple(hosts),
            self._options.admission,
        )
        self._run = run
        deployed = deployment.deploy(self._api, run, echo_code(), self._options.timeout, progress)
        self._echo = deployed.pod
        self._renew = time.monotonic() + run.deadline - EARLIER
        if deployed.problem:
            self.remove()
        return Backend(path, secret, deployed.problem, deployed.lingering)

    def refresh(self) -> bool:
        """Read Kong's Service and pods again, and all around them if they changed or some time has passed.

        False where the echo's pod is gone, or is due to end soon. Stop where the cluster cannot be read; what was
        known before then still stands.
        """
        state = current_state(self._api, self._around.found.service)
        changed = state is not None and state != self._state
        if changed or time.monotonic() - self._known > KNOWN_FOR:
            self._know(survey(self._api, self._options))
        if self._run is None:
            return True
        return time.monotonic() < self._renew and any(
            waiting.is_ready(pod) for pod in deployment.remaining(self._api, self._run, POD)
        )

    def send_inside(self, probes: Sequence[Probe], timeout: float) -> list[Sent] | None:
        """Send probes from the echo pod, in order; None where there is no inside vantage, and progress tells why."""
        if self._echo is None:
            return None
        why = "--no-exec"
        if self._options.execute:
            sent = send_inside(self._api, self._echo, probes, timeout)
            if not isinstance(sent, str):
                return sent
            why = sent
        self._progress(f"no probes are sent from inside: {why}")
        self._await_answer()
        return None

    def _await_answer(self) -> None:
        """Wait for some seconds until the echo answers its kubelet, where nothing else tells that it does."""
        if self._run is not None and not self._lost:
            try:
                deployment.await_pod(self._api, self._run, ANSWERS_WITHIN, self._progress, waiting.is_ready)
            except Stop as stop:
                self._note_loss(stop)

    def echo_problem(self) -> str | None:
        """What keeps the echo itself from answering: its pod is gone, ended, or silent at its own node as well."""
        if self._run is None:
            return None
        try:
            pod = next(iter(deployment.present(self._api, self._run, POD)), None)
        except Stop as stop:
            self._note_loss(stop)
            return None
        return waiting.stuck(pod, self._run.image) or waiting.silent(pod) if pod is not None else GONE

    def logs(self, probes: Sequence[Probe], since: float) -> Logs:
        """What the logs of all Kong pods say of ``probes``, sent at or after ``since`` (seconds since the epoch)."""
        return read_logs(self._api, self._around.pods, probes, since)

    def caller_by_api(self) -> str | None:
        """The caller's address as the API server saw it: it appends it to X-Forwarded-For on the way to the echo.

        None without an echo, without the right to call it so, or where the answer does not tell. That the API server
        cannot be reached any more does not undo what probes told.
        """
        if self._run is None or self._echo is None or self._lost:
            return None
        run = self._run
        path = f"{SERVICE.collection(run.namespace)}/http:{run.name}:{manifests.SERVICE_PORT}/proxy{run.path}/caller"
        try:
            reply = self._api.request("GET", path, headers={SECRET_HEADER: opening(run.secret)})
        except Stop as stop:
            self._note_loss(stop)
            return None
        return caller_in(reply.body) if reply.ok else None

    def unprobed(self) -> Sequence[str]:
        """Ways that the hosts of Kong's routes name and to which no probe is sent, a sentence each."""
        return unprobed(self._lookups.found(), self.entries)

    def configured(self) -> Sequence[Finding]:
        """What is wrong in the objects of Kong and of what is before it."""
        if self._configured is None:
            from diagnose.inspect.judge import configuration_findings

            reading = self._around.reading
            kubectl = kubectl_for(self._options.context)
            self._configured = configuration_findings(reading.snapshot, reading.contents, kubectl, reading.installation)
        return self._configured

    def _note_loss(self, stop: Stop) -> None:
        self._lost = True
        self._progress(f"the API server is lost amid the run: {stop.what}")

    def remove(self) -> None:
        """Remove all that the run made. Safe to call twice; ``leftovers`` tells what could not be removed."""
        if self._run is None:
            return
        self.leftovers = (*self.leftovers, *deployment.remove(self._api, self._run, self._progress))
        self._run = self._echo = None

    def _obstacle(self, route: Route | None) -> str | None:
        """Note which rights are missing; why the echo cannot be deployed at all, None where it can."""
        made = manifests.created(route, self._options.admission) if route is not None else ()
        wanted = rights.needs(Mode.DIAGNOSE, made, execute=self._options.execute)
        places = rights.namespaces(namespace_of(self._around.found.service), self.namespace)
        lacking = rights.missing(self._api, wanted, places)
        self.missing_rights = tuple(map(str, lacking))
        for line in self.missing_rights:
            self._progress(f"you may not {line}")
        vital = [str(one.right) for one in lacking if one.need.vital]
        if not vital:
            return None
        lack = f"The echo was not deployed, for want of the rights to {', '.join(vital)}."
        return f"{lack} Ask for what kongip rbac prints, or name a namespace where you have them with --namespace."


NO_ECHO = "No echo was deployed: --no-echo."
GONE = "The echo pod is gone: somebody or something removed it amid the run. See the events of its namespace."
NO_ROUTE = (
    "The echo was not deployed: no IngressClass and no Gateway of Kong's controllers was found, so no route would be "
    "picked up. Name one with --ingress-class NAME or --gateway NAMESPACE/NAME."
)


def open_cluster(options: ClusterOptions) -> ClusterSite:
    """Find Kong in the cluster of a context. Nothing is made and no probe is sent yet.

    Stop where the cluster cannot be reached, or Kong, or a way to it, cannot be found.
    """
    api = connect(options.context, options.kubeconfig, options.request_timeout)
    try:
        return ClusterSite(api, options, survey(api, options))
    except BaseException:
        api.close()
        raise


def survey(api: Api, options: ClusterOptions) -> Surroundings:
    """Read and put together all that the cluster says of Kong and what surrounds it."""
    named = url_entries(options.urls, options.host, resolve)
    snapshot = take(api, options.service, options.gateway)
    found = discover(snapshot, options.service, options.ingress_class, options.gateway)
    with ThreadPoolExecutor(1) as beside:
        read = beside.submit(_read_around, api, snapshot, found.service)
        pods, pod_gaps = find_pods(api, found.service)
        if options.execute:
            pods, pod_gaps = with_what_is_in_force(api, pods, pod_gaps)
    reading = read.result()
    kongs = tuple(pod.kong for pod in pods)
    listeners = next((kong.settings.listeners for kong in kongs if kong.settings), None)
    ports = web_ports(found.service, [pod.pod for pod in pods], listeners)
    fronts = fronts_of(snapshot, found.service, found.route)
    balancer = recognise(found.service, snapshot.of("nodes"), snapshot.of("pods"))
    edges = {
        front.name: recognise_front(front.thing, snapshot.of("ingressclasses", "gatewayclasses"), snapshot.of("nodes"))
        for front in fronts
    }
    inventory = read_inventory(
        snapshot.of("nodes"),
        (*snapshot.of("pods"), *(pod.pod for pod in pods)),
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
        named_at_nodes(named, ports, inventory),
    )
    others = [entry for way in ways for entry in way.entries]
    parts = (
        *ways,
        node_entries(found.service, snapshot.of("nodes"), pods, ports, options.host, others),
        Entries(pod_entries(kongs, ports, options.host)),
    )
    entries = tuple(entry for part in parts for entry in part.entries)
    home = options.namespace or namespace_of(found.service)
    route_gaps = check_attachment(found.route, home, [entry.host for entry in entries], api.get) if options.echo else ()
    gaps = [gap for part in parts for gap in part.gaps]
    gaps += other_pods_gap(snapshot)
    check_reachable(found.service, ports, entries, snapshot.refused.get("nodes"))
    return Surroundings(
        reading,
        found,
        pods,
        entries,
        inventory,
        (*facts_of(found.service, balancer, edges), *(fact for part in parts for fact in part.facts)),
        known_providers(found.service, balancer, edges),
        tuple(dict.fromkeys((*gaps, *route_gaps, *pod_gaps, *reading.gaps))),
        route_hosts(snapshot, found.route),
    )


def _read_around(api: Api, snapshot: Snapshot, service: Object) -> Reading:
    """What inspect reads of a Kong, whose rules take a tenth of a second to load."""
    from diagnose.inspect.live import read_around

    return read_around(api, snapshot, service)


def other_pods_gap(snapshot: Snapshot) -> tuple[Gap, ...]:
    """What is unknown where the cluster's pods could not be read, or not all of them."""
    cut = f"only the first {len(snapshot.of('pods'))} pods were read" if snapshot.pods_cut else None
    why = snapshot.refused.get("pods") or cut
    return (Gap(untold(Scope.CLUSTER)["pods"], why),) if why else ()


def echo_code() -> dict[str, str]:
    """The two programs that run in the echo pod, by file name; both need the standard library alone."""
    return {
        "server.py": (resources.files("echo_server") / "server.py").read_text("utf-8"),
        "inside.py": (resources.files("probes") / "inside.py").read_text("utf-8"),
    }
