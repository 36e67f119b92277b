"""Find Kong: what is read of a cluster first, on which all else depends."""

from __future__ import annotations

from dataclasses import dataclass

from diagnose.cluster.api import Api
from diagnose.cluster.discover import Found, discover
from diagnose.cluster.entries import Entries, resolve, url_entries
from diagnose.cluster.gateways import Attachment, attach
from diagnose.cluster.objects import namespace_of
from diagnose.cluster.options import ClusterOptions
from diagnose.cluster.snapshot import Snapshot, take


@dataclass(frozen=True, slots=True)
class Located:
    """Kong as found, the objects that it was found in, and the ways to it that the user named.

    ``attachment`` is None where the echo's route hangs by no Gateway.
    """

    found: Found
    snapshot: Snapshot
    named: Entries
    attachment: Attachment | None


def locate(api: Api, options: ClusterOptions) -> Located:
    """Find the one Kong that the user means.

    Stop where there is none, or several, where what was named is wrong, or where its Gateway takes no route of the
    run's namespace: then nothing of the run shall be made.
    """
    named = url_entries(options.urls, options.host, resolve)
    snapshot = take(api, options.service, options.gateway)
    found = discover(snapshot, options.service, options.ingress_class, options.gateway)
    home = options.namespace or namespace_of(found.service)
    attachment = attach(found.route, home, api.get) if options.echo else None
    return Located(found, snapshot, named, attachment)
