#!/bin/bash
# Keys, certificates and kubeconfigs, once, into $PKI.
. "$(dirname "$(readlink -f "$0")")/settings.sh"
[ ! -e "$PKI/.complete" ] || exit 0
rm -rf "$PKI"; mkdir -p "$PKI"; chmod 700 "$PKI"; cd "$PKI"
server=https://$CONTROL:6443

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
authority() { # authority NAME
    key "$1"
    openssl req -x509 -new -sha256 -days 3650 -key "$1.key" -subj "/CN=kongip test bed $1" -out "$1.crt" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature
}
certificate() { # certificate NAME AUTHORITY SUBJECT [ALTERNATIVE NAMES]
    key "$1"
    { printf '%s\n' basicConstraints=CA:FALSE keyUsage=critical,digitalSignature,keyEncipherment
      echo extendedKeyUsage=serverAuth,clientAuth
      [ $# -lt 4 ] || echo "subjectAltName=$4"; } > extensions
    openssl req -new -key "$1.key" -subj "$3" | openssl x509 -req -sha256 -days 3650 -CA "$2.crt" -CAkey "$2.key" \
        -CAcreateserial -extfile extensions -out "$1.crt" 2>/dev/null
    rm extensions
}
kubeconfig() { # kubeconfig NAME: for whoever holds the certificate NAME
    cat > "$1.kubeconfig" <<Y
apiVersion: v1
kind: Config
current-context: testbed
clusters: [{name: testbed, cluster: {server: "$server", certificate-authority-data: $(base64 -w0 authority.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: testbed, context: {cluster: testbed, user: $1}}]
Y
}
authority authority
authority front-proxy-authority
openssl genrsa -out service-accounts.key 2048 2>/dev/null
openssl rsa -in service-accounts.key -pubout -out service-accounts.pub 2>/dev/null
certificate apiserver authority /CN=kube-apiserver \
    "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:$CONTROL,IP:$API_SERVICE"
certificate apiserver-kubelet authority /O=system:masters/CN=kube-apiserver-kubelet-client
certificate front-proxy front-proxy-authority /CN=front-proxy-client
certificate testbed authority /O=system:masters/CN=testbed; kubeconfig testbed
for who in kube-controller-manager kube-scheduler kube-proxy; do
    certificate $who authority /CN=system:$who; kubeconfig $who
done
for n in $WORKERS; do
    certificate "n$n" authority "/O=system:nodes/CN=system:node:n$n" "DNS:n$n,IP:$(node_ip "$n")"; kubeconfig "n$n"
done
chmod 600 ./*
touch .complete
