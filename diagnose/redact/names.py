"""Names anew: hosts, nodes, pods, namespaces, files and the like, each with a placeholder that tells its kind."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from diagnose.redact.vocabulary import vocabulary

KINDS = (
    *("Service", "Pod", "Node", "Namespace", "Ingress", "IngressClass", "Gateway", "GatewayClass", "HTTPRoute"),
    *("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job", "ConfigMap", "Secret", "EndpointSlice"),
    *("NetworkPolicy", "DataPlane", "ControlPlane", "GatewayConfiguration", "KongPlugin", "KongClusterPlugin"),
    *("HelmRelease", "Kustomization", "Application", "TCPIngress", "Endpoints"),
)
"""The kinds of object before whose names they stand in sentences."""

FLAGS = {
    "--context": "context",
    "--namespace": "namespace",
    "-n": "namespace",
    "--service": "service",
    "--gateway": "gateway",
    "--ingress-class": "class",
    "--host": "host",
    "--image": "image",
    "--kubeconfig": "file",
    "--kong-log": "file",
    "--kong-error-log": "file",
    "--file": "file",
    "--save": "file",
    "--from": "file",
    "--output-file": "file",
    "--echo-path": "path",
}
"""What the value of a flag of the command line names."""

_NAME = r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?"
_OBJECT = re.compile(
    rf"(?<![\w-])({'|'.join((*KINDS, 'node', 'pod', 'namespace', 'release'))}) ({_NAME}(?:/{_NAME})?)(?![\w/-])"
)
_SLASHED = re.compile(rf"(?<![\w./-])(deployment|daemonset|statefulset)s?/({_NAME})(?![\w/-])")
_URL = re.compile(r"\bhttps?://(?:[^\s/@]*@)?(\[[^]\s]*\]|[^\s/:?#\"'<>]+)")
_DOTTED = re.compile(
    r"(?<![\w.@/-])([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+)(?![\w/-]|\.\w)"
)
_TOKEN = re.compile(r"[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?")
_WORD = re.compile(r"[a-z]+")
_BEFORE_NAME = re.compile(
    rf"(?:(?<![\w-])(?:{'|'.join((*KINDS, 'service', 'node', 'pod', 'namespace', 'release', 'context'))}) "
    r"|--[a-z-]+[ =]|(?<!\w)-n |namespace[\"']?: ?[\"']?|helm upgrade (?:--[a-z-]+ )*"
    r"|(?:deployment|daemonset|statefulset|service)s?/)$"
)
"""Behind which a word that may be any word is a name."""

_FIELDS = ("spec", "status", "metadata", "data", "env", "proxy", "controller", "gateway", "nginx", "kong", "labels")
"""With which the path of a field begins, where a host name does not."""

_ENDS = ("md", "json", "conf", "yaml", "yml", "toml", "py", "log", "lua", "env", "txt", "invalid", "io", "go", "c", "h")
"""With which a file's name ends, or a host that is none, or the name of an annotation's owner."""


class Names:
    """Placeholders for the names that were found. The same name has the same placeholder, whatever it names.

    A name is replaced wherever it stands as a word, and as a part of a longer name between hyphens, as pods have it of
    their Deployment. One that is a word of kongip's own, such as ``kong`` or ``default``, is replaced only where it
    stands as a name: after a kind of object or a flag, or beside the slash of a full name.
    """

    def __init__(self, found: Iterable[tuple[str, str]]) -> None:
        self._new: dict[str, str] = {}
        counted = Counter[str]()
        for kind, name in found:
            if name and name not in self._new:
                counted[kind] += 1
                self._new[name] = f"{kind}-{counted[kind]}"
        telling = sorted((re.escape(one) for one in self._new if _is_telling(one)), key=len, reverse=True)
        self._parts = re.compile(rf"(?<![^-])(?:{'|'.join(telling) or '(?!)'})(?![^-])")
        self._placeholders = frozenset(self._new.values())
        self._exact = sorted((one for one in self._new if not _TOKEN.fullmatch(one)), key=len, reverse=True)

    def text(self, text: str) -> str:
        """``text`` with placeholders for all names in it."""
        if text in self._new:
            return self._new[text]
        for name in self._exact:
            text = text.replace(name, self._new[name])
        return _TOKEN.sub(lambda found: self._told(found, text), text)

    def _told(self, found: re.Match[str], text: str) -> str:
        name = found[0]
        if name in self._placeholders:
            return name
        if name not in self._new:
            return self._parts.sub(lambda part: self._new[part[0]], name)
        return name if _is_any_word(name) and not self._is_name(found, text) else self._new[name]

    def _is_name(self, found: re.Match[str], text: str) -> bool:
        """Whether a word stands where a name does."""
        before, after = text[: found.start()], text[found.end() :]
        if not after and before.endswith(" in "):
            return True  # as a site does: the Service in the context
        if after.startswith("/"):
            beside = _TOKEN.match(after[1:])
            return beside is not None and (self._is_no_word(beside[0]) or _BEFORE_NAME.search(before) is not None)
        if before.endswith("/"):
            pair = re.search(rf"({_NAME})/$", before)
            if pair is not None and (self._is_no_word(pair[1]) or _BEFORE_NAME.search(before[: pair.start()])):
                return True
        return _BEFORE_NAME.search(before) is not None

    def _is_no_word(self, name: str) -> bool:
        return name in self._new and not _is_any_word(name)


def _is_any_word(name: str) -> bool:
    """Whether kongip says it itself, of whatever."""
    return name in vocabulary()


def _is_telling(name: str) -> bool:
    """Whether it tells somebody's name wherever it stands, since not all of its parts are words that kongip says."""
    return re.search(r"[a-z]", name) is not None and not vocabulary().issuperset(re.findall(r"[a-z0-9]+", name))


def names_in(text: str) -> Iterator[tuple[str, str]]:
    """The names that ``text`` shows to be names, each with its kind: of objects, in URLs, and with dots."""
    for found in _OBJECT.finditer(text):
        namespace, slash, name = found[2].rpartition("/")
        if slash or not _WORD.fullmatch(name):
            kind = found[1].lower() if found[1] in ("Service", "Pod", "Node", "Namespace", "Ingress", "Gateway") else ""
            yield from ((("namespace", namespace),) if namespace else ())
            yield kind or ("name" if found[1] in KINDS else found[1]), name
    yield from (("name", found[2]) for found in _SLASHED.finditer(text))
    yield from (("host", host) for found in _URL.finditer(text) if _is_host(host := found[1]))
    for found in _DOTTED.finditer(text):
        labels = found[1].split(".")
        if labels[0] not in _FIELDS and labels[-1] not in _ENDS and re.fullmatch(r"[a-z][a-z0-9-]+", labels[-1]):
            yield "host", found[1]


def names_in_command(command: str) -> Iterator[tuple[str, str]]:
    """The names that the flags of a command line give, each with its kind."""
    try:
        words = shlex.split(command)
    except ValueError:
        return
    flag = ""
    for word in words:
        name, equals, value = word.partition("=")
        if name in FLAGS and equals:
            yield from _of_flag(FLAGS[name], value)
        elif flag in FLAGS:
            yield from _of_flag(FLAGS[flag], word)
        flag = word


def _of_flag(kind: str, value: str) -> Iterator[tuple[str, str]]:
    if kind in ("service", "gateway"):
        namespace, _, name = value.rpartition("/")
        yield from (("namespace", namespace), (kind, name))
    else:
        yield kind, value


def host_of(url: str) -> str | None:
    """The host that a URL names, None where it names an address or none."""
    host = urlsplit(url).hostname or ""
    return host if _is_host(host) else None


def _is_host(host: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_](?:[\w.-]*\w)?", host) is not None and not re.fullmatch(r"[0-9.]+", host)
