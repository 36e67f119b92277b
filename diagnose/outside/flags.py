"""The flags of a Kong outside Kubernetes: which there are, and which go together."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping

from diagnose.errors import USAGE, Stop
from diagnose.hosts import is_pod

SECRET_VARIABLE = "KONGIP_SECRET"
"""What the echo server is told its secret by (echo_server/server.py), and kongip here."""

_OWN = ("direct", "kong_log", "kong_error_log", "admin_url", "echo_path", "create_route", "echo_url")

OF_ECHOES = ("namespace", "image", "node_selector", "toleration", "network_policy")
"""What is said of an echo that is deployed."""

_OF_CLUSTERS = ("kubeconfig", "service", "ingress_class", "gateway", *OF_ECHOES)
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_SECRET = re.compile(r"[!-~]{16,256}")

HOW_TO_CHOOSE = (
    f"Choose one, and give the same to python -m echo_server: export {SECRET_VARIABLE}=$(openssl rand -hex 16)"
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that only a Kong outside Kubernetes takes."""
    outside = parser.add_argument_group("a Kong outside Kubernetes (with --url, without --context)")
    outside.add_argument("--direct", metavar="URL", help="Kong's own listener, reached round all that is before it")
    outside.add_argument("--kong-log", metavar="FILE", help="Kong's access log")
    outside.add_argument("--kong-error-log", metavar="FILE", help="Kong's error log")
    outside.add_argument("--admin-url", metavar="URL", help="Kong's Admin API (a token: $KONGIP_ADMIN_TOKEN)")
    outside.add_argument(
        "--echo-path", metavar="PATH", help="the path of a route of yours to an echo (python -m echo_server)"
    )
    outside.add_argument(
        "--create-route", action="store_true", help="make such a route by --admin-url, and remove it at the end"
    )
    outside.add_argument("--echo-url", metavar="URL", help="where Kong reaches the echo, for --create-route")


def is_outside(options: argparse.Namespace) -> bool:
    """Whether the flags ask for a Kong outside Kubernetes.

    Within a pod flags that name no place at all ask for the cluster that it runs in.
    """
    elsewhere = options.url or options.direct or not is_pod()
    return options.context is None and options.lab is None and bool(elsewhere)


def check(options: argparse.Namespace) -> None:
    """Stop with status 2 where the flags do not go together."""
    if not is_outside(options):
        place = "--context" if options.lab is None else "--lab"
        if stray := _first(options, _OWN):
            raise Stop(f"{stray} does not go with {place}.", "It is for a Kong outside Kubernetes.", USAGE)
        return
    if not options.url and not options.direct:
        raise Stop("Nothing says where Kong is.", "Name --context NAME, --lab NAME, or --url URL.", USAGE)
    if stray := _first(options, _OF_CLUSTERS):
        raise Stop(f"{stray} goes with --context.", "Leave it out, or name the context.", USAGE)
    if not options.echo:
        raise Stop("--no-echo goes with --context.", "Outside Kubernetes nothing is deployed anyway.", USAGE)
    if options.create_route and options.echo_path:
        raise Stop("--create-route and --echo-path do not go together.", "The one makes what the other names.", USAGE)
    if options.create_route and not (options.admin_url and options.echo_url):
        raise Stop("--create-route needs --admin-url and --echo-url.", "The echo is one that you have started.", USAGE)
    if options.echo_url and not options.create_route:
        raise Stop("--echo-url goes with --create-route.", "A route of yours is named by --echo-path.", USAGE)


def checked_path(path: str) -> str:
    """``path`` without the slash at its end. Stop with status 2 where probes cannot be sent below it."""
    bare = path.rstrip("/")
    if not _PATH.fullmatch(bare) or {".", ".."} & set(bare.split("/")):
        raise Stop(f"--echo-path {path} cannot be used.", "Write it like /kongip-echo, as the route has it.", USAGE)
    return bare


def secret_in(environment: Mapping[str, str] = os.environ) -> str:
    """What the echo answers to. Stop with status 2, which does not show it, where it is none."""
    secret = environment.get(SECRET_VARIABLE, "")
    if not secret:
        raise Stop(f"{SECRET_VARIABLE} is not set, and the echo answers to nothing else.", HOW_TO_CHOOSE, USAGE)
    if not _SECRET.fullmatch(secret):
        told = f"What is in {SECRET_VARIABLE} is no secret: it takes 16 to 256 visible ASCII characters."
        raise Stop(told, HOW_TO_CHOOSE, USAGE)
    return secret


def _first(options: argparse.Namespace, names: tuple[str, ...]) -> str | None:
    """The first of these flags that was given, as it is written."""
    return next((f"--{name.replace('_', '-')}" for name in names if getattr(options, name)), None)
