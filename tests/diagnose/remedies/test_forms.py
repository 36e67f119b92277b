"""What Kong is to be told, in each form: applied as it is printed, it is what the change says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from diagnose.cluster.settings import read_settings
from diagnose.installation import Form, Installation
from diagnose.path.settings import DEFAULT_PROXY_LISTEN, Settings
from diagnose.remedies.forms import Told, as_step, chart_parameters, writes_service
from diagnose.report.report import RemedyStep

KUBECTL = "kubectl --context prod"
PLAIN = Installation(Form.MANIFEST, "daemonset/edge", "kong", "a test", container="gateway")
CHART = Installation(Form.HELM, "edge", "kong", "a test", chart="kong", version="2.38.0")
INGRESS = Installation(Form.HELM, "edge", "kong", "a test", chart="ingress", values=("gateway",))
UNRELEASED = Installation(Form.HELM, None, "kong", "a test", chart="kong", version="2.38.0")
OPERATED = Installation(Form.OPERATOR, "edge-x2", "kong", "a test")
FORMS = [None, PLAIN, CHART, INGRESS, UNRELEASED, OPERATED]

OF_CHART = "0.0.0.0:8000, [::]:8000, 0.0.0.0:8443 http2 ssl, [::]:8443 http2 ssl"
BY_HAND = "0.0.0.0:8000 reuseport, 0.0.0.0:8443 ssl http2"

Object = dict[str, Any]


def container(variables: Mapping[str, str]) -> Object:
    return {"image": "kong:3.9", "env": [{"name": name, "value": value} for name, value in variables.items()]}


def rendered(values: Object, listen: str) -> dict[str, str]:
    """The variables that the chart makes of ``values``, given the text that it made before (Kong/charts, kong.env)."""
    parameters = chart_parameters(listen) or {}
    told = {kind: values.get("proxy", {}).get(kind, {}).get("parameters") for kind in ("http", "tls")}
    texts = []
    for kind, port, last in (("http", 8000, ""), ("tls", 8443, " ssl")):
        words = " ".join(told[kind] if told[kind] is not None else parameters.get(kind, []))
        texts += [f"{address}:{port} {words}".rstrip() + last for address in ("0.0.0.0", "[::]")]
    env = {f"KONG_{name.upper()}": str(value) for name, value in values.get("env", {}).items()}
    return {"KONG_PROXY_LISTEN": ", ".join(texts) if parameters else listen} | env


def applied(step: RemedyStep, before: Mapping[str, str], listen: str) -> dict[str, str]:
    """The variables of Kong's container once a step was taken as it is printed."""
    match step.kind:
        case "kong":
            return {**before, **dict(line.split("=", 1) for line in step.text.splitlines())}
        case "kubectl":
            words = shlex.split(step.text)
            at = words.index("env")
            assert words[:at] == [*KUBECTL.split(), "--namespace", "kong", "set"]
            assert words[at + 1 : at + 3] == ["daemonset/edge", "--containers=gateway"]
            return {**before, **dict(word.split("=", 1) for word in words[at + 3 :])}
        case "manifest":
            (only,) = yaml.safe_load(step.text)["deployment"]["podTemplateSpec"]["spec"]["containers"]
            assert only["name"] == "proxy"
            return {**before, **{one["name"]: one["value"] for one in only["env"]}}
        case _:
            command = re.fullmatch(r"(.+) <<'VALUES'\n(.+)\nVALUES", step.text, re.DOTALL)
            values = yaml.safe_load(command[2] if command else step.text)
            values = values.get("gateway", values)
            return {**before, **rendered(values, listen)}


trusted = st.lists(st.sampled_from(["10.0.0.0/8", "10.1.0.4", "fd00::/8"]), unique=True).map(",".join)
variables = st.fixed_dictionaries(
    {},
    optional={
        "KONG_TRUSTED_IPS": trusted,
        "KONG_REAL_IP_HEADER": st.sampled_from(["proxy_protocol", "X-Forwarded-For"]),
        "KONG_REAL_IP_RECURSIVE": st.just("on"),
    },
).filter(bool)


@given(variables, st.sampled_from(FORMS), st.sampled_from([OF_CHART, BY_HAND]), st.booleans(), st.booleans())
def test_a_step_that_is_taken_as_printed_sets_what_is_told(
    told: dict[str, str], installation: Installation | None, listen: str, flagged: bool, tls: bool
) -> None:
    before = {"KONG_PROXY_LISTEN": listen}
    if flagged:
        told = {**told, "KONG_PROXY_LISTEN": Settings(proxy_listen=listen).with_proxy_protocol(tls, True)}

    step = as_step(Told(told, listened=listen), installation, KUBECTL)

    wanted = read_settings(container({**before, **told}), {})
    found = read_settings(container(applied(step, before, listen)), {})
    assert isinstance(wanted, Settings)
    assert isinstance(found, Settings)
    assert (found.listeners, found.trusted_ips, found.real_ip_header, found.real_ip_recursive) == (
        wanted.listeners,
        wanted.trusted_ips,
        wanted.real_ip_header,
        wanted.real_ip_recursive,
    )


@pytest.mark.parametrize(
    ("listen", "parameters"),
    [
        (OF_CHART, {"http": [], "tls": ["http2"]}),
        ("0.0.0.0:8000, 0.0.0.0:8443 http2 ssl", {"http": [], "tls": ["http2"]}),
        ("0.0.0.0:8000 proxy_protocol, [::]:8000 proxy_protocol", {"http": ["proxy_protocol"]}),
        (DEFAULT_PROXY_LISTEN, None),
        ("0.0.0.0:8000, [::]:8000 reuseport", None),
        ("0.0.0.0:8000, 0.0.0.0:8010", None),
        ("10.0.0.5:8000", None),
    ],
)
def test_only_a_text_that_the_chart_makes_is_told_by_parameters(
    listen: str, parameters: dict[str, list[str]] | None
) -> None:
    assert chart_parameters(listen) == parameters


def test_the_chart_keeps_http2_and_ipv6_when_the_flag_is_added() -> None:
    text = Settings(proxy_listen=OF_CHART).with_proxy_protocol(True, True)

    step = as_step(Told({"KONG_PROXY_LISTEN": text}, listened=OF_CHART), CHART, KUBECTL)

    assert step.kind == "shell"
    assert step.text.splitlines()[0] == (
        "helm --kube-context prod upgrade edge kong/kong --version 2.38.0 --namespace kong --reuse-values --values -"
        " <<'VALUES'"
    )
    values = yaml.safe_load("\n".join(step.text.splitlines()[1:-1]))
    assert values == {"proxy": {"tls": {"parameters": ["proxy_protocol", "http2"]}}}


def test_a_switch_is_quoted_so_that_it_stays_text() -> None:
    step = as_step(Told({"KONG_REAL_IP_RECURSIVE": "on"}), UNRELEASED, KUBECTL)

    assert (step.kind, yaml.safe_load(step.text)) == ("helm", {"env": {"real_ip_recursive": "on"}})


@pytest.mark.parametrize(
    ("installation", "path"),
    [
        (CHART, ["proxy", "externalTrafficPolicy"]),
        (INGRESS, ["gateway", "proxy", "externalTrafficPolicy"]),
        (OPERATED, ["network", "services", "ingress", "externalTrafficPolicy"]),
    ],
)
def test_the_traffic_policy_is_told_to_whatever_writes_the_service(installation: Installation, path: list[str]) -> None:
    text = as_step(Told({}, "Local"), installation, KUBECTL).text
    found = yaml.safe_load("\n".join(line for line in text.splitlines() if "VALUES" not in line))

    assert writes_service(installation)
    for key in path:
        found = found[key]
    assert found == "Local"


def test_names_from_the_cluster_are_quoted() -> None:
    odd = Installation(Form.MANIFEST, "deployment/x; rm", "a b", "a test", container="$(id)")

    words = shlex.split(as_step(Told({"KONG_TRUSTED_IPS": "10.0.0.0/8"}), odd, KUBECTL).text)

    assert "deployment/x; rm" in words
    assert "a b" in words
    assert "--containers=$(id)" in words
