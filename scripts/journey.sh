#!/bin/sh
# Starts the program that the tests were built with on a simulated market, and goes through its dashboard in a
# browser (src/dashboard/web/journeys). Fails if the program has no dashboard in it. Without a Chromium (CHROMIUM, or
# on the PATH) it looks at the first page alone, and says so. Screenshots: $CARGO_TARGET_DIR/journey.
#   scripts/journey.sh PROGRAM
set -eu
program=$1
here=$(cd "$(dirname "$0")/.." && pwd)
shots="$(dirname "$program")/../journey"

say() { printf 'journey: %s\n' "$*"; }

work=$(mktemp -d)
# PostgreSQL, which does not run as root, has to reach its files.
chmod 755 "$work"
server=
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# The journey signs up and in more often than a person, and forecasts nothing: training would take all of the processor.
# Gaps stay, to be looked at.
printf '[limits]\nauthentication = 1000\n[candles]\nrepair = false\n' >"$work/coinsphere.toml"
"$program" demo --data-dir "$work/data" --config "$work/coinsphere.toml" --listen 127.0.0.1:0 \
    --roles ingest,candles,api >"$work/log" 2>&1 &
server=$!

fail() {
    say "$1"
    tail -n 40 "$work/log"
    exit 1
}

url=
invitation=
for _ in $(seq 600); do
    url=$(sed -n 's|.*INFO \(http://127\.0\.0\.1:[0-9]*\)  (docs:.*|\1|p' "$work/log")
    invitation=$(sed -n '/there is no admin yet/{n;s/ //gp}' "$work/log")
    if [ -n "$url" ] && [ -n "$invitation" ]; then break; fi
    kill -0 "$server" 2>/dev/null || fail "the program ended before it was ready"
    sleep 0.1
done
if [ -z "$url" ] || [ -z "$invitation" ]; then fail "the program was not ready within a minute"; fi

if ! python3 - "$url" <<'PYTHON'; then
import sys, urllib.request
request = urllib.request.Request(sys.argv[1] + "/", headers={"accept": "text/html"})
page = urllib.request.urlopen(request, timeout=30).read().decode()
sys.exit(0 if '<div id="root">' in page and "make dashboard" not in page else 1)
PYTHON
    fail "/ is not the dashboard, but the page that says how to build it"
fi

chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$chromium" ]; then
    say "SKIPPED: there is no Chromium on the PATH (Debian: apt-get install chromium; or set CHROMIUM)"
    exit 0
fi
node=$("$here/scripts/node.sh")
PATH="$node:$PATH"
export PATH
"$here/scripts/dashboard.sh" packages
rm -rf "$shots"
say "in $chromium, screenshots in $shots"
if ! CHROMIUM=$chromium INVITATION=$invitation timeout 480 node "$here/src/dashboard/web/journeys/journey.mjs" "$url" "$work/data/outbox" "$shots"; then
    fail "failed; the program's log ends so:"
fi
