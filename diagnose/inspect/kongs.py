"""Which workloads are Kong's, and what they are told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from diagnose.cluster.objects import annotations_of, at, full_name, labels_of, namespace_of
from diagnose.cluster.pods import GONE, decoded
from diagnose.cluster.replies import Object
from diagnose.cluster.settings import BELIEVED_BESIDE, Contents, Source, configuration_file, version_of
from diagnose.cluster.snapshot import Snapshot
from diagnose.inspect.known import Known, Refusal, known, refusals
from diagnose.inspect.variables import MATTERS, Told, Variables, variables_of
from diagnose.inspect.written import Written, installation_of, operated
from diagnose.installation import Installation
from diagnose.path.listens import PROXY_PROTOCOL, Listen, read_listens, with_flag
from diagnose.path.settings import DEFAULT_PROXY_LISTEN, DEFAULT_REAL_IP_HEADER, TWINS
from diagnose.remedies import forms
from diagnose.report.report import RemedyStep

WORKLOADS = {"deployments": "Deployment", "daemonsets": "DaemonSet", "statefulsets": "StatefulSet"}
"""The kinds that make pods of a template, by the name that a snapshot has for them."""

OPERATED = {
    "dataplanes": ("DataPlane", ("spec",)),
    "gatewayconfigurations": ("GatewayConfiguration", ("spec", "dataPlaneOptions")),
}
"""What the Kong Operator makes data planes of, and where the options of one stand in it."""

KONG_IMAGE = re.compile(r"(^|/)kong(-gateway|-ee|-enterprise-edition)?(:[^/]*)?$")

CONTROL_PLANE = "control_plane"

RUNS = re.compile(r"KONG_(KONG_.*|DATABASE|DECLARATIVE_CONFIG(_STRING)?|PREFIX|ROLE|NGINX_DAEMON|LUA_PACKAGE_PATH)")
"""Further variables that only a container that runs Kong is told; others may hold where Kong is."""

Everything = Mapping[str, Contents]
"""What the ConfigMaps and Secrets at hand hold, by namespace."""


@dataclass(frozen=True, slots=True)
class Kong:
    """One workload that runs Kong, by its pod template.

    ``settings`` are None where a configuration file may hold any of them, or where Kong would not start with them
    (``refused`` says with which, and why). ``unread`` is what could not be read of them. ``pods`` are the pods at
    hand that the template matches. ``written`` is where it is to be changed.
    """

    name: str
    namespace: str
    template: Object
    container: Object
    written: Written
    variables: Variables
    settings: Known | None
    refused: tuple[Refusal, ...] = ()
    unread: tuple[str, ...] = ()
    pods: tuple[Object, ...] = ()

    @property
    def told_listen(self) -> str:
        """Where proxy_listen stands written."""
        told = self.variables.told.get("KONG_PROXY_LISTEN")
        if not told and (places := self.variables.open.get("KONG_PROXY_LISTEN")):
            return f"{self.name} may be told KONG_PROXY_LISTEN by {' or '.join(places)}, not at hand"
        return str(told) if told else f"{self.name} has no KONG_PROXY_LISTEN, so Kong's own: {DEFAULT_PROXY_LISTEN}"

    def telling(self, one: Listen) -> str:
        """Where the setting that has one of its listeners stands written."""
        stream = self.variables.told.get("KONG_STREAM_LISTEN")
        return str(stream) if stream and one in self.streams and one not in self.listens else self.told_listen

    @property
    def listens_known(self) -> bool:
        """Whether it is known where it listens for requests."""
        return self.settings is not None and self.settings.proxy_listen is not None

    @property
    def listens(self) -> tuple[Listen, ...]:
        """The entries of proxy_listen that are in force; none where that is not known."""
        listen = self.settings.proxy_listen if self.settings else None
        return read_listens(listen or "", secret=self.hidden("KONG_PROXY_LISTEN"))

    @property
    def streams(self) -> tuple[Listen, ...]:
        """The entries of stream_listen."""
        secret = self.hidden("KONG_STREAM_LISTEN")
        return read_listens(self.variables.value("KONG_STREAM_LISTEN") or "", secret=secret)

    def step(self, **variables: str) -> RemedyStep:
        """What Kong is to be told, in the form that it was installed in. ``variables`` go without the prefix.

        A twin that is set is told in the place of Kong's own variable, which changes nothing beside it.
        """
        named = {f"KONG_{name}": value for name, value in variables.items()}
        twins = {name: twin for name, twin in TWINS.items() if self.variables.value(twin)}
        told = {twins.get(name, name): value for name, value in named.items()}
        listened = self.settings.proxy_listen if self.settings else None
        return self.written.settings(forms.Told(told, listened=listened))

    def flagged(self, wanted: bool, behind: Iterable[Listen]) -> dict[str, str]:
        """PROXY_LISTEN with proxy_protocol set or removed ``behind`` a balancer; empty where it is so, or hidden.

        What listens elsewhere is left alone: other callers come there.
        """
        ports = {one.port for one in behind}
        ours = [one for one in self.listens if one.port in ports]
        if self.settings is None or self.settings.proxy_listen is None or self.hidden("KONG_PROXY_LISTEN"):
            return {}
        if all(one.demands_proxy is wanted for one in ours):
            return {}
        return {"PROXY_LISTEN": with_flag(self.settings.proxy_listen, ours, wanted=wanted)}

    def expecting_proxy(self, behind: Iterable[Listen]) -> tuple[RemedyStep, ...]:
        """The step by which listeners ``behind`` a balancer demand the PROXY header, and Kong reads it, or as told.

        What stream listeners read is no matter of real_ip_header (diagnose/path/stream.py).
        """
        behind = tuple(behind)
        as_it_is = self.header_told() or self.header_open or not any(one in self.listens for one in behind)
        header = {} if as_it_is else {"REAL_IP_HEADER": PROXY_PROTOCOL}
        told = self.flagged(True, behind) | header
        return (self.step(**told),) if told else ()

    def expecting_none(self, behind: Iterable[Listen]) -> tuple[RemedyStep, ...]:
        """The step by which none of those demands the PROXY header, and Kong does not look for an address in it."""
        behind = tuple(behind)
        ports = {one.port for one in behind}
        elsewhere = any(one.demands_proxy for one in self.listens if one.port not in ports)
        header = {"REAL_IP_HEADER": DEFAULT_REAL_IP_HEADER} if self.reads_proxy and not elsewhere else {}
        told = self.flagged(False, behind) | header
        return (self.step(**told),) if told else ()

    def hidden(self, name: str) -> bool:
        """Whether a variable's value comes from a Secret."""
        told = self.variables.told.get(name)
        return told is not None and told.secret

    def trust_beside(self) -> list[Told]:
        """What makes nginx trust addresses beside trusted_ips."""
        told = filter(None, map(self.variables.told.get, BELIEVED_BESIDE))
        return [one for one in told if one.value is None or one.value.strip()]

    def sees_nobody(self) -> bool:
        """Whether it is known that no peer is believed."""
        return self.settings is not None and self.settings.trusted_ips == () and not self.trust_beside()

    def believes_some(self) -> bool:
        """Whether it is known that some peer is believed."""
        return self.settings is not None and bool(self.settings.trusted_ips or self.trust_beside())

    @property
    def header_open(self) -> bool:
        """Whether nothing tells which header is in force."""
        return self.settings is not None and self.settings.real_ip_header is None

    def header_told(self) -> Told | None:
        """The variable that names the header in force, None where Kong's default is, or where that is open."""
        if self.header_open:
            return None
        for name in ("KONG_NGINX_PROXY_REAL_IP_HEADER", "KONG_REAL_IP_HEADER"):
            told = self.variables.told.get(name)
            if told and (told.value or "").strip():
                return told
        return None

    @property
    def reads_proxy(self) -> bool:
        """Whether it takes the address that a PROXY header names, as far as it is known."""
        return self.settings is not None and self.settings.real_ip_header == PROXY_PROTOCOL

    @property
    def reads(self) -> str:
        """Which header is in force, as evidence."""
        told = self.header_told()
        return str(told) if told else f"{self.name} has no KONG_REAL_IP_HEADER, so Kong reads {DEFAULT_REAL_IP_HEADER}"

    def told(self, name: str, otherwise: str) -> str:
        """A variable as evidence, ``otherwise`` where it is not told."""
        told = self.variables.told.get(name)
        return str(told) if told else f"{self.name} {otherwise}"


def find_kongs(
    snapshot: Snapshot, contents: Everything, kubectl: str = "kubectl", installation: Installation | None = None
) -> tuple[Kong, ...]:
    """Every Kong among workloads, what the Kong Operator makes its pods of, and pods that none of those makes.

    ``installation`` is that of the workloads, where more is known of it than they tell by themselves.
    """
    pods = tuple(pod for pod in snapshot.of("pods") if not _ends(pod))
    found = [
        kong
        for kind, word in WORKLOADS.items()
        for one in snapshot.of(kind)
        if (kong := read_kong(word, one, ("spec", "template"), contents, pods, kubectl, installation))
    ]
    for kind, (word, options) in OPERATED.items():
        for one in snapshot.of(kind):
            path = (*options, "deployment", "podTemplateSpec")
            found += filter(None, [read_kong(word, one, path, contents, (), kubectl)])
    made = {id(pod) for kong in found for pod in kong.pods}
    alone = [pod for pod in pods if id(pod) not in made]
    found += filter(None, (read_kong("Pod", pod, (), contents, [pod], kubectl, installation) for pod in alone))
    return tuple(found)


def _ends(pod: Object) -> bool:
    """Whether a pod has ended or is about to, or is one of a Job's, as those of migrations are."""
    owners = at(pod, "metadata", "ownerReferences") or ()
    ending = at(pod, "metadata", "deletionTimestamp") is not None or at(pod, "status", "phase") in GONE
    return ending or any(owner.get("kind") == "Job" for owner in owners)


def read_kong(
    word: str,
    owner: Object,
    path: tuple[str, ...],
    contents: Everything,
    pods: Iterable[Object],
    kubectl: str,
    installation: Installation | None = None,
) -> Kong | None:
    """The Kong that the template at ``path`` of ``owner``, of the kind ``word``, makes; None if it makes none.

    A control plane is none: it passes no requests on, whatever it shares with its data planes.
    In an object of the Kong Operator its container goes by the name proxy.
    """
    template = at(owner, *path) or {}
    by_operator = word in dict(OPERATED.values())
    container = kong_in(template, named=by_operator)
    if container is None:
        return None
    name = f"{word} {full_name(owner)}"
    if by_operator:
        installation = operated(word, owner)
    elif path:
        installation = installation or installation_of(word, owner, str(container.get("name")))
    written = Written(owner, path, str(container.get("name")), installation, kubectl)
    namespace = namespace_of(owner)
    where = f"{name}, container {container.get('name')},"
    variables = variables_of(container, contents.get(namespace, {}), where, namespace)
    if variables.value("KONG_ROLE") == CONTROL_PLANE:
        return None
    settings, refused, unread = _settings(container, variables, where)
    own = tuple(pod for pod in pods if namespace_of(pod) == namespace and _matches(template, pod))
    return Kong(name, namespace, template, container, written, variables, settings, refused, unread, own)


def kong_in(template: Object, *, named: bool = False) -> Object | None:
    """The container that is Kong's for certain: it runs Kong's image, or is told Kong's settings."""
    containers = at(template, "spec", "containers") or ()
    return next((one for one in containers if _runs_kong(one) or (named and one.get("name") == "proxy")), None)


def _runs_kong(container: Object) -> bool:
    names = [str(entry.get("name") or "") for entry in container.get("env") or ()]
    image = str(container.get("image") or "").partition("@")[0]
    told = any(MATTERS.fullmatch(name) or RUNS.fullmatch(name) for name in names)
    return told or KONG_IMAGE.search(image) is not None


def _settings(
    container: Object, variables: Variables, where: str
) -> tuple[Known | None, tuple[Refusal, ...], tuple[str, ...]]:
    """The settings as far as they are known, those that Kong refuses, and what of them could not be read."""
    file = configuration_file(container)
    unread = (*variables.unread, *([f"{where} {file} may hold settings"] if file else []))
    if file:
        return None, (), unread
    version = version_of(str(container.get("image") or ""))
    refused = tuple(refusals(variables.told, version))
    return (None, refused, unread) if refused else (known(variables, version), (), unread)


def _matches(template: Object, pod: Object) -> bool:
    """Whether a pod bears all labels of a template, as every pod made of it does."""
    labels = labels_of(template)
    return bool(labels) and labels.items() <= dict(labels_of(pod)).items()


def everything_in(snapshot: Snapshot) -> Everything:
    """What the ConfigMaps and Secrets of a snapshot hold, by namespace."""
    held: dict[str, dict[Source, Mapping[str, str] | None]] = {}
    for kind in ("configmaps", "secrets"):
        for thing in snapshot.of(kind):
            source = Source(kind, str(at(thing, "metadata", "name") or ""))
            plain = {str(key): str(value or "") for key, value in (at(thing, "stringData") or {}).items()}
            data = {key: value for key, value in (at(thing, "data") or {}).items() if value is not None}
            ascii_only = {key: value for key, value in data.items() if kind != "secrets" or value.isascii()}
            held.setdefault(namespace_of(thing), {})[source] = decoded(source, {"data": ascii_only}) | plain
    return held


def annotation_of(thing: Object, key: str) -> str | None:
    """One annotation of an object or template; an empty one is no None."""
    value = annotations_of(thing).get(key)
    return None if value is None else str(value)


def annotations_under(thing: Object, *prefixes: str) -> Iterator[str]:
    """The names of the annotations that begin with one of ``prefixes``."""
    return (key for key in annotations_of(thing) if str(key).startswith(prefixes))
