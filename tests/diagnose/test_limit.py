"""A run ends when its time is up: what was seen by then is judged, and nothing waits for ever."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from diagnose.errors import Stop
from diagnose.limit import Limit

ROOT = Path(__file__).resolve().parents[2]
LONG = 60.0


def wait_long() -> None:
    threading.Event().wait(LONG)


def test_gathering_is_left_off_and_the_rest_goes_on() -> None:
    limit, began = Limit(0.6), time.monotonic()
    with limit.whole():
        limit.gather(wait_long)
        assert limit.gathering_ended
        assert 0.3 < time.monotonic() - began < LONG / 2


def test_a_run_whose_time_is_up_is_stopped_with_a_word_on_it() -> None:
    limit = Limit(0.2)
    with pytest.raises(Stop, match=r"did not end within 0.2 seconds \(--timeout\)") as stopped, limit.whole():
        threading.Event().wait(LONG)
    assert stopped.value.status == 4


def test_a_gathering_that_outlasts_the_whole_time_ends_the_run() -> None:
    limit = Limit(0.3)

    def gather() -> None:
        try:
            threading.Event().wait(LONG)
        finally:
            threading.Event().wait(LONG)  # as the end of a pool of threads may take its time

    with pytest.raises(Stop), limit.whole():
        limit.gather(gather)


def test_where_the_time_for_gathering_is_over_already_it_is_left_off_at_once() -> None:
    limit = Limit(3.0)
    threading.Event().wait(2.1)  # as where it took that long until the echo ran
    began = time.monotonic()
    with limit.whole():
        limit.gather(wait_long)
    assert limit.gathering_ended
    assert time.monotonic() - began < 0.5


def test_those_who_wait_for_threads_are_interrupted_as_well() -> None:
    held = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(held.wait, LONG)
        with pytest.raises(Stop), Limit(0.2).whole():
            waiting.result()
        held.set()


def test_what_ends_in_time_is_left_alone() -> None:
    before = signal.getsignal(signal.SIGALRM)
    limit = Limit(0.2)
    with limit, limit.whole():
        limit.gather(lambda: None)
    threading.Event().wait(0.4)
    assert signal.getsignal(signal.SIGALRM) is before
    assert not limit.gathering_ended


def test_without_a_limit_nothing_is_set() -> None:
    limit = Limit()
    before = signal.getsignal(signal.SIGALRM)
    seen: list[object] = []
    with limit, limit.whole():
        limit.gather(lambda: seen.append(signal.getsignal(signal.SIGALRM)))
    assert seen == [before]
    assert limit.step(5.0) == 5.0


HANGING = """
import threading
from concurrent.futures import ThreadPoolExecutor
from diagnose import limit
limit.CLEAN_UP = 0.2
with limit.Limit(0.2) as one:
    ThreadPoolExecutor(1).submit(threading.Event().wait)
"""


def test_a_process_whose_threads_hang_is_ended() -> None:
    done = subprocess.run([sys.executable, "-c", HANGING], cwd=ROOT, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 4
    assert done.stderr.startswith("kongip: the run did not end within 0.2 seconds (--timeout), nor 0.2 seconds later.")
    assert done.stderr.count("\n") == 1


@pytest.fixture
def deaf() -> Iterator[int]:
    """The port of a server that takes connections and never says anything."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server, contextlib.ExitStack() as held:

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(held.enter_context(server.accept()[0]))

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(LONG)


def test_a_kong_that_never_answers_ends_in_a_report_within_the_time(deaf: int) -> None:
    words = [sys.executable, "-m", "diagnose", "diagnose", "--url", f"http://127.0.0.1:{deaf}", "--output", "json"]
    began = time.monotonic()
    done = subprocess.run(
        [*words, "--timeout", "10", "--probe-timeout", "60"], cwd=ROOT, capture_output=True, text=True, timeout=LONG
    )
    took = time.monotonic() - began
    report = json.loads(done.stdout)
    assert report["verdict"] in ("undetermined", "unreachable")
    assert "Traceback" not in done.stderr
    assert took < 10 + 10  # the interpreter and its imports take their time on a busy machine
