"""A site that is watched: read anew where Kong's Service or pods have changed, and only then."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from diagnose.cluster import rights, survey
from diagnose.cluster import site as place
from diagnose.cluster.kinds import POD, SERVICE
from diagnose.cluster.manifests import AS_USUAL, created
from diagnose.cluster.options import ClusterOptions
from diagnose.cluster.replies import Object
from diagnose.cluster.rights import Right
from diagnose.cluster.route import ByClass
from diagnose.cluster.site import KNOWN_FOR, ClusterSite, open_cluster
from diagnose.cluster.snapshot import PATHS
from diagnose.errors import Stop
from tests.diagnose.cluster.test_site import Cluster
from tests.diagnose.cluster.things import Transport, kong_pod, proxy_service, scripted

OF_SERVICE, OF_PODS = SERVICE.collection("kong"), POD.collection("kong")


class Watched(Cluster):
    """The same cluster, in which Kong's Service can be listed by its name; ``transport`` keeps what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.publish()
        self.pods(kong_pod("kong-1"))

    def publish(self, **more: Any) -> None:
        """Let Kong's Service be this one, of another version than before."""
        service = proxy_service(**more)
        service["metadata"]["resourceVersion"] = str(len(self.collections.get(OF_SERVICE, ())) + len(str(more)))
        self.collections |= {PATHS["services"]: [service], OF_SERVICE: [service]}

    def pods(self, *pods: Object) -> None:
        """Let these be Kong's pods."""
        for pod in pods:
            pod["metadata"].setdefault("uid", pod["metadata"]["name"])
        self.collections[OF_PODS] = list(pods)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """A cluster that ``open_cluster`` finds whatever the context."""
    made = Watched()
    api, made.transport = scripted(made)
    monkeypatch.setattr(place, "connect", lambda *_: api)
    monkeypatch.setattr(survey, "resolve", lambda name: (name,))
    return made


def opened() -> ClusterSite:
    site = open_cluster(ClusterOptions(execute=False))
    assert site.kongs  # all is read before anything changes
    return site


def asked(cluster: Watched) -> Transport:
    assert cluster.transport is not None
    return cluster.transport


def test_where_nothing_changed_two_requests_are_all(cluster: Watched) -> None:
    with opened() as site:
        before = len(asked(cluster).asked)
        assert site.refresh()
    paths = [path for _, path, _ in asked(cluster).asked[before:]]
    assert sorted(paths) == sorted([OF_SERVICE, OF_PODS])
    assert "fieldSelector=metadata.name=kong-proxy" in "".join(asked(cluster).queries[before:])


def test_a_pod_that_came_and_one_that_went_are_seen(cluster: Watched) -> None:
    with opened() as site:
        cluster.pods(kong_pod("kong-2", "10.78.1.6"))
        site.refresh()
        assert [kong.name for kong in site.kongs] == ["kong/kong-2"]
        assert {entry.address for entry in site.entries} >= {"10.78.1.6"}


@pytest.mark.parametrize(
    "state",
    [
        {"conditions": [{"type": "Ready", "status": "False"}]},
        {"containerStatuses": [{"name": "proxy", "restartCount": 1}]},
    ],
    ids=["no longer ready", "restarted"],
)
def test_a_pod_that_is_in_another_state_is_read_anew(cluster: Watched, state: dict[str, Any]) -> None:
    with opened() as site:
        pod = kong_pod("kong-1")
        pod["status"] |= state
        cluster.pods(pod)
        before = len(asked(cluster).asked)
        site.refresh()
    assert PATHS["nodes"] in [path for _, path, _ in asked(cluster).asked[before:]]


def test_a_policy_that_was_changed_is_seen(cluster: Watched) -> None:
    with opened() as site:
        cluster.publish(spec={"externalTrafficPolicy": "Local"})
        site.refresh()
        assert {behaviour for fact in site.facts for behaviour in fact.behaviours} == {"keeps_source"}


def test_a_service_that_is_gone_is_told_and_what_was_known_stays(cluster: Watched) -> None:
    with opened() as site:
        cluster.collections |= {PATHS["services"]: [], OF_SERVICE: []}
        with pytest.raises(Stop):
            site.refresh()
        assert [kong.name for kong in site.kongs] == ["kong/kong-1"]


def test_where_it_may_not_be_looked_for_all_is_read_anew_after_a_while(
    cluster: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened() as site:
        cluster.denied = ["/namespaces/kong/services"]
        before = len(asked(cluster).asked)
        site.refresh()
        assert PATHS["nodes"] not in [path for _, path, _ in asked(cluster).asked[before:]]
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + KNOWN_FOR + 1)
        site.refresh()
    assert PATHS["nodes"] in [path for _, path, _ in asked(cluster).asked[before:]]


def test_a_watch_asks_for_nothing_that_diagnose_has_no_right_to(
    cluster: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that it reads when it begins, and again after a while with other pods."""
    wanted = rights.needs(rights.Mode.DIAGNOSE, created(ByClass("kong"), AS_USUAL), execute=False)
    granted = {one for need in wanted for one in rights.rights_of(need, rights.namespaces("kong", "kong"))}
    with opened() as site:
        cluster.pods(kong_pod("kong-2", "10.78.1.6"))
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + KNOWN_FOR + 1)
        site.refresh()
    read = {path: rights_to(path) for method, path, _ in asked(cluster).asked if method == "GET"}
    assert Right("list", "", "pods", "kong") in read[OF_PODS]
    assert {path: sufficing for path, sufficing in read.items() if not sufficing & granted} == {}


PATH = re.compile(r"/api(?:s/([^/]+))?/v[^/]+/(?:namespaces/([^/]+)/)?([^/]+)(?:/([^/]+))?")


def rights_to(path: str) -> set[Right]:
    """The rights to read what lies at ``path``, each of which suffices. A namespace is in itself, to the API server."""
    found = PATH.fullmatch(path)
    assert found is not None
    group, namespace, plural, name = found.groups()
    within = name if plural == "namespaces" else namespace
    verb = "list" if name is None else "get"
    return {Right(verb, group or "", plural, where, one) for where in (within, None) for one in (name, None)}


def test_without_an_echo_none_is_missed(cluster: Watched) -> None:
    with opened() as site:
        assert site.deploy(lambda line: None).problem is not None
        assert site.refresh()
