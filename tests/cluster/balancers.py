"""What stands between the caller and the nodes: a balancer that passes packets through, or HAProxy."""

from __future__ import annotations

import contextlib
import csv
import enum
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.cluster.bed import BALANCER, NODES, inside, run, until
from tests.cluster.kong import Installed


class Balancer(enum.Enum):
    """The kinds of balancer; all answer on port 80 of the published address, 10.77.2.20."""

    PASS_THROUGH = "pass-through"
    TCP = "tcp"
    TCP_WITH_PROXY_V2 = "tcp, send-proxy-v2"
    HTTP_WITH_FORWARDFOR = "http, forwardfor"


@contextlib.contextmanager
def balancer(kind: Balancer, kong: Installed, folder: Path) -> Iterator[None]:
    """Run a balancer in front of Kong's Service; `folder` is for its files."""
    with _routes(kong) if kind is Balancer.PASS_THROUGH else _haproxy(kind, kong, folder):
        yield


def _reached(kong: Installed) -> list[str]:
    """Return the nodes that a balancer uses: with policy Local those that have a pod, else all."""
    return [node for node in NODES if kong.policy == "Cluster" or node in kong.nodes]


@contextlib.contextmanager
def _routes(kong: Installed) -> Iterator[None]:
    """Route the published address to the nodes, as MetalLB in BGP mode does; kube-proxy answers for it there."""
    hops = [word for node in _reached(kong) for word in ("nexthop", "via", NODES[node])]
    run("router", "ip", "route", "replace", f"{BALANCER}/32", *hops)
    try:
        yield
    finally:
        run("router", "ip", "route", "delete", f"{BALANCER}/32")


@contextlib.contextmanager
def _haproxy(kind: Balancer, kong: Installed, folder: Path) -> Iterator[None]:
    """Run HAProxy with every node behind it, and wait until its health checks have found the right ones."""
    configuration, control = folder / "haproxy.cfg", folder / "haproxy.sock"
    configuration.write_text(_configuration(kind, kong, control))
    # The kernel ends HAProxy with this process, so that a killed test run leaves none behind on the port.
    command = ["setpriv", "--pdeathsig", "KILL", *inside("balancer"), "haproxy", "-db", "-q", "-f", str(configuration)]
    process = subprocess.Popen(command)
    try:
        until("HAProxy uses the nodes that it should", lambda: _healthy(control) == set(_reached(kong)), 20)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _configuration(kind: Balancer, kong: Installed, control: Path) -> str:
    http = kind is Balancer.HTTP_WITH_FORWARDFOR
    proxy = " send-proxy-v2" if kind is Balancer.TCP_WITH_PROXY_V2 else ""
    # With policy Local each node tells on the Service's health check port whether it has a pod.
    asked = f" port {kong.health_port}" if kong.health_port else ""
    servers = "".join(
        f"    server {node} {address}:{kong.node_port}{proxy} check{asked} inter 200 fall 1 rise 1\n"
        for node, address in NODES.items()
    )
    return f"""\
global
    stats socket {control} level user
defaults
    mode {"http" if http else "tcp"}
    timeout connect 2s
    timeout client 30s
    timeout server 30s
listen kong
    bind {BALANCER}:80
{"    option forwardfor" if http else ""}
{"    option httpchk GET /healthz" if kong.health_port else ""}
{servers}"""


def _healthy(control: Path) -> set[str]:
    """Return the servers that HAProxy has checked and found up; none while it is starting."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(control))
            connection.sendall(b"show stat\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    except (FileNotFoundError, ConnectionRefusedError):
        return set()
    rows = [row for row in csv.DictReader(answer.removeprefix("# ").splitlines()) if row["svname"] in NODES]
    if any(row["check_status"] in ("", "INI") for row in rows):
        return set()
    return {row["svname"] for row in rows if row["status"] == "UP"}
