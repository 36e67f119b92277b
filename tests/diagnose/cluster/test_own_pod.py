"""Where kongip runs in a pod, that pod is known with its address, however early the pods were listed."""

from __future__ import annotations

from typing import Any

import pytest

from diagnose.cluster import own_pod as module
from diagnose.cluster.own_pod import own_pod
from tests.diagnose.cluster.things import scripted, thing

EARLY = thing("kongip-1", {}, status={})
LATE = thing("kongip-1", {}, status={"podIP": "10.78.1.9"})


@pytest.fixture
def in_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "192.0.2.1")
    monkeypatch.setenv("HOSTNAME", "kongip-1")
    monkeypatch.setattr(module, "POLL", 0.0)


@pytest.mark.usefixtures("in_a_pod")
def test_a_pod_that_was_listed_before_its_address_was_told_is_asked_for_until_it_is() -> None:
    answers = iter([EARLY, EARLY, LATE])
    api, transport = scripted(lambda *_: (200, {"items": [next(answers)]}))

    assert own_pod(api, [EARLY]) == (LATE,)
    assert {query.partition("&")[0] for query in transport.queries} == {"fieldSelector=metadata.name=kongip-1"}


@pytest.mark.usefixtures("in_a_pod")
def test_a_pod_that_a_cut_listing_lacks_is_asked_for_and_one_with_its_address_is_not() -> None:
    api, transport = scripted(lambda *_: (200, {"items": [LATE]}))

    assert own_pod(api, []) == (LATE,)
    assert len(transport.asked) == 1
    assert own_pod(api, [LATE]) == (LATE,)
    assert len(transport.asked) == 1


@pytest.mark.usefixtures("in_a_pod")
@pytest.mark.parametrize("answer", [(200, {"items": []}), (403, {"message": "forbidden"})])
def test_a_pod_of_another_cluster_or_one_that_may_not_be_read_is_none(answer: tuple[int, Any]) -> None:
    api, transport = scripted(lambda *_: answer)

    assert own_pod(api, []) == ()
    assert len(transport.asked) == 1


@pytest.mark.usefixtures("in_a_pod")
def test_an_address_that_is_never_told_is_waited_for_some_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    api, _ = scripted(lambda *_: (200, {"items": [EARLY]}))

    assert own_pod(api, [EARLY]) == (EARLY,)


def test_outside_a_pod_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOSTNAME", "kongip-1")
    api, transport = scripted(lambda *_: (500, {}))

    assert own_pod(api, []) == ()
    assert transport.asked == []
