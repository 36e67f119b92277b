"""What a run creates, held to the text beside this file and to what Kubernetes and a careful administrator demand."""

from __future__ import annotations

import json
from pathlib import Path

from diagnose.cluster import manifests
from diagnose.cluster.manifests import Run
from diagnose.cluster.replies import Object

RUN = Run("0123456789", "kong", "/kongip-feed", "c0ffee", "python:3-alpine")
GOLDEN = Path(__file__).parent / "manifests.json"
OWNER = {"metadata": {"uid": "11111111-2222-3333-4444-555555555555"}}


def everything() -> list[Object]:
    return [
        manifests.job(RUN),
        manifests.config_map(RUN, OWNER, {"server.py": "print()\n"}),
        manifests.service(RUN, OWNER),
        manifests.ingress(RUN, OWNER, "kong", [None, "shop.example"]),
    ]


def test_the_objects_are_those_of_the_golden_text() -> None:
    assert json.dumps(everything(), indent=2, sort_keys=True) + "\n" == GOLDEN.read_text()


def test_everything_bears_the_labels_and_hangs_by_the_job() -> None:
    job, *rest = everything()
    for one in (job, *rest):
        assert one["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "kongip", "kongip/run": "0123456789"}
        assert one["metadata"]["namespace"] == "kong"
    assert "ownerReferences" not in job["metadata"]
    for one in rest:
        assert [owner["uid"] for owner in one["metadata"]["ownerReferences"]] == [OWNER["metadata"]["uid"]]


def test_kubernetes_ends_and_removes_the_job_by_itself() -> None:
    spec = manifests.job(RUN)["spec"]
    assert (spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"], spec["backoffLimit"]) == (600, 60, 0)


def test_the_pod_passes_pod_security_restricted() -> None:
    pod = manifests.pod_spec(RUN)
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False
    assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} <= {"configMap"}
    assert not pod.get("hostNetwork")


def test_each_host_has_a_rule_once_and_an_address_none_of_its_own() -> None:
    hosts = [None, "Shop.example", "shop.example", "192.0.2.7", "*.wild.example"]
    spec = manifests.ingress(RUN, OWNER, "kong", hosts)["spec"]
    assert [rule.get("host") for rule in spec["rules"]] == [None, "shop.example", "*.wild.example"]
    assert {rule["http"]["paths"][0]["path"] for rule in spec["rules"]} == {"/kongip-feed"}
