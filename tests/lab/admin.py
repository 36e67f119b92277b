"""The fake of Kong's Admin API as a program: ``python -m tests.lab.admin PORT``, told KONG_* settings."""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.diagnose.outside.admin import root


class Handler(BaseHTTPRequestHandler):
    """Answers ``GET /`` alone."""

    def do_GET(self) -> None:
        """The settings, as Kong shows them."""
        body = json.dumps(root(os.environ)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()
