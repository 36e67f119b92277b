#!/bin/bash
# Bring the cluster up. What runs already is left alone; what is missing (packages, programs, images, keys) is made.
. "$(dirname "$(readlink -f "$0")")/settings.sh"
why=$("$HERE/can.sh") || die "$why"
# What a reboot or a crash has left is no cluster to go on with, nor is one that was started with other settings.
shape=$(cat "$HERE"/{settings,control-plane,worker}.sh "$HERE"/*.yaml | sha256sum)
alive control >/dev/null && [ "$shape" = "$(cat "$RUN/shape" 2>/dev/null)" ] || "$HERE/down.sh"
mkdir -p "$BASE" "$RUN/pids" "$LOGS"
exec 9> "$BASE/.lock"
flock 9                                       # one up.sh or down.sh at a time
"$HERE/build.sh"
"$HERE/images.sh"
"$HERE/certificates.sh"
begin=$(date +%s)

# --- network --------------------------------------------------------------------------------------------------------
modprobe -aq br_netfilter veth ip_tables iptable_nat 2>/dev/null || true      # where they are not part of the kernel
namespace() { [ -e "/run/netns/$PREFIX$1" ] || ip netns add "$PREFIX$1"; ip -n "$PREFIX$1" link set lo up; }
plug() { # plug NAME ADDRESS SEGMENT: a cable from NAME's eth0 to that segment's bridge in the router, where .1 is the gateway
    namespace "$1"
    ! ip -n "$PREFIX$1" link show eth0 >/dev/null 2>&1 || return 0
    ip link add "$1" netns "${PREFIX}router" type veth peer name eth0 netns "$PREFIX$1"
    ip -n "${PREFIX}router" link set "$1" master "$3" up
    ip -n "$PREFIX$1" addr add "$2/24" dev eth0
    ip -n "$PREFIX$1" link set eth0 up
    ip -n "$PREFIX$1" route add default via "${2%.*}.1"
}
namespace router
for segment in "nodes 10.77.1.1" "balancers 10.77.2.1" "clients 10.77.3.1"; do
    set -- $segment
    ! ip -n "${PREFIX}router" link show "$1" >/dev/null 2>&1 || continue
    ip -n "${PREFIX}router" link add "$1" type bridge
    ip -n "${PREFIX}router" addr add "$2/24" dev "$1"
    ip -n "${PREFIX}router" link set "$1" up
done
# Equal routes to several nodes are shared out by connection, addresses and ports, as routers do.
inside router sysctl -qw net.ipv4.ip_forward=1 net.ipv4.fib_multipath_hash_policy=1
plug control "$CONTROL" nodes
plug balancer "$BALANCER" balancers
plug client "$CLIENT" clients
for n in $WORKERS; do
    plug "n$n" "$(node_ip "$n")" nodes
    inside "n$n" sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
    leaving="POSTROUTING -s $(node_pods "$n") ! -d $PODS -j MASQUERADE"     # pods go out with their node's address
    inside "n$n" iptables -w -t nat -C $leaving 2>/dev/null || inside "n$n" iptables -w -t nat -A $leaving
done
for n in $WORKERS; do                         # pod subnets are known to the nodes and the control plane, not to the router
    for other in control $(printf 'n%s ' $WORKERS); do
        [ "$other" = "n$n" ] || ip -n "$PREFIX$other" route replace "$(node_pods "$n")" via "$(node_ip "$n")"
    done
done

# --- cgroups: /kip/daemons for what runs on the nodes, /kip/nN for the pods of node N ---------------------------------
unified() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }
if unified; then
    for parent in "" "$CGROUP" $(printf "$CGROUP/n%s " $WORKERS); do
        mkdir -p "/sys/fs/cgroup$parent"
        for controller in cpuset cpu memory pids; do
            echo "+$controller" > "/sys/fs/cgroup$parent/cgroup.subtree_control" ||
                die "cgroup v2: the controller $controller cannot be handed down from /sys/fs/cgroup$parent"
        done
    done
    mkdir -p "/sys/fs/cgroup$CGROUP/daemons"
    hierarchies=/sys/fs/cgroup
else
    hierarchies=$(find /sys/fs/cgroup -mindepth 2 -maxdepth 2 -name cgroup.procs -printf '%h\n')
    for hierarchy in $hierarchies; do
        for child in "" /daemons $(printf '/n%s ' $WORKERS); do
            group=$hierarchy$CGROUP$child
            mkdir -p "$group"
            for set in cpus mems; do          # a new cpuset is empty, and an empty one takes no process
                [ ! -e "$group/cpuset.$set" ] || [ -n "$(cat "$group/cpuset.$set")" ] ||
                    cat "$group/../cpuset.$set" > "$group/cpuset.$set"
            done
        done
    done
fi

# --- machines -------------------------------------------------------------------------------------------------------
launch() { # launch NAME COMMAND...: as process 1 of a new machine of the bed
    local name=$1; shift
    ! alive "$name" >/dev/null || return 0
    (   # No file of whoever brings the cluster up stays open in it, a lock least of all.
        for file in /proc/"$BASHPID"/fd/*; do [ "${file##*/}" -le 2 ] || eval "exec ${file##*/}>&-"; done
        for hierarchy in $hierarchies; do echo "$BASHPID" > "$hierarchy$CGROUP/daemons/cgroup.procs"; done
        exec setsid nsenter --net="/run/netns/$PREFIX$name" \
            unshare --mount --uts --ipc --pid --fork --kill-child --propagation private "$@" \
            > "$LOGS/$name.log" 2>&1 < /dev/null ) &
    remember "$name" $!
}
alive control >/dev/null || { rm -f "$RUN/nodes-known"; echo "$shape" > "$RUN/shape"; }
launch control "$HERE/control-plane.sh"
for n in $WORKERS; do
    if alive "n$n" >/dev/null; then "$HERE/in.sh" "n$n" "$HERE/import.sh" "n$n"; else launch "n$n" "$HERE/worker.sh" "$n"; fi
done
await 60 cluster get --raw=/readyz || die "the API server does not come up; see $LOGS/kube-apiserver.log"
if [ ! -e "$RUN/nodes-known" ]; then
    cluster apply -f "$HERE/policies.yaml" >/dev/null 2>&1 || die "policies.yaml is refused; see $LOGS/kube-apiserver.log"
    # Nodes are made here for their pod subnets. kubelet 1.20 panics on a Node that has no capacity.
    for n in $WORKERS; do
        cat <<Y
---
apiVersion: v1
kind: Node
metadata: {name: n$n}
spec: {podCIDR: $(node_pods "$n"), podCIDRs: [$(node_pods "$n")]}
status: {capacity: {pods: "110"}, allocatable: {pods: "110"}}
Y
    done | cluster create --validate=false -f - >/dev/null
    touch "$RUN/nodes-known"
fi
for n in $WORKERS; do                         # the API says Ready for a while of a node that has just died: ask kubelets
    await 60 inside "n$n" curl -fs http://127.0.0.1:10248/healthz || die "no kubelet on n$n; see $LOGS/n$n-kubelet.log"
done
cluster wait --for=condition=Ready node --all --timeout=120s >/dev/null || die "not all nodes become ready; see $LOGS"
await 30 cluster get serviceaccount default || die "no controller manager; see $LOGS/kube-controller-manager.log"
say "the test cluster is up ($(($(date +%s) - begin)) s); kubeconfig $PKI/testbed.kubeconfig"
