#!/bin/bash
# Process 1 of the control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler. Started by up.sh.
. "$(dirname "$(readlink -f "$0")")/settings.sh"
mkdir -p "$RUN/etcd"
hostname "${PREFIX}control"
mount -t proc proc /proc
mount -t tmpfs -o size=1g tmpfs "$RUN/etcd"       # nothing here outlives down.sh, so nothing waits for a disk
cd /
keep() { # keep NAME COMMAND...: started again whenever it ends; its output goes to a log
    local name=$1; shift
    ( while :; do "$@" || true; echo "=== $name ended at $(date +%T)"; sleep 1; done ) >> "$LOGS/$name.log" 2>&1 &
}
keep etcd etcd --name control --data-dir "$RUN/etcd/data" --log-level warn --logger zap \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster control=http://127.0.0.1:2380
await 30 curl -fs http://127.0.0.1:2379/health
# Jobs with ttlSecondsAfterFinished clear themselves away from 1.21 on; 1.20 needs the gate.
gates=--feature-gates=TTLAfterFinished=true
keep kube-apiserver "$BIN/kube-apiserver" --v=1 $gates \
    --etcd-servers=http://127.0.0.1:2379 --bind-address=0.0.0.0 --secure-port=6443 --advertise-address="$CONTROL" \
    --allow-privileged=true --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction,PodSecurityPolicy \
    --audit-policy-file="$HERE/audit.yaml" --audit-log-path="$LOGS/audit.log" --audit-log-maxsize=50 --audit-log-maxbackup=1 \
    --service-cluster-ip-range="$SERVICES" --service-node-port-range=30000-32767 \
    --client-ca-file="$PKI/authority.crt" --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" \
    --kubelet-client-certificate="$PKI/apiserver-kubelet.crt" --kubelet-client-key="$PKI/apiserver-kubelet.key" \
    --kubelet-certificate-authority="$PKI/authority.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-key-file="$PKI/service-accounts.pub" --service-account-signing-key-file="$PKI/service-accounts.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --requestheader-client-ca-file="$PKI/front-proxy-authority.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
    --requestheader-username-headers=X-Remote-User \
    --proxy-client-cert-file="$PKI/front-proxy.crt" --proxy-client-key-file="$PKI/front-proxy.key"
await 60 curl -fs --cacert "$PKI/authority.crt" --cert "$PKI/testbed.crt" --key "$PKI/testbed.key" "https://$CONTROL:6443/readyz"
as() { echo "--kubeconfig=$PKI/$1.kubeconfig --authentication-kubeconfig=$PKI/$1.kubeconfig
    --authorization-kubeconfig=$PKI/$1.kubeconfig --leader-elect=false --port=0 --bind-address=127.0.0.1"; }
keep kube-controller-manager "$BIN/kube-controller-manager" --v=1 $gates $(as kube-controller-manager) \
    --use-service-account-credentials=true --root-ca-file="$PKI/authority.crt" --allocate-node-cidrs=false \
    --service-account-private-key-file="$PKI/service-accounts.key"
keep kube-scheduler "$BIN/kube-scheduler" --v=1 $(as kube-scheduler)
while :; do wait || true; sleep 1; done
