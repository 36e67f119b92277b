"""Which rights are asked for, and which are told to be missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from diagnose.cluster import rights
from diagnose.cluster.manifests import AS_USUAL, Admission, created
from diagnose.cluster.rights import Mode
from diagnose.cluster.route import ByClass, ByGateway
from diagnose.cluster.snapshot import PATHS
from tests.diagnose.cluster.things import gateway, scripted

KINDS = created(ByClass("kong"), AS_USUAL)
PLACES = rights.namespaces("kong", "mine")


def asked(mode: Mode, *, execute: bool = True, kinds: Any = KINDS) -> set[str]:
    """The rights of a mode, as people write them."""
    wanted = rights.needs(mode, kinds, execute=execute)
    return {str(right) for need in wanted for right in rights.rights_of(need, PLACES)}


def test_only_what_the_server_denies_is_missing_and_what_it_would_tell() -> None:
    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
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
    once = {json.dumps(body["spec"]["resourceAttributes"], sort_keys=True) for _, _, body in transport.asked}
    assert len(once) == len({str(r) for n in rights.making(KINDS) for r in rights.rights_of(n, PLACES)})


def test_what_has_no_namespace_is_asked_for_everywhere_and_one_object_by_its_name() -> None:
    api, transport = scripted(lambda method, path, body: (201, {"status": {"allowed": False}}))
    lacking = [str(one.right) for one in rights.missing(api, rights.READING, PLACES)]
    attributes = [body["spec"]["resourceAttributes"] for _, _, body in transport.asked]

    assert "list nodes in the whole cluster" in lacking
    assert "get configmaps/cilium-config in namespace kube-system" in lacking
    assert [one for one in attributes if one["resource"] == "nodes" and "namespace" in one] == []
    named = {one["name"] for one in attributes if one.get("namespace") == "kube-system"}
    assert named == {"cilium-config", "kube-proxy", "kube-proxy-config"}


def test_a_right_that_two_need_is_asked_for_once_and_is_vital_if_it_is_for_one() -> None:
    api, transport = scripted(lambda method, path, body: (201, {"status": {"allowed": False}}))
    wanted = rights.needs(Mode.DIAGNOSE, KINDS, execute=True)
    lacking = rights.missing(api, wanted, rights.namespaces("kong", "kong"))

    assert [one.need.vital for one in lacking if str(one.right) == "list pods in namespace kong"] == [True]
    assert len(transport.asked) == len(lacking) == len({one.right for one in lacking})


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
