#!/bin/sh
# Builds the dashboard, src/dashboard/web, for the program to embed. Does nothing if the same sources were
# built before: what was built is kept in the cache directory under their hash.
#   scripts/dashboard.sh          builds
#   scripts/dashboard.sh test     checks types and runs the unit tests, and builds
#   scripts/dashboard.sh packages installs the packages that are needed for that, and nothing else
set -eu
purpose=${1:-build}
here=$(cd "$(dirname "$0")/.." && pwd)
web="$here/src/dashboard/web"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/dashboard"

say() { printf 'dashboard: %s\n' "$*"; }

install_packages() {
    if ! cmp -s package-lock.json node_modules/.installed.json; then
        say "installing packages"
        # No package has a script to run. The lock file names versions and digests, and no registry.
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
        cp package-lock.json node_modules/.installed.json
    fi
}

cd "$web"
if [ "$purpose" = packages ]; then
    PATH="$("$here/scripts/node.sh"):$PATH"
    export PATH
    install_packages
    exit
fi
hash=$({
    cat "$here/docs/openapi.json" "$here/scripts/dashboard.sh"
    find . \( -name node_modules -o -path ./dist -o -name schema.d.ts \) -prune -o -type f -print |
        LC_ALL=C sort | while read -r file; do
        echo "$file"
        cat "$file"
    done
} | sha256sum | cut -c1-32)
built="$cache/$hash"

if [ ! -e "$built/index.html" ] || { [ "$purpose" = test ] && [ ! -e "$built/.tested" ]; }; then
    node=$("$here/scripts/node.sh")
    PATH="$node:$PATH"
    export PATH
    install_packages
    new=$(mktemp -d)
    trap 'rm -rf "$new"' EXIT
    say "building"
    npm run --silent types >/dev/null
    npx tsc
    npx vite build --logLevel warn --outDir "$new" --emptyOutDir
    if [ "$purpose" = test ]; then
        say "testing"
        npx vitest run
        touch "$new/.tested"
    fi
    mkdir -p "$cache"
    rm -rf "$built"
    # Readable, as `mktemp` makes it for its owner alone.
    chmod 755 "$new"
    cp -R "$new" "$built.$$"
    mv "$built.$$" "$built"
    # What was built long ago is built again if it is wanted.
    find "$cache" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} +
fi

if [ "$(cat dist/.hash 2>/dev/null)" != "$hash" ]; then
    find dist -mindepth 1 ! -name .gitignore -delete
    cp -R "$built/." dist/
    echo "$hash" >dist/.hash
    say "built: src/dashboard/web/dist"
fi
