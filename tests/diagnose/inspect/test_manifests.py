"""Manifests in, as people have them and as nobody should: what cannot be read is one line and status 2."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from diagnose.errors import USAGE, Stop
from diagnose.inspect import manifests
from diagnose.inspect.manifests import read_manifests
from diagnose.inspect.shapes import SHAPES

HERE = Path(__file__).parent / "manifests"
SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: kong}, spec: {type: %s}}"
LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


def refused(path: Path | str) -> str:
    """The one line with which something is refused."""
    with pytest.raises(Stop) as stopped:
        read_manifests(str(path))
    assert stopped.value.status == USAGE
    assert "\n" not in str(stopped.value)
    return str(stopped.value)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "kong.yaml"


def test_what_helm_template_prints_is_read_by_kind() -> None:
    snapshot = read_manifests(str(HERE / "chart-kong.yaml")).snapshot
    assert {kind: len(things) for kind, things in snapshot.objects.items()} == {
        "services": 2,
        "deployments": 1,
        "ingressclasses": 1,
    }


def test_what_kubectl_get_prints_is_taken_apart() -> None:
    snapshot = read_manifests(str(HERE / "cluster.yaml")).snapshot
    assert {kind: len(things) for kind, things in snapshot.objects.items()} == {
        "services": 1,
        "pods": 1,
        "configmaps": 1,
        "nodes": 1,
    }


def in_json(kind: str, *names: str) -> str:
    """What kubectl get -o json prints of some objects."""
    items = [{"apiVersion": "v1", "kind": kind, "metadata": {"name": name}} for name in names]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=4)


@pytest.mark.parametrize("between", ["\n", "", "\n---\n", "\r\n\r\n"])
def test_json_documents_one_after_another_are_all_read(written: Path, between: str) -> None:
    printed = [in_json("Service", "kong"), in_json("Node", "n1", "n2"), in_json("Pod", "p1")]
    written.write_text(between.join(printed) + "\n")
    snapshot = read_manifests(str(written)).snapshot
    assert {kind: len(things) for kind, things in snapshot.objects.items()} == {"services": 1, "nodes": 2, "pods": 1}


def test_a_json_document_that_breaks_off_after_another_is_refused_with_its_line(written: Path) -> None:
    whole = in_json("Service", "kong")
    written.write_text(whole + '\n{"apiVersion": "v1"')
    assert f"Expecting ',' delimiter: line {whole.count(chr(10)) + 2} " in refused(written)


@pytest.mark.parametrize("kind", ["List", "ServiceList"])
def test_a_list_in_json_is_read_like_yaml(written: Path, kind: str) -> None:
    item = {"metadata": {"name": "kong"}, **({"apiVersion": "v1", "kind": "Service"} if kind == "List" else {})}
    written.write_text(json.dumps({"apiVersion": "v1", "kind": kind, "items": [item]}))
    assert len(read_manifests(str(written)).snapshot.of("services")) == 1


def test_a_folder_is_read_with_what_lies_below_it_and_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("a.yaml", "deep/b.yml", "deep/c.JSON", ".git/d.yaml", "deep/.e.yaml", "f.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(SERVICE % "ClusterIP")
    assert len(read_manifests(str(tmp_path)).snapshot.of("services")) == 3


def test_a_file_of_a_folder_that_holds_no_object_is_told(tmp_path: Path) -> None:
    (tmp_path / "kong.yaml").write_text(SERVICE % "ClusterIP")
    (tmp_path / "values.yaml").write_text("proxy: {type: LoadBalancer}")
    gaps = read_manifests(str(tmp_path)).gaps
    assert [gap.what for gap in gaps] == [str(tmp_path / "values.yaml")]


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BytesIO((SERVICE % "ClusterIP").encode())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=data))
    assert len(read_manifests("-").snapshot.of("services")) == 1


def test_a_kind_of_another_group_is_another_kind(written: Path) -> None:
    written.write_text("{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: x}, spec: {type: 7}}")
    assert read_manifests(str(written)).snapshot.objects == {}


def test_a_date_stays_text_as_kubernetes_has_it(written: Path) -> None:
    written.write_text(
        "{apiVersion: v1, kind: Service, metadata: {name: x, annotations: {on-call: 2026-01-01, sign: =}}}"
    )
    (service,) = read_manifests(str(written)).snapshot.of("services")
    assert service["metadata"]["annotations"] == {"on-call": "2026-01-01", "sign": "="}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a: [b", "line 2: did not find"),
        ("- item\n- other", "no Kubernetes object"),
        ("just words", "no Kubernetes object"),
        ("proxy: {type: LoadBalancer}", "no Kubernetes object"),
        ("a: {{ .Values.proxy }}\n{{ end }}", "helm template"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("a: &a [*a]", "an alias holds itself"),
        (LAUGHS, "aliases expand"),
        ("[" * 200_000, "levels deep"),
        ("{" * 200_000, "levels deep"),
        ('{"a":' * 200_000, "levels deep"),
        ("x: " + "9" * 5000, "digits"),
        ("? [a]\n: b", "key"),
        ("a: \x00", "control characters"),
        ('{apiVersion: v1, kind: Service, metadata: {name: "a\\e[31m\\nb"}, spec: 1}', r"Service a\x1b[31m\x0ab, spec"),
        (SERVICE % "3", "in Service kong, spec.type is a number, not text"),
        (SERVICE % "[x]", "spec.type is a list"),
        ("{apiVersion: v1, kind: Service, metadata: [], spec: {}}", "in Service without a name, metadata is a list"),
        (
            "{apiVersion: v1, kind: Service, metadata: {annotations: {a: true}}}",
            "metadata.annotations.a is true or false",
        ),
        ("kind: List\nitems: []\nkind: List\nitems: []\n", "it has kind twice in one document; a line of ---"),
        ("{apiVersion: v1, kind: Pod, spec: {containers: [null]}}", "spec.containers[0] is nothing, not a mapping"),
        ("{apiVersion: v1, kind: Service, spec: {ports: [{port: true}]}}", "spec.ports[0].port is true or false"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(written: Path, text: str, named: str) -> None:
    written.write_text(text)
    line = refused(written)
    assert named in line
    assert str(written) in line
    assert len(line) < 600


def test_bytes_that_are_no_utf_8_are_told(written: Path) -> None:
    written.write_bytes(b"a: \xff\xfe")
    assert "no UTF-8 (byte 3)" in refused(written)


def test_a_byte_order_mark_is_no_content(written: Path) -> None:
    written.write_bytes(b"\xef\xbb\xbf" + (SERVICE % "ClusterIP").encode())
    assert len(read_manifests(str(written)).snapshot.of("services")) == 1


def test_more_than_can_be_meant_is_refused(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "MOST_BYTES", 1024 * 1024)
    written.write_bytes(b"#" * (1024 * 1024 + 1))
    assert "more than 1 MiB" in refused(written)


def test_a_folder_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "MOST_FILES", 2)
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text("a: b")
    assert "more than 2 files" in refused(tmp_path)


@pytest.mark.parametrize("name", ["nothing-here.yaml", "a\0b"])
def test_what_is_not_there_is_named(name: str) -> None:
    assert name.split("\0")[0] in refused(name)


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    assert "no *.yaml" in refused(tmp_path)


def test_an_alias_of_ordinary_size_is_nothing_to_refuse(written: Path) -> None:
    labels = "metadata: {name: a, labels: &l {app: kong}}, spec: {selector: *l}"
    written.write_text(f"{{apiVersion: v1, kind: Service, {labels}}}")
    (service,) = read_manifests(str(written)).snapshot.of("services")
    assert service["spec"]["selector"] == {"app": "kong"}


def test_every_kind_that_is_read_has_a_shape() -> None:
    assert set(manifests.KINDS.values()) == set(SHAPES)


def test_objects_of_kinds_that_no_rule_reads_are_objects_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "account.yaml").write_text("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: kongip}\n")
    (tmp_path / "rules.yaml").write_text("groups: []\n")
    found = read_manifests(str(tmp_path))
    assert [gap.why for gap in found.gaps] == ["it holds no Kubernetes object"]
