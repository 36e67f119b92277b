"""The examples of docs/pipelines.md: each is read by what will read it, as far as that is here, and its flags exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from diagnose import cli
from tests.test_docs import ROOT, help_of

EXAMPLES = ROOT / "docs" / "examples"
PIPELINES = (ROOT / "docs" / "pipelines.md").read_text("utf-8")
INSIDE = ("argo-cd-post-sync.yaml", "helm-test.yaml")


def documents(name: str) -> list[Any]:
    """The documents of an example; Helm's one variable is filled in."""
    text = (EXAMPLES / name).read_text("utf-8").replace("{{ .Release.Name }}", "edge")
    return list(yaml.safe_load_all(text))


def pod_of(thing: Any) -> Any:
    """The pod of a Job, or a Pod itself."""
    return thing["spec"]["template"]["spec"] if thing["kind"] == "Job" else thing["spec"]


def commands(value: Any) -> Iterator[list[str]]:
    """Every kongip command within an example, as words."""
    if isinstance(value, dict):
        if value.get("command") == ["python3", "-m", "diagnose"]:
            yield ["kongip", *value["args"]]
        for one in value.values():
            yield from commands(one)
    elif isinstance(value, list):
        for one in value:
            yield from commands(one)
    elif isinstance(value, str) and value.startswith("kongip "):
        yield shlex.split(value.partition(" >>")[0])


def test_each_example_is_told_of_and_there_are_no_others() -> None:
    told = set(re.findall(r"\(examples/([a-z-]+\.yaml)\)", PIPELINES))
    assert told == {path.name for path in EXAMPLES.iterdir()}


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.name != "inside.yaml"))
def test_the_commands_of_an_example_and_their_flags_exist(name: str) -> None:
    found = [words for document in documents(name) for words in commands(document)]
    assert found
    for _, command, *words in found:
        assert command in cli.COMMANDS
        known = set(re.findall(r"--[a-z-]+", help_of(command)))
        assert {word for word in words if word.startswith("--")} <= known


def test_the_action_has_steps_that_either_use_or_run_something() -> None:
    [workflow] = documents("github-actions.yaml")
    triggers = workflow[True]  # to YAML 1.1 the word "on" is a truth value
    assert set(triggers) == {"workflow_dispatch", "deployment_status"}
    [job] = workflow["jobs"].values()
    assert all(("uses" in step) != ("run" in step) for step in job["steps"])


def test_the_pipeline_job_is_of_a_stage_that_there_is_and_keeps_what_it_writes() -> None:
    [pipeline] = documents("gitlab-ci.yaml")
    job = pipeline["client-address"]
    assert job["stage"] in pipeline["stages"]
    assert job["artifacts"]["reports"]["junit"] in job["script"][-1]


@pytest.mark.parametrize("name", INSIDE)
def test_an_example_from_inside_says_so_and_takes_its_account_and_kubeconfig(name: str) -> None:
    assert "no evidence about those outside" in (EXAMPLES / name).read_text("utf-8")
    [thing] = documents(name)
    account, kubeconfig = documents("inside.yaml")
    pod = pod_of(thing)
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert pod["volumes"][0]["configMap"]["name"] == kubeconfig["metadata"]["name"]
    assert "here" in [one["name"] for one in yaml.safe_load(kubeconfig["data"]["kubeconfig"])["contexts"]]
    assert {one["metadata"]["namespace"] for one in (thing, account, kubeconfig)} == {"kong"}


def test_both_examples_from_inside_run_the_same_container() -> None:
    job, pod = (pod_of(documents(name)[0]) for name in INSIDE)
    assert {key: value for key, value in pod.items() if key != "activeDeadlineSeconds"} == job


def test_the_hooks_are_named_as_their_tools_read_them() -> None:
    [job], [pod] = map(documents, INSIDE)
    assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PostSync"
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"


def test_nothing_of_an_example_needs_root() -> None:
    for name in INSIDE:
        pod = pod_of(documents(name)[0])
        [container] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
