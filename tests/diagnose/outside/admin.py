"""A fake of Kong's Admin API: no Kong stands behind it. It is held to what a Kong 3.9.3 was recorded to answer.

``GET /`` is tests/data/kong-admin-root.json with the settings of the stand-in put in as Kong shows them; the answers to
objects are those of kong/api/endpoints.lua: 201 with the object, 204, 400 for a service with routes, 401, 405 without a
database. The routes that are made it hands to the stand-in, which really leads requests by them.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.gateway.routes import PathMatch, Route, as_lua
from tests.gateway.settings import read

ADMIN = "127.0.60.4"
RECORDED = json.loads((Path(__file__).resolve().parents[2] / "data" / "kong-admin-root.json").read_text("utf-8"))


def root(variables: Mapping[str, str]) -> dict[str, Any]:
    """What ``GET /`` answers for a Kong with these KONG_* settings."""
    told = read(variables)
    directives = dict(told.directives)
    answer: dict[str, Any] = json.loads(json.dumps(RECORDED))
    answer["configuration"] |= {
        "proxy_listen": [" ".join((one.address, *one.flags)) for one in told.listeners],
        "trusted_ips": list(told.trusted_ips) or {},
        "real_ip_header": variables.get("KONG_REAL_IP_HEADER", "X-Real-IP"),
        "real_ip_recursive": variables.get("KONG_REAL_IP_RECURSIVE", "off"),
        "nginx_proxy_directives": [{"name": name, "value": value} for name, value in directives.items()],
    }
    return answer


@dataclass(slots=True)
class Admin:
    """The fake's state: objects by kind and id, and each request as method, path and token."""

    url: str
    answer: dict[str, Any] = field(default_factory=lambda: root({}))
    db_less: bool = False
    token: str | None = None
    routes: Path | None = None
    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {"routes": {}, "services": {}})
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    after_route: Callable[[], None] = lambda: None

    def add(self, kind: str, number: int, *tags: str, **further: Any) -> str:
        """Put an object there as if somebody had made it; returns its id."""
        name = f"00000000-0000-4000-8000-{number:012d}"
        self.objects[kind][name] = {"id": name, "name": f"{kind}-{number}", "tags": list(tags) or None, **further}
        return name

    def names(self) -> set[str]:
        return {str(one["name"]) for kind in self.objects.values() for one in kind.values()}

    def reply(self, method: str, target: str, token: str | None, body: Any) -> tuple[int, Any]:
        """Status and JSON body of one request."""
        self.asked.append((method, target, token))
        if self.token is not None and token != self.token:
            return 401, {"message": "Invalid credentials"}
        parts = urlsplit(target)
        if parts.path == "/":
            return 200, self.answer
        kind, _, name = parts.path.strip("/").partition("/")
        if kind not in self.objects:
            return 404, {"message": "Not found"}
        if method == "GET":
            [tag] = parse_qs(parts.query)["tags"]
            return 200, {
                "data": [one for one in self.objects[kind].values() if tag in (one["tags"] or ())],
                "next": None,
            }
        if self.db_less:
            told = f"cannot create or update '{kind}' entities when not using a database"
            return 405, {"code": 12, "name": "operation unsupported", "message": told}
        return self._made(kind, body) if method == "POST" else self._removed(kind, name)

    def _made(self, kind: str, body: dict[str, Any]) -> tuple[int, Any]:
        self.objects[kind][body["id"]] = body
        self._lead()
        if kind == "routes":
            self.after_route()
        return 201, body

    def _removed(self, kind: str, name: str) -> tuple[int, Any]:
        if kind == "services" and any(one.get("service") == {"id": name} for one in self.objects["routes"].values()):
            return 400, {
                "code": 4,
                "name": "foreign key violation",
                "message": "an existing 'routes' entity references it",
            }
        self.objects[kind].pop(name, None)
        self._lead()
        return 204, None

    def _lead(self) -> None:
        """Hand the routes to the stand-in."""
        if self.routes is None:
            return
        made = []
        for one in self.objects["routes"].values():
            service = self.objects["services"][one["service"]["id"]]
            target = ((service["host"], service["port"]),)
            hosts, strip = one.get("hosts", [None]), one["strip_path"]
            made += [Route(host, path, PathMatch.PREFIX, strip, target) for host in hosts for path in one["paths"]]
        fresh = self.routes.with_suffix(".new")
        fresh.write_text(as_lua(made))
        fresh.replace(self.routes)


@contextlib.contextmanager
def admin_api(**known: Any) -> Iterator[Admin]:
    """Run the fake on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = admin.reply(self.command, self.path, self.headers.get("Kong-Admin-Token"), body)
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer((ADMIN, 0), Handler)
    admin = Admin(f"http://{ADMIN}:{server.server_address[1]}", **known)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield admin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
