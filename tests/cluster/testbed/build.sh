#!/bin/bash
# Packages from the distribution, and Kubernetes' five server programs compiled from its source package.
# Everything that is already there is left alone; from nothing it takes about five minutes on two cores.
. "$(dirname "$(readlink -f "$0")")/settings.sh"

# --- packages -------------------------------------------------------------------------------------------------------
RUNNING="etcd-server containerd runc containernetworking-plugins iptables conntrack socat ebtables ipset kmod
    haproxy nginx-light libnginx-mod-http-lua libnginx-mod-stream busybox-static openssl curl iproute2 util-linux procps python3
    tcpdump tshark"
COMPILING="golang-go dpkg-dev"
wanted=$RUNNING
built || wanted="$wanted $COMPILING"
command -v kubectl >/dev/null || wanted="$wanted kubernetes-client"
missing=
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    say "installing$missing"
    # haproxy, nginx, etcd and containerd would start as services of the machine; 101 forbids it.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
        chmod 755 /usr/sbin/policy-rc.d
    fi
    apt-get -qq update || say "some package sources could not be read; going on with the others"
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing \
        >/dev/null || die "apt-get could not install:$missing"
fi
! built || exit 0

# --- source ---------------------------------------------------------------------------------------------------------
WORK=$BASE/build
SOURCE=$WORK/gopath/src/k8s.io/kubernetes
if [ ! -e "$SOURCE/.complete" ]; then
    say "fetching Kubernetes' source package"
    rm -rf "$WORK"
    mkdir -p "$WORK/apt/lists/partial" "$WORK/fetch" "$(dirname "$SOURCE")"
    # The machine's own archives, asked for sources too, without a change to the machine's configuration.
    apt-get indextargets --format '$(ORIGIN)|$(SIGNED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' 'Created-By: Packages' |
        sort -u | while IFS='|' read -r origin key uri release component; do
            case $origin in Debian|Ubuntu) ;; *) continue;; esac
            case $key in /*) key="[signed-by=$key] ";; *) key=;; esac
            echo "deb-src $key$uri $release $component"
        done > "$WORK/apt/sources.list"
    options="-o Dir::Etc::sourcelist=$WORK/apt/sources.list -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::Lists=$WORK/apt/lists -o APT::Sandbox::User=root"
    ( cd "$WORK/fetch"; apt-get -qq $options update && apt-get -qq $options source kubernetes >/dev/null ) ||
        die "the source package kubernetes could not be fetched"
    mv "$WORK"/fetch/kubernetes-*/ "$SOURCE"
    case $(dpkg-parsechangelog -l "$SOURCE/debian/changelog" -S Version) in
        1.20.*) ;; *) die "the source package kubernetes is not 1.20, which this script knows how to build";;
    esac
    # The source package brings reflect2 1.0.1, which calls Go's runtime in a way that Go 1.18 ended: kube-apiserver
    # would die of the first custom resource. The distribution's own reflect2 is mended.
    ( cd "$WORK/fetch"
      apt-get -qq -o APT::Sandbox::User=root download golang-github-modern-go-reflect2-dev && dpkg-deb -x golang-*.deb reflect2 ) ||
        die "golang-github-modern-go-reflect2-dev could not be fetched"
    old=$SOURCE/vendor/github.com/modern-go/reflect2
    new=$WORK/fetch/reflect2/usr/share/gocode/src/github.com/modern-go/reflect2
    [ -e "$new/go_above_118.go" ] || die "golang-github-modern-go-reflect2-dev is too old for this Go"
    rm -f "$old"/*.go "$old"/*.s
    find "$new" -maxdepth 1 -name '*.[gs]*' ! -name '*_test.go' -exec cp {} "$old/" \;
    rm -rf "$WORK/fetch" "$WORK/apt"
    touch "$SOURCE/.complete"
fi
cd "$SOURCE"

# --- compiling ------------------------------------------------------------------------------------------------------
# GOPATH mode, as Kubernetes' Makefile of that age: Go 1.19 would want to change this tree's go.mod. All is vendored.
export GOPATH=$WORK/gopath GOCACHE=$WORK/cache GOTMPDIR=$WORK/tmp HOME=$WORK
export GO111MODULE=off GOPROXY=off GOFLAGS= CGO_ENABLED=0 GOMAXPROCS=2
mkdir -p "$BIN" "$GOTMPDIR"
generated=pkg/generated/openapi/zz_generated.openapi.go
if [ ! -s $generated ]; then        # the one generated file that is not in the source package
    say "generating $generated"
    go build -o "$WORK/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    annotated=$(grep -rl '^// *+k8s:openapi-gen=' --include='*.go' cmd pkg plugin staging |
        grep -v -e /code-generator/ -e /sample- | xargs -n1 dirname | LC_ALL=C sort -u |
        sed -e 's#^staging/src/#vendor/#' -e 's#^#k8s.io/kubernetes/#' | paste -sd,)
    "$WORK/openapi-gen" --logtostderr -i "$annotated" -p k8s.io/kubernetes/pkg/generated/openapi \
        -O zz_generated.openapi -h hack/boilerplate/boilerplate.generatego.txt -r /dev/null
fi
link="-s -w -buildid="
for package in component-base/version client-go/pkg/version; do
    package=k8s.io/kubernetes/vendor/k8s.io/$package
    link="$link -X $package.gitVersion=v1.20.2 -X $package.gitMajor=1 -X $package.gitMinor=20"
done
for program in $BINARIES; do
    [ -x "$BIN/$program" ] && continue
    say "compiling $program"
    go build -p 2 -trimpath -tags providerless,dockerless -ldflags "$link" -o "$BIN/$program.new" "./cmd/$program"
    "$BIN/$program.new" --version | grep -q v1.20.2 || die "$program does not run"
    mv "$BIN/$program.new" "$BIN/$program"
done
cd /
chmod -R u+w "$WORK"                # Go makes its caches read-only
rm -rf "$WORK"
