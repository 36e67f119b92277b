"""The Admin API: what ``GET /`` tells of the settings in force, and what is made of answers that tell nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose import admin_api
from diagnose.admin_api import AdminApi, Reply, checked_url, read_settings, settings_in
from diagnose.errors import USAGE, Stop
from diagnose.path.settings import Listener, Settings

RECORDED = (Path(__file__).parents[1] / "data" / "kong-admin-root.json").read_text("utf-8")
URL = "http://127.0.0.9:8001"


def root(**changed: Any) -> dict[str, Any]:
    """What a Kong 3.9.3 was recorded to answer, with these keys of its configuration changed."""
    answer: dict[str, Any] = json.loads(RECORDED)
    answer["configuration"] |= changed
    return answer


def directives(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def told(answer: object) -> Settings:
    settings = settings_in(answer)
    assert isinstance(settings, Settings), settings
    return settings


def test_a_recorded_kong_at_its_defaults_trusts_nobody() -> None:
    listen = "127.0.0.1:8000 reuseport backlog=16384"
    assert settings_in(root()) == Settings((Listener(8000),), (), "X-Real-IP", False, (3, 9), listen)


def test_listeners_and_their_flags_and_the_trusted_addresses_are_read() -> None:
    settings = told(
        root(
            proxy_listen=["0.0.0.0:8000 proxy_protocol reuseport backlog=16384", "[::]:8443 ssl http2"],
            trusted_ips=["10.0.0.0/8", "fd00::/8"],
            nginx_proxy_directives=directives(real_ip_header="proxy_protocol", real_ip_recursive="on"),
        )
    )
    assert settings.listeners == (Listener(8000, proxy_protocol=True), Listener(8443, tls=True))
    assert settings.trusted_ips == ("10.0.0.0/8", "fd00::/8")
    assert (settings.real_ip_header, settings.real_ip_recursive) == ("proxy_protocol", True)
    assert settings.proxy_listen == "0.0.0.0:8000 proxy_protocol reuseport backlog=16384, [::]:8443 ssl http2"


def test_what_nginx_is_told_wins_over_what_kong_calls_real_ip_header() -> None:
    in_force = directives(real_ip_header="X-Forwarded-For", real_ip_recursive="off")
    settings = told(
        root(real_ip_header="proxy_protocol", real_ip_recursive="on", nginx_proxy_directives=in_force),
    )
    assert (settings.real_ip_header, settings.real_ip_recursive) == ("X-Forwarded-For", False)
    assert settings.twins == {"KONG_NGINX_PROXY_REAL_IP_HEADER", "KONG_NGINX_PROXY_REAL_IP_RECURSIVE"}


def test_a_setting_that_is_in_force_has_no_twin() -> None:
    assert told(root()).twins == frozenset()


def test_a_directive_of_the_http_level_holds_only_where_the_server_has_none() -> None:
    outer = directives(real_ip_header="CF-Connecting-IP")
    inner = directives(real_ip_header="X-Forwarded-For")
    assert told(root(nginx_http_directives=outer)).real_ip_header == "X-Real-IP"
    both = root(nginx_http_directives=outer, nginx_proxy_directives=inner)
    assert told(both).real_ip_header == "X-Forwarded-For"
    assert told(root(nginx_http_directives=outer, nginx_proxy_directives={})).real_ip_header == "CF-Connecting-IP"


@pytest.mark.parametrize(
    ("version", "read"),
    [("2.8.5", (2, 8)), ("3.4.3.5", (3, 4)), ("3.10.0.1-enterprise-edition", (3, 10)), ("next", None), (3.9, None)],
)
def test_the_version_is_told_or_unknown(version: object, read: tuple[int, int] | None) -> None:
    assert told(root() | {"version": version}).version == read


def test_a_kong_without_proxy_listeners_has_none() -> None:
    assert told(root(proxy_listen=["off"])).listeners == ()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"message": "hello"}, "does not tell Kong's configuration"),
        ([], "does not tell Kong's configuration"),
        (None, "does not tell Kong's configuration"),
        (root(role="control_plane"), "control plane"),
        (root(nginx_proxy_directives=directives(set_real_ip_from="10.0.0.0/8")), "nginx_proxy_set_real_ip_from"),
        (root(nginx_http_directives=directives(set_real_ip_from="10.0.0.0/8")), "nginx_http_set_real_ip_from"),
        (root(proxy_listen=None), "in a form that kongip does not know"),
        (root(proxy_listen=[8000]), "in a form that kongip does not know"),
        (root(trusted_ips="10.0.0.0/8"), "in a form that kongip does not know"),
        (root(nginx_proxy_directives=[{"value": "on"}]), "in a form that kongip does not know"),
        (root(proxy_listen=["0.0.0.0:port"]), "does not start with"),
        (root(trusted_ips=["not an address"]), "not an address"),
    ],
)
def test_settings_that_cannot_be_told_are_unknown_and_not_the_defaults(answer: object, why: str) -> None:
    settings = settings_in(answer)
    assert isinstance(settings, str)
    assert why in settings


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("role", "proxy_listen", "trusted_ips", "nginx_proxy_directives", "nginx_http_directives")


@given(st.dictionaries(st.sampled_from(KEYS), JSON), JSON, JSON)
def test_no_json_makes_it_fail(changed: dict[str, Any], version: object, whole: object) -> None:
    assert isinstance(settings_in(root(**changed) | {"version": version}), Settings | str)
    assert isinstance(settings_in(whole), str)
    assert isinstance(settings_in({"configuration": whole}), str)


def response(status: int = 200, *parts: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    """An answer as it comes from the network: not read before it is asked for."""
    return httpx.Response(status, content=iter(parts), headers=headers)


def answering(status: int = 200, body: bytes = b"{}") -> AdminApi:
    return AdminApi(URL, transport=httpx.MockTransport(lambda _: response(status, body)))


def test_the_settings_are_asked_for_at_the_root() -> None:
    asked: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, str(request.url)))
        return response(200, RECORDED.encode())

    with AdminApi(URL + "/", transport=httpx.MockTransport(answer)) as api:
        assert read_settings(api) == settings_in(json.loads(RECORDED))
    assert asked == [("GET", URL + "/")]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, b'{"message": "Unauthorized"}', "wants a token (401): set KONGIP_ADMIN_TOKEN: Unauthorized"),
        (403, b"<html>", "forbids it (403)"),
        (404, b"{}", "is it an Admin API?"),
        (302, b"", "answered 302"),
        (500, b'{"message": "a\\u001b[31mb"}', "answered 500: a\\x1b[31mb"),
        (200, b"<html>hello</html>", "is no Admin API: no JSON"),
        (200, b"[1]", "is no Admin API: no JSON"),
        (200, b"[" * 100_000, "is no Admin API: no JSON"),
        (200, b"\xff\xfe\x00", "is no Admin API: no JSON"),
    ],
)
def test_an_answer_that_is_no_success_says_why(status: int, body: bytes, why: str) -> None:
    with answering(status, body) as api:
        settings = read_settings(api)
    assert isinstance(settings, str)
    assert why in settings
    assert URL in settings


def test_an_answer_without_end_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_api, "SIZE_LIMIT", 1000)
    with answering(body=b" " * 1001) as api:
        assert "too long" in str(api.request("GET", "/").problem)


def test_an_answer_that_drips_is_not_waited_for() -> None:
    def dripping() -> Iterator[bytes]:
        while True:
            time.sleep(0.02)
            yield b" "

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=dripping()))
    with AdminApi(URL, timeout=0.1, transport=transport) as api:
        assert "takes too long" in str(api.request("GET", "/").problem)


def test_nobody_there_is_a_reply_too() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno 111] Connection refused", request=request)

    def wait(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("timed out", request=request)

    for happens, why in ((refuse, "Connection refused"), (wait, "did not answer within 10 seconds")):
        with AdminApi(URL, transport=httpx.MockTransport(happens)) as api:
            reply = api.request("GET", "/")
        assert reply.status is None
        assert why in str(reply.problem)


def test_the_token_goes_to_its_url_alone_and_is_never_shown() -> None:
    sent: list[tuple[str, str | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.host, request.headers.get("Kong-Admin-Token")))
        return response(302, headers={"Location": "http://elsewhere.invalid/"})

    with AdminApi(URL, "sesame-open", transport=httpx.MockTransport(answer)) as api:
        reply = api.request("GET", "/")
    assert sent == [("127.0.0.9", "sesame-open")]
    assert "sesame" not in str(reply.problem)
    with AdminApi(URL, "sesame-open", transport=httpx.MockTransport(lambda _: response(401))) as api:
        told = str(api.request("GET", "/").problem)
    assert "refuses the token in KONGIP_ADMIN_TOKEN" in told
    assert "sesame" not in told


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX: y", "ümlaut"])
def test_what_is_no_token_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(Stop) as stopped:
        AdminApi(URL, token)
    assert stopped.value.status == USAGE
    assert not token or token not in str(stopped.value)


@pytest.mark.parametrize(
    "url",
    ["", "kong:8001", "ftp://kong:8001", "http://", "http://kong:0", "http://kong:99999", "http://kong/?a=b",
     "http://kong/#a", "http://user:secret@kong:8001", "http://kong:8001/a b", "http://[::1"],
)  # fmt: skip
def test_what_is_no_url_of_an_admin_api_is_one_line(url: str) -> None:
    with pytest.raises(Stop) as stopped:
        checked_url(url)
    assert stopped.value.status == USAGE
    assert "--admin-url" in str(stopped.value)
    assert "secret" not in str(stopped.value)


def test_a_path_before_the_admin_api_is_kept() -> None:
    assert checked_url("https://kong.example:8444/admin/") == "https://kong.example:8444/admin"


def pages(*answers: dict[str, Any]) -> tuple[AdminApi, list[str]]:
    asked: list[str] = []
    left = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return response(200, json.dumps(next(left)).encode())

    return AdminApi(URL, transport=httpx.MockTransport(answer)), asked


def test_objects_are_listed_page_after_page() -> None:
    first = {"data": [{"id": "1", "tags": ["t"]}], "next": "/routes?offset=abc&tags=t"}
    api, asked = pages(first, {"data": [{"id": "2", "tags": ["t", "u"]}], "next": None})
    with api:
        found = [one["id"] for one in api.tagged("routes", "t") if not isinstance(one, Reply)]
    assert found == ["1", "2"]
    assert asked == ["/routes?tags=t&size=1000", "/routes?offset=abc&tags=t"]


def test_what_lacks_the_tag_is_left_out_whatever_the_server_lists() -> None:
    others = [{"id": "1", "tags": None}, {"id": "2", "tags": ["tt"]}, {"id": "3"}, {"id": "4", "tags": "t"}, 5, None]
    api, _ = pages({"data": others, "next": "http://elsewhere.invalid/routes?"})
    with api:
        assert list(api.tagged("routes", "t")) == []


def test_a_listing_that_fails_ends_with_the_reply() -> None:
    with answering(403) as api:
        [reply] = api.tagged("routes", "t")
    assert isinstance(reply, Reply)
    assert reply.status == 403


def test_a_listing_without_end_ends() -> None:
    same = {"data": [], "next": "/routes?offset=again"}
    api, asked = pages(*[same] * (admin_api.PAGES_LIMIT + 5))
    with api:
        assert list(api.tagged("routes", "t")) == []
    assert len(asked) == admin_api.PAGES_LIMIT
