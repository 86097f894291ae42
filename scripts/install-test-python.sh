#!/bin/sh
# Installs what `make test` needs that others wrote in Python: schemathesis and openapi-python-client,
# which check the API against its own description, and ccxt, which reads from the simulator; from PyPI,
# into a virtual environment in a cache directory outside the checkout. Does nothing if that has been
# done. Needs Python 3.10 or later with venv.
#
# The directory is $COINSPHERE_TEST_PYTHON_DIR, or coinsphere/python in the user's cache directory.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
wanted="$here/tests/support-python/requirements.txt"
# ccxt names exact versions of what it needs for its asynchronous half, which is not used here: it is
# installed with what the other half imports.
ccxt="$here/tests/support-python/ccxt.txt"
cache="${COINSPHERE_TEST_PYTHON_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/python}"

if [ -x "$cache/bin/schemathesis" ] && cat "$wanted" "$ccxt" | cmp -s - "$cache/installed.txt"; then
    exit 0
fi
python3 -m venv "$cache"
"$cache/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
"$cache/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-compile --requirement "$ccxt"
cat "$wanted" "$ccxt" >"$cache/installed.txt"
