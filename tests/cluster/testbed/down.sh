#!/bin/bash
# Take the cluster down and remove what it left; programs, images and keys stay.
. "$(dirname "$(readlink -f "$0")")/settings.sh"
[ -d "$RUN" ] || exit 0
exec 9> "$BASE/.lock"
flock 9
# With process 1 of a machine the kernel ends all of its processes, containers included (unshare --kill-child).
for file in "$RUN"/pids/*; do
    [ -e "$file" ] || continue
    name=$(basename "$file")
    if pid=$(alive "$name"); then kill -KILL "$pid"; fi
done
gone() { ! alive "$1"; }
for file in "$RUN"/pids/*; do [ ! -e "$file" ] || await 10 gone "$(basename "$file")"; done
for name in control balancer client $(printf 'n%s ' $WORKERS) router; do
    [ ! -e "/run/netns/$PREFIX$name" ] || ip netns del "$PREFIX$name"
done
groups() { find /sys/fs/cgroup -maxdepth 2 -type d -name "${CGROUP#/}"; }
removed() { groups | while read -r top; do find "$top" -depth -type d -exec rmdir {} +; done; [ -z "$(groups)" ]; }
await 15 removed || say "these cgroups are still in use: $(groups | tr '\n' ' ')"
! grep -q " $RUN/" /proc/self/mountinfo || die "something is still mounted under $RUN"
rm -rf "$RUN"
say "the test cluster is down"
