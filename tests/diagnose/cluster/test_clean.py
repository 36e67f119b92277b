"""``kongip clean --context``: what it takes for kongip's, on a scripted API server; tests/cluster has a real one."""

from __future__ import annotations

from typing import Any

import pytest

from diagnose.cli import main
from diagnose.cluster import clean
from diagnose.cluster.kinds import CONFIG_MAP, HTTP_ROUTE, JOB, NETWORK_POLICY, POD, SERVICE, Resource
from diagnose.cluster.replies import Object
from diagnose.errors import Stop
from tests.diagnose.cluster.things import scripted

RUN = "0123456789"
OURS = {"app.kubernetes.io/managed-by": "kongip", "kongip/run": RUN}
NOW = 1_800_000_000.0


def made(name: str = f"kongip-{RUN}", labels: Any = OURS, **metadata: Any) -> Object:
    """An object as a run makes it, unless told otherwise."""
    found = {"name": name, "namespace": "kong", "uid": "u-1", "labels": labels, **metadata}
    return {"metadata": {"creationTimestamp": "2027-01-15T07:55:00Z", **found}}


def test_what_a_run_made_is_taken_for_its_own_with_its_age() -> None:
    assert str(clean.read(JOB, made(), NOW)) == f"Job kong/kongip-{RUN} (run {RUN}, 5 min old)"
    assert str(clean.read(JOB, made(), None)) == f"Job kong/kongip-{RUN} (run {RUN})"


@pytest.mark.parametrize(
    ("kind", "name", "taken"),
    [
        (POD, f"kongip-{RUN}-x7k2p", True),
        (POD, f"kongip-{RUN}", False),
        (POD, f"kongip-{RUN}-shop-x7k2p", False),
        (HTTP_ROUTE, f"kongip-{RUN}", True),
        (HTTP_ROUTE, f"kongip-{RUN}-1", True),
        (HTTP_ROUTE, f"kongip-{RUN}-shop", False),
        (NETWORK_POLICY, f"kongip-{RUN}", True),
        (SERVICE, f"kongip-{RUN}-1", False),
        (CONFIG_MAP, "settings", False),
        (CONFIG_MAP, "kongip-fedcba9876", False),
    ],
)
def test_only_the_names_that_a_run_gives_are_a_runs(kind: Resource, name: str, taken: bool) -> None:
    assert (clean.read(kind, made(name), NOW) is not None) is taken


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"app.kubernetes.io/managed-by": "kongip"},
        {"kongip/run": RUN},
        {"app.kubernetes.io/managed-by": "Helm", "kongip/run": RUN},
        {"app.kubernetes.io/managed-by": "kongip", "kongip/run": "shop"},
        {"app.kubernetes.io/managed-by": "kongip", "kongip/run": ""},
    ],
)
def test_without_both_labels_as_a_run_writes_them_nothing_is_kongips(labels: dict[str, str]) -> None:
    assert clean.read(SERVICE, made(labels=labels), NOW) is None
    assert clean.read(SERVICE, made("kongip-", labels), NOW) is None


def test_what_is_about_to_go_is_not_told() -> None:
    assert clean.read(JOB, made(deletionTimestamp="2027-01-15T08:00:00Z"), NOW) is None


def test_the_age_of_a_run_is_that_of_its_oldest_object() -> None:
    job, late = clean.read(JOB, made(), NOW), clean.read(SERVICE, made(creationTimestamp="2027-01-15T07:59:59Z"), NOW)
    unknown = clean.read(JOB, made(f"kongip-{RUN[::-1]}", {**OURS, "kongip/run": RUN[::-1]}), None)
    assert job
    assert late
    assert unknown is None or unknown.age is None
    assert clean.older_than([job, late], 299) == (job, late)
    assert clean.older_than([job, late], 301) == ()
    assert clean.older_than([clean.read(JOB, made(), None) or job], 0) == ()


class Server:
    """An API server with these Jobs; a deletion that names another uid than the object has is refused."""

    def __init__(self, *jobs: Object) -> None:
        self.jobs = list(jobs)
        self.refused: dict[str, tuple[int, Any]] = {}
        self.deleted: list[tuple[str, Any]] = []

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        kind = path.split("/")[-1 if method == "GET" else -2]
        if kind in self.refused:
            return self.refused[kind]
        if method == "GET":
            return 200, {"items": self.jobs if kind == "jobs" else []}
        self.deleted.append((path, body))
        name = path.rpartition("/")[2]
        there = next((one for one in self.jobs if one["metadata"]["name"] == name), None)
        if there is None or there["metadata"]["uid"] != body["preconditions"]["uid"]:
            return 409, {"message": "the uid in the precondition does not match"}
        self.jobs.remove(there)
        return 200, {}


def test_what_has_taken_an_objects_place_is_left_alone() -> None:
    server = Server(made(uid="u-2"))
    api, _ = scripted(server)
    before = clean.read(JOB, made(uid="u-1"), NOW)
    assert before is not None
    assert clean.remove(api, [before]) == {}
    assert [one["metadata"]["uid"] for one in server.jobs] == ["u-2"]


def test_a_job_takes_along_what_hangs_by_it() -> None:
    server = Server(made())
    api, _ = scripted(server)
    assert clean.remove(api, clean.find(api, None, None).left) == {}
    [(path, order)] = server.deleted
    assert path == f"/apis/batch/v1/namespaces/kong/jobs/kongip-{RUN}"
    assert order["propagationPolicy"] == "Background"


def test_both_labels_are_asked_for_and_the_run_that_is_named() -> None:
    api, transport = scripted(Server())
    clean.find(api, "kong", RUN)
    wanted = f"labelSelector=app.kubernetes.io/managed-by=kongip,kongip/run={RUN}&"
    assert len([query for query in transport.queries if query.startswith(wanted)]) == len(clean.KINDS)


def test_a_kind_that_may_not_be_listed_is_told_and_jobs_have_to_be() -> None:
    server = Server(made())
    server.refused = {"httproutes": (403, {"message": "httproutes is forbidden"})}
    api, _ = scripted(server)
    found = clean.find(api, None, None)
    assert [kind.plural for kind in found.unlisted] == ["httproutes"]
    assert len(found.left) == 1
    server.refused = {"jobs": (403, {"message": "jobs.batch is forbidden"})}
    with pytest.raises(Stop, match=r"jobs\.batch is forbidden\. Name a namespace"):
        clean.find(api, None, None)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "--context"),
        (("--context", "a", "--admin-url", "http://127.0.0.1"), "--admin-url"),
        (("--admin-url", "http://127.0.0.1", "--run", RUN), "--run goes with --context"),
        (("--admin-url", "http://127.0.0.1", "--older-than", "1h"), "--older-than goes with --context"),
        (("--context", "a", "--run", "a,b=c"), "'a,b=c'"),
        (("--context", "a", "--older-than", "soon"), "'soon'"),
        (("--context", "a", "--older-than", "5w"), "'5w'"),
        (("--context", "a", "--namespace", "a/b"), "'a/b'"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], named: str
) -> None:
    assert main(["clean", *arguments]) == 2
    assert named in capsys.readouterr().err
