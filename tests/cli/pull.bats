#!/usr/bin/env bats
# pull.bats: models of a hub, with a hub that misbehaves as it is told (hub_server.c). After every
# failure the cache is looked through: nothing may look like a model that is whole.

load common

: "${WEIR_HUB_SERVER:=$(dirname "$WEIR")/tests/hub_server}"

# Three chunks of noise under the name of a model: what is fetched here is never opened.
setup_file() {
    local root=$BATS_FILE_TMPDIR/root
    mkdir -p "$root/Org/Mini/main" "$root/Org/Split/main/Q8_0" "$root/Org/Folder/main/onnx"
    head -c 9000000 /dev/urandom >"$root/Org/Mini/main/mini-Q4_K_M.gguf"
    head -c 5000 /dev/urandom >"$root/Org/Mini/main/mini-Q8_0.gguf"
    head -c 700 /dev/urandom >"$root/Org/Mini/main/mmproj-mini-F16.gguf"
    echo "# mini" >"$root/Org/Mini/main/README.md"
    for part in 1 2 3; do
        head -c 3000 /dev/urandom >"$root/Org/Split/main/Q8_0/split-Q8_0-0000$part-of-00003.gguf"
    done
    head -c 2000 /dev/urandom >"$root/Org/Folder/main/model-00001-of-00002.safetensors"
    head -c 2000 /dev/urandom >"$root/Org/Folder/main/model-00002-of-00002.safetensors"
    head -c 2000 /dev/urandom >"$root/Org/Folder/main/onnx/model.safetensors"
    echo '{}' >"$root/Org/Folder/main/config.json"
    echo '{}' >"$root/Org/Folder/main/tokenizer.json"
    : >"$root/Org/Folder/main/tokenizer_config.json" # no bytes at all
    echo hello >"$root/Org/Folder/main/README.md"
}

setup() {
    [ -x "$WEIR_HUB_SERVER" ] || skip "the hub of the tests was not built: no libmicrohttpd or GnuTLS"
    cd "$BATS_TEST_TMPDIR"
    root=$BATS_FILE_TMPDIR/root
    unset HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_TOKEN_PATH HF_HUB_OFFLINE HF_HUB_CACHE \
        HUGGINGFACE_HUB_CACHE XDG_CACHE_HOME CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR \
        http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
    export no_proxy=127.0.0.1 HF_HOME=$BATS_TEST_TMPDIR/hf HF_ENDPOINT=http://127.0.0.1:9
    cache=$HF_HOME/hub
    "$WEIR" pull a/b --retries 0 >probe 2>&1 </dev/null || true
    ! grep -q 'built without libcurl' probe || skip "this program was built without libcurl"
}

teardown() {
    stop_hub
}

hub() { # arguments of the server
    stop_hub
    rm -f gate address
    mkfifo gate
    "$WEIR_HUB_SERVER" "$root" --log "$BATS_TEST_TMPDIR/log" "$@" <gate >address 3>&- &
    exec 8>gate
    while ! grep -q http address 2>/dev/null; do sleep 0.02; done
    HF_ENDPOINT=$(cut -d' ' -f1 address)
    cdn=$(cut -d' ' -f2 address)
}

stop_hub() {
    { exec 8>&-; } 2>/dev/null || true
}

commit_of() { # revision
    printf %s "$1" | sha1sum | cut -d' ' -f1
}

# Nothing in the cache looks like a model or a blob that is whole.
nothing_is_there() {
    [ ! -e "$cache" ] || {
        found=$(find "$cache" \( -type l -o -path '*/refs/*' -o -path '*/blobs/*' \) \
            ! -name '*.weir.incomplete' ! -name '*.weir.journal')
        [ -z "$found" ] || { echo "there is $found"; return 1; }
    }
    ! "$WEIR" run Org/Mini:Q4_K_M hello >/dev/null 2>&1 </dev/null
}

fetched_right() {
    exits_with 0
    cmp "$(cat "$out")" "$root/Org/Mini/main/mini-Q4_K_M.gguf"
    [ -z "$(find "$cache" -name '*.weir.*')" ]
}

pull() {
    weir pull Org/Mini:Q4_K_M "$@"
}

# ---- what it does ------------------------------------------------------------------------------

@test "pull: the layout of the hub's own clients" {
    hub
    export HF_TOKEN=hf_secret
    pull
    fetched_right
    commit=$(commit_of main)
    folder=$cache/models--Org--Mini
    [ "$(cat "$out")" = "$folder/snapshots/$commit/mini-Q4_K_M.gguf" ]
    hash=$(sha256sum "$root/Org/Mini/main/mini-Q4_K_M.gguf" | cut -d' ' -f1)
    [ "$(readlink "$(cat "$out")")" = "../../blobs/$hash" ]
    cmp "$folder/refs/main" <(printf %s "$commit")
    [ -e "$cache/.locks/models--Org--Mini/$hash.lock" ]
    # Ranges, each once, and the token to the hub alone.
    [ "$(grep -c '^cdn GET .*range=bytes=' log)" -ge 3 ]
    ! grep '^cdn' log | grep -q hf_secret
    ! grep '^hub' log | grep -v -q 'token=Bearer hf_secret'
    # A second time nothing is fetched.
    : >log
    pull
    exits_with 0
    grep -q 'is in the cache' "$err" || explain
    ! grep -q '^cdn' log
}

@test "pull: which GGUF is meant" {
    hub --page 2
    weir pull Org/Mini
    exits_with 0
    grep -q '^Q4_K_M is taken; there are Q4_K_M, Q8_0$' "$err" || explain
    weir pull org/../x
    refuses_with 2 "expected ORG/NAME"
    weir pull Org/Mini:q8_0
    exits_with 0
    weir pull Org/Mini:Q2_K
    refuses_with 2 "no GGUF in 'Q2_K'; there are: Q4_K_M, Q8_0"
    weir pull hf://Org/Mini@main/mini-Q8_0.gguf
    exits_with 0
    weir pull "$HF_ENDPOINT/Org/Mini/blob/main/mini-Q8_0.gguf?download=true"
    exits_with 0
    weir pull https://example.org/Org/Mini
    refuses_with 2 "is no URL of the hub"
    weir pull hf://datasets/Org/Mini
    refuses_with 2 "is no model"
    weir pull Org/Mini/none.gguf
    refuses_with 2 "no model 'none.gguf'"
    weir pull Org/Mini@v9
    refuses_with 5 "Org/Mini@v9"
}

@test "pull: split models and folders come whole" {
    hub --page 2
    weir pull Org/Split
    exits_with 0
    [ "$(basename "$(cat "$out")")" = split-Q8_0-00001-of-00003.gguf ]
    for part in 1 2 3; do
        cmp "$(dirname "$(cat "$out")")/split-Q8_0-0000$part-of-00003.gguf" \
            "$root/Org/Split/main/Q8_0/split-Q8_0-0000$part-of-00003.gguf"
    done
    weir pull Org/Folder
    exits_with 0
    (cd "$(cat "$out")" && ls) >names
    [ "$(tr '\n' ' ' <names)" = "config.json model-00001-of-00002.safetensors \
model-00002-of-00002.safetensors tokenizer.json tokenizer_config.json " ]
    diff -r -x README.md -x onnx "$root/Org/Folder/main" "$(cat "$out")"
    weir pull Org/Folder:Q4_K_M
    refuses_with 2 "has no GGUF"
}

@test "pull: what is fetched can be run, listed, and removed" {
    mkdir -p two/Org/Real/main two/Org/Real/v2
    "$WEIR" synth two/Org/Real/main/real-Q4_K_M.gguf --config tiny-moe --seed 1 2>/dev/null
    cp two/Org/Real/main/real-Q4_K_M.gguf two/Org/Real/v2
    head -c 3000 /dev/urandom >two/Org/Real/v2/real-Q8_0.gguf
    root=two hub
    weir pull Org/Real
    exits_with 0
    weir run Org/Real:Q4_K_M hello -n 2
    exits_with 0
    weir show Org/Real
    exits_with 0
    weir pull Org/Real:Q4_K_M@v2
    weir pull Org/Real:Q8_0@v2
    exits_with 0
    weir list
    exits_with 0
    [ "$(grep -c '^Org/Real:' "$out")" -eq 3 ] || explain
    grep -q '^Org/Real:Q8_0@v2 .* 3.00 kB ' "$out" || explain
    blob=$(readlink -f "$cache/models--Org--Real/snapshots/$(commit_of main)/real-Q4_K_M.gguf")
    # The other snapshot needs the bytes.
    weir rm Org/Real:Q4_K_M@v2
    [ "$code" -eq 1 ] || explain
    grep -q -F 'nothing is removed' "$err" || explain
    weir rm Org/Real:Q4_K_M@v2 --force
    exits_with 0
    [ -e "$blob" ]
    [ ! -e "$cache/models--Org--Real/snapshots/$(commit_of v2)/real-Q4_K_M.gguf" ]
    weir run Org/Real:Q4_K_M hello -n 2
    exits_with 0
    echo y | "$WEIR" rm Org/Real:Q4_K_M 2>/dev/null
    [ ! -e "$blob" ]
    [ ! -e "$cache/models--Org--Real/refs/main" ]
    weir run Org/Real:Q4_K_M hello
    [ "$code" -ne 0 ] || explain
    weir rm Org/Real --force
    exits_with 0
    [ ! -e "$cache/models--Org--Real" ]
    weir rm Org/Real --force
    refuses_with 5 "is not in the cache"
    weir run Org/Real:Q4_K_M hello
    refuses_with 5 "'weir pull Org/Real:Q4_K_M' fetches it"
}

@test "list and rm: what other clients left, and links that lead out of the cache" {
    command -v jq >/dev/null || skip "jq is not installed"
    other=$cache/models--Their--Model
    mkdir -p "$other/blobs" "$other/snapshots/abc" "$other/refs/refs/pr" outside
    echo precious >outside/file.gguf
    head -c 100 /dev/zero >"$other/blobs/$(commit_of x)"
    head -c 40 /dev/zero >"$other/blobs/$(commit_of y).0a1b2c3d.incomplete"
    ln -s "../../blobs/$(commit_of x)" "$other/snapshots/abc/their-F16.gguf"
    ln -s "$PWD/outside/file.gguf" "$other/snapshots/abc/evil-Q4_0.gguf"
    ln -s "$PWD/outside" "$other/snapshots/abc/folder"
    ln -s "../../blobs/$(commit_of z)" "$other/snapshots/abc/gone-Q8_0.gguf"
    weir list --json
    exits_with 0
    [ "$(jq -r '[.models[] | select(.kind == "gguf") | .name] | join(" ")' "$out")" = \
        "Their/Model:F16@abc" ] || explain
    [ "$(jq '[.models[] | select(.kind == "unfinished")] | length' "$out")" -eq 1 ] || explain
    weir rm Their/Model --force
    exits_with 0
    [ ! -e "$other" ]
    [ "$(cat outside/file.gguf)" = precious ]
    # A folder that is a link is not gone into.
    mkdir -p real/blobs real/snapshots
    ln -s "$PWD/real" "$cache/models--Their--Link"
    weir rm Their/Link --force
    refuses_with 1 "leads out of the cache"
    [ -d real/blobs ]
}

@test "pull: offline is said, and the cache is used" {
    HF_HUB_OFFLINE=1 weir pull Org/Mini
    refuses_with 5 "HF_HUB_OFFLINE is set"
    hub
    pull
    stop_hub
    export HF_HUB_OFFLINE=1
    weir pull Org/Mini:Q4_K_M
    exits_with 0
    cmp "$(cat "$out")" "$root/Org/Mini/main/mini-Q4_K_M.gguf"
}

@test "pull: what would be fetched" {
    hub
    pull --dry-run
    exits_with 0
    grep -q '9000000  mini-Q4_K_M.gguf' "$out" || explain
    [ ! -e "$cache" ]
    pull --connections 0
    refuses_with 2 "--connections: expected 1 to 32"
    pull --connections 33
    refuses_with 2 "--connections"
    HF_ENDPOINT=ftp://x pull
    refuses_with 2 "HF_ENDPOINT"
    HF_TOKEN="a b" pull
    refuses_with 2 "HF_TOKEN"
}

@test "pull: tokens from a file, and only where they belong" {
    hub --token hf_right
    pull --retries 0
    refuses_with 5 "needs a token"
    nothing_is_there
    HF_TOKEN=hf_wrong pull
    refuses_with 5 "the token does not open it"
    mkdir -p "$HF_HOME"
    echo hf_right >"$HF_HOME/token"
    pull
    fetched_right
    HF_HUB_DISABLE_IMPLICIT_TOKEN=1 pull
    refuses_with 5 "needs a token"
    mv "$HF_HOME/token" elsewhere
    HF_TOKEN_PATH=elsewhere pull
    exits_with 0
    ! grep '^cdn' log | grep -q hf_right
}

# ---- interruptions -----------------------------------------------------------------------------

@test "pull: killed in the middle, goes on where it was" {
    hub --fault cdn:0:slow=3000000
    "$WEIR" pull Org/Mini:Q4_K_M --connections 2 >/dev/null 2>&1 </dev/null 3>&- 8>&- &
    pid=$!
    # Until the first chunk is marked.
    for _ in $(seq 200); do
        ! grep -q '#' "$cache"/models--Org--Mini/blobs/*.weir.journal 2>/dev/null || break
        sleep 0.05
    done
    kill -9 "$pid"
    wait "$pid" || true
    grep -q '#' "$cache"/models--Org--Mini/blobs/*.weir.journal
    nothing_is_there
    weir list
    grep -q '^Org/Mini/mini-Q4_K_M.gguf .* of 9.00 MB  not finished ' "$out" || explain
    hub
    pull
    fetched_right
    # No chunk that was there was asked for again.
    [ "$(grep -c '^cdn' log)" -lt 3 ] || { cat log; false; }
}

@test "pull: what lies there damaged is found out and fetched again" {
    hub --fault cdn+1:0:cut=100
    pull --connections 1 --retries 0
    refuses_with 5 "cannot be asked"
    nothing_is_there
    part=$(ls "$cache"/models--Org--Mini/blobs/*.weir.incomplete)
    printf X | dd of="$part" bs=1 seek=1000 conv=notrunc 2>/dev/null
    hub
    pull
    fetched_right
    # A journal that is none counts as nothing.
    rm -r "$cache"
    hub --fault cdn+1:0:cut=100
    pull --connections 1 --retries 0
    [ "$code" -eq 5 ]
    echo rubbish >"$(ls "$cache"/models--Org--Mini/blobs/*.weir.journal)"
    hub
    pull
    fetched_right
    # One without its bytes too.
    weir rm Org/Mini --force
    hub --fault cdn+1:0:cut=100
    pull --connections 1 --retries 0
    rm "$(ls "$cache"/models--Org--Mini/blobs/*.weir.incomplete)"
    hub
    pull
    fetched_right
    # Bytes that a power failure cut off: all of them, and the last ones.
    for left in 0 1000; do
        weir rm Org/Mini --force
        hub --fault cdn+1:0:cut=100
        pull --connections 1 --retries 0
        [ "$code" -eq 5 ]
        truncate -s "$left" "$(ls "$cache"/models--Org--Mini/blobs/*.weir.incomplete)"
        hub
        pull
        fetched_right
    done
    # --verify finds what was damaged later.
    printf X | dd of="$(readlink -f "$(cat "$out")")" bs=1 seek=1000 conv=notrunc 2>/dev/null
    pull
    exits_with 0
    pull --verify
    fetched_right
}

@test "pull: two at once do not harm each other" {
    hub --fault cdn:0:slow=4000000
    "$WEIR" pull Org/Mini:Q4_K_M >first.out 2>first.err </dev/null 3>&- 8>&- &
    first=$!
    "$WEIR" pull Org/Mini:Q4_K_M >second.out 2>second.err </dev/null 3>&- 8>&- &
    second=$!
    wait "$first"
    wait "$second"
    cat first.err second.err
    [ "$(cat first.err second.err | grep -c 'waits for another process')" -eq 1 ]
    cmp "$(cat first.out)" "$root/Org/Mini/main/mini-Q4_K_M.gguf"
    cmp first.out second.out
    [ "$(grep -c 'bytes=0-' log)" -eq 1 ] # the bytes came once
}

@test "pull: a part that somebody removes meanwhile is no part of a model" {
    hub --fault cdn:2:slow=1500
    "$WEIR" pull Org/Split:Q8_0 --connections 1 >first.out 2>first.err </dev/null 3>&- 8>&- &
    pid=$!
    part=$(sha256sum "$root/Org/Split/main/Q8_0/split-Q8_0-00001-of-00003.gguf" | cut -d' ' -f1)
    for _ in $(seq 100); do
        [ ! -e "$cache/models--Org--Split/blobs/$part" ] || break
        sleep 0.02
    done
    rm "$cache/models--Org--Split/blobs/$part"
    ! wait "$pid"
    grep -q '00001-of-00003.gguf: was removed by another process in the meantime; pull again' first.err
    [ ! -s first.out ]
    weir pull Org/Split:Q8_0
    exits_with 0
    cmp "$(cat "$out")" "$root/Org/Split/main/Q8_0/split-Q8_0-00001-of-00003.gguf"
}

@test "pull: interrupted with Ctrl-C" {
    hub --fault cdn:0:slow=1000000
    code=0
    "$WEIR" pull Org/Mini:Q4_K_M >one.out 2>one.err </dev/null 3>&- 8>&- &
    pid=$!
    wait_for_handler "$pid"
    sleep 0.3
    kill -TERM "$pid"
    wait "$pid" || code=$?
    [ "$code" -eq 130 ]
    [ "$(cat one.err)" = "weir pull: interrupted" ]
    nothing_is_there
    # rm takes what is not finished.
    weir rm Org/Mini:Q4_K_M --force
    exits_with 0
    [ -z "$(find "$cache" -name '*.weir.*')" ]
}

# ---- faults: each once, passing, and for good --------------------------------------------------

@test "fault: the hub is busy for a while (503, 429 with Retry-After, 500)" {
    hub --fault revision:1:status=503 --fault tree:1:retry=1 --fault head:1:status=500 \
        --fault cdn:1:status=502
    SECONDS=0
    pull
    fetched_right
    [ "$SECONDS" -ge 1 ]
}

@test "fault: the hub is busy for good" {
    hub --fault revision:0:status=503
    pull --retries 1
    refuses_with 5 "status 503: told to say 503"
    [ "$(grep -c . log)" -eq 2 ] # as often as was allowed
    hub --fault tree:0:retry=4000
    pull
    refuses_with 5 "status 429"
    [ "$(grep -c '/tree/' log)" -eq 1 ] # more than an hour is not waited
    nothing_is_there
}

@test "fault: there is no hub" {
    pull --retries 0
    refuses_with 5 "cannot be asked"
    nothing_is_there
}

@test "fault: refusals say what they mean" {
    hub --fault revision:1:gated
    pull
    refuses_with 5 "must be asked for on its page"
    weir pull Org/None
    refuses_with 5 "Org/None: is not on 127.0.0.1"
    hub --fault head:0:status=403
    pull
    refuses_with 5 "does not allow it (status 403"
    hub --fault head:0:status=404
    pull
    refuses_with 5 "is not on"
    nothing_is_there
}

@test "fault: lists that are no lists" {
    hub --fault tree:1:json
    pull
    refuses_with 3 "Org/Mini"
    hub --fault tree:1:huge
    pull
    refuses_with 3 "is above 16777216 bytes"
    hub --fault revision:1:json
    pull
    [ "$code" -eq 3 ] || explain
    hub --fault tree:1:badhash
    pull
    refuses_with 3 'entry 0: "oid": is no hash'
    for path in ../ / 'a\' ./ a//; do
        hub --fault "tree:1:path=$path"
        pull
        refuses_with 3 'entry 0: "path": is no path'
    done
    hub --fault tree:1:next=http://127.0.0.2:1/x
    pull
    refuses_with 3 "the next page of its files is not on"
    nothing_is_there
}

@test "fault: pages without end" {
    mkdir -p one/Org/Mini/main
    echo x >one/Org/Mini/main/a-Q8_0.gguf
    root=one hub --fault tree:0:loop
    weir pull Org/Mini
    refuses_with 3 "more than 1000 pages"
    nothing_is_there
}

@test "fault: the list and the file do not agree" {
    hub --fault tree:1:hash
    pull
    refuses_with 3 "has the hash"
    hub --fault head:1:etag
    pull
    refuses_with 3 "has the hash"
    hub --fault head:1:linkedsize
    pull
    refuses_with 3 "has 9000001 bytes, expected 9000000"
    hub --fault head:1:commit
    pull
    refuses_with 3 "is of commit 0000"
    hub --fault tree:1:size=1
    pull
    refuses_with 3 "expected 9000001"
    nothing_is_there
}

@test "fault: no room on the disk is said before anything is fetched" {
    hub --fault tree:0:size=900000000000000
    pull
    refuses_with 5 "900 TB are to be fetched, and"
    ! grep -q '^cdn' log
    nothing_is_there
}

@test "fault: bytes that are not those of the hash" {
    hub --fault cdn+1:1:flip
    pull
    refuses_with 3 "they are thrown away"
    nothing_is_there
    [ -z "$(find "$cache" -name '*.weir.*')" ]
    # A small file, by git's hash.
    hub --fault get:1:flip
    weir pull Org/Folder
    refuses_with 3 "they are thrown away"
    [ -z "$(find "$cache" -type l)" ]
    hub
    pull
    fetched_right
}

@test "fault: connections that are cut, again and again" {
    hub --fault cdn:6:cut=1500000
    pull
    fetched_right
    [ "$(grep -c '^cdn' log)" -ge 7 ]
}

@test "fault: connections that are cut before the first byte" {
    hub --fault cdn:0:cut=0
    pull --retries 1
    refuses_with 5 "cannot be asked"
    nothing_is_there
}

@test "fault: nothing comes any more" {
    hub --fault cdn:0:stall=20
    pull --retries 0 --timeout 1
    refuses_with 5 "nothing came from"
    nothing_is_there
    hub --fault cdn:1:stall=20
    pull --timeout 1
    fetched_right
}

@test "fault: no ranges: the file comes in one piece" {
    hub --fault cdn:0:ranges
    pull
    fetched_right
    # Also if it is cut on the way, and begins anew each time.
    rm -r "$cache"
    hub --fault cdn:4:ranges --fault cdn:1:cut=6000000 --fault cdn:0:ranges
    pull
    fetched_right
}

@test "fault: ranges that were not asked for" {
    hub --fault cdn:0:rangesize
    pull
    refuses_with 3 "has 9000001 bytes, expected 9000000"
    hub --fault cdn:0:rangebegin
    pull
    refuses_with 3 "asked for were"
    hub --fault cdn:0:norange
    pull
    refuses_with 3 "without Content-Range"
    nothing_is_there
}

@test "fault: less and more than was told" {
    hub --fault cdn:3:short
    pull
    fetched_right
    rm -r "$cache"
    hub --fault tree:1:size=-1 --fault tree:1:size=-100
    pull
    refuses_with 3 "expected 8999999"
    pull
    refuses_with 3 '"size": expected a number of bytes'
    nothing_is_there
    # Without a length, and as much as is asked for: nothing is wrong with that.
    hub --fault cdn:0:long
    pull
    fetched_right
}

@test "fault: addresses that are good for a while only" {
    hub --fault cdn+1:2:status=403
    pull
    fetched_right
    [ "$(grep -c '^hub HEAD' log)" -ge 2 ]
    rm -r "$cache"
    hub --fault cdn:0:status=403
    pull --retries 1
    refuses_with 5 "status 403"
    nothing_is_there
}

@test "fault: redirects in a circle" {
    hub --fault revision:0:redirect=/api/models/Org/Mini/revision/main
    pull
    refuses_with 5 "status 302"
    hub
    there=$HF_ENDPOINT
    hub --fault cdn:0:redirect=/again
    pull
    refuses_with 5 "status 302"
    # A redirect from the hub to another host carries no token there.
    hub --fault revision:0:redirect=http://localhost:9/x
    HF_TOKEN=hf_secret pull --retries 0
    [ "$code" -eq 5 ] || explain
    nothing_is_there
}

@test "fault: certificates are verified, and https does not lead to http" {
    hub --tls cert.pem
    pull --retries 0
    refuses_with 5 "cannot be asked"
    [ ! -s log ]
    export SSL_CERT_FILE=$PWD/cert.pem
    pull --retries 0
    refuses_with 5 "expected an address with https" # that of the CDN
    ! grep -q '^cdn' log
    nothing_is_there
    # Small files come from the hub itself.
    mkdir -p one/Org/Small/main
    echo '{}' >one/Org/Small/main/config.json
    echo x >one/Org/Small/main/model.safetensors.index.json
    cp one/Org/Small/main/config.json one/Org/Small/main/tokenizer.json
    : >one/Org/Small/main/model.safetensors
    root=one hub --tls cert.pem
    weir pull Org/Small
    exits_with 0
}
