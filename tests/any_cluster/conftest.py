"""The cluster that KONGIP_TEST_CONTEXT names, made ready once and left as it was found."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.any_cluster.cluster import Cluster, Unfit, find, prepared


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster; the run ends where it is none to run these tests in."""
    context = os.environ.get("KONGIP_TEST_CONTEXT")
    if not context:
        pytest.exit("These tests change a Kong. Name a cluster to experiment with: make test-cluster CONTEXT=kind-x", 2)
    try:
        found = find(context)
    except (Unfit, RuntimeError, FileNotFoundError) as error:
        pytest.exit(str(error), 2)
    with prepared(found) as ready:
        yield ready
