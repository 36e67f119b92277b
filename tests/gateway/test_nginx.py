"""nginx.conf: the directives that decide on the client's address stand in it as Kong's template writes them."""

from __future__ import annotations

from pathlib import Path

from tests.gateway.nginx import Files, configuration
from tests.gateway.settings import read

FILES = Files(Path("/prefix"), Path("/prefix/routes.lua"))


def written(**settings: str) -> list[str]:
    """Return the lines of nginx.conf for these settings, without their indentation."""
    environment = {f"KONG_{name.upper()}": value for name, value in settings.items()}
    return [line.strip() for line in configuration(read(environment), FILES).splitlines()]


def test_trusts_nobody_by_default() -> None:
    lines = written()
    assert "real_ip_header X-Real-IP;" in lines
    assert "real_ip_recursive off;" in lines
    assert not any(line.startswith("set_real_ip_from") for line in lines)


def test_every_trusted_address_has_its_directive() -> None:
    lines = written(trusted_ips="0.0.0.0/0,::/0,unix:")
    assert [line for line in lines if line.startswith("set_real_ip_from")] == [
        "set_real_ip_from 0.0.0.0/0;",
        "set_real_ip_from ::/0;",
        "set_real_ip_from unix:;",
    ]


def test_proxy_protocol_belongs_to_the_listener_that_has_the_flag() -> None:
    lines = written(proxy_listen="0.0.0.0:8000, 0.0.0.0:8100 proxy_protocol", real_ip_header="proxy_protocol")
    assert "listen 0.0.0.0:8000;" in lines
    assert "listen 0.0.0.0:8100 proxy_protocol;" in lines
    assert "real_ip_header proxy_protocol;" in lines


def test_http2_stays_with_tls() -> None:
    lines = written(proxy_listen="0.0.0.0:8000 http2, 0.0.0.0:8443 ssl http2")
    assert "listen 0.0.0.0:8000;" in lines
    assert "listen 0.0.0.0:8443 ssl http2;" in lines
    assert "ssl_certificate /prefix/default.crt;" in lines


def test_without_listeners_there_is_no_server() -> None:
    assert "server {" not in written(proxy_listen="off")


def test_the_access_log_has_a_format_of_its_owners_or_is_off() -> None:
    lines = written(nginx_http_log_format="mine '$remote_addr'", proxy_access_log="/dev/stdout mine")
    assert "log_format mine '$remote_addr';" in lines
    assert any(line.startswith("access_log ") and line.endswith(" mine;") for line in lines)
    assert "access_log off;" in written(proxy_access_log="off")
