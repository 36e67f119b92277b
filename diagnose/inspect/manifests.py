"""Manifests in: YAML and JSON as kubectl and helm print them, out of a file, a folder or standard input.

Whoever wrote them is not trusted: size, depth and what aliases expand to are limited, and nothing is executed.
"""

from __future__ import annotations

import contextlib
import gc
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from diagnose.cluster.replies import Object
from diagnose.cluster.snapshot import Snapshot
from diagnose.errors import USAGE, Stop
from diagnose.inspect.shapes import misfit
from diagnose.report.harmless import harmless
from diagnose.site import Gap

MOST_BYTES = 32 * 1024 * 1024
"""The whole input; a cluster of thousands of pods prints less."""

MOST_FILES = 10_000
DEEPEST = 64
MOST_VALUES = 5_000_000
"""Values once every alias is written out. A list of all pods of a large cluster has about a million."""

LONGEST_REASON = 300

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
STANDARD_INPUT = "-"

KINDS: Mapping[tuple[str, str], str] = {
    ("", "Service"): "services",
    ("", "Node"): "nodes",
    ("", "Pod"): "pods",
    ("", "Namespace"): "namespaces",
    ("", "ConfigMap"): "configmaps",
    ("", "Secret"): "secrets",
    ("apps", "Deployment"): "deployments",
    ("apps", "DaemonSet"): "daemonsets",
    ("apps", "StatefulSet"): "statefulsets",
    ("networking.k8s.io", "Ingress"): "ingresses",
    ("networking.k8s.io", "IngressClass"): "ingressclasses",
    ("gateway.networking.k8s.io", "GatewayClass"): "gatewayclasses",
    ("gateway.networking.k8s.io", "Gateway"): "gateways",
    ("gateway.networking.k8s.io", "HTTPRoute"): "httproutes",
    ("gateway-operator.konghq.com", "DataPlane"): "dataplanes",
    ("gateway-operator.konghq.com", "GatewayConfiguration"): "gatewayconfigurations",
    ("configuration.konghq.com", "KongPlugin"): "kongplugins",
    ("configuration.konghq.com", "KongClusterPlugin"): "kongclusterplugins",
}
"""The kinds that rules read, by API group and kind."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """What was read: the objects by kind, and the files that held none."""

    snapshot: Snapshot
    gaps: tuple[Gap, ...] = ()


def read_manifests(name: str) -> Manifests:
    """The objects in a file, in a folder's YAML and JSON files, or on standard input ("-").

    Stop with status 2 where something cannot be read, is no YAML, or has a field of the wrong type.
    """
    found: list[tuple[str, Object]] = []
    empty, whole = [], 0
    left = MOST_BYTES
    for source, data in _sources(name):
        left -= len(data)
        if left < 0:
            raise _refused(source, f"there are more than {MOST_BYTES // 1024**2} MiB", "Name fewer objects.")
        here = [one for document in _documents(data, source) for one in _objects(document)]
        found += [(kind, thing) for kind, thing in here if kind and _fits(thing, kind, source)]
        whole += len(here)
        if not here:
            empty.append(source)
    if not whole and empty:
        raise _refused(
            name, "there is no Kubernetes object in it", "Give what kubectl get -o yaml or helm template print."
        )
    by_kind = {kind: tuple(one for other, one in found if other == kind) for kind in {kind for kind, _ in found}}
    return Manifests(Snapshot(by_kind), tuple(Gap(source, "it holds no Kubernetes object") for source in empty))


def _sources(name: str) -> Iterator[tuple[str, bytes]]:
    """The name and the content of each file."""
    if name == STANDARD_INPUT:
        if sys.stdin is None:
            raise _refused("standard input", "it is closed", "Give a file, or open it.")
        yield "standard input", sys.stdin.buffer.read(MOST_BYTES + 1)
        return
    try:
        path = Path(name)
        files = _files(path) if path.is_dir() else [path]
        if not files:
            raise _refused(name, "the folder has no *.yaml, *.yml or *.json file", "Name another.")
        for file in files:
            with file.open("rb") as opened:
                yield str(file), opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _refused(name, str(reason), "Name a file or folder of manifests, or - for standard input.") from error


def _files(folder: Path) -> list[Path]:
    """The manifests in a folder and below it, without hidden ones."""
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            found.append(path)
            if len(found) > MOST_FILES:
                raise _refused(str(folder), f"it has more than {MOST_FILES} files", "Name a folder within it.")
    return found


def _documents(data: bytes, source: str) -> list[Any]:
    """The documents of one file as plain values."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(source, f"it is no UTF-8 (byte {error.start})", "Save it as UTF-8.") from error
    try:
        with _without_collector():
            if in_json := _in_json(text):
                return in_json
            _check_events(text)
            return list(_composed(text))
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        remedy = "A chart's templates are to be rendered first: helm template." if "{{" in text else "Mend it."
        raise _refused(source, _reason(error), remedy) from error


def _in_json(text: str) -> list[Any]:
    """The JSON documents that a text is made of, one after another as kubectl prints them; none if it is other YAML.

    ValueError where a document is followed by the beginning of another that is no JSON.
    """
    found: list[Any] = []
    decoder, end = json.JSONDecoder(), 0
    while start := _BRACE.match(text, end):
        try:
            document, end = decoder.raw_decode(text, start.end() - 1)
        except ValueError:
            if not found:
                return []  # braces begin a YAML document as well
            raise
        found.append(document)
    return [] if text[end:].strip() else found


_BRACE = re.compile(r"\s*\{")


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the garbage collector from looking, again and again, through a million nodes that are all in use.

    It takes three quarters of the time that ten megabytes of YAML are composed in.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Loader(yaml.CSafeLoader):
    """Reads text as Kubernetes does, which knows no dates and no "=" in YAML: both stay text."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":value"))]
    for letter, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _check_events(text: str) -> None:
    """Raise ValueError for what would exhaust the parser's stack, which no exception guards."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"it is nested more than {DEEPEST} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _composed(text: str) -> Iterator[Any]:
    """Each document, once what its aliases expand to is known to be small."""
    loader = _Loader(text)
    left = MOST_VALUES
    while loader.check_node():
        node = loader.get_node()
        assert node is not None  # check_node has seen one
        _check_keys(node)
        left -= _expanded(node, {}, left)
        yield loader.construct_document(node)


def _check_keys(node: yaml.Node) -> None:
    """Raise ValueError where two documents run into each other: the keys of the last would hide those of the first."""
    keys = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    if twice := next((one for one in ("kind", "items") if keys.count(one) > 1), None):
        raise ValueError(f"it has {twice} twice in one document; a line of --- separates documents")


def _expanded(node: yaml.Node, known: dict[int, int], most: int) -> int:
    """How many values a node holds with every alias written out. ValueError beyond ``most``, or without an end."""
    size = known.get(id(node))
    if size == 0:
        raise ValueError("an alias holds itself")
    if size is not None:
        return size
    known[id(node)] = 0
    total = 1
    for child in _children(node):
        total += _expanded(child, known, most)
        if total > most:
            raise ValueError(f"its aliases expand to more than {MOST_VALUES} values")
    known[id(node)] = total
    return total


def _children(node: yaml.Node) -> Iterable[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return cast("list[yaml.Node]", node.value) if isinstance(node, yaml.SequenceNode) else ()


def _objects(document: Any) -> Iterator[tuple[str | None, Object]]:
    """The objects in a document, Lists taken apart, with the kind that rules know them by (None: of no interest)."""
    if not isinstance(document, dict):
        return
    version, kind, items = document.get("apiVersion"), document.get("kind"), document.get("items")
    if not (isinstance(version, str) and isinstance(kind, str)):
        return
    if kind.endswith("List") and isinstance(items, list):
        for item in items:
            if isinstance(item, dict):
                yield from _objects({"apiVersion": version, "kind": kind.removesuffix("List"), **item})
        return
    yield KINDS.get((version.rpartition("/")[0], kind)), document


def _fits(thing: Object, kind: str, source: str) -> bool:
    if problem := misfit(thing, kind):
        metadata = thing.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        raise _refused(
            source, f"in {thing['kind']} {name or 'without a name'}, {problem}", "Kubernetes takes no such object."
        )
    return True


def _reason(error: BaseException) -> str:
    """Why a text could not be read, in one line, with the place where YAML tells it."""
    if isinstance(error, RecursionError):
        return f"it is nested more than {DEEPEST} levels deep"
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if problem:
        return f"line {mark.line + 1}: {problem}" if mark else str(problem)
    return " ".join(str(error).split())[:200]


def _refused(source: str, why: str, remedy: str) -> Stop:
    """One line, whatever stands in names and keys that it quotes."""
    return Stop(harmless(f"{source} cannot be inspected: {why[:LONGEST_REASON]}."), remedy, USAGE)
