"""Settings that Kong does not read, refuses, or reads otherwise than they look.

Sources: Kong, kong/conf_loader (constants.lua: aliases; parse.lua: booleans); nginx, ngx_http_realip_module.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from difflib import SequenceMatcher

from diagnose.cluster.settings import version_of
from diagnose.inspect.found import Found, note
from diagnose.inspect.known import refusals
from diagnose.inspect.kongs import Kong
from diagnose.inspect.rules.trust import everyone_in
from diagnose.inspect.variables import DOUBLED, Told
from diagnose.installation import Form
from diagnose.path.listens import PROXY_PROTOCOL, read_listens
from diagnose.path.settings import Settings

HEADERS = (
    "proxy_protocol",
    "X-Real-IP",
    "X-Forwarded-For",
    "CF-Connecting-IP",
    "True-Client-IP",
    "X-Client-IP",
    "Fastly-Client-IP",
    "X-Azure-ClientIP",
    "X-Azure-SocketIP",
    "X-Envoy-External-Address",
)
"""What balancers and content networks are known to send; the first stands for the PROXY protocol."""

OFTEN_MEANT = ("X-Forwarded-For", "X-Real-IP", "proxy_protocol")
"""Those that a name with a letter amiss is taken for. To the others names of somebody's own are too near."""

NO_ADDRESS = frozenset(
    {"x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-path", "x-forwarded-prefix"}
    | {"x-forwarded-scheme", "host", "via", "user-agent", "referer", "origin"}
)
"""Headers in which something else than an address stands."""

_PROXY_SPOKEN = re.compile(r"proxyprotocol(v[12]|addr)?|proxyproto")
_CLOSE = 0.9
"""Below this likeness a name is another's own. A letter that is missing, doubled or swapped leaves one beyond it."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_MEANT_ON = frozenset({"on", "true", "yes", "y", "1", "enabled"})
_TWINS = {"REAL_IP_HEADER": "real_ip_header", "REAL_IP_RECURSIVE": "real_ip_recursive"}


def prefix_doubled(kong: Kong) -> Iterator[Found]:
    """KONG_KONG_*: a chart adds the prefix by itself. Values are not shown: any setting may be among them."""
    installation = kong.written.installation
    helm = installation is None or installation.form is Form.HELM
    env = ".".join((*(installation.values if installation else ()), "env"))
    for name, told in kong.variables.told.items():
        right = name.removeprefix("KONG_")
        twin = kong.variables.told.get(right)
        if not name.startswith(DOUBLED) or (twin and twin.value is not None and twin.value == told.value):
            continue
        key = right.removeprefix("KONG_").lower()
        yield Found(
            "KIP706",
            (f"{told.where} {name}: Kong reads {right}, and no {name}",),
            f"name the variable {right}",
            (note(f"As a Helm value it is {env}.{key}, in lower case and without any prefix."),) if helm else (),
            tuple(_put_in_force(kong, replace(told, name=right))),
        )


def _put_in_force(kong: Kong, told: Told) -> Iterator[str]:
    """What is to be known before ``told``, which Kong has not read so far, is in force."""
    name = told.name
    if name in kong.variables.told:
        yield f"{name} is told already, and otherwise: keep the one of the two that is meant."
    else:
        yield f"{name} was not in force until now, and will be from then on: see that its value is what Kong is to do."
    if why := [one.why for one in refusals({name: told}, version_of(str(kong.container.get("image") or "")))]:
        yield f"As it is written Kong would not start with {name}: {why[0]}. Correct it in the same step."
    elif name == "KONG_TRUSTED_IPS" and everyone_in(Settings.from_environment({name: told.value or ""}).trusted_ips):
        yield f"{name} as it is written trusts everyone, who can then name any client: name the hops before Kong alone."
    elif name == "KONG_PROXY_LISTEN" and any(one.demands_proxy for one in read_listens(told.value or "")):
        yield f"{name} as it is written demands PROXY headers: {_FROM_THEN_ON}"


_FROM_THEN_ON = (
    "the balancer has to send them from that moment on, since a listener with the flag closes all other connections."
)


def refused(kong: Kong) -> Iterator[Found]:
    """Settings with which Kong does not start, every one of them."""
    if not kong.refused:
        return
    because = tuple(line for one in kong.refused for line in (f"{kong.name}: {one.why}", str(one.told)))
    slipped = any(one.told.name == "KONG_PROXY_LISTEN" and _slips(one.told.value or "") for one in kong.refused)
    steps = (note("The flag of a listener is spelt proxy_protocol, in lower case and with an underscore."),)
    effects = (f"With that flag a listener demands PROXY headers: {_FROM_THEN_ON}",)
    summary = f"write the setting{'s' * (len(kong.refused) > 1)} as Kong reads {'them' if kong.refused[1:] else 'it'}"
    yield Found("KIP707", because, summary, steps if slipped else (), effects if slipped else ())


def _slips(listen: str) -> bool:
    """Whether a listen setting has a flag that is a slip of the pen for proxy_protocol."""
    words = listen.replace(",", " ").split()
    return any(word != PROXY_PROTOCOL and _PROXY_SPOKEN.fullmatch(_squashed(word)) for word in words)


def header_never_matches(kong: Kong) -> Iterator[Found]:
    """A real_ip_header by which nobody sends anything, as a slip of the pen makes it."""
    told = kong.header_told()
    name = kong.settings.real_ip_header if kong.settings else None
    if name is None or told is None:
        return
    meant = meant_by(name)
    if meant and meant != name:
        yield Found(
            "KIP710",
            (f"{told}, which is no header that balancers send; they send {meant}",),
            f"spell it {meant}",
            (kong.step(REAL_IP_HEADER=meant),),
        )
    elif not _TOKEN.fullmatch(name):
        yield Found("KIP710", (f"{told}: no header can have that name, and Kong takes one alone",), "name one header")
    elif name.lower() in NO_ADDRESS:
        yield Found("KIP710", (f"{told}: no address stands in it",), "name the header that holds the caller's address")
    elif name.lower() == "forwarded":
        why = "Kong looks for an address, and what stands there begins with for="
        yield Found("KIP710", (f"{told}: {why}",), "let the balancer send X-Forwarded-For, and name that")


def meant_by(name: str) -> str | None:
    """The header that ``name`` is, or is a slip for; None where it is no known one.

    Letter case decides nothing with a header, but everything with proxy_protocol. A slip is one of signs between
    words, of how programs call a header (HTTP_X_FORWARDED_FOR), or of a letter or two.
    """
    for known in HEADERS:
        if _squashed(name) == _squashed(known):
            exact = known == "proxy_protocol" or name.lower() != known.lower()
            return known if exact else name
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    if _PROXY_SPOKEN.fullmatch("".join(words)):
        return "proxy_protocol"
    words = words[1:] if words[:1] == ["http"] else words
    return next((known for known in OFTEN_MEANT if _slipped(words, known)), None)


def _slipped(words: list[str], known: str) -> bool:
    """Whether ``words`` are those of ``known``, but for a letter or two."""
    meant = known.lower().replace("_", "-").split("-")
    near = SequenceMatcher(None, "".join(words), "".join(meant)).ratio() >= _CLOSE
    return len(words) == len(meant) and near


def _squashed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def header_read_once(kong: Kong) -> Iterator[Found]:
    """Spelt in other letters than nginx knows, X-Forwarded-For is read in its first line alone."""
    told = kong.header_told()
    name = kong.settings.real_ip_header if kong.settings else None
    if name is None or told is None or not kong.believes_some():
        return
    if name.lower() == "x-forwarded-for" and name != "X-Forwarded-For":
        yield Found(
            "KIP711",
            (f"{told}; nginx reads every line of the header only where it is spelt X-Forwarded-For",),
            "spell it X-Forwarded-For",
            (kong.step(REAL_IP_HEADER="X-Forwarded-For"),),
        )


def recursive_not_on(kong: Kong) -> Iterator[Found]:
    """Kong takes every word but "on" for off, and a Helm value of on without quotes arrives as "true"."""
    told = kong.variables.told.get("KONG_REAL_IP_RECURSIVE")
    value = (told.value or "").strip() if told else ""
    if told is None or value == "on" or value.lower() not in _MEANT_ON or kong.settings is None:
        return
    if kong.settings.real_ip_recursive is not False or kong.settings.real_ip_header in (None, "proxy_protocol"):
        return
    yield Found(
        "KIP713",
        (f"{told}, which Kong takes for off: only the word on, in lower case, is on",),
        "write it on, in quotes where YAML is written",
        (kong.step(REAL_IP_RECURSIVE="on"),),
    )


def overridden(kong: Kong) -> Iterator[Found]:
    """An nginx_proxy_* twin that wins over the setting, or an nginx_http_* one that loses."""
    for suffix, setting in _TWINS.items():
        own = kong.variables.told.get(f"KONG_{suffix}")
        proxy = kong.variables.told.get(f"KONG_NGINX_PROXY_{suffix}")
        http = kong.variables.told.get(f"KONG_NGINX_HTTP_{suffix}")
        if own and proxy and own.value and proxy.value and own.value.strip() != proxy.value.strip():
            yield Found(
                "KIP714",
                (f"{proxy}", f"{own}", f"the first is in force: {setting} is no more than another name for it"),
                "keep one of the two",
            )
        force = (proxy and proxy.value) or (own and own.value) or ""
        open_ = {f"KONG_{suffix}", f"KONG_NGINX_PROXY_{suffix}"} & kong.variables.open.keys()
        if http and http.value and not open_ and http.value.strip() != force.strip():
            why = f"Kong writes {setting} into the server block, where it wins over that of the http block"
            yield Found("KIP714", (f"{http}", why), f"set {setting} instead")


def trust_beside(kong: Kong) -> Iterator[Found]:
    """set_real_ip_from given to nginx behind Kong's back."""
    for told in kong.trust_beside():
        why = (
            "nginx replaces the address, and Kong's own code does not trust that peer: it ignores its X-Forwarded-Proto"
        )
        yield Found("KIP715", (str(told), why), "name those addresses in trusted_ips instead")
