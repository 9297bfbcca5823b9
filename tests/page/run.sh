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

. "$here/../clients/serve.sh"
code=77
! can_serve || { code=0; serve --seqs 4 || code=$?; }
if [ $code -eq 0 ]; then
    limit 120 node "$install/served.mjs" "$browser" "$PWD/page_data" "$address" || failed=1
    stop_server || failed=1
elif [ $code -eq 77 ]; then
    echo "${why:-weir is built without the server}: the page was tested alone"
else
    failed=1
fi
exit $failed
