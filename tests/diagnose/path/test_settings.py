"""Kong's settings out of KONG_* variables."""

from __future__ import annotations

import re

import pytest

from diagnose.path.settings import DEFAULT_PROXY_LISTEN, Listener, Settings


def test_without_variables_they_are_kongs_own() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().listeners == (Listener(8000), Listener(8443, tls=True))
    assert (Settings().real_ip_header, Settings().real_ip_recursive, Settings().trusted_ips) == ("X-Real-IP", False, ())


def test_a_version_is_kept() -> None:
    assert Settings.from_environment({}, (2, 8)).version == (2, 8)


@pytest.mark.parametrize(
    ("text", "listeners"),
    [
        (DEFAULT_PROXY_LISTEN, (Listener(8000), Listener(8443, tls=True))),
        ("off", ()),
        (" off , 0.0.0.0:8000", ()),
        ("0.0.0.0:8000", (Listener(8000),)),
        ("0.0.0.0:8000,", (Listener(8000),)),
        ("[::]:8000 proxy_protocol ipv6only=off", (Listener(8000, proxy_protocol=True),)),
        ("0.0.0.0:8000, [::]:8000", (Listener(8000),)),
        ("0.0.0.0:8443 proxy_protocol  ssl", (Listener(8443, tls=True, proxy_protocol=True),)),
        ("ssl 0.0.0.0:8443 http2", (Listener(8443, tls=True),)),
        ("localhost:80 deferred bind so_keepalive=30m::10", (Listener(80),)),
        ("*:80", (Listener(80),)),
    ],
)
def test_listeners(text: str, listeners: tuple[Listener, ...]) -> None:
    settings = Settings.from_environment({"KONG_PROXY_LISTEN": text})
    assert (settings.listeners, settings.proxy_listen) == (listeners, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8000",
        "0.0.0.0",
        "0.0.0.0:",
        "0.0.0.0:0",
        "0.0.0.0:65536",
        "300.0.0.1:80",
        "10.0.0:80",
        "::1:80",
        "[::g]:80",
        "unix:/tmp/kong.sock",
        "0.0.0.0:8000 PROXY_PROTOCOL",
        "0.0.0.0:8000 proxy_protocol=on",
        "0.0.0.0:8000 fastopen=3",
        "0.0.0.0:8000 SSL",
        "0.0.0.0:8000 backlog=",
        "0.0.0.0:8000 ssl ssl",
        "0.0.0.0:8000,,0.0.0.0:8001",
        ",0.0.0.0:80",
    ],
)
def test_listeners_that_kong_does_not_start_with(text: str) -> None:
    with pytest.raises(ValueError, match="proxy_listen"):
        Settings.from_environment({"KONG_PROXY_LISTEN": text})


@pytest.mark.parametrize("flag", ["ipv6only=on", "so_keepalive=off"])
def test_flags_that_came_with_version_3(flag: str) -> None:
    variables = {"KONG_PROXY_LISTEN": f"[::]:8000 {flag}"}
    assert Settings.from_environment(variables, (3, 9)).listeners == (Listener(8000),)
    with pytest.raises(ValueError, match=flag):
        Settings.from_environment(variables, (2, 8))


@pytest.mark.parametrize(
    ("text", "trusted"),
    [
        ("", ()),
        ("10.0.0.0/8", ("10.0.0.0/8",)),
        (" 0.0.0.0/0 ,::/0, ", ("0.0.0.0/0", "::/0")),
        ("127.0.0.1/8,unix:", ("127.0.0.1/8", "unix:")),
    ],
)
def test_trusted_ips(text: str, trusted: tuple[str, ...]) -> None:
    assert Settings.from_environment({"KONG_TRUSTED_IPS": text}).trusted_ips == trusted


@pytest.mark.parametrize(
    "text", ["10.0.0.1,,10.0.0.2", ",10.0.0.1", "10.0.0.1 10.0.0.2", "10.0.0.1;10.0.0.2", "unix:/x"]
)
def test_trusted_ips_that_kong_does_not_start_with(text: str) -> None:
    with pytest.raises(ValueError, match="trusted_ips"):
        Settings.from_environment({"KONG_TRUSTED_IPS": text})


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"KONG_REAL_IP_HEADER": "X-Forwarded-For"}, "X-Forwarded-For"),
        ({"KONG_REAL_IP_HEADER": "PROXY_PROTOCOL"}, "PROXY_PROTOCOL"),
        ({"KONG_REAL_IP_HEADER": ""}, "X-Real-IP"),
        ({"KONG_NGINX_PROXY_REAL_IP_HEADER": "proxy_protocol"}, "proxy_protocol"),
        ({"KONG_REAL_IP_HEADER": "A", "KONG_NGINX_PROXY_REAL_IP_HEADER": "B"}, "B"),
        ({"KONG_REAL_IP_HEADER": "A", "KONG_NGINX_PROXY_REAL_IP_HEADER": "NONE"}, "X-Real-IP"),
    ],
)
def test_real_ip_header(variables: dict[str, str], header: str) -> None:
    assert Settings.from_environment(variables).real_ip_header == header


@pytest.mark.parametrize("name", ["X-Real-IP X-Forwarded-For", "X-Real-IP;", "X-{A}"])
def test_a_real_ip_header_that_nginx_does_not_start_with(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(name))):
        Settings.from_environment({"KONG_REAL_IP_HEADER": name})


@pytest.mark.parametrize(
    ("variables", "recursive"),
    [
        ({"KONG_REAL_IP_RECURSIVE": "on"}, True),
        ({"KONG_REAL_IP_RECURSIVE": "true"}, False),
        ({"KONG_REAL_IP_RECURSIVE": "ON"}, False),
        ({"KONG_NGINX_PROXY_REAL_IP_RECURSIVE": "ON"}, True),
        ({"KONG_REAL_IP_RECURSIVE": "on", "KONG_NGINX_PROXY_REAL_IP_RECURSIVE": "off"}, False),
        ({"KONG_REAL_IP_RECURSIVE": "on", "KONG_NGINX_PROXY_REAL_IP_RECURSIVE": "NONE"}, False),
    ],
)
def test_real_ip_recursive(variables: dict[str, str], recursive: bool) -> None:
    assert Settings.from_environment(variables).real_ip_recursive is recursive


def test_a_twin_that_nginx_does_not_start_with() -> None:
    with pytest.raises(ValueError, match="'true'"):
        Settings.from_environment({"KONG_NGINX_PROXY_REAL_IP_RECURSIVE": "true"})


def test_an_entry_that_kong_refuses_is_an_error_and_not_distrust() -> None:
    with pytest.raises(ValueError, match="trusted_ips"):
        _ = Settings(trusted_ips=("example.org",)).trust


def test_addresses_of_one_port_whose_flags_differ_are_two_listeners() -> None:
    told = {"KONG_PROXY_LISTEN": "0.0.0.0:8000 proxy_protocol, [::]:8000, 0.0.0.0:8443 ssl, [::]:8443 ssl http2"}

    assert Settings.from_environment(told).listeners == (
        Listener(8000, proxy_protocol=True),
        Listener(8000),
        Listener(8443, tls=True),
    )
