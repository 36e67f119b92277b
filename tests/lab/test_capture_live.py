"""kongip capture on a live interface: of a node that rewrites, while a request passes; and without the right to."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from diagnose.cluster.ephemeral import MEMORY, Attaching
from probes.sniffing import MOST_BYTES
from tests.gateway.running import until
from tests.lab.network import BRIDGE, CLIENT, Network
from tests.lab.test_captures import CASES, NONCE, ask, built_for
from tests.lab.test_trace import WITHOUT_RAW

COMMAND = [sys.executable, "-m", "diagnose", "capture"]


@pytest.mark.parametrize("interface", ["any", "eth0"])
def test_a_node_that_rewrites_is_seen_to_do_so(interface: str, ground: Network, tmp_path: Path) -> None:
    words = [*COMMAND, "--interface", interface, "--at", "node", "--seconds", "6", "--port", "80", "--port", "8000"]
    case = CASES[2]
    with (
        built_for(ground, case, tmp_path),
        subprocess.Popen(
            [*ground.inside("node-b"), *words, "--output", "json"], stdout=subprocess.PIPE, text=True
        ) as capturing,
    ):
        until(lambda: hears(ground), 20)
        ask(ground, case)
        said, _ = capturing.communicate(timeout=60)
    [way] = [one for one in json.loads(said)["ways"] if one["nonce"] == NONCE]
    sources = [one["source"] for one in way["sightings"]]

    assert sources == ([CLIENT[4], BRIDGE[4]] if interface == "any" else [CLIENT[4]])
    assert {one["layer"] for one in way["sightings"]} == {"node"}


def hears(ground: Network) -> bool:
    """Whether a packet socket is open at the node: the first line of the table is its head."""
    return len(ground.run("node-b", "cat", "/proc/net/packet").splitlines()) > 1


def test_without_the_right_to_it_says_so_before_anything_else(ground: Network) -> None:
    words = [*ground.inside("client"), *WITHOUT_RAW, *COMMAND, "--interface", "any", "--read", "/nowhere"]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    assert said.returncode == 4
    assert said.stderr.startswith("kongip: Capturing packets needs CAP_NET_RAW")
    assert said.stderr.count("\n") == 1


def test_an_interface_that_is_not_there_is_named_beside_those_that_are(ground: Network) -> None:
    words = [*ground.inside("client"), *COMMAND, "--interface", "eth7"]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert "There is no interface 'eth7'" in said.stderr
    assert "any, lo, eth0" in said.stderr


ONLY_RAW = ["setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all"]


def attaching() -> Attaching:
    return Attaching(secrets.token_hex(5), "", (), (80,), deadline=60)


def most_memory(process: int) -> int:
    """The most bytes that a process has had in memory."""
    lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def test_what_an_ephemeral_container_runs_captures_with_net_raw_alone_and_ends_when_its_file_is_gone(
    ground: Network, tmp_path: Path
) -> None:
    tap = attaching()
    file = Path(tap.file)
    with (
        built_for(ground, CASES[0], tmp_path),
        subprocess.Popen([*ground.inside("client"), *ONLY_RAW, *tap.container()["command"]]) as running,
    ):
        until(file.exists, 20)
        assert file.stat().st_mode & 0o777 == 0o600
        assert 2 * most_memory(running.pid) + MOST_BYTES < MEMORY * 2**20, "its own, that of who reads, and the capture"
        ask(ground, CASES[0])
        until(lambda: NONCE.encode() in file.read_bytes(), 10)
        file.unlink()
        assert running.wait(10) == 0


def test_what_an_ephemeral_container_runs_ends_at_its_deadline_and_takes_its_file_along(ground: Network) -> None:
    tap = replace(attaching(), deadline=1)
    with subprocess.Popen([*ground.inside("client"), *ONLY_RAW, *tap.container()["command"]]) as running:
        until(Path(tap.file).exists, 20)
        assert running.wait(10) == 0
    assert not Path(tap.file).exists()
