# serve.sh: weir serve with the model that ships, for scripts that talk to it. Sourced; from the
# environment: WEIR, the program; WEIR_SOURCE, the tree. Logs to serve.log in the current folder.
# However the script ends, the server ends with it.
model=$WEIR_SOURCE/models/weir-nano.gguf
log=$PWD/serve.log

# 0: there is a server to start; else $why says what is missing.
can_serve() {
    why=
    [ -f "$model" ] || why="there is no models/weir-nano.gguf"
    "$WEIR" help serve >/dev/null 2>&1 || why="weir is built without the server"
    [ -z "$why" ]
}

# Arguments: more options. 0: it listens at $address; 77: it was built without what it needs; 1: it
# does not start, and its log has been shown.
serve() {
    rm -f "$log" # the last run's address is not this one's
    "$WEIR" serve "$model" --port 0 --ctx 1024 "$@" >/dev/null 2>"$log" &
    server=$!
    trap 'kill -9 $server 2>/dev/null || :' EXIT
    tries=0
    until address=$(sed -n 's/^weir serve: listening at //p' "$log" 2>/dev/null) && [ -n "$address" ]; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 $server 2>/dev/null; then
            cat "$log"
            grep -q "built without" "$log" && return 77
            return 1
        fi
        sleep 0.1
    done
}

# Ends it as an operator would; its exit code.
stop_server() {
    kill -TERM $server
    wait $server
}
