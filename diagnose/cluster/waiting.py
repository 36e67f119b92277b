"""What keeps a pod of kongip's from running, told from the pod and its Job's events. ``whose`` is what it does."""

from __future__ import annotations

from collections.abc import Iterable

from diagnose.cluster.objects import at, condition_of
from diagnose.cluster.replies import Object

ECHO = "echo"
IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
START_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


def is_ready(pod: Object) -> bool:
    """Whether the pod answers its readiness probe."""
    return condition_of(pod, "Ready").get("status") == "True"


def runs(pod: Object) -> bool:
    """Whether the pod's containers run; one that has just been started need not answer yet."""
    statuses = at(pod, "status", "containerStatuses") or ()
    return bool(statuses) and all(at(status, "state", "running") is not None for status in statuses)


def silent(pod: Object) -> str | None:
    """Why the pod does not answer though it runs, as far as its node can tell; None where it does."""
    if is_ready(pod):
        return None
    return (
        f"The echo pod runs on node {at(pod, 'spec', 'nodeName')} but does not answer there: its readiness probe "
        "fails. Choose another image with --image, or a namespace where nothing comes between with --namespace."
    )


def unschedulable(pod: Object) -> str | None:
    """Why the scheduler finds no node, None where it did or has not said."""
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.get("status") != "False" or scheduled.get("reason") != "Unschedulable":
        return None
    return (
        f"The echo pod cannot be scheduled: {sentence(scheduled.get('message'))} "
        "Make room, let it onto tainted nodes with --toleration, or choose another namespace with --namespace."
    )


def stuck(pod: Object, image: str, whose: str = ECHO) -> str | None:
    """Why the pod will not come to run however long one waits, None where it may."""
    for status in at(pod, "status", "containerStatuses") or ():
        waiting = at(status, "state", "waiting") or {}
        reason, message = waiting.get("reason"), sentence(waiting.get("message"))
        if reason in IMAGE_REASONS:
            return (
                f"The image {image} of the {whose} pod cannot be pulled ({reason}): {message} "
                "Name one that the nodes can get, with python3 in it, with --image."
            )
        if reason in START_REASONS:
            return (
                f"The {whose}'s container cannot be started ({reason}): {message} "
                "Choose another image with --image, or another namespace with --namespace."
            )
    if at(pod, "status", "phase") == "Failed":
        return (
            f"The {whose} pod ended at once ({ending(pod)}). "
            f"See whether the image {image} has python3, or choose another with --image."
        )
    return None


def ending(pod: Object) -> str:
    """How a failed pod ended."""
    for status in at(pod, "status", "containerStatuses") or ():
        if ended := at(status, "state", "terminated"):
            return f"{ended.get('reason')}, exit status {ended.get('exitCode')}"
    return str(at(pod, "status", "reason") or at(pod, "status", "message") or "no reason given")


def refused_pod(events: Iterable[Object], whose: str = ECHO) -> str | None:
    """Why the Job may not create its pod (quota, admission), None where no event says so."""
    message = next((event.get("message") for event in events if event.get("reason") == "FailedCreate"), None)
    if message is None:
        return None
    told = f"The cluster refuses the {whose} pod: {sentence(message)}"
    return f"{told} Choose a namespace that admits it with --namespace."


def progress_of(pod: Object | None) -> str:
    """What is awaited just now, in one line."""
    if pod is None:
        return "waiting for the echo pod to be created"
    if condition_of(pod, "PodScheduled").get("status") != "True":
        return "waiting for a node for the echo pod"
    if runs(pod):
        return "waiting for the echo to answer"
    return f"waiting for the echo pod to start on node {at(pod, 'spec', 'nodeName')}"


def sentence(words: object) -> str:
    """Words from the cluster on one line, ending with a full stop."""
    text = " ".join(str(words or "no reason given").split())[:400]
    return text if text.endswith((".", "!", "?")) else text + "."
