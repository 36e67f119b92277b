"""What the tests with real parts need of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.diagnose.outside import bed
from tests.gateway.running import why_not


@pytest.fixture(scope="session")
def parts() -> None:
    """Skip where the machine has no nginx with Lua or no HAProxy, or fail in CI, which must have both."""
    if reason := why_not() or bed.why_no_haproxy():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="session")
def echo_port() -> Iterator[int]:
    """The port of a running echo."""
    with bed.echo() as port:
        yield port
