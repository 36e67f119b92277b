"""Where probes can be sent to, told from objects alone."""

from __future__ import annotations

from typing import Any

import pytest

from diagnose.cluster.entries import (
    MOST_ADDRESSES,
    check_reachable,
    front_entries,
    parse_url,
    pod_entries,
    service_entries,
    url_entries,
)
from diagnose.cluster.fronts import fronts_of, route_hosts
from diagnose.cluster.ports import WebPort, web_ports
from diagnose.cluster.replies import Object
from diagnose.cluster.route import ByClass, ByGateway
from diagnose.cluster.snapshot import Snapshot
from diagnose.errors import Stop
from diagnose.path.settings import Listener
from diagnose.site import Entry, EntryKind, Kong
from probes.probe import Vantage
from tests.diagnose.cluster.things import kong_pod, proxy_service, thing

NAMES = {"lb.example": ("192.0.2.20", "2001:db8::20")}
KONG = ByClass("kong")
WEB = (WebPort(80, 8000, "http"), WebPort(443, 8443, "https"))


def lookup(name: str) -> tuple[str, ...]:
    return (name,) if name[0].isdigit() else NAMES.get(name, ())


def seen(entries: tuple[Entry, ...]) -> list[tuple[Any, ...]]:
    return [(one.address, one.port, one.scheme, one.host, one.listener) for one in entries]


def test_every_published_address_and_port_is_an_entry() -> None:
    service = proxy_service(published=[{"ip": "192.0.2.10"}, {"hostname": "lb.example"}])
    service["spec"]["externalIPs"] = ["192.0.2.30"]
    found = service_entries(service, WEB[:1], None, lookup)
    assert seen(found.entries) == [
        ("192.0.2.10", 80, "http", None, 8000),
        ("192.0.2.20", 80, "http", None, 8000),
        ("2001:db8::20", 80, "http", None, 8000),
        ("192.0.2.30", 80, "http", None, 8000),
    ]
    assert found.gaps == ()


def test_a_published_name_that_does_not_resolve_is_a_gap() -> None:
    found = service_entries(proxy_service(published=[{"hostname": "gone.example"}]), WEB, None, lookup)
    assert found.entries == ()
    assert [gap.what for gap in found.gaps] == ["Service kong/kong-proxy at gone.example"]


def test_listeners_decide_what_is_spoken_and_which_ports_are_left_out() -> None:
    service = proxy_service(
        spec={
            "ports": [
                {"name": "a", "port": 9080, "targetPort": "plain"},
                {"name": "b", "port": 9443, "targetPort": 8443},
                {"name": "http-like", "port": 80, "targetPort": 9000},
                {"name": "udp", "port": 8000, "targetPort": 8000, "protocol": "UDP"},
            ]
        }
    )
    pods = [kong_pod(ports=[{"name": "plain", "containerPort": 8000}])]
    listeners = (Listener(8000), Listener(8443, tls=True))
    assert web_ports(service, pods, listeners) == (WebPort(9080, 8000, "http"), WebPort(9443, 8443, "https"))


def test_without_listeners_names_and_numbers_of_ports_tell() -> None:
    service = proxy_service()
    service["spec"]["ports"].append({"name": "stream", "port": 9000, "targetPort": 9000})
    assert web_ports(service, [], None) == WEB


def alb(**more: Any) -> Object:
    backend = {"service": {"name": "kong-proxy", "port": {"number": 80}}}
    paths = [{"path": more.pop("path", "/"), "pathType": "Prefix", "backend": backend}]
    spec = {
        "ingressClassName": more.pop("named", "alb"),
        "rules": [{"host": "*.shop.example", "http": {"paths": paths}}],
    }
    return thing("front", spec, status={"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}, **more)


def fronts(ingress: Object) -> Snapshot:
    return Snapshot({"ingresses": (ingress,)})


def test_an_ingress_of_another_class_that_leads_to_kong_is_an_entry_with_a_host_of_its_rule() -> None:
    annotations = {"alb.ingress.kubernetes.io/listen-ports": '[{"HTTP": 80}, {"HTTPS": 8443}]'}
    service = proxy_service()
    view = fronts(alb(metadata={"annotations": annotations}))
    found = front_entries(fronts_of(view, service, KONG), service, WEB, lookup)
    assert seen(found.entries)[:2] == [
        ("192.0.2.20", 80, "http", "kongip.shop.example", 8000),
        ("192.0.2.20", 8443, "https", "kongip.shop.example", 8000),
    ]
    assert {one.kind for one in found.entries} == {EntryKind.FRONT}


@pytest.mark.parametrize(
    "ingress",
    [alb(named="kong"), alb(namespace="other")],
    ids=["of Kong's own class", "of another namespace"],
)
def test_an_ingress_that_does_not_lead_to_kong_is_no_front(ingress: Object) -> None:
    assert fronts_of(fronts(ingress), proxy_service(), KONG) == ()


def test_a_front_that_sends_only_some_paths_is_a_gap() -> None:
    service = proxy_service()
    found = front_entries(fronts_of(fronts(alb(path="/api")), service, KONG), service, WEB, lookup)
    assert found.entries == ()
    assert [gap.what for gap in found.gaps] == ["Ingress kong/front"]


def test_a_gateway_whose_route_leads_to_kong_is_an_entry() -> None:
    gateway = thing(
        "outer",
        {"listeners": [{"port": 80, "protocol": "HTTP"}, {"port": 5432, "protocol": "TCP"}]},
        namespace="infra",
        status={"addresses": [{"type": "IPAddress", "value": "192.0.2.40"}]},
    )
    route = thing(
        "to-kong",
        {
            "hostnames": ["shop.example"],
            "parentRefs": [{"name": "outer", "namespace": "infra"}],
            "rules": [{"backendRefs": [{"name": "kong-proxy", "port": 80}]}],
        },
    )
    service = proxy_service()
    view = Snapshot({"gateways": (gateway,), "httproutes": (route,)})
    found = front_entries(fronts_of(view, service, KONG), service, WEB, lookup)
    assert seen(found.entries) == [("192.0.2.40", 80, "http", "shop.example", 8000)]
    assert fronts_of(view, service, ByGateway(gateway)) == ()


def test_a_url_gives_an_entry_for_each_address_of_its_name() -> None:
    found = url_entries(["https://lb.example"], None, lookup)
    assert seen(found.entries) == [
        ("192.0.2.20", 443, "https", "lb.example", None),
        ("2001:db8::20", 443, "https", "lb.example", None),
    ]
    assert seen(url_entries(["http://192.0.2.5:8080/"], "shop.example", lookup).entries) == [
        ("192.0.2.5", 8080, "http", "shop.example", None)
    ]


@pytest.mark.parametrize(
    "url", ["lb.example", "ftp://lb.example", "http://", "http://a/b", "http://a:99999", "http://[x"]
)
def test_a_wrong_url_is_a_usage_error(url: str) -> None:
    with pytest.raises(Stop) as stopped:
        parse_url(url)
    assert stopped.value.status == 2


def test_a_url_whose_name_does_not_resolve_stops_the_run() -> None:
    with pytest.raises(Stop, match="does not resolve") as stopped:
        url_entries(["http://gone.example"], None, lookup)
    assert stopped.value.status == 4


def test_ready_pods_are_entries_from_inside() -> None:
    kongs = [Kong("kong/a", "10.78.1.5", "n1", True, None, ""), Kong("kong/b", "10.78.1.6", "n1", False, None, "")]
    found = pod_entries(kongs, WEB, None)
    assert seen(found) == [("10.78.1.5", 8000, "http", None, 8000), ("10.78.1.5", 8443, "https", None, 8443)]
    assert {(one.kind, one.vantage) for one in found} == {(EntryKind.POD, Vantage.INSIDE)}


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (proxy_service(published=[]), "pending"),
        (proxy_service(published=[], spec={"type": "NodePort"}), "type NodePort, and no node is known to lead to it"),
        (proxy_service(published=[{"hostname": "gone.example"}]), "resolves here"),
    ],
)
def test_no_way_in_stops_the_run_and_names_the_service(service: Object, words: str) -> None:
    inside = pod_entries([Kong("kong/a", "10.78.1.5", "n1", True, None, "")], WEB, None)
    with pytest.raises(Stop, match=words) as stopped:
        check_reachable(service, WEB, inside)
    assert stopped.value.status == 4
    assert "kong/kong-proxy" in stopped.value.what
    assert "--url" in stopped.value.remedy


def test_a_url_is_a_way_in_while_the_balancer_is_pending() -> None:
    check_reachable(proxy_service(published=[]), WEB, url_entries(["http://192.0.2.5"], None, lookup).entries)


def test_hosts_of_routes_are_collected_once() -> None:
    rules = [{"host": "b.example"}, {"host": "a.example"}, {"http": {}}]
    routes = [thing(name, {"rules": rules, "ingressClassName": "kong"}) for name in ("x", "y")]
    others = thing("z", {"rules": [{"host": "c.example"}], "ingressClassName": "alb"})
    view = Snapshot({"ingresses": (*routes, others)})
    assert route_hosts(view, KONG) == ("a.example", "b.example")


def test_hosts_of_routes_on_kongs_gateway_are_those_of_its_http_routes() -> None:
    spec = {"hostnames": ["b.example", "a.example"], "parentRefs": [{"name": "edge", "namespace": "infra"}]}
    others = thing("z", {"hostnames": ["c.example"], "parentRefs": [{"name": "edge"}]})
    view = Snapshot({"httproutes": (thing("x", spec), others)})
    own = ByGateway(thing("edge", namespace="infra"))
    assert route_hosts(view, own) == ("a.example", "b.example")


def test_of_a_name_with_many_addresses_some_of_each_family_are_probed_and_the_rest_is_told() -> None:
    many = (*(f"192.0.2.{n}" for n in range(1, 51)), *(f"2001:db8::{n:x}" for n in range(1, 51)))
    found = service_entries(proxy_service(published=[{"hostname": "many"}]), WEB[:1], None, lambda _: many)
    addresses = [entry.address for entry in found.entries]
    assert (len(addresses), sum(":" in address for address in addresses)) == (MOST_ADDRESSES, MOST_ADDRESSES // 2)
    assert [gap.what for gap in found.gaps] == ["92 of 100 addresses of Service kong/kong-proxy at many"]
