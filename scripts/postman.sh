#!/bin/sh
# Makes docs/postman.json, a Postman collection, from the OpenAPI document of a running server.
#   scripts/postman.sh [http://127.0.0.1:3001]
# The converter is npm's openapi-to-postmanv2, fetched into the cache directory.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
server=${1:-http://127.0.0.1:3001}
cache="${XDG_CACHE_HOME:-$HOME/.cache}/coinsphere/postman"
npm install --prefix "$cache" --ignore-scripts --no-audit --no-fund --loglevel=error \
    openapi-to-postmanv2@6.3.3
document=$(mktemp)
trap 'rm -f "$document"' EXIT
node -e '
fetch(process.argv[1] + "/openapi.json")
    .then((answer) => answer.json())
    .then((document) => {
        document.servers = [{ url: "http://127.0.0.1:3001" }];
        require("fs").writeFileSync(process.argv[2], JSON.stringify(document));
    });
' "$server" "$document"
NODE_PATH="$cache/node_modules" node "$here/tests/support-node/postman.cjs" "$document" > "$here/docs/postman.json"
echo "wrote docs/postman.json"
