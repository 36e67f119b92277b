"""A guard on speed that no busy machine can upset: calls are counted, not seconds.

Each limit stands some way above what was counted when it was written. Who has a reason to spend more raises it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

import pytest

from benchmarks.explaining import WAYS, behind, known
from benchmarks.finding import TARGET, probes
from benchmarks.measuring import Row
from diagnose.cluster.log_sieve import Sieve
from diagnose.explain.explain import explain
from diagnose.explain.groups import explain_all
from diagnose.site import Kong
from probes.probe import PROXY_CHANNEL, Claim, Preamble, Probe
from probes.send import send
from probes.wire.proxy_protocol import Header, encode, parse
from tests.diagnose.explain.simulator import KONG, evidence
from tests.probes.peers import peer, says
from tests.probes.scenes import LENGTH, OF_LENGTH, probe

OTHERS = b'203.0.113.5 - - [28/Nov/2026:09:00:00 +0000] "GET /shop HTTP/1.1" 200 9\n'


def calls(act: Callable[[], object]) -> int:
    """How many functions are called in this thread while ``act`` runs, Python's and C's; caches are filled before."""
    act()
    counted = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(before)
    return counted


def test_calls_are_counted() -> None:
    assert calls(lambda: [len("") for _ in range(50)]) - calls(lambda: None) >= 50


def test_a_probe_takes_few_calls() -> None:
    made = Probe("n0nce", TARGET, "/kongip/n0nce", preamble=Preamble.V1, claims=(Claim(PROXY_CHANNEL, "192.0.2.1"),))
    assert made.claim(PROXY_CHANNEL)
    with peer(says(LENGTH)) as port:
        assert send(probe(port), 10).outcome == OF_LENGTH
        assert calls(partial(send, probe(port), 10)) < 400


@pytest.mark.parametrize("version", [1, 2])
def test_a_proxy_header_takes_few_calls(version: int) -> None:
    header = Header(1 if version == 1 else 2, "PROXY", "203.0.113.7", 40001, "198.51.100.9", 443)
    data = encode(header)
    assert calls(lambda: (encode(header), parse(data))) < 70


def test_the_lines_of_others_take_no_call_each() -> None:
    sent = probes()
    few, many = OTHERS * 10, OTHERS * 10_000
    assert calls(lambda: list(Sieve(sent).lines(few))) == calls(lambda: list(Sieve(sent).lines(many)))


@pytest.mark.parametrize(("name", "limit"), [("clean", 12_000), ("header not trusted", 16_000)])
def test_an_explanation_takes_so_many_calls(name: str, limit: int) -> None:
    way = WAYS[name]
    seen = evidence(way, 20)
    assert calls(lambda: explain(seen, (), [way.settings], known(seen))) < limit


def test_explaining_grows_with_the_number_of_groups_and_no_faster() -> None:
    way = WAYS["header not trusted"]
    pods = [Kong("kong/kong-0", KONG, "node-a", True, way.settings, "the benchmark")]
    one, eight = (behind(way, number) for number in (1, 8))
    alone = calls(lambda: explain_all(one, {}, pods, known(one), {}))
    assert calls(lambda: explain_all(eight, {}, pods, known(eight), {})) < 8 * alone * 1.1


HELP = """
import sys
before = len(sys.modules)
from diagnose.cli import main
try:
    main(["--help"])
except SystemExit:
    print(len(sys.modules) - before, file=sys.stderr)
"""


def test_help_loads_few_modules() -> None:
    told = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert int(told.stderr) < 40


def test_a_ratio_is_that_of_samples_taken_one_after_the_other() -> None:
    slow = Row("", "", [1.0, 4.0, 2.0], [1.0, 2.0, 1.0], "at most", 2)
    assert (slow.ratios, slow.met) == ((1.0, 2.0, 2.0), True)
    fast = Row("", "", [1.0, 1.0, 1.0], [2.0, 3.0, 9.0], "at least", 4)
    assert (fast.ratios, fast.met) == ((2.0, 3.0, 9.0), False)
