#!/bin/sh
# Installs what `make test` needs to check the API against its own description: schemathesis and
# openapi-python-client, from PyPI, into a virtual environment in a cache directory outside the
# checkout. Does nothing if that has been done. Needs Python 3.10 or later with venv.
#
# The directory is $COINSPHERE_TEST_PYTHON_DIR, or coinsphere/python in the user's cache directory.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
wanted="$here/tests/support-python/requirements.txt"
cache="${COINSPHERE_TEST_PYTHON_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/python}"

if [ -x "$cache/bin/schemathesis" ] && cmp -s "$wanted" "$cache/installed.txt"; then
    exit 0
fi
python3 -m venv "$cache"
"$cache/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
cp "$wanted" "$cache/installed.txt"
