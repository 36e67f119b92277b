"""Kong's Admin API: what ``GET /`` tells of the settings in force, and requests for objects of Kong's.

Source: Kong, kong/api/routes/kong.lua (``GET /``), kong/conf_loader (what stands in ``configuration``) and
kong/api/endpoints.lua.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from diagnose.counting import count_of
from diagnose.errors import USAGE, Stop
from diagnose.path.settings import TWINS, Settings
from diagnose.report.harmless import harmless

if TYPE_CHECKING:
    import httpx

TOKEN_HEADER = "Kong-Admin-Token"
TOKEN_VARIABLE = "KONGIP_ADMIN_TOKEN"

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes of an answer: ``GET /`` takes some 20 kB, a page of a thousand objects less than a megabyte."""

PAGES_LIMIT = 100
MESSAGE_LIMIT = 200
"""Characters that are kept of what the other side says of its refusal."""

Object = Mapping[str, Any]

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})(?!\d)")
_VISIBLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: ``body`` is None where no JSON object came, ``status`` None where no answer did.

    ``problem`` says in words for people why it was no success, None where it was one.
    """

    status: int | None
    body: Object | None = None
    problem: str | None = None


class AdminApi:
    """One Admin API. ``timeout`` is seconds for a whole request; ``token`` goes out in Kong-Admin-Token.

    Proxy variables of the environment are ignored, redirects not followed: the token is for that URL alone. A
    certificate must be one that this machine trusts. ``transport`` is the network unless a test hands in another.
    """

    def __init__(
        self, url: str, token: str | None = None, timeout: float = 10.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        import httpx

        self.url = checked_url(url)
        self._timeout = timeout
        self._token = token
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "kongip"}
        self._client = httpx.Client(
            headers=headers | ({TOKEN_HEADER: checked_token(token)} if token is not None else {}),
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
            verify=ssl.create_default_context(),
            transport=transport,
        )

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def request(self, method: str, path: str, body: Object | None = None) -> Reply:
        """The reply to one request; ``path`` begins with a slash. What the network does is a reply, too."""
        import httpx

        try:
            with self._client.stream(method, self.url + path, json=body) as response:
                data = self._read(response)
        except httpx.TimeoutException:
            patience = count_of(self._timeout, "second", form="g")
            return Reply(None, problem=f"{self.url} did not answer within {patience}")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Reply(None, problem=f"{self.url} cannot be asked: {_why(error)}")
        if data is None:
            return Reply(response.status_code, problem=f"the answer of {self.url} is too long, or takes too long")
        found = _object(data)
        return Reply(response.status_code, found, self._problem(response.status_code, found, data))

    def tagged(self, kind: str, tag: str) -> Iterator[Object | Reply]:
        """Every object of a kind (``routes``, ``services``) that bears ``tag``; a reply ends it where one failed.

        A server that does not know the query answers with all of them: what lacks the tag is left out here.
        """
        path: str | None = f"/{kind}?tags={tag}&size=1000"
        for _ in range(PAGES_LIMIT):
            reply = self.request("GET", path or "")
            if reply.problem is not None:
                yield reply
                return
            listed = (reply.body or {}).get("data")
            for one in listed if isinstance(listed, list) else ():
                if isinstance(one, dict) and tag in tags_of(one):
                    yield one
            path = _next(reply.body, kind)
            if path is None:
                return

    def _read(self, response: httpx.Response) -> bytes | None:
        """The body, None where it is longer than the limit or drips for longer than the timeout."""
        end = time.monotonic() + self._timeout
        data = b""
        for part in response.iter_raw():
            data += part
            if len(data) > SIZE_LIMIT or time.monotonic() > end:
                return None
        return data

    def _problem(self, status: int, found: Object | None, data: bytes) -> str | None:
        if 200 <= status < 300:
            return None if found is not None or not data else f"what answers at {self.url} is no Admin API: no JSON"
        said = _message(found, self._token)
        match status:
            case 401 if self._token is not None:
                return f"the Admin API at {self.url} refuses the token in {TOKEN_VARIABLE} (401){said}"
            case 401:
                return f"the Admin API at {self.url} wants a token (401): set {TOKEN_VARIABLE}{said}"
            case 403:
                return f"the Admin API at {self.url} forbids it (403){said}"
            case 404:
                return f"there is no such thing at {self.url} (404): is it an Admin API?{said}"
        return f"the Admin API at {self.url} answered {status}{said}"


def checked_url(text: str) -> str:
    """``text`` without the slash at its end. Stop with status 2 where it is no URL of an Admin API."""
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known, parts = False, urlsplit("")
    if not known or parts.query or parts.fragment or "@" in parts.netloc or not _VISIBLE.fullmatch(text):
        shown = "--admin-url" if "@" in text else f"--admin-url {text}"  # before an @ there may be a password
        raise Stop(f"{shown} cannot be used.", "Write http://HOST:PORT or https://HOST:PORT.", USAGE)
    return text.rstrip("/")


def checked_token(token: str) -> str:
    """``token`` if it can be sent in a header. Stop with status 2, which does not show it, where not."""
    if not _VISIBLE.fullmatch(token):
        raise Stop(f"What is in {TOKEN_VARIABLE} is no token.", "It takes visible ASCII characters alone.", USAGE)
    return token


def read_settings(api: AdminApi) -> Settings | str:
    """The settings that the Kong of an Admin API runs with, or why they cannot be told."""
    reply = api.request("GET", "/")
    return reply.problem if reply.problem is not None else settings_in(reply.body)


def settings_in(root: object) -> Settings | str:
    """The settings in what ``GET /`` answers, or why they cannot be told; any JSON value may be handed in.

    ``nginx_proxy_directives`` is what Kong really writes for nginx: it wins over ``real_ip_header`` and
    ``real_ip_recursive``, which are only other names for two of them. What stands at the level of http holds where the
    server says nothing.
    """
    configuration = root.get("configuration") if isinstance(root, dict) else None
    if not isinstance(root, dict) or not isinstance(configuration, dict):
        return "the Admin API does not tell Kong's configuration"
    if configuration.get("role") == "control_plane":
        return "the Admin API is a control plane's, which does not know the settings of its data planes"
    server, http = (_directives(configuration.get(f"nginx_{level}_directives")) for level in ("proxy", "http"))
    listen, trusted = _texts(configuration.get("proxy_listen")), _texts(configuration.get("trusted_ips"))
    if server is None or http is None or not listen or trusted is None:
        return "the Admin API tells Kong's configuration in a form that kongip does not know"
    behind = next((level for level, told in (("proxy", server), ("http", http)) if "set_real_ip_from" in told), None)
    if behind is not None:
        name = f"nginx_{behind}_set_real_ip_from"
        return f"{name} is set: nginx then trusts addresses that Kong's trusted_ips do not tell"
    in_force = http | server
    variables = {
        "KONG_PROXY_LISTEN": ", ".join(listen),
        "KONG_TRUSTED_IPS": ",".join(trusted),
        "KONG_NGINX_PROXY_REAL_IP_HEADER": in_force.get("real_ip_header", "NONE"),
        "KONG_NGINX_PROXY_REAL_IP_RECURSIVE": in_force.get("real_ip_recursive", "NONE"),
    }
    try:
        told = Settings.from_environment(variables, _version(root.get("version")))
    except ValueError as error:
        return str(error)
    return replace(told, twins=_twins(configuration, variables))


def _twins(configuration: Object, variables: Mapping[str, str]) -> frozenset[str]:
    """The twins that were set for certain: what is in force is not what Kong's own setting says."""
    own = {name: configuration.get(name.removeprefix("KONG_").lower()) for name in TWINS}
    return frozenset(TWINS[name] for name, value in own.items() if value not in (None, variables[TWINS[name]]))


def tags_of(one: Object) -> tuple[str, ...]:
    """The tags of an object of Kong's; it has none where they are null."""
    tags = one.get("tags")
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):  # RecursionError: brackets without end
        return None
    return found if isinstance(found, dict) else None


def _message(found: Object | None, token: str | None) -> str:
    """What the other side says, without the token: it may give back what it was sent."""
    said = (found or {}).get("message")
    if not isinstance(said, str) or not said:
        return ""
    shown = said.replace(token, "(hidden)") if token else said
    return f": {harmless(shown[:MESSAGE_LIMIT])}"


def _why(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "this machine does not trust its certificate; name the CA's file in SSL_CERT_FILE"
    return harmless(text[:MESSAGE_LIMIT])


def _next(body: Object | None, kind: str) -> str | None:
    """The path of the next page, None at the end; a path to anything else is not followed."""
    path = (body or {}).get("next")
    return path if isinstance(path, str) and path.startswith(f"/{kind}?") else None


def _texts(value: object) -> Sequence[str] | None:
    """A list of texts; Kong writes an empty list as ``{}``. None for anything else."""
    if value == {}:
        return []
    return value if isinstance(value, list) and all(isinstance(one, str) for one in value) else None


def _directives(value: object) -> dict[str, str] | None:
    """nginx directives by name, from the list that Kong writes or ``{}``; None for anything else."""
    entries = [] if value == {} else value
    if not isinstance(entries, list):
        return None
    found = {}
    for one in entries:
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            return None
        found[one["name"]] = str(one.get("value"))
    return found


def _version(value: object) -> tuple[int, int] | None:
    match = _VERSION.match(value) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match else None
