"""Kong's settings out of pod specifications."""

from __future__ import annotations

from typing import Any

import pytest

from diagnose.cluster.settings import (
    Contents,
    Source,
    kong_container,
    read_settings,
    sources_of,
    variables_of,
    version_of,
)
from diagnose.path.settings import Listener, Settings
from tests.diagnose.cluster.things import kong_pod, thing

CONFIG = Source("configmaps", "kong-env")
SECRET = Source("secrets", "kong-secret")


def container(**more: Any) -> dict[str, Any]:
    return {"name": "proxy", "image": "kong:3.9", **more}


def variable(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def reference(name: str, field: str, source: Source, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {field: {"name": source.name, "key": key}}}


def test_variables_of_the_container_become_settings() -> None:
    listen = "0.0.0.0:8000 proxy_protocol, 0.0.0.0:8443 ssl"
    told = container(
        env=[
            variable("KONG_PROXY_LISTEN", listen),
            variable("KONG_TRUSTED_IPS", "10.0.0.0/8"),
            variable("KONG_REAL_IP_HEADER", "proxy_protocol"),
            variable("KONG_REAL_IP_RECURSIVE", "on"),
        ]
    )
    assert read_settings(told, {}) == Settings(
        listeners=(Listener(8000, proxy_protocol=True), Listener(8443, tls=True)),
        trusted_ips=("10.0.0.0/8",),
        real_ip_header="proxy_protocol",
        real_ip_recursive=True,
        version=(3, 9),
        proxy_listen=listen,
    )


def test_without_variables_kong_has_its_own_defaults() -> None:
    assert read_settings(container(), {}) == Settings(version=(3, 9))


def test_env_wins_over_env_from_and_later_sources_over_earlier_ones() -> None:
    later = Source("configmaps", "later")
    contents: Contents = {
        CONFIG: {"TRUSTED_IPS": "1.1.1.1", "REAL_IP_HEADER": "A", "REAL_IP_RECURSIVE": "on"},
        later: {"KONG_TRUSTED_IPS": "2.2.2.2", "KONG_REAL_IP_HEADER": "B"},
    }
    told = container(
        envFrom=[{"prefix": "KONG_", "configMapRef": {"name": "kong-env"}}, {"configMapRef": {"name": "later"}}],
        env=[variable("KONG_TRUSTED_IPS", "3.3.3.3")],
    )
    assert sources_of(told) == (CONFIG, later)
    assert variables_of(told, contents).values == {
        "KONG_TRUSTED_IPS": "3.3.3.3",
        "KONG_REAL_IP_HEADER": "B",
        "KONG_REAL_IP_RECURSIVE": "on",
    }


def test_keys_of_configmaps_and_secrets_are_read_and_nothing_else_of_them_is_kept() -> None:
    told = container(
        envFrom=[{"secretRef": {"name": "kong-secret"}}],
        env=[
            reference("KONG_TRUSTED_IPS", "configMapKeyRef", CONFIG, "ips"),
            reference("KONG_REAL_IP_HEADER", "secretKeyRef", SECRET, "header"),
            reference("KONG_PG_PASSWORD", "secretKeyRef", Source("secrets", "database"), "password"),
        ],
    )
    contents: Contents = {CONFIG: {"ips": "10.0.0.0/8"}, SECRET: {"header": "X-A", "KONG_PG_PASSWORD": "hush"}}
    assert sources_of(told) == (SECRET, CONFIG)
    read = variables_of(told, contents)
    assert read.values == {"KONG_TRUSTED_IPS": "10.0.0.0/8", "KONG_REAL_IP_HEADER": "X-A"}
    assert read.unread == ()


def test_a_source_that_cannot_be_read_leaves_the_settings_unknown() -> None:
    told = container(env=[reference("KONG_TRUSTED_IPS", "secretKeyRef", SECRET, "ips")])
    assert read_settings(told, {SECRET: None}) == "secret kong-secret could not be read"


WHOLE = {
    "KONG_PROXY_LISTEN": "0.0.0.0:8000",
    "KONG_TRUSTED_IPS": "10.0.0.0/8",
    "KONG_REAL_IP_HEADER": "X-Forwarded-For",
    "KONG_REAL_IP_RECURSIVE": "on",
    "KONG_NGINX_PROXY_REAL_IP_HEADER": "",
    "KONG_NGINX_PROXY_REAL_IP_RECURSIVE": "",
    "KONG_NGINX_PROXY_SET_REAL_IP_FROM": "",
    "KONG_NGINX_HTTP_SET_REAL_IP_FROM": "",
}
"""All that decides, as env can tell it."""


@pytest.mark.parametrize("left_out", [None, *WHOLE])
def test_a_source_that_cannot_be_read_leaves_open_what_env_does_not_tell(left_out: str | None) -> None:
    told = [variable(name, value) for name, value in WHOLE.items() if name != left_out]
    read = read_settings(container(env=told, envFrom=[{"secretRef": {"name": "kong-secret"}}]), {SECRET: None})
    assert isinstance(read, Settings) is (left_out is None)
    assert left_out is None or read == "secret kong-secret could not be read"


def test_a_source_whose_prefix_gives_no_variable_of_kongs_leaves_nothing_open() -> None:
    told = container(envFrom=[{"secretRef": {"name": "kong-secret"}, "prefix": "SHOP_"}])
    assert read_settings(told, {SECRET: None}) == Settings(version=(3, 9))


@pytest.mark.parametrize(("first", "open_"), [("kong-secret", False), ("kong-env", True)])
def test_of_a_source_that_cannot_be_read_and_one_that_can_the_later_decides(first: str, open_: bool) -> None:
    entries = [{"secretRef": {"name": "kong-secret"}}, {"configMapRef": {"name": "kong-env"}}]
    told = container(envFrom=entries if first == "kong-secret" else entries[::-1])
    assert isinstance(read_settings(told, {SECRET: None, CONFIG: WHOLE}), str) is open_


@pytest.mark.parametrize("name", ["KONG_NGINX_PROXY_SET_REAL_IP_FROM", "KONG_NGINX_HTTP_SET_REAL_IP_FROM"])
def test_trust_behind_kongs_back_leaves_the_settings_unknown(name: str) -> None:
    assert str(read_settings(container(env=[variable(name, "10.0.0.0/8")]), {})).startswith(f"{name} is set")


def test_a_setting_that_kong_would_refuse_is_told() -> None:
    refused = read_settings(container(env=[variable("KONG_TRUSTED_IPS", "example.org")]), {})
    assert "example.org" in str(refused)


def test_what_a_secret_holds_is_not_quoted_where_it_is_no_setting() -> None:
    told = container(env=[reference("KONG_TRUSTED_IPS", "secretKeyRef", SECRET, "ips")])
    refused = str(read_settings(told, {SECRET: {"ips": "hush-hush"}}))
    assert "Secret kong-secret" in refused
    assert "hush" not in refused


def test_a_mounted_configuration_leaves_the_settings_unknown() -> None:
    told = container(volumeMounts=[{"mountPath": "/etc/kong/kong.conf"}])
    assert "/etc/kong" in str(read_settings(told, {}))
    assert isinstance(read_settings(container(volumeMounts=[{"mountPath": "/etc/kongest"}]), {}), Settings)


@pytest.mark.parametrize(
    ("containers", "name"),
    [
        ([{"name": "ingress-controller", "env": [variable("CONTROLLER_X", "")]}, {"name": "proxy"}], "proxy"),
        ([{"name": "controller"}, {"name": "gw", "env": [variable("KONG_DATABASE", "off")]}], "gw"),
        ([{"name": "istio-proxy", "image": "istio/proxyv2:1"}, {"name": "gw", "image": "kong/kong-gateway:3.9"}], "gw"),
        ([{"name": "only", "image": "nginx"}], "only"),
        ([{"name": "a", "image": "nginx"}, {"name": "b", "image": "kong/kubernetes-ingress-controller:3.4"}], None),
    ],
)
def test_the_container_that_runs_kong_is_told_from_the_others(containers: list[Any], name: str | None) -> None:
    found = kong_container(thing("p", {"containers": containers}))
    assert (found or {}).get("name") == name


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("kong:3.9", (3, 9)),
        ("registry.example:5000/kong/kong-gateway:3.10.0.1-ubuntu", (3, 10)),
        ("kong:2.8.5-alpine", (2, 8)),
        ("kong:latest", None),
        ("kong:3", None),
        ("kong", None),
        ("registry.example:5000/kong", None),
        ("kong:3.9@sha256:00", (3, 9)),
        ("kong@sha256:1.2", None),
    ],
)
def test_the_version_is_told_by_the_tag_or_unknown(image: str, version: tuple[int, int] | None) -> None:
    assert version_of(image) == version


def test_the_proxy_container_of_a_pod_is_found() -> None:
    assert (kong_container(kong_pod()) or {})["image"] == "kong:3.9"
