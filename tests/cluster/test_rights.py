"""Least rights on a real API server: every mode under exactly the Role that is printed for it, and under less.

What was asked of the API server is read in its audit log.
"""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from diagnose.cluster import rights
from diagnose.cluster.api import connect
from diagnose.cluster.manifests import AS_USUAL, created
from diagnose.cluster.rights import Mode, Right
from diagnose.cluster.route import ByClass
from tests.cluster import topologies
from tests.cluster.accounts import NAME, USER, account_under
from tests.cluster.bed import AUDIT_LOG, CONTEXT, Object, apply, until
from tests.cluster.command import KONGIP, Run, assert_nothing_left, diagnose, left_behind, said

PLACES = rights.namespaces("kong", "kong")
MODES: dict[Mode, Callable[..., Run]] = {  # those that end with a report; test_capture has the others
    Mode.DIAGNOSE: diagnose,
    Mode.NO_ECHO: lambda *more: said("diagnose", "--no-echo", *more),
    Mode.INSPECT: lambda *more: said("inspect", *more),
}


@pytest.fixture(scope="module")
def kong(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One Kong pod behind a balancer that passes packets through: nothing is wrong but rights."""
    with topologies.built(topologies.PASSING, tmp_path_factory.mktemp("kong")):
        yield


pytestmark = pytest.mark.usefixtures("kong")


def printed(mode: Mode, *flags: str) -> list[Object]:
    """The Roles of a mode and what binds them to the account, as `kongip rbac` prints them."""
    command = [str(KONGIP), "rbac", "--mode", mode, "--service-account", f"default/{NAME}", *flags]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return list(yaml.safe_load_all(text))


def run(mode: Mode, path: Path, *more: str) -> Run:
    """The mode as the account."""
    return MODES[mode]("--kubeconfig", str(path), *more)


def without(documents: list[Object], right: Right) -> list[Object]:
    """The same Roles but for one right."""
    less = copy.deepcopy(documents)
    for one in less:
        for rule in one.get("rules", ()):
            meant = (rule["apiGroups"], rule["resources"], one["metadata"].get("namespace"))
            names = rule.get("resourceNames")
            if meant != ([right.group], [right.resource], right.namespace) or bool(names) is not bool(right.name):
                continue
            if names:
                rule["resourceNames"] = [name for name in names if name != right.name]
            else:
                rule["verbs"] = [verb for verb in rule["verbs"] if verb != right.verb]
        if "rules" in one:
            one["rules"] = [rule for rule in one["rules"] if rule["verbs"] and rule.get("resourceNames") != []]
    assert less != documents
    return less


def told_of(run: Run) -> str:
    """All that a report says is missing, unknown or not measured, and what stopped the run that has none."""
    if run.report is None:
        return run.errors
    lacking = [line for one in run.report["findings"] if one["code"] in ("KIP602", "KIP703") for line in one["because"]]
    return "\n".join([*lacking, *(f"{gap['what']}: {gap['why']}" for gap in run.report["not_measured"])])


READING = ("get", "list", "watch")


class Audit:
    """What the account asked for since this was made: (verb, resource), and what of that changes anything."""

    def __init__(self) -> None:
        self._from = AUDIT_LOG.stat().st_size

    def asked(self) -> set[tuple[str, str]]:
        """Each verb and resource once, a part of one as "pods/exec"."""
        with AUDIT_LOG.open("rb") as log:
            log.seek(self._from)
            events = [json.loads(line) for line in log if line.endswith(b"\n")]
        ours = (one["objectRef"] for one in events if one["user"]["username"] == USER and "objectRef" in one)
        verbs = [one["verb"] for one in events if one["user"]["username"] == USER and "objectRef" in one]
        return {
            (verb, "/".join(filter(None, (ref["resource"], ref.get("subresource")))))
            for verb, ref in zip(verbs, ours, strict=True)
        }

    def reached_in(self) -> set[str]:
        """The parts of pods that were entered, by whatever verb."""
        return {resource for _, resource in self.asked()} & {"pods/exec", "pods/portforward", "pods/attach"}

    def changed(self) -> set[tuple[str, str]]:
        """What was created, changed or deleted, but for entering pods."""
        entering = ("pods/exec", "pods/portforward")
        return {(verb, what) for verb, what in self.asked() if verb not in READING and what not in entering}


@pytest.mark.parametrize("mode", [*MODES])
def test_a_mode_lacks_nothing_under_exactly_its_role(mode: Mode, tmp_path: Path) -> None:
    with account_under(printed(mode), tmp_path) as path:
        audit = Audit()
        ended = run(mode, path)

    assert ended.report is not None, ended.errors
    assert "forbidden" not in json.dumps(ended.report)
    assert not [one for one in ended.report["findings"] if one["code"] == "KIP703"]
    if mode is not Mode.INSPECT:
        assert (ended.status, ended.report["verdict"]) == (0, "preserved")
    assert ("list", "services") in audit.asked()
    assert_nothing_left()


@pytest.mark.parametrize("flags", [(), ("--no-exec",)], ids=["", "no-exec"])
@pytest.mark.parametrize("mode", [Mode.NO_ECHO, Mode.INSPECT])
def test_a_read_only_mode_changes_nothing_by_the_api_servers_own_log(
    mode: Mode, flags: tuple[str, ...], tmp_path: Path
) -> None:
    with account_under(printed(mode, *flags), tmp_path) as path:
        audit = Audit()
        ended = run(mode, path, *(flags if mode is Mode.NO_ECHO else ()))

    assert ended.report is not None, ended.errors
    assert audit.asked() >= {("list", "services"), ("list", "pods")}
    assert audit.changed() == set()
    assert audit.reached_in() == ({"pods/exec"} if mode is Mode.NO_ECHO and not flags else set())
    assert left_behind() == []


def test_the_audit_log_would_show_what_is_made(tmp_path: Path) -> None:
    with account_under(printed(Mode.DIAGNOSE), tmp_path) as path:
        audit = Audit()
        run(Mode.DIAGNOSE, path)

    assert audit.changed() >= {("create", "jobs"), ("create", "ingresses"), ("delete", "jobs")}


def rights_of(mode: Mode) -> list[Right]:
    """Each right of a mode that no other of its rights implies."""
    wanted = rights.needs(mode, created(ByClass("kong"), AS_USUAL), execute=True)
    every = dict.fromkeys(right for need in wanted if not need.secret for right in rights.rights_of(need, PLACES))
    whole = {(one.verb, one.group, one.resource) for one in every if one.namespace is None}
    return [one for one in every if one.namespace is None or (one.verb, one.group, one.resource) not in whole]


@pytest.mark.usefixtures("client")
def test_each_right_that_is_missing_is_named_alone_before_anything_is_made(tmp_path: Path) -> None:
    documents = printed(Mode.DIAGNOSE)
    needs = rights.needs(Mode.DIAGNOSE, created(ByClass("kong"), AS_USUAL), execute=True)
    with account_under(documents, tmp_path) as path:
        api = connect(CONTEXT, str(path))

        def lacking(*expected: Right) -> Callable[[], bool]:
            return lambda: [one.right for one in rights.missing(api, needs, PLACES)] == [*expected]

        until("nothing is missing", lacking())
        for right in rights_of(Mode.DIAGNOSE):
            apply(*without(documents, right))
            until(f"{right} is missing, and nothing else", lacking(right), 5)
            apply(*documents)
        api.close()


LOGS = Right("get", "", "pods/log", "kong")
SOME = (
    (LOGS, "which address Kong logs"),
    (Right("create", "batch", "jobs", "kong"), "both of the addresses that Kong holds"),
    (Right("get", "", "services/proxy", "kong"), "which address the API server sees the caller at"),
    (Right("list", "", "nodes", None), "whose their addresses are"),
)


@pytest.mark.parametrize(("right", "untold"), SOME, ids=lambda one: str(one) if isinstance(one, Right) else "")
def test_a_diagnosis_goes_on_without_a_right_and_says_what_it_cannot_tell(
    right: Right, untold: str, tmp_path: Path
) -> None:
    with account_under(without(printed(Mode.DIAGNOSE), right), tmp_path) as path:
        ended = run(Mode.DIAGNOSE, path)

    assert ended.report is not None, ended.errors
    assert (ended.status, ended.report["verdict"]) == (0, "preserved")
    assert f"you may not {right}" in told_of(ended)
    assert untold in told_of(ended)
    before, made, _ = ended.errors.partition("deploying the echo")
    assert f"you may not {right}" in before
    assert bool(made) is (right.resource != "jobs")
    assert_nothing_left()


UNATTEMPTED = {"configmaps", "pods/portforward", "dataplanes", "gateways", "gatewayclasses", "gatewayconfigurations"}
"""What is asked for only where Kong's objects refer to it: here they do not, and so nothing is missed."""


def attempted(right: Right) -> bool:
    """Whether a read-only run asks for it here: under Local, with a Kong that believes nobody."""
    if right.name is not None or right.resource.endswith("plugins"):
        return False
    return right.verb == "list" or right.resource not in UNATTEMPTED


@pytest.mark.parametrize("mode", [Mode.NO_ECHO, Mode.INSPECT])
def test_a_read_only_mode_names_each_right_that_it_missed_and_goes_on(mode: Mode, tmp_path: Path) -> None:
    documents = printed(mode)
    with account_under(documents, tmp_path) as path:
        for right in rights_of(mode):
            if not attempted(right):
                continue
            if (right.verb, right.resource) == ("create", "pods/exec"):
                continue  # this API server asks for get
            apply(*without(documents, right))
            ended = run(mode, path, *(("--connections", "2") if mode is Mode.NO_ECHO else ()))
            told = told_of(ended)
            kind = f'"{right.resource}"'
            assert kind in told, f"{right}: {told}"
            assert (ended.report is not None) is (right.resource != "services"), f"{right}: {ended.errors}"
            apply(*documents)
