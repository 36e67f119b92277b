"""The route that kongip makes in Kong: what is made, what is told where Kong refuses, and that only it is removed."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from diagnose.admin_api import AdminApi
from diagnose.outside.route import DB_LESS, EchoRoute, make, remove
from tests.diagnose.outside.admin import Admin, admin_api

WANTED = EchoRoute("0123456789", "/kongip-abc", "10.0.0.9", 8080)


@pytest.fixture
def admin() -> Iterator[Admin]:
    with admin_api() as fake:
        yield fake


def foreign(admin: Admin) -> set[str]:
    """Put objects there that look like kongip's and are not; returns their names."""
    service = admin.add("services", 1, "kongip")
    admin.add("services", 2, "team-a")
    admin.add("services", 3)
    admin.add("routes", 4, "kongip", service={"id": service}, paths=["/a"], strip_path=True)
    admin.add("routes", 5, "kongip-run-0123456789", service={"id": service}, paths=["/b"], strip_path=True)
    admin.add("routes", 6, "kongip", "kongip-run-by-hand", service={"id": service}, paths=["/c"], strip_path=True)
    return admin.names()


def test_service_and_routes_bear_both_tags_and_lead_the_whole_path_to_the_echo(admin: Admin) -> None:
    with AdminApi(admin.url) as api:
        assert make(api, WANTED, ["shop.example"]) is None
    [service], routes = (list(admin.objects[kind].values()) for kind in ("services", "routes"))
    assert (service["protocol"], service["host"], service["port"]) == ("http", "10.0.0.9", 8080)
    assert [route.get("hosts") for route in routes] == [["shop.example"], None]
    for route in routes:
        assert (route["paths"], route["strip_path"]) == (["/kongip-abc"], False)
        assert route["service"] == {"id": service["id"]}
        assert service["tags"] == route["tags"] == ["kongip", "kongip-run-0123456789"]


def test_only_what_bears_kongips_tags_is_removed(admin: Admin) -> None:
    others = foreign(admin)
    with AdminApi(admin.url) as api:
        make(api, WANTED, ["shop.example"])
        assert admin.names() == others | {f"kongip-0123456789-{what}" for what in ("echo", "hosts", "any")}
        assert remove(api, WANTED.tag) == []
    assert admin.names() == others


def test_a_run_removes_what_it_made_and_nothing_of_another_run(admin: Admin) -> None:
    other = EchoRoute("fedcba9876", "/kongip-def", "10.0.0.9", 8080)
    with AdminApi(admin.url) as api:
        make(api, WANTED, ["shop.example"])
        make(api, other, [])
        remove(api, WANTED.tag)
        assert admin.names() == {"kongip-fedcba9876-echo", "kongip-fedcba9876-any"}
        remove(api, "kongip")
    assert admin.names() == set()


def test_a_kong_without_a_database_is_told_as_such_and_made_nothing(admin: Admin) -> None:
    admin.db_less = True
    with AdminApi(admin.url) as api:
        refusal = make(api, WANTED, ["shop.example"])
    assert refusal is not None
    assert (refusal.why, refusal.nothing) == (DB_LESS, True)


def test_a_service_without_its_route_may_be_left() -> None:
    answers = iter([httpx.Response(201, json={}), httpx.Response(400, json={"message": "schema violation"})])
    transport = httpx.MockTransport(lambda _: streamed(next(answers)))
    with AdminApi("http://127.0.0.9:1", transport=transport) as api:
        refusal = make(api, WANTED, ["shop.example"])
    assert refusal is not None
    assert "schema violation" in refusal.why
    assert not refusal.nothing


def test_no_answer_leaves_open_whether_something_was_made() -> None:
    def vanish(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    with AdminApi("http://127.0.0.9:1", transport=httpx.MockTransport(vanish)) as api:
        refusal = make(api, WANTED, ["shop.example"])
    assert refusal is not None
    assert not refusal.nothing


def test_what_cannot_be_removed_is_told(admin: Admin) -> None:
    with AdminApi(admin.url) as api:
        make(api, WANTED, ["shop.example"])
        admin.db_less = True
        left = remove(api, WANTED.tag)
        admin.token = "sesame"
        blind = remove(api, WANTED.tag)
    assert [line.split(":")[0] for line in left] == [
        "route kongip-0123456789-hosts could not be removed",
        "route kongip-0123456789-any could not be removed",
        "service kongip-0123456789-echo could not be removed",
    ]
    assert all("could not be listed" in line and "KONGIP_ADMIN_TOKEN" in line for line in blind)


def test_an_id_that_would_lead_elsewhere_is_not_used() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        data = [{"id": "../../plugins?all", "name": "x", "tags": ["kongip", WANTED.tag]}]
        return streamed(httpx.Response(200, json={"data": data}))

    with AdminApi("http://127.0.0.9:1", transport=httpx.MockTransport(answer)) as api:
        assert remove(api, WANTED.tag) == []
    assert asked == ["GET", "GET"]


def streamed(response: httpx.Response) -> httpx.Response:
    """``response`` as it comes from the network: not read before it is asked for."""
    return httpx.Response(response.status_code, content=iter([response.content]))
