#!/bin/sh
# run.sh: weir serve with the model that ships, and the published clients of three APIs talking to
# it. From the environment: WEIR, the program; WEIR_SOURCE, the tree. Works in the current folder.
# Arguments: names of clients (default: all).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
node_from=$here/../peer/node
. "$here/../peer/npm.sh"
model=$WEIR_SOURCE/models/weir-nano.gguf
[ -f "$model" ] || skip "there is no models/weir-nano.gguf"
"$WEIR" help serve >/dev/null 2>&1 || skip "weir is built without the server"
[ $# -gt 0 ] || set -- openai anthropic ai

log=$PWD/serve.log
"$WEIR" serve "$model" --port 0 --ctx 1024 --seqs 16 >/dev/null 2>"$log" &
server=$!
trap 'kill -9 $server 2>/dev/null || :' EXIT
tries=0
until address=$(sed -n 's/^weir serve: listening at //p' "$log") && [ -n "$address" ]; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 $server 2>/dev/null; then
        cat "$log"
        grep -q "built without" "$log" && skip "weir is built without the server"
        exit 1
    fi
    sleep 0.1
done

cp "$here"/*.mjs "$install"
failed=0
for client in "$@"; do
    limit 180 node "$install/$client.mjs" "$address" || failed=1
done

kill -TERM $server
wait $server || failed=1
[ $failed -eq 0 ] || tail -n 40 "$log"
exit $failed
