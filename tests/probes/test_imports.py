"""What a probe is costs nothing to import: the heavy modules are loaded where something is sent."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("h11", "httpcore", "httpx", "kubernetes", "rich", "scapy")
LIGHT = ("probes", "probes.probe", "probes.outcome", "probes.claims", "probes.compose", "probes.wire.proxy_protocol")


def loaded_by(module: str) -> set[str]:
    """The top-level modules that are loaded once ``module`` is imported, in a fresh interpreter."""
    ask = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


@pytest.mark.parametrize("module", LIGHT)
def test_values_and_codecs_load_nothing_heavy(module: str) -> None:
    loaded = loaded_by(module)
    assert "probes" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_this_test_would_see_a_heavy_module() -> None:
    assert "h11" in loaded_by("probes.send")
