"""A Kong outside Kubernetes, as the main job sees it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Self

from diagnose.admin_api import TOKEN_VARIABLE, AdminApi, read_settings
from diagnose.cluster.entries import parse_url, resolve
from diagnose.errors import USAGE, Stop
from diagnose.installation import Installation
from diagnose.outside.echo import Echo, await_echo
from diagnose.outside.entries import all_entries, read_inventory
from diagnose.outside.flags import checked_path, secret_in
from diagnose.outside.logs import KongLogs, holds_all
from diagnose.outside.route import EchoRoute, make, remove
from diagnose.path.node import Node
from diagnose.path.settings import Settings
from diagnose.path.traffic import Layer
from diagnose.providers.provider import Match
from diagnose.report.report import Finding
from diagnose.site import Backend, Entry, EntryKind, Fact, Gap, Kong, Logs, Progress
from probes.outcome import Sent
from probes.probe import Probe

NO_SERVICE_LB = Fact(
    Layer.NODE,
    frozenset(one.value for one in Node) - {Node.SERVICE_LB.value},
    "Kong is outside Kubernetes, where no pod stands in for a load balancer",
    certain=True,
)
NO_ECHO = (
    "No echo was asked for. --echo-path PATH names a route of yours to one, --create-route makes it: the echo tells "
    "both of the addresses that Kong holds."
)
LINGERING = (
    "Nothing but kongip removes the routes and the service that it has made in Kong: if kongip is killed outright, "
    "clear what is left with: kongip clean --admin-url {url}"
)


@dataclass(frozen=True, slots=True)
class OutsideOptions:
    """What the user chose. ``owners`` are pairs of CIDR and layer; ``timeout`` is seconds for each step of a probe."""

    urls: tuple[str, ...] = ()
    direct: str | None = None
    host: str | None = None
    owners: tuple[tuple[str, str], ...] = ()
    kong_log: str | None = None
    kong_error_log: str | None = None
    admin_url: str | None = None
    echo_path: str | None = None
    echo_url: str | None = None
    timeout: float = 5.0


class OutsideSite:
    """One Kong outside Kubernetes. Its log files are read from the end that they have when the site is made.

    How many Kongs stand behind a URL nobody tells. ``kongs`` holds the one that is known of; it counts as ready, and so
    as the one that all connections have to be seen at, once its log was found to hold every ordinary request.
    """

    def __init__(self, options: OutsideOptions) -> None:
        self.service: str | None = None
        self.installation: Installation | None = None
        self.providers: Mapping[str, Match] = {}
        self.facts: Sequence[Fact] = (NO_SERVICE_LB,)
        self.missing_rights: Sequence[str] = ()
        self.leftovers: Sequence[str] = ()
        self._timeout = options.timeout
        self._echo = _echo(options)
        self.entries: Sequence[Entry] = all_entries(options.urls, options.direct, options.host, resolve)
        self.inventory = read_inventory(self.entries, options.owners)
        self.name = f"Kong behind {options.urls[0]}" if options.urls else f"Kong at {options.direct}"
        self.gaps: Sequence[Gap] = _unnamed(options)
        self._made: str | None = None
        self._open = ExitStack()
        try:
            self._logs = self._open.enter_context(KongLogs(options.kong_log, options.kong_error_log))
            self._api = self._admin(options.admin_url)
            self.kongs: Sequence[Kong] = (_kong(self.entries, self._api),)
        except BaseException:
            self._open.close()
            raise

    def _admin(self, url: str | None) -> AdminApi | None:
        return self._open.enter_context(AdminApi(url, os.environ.get(TOKEN_VARIABLE) or None)) if url else None

    def __enter__(self) -> Self:
        """The site itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what the run made, and close the logs."""
        try:
            self.remove()
        finally:
            self._open.close()

    def deploy(self, progress: Progress) -> Backend:
        """Find the echo behind the user's route, or make a route to it where that was asked for.

        Where there is none, probes go to a path that no route of anybody's can have.
        """
        nowhere = f"/kongip-{secrets.token_hex(16)}"
        if self._echo is None:
            return Backend(nowhere, "", NO_ECHO)
        lingering = None
        if self._echo.route is not None and self._api is not None:
            progress(f"making a route to the echo through {self._api.url}")
            self._made = self._echo.route.tag
            if refused := make(self._api, self._echo.route, _hosts(self.entries)):
                self._made = None if refused.nothing else self._made
                self.remove()
                return Backend(nowhere, "", refused.why)
            lingering = LINGERING.format(url=self._api.url)
            progress(lingering)
        progress("looking for the echo behind Kong")
        problem = await_echo(self._echo, self.entries, lambda probes: _send(probes, self._timeout))
        if problem is not None:
            return Backend(nowhere, "", problem, lingering)
        return Backend(self._echo.path, self._echo.secret, None, lingering)

    def refresh(self) -> bool:
        """Read Kong's settings again, which its restart may have changed; the echo is the user's, and stays."""
        [known], [told] = self.kongs, [_kong(self.entries, self._api)]
        self.kongs = (replace(known, settings=told.settings, source=told.source),)
        return True

    def send_inside(self, probes: Sequence[Probe], timeout: float) -> list[Sent] | None:
        """None: nothing can be sent from the place of the echo."""
        return None

    def echo_problem(self) -> str | None:
        """None: the echo answered when it was looked for, and nothing is sent from its place."""
        return None

    def logs(self, probes: Sequence[Probe], since: float) -> Logs:
        """What Kong's log files say of ``probes``; they are read from where they ended before anything was sent."""
        [kong] = self.kongs
        logs = self._logs.read(kong.name, probes)
        self.kongs = (replace(kong, ready=holds_all(logs, probes)),)
        return logs

    def caller_by_api(self) -> str | None:
        """None: there is no API server that could have seen the caller."""
        return None

    def unprobed(self) -> Sequence[str]:
        """None: which ways there are is the user's word alone."""
        return ()

    def configured(self) -> Sequence[Finding]:
        """None: there are no objects outside Kubernetes."""
        return ()

    def remove(self) -> None:
        """Remove the route and the service that were made. Safe to call twice; ``leftovers`` tells what is left."""
        if self._made is None or self._api is None:
            return
        left = remove(self._api, self._made)
        if left:
            self.leftovers = [*left, f"Clear what is left with: kongip clean --admin-url {self._api.url}"]
        self._made = None


def _hosts(entries: Sequence[Entry]) -> list[str]:
    """The hosts that probes name, without IPv6 addresses: not every Kong takes those."""
    return list(dict.fromkeys(host for one in entries if ":" not in (host := one.host or one.address)))


def _send(probes: Sequence[Probe], timeout: float) -> list[Sent]:
    from probes.send import send_all

    return send_all(probes, timeout)


def _echo(options: OutsideOptions) -> Echo | None:
    """The echo that was asked for, None where none was. Stop with status 2 where it cannot be told."""
    if options.echo_path is not None:
        return Echo(checked_path(options.echo_path), secret_in())
    if options.echo_url is None:
        return None
    scheme, host, port = parse_url(options.echo_url, "--echo-url")
    if scheme != "http":
        told = f"--echo-url {options.echo_url} cannot be used."
        raise Stop(told, "The echo speaks plain HTTP: http://HOST:PORT.", USAGE)
    path = f"/kongip-{secrets.token_hex(16)}"
    return Echo(path, secret_in(), EchoRoute(secrets.token_hex(5), path, host, port))


def _unnamed(options: OutsideOptions) -> tuple[Gap, ...]:
    """The witnesses that were not named."""
    named = (
        ("Kong's access log", options.kong_log, "--kong-log FILE"),
        ("Kong's error log", options.kong_error_log, "--kong-error-log FILE"),
    )
    return tuple(Gap(what, f"it was not named ({flag})") for what, value, flag in named if value is None)


def _kong(entries: Sequence[Entry], api: AdminApi | None) -> Kong:
    """Kong as its Admin API tells it; its address is known where ``--direct`` names it."""
    direct = next((entry for entry in entries if entry.kind is EntryKind.DIRECT), None)
    settings: Settings | None = None
    source = "no --admin-url was given, from which to read its settings"
    if api is not None:
        told = read_settings(api)
        settings = told if isinstance(told, Settings) else None
        source = f"the Admin API at {api.url}" if settings is not None else str(told)
    return Kong("Kong", direct.address if direct else "", None, False, settings, source)
