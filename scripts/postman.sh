#!/bin/sh
# Makes docs/postman.json, a Postman collection, from docs/openapi.json.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cache="${COINSPHERE_TEST_OPENAPI_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/openapi}"
"$here/scripts/install-test-openapi.sh"
NODE_PATH="$cache/node_modules" node "$here/tests/support-openapi/postman.cjs" "$here/docs/openapi.json" \
    > "$here/docs/postman.json"
echo "wrote docs/postman.json"
