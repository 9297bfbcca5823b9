#!/bin/sh
# templates.sh: weir's chat templates against @huggingface/jinja, the engine that runs the same
# templates in browsers. For every template of tests/data/templates conversations are made up by a
# seeded generator (conversations.mjs), rendered by both (render.c, render.mjs), and compared byte
# for byte. From the environment: WEIR_PEER_RENDER, render.c built; WEIR_TEST_DATA; PEER_SEED and
# PEER_COUNT, by default 1 and 200 conversations a template. Works in the current folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$PWD/templates
. "$here/npm.sh"

rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
# A module finds its packages from where it lies.
cp "$here/conversations.mjs" "$here/render.mjs" "$install"
templates=$WEIR_TEST_DATA/templates
limit 60 node "$install/conversations.mjs" "$templates" "${PEER_SEED:-1}" "${PEER_COUNT:-200}" \
    >"$work/cases.txt"
limit 120 "$WEIR_PEER_RENDER" "$templates" <"$work/cases.txt" >"$work/weir.jsonl"
limit 120 node "$install/render.mjs" "$templates" "$work/cases.txt" "$work/weir.jsonl"
