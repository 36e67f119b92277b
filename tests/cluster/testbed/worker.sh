#!/bin/bash
# Process 1 of worker N: containerd, kubelet and kube-proxy, in namespaces of their own. Started by up.sh as "worker.sh N".
. "$(dirname "$(readlink -f "$0")")/settings.sh"
N=$1
NAME=n$N
STATE=$RUN/$NAME
hostname "$NAME"

# --- a file system of its own, where it matters ---------------------------------------------------------------------
mkdir -p "$STATE"/{cgroup,var-lib,var-log/pods,var-log/containers,sysctl}
mount -t proc proc /proc
# A /sys that shows this network namespace, with the machine's cgroup mounts carried over.
mount --rbind /sys/fs/cgroup "$STATE/cgroup"
umount -l -R /sys
mount -t sysfs sysfs /sys
mount --rbind "$STATE/cgroup" /sys/fs/cgroup
umount -l -R "$STATE/cgroup"
# kubelet's /var/log/pods cannot be moved, and kubelets that share it delete one another's pods.
mount -t tmpfs -o mode=755 tmpfs /run
mount --bind "$STATE/var-lib" /var/lib
mount --bind "$STATE/var-log" /var/log
mkdir -p /run/lock /run/cni
# kubelet sets these for the whole machine; here it finds them set already, in plain files.
while read -r name value; do
    echo "$value" > "$STATE/sysctl/${name//\//.}"
    mount --bind "$STATE/sysctl/${name//\//.}" "/proc/sys/$name"
done <<T
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
T
mount --make-rshared /
cd /

# --- settings -------------------------------------------------------------------------------------------------------
# restrict_oom_score_adj: a machine without CAP_SYS_RESOURCE lets nobody lower an oom_score_adj.
cat > /run/containerd.toml <<Y
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/run/cni"
Y
# ipMasq of this plugin would hide pods from one another across nodes; up.sh has a rule of its own instead.
cat > /run/cni/10-pods.conflist <<Y
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "/run/cni-addresses",
            "ranges": [[{"subnet": "$(node_pods "$N")"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}]}
Y
echo > /run/resolv.conf                                # no cluster DNS: no test asks for a name
# Images come from files and cannot be fetched again, so none is ever collected; the machine's disk may be well filled.
cat > /run/kubelet.yaml <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/authority.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/$NAME.crt
tlsPrivateKeyFile: $PKI/$NAME.key
cgroupDriver: cgroupfs
cgroupRoot: $CGROUP/$NAME
oomScoreAdj: 0
failSwapOn: false
resolvConf: /run/resolv.conf
healthzBindAddress: 127.0.0.1
nodeStatusUpdateFrequency: 5s
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi}
Y
# conntrack's limits belong to the whole machine, so they stay as they are.
cat > /run/kube-proxy.yaml <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $PKI/kube-proxy.kubeconfig}
mode: iptables
clusterCIDR: $PODS
hostnameOverride: $NAME
oomScoreAdj: 0
bindAddress: 0.0.0.0
healthzBindAddress: 0.0.0.0:10256
metricsBindAddress: 127.0.0.1:10249
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
Y

# --- programs -------------------------------------------------------------------------------------------------------
keep() { # keep NAME COMMAND...: started again whenever it ends; its output goes to a log
    local name=$1; shift
    ( while :; do "$@" || true; echo "=== $name ended at $(date +%T)"; sleep 1; done ) >> "$LOGS/$NAME-$name.log" 2>&1 &
}
keep containerd containerd --config /run/containerd.toml --log-level warn
await 30 ctr version
"$HERE/import.sh" "$NAME"
await 90 test -e "$RUN/nodes-known"
keep kubelet "$BIN/kubelet" --v=1 --config=/run/kubelet.yaml --kubeconfig="$PKI/$NAME.kubeconfig" \
    --hostname-override="$NAME" --node-ip="$(node_ip "$N")" \
    --container-runtime=remote --container-runtime-endpoint=unix:///run/containerd/containerd.sock
keep kube-proxy "$BIN/kube-proxy" --v=1 --config=/run/kube-proxy.yaml
while :; do wait || true; sleep 1; done
