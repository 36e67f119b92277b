"""Kong's log, rotated by the kubelet amid a run: the API server then gives the newest file alone, and that is told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from diagnose.cluster.logs import BEGINS_AMID
from diagnose.cluster.options import ClusterOptions
from diagnose.cluster.site import ClusterSite, open_cluster
from diagnose.gather import Gathering
from diagnose.report.report import Report, Verdict
from diagnose.run import Options, diagnose
from tests.cluster import topologies
from tests.cluster.bed import BALANCER, CLIENT, CONTEXT, KUBECONFIG, on, run, until
from tests.cluster.kong import Installed, settled

NODE = "n2"
CONFIGURATION = "/run/kubelet.yaml"
LARGEST = 64 * 1024
LONG = 7000
"""Bytes of a path that nginx still takes, and logs."""


@pytest.fixture(scope="module")
def kong(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """One Kong pod, on a node whose kubelet lets no log grow large."""
    with (
        topologies.built(topologies.PASSING, tmp_path_factory.mktemp("kong")) as made,
        kubelet_set(f'containerLogMaxSize: "{LARGEST}"\n'),
    ):
        yield settled(made.policy, BALANCER)


@contextlib.contextmanager
def kubelet_set(lines: str) -> Iterator[None]:
    """Let the node's kubelet run with further lines of configuration."""
    before = on(NODE, "cat", CONFIGURATION)
    try:
        restart_kubelet(before + lines)
        yield
    finally:
        restart_kubelet(before)


def restart_kubelet(configuration: str) -> None:
    """Give the node's kubelet this configuration; it is started again by what keeps it running."""
    old = on(NODE, "pidof", "kubelet")
    on(NODE, "sh", "-c", f"cat > {CONFIGURATION}; kill {old}", text=configuration)
    until(
        "another kubelet runs", lambda: on(NODE, "sh", "-c", "pidof kubelet || true").strip() not in ("", old.strip())
    )
    healthy = "curl -fs http://127.0.0.1:10248/healthz || true"
    until("the kubelet is well", lambda: run(NODE, "sh", "-c", healthy) == "ok")


def rotate(kong: Installed) -> None:
    """Have Kong log more than its kubelet lets a log hold, and wait until that has rotated it."""
    before = log_file(kong)
    for _ in range(LARGEST // LONG + 1):
        run("client", "curl", "-s", "-o", "/dev/null", f"http://{BALANCER}/{'x' * LONG}")
    until("the kubelet has rotated Kong's log", lambda: log_file(kong) not in ("", before), 30)


def log_file(kong: Installed) -> str:
    """The number of the file that Kong's log goes to; none while the kubelet is between two."""
    (pod,) = kong.pods
    return on(NODE, "sh", "-c", f"stat -c %i /var/log/pods/kong_{pod}_*/proxy/0.log || true")


def diagnosed(*, echo: bool) -> Report:
    """What a run reports."""
    options = ClusterOptions(CONTEXT, str(KUBECONFIG), image="localhost/python:1", echo=echo)
    with open_cluster(options) as site:
        return diagnose(site, Options(connections=5), lambda line: None)


def rotating_before(whose: type, step: str, kong: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Kong's log rotated before that step is taken."""
    real = getattr(whose, step)

    def rotated_first(*given: object) -> object:
        rotate(kong)
        return real(*given)

    monkeypatch.setattr(whose, step, rotated_first)


def told(report: Report) -> list[str]:
    """What the report says of the logs of Kong's pods."""
    return [gap.why for gap in report.not_measured if gap.what.startswith("the log of kong/")]


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(("echo", "verdict"), [(True, Verdict.PRESERVED), (False, Verdict.UNDETERMINED)])
def test_lines_that_are_gone_before_they_are_read_are_told_and_what_the_echo_was_told_stands(
    kong: Installed, monkeypatch: pytest.MonkeyPatch, *, echo: bool, verdict: Verdict
) -> None:
    rotating_before(ClusterSite, "logs", kong, monkeypatch)

    report = diagnosed(echo=echo)

    assert report.verdict is verdict
    assert told(report) == [BEGINS_AMID]


@pytest.mark.usefixtures("client")
def test_lines_after_a_rotation_amid_the_probes_are_found_and_that_earlier_ones_are_missing_is_told(
    kong: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotating_before(Gathering, "_sample", kong, monkeypatch)

    report = diagnosed(echo=False)

    assert report.verdict is Verdict.UNDETERMINED, "nothing tells of the first connection"
    assert [group.logged for group in report.groups if group.logged] == [((CLIENT, 4),)]
    assert told(report) == [BEGINS_AMID]
