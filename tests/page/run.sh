#!/bin/sh
# run.sh: the page of the server in a headless browser: against an API without a model, which makes
# every case, then as weir serve sends it. From the environment: WEIR, the program; WEIR_SOURCE, the
# tree; CMAKE. Works in the current folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
node_from=$here/../peer/node
browser=
for name in chromium chromium-browser google-chrome; do
    browser=${browser:-$(command -v "$name" || :)}
done
[ -n "$browser" ] || { echo "skipped: chromium is not installed"; exit 77; }
. "$here/../peer/npm.sh"

"${CMAKE:-cmake}" -D WEIR_PAGE_FOLDER="$WEIR_SOURCE/server/page" -D WEIR_PAGE_OUTPUT="$PWD/page_data" \
    -P "$WEIR_SOURCE/cmake/embed.cmake"
cp "$here"/*.mjs "$here/../clients/check.mjs" "$install"
# A browser that cannot start here (no namespaces, no memory) is no fault of the page.
limit 60 "$browser" --headless --no-sandbox --disable-gpu --dump-dom about:blank >/dev/null 2>&1 ||
    skip "$browser does not start here"
failed=0
limit 240 node "$install/page.mjs" "$browser" "$PWD/page_data" || failed=1
limit 120 node "$install/markdown.mjs" "$browser" "$PWD/page_data" || failed=1

model=$WEIR_SOURCE/models/weir-nano.gguf
if [ -f "$model" ] && "$WEIR" help serve >/dev/null 2>&1; then
    log=$PWD/serve.log
    "$WEIR" serve "$model" --port 0 --ctx 1024 --seqs 4 >/dev/null 2>"$log" &
    server=$!
    trap 'kill -9 $server 2>/dev/null || :' EXIT
    tries=0
    until address=$(sed -n 's/^weir serve: listening at //p' "$log") && [ -n "$address" ]; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 $server 2>/dev/null; then
            cat "$log"
            grep -q "built without" "$log" && exit $failed
            exit 1
        fi
        sleep 0.1
    done
    limit 120 node "$install/served.mjs" "$browser" "$PWD/page_data" "$address" || failed=1
    kill -TERM $server
    wait $server || failed=1
else
    echo "weir is built without the server: the page was tested alone"
fi
exit $failed
