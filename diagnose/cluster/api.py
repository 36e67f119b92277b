"""The one door to Kubernetes: plain objects in and out, one retry policy, and what cannot be mended stops the run."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from diagnose.cluster.credentials import load
from diagnose.cluster.log_lines import LONGEST_LINE
from diagnose.cluster.replies import (
    Executed,
    Listing,
    Object,
    Reply,
    converse,
    is_dropped,
    one_line,
    patience,
    reason_of,
    without_ballast,
)
from diagnose.errors import COULD_NOT_RUN, USAGE, Stop, Unreachable
from diagnose.hosts import is_pod

Query = Sequence[tuple[str, str]]
Headers = Mapping[str, str] | None

PAGE = 500
TRIES = 4
IN_CLUSTER = "in-cluster"
"""What stands for the name of a context where a pod's own service account speaks."""

BUSY = frozenset({429, 503})
FAULTY = frozenset({500, 502, 504})
"""A server, or what is before it, that may do better a moment later; what was asked for may have been done."""

AGAIN = 0.5
"""Seconds before a further try, times the tries before."""

BODY_PATIENCE = 30.0
"""Seconds for an answer to come whole, however slowly it drips."""

STRATEGIC_MERGE = "application/strategic-merge-patch+json"
BODY_LIMIT = 128 * 1024 * 1024
BLOCK = 64 * 1024
SHORTEST_SECRET = 8
"""Characters: the word Bearer before a token is none."""


class Api:
    """A connection to one API server. Safe to use from several threads."""

    def __init__(self, client: Any, context: str, timeout: float = 10.0, kubeconfig: str | None = None) -> None:
        client.user_agent = "kongip"
        self._client = client
        self._timeout = timeout
        self._kubeconfig = kubeconfig
        self.context = context
        self.server = str(client.configuration.host)

    @property
    def flags(self) -> tuple[str, ...]:
        """What makes another command of kongip's speak to the same server."""
        file = ("--kubeconfig", self._kubeconfig) if self._kubeconfig else ()
        return file if self.context == IN_CLUSTER else ("--context", self.context, *file)

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        query: Query = (),
        body: Object | None = None,
        headers: Headers = None,
    ) -> Reply:
        """Send one request and read its answer. Stop where the server cannot be reached or refuses the credentials.

        A server that is busy or faulty is asked again, after as long as it says, some seconds at most. So is one whose
        answer to a GET was cut off, at once the first time: it may have closed a connection that was kept open.
        """
        for attempt in range(TRIES):
            try:
                reply = self._answer(self._send(method, path, query, body, headers))
            except Stop as stop:
                dropped = method == "GET" and stop.__cause__ is not None and is_dropped(stop.__cause__)
                if not dropped or attempt == TRIES - 1:
                    raise
                time.sleep(AGAIN * attempt)
                continue
            # Cut within its headers an answer looks whole, but has no body; no object has none.
            cut = method == "GET" and reply.ok and not reply.body
            if not (cut or reply.status in BUSY | FAULTY) or attempt == TRIES - 1:
                break
            time.sleep(AGAIN * attempt if cut else patience(reply, attempt))
        if reply.status == 409 and method == "POST" and attempt and (name := _name_in(body)):
            return self.get(f"{path}/{name}")  # it had been made after all, when the server answered that it was not
        if reply.status == 401:
            raise Stop(
                f"The API server {self.server} does not accept the credentials of context {self.context} (401).",
                f"Renew them and check with: kubectl --context {self.context} get --raw /version",
            )
        return reply

    def get(self, path: str, query: Query = ()) -> Reply:
        """Read one object."""
        return self.request("GET", path, query)

    def create(self, path: str, body: Object) -> Reply:
        """Create one object in the collection ``path``."""
        return self.request("POST", path, body=body)

    def patch(self, path: str, body: Object) -> Reply:
        """Merge ``body`` into the object at ``path``, lists by the keys of their kind (a strategic merge)."""
        return self.request("PATCH", path, body=body, headers={"Content-Type": STRATEGIC_MERGE})

    def delete(self, path: str, options: Object) -> Reply:
        """Delete the object at ``path`` with these DeleteOptions."""
        return self.request("DELETE", path, body=options)

    def items(self, path: str, query: Query = (), most: int | None = None) -> Listing:
        """List a collection page by page, at most about ``most`` objects; a kind that the server lacks has none."""
        found: list[Object] = []
        more = ""
        while True:
            page = [*query, ("limit", str(PAGE)), *([("continue", more)] if more else [])]
            reply = self.get(path, page)
            if reply.status == 404:
                return Listing()
            if not reply.ok:
                return Listing(tuple(found), refused=reply.message, cut=bool(found))
            document = reply.object()
            found.extend(map(without_ballast, document.get("items") or ()))
            more = str((document.get("metadata") or {}).get("continue") or "")
            if not more or (most is not None and len(found) >= most):
                return Listing(tuple(found), cut=bool(more))

    def lines(self, path: str, query: Query, take: Callable[[bytes], None]) -> Reply:
        """Hand each line of a text answer to ``take`` as it arrives; a refusal comes back as the reply.

        Of a line longer than ``LONGEST_LINE`` the beginning is handed over. A server that is busy or faulty is asked
        again; where it cuts its answer off, what had come was handed over.
        """
        for attempt in range(TRIES):
            response = self._send("GET", path, query, None, None)
            if 200 <= response.status < 300:
                break
            refusal = self._answer(response)
            if refusal.status not in BUSY | FAULTY or attempt == TRIES - 1:
                return refusal
            time.sleep(patience(refusal, attempt))
        rest = b""
        for block in self._blocks(response):
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                take(line[:LONGEST_LINE])
            rest = rest[:LONGEST_LINE]
        if rest:
            take(rest)
        return Reply(response.status)

    def may(self, verb: str, group: str, resource: str, namespace: str | None, name: str | None = None) -> bool | None:
        """Whether the caller may ``verb`` the ``resource`` ("pods/log") there; None where the server would not say.

        Without a ``namespace`` it is asked for all of them, without a ``name`` for any object.
        """
        kind, _, sub = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": kind, "subresource": sub}
        attributes |= {"namespace": namespace} if namespace else {}
        attributes |= {"name": name} if name else {}
        status = self._reviewed("SelfSubjectAccessReview", {"resourceAttributes": attributes})
        return None if status is None else bool(status.get("allowed"))

    def rules(self, namespace: str) -> tuple[Object, ...]:
        """What the caller may do in a namespace, as far as the server can list it: the rules of roles, and no others.

        Those of cluster roles alone hold in a namespace that does not exist.
        """
        status = self._reviewed("SelfSubjectRulesReview", {"namespace": namespace}) or {}
        return tuple(rule for rule in status.get("resourceRules") or () if isinstance(rule, dict))

    def _reviewed(self, kind: str, spec: Object) -> Object | None:
        """The status of a review of the caller's rights, None where the server would not say."""
        group = "authorization.k8s.io/v1"
        reply = self.create(f"/apis/{group}/{kind.lower()}s", {"apiVersion": group, "kind": kind, "spec": spec})
        return (reply.object().get("status") or {}) if reply.ok else None

    def execute(
        self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes, timeout: float
    ) -> Executed | Reply:
        """Run a command in a container with ``stdin`` and wait for its end; a refusal comes back as the reply.

        Only the fifth version of the protocol can close standard input, so the command must know by itself where its
        input ends (kubernetes: remotecommand, v5.channel.k8s.io).
        """
        from kubernetes.stream.ws_client import WSClient
        from websocket import WebSocketBadStatusException, WebSocketException

        streams = [("container", container), ("stdin", "true"), ("stdout", "true"), ("stderr", "true")]
        query = [*(("command", word) for word in command), *streams]
        _, url, headers, _, _ = self._serialize(
            "GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/exec", query, None, None
        )
        try:
            session = WSClient(  # type: ignore[no-untyped-call]
                self._client.configuration, url.replace("http", "ws", 1), headers, capture_all=False, binary=True
            )
        except WebSocketBadStatusException as refusal:
            return self._reply(int(refusal.status_code or 0), bytes(refusal.resp_body or b""))
        except (WebSocketException, OSError) as error:
            raise self._unreachable(error) from error
        try:
            return converse(session, stdin, time.monotonic() + timeout)
        except (WebSocketException, OSError) as error:
            return Executed(None, b"", str(error).encode())
        finally:
            # Its own close() leaves the socket open once the peer's closing frame has come.
            session.sock.shutdown()

    def forward(
        self, namespace: str, pod: str, port: int, tls: bool, request: Callable[[socket.socket], Reply], timeout: float
    ) -> Reply:
        """The reply to ``request``, which gets a socket that leads to a port of a pod's own loopback.

        A refusal comes back as the reply. The pod's certificate is not checked: the API server leads there, and Kong's
        own is signed by itself.
        """
        from kubernetes.stream.ws_client import PortForward, create_websocket
        from websocket import WebSocketBadStatusException, WebSocketException

        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
        _, url, headers, _, _ = self._serialize("GET", path, [("ports", str(port))], None, None)
        try:
            websocket = create_websocket(  # type: ignore[no-untyped-call]
                self._client.configuration, url.replace("http", "ws", 1), headers
            )
        except WebSocketBadStatusException as refusal:
            return self._reply(int(refusal.status_code or 0), bytes(refusal.resp_body or b""))
        except (WebSocketException, OSError) as error:
            raise self._unreachable(error) from error
        forwarded = PortForward(websocket, [port])  # type: ignore[no-untyped-call]
        try:
            way: socket.socket = forwarded.socket(port)  # type: ignore[no-untyped-call]
            way.settimeout(timeout)
            with contextlib.closing(_unchecked().wrap_socket(way) if tls else way) as connection:
                return request(connection)
        except OSError as error:
            said = forwarded.error(port) or error  # type: ignore[no-untyped-call]
            return Reply(0, f"port {port} of pod {namespace}/{pod}: {said}".encode())
        finally:
            forwarded.close()  # type: ignore[no-untyped-call]

    def _serialize(
        self, method: str, path: str, query: Query, body: Object | None, headers: Headers
    ) -> tuple[str, str, dict[str, str], Any, Any]:
        kind = {"Content-Type": "application/json"} if body else {}
        wanted = {"Accept": "application/json", **kind, **(headers or {})}
        parts: tuple[str, str, dict[str, str], Any, Any] = self._client.param_serialize(
            method, path, query_params=list(query), header_params=wanted, body=body, auth_settings=["BearerToken"]
        )
        return parts

    def _answer(self, response: Any) -> Reply:
        return self._reply(response.status, b"".join(self._blocks(response)), response.headers)

    def _send(self, method: str, path: str, query: Query, body: Object | None, headers: Headers) -> Any:
        from kubernetes.client.exceptions import OpenApiException
        from urllib3.exceptions import HTTPError

        request = self._serialize(method, path, query, body, headers)
        try:
            return self._client.call_api(*request, _request_timeout=(self._timeout / 2, self._timeout))
        except (HTTPError, OpenApiException, OSError) as error:
            raise self._unreachable(error) from error

    def _blocks(self, response: Any) -> Iterator[bytes]:
        """The body as it comes. Stop where it is cut off, has no end, or drips."""
        from urllib3.exceptions import HTTPError

        end, size = time.monotonic() + BODY_PATIENCE, 0
        try:
            while block := response.response.read1(BLOCK):
                yield block
                size += len(block)
                if time.monotonic() > end:
                    raise TimeoutError(errno.ETIMEDOUT, f"its answer did not end within {BODY_PATIENCE:.0f} seconds")
                if size > BODY_LIMIT:
                    raise OSError(errno.EMSGSIZE, "its answer has no end")
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        finally:
            response.response.close()

    def _reply(self, status: int, body: bytes, headers: Headers = None) -> Reply:
        """An answer without the credentials: what answers in a server's place may give back what it was sent."""
        for secret in self._credentials():
            body = body.replace(secret, b"(hidden)")
        return Reply(status, body, headers)

    def _credentials(self) -> list[bytes]:
        told = self._client.configuration
        values = [*(getattr(told, "api_key", None) or {}).values(), getattr(told, "password", None)]
        words = (word for value in values if value for word in str(value).split())
        return [word.encode() for word in words if len(word) >= SHORTEST_SECRET]

    def _unreachable(self, error: BaseException) -> Unreachable:
        return Unreachable(
            f"The API server {self.server} of context {self.context} cannot be reached: {reason_of(error)}.",
            "Check the address in the kubeconfig, the network to it, and any VPN or tunnel it needs.",
        )


def _name_in(body: Object | None) -> str | None:
    return ((body or {}).get("metadata") or {}).get("name")


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


NO_CLUSTER = "try without a cluster: kongip diagnose --lab preserved"


def connect(context: str | None, kubeconfig: str | None, timeout: float = 10.0, *, otherwise: str = NO_CLUSTER) -> Api:
    """Read the kubeconfig and be ready to talk to the API server of ``context`` (None: the current one).

    Without any kubeconfig but within a pod, the pod's own service account speaks. Nothing is sent yet.
    Stop with status 2 for an unknown context or file, 4 where there is no kubeconfig at all: ``otherwise`` is what
    helps then.
    """
    from kubernetes.client import Configuration
    from kubernetes.client.api_client import ApiClient
    from kubernetes.config import KUBE_CONFIG_DEFAULT_LOCATION, load_incluster_config

    configuration = Configuration()
    # One retry policy, in Api.request; urllib3 would try thrice to reach a server that refuses.
    configuration.retries = False
    files = kubeconfig or KUBE_CONFIG_DEFAULT_LOCATION
    if _is_there(files):
        chosen = choose_context(context, files)
        load(files, chosen, configuration)
        return Api(ApiClient(configuration), chosen, timeout, kubeconfig)
    if kubeconfig is None and context is None and is_pod():
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        return Api(ApiClient(configuration), IN_CLUSTER, timeout)
    raise _no_kubeconfig(files, kubeconfig, otherwise)


def choose_contexts(wanted: Sequence[str], kubeconfig: str | None) -> tuple[str, ...]:
    """The contexts to use: those that are wanted, or if none is all that there are. Stop as ``connect`` does."""
    from kubernetes.config import KUBE_CONFIG_DEFAULT_LOCATION

    files = kubeconfig or KUBE_CONFIG_DEFAULT_LOCATION
    if not _is_there(files):
        raise _no_kubeconfig(files, kubeconfig)
    names, _ = _read(files)
    if not names:
        raise Stop(f"The kubeconfig {files} has no contexts.", "Name another with --kubeconfig FILE.", USAGE)
    return tuple(_one_of(names, name, files) for name in dict.fromkeys(wanted or names))


def choose_context(context: str | None, files: str) -> str:
    """The context to use: the one named, else the current one. Stop with status 2 if the kubeconfig has no such one."""
    names, current = _read(files)
    if not (wanted := context or current):
        listed = ", ".join(names) or "none"
        raise Stop(f"The kubeconfig {files} names no current context.", f"Choose one with --context: {listed}.", USAGE)
    return _one_of(names, wanted, files)


def _one_of(names: Sequence[str], wanted: str, files: str) -> str:
    if wanted in names:
        return wanted
    listed = ", ".join(names) or "none"
    near = get_close_matches(wanted, names, n=3)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise Stop(f"The kubeconfig {files} has no context {wanted!r}.", f"{hint}It has: {listed}.", USAGE)


def _read(files: str) -> tuple[list[str], str]:
    """The names of the contexts of a kubeconfig, and of the current one."""
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import KubeConfigMerger
    from yaml import YAMLError

    malformed = (ConfigException, YAMLError, AttributeError, KeyError, TypeError, ValueError, RecursionError)
    try:
        document = KubeConfigMerger(files).config.value  # type: ignore[no-untyped-call]
        names = [str(entry["name"]) for entry in document.get("contexts") or ()]
    except (*malformed, OSError) as error:
        what = f"The kubeconfig {files} cannot be read: {one_line(error)}."
        raise Stop(what, "Mend it, or name another with --kubeconfig FILE.", USAGE) from error
    return names, str(document.get("current-context") or "")


def _is_there(files: str) -> bool:
    return any(Path(name).expanduser().is_file() for name in files.split(os.pathsep) if name)


def _no_kubeconfig(files: str, kubeconfig: str | None, otherwise: str = NO_CLUSTER) -> Stop:
    return Stop(
        f"There is no kubeconfig at {files}.",
        f"Name one with --kubeconfig FILE or in KUBECONFIG, or {otherwise}",
        USAGE if kubeconfig else COULD_NOT_RUN,
    )
