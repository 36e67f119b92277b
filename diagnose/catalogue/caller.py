"""KIP1xx: the caller and what lies on its side."""

from __future__ import annotations

from diagnose.catalogue.fault import Fault
from diagnose.path.traffic import Layer
from diagnose.report.report import Severity

FAULTS = (
    Fault(
        code="KIP101",
        name="caller-address-unknown",
        layer=Layer.EGRESS,
        severity=Severity.WARNING,
        title="nothing proves which address is the caller's",
        why="""
            Whether an address was preserved can only be said by someone who knows what it was. The machine that runs
            kongip often does not know: its socket has a private address, some NAT on the way gives it a public one, and
            no first party that kongip may ask has seen that one. What Kong logs is then an address without a known
            owner. It may be the caller's NAT, and all is well; it may as well be a CDN or a load balancer outside the
            cluster.

            kongip asks no service on the internet for its own address unless it is told to.
            """,
        tell_apart="""
            An address that belongs to a node, a pod network, a Service or a known balancer is never the caller's: then
            the verdict is *lost*, and this finding does not appear. It appears only where an address without an owner
            is all that was seen.
            """,
        cure="""
            Find out by which address the caller appears to others (your network team, your VPN, the log of another
            server that you run) and say so: `--caller-ip ADDRESS`, or a range: `--caller-ip 198.51.100.0/24`. If the
            address belongs to something else, say that: `--owner ADDRESS=load_balancer` (or `edge`, `node`). The report
            prints the command with the address filled in. Confirm the address before you confirm it to kongip: whatever
            you name is taken as true.
            """,
    ),
    Fault(
        code="KIP102",
        name="caller-address-contradicted",
        layer=Layer.EGRESS,
        severity=Severity.ERROR,
        title="an address arrives that is not the caller's and that nobody is known to own",
        why="""
            The caller is known by certain addresses, from `--caller-ip` or from its own socket, and another one reaches
            Kong, which no part of the infrastructure is known to own. One explanation is on the caller's side: a VPN
            that takes some routes and leaves others, a second uplink, a pool of NAT addresses of which only one was
            named, a transparent proxy of the company.
            """,
        tell_apart="""
            An address without an owner names no layer. The same picture arises from a CDN or a proxying load balancer
            whose addresses kongip does not know; they are then listed as possible beside this finding. What tells them
            apart: who owns the address (`whois`, the provider's published ranges), and whether another way into the
            same Kong shows the same address.
            """,
        cure="""
            If the address is the caller's after all, add it: `--caller-ip` may be given several times and takes ranges.
            If it belongs to a hop, name that hop with `--owner`. If a VPN or proxy is in between and should not be, run
            kongip from a machine without it.
            """,
    ),
    Fault(
        code="KIP105",
        name="unexplained",
        layer=Layer.EGRESS,
        severity=Severity.WARNING,
        title="no path that kongip knows explains all that was seen",
        why="""
            kongip explains a run by worlds: one behaviour for every hop, from the caller to Kong, and what each witness
            would then see. Here every one of them is contradicted by at least one observation. Either a hop does
            something that kongip has no word for, or the path changed during the run (a roll-out, a balancer that was
            just reconfigured), or Kong itself was changed by a plugin or a template of its own.

            This finding stands at the beginning of the path because nothing proves any later place.
            """,
        tell_apart="""
            Two paths mixed behind one entry are not this: kongip first sorts connections by Kong pod and by the owner
            of what Kong saw, and explains each group alone. Only what stays contradictory within one group is reported
            here.
            """,
        cure="""
            Run it again when nothing is being rolled out. If it stays, the observations that contradict each other are
            listed with the finding: start there, and please report them; the table of probes (`--verbose`) is what is
            needed.
            """,
    ),
    Fault(
        code="KIP106",
        name="wrong-and-unexplained",
        layer=Layer.EGRESS,
        severity=Severity.ERROR,
        title="something is wrong, and no path that kongip knows explains all that was seen",
        why="""
            That something is wrong is certain: Kong logs an address that is known to belong to the infrastructure, or
            no ordinary request is answered. Which hop does it is open, since every world that kongip knows is
            contradicted by at least one observation (as in KIP105). kongip names no culprit then rather than a wrong
            one.
            """,
        tell_apart="""
            KIP105 is the same with nothing known to be wrong. If a culprit is named, at least one world explains
            everything.
            """,
        cure="""
            Run it again when nothing is being rolled out. If it stays, follow the addresses in the evidence by hand:
            whose they are tells how far the caller's came. Please report the observations that contradict each other,
            with the table of probes (`--verbose`).
            """,
    ),
)
