#!/bin/sh
# Runs the outputs for Istio through the real thing: istiod, pilot-agent and Envoy, with a real
# kube-apiserver and etcd as Kubernetes' API, in a network namespace with nothing but a loopback
# interface. Istio and Kubernetes are built from their Go modules into .tools/, once for each version:
# ten minutes and more. Needs root, Go, ip (iproute2), etcd, docker-registry and skopeo; INSTALL=1 lets
# it install Debian's packages. CASES names the cases that run, such as "matrix change".
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

[ "$(id -u)" = 0 ] || die "a network namespace takes root: run this as root, on a machine of your own"
command -v go >/dev/null || die "Go is missing, which builds Istio and Kubernetes: install Go 1.26 or later"
command -v ip >/dev/null || need_packages "ip is missing" iproute2
command -v etcd >/dev/null || need_packages "etcd is missing" etcd-server
for program in docker-registry skopeo; do
    command -v "$program" >/dev/null || need_packages "$program is missing" docker-registry skopeo
done
: "${ENVOY_PATH:?names an Envoy, as make test-istio does}"

# go_programs FOLDER PACKAGE...: builds programs of the Go module in tests/istio/go/FOLDER, kept by
# what the module says; prints the folder that they are in.
go_programs() {
    module=tests/istio/go/$1
    shift
    key=$({ go version && cat "$module"/go.* && find "$module" -name '*.go' -exec cat {} +; } | sha256sum | cut -c 1-12)
    into=$PWD/.tools/$(basename "$module")-$key
    if ! [ -e "$into/.complete" ]; then
        say "building $* into $into (several minutes, once)"
        rm -rf "$into"
        mkdir -p "$into"
        # Without C, so that what is built runs anywhere; what a checksum does not name is not taken.
        (cd "$module" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-mod=readonly -buildvcs=false" \
            nice go build -trimpath -ldflags '-s -w' -o "$into/" "$@") >&2 || die "go could not build $*"
        (cd "$module" && go list -m -f '{{.Dir}}' istio.io/istio 2>/dev/null) >"$into/source" || true
        touch "$into/.complete"
    fi
    printf '%s\n' "$into"
}

istio=$(go_programs istio istio.io/istio/pilot/cmd/pilot-discovery istio.io/istio/pilot/cmd/pilot-agent ./validate)
kubernetes=$(go_programs kubernetes k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl)
# Files of the module that are no programs, downloaded again where the cache has gone.
source=$(cd tests/istio/go/istio && go mod download istio.io/istio && go list -m -f '{{.Dir}}' istio.io/istio)

scripts/oci-image.sh >/dev/null
say "building the test"
cargo test --locked --no-run --test istio

name=egress-auth-$$
work=$(mktemp -d)
leave() {
    # What an agent that was killed leaves behind, its Envoy, is in the namespace.
    ip netns pids "$name" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns del "$name" 2>/dev/null || true
    rm -rf "/etc/netns/$name" "$work"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What programs in the namespace find in /etc: names of the world outside, and CAs of their own.
mkdir -p "/etc/netns/$name/ssl/certs"
cp tests/istio/hosts "/etc/netns/$name/hosts"
echo 'nameserver 127.0.0.99' >"/etc/netns/$name/resolv.conf"
cp /etc/ssl/certs/ca-certificates.crt "/etc/netns/$name/ssl/certs/"
ip netns add "$name"
ip -n "$name" link set lo up
# The address of the gateway's pod: Kubernetes takes none of 127.0.0.0/8 for an endpoint.
ip -n "$name" address add 10.77.0.2/32 dev lo

# Istio's agent keeps modules in /var/lib/istio/data and nowhere else; here it is gone with the test.
TMPDIR=$work ISTIO_PROGRAMS=$istio KUBERNETES_PROGRAMS=$kubernetes ISTIO_SOURCE=$source \
    ip netns exec "$name" sh -c '
        mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/istio/data &&
            exec cargo test --locked --offline --quiet --test istio'
