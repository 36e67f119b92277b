"""Listeners that demand a PROXY header where none can come, and listeners that lost what the defaults have."""

from __future__ import annotations

from collections.abc import Iterator

from diagnose.cluster.objects import at
from diagnose.inspect.found import Found, note
from diagnose.inspect.kongs import Kong
from diagnose.installation import Form
from diagnose.path.listens import read_listens
from diagnose.report.report import RemedyStep

_CHECKED = {"KONG_STATUS_LISTEN": "health checks and metrics", "KONG_ADMIN_LISTEN": "the controller's requests"}
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def checks_on_proxy_listener(kong: Kong) -> Iterator[Found]:
    """A PROXY header is demanded of the kubelet or of a controller, which send none."""
    for name, whose in _CHECKED.items():
        told = kong.variables.told.get(name)
        flagged = [one.text for one in read_listens((told.value or "") if told else "") if one.demands_proxy]
        if told and flagged:
            setting = name.removeprefix("KONG_").lower()
            why = f"{whose} come straight to it, without a PROXY header"
            yield Found("KIP720", (str(told), why), f"remove proxy_protocol from {setting}")
    demanding = {one.port for one in kong.listens if one.demands_proxy}
    for probe in _PROBES:
        port = port_number(kong, at(kong.container, probe, "httpGet", "port"))
        if port is not None and port in demanding:
            where = f"{kong.name}, container {kong.container.get('name')}, {probe}.httpGet.port {port}"
            listening = f"{kong.told_listen} (port {port} demands a PROXY header)"
            why = "the kubelet sends no PROXY header, so the pod never becomes Ready"
            summary = "let the probe ask the status listener"
            yield Found("KIP720", (where, listening, why), summary, (note("Kong's charts have it on port 8100."),))


def port_number(kong: Kong, port: object) -> int | None:
    """A port of Kong's container by its number or its name."""
    if isinstance(port, int):
        return port
    known = (one for one in kong.container.get("ports") or () if one.get("name") == port and port is not None)
    number = at(next(known, {}), "containerPort")
    return int(number) if number is not None else None


def drops_defaults(kong: Kong) -> Iterator[Found]:
    """proxy_listen as a common guide has it: it demands PROXY headers, and HTTP/2 is gone from the TLS listener."""
    told = kong.variables.told.get("KONG_PROXY_LISTEN")
    secure = [one for one in kong.listens if "ssl" in one.flags]
    if told is None or not secure or not any(one.demands_proxy for one in kong.listens):
        return
    if any("http2" in one.flags for one in kong.listens):
        return
    installation = kong.written.installation
    charted = installation is not None and installation.form is Form.HELM
    lacks = ["http2 on the TLS listeners, which gRPC and browsers use"]
    if _of_six(kong):
        lacks.append("listeners on [::], which Kong's charts have")
    if not charted and not any("reuseport" in one.flags for one in kong.listens):
        lacks.append("reuseport and backlog=16384, which Kong's own default has")
    under = "".join(f"{key}." for key in (installation.values if installation else ()))
    in_chart = note(
        f"Or leave {under}env.proxy_listen out and set {under}proxy.http.parameters to [proxy_protocol] and "
        f"{under}proxy.tls.parameters to [http2, proxy_protocol]; the chart then writes the entries for both families."
    )
    yield Found(
        "KIP721",
        (str(told), *(f"it lacks {what}" for what in lacks)),
        "add proxy_protocol to the entries that were there, instead of replacing them",
        (*_restored(kong, charted), *((in_chart,) if charted else ())),
    )


def clear_text_http2(kong: Kong) -> Iterator[Found]:
    """A clear-text listener with http2, on which nginx before 1.25.1, and so Kong before 3.6, takes no HTTP/1.1."""
    plain = [one for one in kong.listens if "http2" in one.flags and "ssl" not in one.flags]
    if kong.settings is None or not kong.settings.before_3_6 or not plain:
        return
    image = f"{kong.name}, container {kong.container.get('name')}, image: {kong.container.get('image')}"
    listening = f"{kong.told_listen} (port {plain[0].port} has http2 and no ssl)"
    steps = () if kong.hidden("KONG_PROXY_LISTEN") else (kong.step(PROXY_LISTEN=_without_http2(kong)),)
    why = "before 3.6 such a listener takes every connection for HTTP/2, and answers no HTTP/1.1"
    effects = ("gRPC in clear text then has no listener: let it come by TLS, or give it a port of its own.",)
    yield Found("KIP739", (image, listening, why), "remove http2 from the clear-text listeners", steps, effects)


def _without_http2(kong: Kong) -> str:
    """proxy_listen with http2 on the TLS listeners alone."""
    entries = (one.text.split() for one in kong.listens)
    return ", ".join(" ".join(word for word in words if word != "http2" or "ssl" in words) for words in entries)


def _of_six(kong: Kong) -> bool:
    """Whether Kong's chart listens on IPv6 by default, and this Kong does not."""
    installation = kong.written.installation
    return installation is not None and "[::]" in installation.addresses and not any(one.six for one in kong.listens)


def _restored(kong: Kong, charted: bool) -> tuple[RemedyStep, ...]:
    """proxy_listen with what was lost; none where it is not to be shown."""
    if kong.hidden("KONG_PROXY_LISTEN"):
        return ()
    entries = []
    for one in kong.listens:
        where, *flags = one.text.split()
        flags += ["http2"] if "ssl" in flags and "http2" not in flags else []
        flags += ["reuseport", "backlog=16384"] if not charted and "reuseport" not in flags else []
        entries += [" ".join([where, *flags])]
        if _of_six(kong) and one.address == "0.0.0.0":
            entries += [" ".join([f"[::]:{one.port}", *flags])]
    return (kong.step(PROXY_LISTEN=", ".join(entries)),)
