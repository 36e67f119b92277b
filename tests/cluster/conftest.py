"""The cluster for all tests of this folder: brought up once, left up (`down.sh` ends it)."""

from __future__ import annotations

import ctypes
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import bed
from tests.cluster.command import KINDS, left_behind
from tests.cluster.kong import NAMESPACE


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker alone run these tests: there is one cluster, with one Kong in it."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("cluster"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """Bring the cluster up for this run alone; skip where the machine cannot, or fail in CI, which must be able to."""
    if reason := bed.why_not():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no test cluster here: {reason}")
    bed.BASE.mkdir(parents=True, exist_ok=True)
    with (bed.BASE / ".tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # there is one Kong in the cluster; another run waits for its turn
        bed.up()
        # What a test left that was killed would fail those that look for leftovers.
        bed.kubectl("delete", KINDS, "-A", "--selector=app.kubernetes.io/managed-by=kongip", "--wait=false")
        bed.until("nothing is left of earlier tests", lambda: not left_behind())
        # Fixtures put things there before Kong is installed.
        bed.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        yield


@pytest.fixture
def client(cluster: None) -> Iterator[None]:
    """This thread, and those it starts, in the network namespace of the client."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as home, Path("/run/netns/kip-client").open() as away:
        assert libc.setns(away.fileno(), 0) == 0
        yield
        assert libc.setns(home.fileno(), 0) == 0
