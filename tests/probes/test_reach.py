"""How far packets get, in network namespaces: caller - router - server, on both families."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from probes import reach
from probes.probe import Target
from probes.reach import Connected, Expired, Reached, Silent
from tests.probes.peers import full, peer, refusing, until_gone

ROOT = Path(__file__).parents[2]
ROUTER, SERVER, FRONT = "10.199.1.1", "10.199.2.2", "203.0.113.80"
ROUTER_6, SERVER_6 = "fd00:199:1::1", "fd00:199:2::2"
OPEN, SHUT, LOST = 8000, 8001, 8002

LISTEN = f"""
import socket, sys
listener = socket.create_server(("::", {OPEN}), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
sys.stdin.read()
"""
ASK = """
import json, sys
from probes import reach
from probes.probe import Target
address, port, ttl, timeout = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
target = Target(address, port, "http", "kong.test")
found = [reach.reach(target, ttl, timeout)] if ttl else reach.ladder(target, timeout)
print(json.dumps([[type(one).__name__, getattr(one, "by", None)] for one in found]))
"""


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Net:
    """The namespace in which the caller lives."""

    caller: str

    def ask(self, address: str, port: int = OPEN, ttl: int = 0, timeout: float = 5.0) -> list[Reached]:
        """What reach says within the caller's namespace; ``ttl`` 0 asks for the whole ladder."""
        inside = ["ip", "netns", "exec", self.caller, "env", f"PYTHONPATH={ROOT}", sys.executable, "-c", ASK]
        found = json.loads(run(*inside, address, str(port), str(ttl), str(timeout)))
        kinds: dict[str, Reached] = {"Connected": Connected(), "Silent": Silent()}
        return [Expired(by) if kind == "Expired" else kinds[kind] for kind, by in found]


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    """Three namespaces: the router sends what comes for ``FRONT`` on to the server, and drops what is for ``LOST``."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("iptables"):
        why = "network namespaces need root, ip and iptables"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    mark = uuid4().hex[:6]
    names = {role: f"kipt-{role}-{mark}" for role in ("caller", "router", "server")}
    made: list[str] = []
    try:
        for name in names.values():
            run("ip", "netns", "add", name)
            made.append(name)
        build(names["caller"], names["router"], names["server"])
        listening = subprocess.Popen(
            ["ip", "netns", "exec", names["server"], sys.executable, "-c", LISTEN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with listening:
            assert listening.stdout is not None
            assert listening.stdout.readline() == "ready\n"
            yield Net(names["caller"])
            assert listening.stdin is not None
            listening.stdin.close()
    finally:
        for name in made:
            run("ip", "netns", "delete", name)


def build(caller: str, router: str, server: str) -> None:
    """Two links and the routes between them."""
    wire(caller, "10.199.1.2/24", "fd00:199:1::2/64", router, f"{ROUTER}/24", f"{ROUTER_6}/64", "a")
    wire(server, f"{SERVER}/24", f"{SERVER_6}/64", router, "10.199.2.1/24", "fd00:199:2::1/64", "b")
    for name, way, way_6 in ((caller, ROUTER, ROUTER_6), (server, "10.199.2.1", "fd00:199:2::1")):
        run("ip", "-n", name, "route", "add", "default", "via", way)
        run("ip", "-n", name, "-6", "route", "add", "default", "via", way_6)
    within = ("ip", "netns", "exec", router)
    for setting in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"):
        run(*within, "sysctl", "-qw", setting)
    run(*within, "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
    run(*within, "iptables", "-t", "nat", "-A", "PREROUTING", "-d", FRONT, "-j", "DNAT", "--to-destination", SERVER)
    run(*within, "iptables", "-t", "raw", "-A", "PREROUTING", "-p", "tcp", "--dport", str(LOST), "-j", "DROP")


def wire(one: str, four: str, six: str, other: str, other_four: str, other_six: str, mark: str) -> None:
    """A link between two namespaces, with the addresses of both ends."""
    run("ip", "-n", one, "link", "add", "name", "near", "type", "veth", "peer", "name", f"to-{mark}", "netns", other)
    for name, end, addresses in ((one, "near", (four, six)), (other, f"to-{mark}", (other_four, other_six))):
        for address in addresses:
            run("ip", "-n", name, "address", "add", address, "dev", end, *(["nodad"] if ":" in address else []))
        run("ip", "-n", name, "link", "set", end, "up")
        run("ip", "-n", name, "link", "set", "lo", "up")


@pytest.mark.parametrize(("address", "router"), [(SERVER, ROUTER), (SERVER_6, ROUTER_6)])
def test_the_router_says_where_a_packet_ended_and_the_server_answers(net: Net, address: str, router: str) -> None:
    assert net.ask(address) == [Expired(router), Connected()]


def test_where_the_router_rewrites_the_target_the_end_behind_it_is_told_in_the_targets_name(net: Net) -> None:
    # The error's own source is translated back, like everything that belongs to the connection.
    assert net.ask(FRONT) == [Expired(FRONT), Connected()]


def test_one_rung_can_be_asked_for(net: Net) -> None:
    assert net.ask(SERVER, ttl=1) == [Expired(ROUTER)]
    assert net.ask(SERVER, ttl=2) == [Connected()]


def test_a_refusal_is_an_answer_of_the_target(net: Net) -> None:
    assert net.ask(SERVER, SHUT) == [Expired(ROUTER), Connected()]


def test_three_silent_rungs_end_the_ladder(net: Net) -> None:
    assert net.ask(SERVER, LOST, timeout=0.1) == [Silent()] * 3


def test_the_router_itself_is_one_rung_away(net: Net) -> None:
    assert net.ask(ROUTER) == [Connected()]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_loopback_is_reached_at_once(address: str) -> None:
    with peer(until_gone, address) as port:
        assert reach.ladder(Target(address, port, "http", "kong.test"), 5) == (Connected(),)


def test_a_refusal_at_once_is_an_answer_too() -> None:
    with refusing() as port:
        assert reach.reach(Target("127.0.0.1", port, "http", "kong.test"), 1, 5) == Connected()


def test_a_target_that_takes_no_more_connections_is_silent() -> None:
    with full() as port:
        assert reach.reach(Target("127.0.0.1", port, "http", "kong.test"), 1, 0.1) == Silent()


def test_a_target_without_a_way_is_silent() -> None:
    assert reach.reach(Target("255.255.255.255", 80, "http", "kong.test"), 1, 5) == Silent()


def test_where_the_system_cannot_tell_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with peer(until_gone) as port:
        assert reach.ladder(Target("127.0.0.1", port, "http", "kong.test"), 5) == ()


def test_asking_leaves_no_connection_open() -> None:
    ended = threading.Event()

    def script(connection: socket.socket) -> None:
        assert connection.recv(1) == b""
        ended.set()

    with peer(script) as port:
        reach.reach(Target("127.0.0.1", port, "http", "kong.test"), 1, 5)
        assert ended.wait(20)
