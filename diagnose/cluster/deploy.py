"""Put the echo and its route into the cluster, wait until its pod runs, and take all of it away again.

The pod is not waited for until it is Ready: its Service leads to it at once, and that Kong passes probes on to it tells
more, and a second sooner, than the readiness probe of its kubelet. That is asked where nothing can be sent from inside.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from diagnose.cluster import manifests, waiting
from diagnose.cluster.api import Api
from diagnose.cluster.kinds import CONFIG_MAP, JOB, NETWORK_POLICY, POD, SERVICE, Resource
from diagnose.cluster.manifests import Made, Run
from diagnose.cluster.objects import at, labels_of, name_of
from diagnose.cluster.replies import Object, Reply
from diagnose.errors import Stop, Unreachable
from diagnose.site import Progress

POLL = 0.3
BRISK = 5.0
"""Seconds for which a pod is looked at more often: where its image is there, it runs by then."""

UNSCHEDULABLE_PATIENCE = 5.0
"""Seconds that the scheduler is given to change its mind: a node may just be joining."""

EVENTS_AFTER = 2.0
"""Seconds without a pod after which the Job's events are asked why."""

SOON = 2.0
"""Seconds in which what was deleted is gone, but for pods that others have to delete."""

REMOVAL_PATIENCE = 10.0
WITHOUT_GRACE = {"gracePeriodSeconds": 0}
RECONNECTING = 20.0
"""Seconds for which an API server that cannot be reached is tried again when there is something to remove."""

RECONNECT_POLL = 1.0
AT_ONCE = 8
"""Requests side by side."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What came of it: the Job and, once it runs, the echo's pod, or the one sentence that says why there is none.

    ``lingering`` says what a killed run would leave behind, where Kubernetes does not see to it.
    """

    job: Object | None = None
    pod: Object | None = None
    problem: str | None = None
    lingering: str | None = None


def begin(api: Api, run: Run, code: Mapping[str, str], progress: Progress) -> Deployed:
    """Create the Job, read it back, and create what its pod needs to start."""
    progress(f"deploying the echo as Job {run.namespace}/{run.name}")
    reply = api.create(JOB.collection(run.namespace), manifests.job(run))
    if not reply.ok:
        return Deployed(problem=refusal(JOB, run, reply))
    job = reply.object()
    lingering = None
    if at(job, "spec", "ttlSecondsAfterFinished") is None:
        lingering = (
            "This cluster does not remove finished Jobs by itself (ttlSecondsAfterFinished was dropped): if kongip is "
            f"killed, clear what is left with: {removal_command(api, run)}"
        )
        progress(lingering)
    needed = [(CONFIG_MAP, manifests.config_map(run, job, code)), (SERVICE, manifests.service(run, job))]
    needed += [(NETWORK_POLICY, manifests.network_policy(run, job))] if run.admission.policy else []
    return Deployed(job, problem=_create_all(api, run, needed), lingering=lingering)


def finish(api: Api, run: Run, begun: Deployed, timeout: float, progress: Progress) -> Deployed:
    """Create the route to an echo that was ``begun``, and wait until its pod runs, ``timeout`` seconds."""
    if begun.job is None:
        return begun
    problem = _create_all(api, run, [(run.route.kind, one) for one in manifests.routes(run, begun.job)])
    deployed = Deployed(problem=problem) if problem else await_pod(api, run, timeout, progress)
    return replace(begun, pod=deployed.pod, problem=deployed.problem)


def _create_all(api: Api, run: Run, wanted: Sequence[tuple[Resource, Object]]) -> str | None:
    """Create objects side by side; why one of them could not be."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        replies = pool.map(lambda one: (one[0], api.create(one[0].collection(run.namespace), one[1])), wanted)
        return next((refusal(kind, run, reply) for kind, reply in replies if not reply.ok), None)


def await_pod(
    api: Api,
    run: Run,
    timeout: float,
    progress: Progress,
    enough: Callable[[Object], bool] = waiting.runs,
) -> Deployed:
    """Wait until the echo's pod is ``enough``, which is to run, or something says that it will not be."""
    start = time.monotonic()
    said = ""
    while (waited := time.monotonic() - start) < timeout:
        pod = next(iter(present(api, run, POD)), None)
        if pod is not None and enough(pod):
            return Deployed(pod=pod)
        if problem := problem_of(api, run, pod, waited):
            return Deployed(problem=problem)
        if (line := waiting.progress_of(pod)) != said:
            progress(said := line)
        time.sleep(POLL if waited > BRISK else POLL / 3)
    return Deployed(problem=f"The echo pod did not run within {timeout:.0f} seconds: kongip was still {said}.")


def problem_of(api: Api, run: Run, pod: Object | None, waited: float) -> str | None:
    """What keeps the pod from running, None while it may still come."""
    if pod is None:
        return waiting.refused_pod(job_events(api, run.namespace, run.name)) if waited > EVENTS_AFTER else None
    late = waiting.unschedulable(pod) if waited > UNSCHEDULABLE_PATIENCE else None
    return waiting.stuck(pod, run.image) or late


def job_events(api: Api, namespace: str, name: str) -> tuple[Object, ...]:
    """The events about a Job, as far as they may be read."""
    fields = f"involvedObject.kind=Job,involvedObject.name={name}"
    return api.items(f"/api/v1/namespaces/{namespace}/events", [("fieldSelector", fields)]).items


def refusal(kind: Resource, run: Run, reply: Reply) -> str:
    """Why an object could not be created, and what to do."""
    return (
        f"The cluster refuses the echo's {kind.kind} in namespace {run.namespace}: {waiting.sentence(reply.message)} "
        "Choose a namespace that admits it with --namespace."
    )


def remove(api: Api, run: Run, progress: Progress = lambda line: None) -> tuple[str, ...]:
    """Remove all that ``run`` made and say what could not be removed. Safe to call twice.

    A server that cannot be reached is tried again for some time, and that is told: nothing else removes it at once.
    """
    deadline = time.monotonic() + RECONNECTING
    while True:
        try:
            return remove_twice(api, run, lambda: _delete_all(api, run))
        except Unreachable as lost:
            if time.monotonic() > deadline:
                return (leftover(api, run, f"What run {run.id} made in namespace {run.namespace}", lost.what),)
            progress(f"trying again to remove what the run made: {lost.what}")
            time.sleep(RECONNECT_POLL)
        except Stop as stop:
            return (leftover(api, run, f"What run {run.id} made in namespace {run.namespace}", stop.what),)


def remove_twice(api: Api, run: Made, delete_all: Callable[[], Mapping[str, str]]) -> tuple[str, ...]:
    """Have all that ``run`` made deleted, once more where that was not enough; a sentence for what is left then.

    A server in a bad moment may refuse more often than it is asked again, and an object whose creation was not answered
    may be there only after its name was deleted in vain. ``delete_all`` returns what could not be deleted, and why.
    """
    refused = delete_all()
    left = await_absence(api, run, frozenset(refused), SOON)
    if left or refused:
        refused = delete_all()
        left = await_absence(api, run, frozenset(refused))
    return leftovers(api, run, left, refused)


def _delete_all(api: Api, run: Run) -> dict[str, str]:
    """Delete all that a run makes, whether it is there or not; what could not be, and why.

    The Job goes first, so that it makes no new pod. The pod is not waited for: it holds nothing, and its kubelet ends
    it within its grace period of a second once its object is gone.
    """
    refused = delete(api, run, JOB, run.name, {"propagationPolicy": "Background"})
    hanging = [(SERVICE, run.name), (CONFIG_MAP, run.name)]
    hanging += [(run.route.kind, name) for name in manifests.route_names(run)]
    hanging += [(NETWORK_POLICY, run.name)] if run.admission.policy else []
    pods = [(POD, name_of(pod)) for pod in present(api, run, POD)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda one: delete(api, run, one[0], one[1], WITHOUT_GRACE), hanging + pods))
    # Where pods may not be deleted, the garbage collector does it once the Job is gone: that is no refusal.
    for answer in answers[: len(hanging)]:
        refused |= answer
    return refused


def delete(api: Api, run: Made, kind: Resource, name: str, options: Mapping[str, object]) -> dict[str, str]:
    """Delete one object; why it could not be, by its kind and name."""
    order = {"apiVersion": "v1", "kind": "DeleteOptions", **options}
    reply = api.delete(f"{kind.collection(run.namespace)}/{name}", order)
    return {} if reply.ok or reply.status == 404 else {f"{kind.kind} {run.namespace}/{name}": reply.message}


def present(api: Api, run: Made, kind: Resource) -> tuple[Object, ...]:
    """The run's objects of a kind, those about to go among them.

    The label is looked at once more: what is found here may be deleted, and nothing of others ever is.
    """
    found = api.items(kind.collection(run.namespace), [("labelSelector", run.selector)]).items
    return tuple(thing for thing in found if labels_of(thing).get(manifests.RUN_LABEL) == run.id)


def remaining(api: Api, run: Made, kind: Resource) -> tuple[Object, ...]:
    """The run's objects of a kind that are there and not about to go."""
    return tuple(thing for thing in present(api, run, kind) if not at(thing, "metadata", "deletionTimestamp"))


def await_absence(api: Api, run: Made, refused: frozenset[str], patience: float = REMOVAL_PATIENCE) -> frozenset[str]:
    """Wait until nothing of the run is there but what may not be deleted; what is there after some seconds."""
    deadline = time.monotonic() + patience
    while True:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = zip(run.kinds, pool.map(lambda kind: remaining(api, run, kind), run.kinds), strict=True)
            left = frozenset(f"{kind.kind} {run.namespace}/{name_of(one)}" for kind, things in found for one in things)
        if not left - refused or time.monotonic() > deadline:
            return left
        time.sleep(POLL)


def leftovers(api: Api, run: Made, left: Set[str], refused: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence for each object that is ``left``, or whose removal was ``refused`` with these words."""
    return tuple(
        leftover(api, run, what, refused.get(what, "it is still there")) for what in sorted(left | set(refused))
    )


def leftover(api: Api, run: Made, what: str, why: str) -> str:
    """What was not removed, why, and the command that removes it."""
    return f"{what} could not be removed ({why.rstrip('.')}); remove it with: {removal_command(api, run)}"


def removal_command(api: Api, run: Made) -> str:
    """The command by which people remove all that a run made."""
    return shlex.join(["kongip", "clean", *api.flags, "--namespace", run.namespace, "--run", run.id])
