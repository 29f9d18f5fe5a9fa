#!/bin/sh
# The page that `egress-auth report` writes: web/ to src/cli/report/page.html.
#
#   scripts/web.sh build     builds it
#   scripts/web.sh test      sees that building it again gives the same bytes, then opens reports
#                            of the command $EGRESS_AUTH in Chromium; IMAGES=1 also takes the
#                            pictures in docs/images/
#
# Needs Node 20 and npm, the tests also Chromium ($CHROMIUM, or one on PATH). INSTALL=1 lets it
# install Debian's packages when it runs as root.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

PAGE=src/cli/report/page.html

command -v node >/dev/null && command -v npm >/dev/null ||
    need_packages "the page is built with Node.js and npm" nodejs npm
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 20 ] || die "Node.js $(node --version) is too old: version 20 or later is needed"

# What package-lock.json says and nothing else, and none of it runs while it is installed.
if ! cmp -s web/package-lock.json web/node_modules/.installed; then
    say "installing what web/package-lock.json lists"
    (cd web && npm ci --ignore-scripts --no-audit --no-fund --silent) ||
        die "npm could not install the page's packages"
    cp web/package-lock.json web/node_modules/.installed
fi

find_chromium() {
    if [ -n "${CHROMIUM:-}" ]; then
        [ -x "$CHROMIUM" ] || die "CHROMIUM is '$CHROMIUM', which is not an executable file"
        return
    fi
    CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
        { need_packages "the report is tested in Chromium" chromium && CHROMIUM=$(command -v chromium); }
}

(cd web && npm run --silent types)
case ${1:-build} in
build)
    (cd web && node build.mjs)
    say "$PAGE, $(($(wc -c <"$PAGE") / 1024)) KiB"
    ;;
test)
    rebuilt=$(mktemp)
    trap 'rm -f "$rebuilt"' EXIT
    (cd web && node build.mjs "$rebuilt")
    cmp "$PAGE" "$rebuilt" || die "$PAGE is not what web/ builds: run \`make report-page\`"
    find_chromium
    say "testing with $("$CHROMIUM" --version)"
    (cd web && CHROMIUM=$CHROMIUM node --test --test-concurrency=1 test/*.test.mjs)
    ;;
*) die "usage: scripts/web.sh [build|test]" ;;
esac
