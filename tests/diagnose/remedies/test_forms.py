"""What Kong is to be told, in each form: applied as it is printed, it is what the change says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from diagnose.cluster.settings import read_settings
from diagnose.installation import Form, Installation
from diagnose.path.listens import read_listens, with_flag
from diagnose.path.settings import DEFAULT_PROXY_LISTEN, Settings
from diagnose.remedies.forms import Told, as_step, chart_parameters, writes_service
from diagnose.report.report import RemedyStep
from tests.diagnose.remedies import schemas

KUBECTL = "kubectl --context prod"
PLAIN = Installation(Form.MANIFEST, "daemonset/edge", "kong", "a test", container="gateway")
FAMILIES = ("0.0.0.0", "[::]")
CHART = Installation(Form.HELM, "edge", "kong", "a test", chart="kong", version="2.38.0", addresses=FAMILIES)
OLD_CHART = replace(CHART, version="2.20.0", addresses=("0.0.0.0",))
INGRESS = Installation(Form.HELM, "edge", "kong", "a test", "ingress", ("gateway",), addresses=FAMILIES)
UNRELEASED = replace(CHART, name=None)
OPERATED = Installation(Form.OPERATOR, "edge-x2", "kong", "a test")
API = "gateway-operator.konghq.com/"
PLANE = replace(OPERATED, kind="DataPlane", api=f"{API}v1beta1")
CONFIGURED = replace(OPERATED, name="conf", namespace="infra", kind="GatewayConfiguration", api=f"{API}v2beta1")
FORMS = [None, PLAIN, CHART, OLD_CHART, INGRESS, UNRELEASED, OPERATED, PLANE, CONFIGURED]

OF_CHART = "0.0.0.0:8000, [::]:8000, 0.0.0.0:8443 http2 ssl, [::]:8443 http2 ssl"
BY_HAND = "0.0.0.0:8000 reuseport, 0.0.0.0:8443 ssl http2"

Object = dict[str, Any]


def with_proxy(listen: str, tls: bool) -> str:
    """proxy_listen with the flag on the entries that end TLS, or on the others."""
    return with_flag(listen, [one for one in read_listens(listen) if one.tls is tls], wanted=True)


def container(variables: Mapping[str, str]) -> Object:
    return {"image": "kong:3.9", "env": [{"name": name, "value": value} for name, value in variables.items()]}


def rendered(values: Object, listen: str) -> dict[str, str]:
    """The variables that the chart makes of ``values``, given the text that it made before (Kong/charts, kong.env)."""
    parameters = chart_parameters(listen, FAMILIES) or {}
    told = {kind: values.get("proxy", {}).get(kind, {}).get("parameters") for kind in ("http", "tls")}
    texts = []
    for kind, port, last in (("http", 8000, ""), ("tls", 8443, " ssl")):
        words = " ".join(told[kind] if told[kind] is not None else parameters.get(kind, []))
        texts += [f"{address}:{port} {words}".rstrip() + last for address in ("0.0.0.0", "[::]")]
    env = {f"KONG_{name.upper()}": str(value) for name, value in values.get("env", {}).items()}
    return {"KONG_PROXY_LISTEN": ", ".join(texts) if parameters else listen} | env


def options_in(step: RemedyStep) -> Object:
    """The options of a data plane that a step tells, held to the shape that the operator takes."""
    found: Object = yaml.safe_load(step.text)
    if "kind" in found:
        schemas.check(found, schemas.OPERATED[found["kind"]])
        found = found["spec"]
    found = found.get("dataPlaneOptions", found)
    schemas.check(found, schemas.OPTIONS)
    return found


def values_in(step: RemedyStep, chart: str) -> Object:
    """The values that a step tells, held to what the chart reads."""
    command = re.fullmatch(r"(.+) <<'VALUES'\n(.+)\nVALUES", step.text, re.DOTALL)
    found: Object = yaml.safe_load(command[2] if command else step.text)
    schemas.check(found, schemas.VALUES[chart])
    return found


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
            (only,) = options_in(step)["deployment"]["podTemplateSpec"]["spec"]["containers"]
            assert only["name"] == "proxy"
            return {**before, **{one["name"]: one["value"] for one in only["env"]}}
        case _:
            values = values_in(step, "ingress" if "gateway:" in step.text else "kong")
            return {**before, **rendered(values.get("gateway", values), listen)}


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
        told = {**told, "KONG_PROXY_LISTEN": with_proxy(listen, tls)}

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
    assert chart_parameters(listen, FAMILIES) == parameters


def test_what_an_older_chart_cannot_have_made_of_parameters_was_set_as_a_whole() -> None:
    assert chart_parameters(OF_CHART, ("0.0.0.0",)) is None
    step = as_step(Told({"KONG_PROXY_LISTEN": OF_CHART}, listened=OF_CHART), OLD_CHART, KUBECTL)
    assert values_in(step, "kong") == {"env": {"proxy_listen": OF_CHART}}


def test_the_chart_keeps_http2_and_ipv6_when_the_flag_is_added() -> None:
    text = with_proxy(OF_CHART, tls=True)

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
        (PLANE, ["spec", "network", "services", "ingress", "externalTrafficPolicy"]),
        (CONFIGURED, ["spec", "dataPlaneOptions", "network", "services", "ingress", "externalTrafficPolicy"]),
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


@pytest.mark.parametrize("installation", [CHART, INGRESS, PLANE, CONFIGURED])
def test_annotations_of_the_service_are_told_to_whatever_writes_it(installation: Installation) -> None:
    told = {"service.beta.kubernetes.io/aws-load-balancer-proxy-protocol": "*"}
    step = as_step(Told({}, "Cluster", annotations=told), installation, KUBECTL)

    if installation.form is Form.HELM:
        values = values_in(step, installation.chart or "")
        service = values.get("gateway", values)["proxy"]
    else:
        service = options_in(step)["network"]["services"]["ingress"]
    assert service == {"externalTrafficPolicy": "Cluster", "annotations": told}


def test_the_object_to_edit_is_named() -> None:
    text = as_step(Told({"KONG_TRUSTED_IPS": "10.0.0.0/8"}), CONFIGURED, KUBECTL).text

    assert text.splitlines()[0] == "# into GatewayConfiguration infra/conf. Keep what stands there."
    assert yaml.safe_load(text)["apiVersion"] == "gateway-operator.konghq.com/v2beta1"
