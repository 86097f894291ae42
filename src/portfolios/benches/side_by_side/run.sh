#!/bin/sh
# The same transactions through this package and through rp2, a tax calculator in Python, in turn: FIFO over all accounts.
#   src/portfolios/benches/side_by_side/run.sh [ROUNDS] [TRANSACTIONS]
# COINSPHERE_CACHE is where the library from PyPI and the transactions are kept. Needs python3 with venv.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../../..
cache=${COINSPHERE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/side_by_side_portfolios}
if [ ! -x "$cache/bin/python" ]; then
    python3 -m venv "$cache"
fi
"$cache/bin/pip" install --quiet --requirement "$here/requirements.txt"
mkdir -p "$cache/work"
cd "$root"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/target}
cargo bench --locked -p coinsphere-portfolios --bench one_file --no-run
exec "$cache/bin/python" "$here/compare.py" "$cache/work" "${1:-5}" "${2:-2000}"
