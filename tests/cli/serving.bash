# serving.bash: a server with the small model that ships, for .bats files that talk to it.

# For files whose every test talks to the server.
serving_setup() {
    command -v curl >/dev/null || skip "curl is not installed"
    "$WEIR" help serve >/dev/null || skip "there is no server"
    serving_begin
}

# For files of which some do: `serve` skips those where it cannot.
serving_begin() {
    nano=$WEIR_SOURCE/models/weir-nano.gguf
    log=$BATS_TEST_TMPDIR/serve.log
    server=
}

serving_teardown() {
    [ -z "$server" ] || { kill -9 "$server" && wait "$server"; } 2>/dev/null || true
}

# Starts a server with these flags and waits until it listens; $address is where.
serve() {
    local where="--port 0"
    [ -e "$nano" ] || skip "models/weir-nano.gguf is not there"
    "$WEIR" help serve >/dev/null 2>&1 || skip "there is no server"
    [[ " $* " != *" --socket "* ]] || where=
    : >"$log" # there before it is read
    # shellcheck disable=SC2086 # two words or none
    "$WEIR" serve "$nano" $where --ctx 512 --seqs 4 --threads 1 "$@" >/dev/null 2>"$log" 3>&- &
    server=$!
    for _ in $(seq 300); do
        address=$(sed -n 's/^weir serve: listening at //p' "$log")
        [ -z "$address" ] || return 0
        if ! kill -0 "$server" 2>/dev/null; then
            ! grep -q "built without" "$log" || skip "weir is built without the server"
            cat "$log" >&2
            return 1
        fi
        sleep 0.1
    done
    cat "$log" >&2
    return 1
}

stop() { # ends the server with SIGTERM; its exit code
    kill -TERM "$server"
    code=0
    wait "$server" || code=$?
    server=
    [ "$code" -eq 0 ]
}
