"""Recognise: whose load balancer a Service asks for, and whose edge an Ingress or a Gateway is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

from diagnose.cluster.objects import annotations_of, at, full_name, ingress_class_of, labels_of, name_of, namespace_of
from diagnose.cluster.replies import Object
from diagnose.providers.load import providers
from diagnose.providers.provider import (
    LONGEST_VALUE,
    Clue,
    Condition,
    Conditions,
    Match,
    Mode,
    Network,
    Provider,
    Rule,
    Trap,
    Where,
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is looked at: one Service, Ingress or Gateway, as evidence names it, and what surrounds it."""

    name: str
    thing: Object
    nodes: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    classes: Sequence[Object] = ()
    front: bool = False


def recognise(
    service: Object, nodes: Iterable[Object] = (), pods: Iterable[Object] = (), name: str | None = None
) -> tuple[Match, ...]:
    """Whose load balancer ``service`` asks for: one match, several that nothing tells apart, or none.

    Nodes and pods are those of the cluster, as far as they may be listed. ``name`` is what evidence calls the Service,
    where that is to be made of another object.
    """
    return _best(_Seen(name or f"Service {full_name(service)}", service, tuple(nodes), tuple(pods)))


def is_internal(service: Object, found: Iterable[Match]) -> bool:
    """Whether the load balancer of ``service``, whichever of ``found`` it is, is known to have no public address."""
    seen, found = _Seen("", service), tuple(found)
    return bool(found) and all(any(_holds(one, seen) for one in match.provider.internal) for match in found)


def recognise_front(front: Object, classes: Iterable[Object] = (), nodes: Iterable[Object] = ()) -> tuple[Match, ...]:
    """Whose balancer an Ingress or a Gateway asks for: one match, several, or none.

    ``classes`` are the IngressClasses and GatewayClasses that may be listed.
    """
    gateway = at(front, "spec", "gatewayClassName") is not None
    name = f"{'Gateway' if gateway else 'Ingress'} {full_name(front)}"
    return _best(_Seen(name, front, tuple(nodes), classes=tuple(classes), front=True))


def _best(seen: _Seen) -> tuple[Match, ...]:
    found = [match for one in providers() if one.fronts is seen.front and (match := _match(one, seen))]
    best = max((match.by for match in found), default=None)
    return tuple(match for match in found if match.by is best)


def _match(provider: Provider, seen: _Seen) -> Match | None:
    """The best of the provider's rules that holds; None where none does, or where its cloud is another."""
    if _elsewhere(provider, seen.nodes) or not (provider.fronts or _type_of(seen.thing) in provider.services):
        return None
    for rule in sorted(provider.rules, key=lambda one: -one.by):
        if _open_to(rule, seen) and (told := _holds(rule.conditions, seen)):
            mode, chosen = _mode(provider, seen)
            source = _listed(seen, (*told, *chosen))
            tls, caught, ranges = _ends_tls(provider, seen), _caught(provider, seen), _ranges(provider, seen)
            return Match(provider, mode, rule.by, source, tls, caught, ranges)
    return None


def _listed(seen: _Seen, fields: Iterable[str]) -> str:
    """Fields as one piece of evidence, each once; what is looked at is named with the first of those in a row."""
    told, named = list(dict.fromkeys(fields)), f"{seen.name} "
    before = ("", *told)
    return ", ".join(
        one.removeprefix(named) if last.startswith(named) else one for last, one in zip(before, told, strict=False)
    )


def _ends_tls(provider: Provider, seen: _Seen) -> str | None:
    return next((_listed(seen, told) for one in provider.ends_tls if (told := _holds(one, seen))), None)


def _ranges(provider: Provider, seen: _Seen) -> tuple[Network, ...]:
    trust = provider.trust
    return trust.ranges if not trust.sure or any(_holds(one, seen) for one in trust.sure) else ()


def _caught(provider: Provider, seen: _Seen) -> tuple[tuple[Trap, str], ...]:
    traps = ((trap, _holds(trap.when, seen)) for trap in provider.traps if trap.when is not None)
    return tuple((trap, _listed(seen, told)) for trap, told in traps if told)


def _type_of(service: Object) -> str:
    return str(at(service, "spec", "type") or "ClusterIP")


def _elsewhere(provider: Provider, nodes: Sequence[Object]) -> bool:
    """Whether the nodes tell of clouds, none of which is the provider's."""
    told = [text for node in nodes if (text := str(at(node, "spec", "providerID") or ""))]
    return bool(told and provider.clouds) and not any(
        fnmatchcase(text, pattern) for text in told for pattern in provider.clouds
    )


def _open_to(rule: Rule, seen: _Seen) -> bool:
    """A Service that names a class is left alone by all but the controller of that class (Kubernetes: Service).

    So what it says besides tells of nobody who does not also write upon it.
    """
    return seen.front or rule.by >= Clue.WRITTEN or not at(seen.thing, "spec", "loadBalancerClass")


def _mode(provider: Provider, seen: _Seen) -> tuple[Mode, list[str]]:
    """The mode that the object chooses, and the fields by which it does; none for the default."""
    chosen = ((one.mode, told) for one in provider.variants if (told := _holds(one.when, seen)))
    return next(chosen, (provider.default, []))


def _holds(conditions: Conditions, seen: _Seen) -> list[str] | None:
    """The fields by which the conditions hold, None where they do not."""
    told = [next(_readings(one, seen), None) for one in conditions.these]
    if any(next(_readings(one, seen), None) for one in conditions.unless):
        return None
    fields = [one for one in told if one is not None]
    return fields if len(fields) == len(told) else None


def _readings(condition: Condition, seen: _Seen) -> Iterator[str]:
    """Every field that fulfils ``condition``, as evidence."""
    match condition.where:
        case Where.ANNOTATION:
            return _keyed(condition, f"{seen.name} annotation", annotations_of(seen.thing))
        case Where.LABEL:
            return _keyed(condition, f"{seen.name} label", labels_of(seen.thing))
        case Where.NODE_LABEL:
            nodes = ((f"Node {name_of(one)} label", labels_of(one)) for one in seen.nodes)
            return chain.from_iterable(_keyed(condition, word, labels) for word, labels in nodes)
        case Where.POD_FOR_SERVICE:
            label = f"{condition.pattern}name"
            standing_in = (one for one in seen.pods if _stands_in(labels_of(one), condition.pattern, seen.thing))
            return (f"Pod {full_name(one)} label {label}: {labels_of(one)[label]}" for one in standing_in)
    values = ((field, str(value)) for field, value in _values(condition.where, seen) if value is not None)
    return (f"{field}: {_cut(text)}" for field, text in values if fnmatchcase(text, condition.pattern))


def _keyed(condition: Condition, word: str, table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        text = str(value)
        listed = condition.element is None or condition.element in {one.strip() for one in text.split(",")}
        fits = fnmatchcase(str(key), condition.pattern) and fnmatchcase(text, condition.like)
        if fits and condition.counts(text) and listed:
            yield f"{word} {key}: {_cut(text)}"


def _stands_in(labels: Mapping[str, str], prefix: str, service: Object) -> bool:
    """Whether labels name the Service; old ones name no namespace."""
    home = namespace_of(service)
    return labels.get(f"{prefix}name") == name_of(service) and labels.get(f"{prefix}namespace", home) == home


def _values(where: Where, seen: _Seen) -> Iterator[tuple[str, Any]]:
    thing = seen.thing
    match where:
        case Where.CLASS:
            yield from _class(seen)
        case Where.CONTROLLER:
            named = dict(_class_names(thing)).values()
            for one in seen.classes:
                if name_of(one) in named:
                    told = at(one, "spec", "controller") or at(one, "spec", "controllerName")
                    yield f"{seen.name} is of class {name_of(one)}, whose controller is", told
        case Where.FINALIZER:
            yield from ((f"{seen.name} metadata.finalizers", one) for one in at(thing, "metadata", "finalizers") or ())
        case Where.HOSTNAME:
            entries = at(thing, "status", "loadBalancer", "ingress") or ()
            yield from ((f"{seen.name} status.loadBalancer.ingress hostname", at(one, "hostname")) for one in entries)
        case Where.POLICY:
            yield f"{seen.name} spec.externalTrafficPolicy", at(thing, "spec", "externalTrafficPolicy")
        case Where.APP_PROTOCOL:
            ports = at(thing, "spec", "ports") or ()
            yield from ((f"{seen.name} spec.ports appProtocol", at(one, "appProtocol")) for one in ports)
        case Where.CONDITION:
            met = (one for one in at(thing, "status", "conditions") or () if at(one, "status") == "True")
            yield from ((f"{seen.name} status.conditions type", at(one, "type")) for one in met)
        case Where.PROVIDER_ID:
            yield from ((f"Node {name_of(one)} spec.providerID", at(one, "spec", "providerID")) for one in seen.nodes)


def _class(seen: _Seen) -> Iterator[tuple[str, str]]:
    """The class by its name, where the class of an Ingress or a Gateway, which says more, is not itself at hand."""
    at_hand = {name_of(one) for one in seen.classes}
    return ((f"{seen.name} {field}", name) for field, name in _class_names(seen.thing) if name not in at_hand)


def _class_names(thing: Object) -> Iterator[tuple[str, str]]:
    for field in ("loadBalancerClass", "gatewayClassName"):
        if name := at(thing, "spec", field):
            yield f"spec.{field}", str(name)
    if name := ingress_class_of(thing):
        yield "class", str(name)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
