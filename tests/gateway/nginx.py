"""nginx.conf from Kong's settings: what Kong 3.9's template nginx_kong.lua writes, for the distribution's nginx."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.gateway.settings import Listener, Settings

MODULES = Path("/usr/lib/nginx/modules")
LUA = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Files:
    """Where the gateway reads and writes: a folder of its own, the routes file, and the two logs."""

    prefix: Path
    routes: Path
    access_log: Path = Path("/dev/stdout")
    error_log: Path = Path("/dev/stderr")

    @property
    def certificate(self) -> Path:
        """The certificate of the ssl listeners."""
        return self.prefix / "default.crt"

    @property
    def key(self) -> Path:
        """The key of that certificate."""
        return self.prefix / "default.key"


def configuration(settings: Settings, files: Files) -> str:
    """Write nginx.conf for these settings; nothing in it depends on the routes, which kong.lua reads by itself."""
    return f"""\
load_module {MODULES}/ndk_http_module.so;
load_module {MODULES}/ngx_http_lua_module.so;
daemon off;
worker_processes 1;
pid {files.prefix}/nginx.pid;
error_log {files.error_log} notice;
events {{ worker_connections 1024; }}
http {{
    lua_package_path "{LUA}/?.lua;;";
    init_by_lua_block {{ kong = require "kong" }}
    init_worker_by_lua_block {{ kong.watch("{files.routes}") }}
    log_format kong_log_format '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                               '"$http_referer" "$http_user_agent" kong_request_id: "$request_id"';
{_temporary_folders(files.prefix)}
    client_max_body_size 0;
    underscores_in_headers on;
    # Kong decides in Lua whether it keeps a peer's X-Forwarded-*; the peer is the one before realip.
    geo $realip_remote_addr $kong_trusted {{
        default 0;
{_lines(8, (f"{entry} 1;" for entry in settings.trusted_ips if entry != "unix:"))}
    }}
    upstream kong_upstream {{
        server 0.0.0.1;
        balancer_by_lua_block {{ kong.balance() }}
    }}
{_server(settings, files) if settings.listeners else ""}
}}
"""


def _server(settings: Settings, files: Files) -> str:
    upstream = ("for", "proto", "host", "port", "path", "prefix")
    return f"""\
    server {{
        server_name kong;
{_lines(8, (_listen(listener) for listener in settings.listeners))}
{_lines(8, _certificate(settings, files))}
        error_page 400 404 405 408 411 412 413 414 417 494 500 502 503 504 /kong_error_handler;
        access_log {files.access_log} kong_log_format;
{_lines(8, (f"{name} {value};" for name, value in settings.directives))}
{_lines(8, (f"set_real_ip_from {entry};" for entry in settings.trusted_ips))}
        location / {{
            default_type '';
            set $upstream_uri '';
            set $upstream_via '';
{_lines(12, (f"set $upstream_x_forwarded_{name} '';" for name in upstream))}
            access_by_lua_block {{ kong.access() }}
            header_filter_by_lua_block {{ kong.mark() }}
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection '';
            proxy_set_header Via $upstream_via;
            proxy_set_header X-Kong-Request-Id $request_id;
{_lines(12, (f"proxy_set_header X-Forwarded-{name.capitalize()} $upstream_x_forwarded_{name};" for name in upstream))}
            proxy_set_header X-Real-IP $remote_addr;
            proxy_pass_header Server;
            proxy_pass_header Date;
            proxy_pass http://kong_upstream$upstream_uri;
        }}
        location = /kong_error_handler {{
            internal;
            default_type '';
            content_by_lua_block {{ kong.explain() }}
        }}
    }}"""


def _listen(listener: Listener) -> str:
    # Before nginx 1.25 "http2" belongs to the listener, and without ssl it would take HTTP/1.1 away from it.
    flags = [flag for flag in listener.flags if flag != "http2" or "ssl" in listener.flags]
    return " ".join(["listen", listener.address, *flags]) + ";"


def _certificate(settings: Settings, files: Files) -> list[str]:
    if not uses_tls(settings):
        return []
    return [f"ssl_certificate {files.certificate};", f"ssl_certificate_key {files.key};"]


def uses_tls(settings: Settings) -> bool:
    """Say whether any listener speaks TLS, and so needs a certificate."""
    return any("ssl" in listener.flags for listener in settings.listeners)


def _temporary_folders(prefix: Path) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return _lines(4, (f"{kind}_temp_path {prefix}/{kind};" for kind in kinds))


def _lines(indent: int, lines: Iterable[str]) -> str:
    return "\n".join(" " * indent + line for line in lines)
