"""Which pods count as Kong's: those that end do not."""

from __future__ import annotations

from typing import Any

import pytest

from diagnose.inspect.kongs import find_kongs
from tests.diagnose.inspect.things import pod, snapshot_of

TOLD = {"name": "proxy", "image": "kong:3.9", "env": [{"name": "KONG_TRUSTED_IPS", "value": "0.0.0.0/0"}]}


def alone(**metadata: Any) -> dict[str, Any]:
    """A Kong pod that no workload at hand makes."""
    thing = dict(pod())
    thing["metadata"] = {**thing["metadata"], **metadata}
    return {**thing, "spec": {"containers": [TOLD]}}


def test_a_pod_that_no_workload_makes_is_a_kong_of_its_own() -> None:
    (kong,) = find_kongs(snapshot_of(alone()), {})

    assert kong.name == "Pod kong/kong-1"


@pytest.mark.parametrize(
    "metadata",
    [{"deletionTimestamp": "2026-01-01T00:00:00Z"}, {"ownerReferences": [{"kind": "Job", "name": "migrations"}]}],
)
def test_a_pod_that_ends_is_none(metadata: dict[str, Any]) -> None:
    assert find_kongs(snapshot_of(alone(**metadata)), {}) == ()
