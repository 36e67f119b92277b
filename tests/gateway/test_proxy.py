"""The running gateway: how its answers look, where it sends a request, and what stops it at its start."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.routes import PathMatch, Route, as_lua
from tests.gateway.running import Backend, Gateway, backend, free_port, gateway, until

PORT = free_port()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the gateway's prefix."""
    return tmp_path_factory.mktemp("prefix")


@pytest.fixture(scope="module")
def upstream() -> Iterator[Backend]:
    """Run a backend."""
    with backend() as running:
        yield running


@pytest.fixture(scope="module")
def running(nginx: None, folder: Path, upstream: Backend) -> Iterator[Gateway]:
    """Run a gateway at Kong's defaults before that backend."""
    with gateway(folder, {"KONG_PROXY_LISTEN": f"127.0.0.1:{PORT}"}, upstream.port) as started:
        yield started


def get(path: str, host: str = "kong.test") -> http.client.HTTPResponse:
    """Send one GET and return the answer, read to its end."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    answer.msg["X-Body"] = answer.read().decode().replace("\n", " ")
    connection.close()
    return answer


def test_a_proxied_answer_names_kong_in_via_alone(running: Gateway) -> None:
    answer = get("/")
    assert answer.status == 200
    assert answer.headers["Via"] == "1.1 kong/3.9.3"
    assert answer.headers["X-Kong-Upstream-Latency"].isdigit()
    assert answer.headers["X-Kong-Proxy-Latency"].isdigit()
    assert answer.headers["Server"].startswith("backend")


def test_the_log_has_kongs_form(running: Gateway) -> None:
    answer = get("/logged")
    identifier = answer.headers["X-Kong-Request-Id"]
    form = rf'127\.0\.0\.1 - - \[.*\] "GET /logged HTTP/1\.1" 200 0 "-" "-" kong_request_id: "{identifier}"'
    assert re.fullmatch(form, running.access.awaited("/logged"))


def test_an_unknown_path_is_answered_by_kong(running: Gateway, upstream: Backend, folder: Path) -> None:
    routes = [
        Route("kong.test", "/a", PathMatch.SEGMENTS, True, (("127.0.0.1", upstream.port),)),
        Route(None, "/a/deep", PathMatch.SEGMENTS, False, ()),
    ]
    (folder / "routes.lua").write_text(as_lua(routes))
    until(lambda: get("/unknown").status == 404)
    answer = get("/unknown")
    assert answer.headers["Server"] == "kong/3.9.3"
    assert answer.headers["Via"] is None
    identifier = answer.headers["X-Kong-Request-Id"]
    assert answer.headers["X-Body"] == (
        f'{{   "message":"no Route matched with those values",   "request_id":"{identifier}" }}'
    )
    # The rule with a host outranks the one with the longer path, whose Service has no endpoints.
    assert get("/a/deep").status == 200
    assert get("/a/deep", host="other.test").status == 503
    assert get("/ab").status == 404
    assert dict(upstream.requests[-1])["X-Forwarded-Prefix"] == "/a"


def test_a_route_that_wants_a_key_is_closed(running: Gateway, upstream: Backend, folder: Path) -> None:
    route = Route(None, "/locked", PathMatch.SEGMENTS, False, (("127.0.0.1", upstream.port),), key=True)
    (folder / "routes.lua").write_text(as_lua([route]))
    until(lambda: get("/locked").status == 401)
    answer = get("/locked")
    assert answer.headers["WWW-Authenticate"] == "Key"
    assert '"No API key found in request"' in answer.headers["X-Body"]


def test_settings_that_kong_refuses_stop_it(tmp_path: Path) -> None:
    environment = os.environ | {"KONG_TRUSTED_IPS": "balancer.example", "KONG_PREFIX": str(tmp_path)}
    command = [sys.executable, "-m", "tests.gateway.proxy"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "trusted_ips must be a comma separated list" in result.stderr
