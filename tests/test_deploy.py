"""What runs within a cluster: the image's definition, and manifests that grant what kongip needs and no more."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from diagnose import __version__
from diagnose.cli import parser
from diagnose.fleet.outcome import Outcome
from diagnose.report.metrics import metrics
from diagnose.report.report import Verdict
from tests.diagnose.report.reports import MIXED

ROOT = Path(__file__).parent.parent
RULES = ROOT / "deploy" / "prometheus-rules.yaml"
MANIFESTS = sorted(path for path in (ROOT / "deploy").glob("*.yaml") if path != RULES)
IMAGE = f"kongip:{__version__}"


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions with their arguments, continued lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "Containerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def of(name: str) -> list[str]:
    return [rest for one, rest in instructions() if one == name]


def things(path: Path) -> list[Any]:
    return [thing for thing in yaml.safe_load_all(path.read_text("utf-8")) if thing]


def pod_of(thing: Any) -> Any:
    spec = thing["spec"]["jobTemplate"]["spec"] if thing["kind"] == "CronJob" else thing["spec"]
    return spec["template"]["spec"]


def test_the_image_has_known_instructions_two_stages_and_a_pinned_base() -> None:
    assert {name for name, _ in instructions()} <= {
        "ARG", "FROM", "WORKDIR", "COPY", "RUN", "LABEL", "ENV", "USER", "ENTRYPOINT", "CMD",
    }  # fmt: skip
    assert of("FROM") == ["${BASE} AS build", "${BASE}"]
    (base,) = of("ARG")
    assert re.fullmatch(r"BASE=docker\.io/library/python:3\.\d+\.\d+-slim-\w+", base)


def test_the_image_runs_as_nobody_and_starts_kongip() -> None:
    last = [name for name, _ in instructions()].index("FROM", 2)
    names = dict(instructions()[last:])
    user, group = names["USER"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert yaml.safe_load(names["ENTRYPOINT"]) == ["kongip"]


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".containerignore").read_text("utf-8").split()
    copied = [word for line in of("COPY") if "--from" not in line for word in shlex.split(line)[:-1]]
    assert copied
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


def test_what_the_package_is_built_from_is_copied() -> None:
    copied = " ".join(of("COPY"))
    assert all(name in copied for name in ("pyproject.toml", "README.md", "LICENSE", "docs/man"))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_pods_are_restricted_and_their_commands_are_kongips(path: Path) -> None:
    for thing in things(path):
        if thing["kind"] not in ("Job", "CronJob"):
            continue
        pod = pod_of(thing)
        (container,) = pod["containers"]
        assert container["image"] == IMAGE
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]
        parser().parse_args(container["args"])  # Stop for a flag that there is not


def test_pods_run_as_the_account_that_is_made() -> None:
    (account,) = things(ROOT / "deploy" / "account.yaml")
    pods = [thing for path in MANIFESTS for thing in things(path) if thing["kind"] in ("Job", "CronJob")]
    assert pods
    for thing in pods:
        assert thing["metadata"]["namespace"] == account["metadata"]["namespace"]
        assert pod_of(thing)["serviceAccountName"] == account["metadata"]["name"]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_what_pods_mount_is_there_and_what_their_flags_name_is_mounted(path: Path) -> None:
    for thing in things(path):
        if thing["kind"] not in ("Job", "CronJob"):
            continue
        pod = pod_of(thing)
        (container,) = pod["containers"]
        mounts = {one["name"]: one for one in container.get("volumeMounts", ())}
        assert mounts.keys() == {volume["name"] for volume in pod.get("volumes", ())}
        folders = {one["mountPath"]: one.get("readOnly", False) for one in mounts.values()}
        flags = dict(word.split("=", 1) for word in container["args"] if "=" in word)
        if (config := flags.get("--kubeconfig")) is not None:
            assert Path(config).name == "config"  # the key that the README's command gives the Secret
            assert folders[str(Path(config).parent)] is True
            assert folders["/tmp"] is False
        if (metrics_file := flags.get("--metrics-file")) is not None:
            assert folders[str(Path(metrics_file).parent)] is False
            assert metrics_file.endswith(".prom")  # what a textfile collector reads


def test_each_pod_of_the_fleets_job_has_a_context_of_its_own_and_fails_alone() -> None:
    (job,) = things(ROOT / "deploy" / "fleet-job.yaml")
    spec = job["spec"]
    (container,) = pod_of(job)["containers"]
    contexts = [word for word in container["args"] if word.startswith("--context=")]

    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == 3
    assert spec["backoffLimitPerIndex"] == 0
    assert "backoffLimit" not in spec
    assert contexts == ["--context=cluster-$(JOB_COMPLETION_INDEX)"]
    assert "--output=jsonl" in container["args"]


def test_alerts_ask_for_metrics_that_are_written() -> None:
    """Each once; promtool check rules has found nothing in them."""
    rules = [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]
    written = metrics([Outcome("a", 1, 1.0, 1.0, MIXED)])
    asked = {name for rule in rules for name in re.findall(r"kongip_[a-z_]+", f"{rule['expr']} {rule['annotations']}")}

    assert asked >= {"kongip_preserved", "kongip_verdict", "kongip_run_success", "kongip_run_timestamp_seconds"}
    assert [name for name in sorted(asked) if f"# TYPE {name} gauge" not in written] == []
    assert len({rule["alert"] for rule in rules}) == len(rules)
    assert {rule["labels"]["severity"] for rule in rules} == {"critical", "warning"}


def test_an_alert_of_a_verdict_names_one_that_there_is() -> None:
    named = re.findall(r'verdict="([a-z]+)"', RULES.read_text("utf-8"))
    assert named
    assert [name for name in named if name not in list(Verdict)] == []
