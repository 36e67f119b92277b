# Names, addresses and small functions that the scripts of this folder share. Sourced, never run.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BASE=${KONGIP_TESTBED:-/var/cache/kongip-testbed}
BIN=$BASE/bin                    # the five Kubernetes programs
IMAGES=$BASE/images              # container images, as tar files
PKI=$BASE/pki                    # keys, certificates, kubeconfigs
RUN=$BASE/run                    # what a running cluster writes; removed by down.sh
LOGS=$RUN/logs
PREFIX=kip-                      # of every network namespace made here
CGROUP=/kip                      # our part of every cgroup hierarchy
WORKERS="1 2 3"

CONTROL=10.77.1.10               # the API server listens here, port 6443
BALANCER=10.77.2.20
CLIENT=10.77.3.30
node_ip() { echo "10.77.1.$((10 + $1))"; }
node_pods() { echo "10.78.$1.0/24"; }
PODS=10.78.0.0/16
SERVICES=10.96.0.0/16
API_SERVICE=10.96.0.1            # the first address of SERVICES, by Kubernetes' rule

BINARIES="kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy"
built() { local b; for b in $BINARIES; do [ -x "$BIN/$b" ] || return 1; done; }

say() { printf '%s\n' "$*" >&2; }
die() { say "test bed: $*"; exit 1; }
await() { # await SECONDS COMMAND...: until the command succeeds; false when the time is over
    local end=$(($(date +%s) + $1)); shift
    until "$@" >/dev/null 2>&1; do [ "$(date +%s)" -lt "$end" ] || return 1; sleep 0.1; done
}

# A pid may be used again by a stranger; a pid together with its start time may not.
started() { local s; s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1; s=${s##*) }; set -- $s; echo "${20}"; }
remember() { echo "$2 $(started "$2")" > "$RUN/pids/$1"; }
alive() { # alive NAME: prints the pid of the process remembered as NAME, if that very process still runs
    local pid start
    { read -r pid start < "$RUN/pids/$1"; } 2>/dev/null || return 1
    [ "$(started "$pid")" = "$start" ] && echo "$pid"
}
# Every machine of the bed is `unshare --fork`; what matters lives in its one child, process 1 in there.
first_process() { local pid; pid=$(alive "$1") && tr -d ' ' < "/proc/$pid/task/$pid/children"; }
inside() { # inside NAME COMMAND...: in its network namespace alone
    local name=$1; shift; nsenter --net="/run/netns/$PREFIX$name" -- "$@"
}
cluster() { inside client kubectl --kubeconfig="$PKI/testbed.kubeconfig" "$@"; }
