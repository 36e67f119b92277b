"""What is certain of a Kong where a ConfigMap or Secret that may tell more is not at hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from diagnose.cluster.replies import Object
from diagnose.inspect.judge import judge
from tests.diagnose.inspect.cases import CASES, Case
from tests.diagnose.inspect.things import AWS, PROXIED, env, found_in, front, kong, made, node, service, snapshot_of

HIDDEN = {"secretRef": {"name": "hidden"}}


def beside(source: Any = None, **told: str) -> Object:
    """A Kong that is told ``told`` in env, and takes further variables from a source that is not at hand."""
    return kong(container={"envFrom": [source or HIDDEN]}, **told)


def gaps_of(*things: Object) -> str:
    """What is told as not looked at."""
    return "\n".join(f"{gap.what}: {gap.why}" for gap in judge(snapshot_of(*things)).gaps)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"REAL_IP_HEADER": "proxy-protocol"}, "KIP710"),
        ({"REAL_IP_HEADER": "X-Forwarded-For", "TRUSTED_IPS": ""}, "KIP712"),
        ({"PROXY_LISTEN": PROXIED, "TRUSTED_IPS": ""}, "KIP709"),
        ({"PROXY_LISTEN": "0.0.0.0:8000", "REAL_IP_HEADER": "proxy_protocol"}, "KIP708"),
        ({"PROXY_LISTEN": "0.0.0.0:8443 ssl proxy_protocol"}, "KIP721"),
        ({"TRUSTED_IPS": "lb.example"}, "KIP707"),
        ({"TRUSTED_IPS": "0.0.0.0/0", "REAL_IP_HEADER": "proxy_protocol"}, "KIP716"),
        ({"TRUSTED_IPS": "10.9.0.0/16"}, "KIP719"),
    ],
)
def test_what_env_tells_is_judged_whatever_a_source_holds_that_is_not_at_hand(told: dict[str, str], code: str) -> None:
    assert code in found_in(beside(**told), service(), node())
    assert "Secret hidden, which may hold" in gaps_of(beside(**told))


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"REAL_IP_HEADER": "X-Forwarded-For"}, "KIP712"),
        ({"PROXY_LISTEN": PROXIED}, "KIP709"),
        ({"PROXY_LISTEN": PROXIED, "TRUSTED_IPS": "10.0.0.0/8"}, "KIP709"),
        ({"REAL_IP_HEADER": "proxy_protocol"}, "KIP708"),
        ({"TRUSTED_IPS": "0.0.0.0/0", "REAL_IP_HEADER": "X-Forwarded-For"}, "KIP716"),
        ({"NGINX_HTTP_REAL_IP_HEADER": "X-Forwarded-For"}, "KIP714"),
    ],
)
def test_what_a_source_may_tell_that_is_not_at_hand_is_not_guessed(told: dict[str, str], code: str) -> None:
    assert code in found_in(kong(**told))
    assert code not in found_in(beside(**told))


def test_a_balancer_is_held_against_listeners_that_env_tells() -> None:
    sends = service({f"{AWS}type": "external", f"{AWS}nlb-target-type": "instance", f"{AWS}proxy-protocol": "*"})
    finding = found_in(beside(PROXY_LISTEN="0.0.0.0:8000, 0.0.0.0:8443 ssl"), sends, node())["KIP726"]
    assert finding.remedy is not None
    changed = "\n".join(step.text for step in finding.remedy.steps)
    assert "0.0.0.0:8000 proxy_protocol" in changed
    assert "REAL_IP_HEADER" not in changed, "the header may be told where nobody could look"


def test_what_would_be_in_force_instead_is_told_with_the_finding() -> None:
    finding = found_in(beside(REAL_IP_HEADER="X-Forwarded-For", TRUSTED_IPS=""))["KIP712"]
    assert finding.remedy is not None
    assert [line for line in finding.remedy.effects if "could not be read" in line] == [
        "Secret hidden could not be read: KONG_NGINX_PROXY_REAL_IP_HEADER there would be in force instead.",
        "Secret hidden could not be read: KONG_NGINX_PROXY_SET_REAL_IP_FROM or KONG_NGINX_HTTP_SET_REAL_IP_FROM there "
        "would have further peers believed.",
    ]


def test_a_twin_that_env_tells_is_certain_and_one_that_is_not_known_leaves_the_setting_open() -> None:
    certain = beside(NGINX_PROXY_REAL_IP_HEADER="proxy-protocol")
    assert "KIP710" in found_in(certain)
    reference = {"secretKeyRef": {"name": "hidden", "key": "header"}}
    twin = {"name": "KONG_NGINX_PROXY_REAL_IP_HEADER", "valueFrom": reference}
    assert found_in(kong(container={"env": [*env(REAL_IP_HEADER="proxy-protocol"), twin]})) == {}


def test_one_variable_that_is_not_known_leaves_the_others_known() -> None:
    reference = {"secretKeyRef": {"name": "hidden", "key": "ips"}}
    trusted = {"name": "KONG_TRUSTED_IPS", "valueFrom": reference}
    told = kong(container={"env": [*env(REAL_IP_HEADER="proxy_protocol"), trusted]})
    assert set(found_in(told)) == {"KIP708"}
    assert "not at hand" in gaps_of(told)


def test_a_source_whose_prefix_gives_no_variable_of_kongs_leaves_nothing_open() -> None:
    told = beside({**HIDDEN, "prefix": "SHOP_"}, REAL_IP_HEADER="X-Forwarded-For")
    assert "KIP712" in found_in(told)
    assert "hidden" not in gaps_of(told)


def test_where_env_tells_all_that_decides_nothing_is_open() -> None:
    whole = {
        "PROXY_LISTEN": PROXIED,
        "STREAM_LISTEN": "off",
        "TRUSTED_IPS": "10.0.0.0/8",
        "REAL_IP_HEADER": "proxy_protocol",
        "REAL_IP_RECURSIVE": "off",
        "NGINX_PROXY_REAL_IP_HEADER": "",
        "NGINX_PROXY_REAL_IP_RECURSIVE": "",
        "NGINX_PROXY_SET_REAL_IP_FROM": "",
        "NGINX_HTTP_SET_REAL_IP_FROM": "",
    }
    assert "hidden" not in gaps_of(beside(**whole))
    assert found_in(beside(**whole)) == {}
    assert "which may hold KONG_REAL_IP_RECURSIVE" in gaps_of(
        beside(**{name: value for name, value in whole.items() if name != "REAL_IP_RECURSIVE"})
    )


def test_whom_kong_trusts_behind_what_ends_http_is_not_guessed() -> None:
    told = {"REAL_IP_HEADER": "X-Forwarded-For"}
    assert "KIP731" in found_in(kong(**told), service(), front(), node())
    assert "KIP731" not in found_in(beside(**told), service(), front(), node())


@pytest.mark.parametrize("last", ["hidden", "shown"])
def test_of_two_sources_the_later_decides(last: str) -> None:
    shown = {**made("v1", "ConfigMap", "shown", namespace="kong"), "data": {"KONG_REAL_IP_HEADER": "proxy-protocol"}}
    sources = [HIDDEN, {"configMapRef": {"name": "shown"}}]
    told = kong(container={"envFrom": sources if last == "shown" else sources[::-1]})
    assert ("KIP710" in found_in(told, shown)) == (last == "shown")


COMPLETIONS: tuple[dict[str, str], ...] = (
    {},
    {"PROXY_LISTEN": PROXIED, "TRUSTED_IPS": "10.0.0.0/8", "REAL_IP_HEADER": "proxy_protocol"},
    {"PROXY_LISTEN": "0.0.0.0:8000, 0.0.0.0:8443 ssl http2", "TRUSTED_IPS": "127.0.0.0/8", "REAL_IP_HEADER": "X-Mine"},
    {"TRUSTED_IPS": "0.0.0.0/0,::/0", "REAL_IP_HEADER": "X-Forwarded-For", "REAL_IP_RECURSIVE": "on"},
    {"TRUSTED_IPS": "192.0.2.0/24,10.0.0.0/8,130.211.0.0/22", "REAL_IP_HEADER": "CF-Connecting-IP"},
    {"PROXY_LISTEN": "off", "STREAM_LISTEN": "0.0.0.0:8000 proxy_protocol", "REAL_IP_RECURSIVE": "on"},
)
"""What the source may hold, each of which would silence one or another finding."""


def taking_more(thing: Object) -> Object:
    """A Kong that takes variables from a source besides; any other object as it is."""
    changed = copy.deepcopy(thing)
    containers = changed.get("spec", {}).get("template", {}).get("spec", {}).get("containers") or ()
    for container in containers if changed["metadata"]["name"] == "kong" else ():
        container["envFrom"] = [{"configMapRef": {"name": "more"}}]
    return changed


def said_of(things: list[Object]) -> set[tuple[str, tuple[str, ...]]]:
    """What is found, but for what is found in a name (KIP706), and is so whatever values there are."""
    return {(code, finding.because) for code, finding in found_in(*things).items() if code != "KIP706"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.about}")
def test_what_is_said_without_a_source_is_said_whatever_that_holds(case: Case) -> None:
    for things in (case.wrong, case.right):
        more = [taking_more(thing) for thing in things]
        said = said_of(more)
        for told in COMPLETIONS:
            data = {f"KONG_{name}": value for name, value in told.items()}
            held = {**made("v1", "ConfigMap", "more", namespace="kong"), "data": data}
            assert said <= said_of([*more, held]), told
