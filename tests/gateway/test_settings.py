"""Kong's settings: what the loader takes, what it refuses, and which of two spellings wins."""

from __future__ import annotations

import pytest

from tests.gateway.settings import Listener, Refused, read


def test_defaults_are_kongs() -> None:
    settings = read({})
    assert settings.listeners == (
        Listener("0.0.0.0:8000", ("reuseport", "backlog=16384")),
        Listener("0.0.0.0:8443", ("http2", "ssl", "reuseport", "backlog=16384")),
    )
    assert settings.trusted_ips == ()
    assert dict(settings.directives) == {"real_ip_header": "X-Real-IP", "real_ip_recursive": "off"}


def test_listeners_keep_their_own_flags() -> None:
    settings = read({"KONG_PROXY_LISTEN": "0.0.0.0:8000 proxy_protocol, [::]:8443 ssl"})
    assert settings.listeners == (Listener("0.0.0.0:8000", ("proxy_protocol",)), Listener("[::]:8443", ("ssl",)))


@pytest.mark.parametrize(
    "value", ["0.0.0.0:8000 PROXY_PROTOCOL", "0.0.0.0:8000 proxy_protocol=on", "unix:/tmp/kong", "8000", ""]
)
def test_other_listeners_are_refused(value: str) -> None:
    with pytest.raises(Refused, match="proxy_listen must be of form"):
        read({"KONG_PROXY_LISTEN": value})


def test_trusted_addresses_are_taken_as_written() -> None:
    settings = read({"KONG_TRUSTED_IPS": "10.0.0.0/8, 127.0.0.1/8,2001:db8::/32,unix:,192.0.2.1"})
    assert settings.trusted_ips == ("10.0.0.0/8", "127.0.0.1/8", "2001:db8::/32", "unix:", "192.0.2.1")


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "balancer.example", "*", "10.0.0.1 10.0.0.2", "10.0.0.1;10.0.0.2"])
def test_other_trusted_addresses_are_refused(entry: str) -> None:
    with pytest.raises(Refused, match=r"trusted_ips must be a comma separated list .* got '"):
        read({"KONG_TRUSTED_IPS": f"192.0.2.1,{entry}"})


def test_an_injected_directive_wins_over_its_alias() -> None:
    settings = read({"KONG_REAL_IP_HEADER": "X-Real-IP", "KONG_NGINX_PROXY_REAL_IP_HEADER": "X-Forwarded-For"})
    assert dict(settings.directives)["real_ip_header"] == "X-Forwarded-For"


def test_directives_of_the_http_block_are_apart() -> None:
    settings = read({"KONG_NGINX_HTTP_LOG_FORMAT": "mine '$remote_addr'", "KONG_NGINX_PROXY_LARGE_CLIENT_HEADER": "1"})
    assert settings.http_directives == (("log_format", "mine '$remote_addr'"),)
    assert "log_format" not in dict(settings.directives)


@pytest.mark.parametrize(
    ("told", "log_format"),
    [("", "kong_log_format"), ("/dev/stdout", "kong_log_format"), ("/dev/stdout mine", "mine"), ("off", None)],
)
def test_the_access_logs_format_is_the_settings_second_word(told: str, log_format: str | None) -> None:
    assert read({"KONG_PROXY_ACCESS_LOG": told}).log_format == log_format
