"""The Roles that are printed: they are the table of rights, no more and no less, and Kubernetes would take them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from diagnose.cli import main
from diagnose.cluster import rights
from diagnose.cluster.manifests import AS_USUAL, created
from diagnose.cluster.route import ByClass


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """The documents that ``kongip rbac`` prints."""
    assert main(["rbac", *arguments]) == 0
    return list(yaml.safe_load_all(capsys.readouterr().out))


def granted(documents: list[dict[str, Any]]) -> set[str]:
    """Every right in them, as people write it."""
    return {
        str(rights.Right(verb, group, resource, one["metadata"].get("namespace"), name))
        for one in documents
        for rule in one.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [None])
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("mode", [*rights.Mode])
@pytest.mark.parametrize("execute", [True, False])
def test_what_is_printed_is_what_is_asked_for(
    capsys: pytest.CaptureFixture[str], mode: rights.Mode, execute: bool
) -> None:
    wanted = rights.needs(mode, created(ByClass("kong"), AS_USUAL), execute=execute)
    elsewhere = mode in (rights.Mode.DIAGNOSE, rights.Mode.CAPTURE)
    places = rights.namespaces("gate", "mine" if elsewhere else "gate")
    flags = [
        *(() if execute else ("--no-exec",)),
        *(("--echo-namespace", "mine") if elsewhere else ()),
    ]

    documents = printed(capsys, "--mode", mode, "--namespace", "gate", *flags)

    named = {str(right) for need in wanted if not need.secret for right in rights.rights_of(need, places)}
    assert granted(documents) == named
    assert {one["kind"] for one in documents} == {"ClusterRole", "Role"}


def test_secrets_are_read_only_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert "secrets" not in str(printed(capsys))
    assert "get secrets in namespace kong" in granted(printed(capsys, "--secrets"))


def test_no_right_is_granted_twice(capsys: pytest.CaptureFixture[str]) -> None:
    for one in printed(capsys, "--network-policy"):
        named = [(*rule["apiGroups"], *rule["resources"], verb) for rule in one["rules"] for verb in rule["verbs"]]
        assert len(named) == len(set(named))


def test_each_role_is_bound_to_all_that_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    documents = printed(capsys, "--user", "jane: doe", "--group", "ops", "--service-account", "ci/kongip")
    roles = [(one["kind"], one["metadata"]) for one in documents if "rules" in one]
    bindings = [one for one in documents if "subjects" in one]

    assert [(one["roleRef"]["kind"], one["metadata"]) for one in bindings] == roles
    for one in bindings:
        group = "rbac.authorization.k8s.io"
        assert one["roleRef"]["apiGroup"] == group
        assert one["subjects"] == [
            {"kind": "User", "name": "jane: doe", "apiGroup": group},
            {"kind": "Group", "name": "ops", "apiGroup": group},
            {"kind": "ServiceAccount", "name": "kongip", "namespace": "ci"},
        ]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--mode", "all"), "'all'"),
        (("--namespace", "../x"), "'../x'"),
        (("--service-account", "kongip"), "NAMESPACE/NAME"),
        (("--mode", "inspect", "--network-policy"), "--network-policy"),
        (("--mode", "no-echo", "--route", "httproute"), "--route"),
        (("--mode", "capture", "--route", "httproute"), "--route goes with --mode diagnose alone"),
        (("--mode", "capture-ephemeral", "--echo-namespace", "mine"), "--mode diagnose or capture alone"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], named: str
) -> None:
    assert main(["rbac", *arguments]) == 2
    assert named in capsys.readouterr().err
