"""Which rights are asked for, and which are told to be missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from diagnose.cluster import rights
from diagnose.cluster.manifests import AS_USUAL, Admission, created
from diagnose.cluster.rights import Mode, Right
from diagnose.cluster.route import ByClass, ByGateway
from diagnose.cluster.snapshot import PATHS
from tests.diagnose.cluster.things import NO_RULES, Transport, gateway, scripted

KINDS = created(ByClass("kong"), AS_USUAL)
PLACES = rights.namespaces("kong", "mine")


RULES = "selfsubjectrulesreviews"


def denying(method: str, path: str, body: Any) -> tuple[int, Any]:
    """A server that grants nothing."""
    return NO_RULES if path.endswith(RULES) else (201, {"status": {"allowed": False}})


def reviewed(transport: Transport) -> list[dict[str, Any]]:
    """The rights that the server was asked for one by one."""
    return [body["spec"]["resourceAttributes"] for _, path, body in transport.asked if not path.endswith(RULES)]


def asked(mode: Mode, *, execute: bool = True, kinds: Any = KINDS) -> set[str]:
    """The rights of a mode, as people write them."""
    wanted = rights.needs(mode, kinds, execute=execute)
    return {str(right) for need in wanted for right in rights.rights_of(need, PLACES)}


def test_only_what_the_server_denies_is_missing_and_what_it_would_tell() -> None:
    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        if path.endswith(RULES):
            return NO_RULES
        wanted = body["spec"]["resourceAttributes"]
        if wanted["verb"] == "delete":
            return 500, {"message": "the server would not say"}
        return 201, {"status": {"allowed": wanted["resource"] != "ingresses"}}

    api, transport = scripted(answer)
    lacking = rights.missing(api, rights.making(KINDS), PLACES)

    assert [str(one) for one in lacking] == [
        "create ingresses.networking.k8s.io in namespace mine; it would tell "
        "both of the addresses that Kong holds, by the echo behind it",
        "list ingresses.networking.k8s.io in namespace mine; it would tell whether all that the run made is gone",
    ]
    assert [one.need.vital for one in lacking] == [True, False]
    once = {json.dumps(one, sort_keys=True) for one in reviewed(transport)}
    assert len(once) == len({str(r) for n in rights.making(KINDS) for r in rights.rights_of(n, PLACES)})


def test_what_has_no_namespace_is_asked_for_everywhere_and_one_object_by_its_name() -> None:
    api, transport = scripted(denying)
    lacking = [str(one.right) for one in rights.missing(api, rights.READING, PLACES)]
    attributes = reviewed(transport)

    assert "list nodes in the whole cluster" in lacking
    assert "get configmaps/cilium-config in namespace kube-system" in lacking
    assert [one for one in attributes if one["resource"] == "nodes" and "namespace" in one] == []
    named = {one["name"] for one in attributes if one.get("namespace") == "kube-system"}
    assert named == {"cilium-config", "kube-proxy", "kube-proxy-config"}


def test_a_right_that_two_need_is_asked_for_once_and_is_vital_if_it_is_for_one() -> None:
    api, transport = scripted(denying)
    wanted = rights.needs(Mode.DIAGNOSE, KINDS, execute=True)
    lacking = rights.missing(api, wanted, rights.namespaces("kong", "kong"))

    assert [one.need.vital for one in lacking if str(one.right) == "list pods in namespace kong"] == [True]
    assert len(reviewed(transport)) == len(lacking) == len({one.right for one in lacking})


ADMIN = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def test_what_the_rules_of_a_namespace_grant_is_not_asked_for_one_by_one() -> None:
    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        if path.endswith(RULES):
            rules = [ADMIN] if body["spec"]["namespace"] in ("kong", "mine") else []
            return 201, {"status": {"resourceRules": rules, "incomplete": False}}
        return 201, {"status": {"allowed": False}}

    api, transport = scripted(answer)
    lacking = rights.missing(api, rights.needs(Mode.DIAGNOSE, KINDS, execute=True), PLACES)

    assert {one.right.namespace for one in lacking} == {None, "kube-system"}
    assert {one.get("namespace") for one in reviewed(transport)} == {None, "kube-system"}


def test_the_rules_of_the_whole_cluster_are_those_that_hold_where_no_namespace_is() -> None:
    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        asked_of.append(body["spec"]["namespace"])
        return 201, {"status": {"resourceRules": [ADMIN], "incomplete": False}}

    asked_of: list[str] = []
    api, transport = scripted(answer)
    assert rights.missing(api, rights.needs(Mode.DIAGNOSE, KINDS, execute=True), PLACES) == ()
    assert reviewed(transport) == []
    assert sorted(asked_of) == sorted(["kong", "mine", "kube-system", rights.NOWHERE])


@pytest.mark.parametrize(
    ("rule", "granted"),
    [
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]}, True),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["*/log"]}, True),
        ({"verbs": ["get"], "apiGroups": ["*"], "resources": ["*"]}, True),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, False),
        ({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["*"]}, False),
        ({"verbs": ["list"], "apiGroups": [""], "resources": ["pods/log"]}, False),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"], "resourceNames": ["kong-1"]}, False),
        ({"verbs": ["get"], "resources": None}, False),
    ],
)
def test_a_rule_grants_a_part_of_a_kind_as_the_server_reads_it(rule: Any, granted: bool) -> None:
    assert rights.grants(rule, Right("get", "", "pods/log", "kong")) is granted


def test_a_rule_for_some_objects_grants_those_alone() -> None:
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["kube-proxy"]}
    granted = [rights.grants(rule, Right("get", "", "configmaps", "kube-system", name)) for name in _NAMES]
    assert granted == [True, False, False]


_NAMES = ("kube-proxy", "cilium-config", None)


def test_on_a_gateway_the_rights_to_http_routes_are_asked_for_in_place_of_those_to_ingresses() -> None:
    wanted = asked(Mode.DIAGNOSE, kinds=created(ByGateway(gateway()), AS_USUAL))
    routes = "httproutes.gateway.networking.k8s.io in namespace mine"
    assert {f"create {routes}", f"delete {routes}"} <= wanted
    assert not [right for right in wanted if "ingresses.networking.k8s.io in namespace" in right]


def test_a_network_policy_takes_rights_of_its_own() -> None:
    policies = {right for right in asked(Mode.DIAGNOSE) if "networkpolicies" in right}
    wanted = asked(Mode.DIAGNOSE, kinds=created(ByClass("kong"), Admission(policy=True)))
    assert policies == set()
    assert "create networkpolicies.networking.k8s.io in namespace mine" in wanted


@pytest.mark.parametrize("mode", [Mode.NO_ECHO, Mode.INSPECT])
def test_a_mode_that_makes_nothing_needs_but_to_read_and_to_reach_into_kongs_pods(mode: Mode) -> None:
    others = {right for right in asked(mode) if not right.startswith(("get ", "list "))}
    assert others <= {"create pods/exec in namespace kong", "create pods/portforward in namespace kong"}
    assert {right for right in asked(mode, execute=False) if not right.startswith(("get ", "list "))} == set()
    assert not [right for right in asked(mode) if "mine" in right]


def test_capturing_makes_pods_where_it_is_told_and_containers_in_kongs_own() -> None:
    reading = asked(Mode.INSPECT)
    assert asked(Mode.EPHEMERAL) - reading == {
        "patch pods/ephemeralcontainers in namespace kong",
        "create pods/exec in namespace kong",
        "get pods/exec in namespace kong",
    }
    made = asked(Mode.CAPTURE) - reading
    assert {"create jobs.batch in namespace mine", "get pods/exec in namespace mine"} <= made
    assert all(right.endswith("in namespace mine") for right in made)


def test_every_kind_that_is_listed_throughout_the_cluster_is_in_the_table() -> None:
    cluster = rights.untold(rights.Scope.CLUSTER)
    assert set(PATHS) <= set(cluster)
    assert all(cluster[kind] for kind in PATHS)
