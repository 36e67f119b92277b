#!/bin/bash
# The container images, from this machine's own programs: there is no registry. Pods say imagePullPolicy IfNotPresent.
. "$(dirname "$(readlink -f "$0")")/settings.sh"
GATEWAY=$(find "$HERE/../../gateway" -maxdepth 1 \( -name '*.py' -o -name '*.lua' \) ! -name 'test_*' ! -name conftest.py)
PYTHON=$(/usr/bin/python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
mkdir -p "$IMAGES"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

stale() { # stale NAME SOURCE...: there is no image yet, or one of its sources is newer
    local tar=$IMAGES/$1.tar; shift
    [ ! -s "$tar" ] || [ -n "$(find "$@" -newer "$tar" -print -quit)" ]
}
start() { # start NAME: an empty file system in $root
    root=$scratch/$1
    mkdir -p "$root"/{usr/{bin,sbin,lib,lib64},etc,tmp,run,proc,sys,dev,var/{log,lib,tmp}}
    for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
    chmod 1777 "$root/tmp" "$root/var/tmp"
    printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' > "$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' > "$root/etc/group"
}
libraries() { # libraries FILE...: the shared objects that these want
    # (a program without any is no error, hence awk, which does not mind finding nothing)
    { ldd "$@" 2>/dev/null || true; } | awk '!/:$/ && match($0, /\/[^ ]*\.so[^ ]*/) { print substr($0, RSTART, RLENGTH) }' |
        sort -u | while read -r library; do
        [ -e "$root$library" ] || install -D "$library" "$root$library"
    done
}
program() { local file; for file; do install -D "$file" "$root$file"; libraries "$file"; done; }
shell() {
    local tool
    program /bin/busybox
    for tool in $(/bin/busybox --list); do [ -e "$root/usr/bin/$tool" ] || ln -s busybox "$root/usr/bin/$tool"; done
}
python() {
    program "/usr/bin/$PYTHON"
    ln -s "$PYTHON" "$root/usr/bin/python3"
    mkdir -p "$root/usr/lib/$PYTHON"
    tar -C "/usr/lib/$PYTHON" -c --exclude=__pycache__ --exclude=test --exclude=idlelib --exclude=tkinter \
        --exclude=ensurepip --exclude=lib2to3 --exclude=distutils --exclude=pydoc_data --exclude='config-*' . |
        tar -C "$root/usr/lib/$PYTHON" -x
    libraries "/usr/lib/$PYTHON"/lib-dynload/*.so
}
finish() { # finish NAME COMMAND...
    local name=$1; shift
    /usr/bin/python3 "$HERE/pack_image.py" "localhost/$name:1" "$root" "$scratch/$name.tar" "$@"
    mv "$scratch/$name.tar" "$IMAGES/$name.tar"
    say "image localhost/$name:1"
}

if stale pause /bin/busybox; then
    start pause; shell
    finish pause /bin/sh -c 'trap "exit 0" TERM INT; while :; do sleep 3600 & wait $!; done'
fi
if stale python /bin/busybox "/usr/bin/$PYTHON"; then
    start python; python; shell
    finish python python3
fi
if stale gateway /usr/sbin/nginx "/usr/bin/$PYTHON" $GATEWAY; then
    start gateway; python; shell
    program /usr/sbin/nginx /usr/bin/openssl /usr/lib/nginx/modules/{ndk_http_module,ngx_http_lua_module}.so
    mkdir -p "$root/usr/share/lua" "$root/opt/tests/gateway"
    cp -rL /usr/share/lua/5.1 "$root/usr/share/lua/"
    cp $GATEWAY "$root/opt/tests/gateway/"
    finish gateway python3
fi
if stale haproxy /usr/sbin/haproxy; then
    start haproxy; program /usr/sbin/haproxy
    finish haproxy haproxy
fi
