#!/bin/sh
# Training the reference configuration: Coinsphere and PyTorch in turn, CPU time of both, one thread.
# Usage: ml/benches/side_by_side/run.sh [ROUNDS (3)] [EPOCHS (50)]
# PyTorch goes into a virtual environment of its own, outside of the checkout: COINSPHERE_TEST_PYTORCH, or
# coinsphere/pytorch in the user's cache directory.
set -eu

rounds=${1:-3}
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
    round=$((round + 1))
done
"$ours" --epochs "$epochs" --models 3 | tee -a "$results"

"$environment/bin/python" - "$results" <<'PYTHON'
import json, statistics, sys

runs = [json.loads(line) for line in open(sys.argv[1])]
one = [run for run in runs if run["models"] == 1]
ours = [run for run in one if run["name"] == "coinsphere"]
torch = [run for run in one if run["name"] != "coinsphere"]
ratio = statistics.median(o["cpu"] / t["cpu"] for o, t in zip(ours, torch))
three = [run for run in runs if run["models"] == 3][0]
wall = statistics.median(run["wall"] for run in ours)
print(f"CPU time over PyTorch's, median of {len(ours)} pairs: {ratio:.3f}")
print(f"three models at once over one: wall {three['wall'] / wall:.2f}")
PYTHON
