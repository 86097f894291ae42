#!/bin/sh
# Installs what `make test` needs to check the TimescaleDB SQL: TimescaleDB in WebAssembly, from npm,
# into a cache directory outside the checkout. Does nothing if that has been done. Needs Node 18 or
# later with npm.
#
# The directory is $COINSPHERE_TEST_NODE_DIR, or coinsphere/node in the user's cache directory.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
wanted="$here/tests/support-node/package.json"
cache="${COINSPHERE_TEST_NODE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/node}"

if [ -d "$cache/node_modules" ] && cmp -s "$wanted" "$cache/installed.json"; then
    exit 0
fi
if ! command -v npm > /dev/null; then
    echo "npm is not installed: the TimescaleDB check needs it (Debian: apt-get install nodejs npm)" >&2
    exit 1
fi
mkdir -p "$cache"
cp "$wanted" "$cache/package.json"
# No package has a script to run.
npm install --prefix "$cache" --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error
cp "$wanted" "$cache/installed.json"
