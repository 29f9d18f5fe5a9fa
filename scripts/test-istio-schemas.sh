#!/bin/sh
# Holds the objects of the command $EGRESS_AUTH for Istio against the schemas of Istio's
# CustomResourceDefinitions, which a package of npm brings. Needs Node 20 and npm; INSTALL=1 lets it
# install Debian's packages when it runs as root.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

need_node
npm_packages tests/istio/schemas
node --test tests/istio/schemas/schemas.test.mjs
