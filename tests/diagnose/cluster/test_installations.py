"""In each of the ways in which Kong is installed, its Service is found, and what a route to it hangs by."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from diagnose.cluster.discover import discover
from diagnose.cluster.fronts import fronts_of
from diagnose.cluster.objects import full_name
from diagnose.cluster.replies import Object
from diagnose.cluster.route import ByClass
from diagnose.cluster.snapshot import PATHS, Snapshot
from diagnose.errors import Stop

FOLDER = Path(__file__).parent / "installations"


def installation(name: str) -> Snapshot:
    """What a cluster with this installation says of itself."""
    objects: dict[str, list[Object]] = defaultdict(list)
    for thing in yaml.safe_load_all((FOLDER / f"{name}.yaml").read_text()):
        word = thing["kind"].lower()
        (kind,) = {word + "s", word + "es"} & set(PATHS)
        objects[kind].append(thing)
    return Snapshot({kind: tuple(things) for kind, things in objects.items()})


def found(name: str, **narrowing: str) -> tuple[str, str]:
    """Kong's Service, and its class or Gateway."""
    kong = discover(installation(name), **narrowing)
    assert kong.route is not None
    by = kong.route.name if isinstance(kong.route, ByClass) else f"Gateway {full_name(kong.route.gateway)}"
    return full_name(kong.service), by


@pytest.mark.parametrize(
    ("name", "service", "route"),
    [
        ("chart-kong", "kong/edge-kong-proxy", "kong"),
        ("chart-ingress", "gateway/edge-gateway-proxy", "kong"),
        ("all-in-one", "kong/kong-proxy", "kong"),
        ("daemon-set", "kong/edge-kong-proxy", "kong"),
        ("behind-an-ingress", "kong/inner-kong-proxy", "kong"),
    ],
)
def test_the_one_kong_is_found_without_a_flag(name: str, service: str, route: str) -> None:
    assert found(name) == (service, route)


def test_two_kongs_stop_with_both_names_and_each_flag_chooses_one() -> None:
    with pytest.raises(Stop) as stopped:
        found("two-kongs")
    assert stopped.value.status == 2
    assert stopped.value.what == (
        "There are several Kongs: kong-public/public-kong-proxy (LoadBalancer, ingress class kong-public); "
        "kong-office/office-kong-proxy (NodePort, ingress class kong-office)."
    )
    office = ("kong-office/office-kong-proxy", "kong-office")
    assert found("two-kongs", service=office[0]) == office
    assert found("two-kongs", ingress_class=office[1]) == office


PUBLIC = ("edge/dataplane-ingress-public-7mvkp-n4j2w", "Gateway edge/public")
PRIVATE = ("edge/dataplane-ingress-private-x2c9d-b7h1m", "Gateway edge/private")


@pytest.mark.parametrize("kong", [PUBLIC, PRIVATE], ids=["by its address", "by its owner"])
def test_an_operators_service_and_its_gateway_are_found_by_each_other(kong: tuple[str, str]) -> None:
    assert found("operator", service=kong[0]) == kong
    assert found("operator", gateway=kong[1].removeprefix("Gateway ")) == kong


def test_two_gateways_of_an_operator_stop_with_the_services_that_callers_reach() -> None:
    with pytest.raises(Stop) as stopped:
        found("operator")
    assert stopped.value.status == 2
    assert stopped.value.what == f"There are several Kongs: {PUBLIC[0]} (LoadBalancer); {PRIVATE[0]} (NodePort)."


def test_another_ingress_in_front_of_kong_is_its_front() -> None:
    view = installation("behind-an-ingress")
    kong = discover(view)
    assert [front.name for front in fronts_of(view, kong.service, kong.route)] == ["Ingress kong/to-kong"]
