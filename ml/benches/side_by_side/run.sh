#!/bin/sh
# Training the reference configuration: PyTorch, Coinsphere and three models of Coinsphere at once, in
# turn; CPU time with one thread, and wall time of three models over that of one.
# Usage: ml/benches/side_by_side/run.sh [ROUNDS (5)] [EPOCHS (50)]
# PyTorch goes into a virtual environment of its own, outside of the checkout: COINSPHERE_TEST_PYTORCH, or
# coinsphere/pytorch in the user's cache directory.
set -eu

rounds=${1:-5}
epochs=${2:-50}
here=$(dirname "$(realpath "$0")")
environment=${COINSPHERE_TEST_PYTORCH:-${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/pytorch}

if ! "$environment/bin/python" -c 'import torch' 2>/dev/null; then
    echo "installing PyTorch into $environment" >&2
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet torch numpy
fi

# The bench's executable, so that cargo itself is not measured.
cd "$here/../.."
ours=$(cargo bench --locked -p coinsphere-ml --bench reference_training --no-run --message-format json |
    sed -n 's/.*"executable":"\([^"]*reference_training[^"]*\)".*/\1/p' | tail -n 1)

results=$(mktemp)
trap 'rm -f "$results"' EXIT
round=0
while [ "$round" -lt "$rounds" ]; do
    "$environment/bin/python" "$here/reference.py" "$epochs" | tee -a "$results"
    "$ours" --epochs "$epochs" | tee -a "$results"
    "$ours" --epochs "$epochs" --models 3 | tee -a "$results"
    round=$((round + 1))
done

"$environment/bin/python" - "$results" <<'PYTHON'
import json, statistics, sys

runs = [json.loads(line) for line in open(sys.argv[1])]
ours = [run for run in runs if run["name"] == "coinsphere" and run["models"] == 1]
three = [run for run in runs if run["name"] == "coinsphere" and run["models"] == 3]
torch = [run for run in runs if run["name"] != "coinsphere"]


def report(what, ratios):
    print(f"{what}, median of {len(ratios)}: {statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})")


report("CPU time over PyTorch's", [o["cpu"] / t["cpu"] for o, t in zip(ours, torch)])
report("wall time of three models at once over one", [t["wall"] / o["wall"] for o, t in zip(ours, three)])
PYTHON
