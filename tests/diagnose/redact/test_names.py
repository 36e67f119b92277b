"""Placeholders of names: where they stand as names, and nowhere else."""

from __future__ import annotations

import pytest

from diagnose.redact.names import Names, names_in, names_in_command

FOUND = (
    ("namespace", "kong"),
    ("service", "edge-proxy"),
    ("node", "node"),
    ("context", "acme"),
    ("service", "shop-7"),
    ("pod", "kong-0"),
    ("host", "a.shop.test"),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Service kong/edge-proxy", "Service namespace-1/service-1"),
        (
            "kubectl --namespace kong patch service edge-proxy",
            "kubectl --namespace namespace-1 patch service service-1",
        ),
        ("helm upgrade edge kong/kong --namespace kong", "helm upgrade edge kong/kong --namespace namespace-1"),
        ("kong logs it, and Kong too", "kong logs it, and Kong too"),
        ("a node in the cluster", "a node in the cluster"),
        ("node node: Node node spec", "node node-1: Node node-1 spec"),
        ("node", "node-1"),
        ("the quota of acme is used up", "the quota of context-1 is used up"),
        ("acme-7d9f-x2 and my-shop-7, not acmes", "context-1-7d9f-x2 and my-service-2, not acmes"),
        ("edge-proxy-2 and my-edge-proxy", "edge-proxy-2 and my-edge-proxy"),
        ("https://a.shop.test:8443/x", "https://host-1:8443/x"),
        ("b.a.shop.test", "b.a.shop.test"),
        ("edge-proxy.", "service-1."),
    ],
)
def test_a_word_is_a_name_only_where_it_stands_as_one(text: str, shown: str) -> None:
    assert Names(FOUND).text(text) == shown


def test_the_same_name_has_the_same_placeholder() -> None:
    names = Names([("node", "n-1"), ("host", "n-1"), ("node", "n-2")])
    assert names.text("n-1 n-2 n-1") == "node-1 node-2 node-1"


def test_names_are_found_in_sentences() -> None:
    text = "Ingress shop/front-end on node ip-10-0-0-1.internal, which leads to https://u:p@cdn.example.com/x?y"
    assert set(names_in(text)) == {
        ("namespace", "shop"),
        ("ingress", "front-end"),
        ("node", "ip-10-0-0-1.internal"),
        ("host", "ip-10-0-0-1.internal"),
        ("host", "cdn.example.com"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "status.addresses and spec.podCIDR, docs/findings/KIP301.md",
        "service.beta.kubernetes.io/aws-load-balancer-type",
        "the node replaces the source, and a pod that answers",
        "nginx-kong.conf, a3f2.invalid, 0.1.0, 10.0.0.1",
    ],
)
def test_fields_files_annotations_and_prose_are_no_names(text: str) -> None:
    assert [*names_in(text)] == []


def test_a_command_names_what_its_flags_take() -> None:
    command = (
        "kongip diagnose --context prod --service=shop/edge --kubeconfig '/home/ann lee/config' --host shop.test -v"
    )
    assert [*names_in_command(command)] == [
        ("context", "prod"),
        ("namespace", "shop"),
        ("service", "edge"),
        ("file", "/home/ann lee/config"),
        ("host", "shop.test"),
    ]
    names = Names(names_in_command(command))
    assert names.text(command) == (
        "kongip diagnose --context context-1 --service=namespace-1/service-1 --kubeconfig 'file-1' --host host-1 -v"
    )
