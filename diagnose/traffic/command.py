"""The command traffic: from flags to what the logs say."""

from __future__ import annotations

from argparse import Namespace

from diagnose.errors import COULD_NOT_RUN, UNDETERMINED, Stop
from diagnose.owners import LOOPBACK, Inventory, user_owned
from diagnose.traffic.chunks import of_lines
from diagnose.traffic.edges import EDGES
from diagnose.traffic.files import count_files
from diagnose.traffic.formats import Format, of_log_format
from diagnose.traffic.kinds import Kinds
from diagnose.traffic.tally import Tally
from diagnose.traffic.told import Traffic, tell

SINCE = 3600
"""Seconds of the past that are read of a cluster's logs unless the flags say otherwise."""

LINES = 512
"""Lines of a pod's log that make a chunk."""


def traffic(options: Namespace) -> Traffic:
    """What the logs that the flags name say. Stop where they cannot be read."""
    form = of_log_format(options.log_format) if options.log_format is not None else None
    return _of_files(options, form) if options.file else _of_cluster(options, form)


def exit_status(told: Traffic) -> int:
    """0 where there was a request to tell of, 3 where there was none."""
    return 0 if told.requests else UNDETERMINED


def _of_files(options: Namespace, form: Format | None) -> Traffic:
    words = [user_owned(cidr, layer) for cidr, layer in options.owner]
    inventory = Inventory.of(dict.fromkeys((*LOOPBACK, *words, *EDGES)))
    kinds = Kinds(inventory)
    tallies = dict(count_files(options.file, form, kinds))
    return tell(", ".join(tallies), tallies, kinds, inventory)


def _of_cluster(options: Namespace, form: Format | None) -> Traffic:
    from diagnose.cluster.access_logs import open_logs
    from diagnose.site import Gap

    seconds = options.since if options.since is not None else (SINCE if options.tail is None else None)
    with open_logs(options.context, options.kubeconfig, options.service, options.ingress_class, options.owner) as logs:
        inventory = Inventory((*logs.inventory.ranges, *Inventory.of(EDGES).ranges))
        kinds = Kinds(inventory)
        reading = {pod.kong.name: _Lines(form, kinds) for pod in logs.pods}
        unread = logs.read(lambda pod: reading[pod].take, seconds, options.tail)
    if len(unread) == len(reading):
        whys = "; ".join(dict.fromkeys(unread.values()))
        raise Stop(
            f"No log of {logs.place} can be read: {whys}.", "Ask for the right to get pods/log there.", COULD_NOT_RUN
        )
    gaps = (*logs.gaps, *(Gap(f"the log of {pod}", why) for pod, why in unread.items()))
    tallies = {pod: lines.counted() for pod, lines in reading.items() if pod not in unread}
    return tell(logs.place, tallies, kinds, inventory, gaps)


class _Lines:
    """A pod's log, counted as its lines come."""

    def __init__(self, form: Format | None, kinds: Kinds) -> None:
        self._kinds = kinds
        self._tally = Tally.of(form)
        self._lines: list[bytes] = []

    def take(self, line: bytes) -> None:
        """Take one line."""
        self._lines.append(line)
        if len(self._lines) >= min(LINES, 1 + self._tally.requests // 64):
            self._count()

    def counted(self) -> Tally:
        """All that came."""
        if self._lines:
            self._count()
        return self._tally

    def _count(self) -> None:
        self._tally.take(of_lines(self._lines), self._kinds)
        self._lines.clear()
