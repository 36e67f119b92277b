#!/bin/bash
# Exit status 0 when this machine can carry the cluster; else 1, and the first reason in one line on standard output.
. "$(dirname "$(readlink -f "$0")")/settings.sh"
no() { echo "$*"; exit 1; }

[ "$(uname -s)" = Linux ] || no "this is not Linux"
[ "$(id -u)" = 0 ] || no "not root: network namespaces, mounts and container processes need it"
command -v apt-get >/dev/null && command -v dpkg >/dev/null || no "not a Debian or Ubuntu machine: no apt-get"
unshare --mount --uts --ipc --net --pid --fork true 2>/dev/null || no "this machine does not let root make namespaces"
unshare --mount sh -c 'mount -t tmpfs tmpfs /mnt' 2>/dev/null || no "this machine does not let root mount file systems"
grep -qw overlay /proc/filesystems || modprobe -q overlay 2>/dev/null || no "the kernel has no overlay file system"
[ -e /sys/fs/cgroup/cgroup.controllers ] || [ -d /sys/fs/cgroup/memory ] || no "no cgroup hierarchy is mounted on /sys/fs/cgroup"
[ -w /sys/fs/cgroup ] || no "/sys/fs/cgroup is read-only (a container without privileges?)"
if ! built; then
    # Later Kubernetes sources have another layout and want a newer Go than their own release packages.
    candidate=$(apt-cache policy kubernetes-client 2>/dev/null | awk '$1 == "Candidate:" { print $2 }')
    case $candidate in ""|1.20.*) ;; *) no "this release packages Kubernetes $candidate, the test bed is built from 1.20 (Debian 12)";; esac
    mkdir -p "$BASE"
    [ "$(df --output=avail -k "$BASE" | tail -1)" -gt 3000000 ] || no "less than 3 GB are free under $BASE"
fi
[ "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)" -gt 2000000 ] || no "less than 2 GB of memory are free"
