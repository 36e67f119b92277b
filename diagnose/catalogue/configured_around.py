"""KIP738 and on: what surrounds Kong's settings, such as its version, its plugins and the addresses of its nodes."""

from __future__ import annotations

from diagnose.catalogue.fault import Fault
from diagnose.path.traffic import Layer
from diagnose.report.report import Severity

FAULTS = (
    Fault(
        code="KIP738",
        name="external-ips-under-local",
        layer=Layer.NODE,
        severity=Severity.INFO,
        title="externalTrafficPolicy: Local may not keep the source at an address of spec.externalIPs",
        why="""
            Kubernetes brings an address of `spec.externalIPs` to no node: somebody's routes or BGP do. Where they lead
            to a node without a pod of Kong, `Local` drops the connection; a load balancer would ask that node's health
            check first. Some ways of spreading Services have left `Local` out at these addresses: kube-proxy in mode
            ipvs did (v1.18), and users of Calico saw nodes' addresses at external IPs that it announced by BGP.
            """,
        tell_apart="""
            The address in the Service's status is not concerned. Let `kongip diagnose` call each of the addresses: a
            node's address at the external one alone (KIP301) is this.
            """,
        cure="""
            Publish the load balancer's address instead. Else lead the external one to nodes that run Kong alone, or run
            Kong on each node that it is led to.
            """,
    ),
)
