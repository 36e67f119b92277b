"""Which rights are asked for, and which are told to be missing."""

from __future__ import annotations

from typing import Any

from diagnose.cluster import rights
from diagnose.cluster.manifests import created
from diagnose.cluster.route import ByClass, ByGateway
from tests.diagnose.cluster.things import gateway, scripted


def test_only_what_the_server_denies_is_missing() -> None:
    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        wanted = body["spec"]["resourceAttributes"]
        if wanted["verb"] == "delete":
            return 500, {"message": "the server would not say"}
        return 201, {"status": {"allowed": wanted["resource"] != "ingresses"}}

    api, transport = scripted(answer)
    lacking = rights.missing(api, rights.deploying("kong", created(ByClass("kong"))))
    assert [str(right) for right in lacking] == ["create ingresses.networking.k8s.io in namespace kong"]
    assert len(transport.asked) == len(rights.deploying("kong", created(ByClass("kong"))))


def test_on_a_gateway_the_rights_to_http_routes_are_asked_for_in_place_of_those_to_ingresses() -> None:
    asked = {str(right) for right in rights.deploying("kong", created(ByGateway(gateway())))}
    routes = "httproutes.gateway.networking.k8s.io in namespace kong"
    assert {f"create {routes}", f"delete {routes}"} <= asked
    assert not [right for right in asked if "ingresses" in right]


def test_a_right_to_a_part_of_a_resource_is_written_as_people_do() -> None:
    assert [str(right) for right in rights.executing("kong")] == [
        "create pods/exec in namespace kong",
        "get pods/exec in namespace kong",
    ]
