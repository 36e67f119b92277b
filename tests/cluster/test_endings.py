"""Nothing left: runs that are ended at random moments, by what ends runs, and the objects that are there afterwards.

KONGIP_ENDINGS says how many (default 6); `make test-endings` ends fifty. The moments are the same in every run of the
tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.cluster import topologies
from tests.cluster.bed import Object, inside, kubectl, run, until
from tests.cluster.command import assert_nothing_left, kongip, left_behind

ENDINGS = int(os.environ.get("KONGIP_ENDINGS", "6"))
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
LONGEST = 4.0
"""Seconds that a whole run takes here: it ends by itself in some of the cases."""

MOMENTS = [
    pytest.param(SIGNALS[number % 3], round(random.Random(number).uniform(0.5, LONGEST), 2), id=str(number + 1))
    for number in range(ENDINGS)
]


@pytest.fixture(scope="module")
def kong(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One Kong pod behind a balancer that passes packets through."""
    with topologies.built(topologies.PASSING, tmp_path_factory.mktemp("kong")):
        yield


pytestmark = pytest.mark.usefixtures("kong")


def started() -> subprocess.Popen[str]:
    command = kongip("diagnose", "--image", "localhost/python:1", "--output", "json")
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def jobs() -> list[Object]:
    listing = kubectl("get", "jobs", "-A", "--selector=app.kubernetes.io/managed-by=kongip", "--output=json")
    return list(json.loads(listing)["items"])


def bring_the_deadline_forward() -> None:
    """Let the deadline of every Job be past; the Jobs have to bear one, and the time after which they are removed."""
    sooner = json.dumps({"spec": {"activeDeadlineSeconds": 1, "ttlSecondsAfterFinished": 1}})
    for job in jobs():
        assert job["spec"]["activeDeadlineSeconds"] <= 600
        assert job["spec"]["ttlSecondsAfterFinished"] <= 60
        metadata = job["metadata"]
        kubectl("patch", "job", metadata["name"], f"--namespace={metadata['namespace']}", f"--patch={sooner}")


@pytest.mark.parametrize(("number", "moment"), MOMENTS)
def test_a_run_that_is_ended_leaves_nothing(number: signal.Signals, moment: float) -> None:
    with started() as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        process.send_signal(number)
        printed, errors = process.communicate(timeout=60)

    assert "Traceback" not in errors
    if number is signal.SIGKILL:
        bring_the_deadline_forward()
        until("Kubernetes has removed all", lambda: not left_behind())
        return
    assert process.returncode in (130, 0), errors
    assert bool(printed) is (process.returncode == 0), "a run that had ended by then has its report"
    assert_nothing_left()


@contextlib.contextmanager
def cut_off() -> Iterator[None]:
    """No connection from the client to the API server; those that stand are reset."""
    rule = shlex.split("OUTPUT -d 10.77.1.10 -p tcp --dport 6443 -j REJECT --reject-with tcp-reset")
    run("client", "iptables", "-w", "-I", *rule)
    try:
        yield
    finally:
        run("client", "iptables", "-w", "-D", *rule)


def made_something(process: subprocess.Popen[str]) -> None:
    until("the run has made all", lambda: any(one.startswith("Ingress/") for one in left_behind()))


def test_a_connection_that_is_lost_while_cleaning_up_is_tried_again() -> None:
    with started() as process:
        made_something(process)
        with cut_off():
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            said = next(line for line in process.stderr if line.startswith("trying again"))
        _, errors = process.communicate(timeout=60)

    assert "cannot be reached" in said
    assert process.returncode == 130
    assert "could not be removed" not in errors
    assert_nothing_left()


def test_a_connection_that_stays_lost_is_told_with_the_command_that_removes_what_is_left() -> None:
    with started() as process:
        made_something(process)
        with cut_off():
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=120)

    assert process.returncode == 130
    told = next(line for line in errors.splitlines() if "could not be removed" in line)
    assert "Traceback" not in errors
    command = re.search(r"remove it with: kongip (clean .+)$", told)
    assert command is not None, told
    words = [*inside("client"), kongip("clean")[len(inside("client"))], *shlex.split(command[1])]
    began = time.monotonic()
    cleaned = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert cleaned.returncode == 0, cleaned.stderr
    assert "removed Job kong/kongip-" in cleaned.stdout
    assert time.monotonic() - began < 30
    assert_nothing_left()
