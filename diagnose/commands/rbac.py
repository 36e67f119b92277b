"""``kongip rbac``: print the rights that kongip needs in a cluster, as Roles."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from diagnose.commands import output, values
from diagnose.errors import USAGE, Stop

MODES = ("diagnose", "no-echo", "inspect", "capture", "capture-ephemeral")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says which rights, where, and for whom."""
    parser.description = (
        "Prints the least rights that a mode of kongip needs, as YAML for kubectl apply: a ClusterRole that reads, and "
        "a Role for each namespace. No cluster is asked. Only with --secrets may Secrets be read."
    )
    parser.epilog = "exit status: 0 printed, 2 usage, 4 could not be written"
    what = parser.add_argument_group("for what")
    what.add_argument(
        "--mode",
        choices=MODES,
        default="diagnose",
        help="kongip diagnose, the same with --no-echo, kongip inspect, or kongip capture, the same with --ephemeral",
    )
    what.add_argument("--no-exec", dest="execute", action="store_false", help="as with the flag of that name")
    what.add_argument("--network-policy", action="store_true", help="as with the flag of that name")
    what.add_argument(
        "--route",
        choices=("ingress", "httproute"),
        default="ingress",
        help="what the echo's route is: an HTTPRoute where Kong has a Gateway and no IngressClass (default: ingress)",
    )
    what.add_argument(
        "--secrets",
        action="store_true",
        help="Kong's settings stand in a Secret, and no command may be run in its pods",
    )
    where = parser.add_argument_group("where")
    where.add_argument(
        "--namespace", metavar="NAME", type=values.namespace, default="kong", help="Kong's namespace (default: kong)"
    )
    where.add_argument(
        "--echo-namespace",
        metavar="NAME",
        type=values.namespace,
        help="where the echo, or what captures, is made, which kongip diagnose and kongip capture call --namespace; "
        "default: Kong's namespace",
    )
    whom = parser.add_argument_group("for whom (each repeatable; without any no binding is printed)")
    whom.add_argument(
        "--user",
        metavar="NAME",
        action="append",
        default=[],
        type=values.name,
        help="a user, as the API server calls it",
    )
    whom.add_argument("--group", metavar="NAME", action="append", default=[], type=values.name, help="a group of users")
    whom.add_argument(
        "--service-account",
        metavar="NAMESPACE/NAME",
        action="append",
        default=[],
        type=values.full_name,
        help="a ServiceAccount",
    )


def run(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Print the Roles."""
    _check(options)
    from diagnose.cluster import rights
    from diagnose.cluster.kinds import CONFIG_MAP, HTTP_ROUTE, INGRESS, JOB, NETWORK_POLICY, SERVICE
    from diagnose.cluster.roles import Subject, roles

    mode = rights.Mode(options.mode)
    kinds = [JOB, CONFIG_MAP, SERVICE, HTTP_ROUTE if options.route == "httproute" else INGRESS]
    kinds += [NETWORK_POLICY] if options.network_policy else []
    needs = rights.needs(mode, kinds, execute=options.execute)
    accounts = (one.split("/") for one in options.service_account)
    subjects = [
        *(Subject("User", name) for name in options.user),
        *(Subject("Group", name) for name in options.group),
        *(Subject("ServiceAccount", name, namespace) for namespace, name in accounts),
    ]
    places = rights.namespaces(options.namespace, options.echo_namespace or options.namespace)
    with output.reader_may_leave():
        print(roles(mode, [one for one in needs if options.secrets or not one.secret], places, subjects), end="")
    return 0


_GOES_WITH = {
    "network_policy": ("diagnose",),
    "route": ("diagnose",),
    "echo_namespace": ("diagnose", "capture"),
}
_DEFAULTS = {"network_policy": False, "route": "ingress", "echo_namespace": None}


def _check(options: argparse.Namespace) -> None:
    for name, modes in _GOES_WITH.items():
        if getattr(options, name) != _DEFAULTS[name] and options.mode not in modes:
            flag = f"--{name.replace('_', '-')}"
            raise Stop(f"{flag} goes with --mode {' or '.join(modes)} alone.", "Leave it out.", USAGE)
