"""For every test: in CI none may be left out unless it is on a list, and a cluster of the reader's is not touched."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

ALLOWED_IN_CI: frozenset[str] = frozenset()
"""Reasons for which a test may be skipped in CI, word for word."""

# How long one example takes is the machine's business, and two cores may be busy with something else.
settings.register_profile("kongip", deadline=None)
settings.load_profile("kongip")

IN_CI = os.environ.get("CI") == "true"

collect_ignore = [] if "KONGIP_TEST_CONTEXT" in os.environ else ["any_cluster"]
"""Those tests change the cluster that the variable names: `make test-cluster` alone runs them."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a test that was skipped in CI a failure."""
    report = yield
    if not hasattr(report, "wasxfail"):  # an expected failure is reported as skipped as well
        _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Make a module that was skipped as a whole in CI a failure."""
    report = yield
    _refuse(report)
    return report


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not (IN_CI and report.skipped and isinstance(report.longrepr, tuple)):
        return
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if reason not in ALLOWED_IN_CI:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be left out: {reason}"
