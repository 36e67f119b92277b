"""`kongip watch` on a real cluster: a cure arrives while it looks on, and pods come and go meanwhile."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from tests.cluster import topologies
from tests.cluster.balancers import Balancer, balancer
from tests.cluster.bed import BALANCER, CONTEXT, KUBECONFIG, Object, inside, kubectl
from tests.cluster.command import KONGIP, assert_nothing_left
from tests.cluster.kong import Kong, install, settled

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "watch.schema.json").read_text("utf-8"))
LIMIT = "3m"
"""So long is waited for the cure; the watch then ends by itself, with another status."""


@contextlib.contextmanager
def watching(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`kongip watch --until preserved` with JSON output, ended in any case."""
    command = [*inside("client"), str(KONGIP), "watch", "--context", CONTEXT, "--kubeconfig", str(KUBECONFIG)]
    command += ["--image", "localhost/python:1", "--output", "json", "--until", "preserved", "--for", LIMIT]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def lines_of(process: subprocess.Popen[str]) -> Iterator[Object]:
    """Each line as it comes, held to its schema."""
    assert process.stdout is not None
    for line in process.stdout:
        told = json.loads(line)
        jsonschema.validate(told, SCHEMA)
        yield told
    process.wait(30)


def verdicts(lines: list[Object]) -> list[str | None]:
    return [one["verdict"] for one in lines if "round" in one]


@pytest.mark.usefixtures("cluster")
def test_a_policy_that_is_changed_meanwhile_turns_the_watch_to_preserved(tmp_path: Path) -> None:
    kong = install(Kong({}, "Cluster", ("n2",)), BALANCER)
    with contextlib.ExitStack() as late:
        with balancer(Balancer.PASS_THROUGH, kong, tmp_path):
            process = late.enter_context(watching())
            lines = lines_of(process)
            first = next(lines)
        patch = '{"spec":{"externalTrafficPolicy":"Local"}}'
        kubectl("patch", "service", "--namespace=kong", "kong-proxy", f"--patch={patch}")
        with balancer(Balancer.PASS_THROUGH, settled("Local", BALANCER), tmp_path):  # its health checks follow
            rest = list(lines)

    assert (first["verdict"], [one["code"] for one in first["culprits"]]) == ("lost", ["KIP301"])
    assert process.returncode == 0, rest
    assert verdicts(rest)[-3:] == ["preserved"] * 3
    assert rest[-1]["summary"]["verdict"] == "preserved"
    assert_nothing_left()


@pytest.mark.usefixtures("cluster")
def test_a_rollout_that_cures_is_seen_through_pods_that_come_and_go(tmp_path: Path) -> None:
    kong = install(Kong(topologies.HEADER_NOT_TRUSTED.settings, "Local", ("n1", "n2")), BALANCER)
    with balancer(Balancer.HTTP_WITH_FORWARDFOR, kong, tmp_path), watching() as process:
        lines = lines_of(process)
        first = next(lines)
        assert first["verdict"] == "lost"
        install(Kong(topologies.FORWARDED_HEADER.settings, "Local", ("n1", "n2")), BALANCER)
        rest = list(lines)

    assert process.returncode == 0, rest
    assert {pod for one in rest if "round" in one for pod in one["went"]} == {f"kong/{name}" for name in kong.pods}
    assert len({pod for one in rest if "round" in one for pod in one["came"]}) == 2
    assert verdicts(rest)[-3:] == ["preserved"] * 3
    assert_nothing_left()
