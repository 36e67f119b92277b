"""nginx for the tests that run the gateway."""

from __future__ import annotations

import os

import pytest

from tests.gateway.running import why_not


@pytest.fixture(scope="session")
def nginx() -> None:
    """Skip where the machine has no nginx with Lua, or fail in CI, which must have it."""
    if reason := why_not():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
