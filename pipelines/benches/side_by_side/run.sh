#!/bin/sh
# `coinsphere candles` next to DuckDB and polars: the same recording of two million trades to the same
# 1-minute candles, in turn.
#   pipelines/benches/side_by_side/run.sh [ROUNDS] [TRADES]
# COINSPHERE is the program (by default the release build), COINSPHERE_CACHE where the two libraries from
# PyPI and the recording are kept. Needs python3 with venv.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
target=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/target}
cache=${COINSPHERE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/side_by_side}
if [ -z "${COINSPHERE:-}" ]; then
    (cd "$root" && CARGO_TARGET_DIR=$target cargo build --release --locked --bin coinsphere)
    COINSPHERE=$target/release/coinsphere
fi
if [ ! -x "$cache/bin/python" ]; then
    python3 -m venv "$cache"
fi
"$cache/bin/pip" install --quiet --requirement "$here/requirements.txt"
exec "$cache/bin/python" "$here/compare.py" "$COINSPHERE" "$cache" "${1:-5}" "${2:-2000000}"
