#!/usr/bin/env bats
# serve.bats: the server as its operator meets it: flags, door, logs, end. What clients see is in
# tests/clients and tests/server.

load common
load serving

setup() {
    serving_setup
}

teardown() {
    serving_teardown
}

chat() { # [curl arguments]: the status code; the body in $BATS_TEST_TMPDIR/body
    curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' "$@" "$address/v1/chat/completions" \
        -d '{"messages": [{"role": "user", "content": "Who are you?"}], "max_tokens": 12}'
}

@test "answers, logs the request and ends with 0 at SIGTERM" {
    serve
    [ "$(chat)" = 200 ]
    grep -q '"content"' "$BATS_TEST_TMPDIR/body"
    for path in /health /ready /live /v1/models /metrics /props /openapi.json /; do
        [ "$(curl -s -o /dev/null -w '%{http_code}' "$address$path")" = 200 ] || {
            echo "$path"
            false
        }
    done
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$address/nowhere")" = 404 ]
    stop
    grep -q 'POST "/v1/chat/completions" 200' "$log"
    ! grep -q "Who are you" "$log"
}

processors_of_worker() { # of the engine's second thread
    local of
    of=$(grep -lx weir-1 /proc/"$server"/task/*/comm | head -n 1)
    [ -n "$of" ] && sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "${of%comm}status"
}

@test "threads that take all cores are tied to them, with --no-pin none is" {
    local cores
    cores=$("$WEIR" doctor --probe 0 --json | jq .machine.cores)
    [ "$cores" -gt 1 ] || skip "one core"
    serve --threads "$cores"
    [[ "$(processors_of_worker)" =~ ^[0-9]+$ ]]
    stop
    serve --threads "$cores" --no-pin
    [[ "$(processors_of_worker)" =~ [-,] ]]
    stop
    [ "$cores" -gt 2 ] || return 0
    serve --threads 2 # of a team that leaves cores to others
    [[ "$(processors_of_worker)" =~ [-,] ]]
    stop
}

@test "a running answer may end after SIGTERM; new ones are refused" {
    serve
    curl -s -N "$address/v1/chat/completions" -o "$BATS_TEST_TMPDIR/stream" \
        -d '{"messages": [{"role": "user", "content": "Tell me a story."}], "stream": true,
             "max_tokens": 200, "ignore_eos": true}' 3>&- &
    client=$!
    for _ in $(seq 100); do
        grep -q '"content"' "$BATS_TEST_TMPDIR/stream" 2>/dev/null && break
        sleep 0.05
    done
    stop
    wait "$client"
    grep -q '^data: \[DONE\]' "$BATS_TEST_TMPDIR/stream"
    ! curl -s -o /dev/null "$address/live"
}

@test "--keys opens only to keys" {
    printf 'alice sha256:%s\n' "$(printf %s secret-of-alice | sha256sum | cut -d' ' -f1)" \
        >"$BATS_TEST_TMPDIR/keys"
    serve --keys "$BATS_TEST_TMPDIR/keys" --log json
    [ "$(chat)" = 401 ]
    [ "$(chat -H 'Authorization: Bearer wrong')" = 401 ]
    [ "$(chat -H 'Authorization: Bearer secret-of-alice')" = 200 ]
    [ "$(chat -H 'x-api-key: secret-of-alice')" = 200 ]
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$address/live")" = 200 ]
    stop
    grep -q '"key": "alice"' "$log"
    ! grep -q secret "$log"
}

@test "a key may have its own limit" {
    printf 'alice sha256:%s limit=2\nbob sha256:%s\n' "$(printf %s a | sha256sum | cut -d' ' -f1)" \
        "$(printf %s b | sha256sum | cut -d' ' -f1)" >"$BATS_TEST_TMPDIR/keys"
    serve --keys "$BATS_TEST_TMPDIR/keys"
    for row in a:2:200 a:3:400 b:3:200; do
        IFS=: read -r key n expected <<<"$row"
        [ "$(curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' -H "x-api-key: $key" \
            "$address/v1/completions" -d "{\"prompt\": \"Hi\", \"max_tokens\": 2, \"n\": $n}")" = "$expected" ]
    done
    stop
}

@test "--socket listens at a path, and takes it away again" {
    "$WEIR" serve "$nano" --socket "$BATS_TEST_TMPDIR/s" --ctx 512 --seqs 2 --threads 1 \
        >/dev/null 2>"$log" 3>&- &
    server=$!
    for _ in $(seq 300); do
        grep -q listening "$log" && break
        ! grep -q "built without" "$log" || skip "weir is built without the server"
        sleep 0.1
    done
    address=http://localhost
    [ "$(chat --unix-socket "$BATS_TEST_TMPDIR/s")" = 200 ]
    stop
    [ ! -e "$BATS_TEST_TMPDIR/s" ]
}

@test "a socket from systemd is served, and readiness is told" {
    perl -MIO::Socket::INET -MIO::Socket::UNIX -e 1 2>/dev/null || skip "perl is not installed"
    cat >"$BATS_TEST_TMPDIR/activate.pl" <<'PERL'
# What a service manager does: a socket that listens as descriptor 3, and another to be told at.
use strict; use IO::Socket::INET; use IO::Socket::UNIX; use POSIX ":sys_wait_h";
BEGIN { $^F = 255 } # descriptors stay open in what is started
my ($told, $port_file, @command) = @ARGV;
my $door = IO::Socket::INET->new(Listen => 8, LocalAddr => "127.0.0.1") or die;
my $ear = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$told.socket") or die;
open(my $out, ">", $port_file) or die; print $out $door->sockport; close $out;
my $child = fork();
if ($child == 0) {
    POSIX::dup2(fileno($door), 3);
    @ENV{"LISTEN_PID", "LISTEN_FDS", "NOTIFY_SOCKET"} = ($$, 1, "$told.socket");
    exec @command; POSIX::_exit(127);
}
$SIG{TERM} = sub { kill TERM => $child if $child };
$SIG{ALRM} = sub { exit($? >> 8) if waitpid($child, WNOHANG) == $child; alarm 1 }; alarm 1;
while (1) {
    defined $ear->recv(my $words, 100) or next;
    open(my $log, ">>", $told) or die; print $log "$words\n"; close $log;
}
PERL
    perl "$BATS_TEST_TMPDIR/activate.pl" "$BATS_TEST_TMPDIR/told" "$BATS_TEST_TMPDIR/port" "$WEIR" serve \
        "$nano" --port 1 --ctx 512 --seqs 2 --threads 1 >/dev/null 2>"$log" 3>&- &
    server=$!
    for _ in $(seq 300); do
        ! grep -q READY=1 "$BATS_TEST_TMPDIR/told" 2>/dev/null || break
        sleep 0.1
    done
    address=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")
    [ "$(chat)" = 200 ]
    stop
    grep -q STOPPING=1 "$BATS_TEST_TMPDIR/told"
}

@test "speaks TLS" {
    command -v openssl >/dev/null || skip "openssl is not installed"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
        -keyout "$BATS_TEST_TMPDIR/key.pem" -out "$BATS_TEST_TMPDIR/cert.pem" 2>/dev/null
    serve --tls-cert "$BATS_TEST_TMPDIR/cert.pem" --tls-key "$BATS_TEST_TMPDIR/key.pem"
    [ "${address%%:*}" = https ]
    [ "$(chat --cacert "$BATS_TEST_TMPDIR/cert.pem" --resolve "localhost:${address##*:}:127.0.0.1" -k)" = 200 ]
    stop
}

@test "pages of other origins are kept out unless they are named" {
    serve --origin https://friend.example
    [ "$(chat -H 'Origin: https://evil.example')" = 403 ]
    [ "$(chat -H 'Origin: https://friend.example')" = 200 ]
    [ "$(chat -H 'Origin: http://localhost:3000')" = 200 ]
    [ "$(chat -H 'Host: evil.example')" = 403 ]
    stop
}

@test "whoever refuses, an error has the shape of its API" {
    command -v jq >/dev/null || skip "jq is not installed"
    error_of() { # curl arguments: the status, and whose shape the error has
        curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code} ' "$@"
        jq -r 'if .type == "error" and .error.type and .error.message and .request_id then "anthropic"
               elif .error.message and .error.type and (.error | has("code") and has("param")) then "openai"
               else "none" end' "$BATS_TEST_TMPDIR/body"
    }
    printf 'alice sha256:%s\n' "$(printf %s k | sha256sum | cut -d' ' -f1)" >"$BATS_TEST_TMPDIR/keys"
    serve --keys "$BATS_TEST_TMPDIR/keys" --max-body 1KiB
    head -c 2000 /dev/zero >"$BATS_TEST_TMPDIR/large"
    for row in /v1/chat/completions:openai /v1/completions:openai /v1/responses:openai /v1/messages:anthropic; do
        path=${row%%:*} shape=${row##*:}
        [ "$(error_of "$address$path" -d '{}')" = "401 $shape" ]
        [ "$(error_of -H 'x-api-key: k' "$address$path" -d '{}')" = "400 $shape" ]
        [ "$(error_of -H 'x-api-key: k' "$address$path" -d '{')" = "400 $shape" ]
        [ "$(error_of -H 'x-api-key: k' -H 'Origin: http://evil.example' "$address$path" -d '{}')" = "403 $shape" ]
        [ "$(error_of -H 'x-api-key: k' -X PUT "$address$path" -d '{}')" = "405 $shape" ]
        [ "$(error_of -H 'x-api-key: k' "$address$path" --data-binary "@$BATS_TEST_TMPDIR/large")" = "413 $shape" ]
    done
    # Those of all: by the header that one API's clients send.
    [ "$(error_of -H 'x-api-key: k' "$address/v1/models/x")" = "404 openai" ]
    [ "$(error_of -H 'x-api-key: k' -H 'anthropic-version: 2023-06-01' "$address/v1/models/x")" = "404 anthropic" ]
    stop
}

@test "what a killed server had moved out goes with the next start" {
    export TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir "$TMPDIR"
    serve
    [ "$(find "$TMPDIR" -mindepth 1 -maxdepth 1 -name 'weir-paused-*' | wc -l)" = 1 ]
    echo "what somebody said" >"$(echo "$TMPDIR"/weir-paused-*)/1"
    kill -9 "$server"
    wait "$server" || true
    server=
    serve
    [ "$(find "$TMPDIR" -mindepth 1 | wc -l)" = 1 ]
    stop
    [ "$(find "$TMPDIR" -mindepth 1 | wc -l)" = 0 ]
}

@test "what cannot be written is counted in /metrics" {
    serve --ctx 1024 --state-dir "$BATS_TEST_TMPDIR/state"
    for folder in records pages; do # which is none any more
        mv "$BATS_TEST_TMPDIR/state/$folder" "$BATS_TEST_TMPDIR/$folder"
        : >"$BATS_TEST_TMPDIR/state/$folder"
    done
    long_chat "Who is Tom?"
    curl -s "$address/v1/responses" -d '{"input": "Hi", "max_output_tokens": 5}' >/dev/null
    for _ in $(seq 100); do
        [ "$(curl -s "$address/metrics" | grep -c '^weir_\(page_store\|records\)_failures_total [1-9]')" -ne 2 ] || break
        sleep 0.05
    done
    [ "$(curl -s "$address/metrics" | grep -c '^weir_\(page_store\|records\)_failures_total [1-9]')" = 2 ]
    stop
}

@test "a port that is taken is one clear line" {
    serve
    port=${address##*:}
    weir serve "$nano" --port "$port" --seqs 1 --ctx 512
    refuses_with 5 "$port"
    stop
}

@test "--trace shows what the model is shown and says" {
    serve --trace
    [ "$(chat)" = 200 ]
    answer=$(sed -n 's/.*"content":"\([^"]*\)".*/\1/p' "$BATS_TEST_TMPDIR/body")
    [ -n "$answer" ]
    grep -q 'Who are you?<|im_end|>' "$log"
    grep -q -F -- "$answer" "$log"
    grep -q "^trace req_" "$log"
    stop
}

@test "--strict refuses unknown fields, without it they are warnings" {
    body='{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, "no_such_field": 1}'
    serve
    curl -s "$address/v1/chat/completions" -d "$body" | grep -q '"warnings".*no_such_field'
    stop
    serve --strict
    [ "$(curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' "$address/v1/chat/completions" -d "$body")" = 400 ]
    grep -q no_such_field "$BATS_TEST_TMPDIR/body"
    stop
}

@test "--set changes what requests do not say" {
    serve --set max-tokens=3
    curl -s "$address/v1/chat/completions" -d '{"messages": [{"role": "user", "content": "Hi"}], "ignore_eos": true}' |
        grep -q '"completion_tokens": *3'
    stop
    weir serve "$nano" --port 0 --set nonsense=3
    refuses_with 2 nonsense
}

@test "bad flags are told" {
    weir serve "$nano" --tls-cert x
    refuses_with 2 --tls-key
    weir serve "$nano" --port 70000
    refuses_with 2 --port
    weir serve "$nano" --seqs 0
    refuses_with 2 --seqs
    weir serve "$nano" --socket s --port 1
    refuses_with 2 --socket
    weir serve no-such-model
    refuses_with 5 no-such-model
    echo nonsense >"$BATS_TEST_TMPDIR/keys"
    weir serve "$nano" --port 0 --keys "$BATS_TEST_TMPDIR/keys"
    refuses_with 3 keys:1
}

long_chat() { # more words: a prompt of several pages; the answer in body
    local words
    words=$(for i in $(seq 50); do printf 'Tom has %d red apples and %d blue kites. ' "$i" $((i * 7)); done)
    curl -s -o "$BATS_TEST_TMPDIR/body" "$address/v1/chat/completions" -d "{\"seed\": 5, \"max_tokens\": 24,
        \"messages\": [{\"role\": \"user\", \"content\": \"$words $1\"}], \"ignore_eos\": true}"
}

@test "--state-dir: what was run and said is found again after a restart and after a kill" {
    command -v jq >/dev/null || skip "jq is not installed"
    state=$BATS_TEST_TMPDIR/state
    serve --ctx 1024 --state-dir "$state"
    long_chat "Who is Tom?"
    answer=$(jq -r '.choices[0].message.content' "$BATS_TEST_TMPDIR/body")
    [ "$(stat -c %a "$state/records" "$state/pages" | sort -u)" = 700 ]
    [ "$(jq '.weir.reuse.from_disk' "$BATS_TEST_TMPDIR/body")" = 0 ]
    curl -s "$address/v1/chat/completions" -o /dev/null \
        -d '{"session": "s", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}'
    response=$(curl -s "$address/v1/responses" -d '{"input": "Hi", "max_output_tokens": 5}' | jq -r .id)
    stop
    for how in TERM KILL TERM; do
        serve --ctx 1024 --state-dir "$state"
        long_chat "Who is Tom?"
        [ "$(jq -r '.choices[0].message.content' "$BATS_TEST_TMPDIR/body")" = "$answer" ]
        [ "$(jq '.weir.reuse.from_disk' "$BATS_TEST_TMPDIR/body")" -ge 512 ]
        [ "$(curl -s "$address/v1/sessions/s" | jq .n_messages)" = 2 ]
        curl -s "$address/v1/responses" \
            -d "{\"input\": \"Bye\", \"max_output_tokens\": 5, \"previous_response_id\": \"$response\"}" |
            grep -q '"completed"\|"incomplete"'
        if [ $how = TERM ]; then
            stop
        else
            kill -9 "$server"
            wait "$server" || true
            server=
        fi
    done
    # Without it nothing of this is there.
    serve --ctx 1024
    long_chat "Who is Tom?"
    [ "$(jq -r '.choices[0].message.content' "$BATS_TEST_TMPDIR/body")" = "$answer" ]
    [ "$(jq '.weir.reuse.from_disk' "$BATS_TEST_TMPDIR/body")" = 0 ]
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$address/v1/sessions/s")" = 404 ]
    stop
}

@test "--state-dir that cannot be had, and flags that need it" {
    echo x >"$BATS_TEST_TMPDIR/afile"
    weir serve "$nano" --port 0 --state-dir "$BATS_TEST_TMPDIR/afile"
    exits_with 5
    grep -q afile "$err"
    weir serve "$nano" --state-size 1GiB
    refuses_with 2 --state-dir
    weir serve "$nano" --state-size 0 --state-dir x
    refuses_with 2 --state-size
}

@test "the page opens without a key, the API does not" {
    printf 'alice sha256:%s\n' "$(printf %s k | sha256sum | cut -d' ' -f1)" >"$BATS_TEST_TMPDIR/keys"
    serve --keys "$BATS_TEST_TMPDIR/keys"
    [ "$(curl -s -o "$BATS_TEST_TMPDIR/page" -w '%{http_code}' "$address/")" = 200 ]
    grep -qi '<!doctype html>' "$BATS_TEST_TMPDIR/page"
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$address/v1/models")" = 401 ]
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$address/openapi.json")" = 401 ]
    stop
}

@test "all sockets from systemd are served" {
    perl -MIO::Socket::INET -e 1 2>/dev/null || skip "perl is not installed"
    cat >"$BATS_TEST_TMPDIR/activate.pl" <<'PERL'
use strict; use IO::Socket::INET; use POSIX (); use Fcntl;
my ($port_file, @command) = @ARGV;
BEGIN { $^F = 255 } # descriptors stay open in what is started
my @doors = map { IO::Socket::INET->new(Listen => 8, LocalAddr => "127.0.0.1") or die } 1 .. 2;
open(my $out, ">", $port_file) or die; print $out $_->sockport, "\n" for @doors; close $out;
my @copies = map { fcntl($_, F_DUPFD, 50) } @doors; # out of the way
POSIX::dup2($copies[$_], 3 + $_) for 0 .. 1;
@ENV{"LISTEN_PID", "LISTEN_FDS"} = ($$, 2);
exec @command;
PERL
    perl "$BATS_TEST_TMPDIR/activate.pl" "$BATS_TEST_TMPDIR/ports" "$WEIR" serve "$nano" --ctx 512 \
        --seqs 2 --threads 1 >/dev/null 2>"$log" 3>&- &
    server=$!
    for _ in $(seq 300); do
        ! grep -q listening "$log" || break
        sleep 0.1
    done
    [ "$(wc -l <"$BATS_TEST_TMPDIR/ports")" = 2 ]
    while read -r port; do
        [ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/live")" = 200 ]
    done <"$BATS_TEST_TMPDIR/ports"
    stop
}

@test "a second SIGTERM ends it without waiting for pages to be written" {
    serve --ctx 2048 --lookup off --state-dir "$BATS_TEST_TMPDIR/state"
    words=$(for i in $(seq 50); do printf 'Tom has %d red apples and %d blue kites. ' "$i" $((i * 7)); done)
    curl -s -N "$address/v1/chat/completions" -o "$BATS_TEST_TMPDIR/stream" \
        -d "{\"messages\": [{\"role\": \"user\", \"content\": \"$words\"}], \"stream\": true,
             \"n\": 4, \"ignore_eos\": true}" 3>&- &
    client=$!
    for _ in $(seq 200); do
        grep -q '"content":"[^"]' "$BATS_TEST_TMPDIR/stream" 2>/dev/null && break
        sleep 0.05
    done
    kill -TERM "$server"
    for _ in $(seq 100); do
        ! grep -q "signal 15" "$log" || break
        sleep 0.01
    done
    stop
    wait "$client" || true
    grep -q "K/V pages are not written" "$log"
    # Of the more than sixteen; one or two may have been begun before the signal was seen.
    [ "$(find "$BATS_TEST_TMPDIR/state/pages" -type f | wc -l)" -lt 5 ]
}
