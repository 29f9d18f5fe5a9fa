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

need_node
npm_packages web

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
