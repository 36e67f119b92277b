#!/bin/bash
# in.sh NAME [COMMAND...]: inside client, balancer, router, control, n1, n2 or n3. For control and the workers that is
# all of their namespaces, so that `in.sh n1 ctr -n k8s.io containers ls` speaks to that worker's containerd.
. "$(dirname "$(readlink -f "$0")")/settings.sh"
name=$1; shift
[ $# -gt 0 ] || set -- bash
if pid=$(first_process "$name"); then exec nsenter -t "$pid" --mount --uts --ipc --net --pid -- "$@"; fi
exec nsenter --net="/run/netns/$PREFIX$name" -- "$@"
