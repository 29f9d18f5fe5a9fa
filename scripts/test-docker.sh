#!/bin/sh
# Tries envoy/Dockerfile, envoy/docker-compose.yaml and the OCI image out with a Docker engine and a
# registry of its own, both on loopback. Nothing is pulled: the base images are made of what is
# installed here, and Envoy's of the Envoy that get-envoy.sh finds. Needs root.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

[ "$(id -u)" = 0 ] || die "a Docker engine of its own needs root"
for program in dockerd docker docker-compose docker-registry skopeo curl wasm-opt; do
    command -v "$program" >/dev/null || need_packages "$program is missing" \
        docker.io docker-compose docker-registry skopeo curl binaryen
done
[ -f dist/egress_auth.wasm ] || die "dist/egress_auth.wasm is missing: run 'make wasm'"
envoy=${ENVOY_PATH:-$(scripts/get-envoy.sh)}

work=$(mktemp -d)
daemons=
cleanup() {
    compose down --volumes --timeout 2 >/dev/null 2>&1 || true
    for daemon in $daemons; do kill "$daemon" 2>/dev/null || true; done
    for daemon in $daemons; do wait "$daemon" 2>/dev/null || true; done
    rm -rf "$work"
}
compose() { docker-compose --project-name egress-auth-test -f envoy/docker-compose.yaml "$@"; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# wait_for WHAT COMMAND...: at most two minutes.
wait_for() {
    what=$1
    shift
    for _ in $(seq 240); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.5
    done
    tail -n 20 "$work"/*.log >&2
    die "waited in vain for $what"
}

export DOCKER_HOST="unix://$work/docker.sock" DOCKER_BUILDKIT=0 DOCKER_CONFIG="$work/config"
dockerd --storage-driver=vfs --iptables=false --data-root "$work/data" --exec-root "$work/exec" \
    --pidfile "$work/dockerd.pid" --host "$DOCKER_HOST" >"$work/dockerd.log" 2>&1 &
daemons="$daemons $!"
wait_for dockerd docker version
say "Docker $(docker version --format '{{.Server.Version}}')"

# import_image NAME PACKAGE... [-- TAR-ARGUMENT...]: an image of installed Debian packages, with
# all that they depend on, and further files.
import_image() {
    name=$1
    shift
    packages=
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        packages="$packages $1"
        shift
    done
    [ $# -eq 0 ] || shift
    # Unquoted: a word for each package.
    apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts \
        --no-breaks --no-replaces --no-enhances $packages | grep '^[a-z]' | sort -u |
        xargs dpkg -L 2>/dev/null | grep -v '^package diverts' | sort -u >"$work/packaged"
    # /bin and its like are links into /usr: what they lead to comes first.
    { printf '/usr/%s\n' '' bin sbin lib lib64 && cat "$work/packaged"; } >"$work/files"
    rm -rf "$work/root"
    mkdir "$work/root"
    tar --create --directory / --no-recursion --ignore-failed-read --files-from="$work/files" \
        --recursion etc/passwd etc/group etc/nsswitch.conf "$@" 2>"$work/tar.log" |
        tar --extract --directory "$work/root" --keep-directory-symlink
    mkdir -p -m 1777 "$work/root/tmp"
    tar --create --directory "$work/root" . |
        docker import --change "ENV PATH=$path" --change "ENV CARGO_HOME=$cargo_home" \
            --change "ENV $fast" - "$name" >/dev/null ||
        die "$name cannot be made: $(cat "$work/tar.log")"
    say "made $name"
}
sysroot=$(rustc --print sysroot)
cargo_home=${CARGO_HOME:-$HOME/.cargo}
path="$sysroot/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Dependencies are at hand; the command line is built quickly, the module as always.
fast="CARGO_NET_OFFLINE=true CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_WASM_LTO=true CARGO_PROFILE_WASM_OPT_LEVEL=3 \
CARGO_PROFILE_WASM_CODEGEN_UNITS=1"
tools="bash coreutils grep dash libc-bin"
import_image test/base $tools
import_image test/envoy $tools -- --transform "s#^${envoy#/}\$#usr/local/bin/envoy#" "${envoy#/}"
cargo fetch --locked --quiet
import_image test/rust $tools gcc libc6-dev sed tar mawk make binaryen -- usr/bin/cc etc/alternatives/cc \
    usr/bin/awk etc/alternatives/awk etc/ssl/certs --exclude="${sysroot#/}/share" "${sysroot#/}" \
    "${cargo_home#/}/registry/index" "${cargo_home#/}/registry/cache"

say "building envoy/Dockerfile (several minutes)"
build() {
    docker build --quiet --file envoy/Dockerfile --build-arg RUST_IMAGE=test/rust \
        --build-arg BASE_IMAGE=test/base "$@" . >"$work/build.log" 2>&1 ||
        { tail -n 40 "$work/build.log" >&2; die "docker build failed"; }
}
build --tag test/egress-auth
build --tag test/module --target module
docker run --rm test/egress-auth --version
docker run --rm test/egress-auth token --issuer https://a.test --subject b | grep -q '^ey.*\..*\.' ||
    die "the image signs no token"
# The stand-in for Rust's image has the toolchain of this machine.
toolchain=$(docker run --rm --volume "$PWD:/egress-auth:ro" --workdir /egress-auth test/rust \
    scripts/build-wasm.sh toolchain)
[ "$toolchain" = "$(scripts/build-wasm.sh toolchain)" ] || die "the image's toolchain is $toolchain"
container=$(docker create test/egress-auth)
for module in egress_auth.wasm egress_auth_page.wasm; do
    docker cp "$container:/usr/local/bin/$module" "$work/$module" >/dev/null
    sha256sum "$work/$module" "dist/$module"
    cmp "$work/$module" "dist/$module" || die "the image's $module is not the one that make wasm builds"
done
docker rm "$container" >/dev/null

say "docker compose up"
export EGRESS_AUTH_IMAGE=test/egress-auth ENVOY_IMAGE=test/envoy EGRESS_AUTH_PORT=0
compose up --detach --no-build 2>"$work/compose.log" || { cat "$work/compose.log" >&2; die "it failed"; }
healthy() {
    container=$(compose ps --quiet envoy) &&
        [ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" = healthy ]
}
wait_for "a healthy Envoy" healthy
gateway=$(compose port demo 10000)
token=$(compose exec -T demo egress-auth token --issuer https://auth.example.com \
    --subject payments-service@example.com)
expect() { # STATUS METHOD PATH [CURL-ARGUMENT...]
    status=$1 method=$2 target=$3
    shift 3
    got=$(curl --silent --noproxy '*' --output "$work/answer" --write-out '%{http_code}' \
        --header 'Host: api.payment-provider.com' --request "$method" "$@" "http://$gateway$target")
    printf '%s %s %s\n' "$got" "$method" "$target"
    [ "$got" = "$status" ] || die "expected $status; the answer: $(cat "$work/answer")"
}
expect 401 GET /v1/payments/42
expect 200 GET /v1/payments/42 --header "Authorization: Bearer $token"
grep -q '"x-jwt-payload"' "$work/answer" || die "the claims did not arrive: $(cat "$work/answer")"
expect 403 DELETE /v1/payments/42 --header "Authorization: Bearer $token"
# Envoy writes its log every ten seconds.
logged() { compose logs envoy | grep -q '"reason":"no_rule_matched"'; }
wait_for "the access log" logged
compose down --volumes --timeout 2 2>/dev/null

say "the OCI image, through a registry"
cat >"$work/registry.yaml" <<CONFIG
version: 0.1
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:0"}
CONFIG
docker-registry serve "$work/registry.yaml" >"$work/registry.log" 2>&1 &
daemons="$daemons $!"
listening() { grep -q 'listening on 127' "$work/registry.log"; }
wait_for "the registry" listening
registry=$(grep -o 'listening on 127[0-9.:]*' "$work/registry.log" | head -n 1 | cut -d ' ' -f 3)
digest=$(scripts/oci-image.sh)
skopeo copy --quiet --dest-tls-verify=false oci-archive:dist/egress_auth.oci.tar \
    "docker://$registry/egress-auth:test"
# same_module IMAGE FILE: what an engine pulls is the module, and nothing else.
same_module() {
    docker pull --quiet "$1" >/dev/null
    container=$(docker create "$1" plugin.wasm)
    docker export "$container" | tar --extract --to-stdout plugin.wasm >"$work/plugin.wasm"
    docker rm "$container" >/dev/null
    layers=$(skopeo inspect --tls-verify=false "docker://$1" --format '{{len .Layers}}')
    [ "$layers" = 1 ] || die "$1 has $layers layers"
    printf '%s  %s\n' "$(sha256sum <"$work/plugin.wasm" | cut -d ' ' -f 1)" "$1"
    cmp "$work/plugin.wasm" "$2" || die "$1 holds another module"
}
same_module "$registry/egress-auth@$digest" dist/egress_auth.wasm
docker tag test/module "$registry/egress-auth:built"
docker push --quiet "$registry/egress-auth:built" >/dev/null
docker rmi test/module "$registry/egress-auth:built" >/dev/null
same_module "$registry/egress-auth:built" dist/egress_auth.wasm
say "all of it works"
