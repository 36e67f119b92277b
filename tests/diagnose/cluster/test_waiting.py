"""What keeps the echo's pod from running, in one sentence each."""

from __future__ import annotations

from typing import Any

import pytest

from diagnose.cluster import waiting
from diagnose.cluster.replies import Object
from tests.diagnose.cluster.things import thing


def pod(**status: Any) -> Object:
    return thing("echo", {"nodeName": "n1"}, status=status)


def held(reason: str, message: str = "words") -> Object:
    return pod(containerStatuses=[{"state": {"waiting": {"reason": reason, "message": message}}}])


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_cannot_be_pulled_is_named_with_the_reason_and_the_flag(reason: str) -> None:
    said = waiting.stuck(held(reason, "no such\nhost"), "python:9")
    assert said is not None
    assert said.startswith(f"The image python:9 of the echo pod cannot be pulled ({reason}): no such host.")
    assert "--image" in said


def test_a_container_that_cannot_be_started_is_told() -> None:
    said = waiting.stuck(held("CreateContainerConfigError", "image will run as root"), "python:9")
    assert said is not None
    assert "(CreateContainerConfigError): image will run as root." in said


def test_a_pod_that_ended_tells_how() -> None:
    ended = {"state": {"terminated": {"reason": "Error", "exitCode": 127}}}
    said = waiting.stuck(pod(phase="Failed", containerStatuses=[ended]), "busybox")
    assert said is not None
    assert "(Error, exit status 127)" in said


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_a_container_on_its_way_is_no_problem(reason: str) -> None:
    assert waiting.stuck(held(reason), "python:9") is None


def test_the_scheduler_is_quoted() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available",
    }
    said = waiting.unschedulable(pod(conditions=[condition]))
    assert said is not None
    assert said.startswith("The echo pod cannot be scheduled: 0/3 nodes are available.")
    assert waiting.unschedulable(pod(conditions=[{**condition, "status": "True"}])) is None
    assert waiting.unschedulable(pod()) is None


def test_what_the_job_may_not_create_is_quoted() -> None:
    events = [{"reason": "SuccessfulCreate"}, {"reason": "FailedCreate", "message": "exceeded quota: pods"}]
    said = waiting.refused_pod(events)
    assert said is not None
    assert said.startswith("The cluster refuses the echo pod: exceeded quota: pods.")
    assert waiting.refused_pod(events[:1]) is None


def test_progress_says_what_is_awaited() -> None:
    scheduled = [{"type": "PodScheduled", "status": "True"}]
    running = pod(conditions=scheduled, containerStatuses=[{"state": {"running": {}}}])
    assert [waiting.progress_of(one) for one in (None, pod(), pod(conditions=scheduled), running)] == [
        "waiting for the echo pod to be created",
        "waiting for a node for the echo pod",
        "waiting for the echo pod to start on node n1",
        "waiting for the echo to answer",
    ]


def test_a_pod_runs_when_its_container_does_whether_it_answers_or_not() -> None:
    assert not waiting.runs(pod())
    assert not waiting.runs(held("ContainerCreating"))
    assert waiting.runs(pod(containerStatuses=[{"state": {"running": {}}}]))


def test_a_pod_that_runs_and_fails_its_probe_is_silent() -> None:
    said = waiting.silent(pod(containerStatuses=[{"state": {"running": {}}}]))
    assert said is not None
    assert said.startswith("The echo pod runs on node n1 but does not answer there")
    assert waiting.silent(pod(conditions=[{"type": "Ready", "status": "True"}])) is None
