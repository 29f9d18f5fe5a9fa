#!/bin/sh
# The step for continuous integration: it fails on errors, on warnings that the Gateway does not
# acknowledge, and where a request is decided otherwise than the cases say.
set -eu
cd "$(dirname "$0")"
egress-auth check --deny-warnings gateway.yaml
egress-auth test cases.yaml
