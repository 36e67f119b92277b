"""kongip from Python: what ``import diagnose`` offers, and nothing else of these packages, stays as it is.

Names may be added, and fields of the report; none goes away before the next major version. Nothing is printed, and
everything that a run makes in a cluster is removed before it returns or raises.
"""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from dataclasses import replace

from diagnose.errors import USAGE, Stop
from diagnose.report.document import document
from diagnose.report.report import Finding, Report, Severity, Verdict
from diagnose.run import Options
from diagnose.run import diagnose as _diagnose
from diagnose.site import Site

__all__ = ["Finding", "Report", "Severity", "Stop", "Verdict", "diagnose_cluster", "diagnose_lab", "document"]


def diagnose_lab(
    name: str,
    *,
    connections: int = 20,
    timeout: float = 5.0,
    caller_ips: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Diagnose an embedded lab on loopback addresses. Stop for a name that no lab has.

    ``connections`` are ordinary ones through each entry, ``timeout`` is seconds for each step of a probe,
    ``caller_ips`` are addresses or CIDRs that the caller rightly appears as. ``progress`` is told, a line each, what is
    awaited.
    """
    from diagnose.lab.site import open_lab

    options = _options(connections, timeout, caller_ips)
    return _report(open_lab(name), replace(options, command=f"kongip diagnose --lab {name}"), progress)


def diagnose_cluster(
    context: str | None = None,
    *,
    kubeconfig: str | os.PathLike[str] | None = None,
    service: str | None = None,
    ingress_class: str | None = None,
    gateway: str | None = None,
    namespace: str | None = None,
    urls: Sequence[str] = (),
    host: str | None = None,
    image: str | None = None,
    owners: Sequence[tuple[str, str]] = (),
    execute: bool = True,
    connections: int = 20,
    timeout: float = 5.0,
    caller_ips: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Diagnose the Kong of a cluster; arguments are as the flags of ``kongip diagnose``, ``execute`` is not --no-exec.

    Without a ``context`` it is the current one, or within a pod the cluster itself. Stop where it cannot be reached,
    where no Kong is found, or several and none is named; ``Stop.status`` tells a wrong name (2) from the rest (4).
    """
    asked = _options(connections, timeout, caller_ips, context=context, kubeconfig=kubeconfig)
    from diagnose.cluster.options import DEFAULT_IMAGE, ClusterOptions
    from diagnose.cluster.site import open_cluster

    site = open_cluster(
        ClusterOptions(
            context=context,
            kubeconfig=os.fspath(kubeconfig) if kubeconfig is not None else None,
            namespace=namespace,
            service=service,
            ingress_class=ingress_class,
            gateway=gateway,
            urls=tuple(urls),
            host=host,
            image=image or DEFAULT_IMAGE,
            execute=execute,
            owners=tuple(owners),
        )
    )
    kubectl = f"kubectl --context {context}" if context else "kubectl"
    return _report(site, replace(asked, kubectl=kubectl), progress)


def _options(connections: int, timeout: float, caller_ips: Sequence[str], **names: object) -> Options:
    """What was asked for. Stop with status 2 for what the flag of that purpose would refuse.

    ``names`` name something each, or are None.
    """
    from diagnose.commands import values

    checks: list[tuple[str, Callable[[str], object], object]] = [
        ("connections", values.count, connections),
        ("timeout", values.seconds, timeout),
        *(("caller_ips", values.network, one) for one in caller_ips),
        *((name, values.name, given) for name, given in names.items() if given is not None),
    ]
    for name, check, given in checks:
        try:
            check(str(given))
        except ArgumentTypeError as error:
            raise Stop(f"{name}: {error}.", "The flags of kongip diagnose take the same.", USAGE) from error
    return Options(tuple(caller_ips), connections, timeout)


def _report(site: Site, options: Options, progress: Callable[[str], None] | None) -> Report:
    with site:
        return _diagnose(site, options, progress or (lambda line: None))
