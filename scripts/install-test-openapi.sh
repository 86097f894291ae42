#!/bin/sh
# Installs what `make test` needs to check the OpenAPI document, the clients that are generated from it
# and the Postman collection: npm packages, into a cache directory outside the checkout. Does nothing
# if that has been done. Needs Node 20 or later with npm.
#
# The directory is $COINSPHERE_TEST_OPENAPI_DIR, or coinsphere/openapi in the user's cache directory.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
wanted="$here/tests/support-openapi"
cache="${COINSPHERE_TEST_OPENAPI_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/openapi}"

if [ -d "$cache/node_modules" ] && cmp -s "$wanted/package-lock.json" "$cache/installed.json"; then
    exit 0
fi
if ! command -v npm > /dev/null; then
    echo "npm is not installed: the checks of the OpenAPI document need it (Debian: apt-get install nodejs npm)" >&2
    exit 1
fi
if [ "$(node --version | sed 's/v\([0-9]*\).*/\1/')" -lt 20 ]; then
    echo "Node is older than 20: the checks of the OpenAPI document are left out" >&2
    exit 0
fi
mkdir -p "$cache"
cp "$wanted/package.json" "$wanted/package-lock.json" "$cache/"
# No package has a script to run. The lock file names versions and digests, and no registry.
npm ci --prefix "$cache" --ignore-scripts --no-audit --no-fund --loglevel=error
cp "$wanted/package-lock.json" "$cache/installed.json"
