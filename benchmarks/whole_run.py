"""A whole diagnosis on the test cluster, beside a shell script that does the bare minimum by hand. Needs root.

Both deploy a backend and a route, wait until it answers through Kong, ask, read Kong's log and remove all of it.
Without an echo the bare minimum is one request and a look into the log.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import Row, in_turns
from tests.cluster import bed, topologies
from tests.cluster.topologies import built

ROOT = Path(__file__).parents[1]
TIMES = 9
"""By hand it takes one second or two, as luck has it with when a kubelet looks at its containers."""
WITH_ECHO = ("--image", "localhost/python:1")

BY_HAND = r"""
set -e
kubectl apply -f - >/dev/null <<END
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: by-hand, namespace: kong, labels: {app: by-hand}}, spec: {containers: [
  {name: echo, image: "localhost/python:1", command: [python3, -m, http.server, "8080"]}],
  terminationGracePeriodSeconds: 0}}
- {apiVersion: v1, kind: Service, metadata: {name: by-hand, namespace: kong}, spec: {selector: {app: by-hand},
  ports: [{port: 80, targetPort: 8080}]}}
- {apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: by-hand, namespace: kong}, spec: {
  ingressClassName: kong, rules: [{http: {paths: [{path: /by-hand, pathType: Prefix,
  backend: {service: {name: by-hand, port: {number: 80}}}}]}}]}}
END
until curl -s -o /dev/null -w '%{http_code}' http://$ADDRESS/by-hand/ | grep -q '404\|200' &&
  ! curl -s http://$ADDRESS/by-hand/ | grep -q 'no Route matched\|upstream'; do sleep 0.1; done
for n in 1 2 3; do curl -s -o /dev/null -H "X-Forwarded-For: 192.0.2.$n" http://$ADDRESS/by-hand/$n; done
until kubectl logs -n kong -l app.kubernetes.io/name=kong -c proxy --since=60s --tail=-1 | grep by-hand/3 >/dev/null
do sleep 0.1; done
kubectl delete -n kong ingress/by-hand service/by-hand pod/by-hand --wait=false >/dev/null
"""

WITHOUT_ECHO = r"""
set -e
curl -s -o /dev/null http://$ADDRESS/by-hand
kubectl logs -n kong -l app.kubernetes.io/name=kong -c proxy --since=10s --tail=-1 | grep /by-hand >/dev/null
"""


def kongip(*flags: str) -> subprocess.CompletedProcess[str]:
    """One diagnosis from the caller's namespace."""
    where = ["--context", bed.CONTEXT, "--kubeconfig", str(bed.KUBECONFIG)]
    command = [*bed.inside("client"), sys.executable, "-m", "diagnose", "diagnose", *where, "--quiet", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


def by_hand(script: str = BY_HAND) -> None:
    """The same by a script, each time under another name: a pod that was deleted stays for a while."""
    environment = os.environ | {"KUBECONFIG": str(bed.KUBECONFIG), "ADDRESS": bed.BALANCER}
    command = [*bed.inside("client"), "bash", "-c", script.replace("by-hand", f"by-hand-{os.urandom(3).hex()}")]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True, timeout=60)


def rows() -> Sequence[Row]:
    """The comparison; none where the machine cannot carry the cluster."""
    if why := bed.why_not():
        print(f"  no test cluster here: {why}")
        return []
    with contextlib.ExitStack() as held:
        lock = held.enter_context((bed.BASE / ".tests.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)  # there is one Kong in the cluster; a run of tests has its turn first
        bed.up()
        held.enter_context(built(topologies.PASSING, Path(held.enter_context(tempfile.TemporaryDirectory()))))
        print(kongip(*WITH_ECHO, "--timings").stderr)
        whole = in_turns(lambda: kongip(*WITH_ECHO), by_hand, TIMES)
        print(kongip("--no-echo", "--timings").stderr)
        brief = in_turns(lambda: kongip("--no-echo"), lambda: by_hand(WITHOUT_ECHO), TIMES)
    return [
        Row("a whole `kongip diagnose`, all probes", "by hand in a shell", *whole, "at most", 1.0),
        Row("`kongip diagnose --no-echo`", "`curl`, then `kubectl logs`", *brief, "at most", 1.5),
    ]


if __name__ == "__main__":
    for row in rows():
        print(row.line())
