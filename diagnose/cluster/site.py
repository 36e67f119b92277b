"""A Kong in a cluster, as the main job sees it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Self

from diagnose.cluster import deploy as deployment
from diagnose.cluster import manifests, rights, waiting
from diagnose.cluster.api import Api, connect
from diagnose.cluster.beside import beside
from diagnose.cluster.caller import caller_in
from diagnose.cluster.inside import send_inside
from diagnose.cluster.kinds import POD, SERVICE
from diagnose.cluster.locate import Located, locate
from diagnose.cluster.logs import read_logs
from diagnose.cluster.manifests import Run
from diagnose.cluster.objects import full_name, namespace_of
from diagnose.cluster.options import ClusterOptions
from diagnose.cluster.pods import current_state, state_of
from diagnose.cluster.replies import Object
from diagnose.cluster.rights import Mode
from diagnose.cluster.route import Route
from diagnose.cluster.unprobed import unprobed
from diagnose.errors import Stop
from diagnose.installation import Installation
from diagnose.owners import Inventory
from diagnose.site import Backend, Entry, Fact, Gap, Kong, Logs, Progress
from probes.compose import SECRET_HEADER
from probes.outcome import Sent
from probes.probe import Probe
from probes.secret import opening

if TYPE_CHECKING:
    from diagnose.cluster.survey import Surroundings
    from diagnose.providers.provider import Match
    from diagnose.report.report import Finding

KNOWN_FOR = 60.0
"""Seconds after which a site that is watched is read anew as a whole, even if Kong's Service and pods are the same."""

ANSWERS_WITHIN = 15.0
"""Seconds that the echo is given to answer once its pod runs."""

EARLIER = 60
"""Seconds before its deadline from which on the echo of a site that is watched is made anew."""


class ClusterSite:
    """One Kong in one cluster. What surrounds it is read beside the run, and waited for by whoever asks for it first.

    ``leftovers`` is what could not be removed, a sentence each; ``missing_rights`` what the caller may not do, as the
    deployment found.
    """

    def __init__(self, api: Api, options: ClusterOptions, located: Located) -> None:
        self.name = f"{full_name(located.found.service)} in {api.context}"
        self.service: str | None = full_name(located.found.service)
        self.namespace = options.namespace or namespace_of(located.found.service)
        self.missing_rights: Sequence[str] = ()
        self.leftovers: Sequence[str] = ()
        self._api = api
        self._options = options
        self._run: Run | None = None
        self._echo: Object | None = None
        self._progress: Progress = lambda line: None
        self._found = located.found
        self._surveyed = _survey(api, options, located)
        self._known = time.monotonic()
        self._lost = False
        self._configured: Sequence[Finding] | None = None

    @property
    def _around(self) -> Surroundings:
        return self._surveyed.result()

    @property
    def installation(self) -> Installation | None:
        """How Kong was installed."""
        return self._around.reading.installation

    @property
    def providers(self) -> Mapping[str, Match]:
        """Whose the balancer of each entry is."""
        return self._around.providers

    @property
    def entries(self) -> Sequence[Entry]:
        """Where probes are sent to."""
        return self._around.entries

    @property
    def kongs(self) -> Sequence[Kong]:
        """Kong's pods."""
        return self._around.kongs

    @property
    def inventory(self) -> Inventory:
        """Whose the cluster's addresses are."""
        return self._around.inventory

    @property
    def facts(self) -> Sequence[Fact]:
        """What is known of the hops before Kong."""
        return self._around.facts

    @property
    def gaps(self) -> Sequence[Gap]:
        """What could not be read."""
        return self._around.gaps

    def __enter__(self) -> Self:
        """The site itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove all that the run made."""
        try:
            self.remove()
        finally:
            self._api.close()

    def deploy(self, progress: Progress) -> Backend:
        """Make the echo and a route to it for the host of each entry, and wait until its pod runs.

        Rights are asked for first: where one to create, follow or remove the echo is missing, nothing is created.
        Where no echo is wanted not even that is asked, since a review of rights is itself something that is created.
        The pod starts while the surroundings are still read: only its route has to wait for them.
        """
        self._progress = progress
        self.remove()
        path, secret = f"/kongip-{secrets.token_hex(16)}", secrets.token_hex(16)
        route = self._found.route
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
            (),
            self._options.admission,
        )
        self._run = run
        self._renew = time.monotonic() + run.deadline - EARLIER
        deployed = deployment.begin(self._api, run, echo_code(), progress)
        if deployed.problem is None:
            if not self._surveyed.done():
                progress("reading what surrounds Kong")
            self._run = run = replace(run, hosts=tuple(entry.host for entry in self.entries))
            deployed = deployment.finish(self._api, run, deployed, self._options.timeout, progress)
        self._echo = deployed.pod
        if deployed.problem:
            self.remove()
        return Backend(path, secret, deployed.problem, deployed.lingering)

    def refresh(self) -> bool:
        """Read Kong's Service and pods again, and all around them if they changed or some time has passed.

        False where the echo's pod is gone, or is due to end soon. Stop where the cluster cannot be read; what was
        known before then still stands.
        """
        around = self._around
        state = current_state(self._api, self._found.service)
        changed = state is not None and state != state_of(self._found.service, [pod.pod for pod in around.pods])
        if changed or time.monotonic() - self._known > KNOWN_FOR:
            located = locate(self._api, self._options)
            surveyed = _survey(self._api, self._options, located)
            surveyed.result()
            self._found, self._surveyed, self._known = located.found, surveyed, time.monotonic()
            self._lost, self._configured = False, None
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
        return unprobed(self._around.lookups.found(), self.entries)

    def configured(self) -> Sequence[Finding]:
        """What is wrong in the objects of Kong and of what is before it."""
        if self._configured is None:
            from diagnose.inspect.judge import configuration_findings
            from diagnose.remedies.forms import kubectl_for

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
        places = rights.namespaces(namespace_of(self._found.service), self.namespace)
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
        return ClusterSite(api, options, locate(api, options))
    except BaseException:
        api.close()
        raise


def _survey(api: Api, options: ClusterOptions, located: Located) -> Future[Surroundings]:
    """What surrounds Kong, read beside the run; what does that is loaded there, too."""

    def surveyed() -> Surroundings:
        from diagnose.cluster.survey import survey

        return survey(api, options, located)

    return beside(surveyed)


def echo_code() -> dict[str, str]:
    """The two programs that run in the echo pod, by file name; both need the standard library alone."""
    return {
        "server.py": (resources.files("echo_server") / "server.py").read_text("utf-8"),
        "inside.py": (resources.files("probes") / "inside.py").read_text("utf-8"),
    }
