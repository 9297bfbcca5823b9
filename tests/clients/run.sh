#!/bin/sh
# run.sh: weir serve with the model that ships, and the published clients of three APIs talking to
# it. From the environment: WEIR, the program; WEIR_SOURCE, the tree. Works in the current folder.
# Arguments: names of clients (default: all).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
node_from=$here/../peer/node
. "$here/../peer/npm.sh"
. "$here/serve.sh"
can_serve || skip "$why"
[ $# -gt 0 ] || set -- openai anthropic ai

code=0
serve --seqs 16 || code=$?
[ $code -ne 77 ] || skip "weir is built without the server"
[ $code -eq 0 ] || exit 1

cp "$here"/*.mjs "$install"
failed=0
for client in "$@"; do
    limit 180 node "$install/$client.mjs" "$address" || failed=1
done

stop_server || failed=1
[ $failed -eq 0 ] || tail -n 40 "$log"
exit $failed
