"""Kong's settings as far as they are known where something that may tell some of them is not at hand.

Kubernetes: of a variable that env and envFrom both tell, env's value is in force (Container: envFrom). So what stands
there is known whatever a source holds that nobody could read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from diagnose.cluster.settings import BELIEVED_BESIDE
from diagnose.inspect.variables import Told, Variables
from diagnose.path.settings import TWINS, Settings

OVERRULED = {
    **{own: ((twin,), "would be in force instead") for own, twin in TWINS.items()},
    "KONG_TRUSTED_IPS": (BELIEVED_BESIDE, "would have further peers believed"),
}
"""What changes the meaning of a variable that is told, and how."""


@dataclass(frozen=True, slots=True)
class Known:
    """What one Kong is told, as ``Settings`` have it; None is what is not known.

    A header and trusted addresses that are told count as known though ``OVERRULED`` may have more: see ``unless``.
    """

    proxy_listen: str | None
    trusted_ips: tuple[str, ...] | None
    real_ip_header: str | None
    real_ip_recursive: bool | None
    version: tuple[int, int] | None

    @property
    def before_3_6(self) -> bool:
        """Whether Kong is known to be older than 3.6."""
        return self.version is not None and self.version < (3, 6)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why Kong would not start with a setting, and the variable that tells it."""

    why: str
    told: Told


NOT_SHOWN = "a value that comes from a Secret, and is not shown"

_APART = (("KONG_PROXY_LISTEN",), ("KONG_TRUSTED_IPS",), *((twin, own) for own, twin in TWINS.items()))
"""The settings that are read each by itself, by the variables that tell them, the one in force first."""


def refusals(variables: Mapping[str, Told], version: tuple[int, int] | None) -> Iterator[Refusal]:
    """Every setting with which Kong would not start; none that is not known."""
    for names in _APART:
        told = [variables[name] for name in names if name in variables and variables[name].value is not None]
        try:
            Settings.from_environment({one.name: one.value or "" for one in told}, version)
        except ValueError as error:
            blamed = next((one for one in told if (one.value or "").strip()), told[0])
            yield Refusal(NOT_SHOWN if any(one.secret for one in told) else str(error), blamed)


def known(variables: Variables, version: tuple[int, int] | None) -> Known:
    """The settings that ``variables`` give. ValueError, with the reason, where Kong would not start."""
    values = {name: told.value for name, told in variables.told.items() if told.value is not None}
    settings = Settings.from_environment(values, version)
    return Known(
        None if "KONG_PROXY_LISTEN" in variables.open else settings.proxy_listen,
        settings.trusted_ips if _is_known(variables, "KONG_TRUSTED_IPS", BELIEVED_BESIDE) else None,
        settings.real_ip_header if _of_two(variables, "KONG_REAL_IP_HEADER") else None,
        settings.real_ip_recursive if _of_two(variables, "KONG_REAL_IP_RECURSIVE") else None,
        version,
    )


def _of_two(variables: Variables, own: str) -> bool:
    """Whether a setting that has a twin is known: by the twin, if that is told."""
    twin = TWINS[own]
    if twin in variables.open and twin in variables.told:
        return False
    if (variables.value(twin) or "").strip():
        return True
    return _is_known(variables, own, (twin,))


def _is_known(variables: Variables, own: str, others: tuple[str, ...]) -> bool:
    """Whether a variable's value is known, or that neither it nor one that changes its meaning is told."""
    if own in variables.told:
        return own not in variables.open
    return not any(name in variables.open for name in (own, *others))


def unless(variables: Variables, because: tuple[str, ...]) -> Iterator[str]:
    """For the variables that evidence quotes: which others, where nobody could look, would change their meaning."""
    for own, (others, how) in OVERRULED.items():
        told = variables.told.get(own)
        names = [name for name in others if name in variables.open and name not in variables.told]
        if told is not None and names and any(str(told) in line for line in because):
            places = dict.fromkeys(place for name in names for place in variables.open[name])
            yield f"{' and '.join(places)} could not be read: {' or '.join(names)} there {how}."
