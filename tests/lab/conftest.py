"""The proving ground's network, made once for all scenarios of a run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.gateway.running import why_not as why_no_gateway
from tests.lab.network import Network, network, why_not
from tests.lab.parts import why_no_stream


@pytest.fixture(scope="session")
def ground() -> Iterator[Network]:
    """The network; skip where the machine cannot have it, or fail in CI, which must be able to."""
    haproxy = None if shutil.which("haproxy") else "HAProxy is missing (Debian: haproxy)"
    if reason := why_not() or why_no_gateway() or haproxy or why_no_stream():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no proving ground here: {reason}")
    with network() as made:
        yield made
