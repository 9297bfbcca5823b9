#!/bin/sh
# run.sh: a person at a terminal, played by tmux: keys are sent, the screen is read.
#
#   run.sh [CASE...]    all cases, or those named (the functions case_* below)
#
# Nothing sleeps in the hope that something has happened: every step waits for text on the screen,
# with a limit that a loaded machine does not reach. From the environment: WEIR, the program;
# WEIR_SCRIPTED_MODEL makes a model that gives the answers written below. WEIR_TTY_SHOW=1 prints the
# screen after every case. Exits with 77 and the reason where tmux is missing or can make no
# terminal.
set -eu

command -v tmux >/dev/null 2>&1 || {
    echo "skipped: tmux is not installed"
    exit 77
}
: "${WEIR:?the program}" "${WEIR_SCRIPTED_MODEL:?makes the model}"

LIMIT_S=${WEIR_TTY_LIMIT:-60}
work=$(mktemp -d /tmp/weir-tty.XXXXXX)
TMUX_TMPDIR=$work
export TMUX_TMPDIR
unset TMUX || true
tmux="tmux -u -L weir -f $work/tmux.conf"

# What a program still writes while it is ended may stand in the way of the first attempt.
cleanup() {
    $tmux kill-server 2>/dev/null || true
    rm -rf "$work" 2>/dev/null || {
        sleep 1
        rm -rf "$work"
    }
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# ---- the model ----
# A message that ends in one of the signs below gets that answer, every other one the first.
cat >"$work/template.jinja" <<'TEMPLATE'
{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}
TEMPLATE
printf '%s' "$(cat "$work/template.jinja")" >"$work/chat.jinja"
escape=$(printf '\033')
"$WEIR" synth "$work/base.gguf" --config tiny-dense --seed 1 >/dev/null 2>&1
# The context is one that a fast machine does not fill before Ctrl-C has come: 30,000 tokens a second
# have been seen. The cases with an endless answer ask for it (--ctx), others get 8,192 tokens.
"$WEIR_SCRIPTED_MODEL" "$work/model.gguf" "$work/base.gguf" "$work/chat.jinja" context 1000000 \
    control '<|tool_call_start|>' control '<|tool_call_end|>' \
    say 'Gr|üße| from| the| script|.' \
    to 'x!' 'Round| and| round|,|\n|@' \
    to 'x:' '<think>|\nLet me| see|.\n\n|</think>|\n\nIt| is| 42|.' \
    to 'x%' 'Sure|.|<|tool_call_start|>|[weather(city="K|öln", days=3)]|<|tool_call_end|>' \
    to 'x~' "red ${escape}[31m| alert"
cat >"$work/tools.json" <<'TOOLS'
[{"name": "weather", "parameters": {"type": "object", "properties": {}}}]
TOOLS

# ---- the terminal ----
# No status line, and pastes with the marks that the program asked for, as terminals do.
cat >"$work/tmux.conf" <<'CONF'
set -g status off
set -g escape-time 50
set -g remain-on-exit on
set -g history-limit 2000
CONF
if ! why=$($tmux new-session -d -s keep -x 80 -y 24 'sleep 100000' 2>&1); then
    echo "skipped: no terminal can be made here: $why"
    exit 77
fi

screen() {
    $tmux capture-pane -p -t chat
}

# All that was ever on it, lines that the terminal has wrapped joined again.
scrollback() {
    $tmux capture-pane -p -J -S - -t chat
}

fail() {
    printf 'FAILED %s: %s\n' "$current" "$1"
    echo "---- the screen ----"
    scrollback | sed '/^$/d' | tail -n 40
    exit 1
}

# wait_for TEXT [HOW]: until HOW (default: the screen) shows it.
wait_for() {
    tries=$((LIMIT_S * 20))
    while ! ${2:-screen} 2>/dev/null | grep -q -F -e "$1"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "'$1' did not appear"
        sleep 0.05
    done
}

# wait_for_prompt [PROMPT]: an empty one under everything else.
wait_for_prompt() {
    tries=$((LIMIT_S * 20))
    until [ "$(screen | sed '/^ *$/d' | tail -n 1 | sed 's/ *$//')" = "${1:->}" ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "no prompt"
        sleep 0.05
    done
}

must_show() {
    scrollback | grep -q -F -e "$1" || fail "'$1' is missing"
}

must_not_show() {
    ! scrollback | grep -q -F -e "$1" || fail "'$1' is there"
}

# How often a text is in the scrollback.
count() {
    scrollback | grep -c -F -e "$1" || true
}

keys() {
    $tmux send-keys -t chat "$@"
}

text() {
    $tmux send-keys -t chat -l -- "$1"
}

# A line, and the enter key when it stands on the screen.
line() {
    text "$1"
    keys Enter
}

# A message and its answer, whose last line tells the context.
ask() {
    n_answers=$(count "· context")
    line "$1"
    tries=$((LIMIT_S * 20))
    until [ "$(count "· context")" -gt "$n_answers" ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "no answer to '$1'"
        sleep 0.05
    done
    wait_for_prompt
}

paste() {
    printf '%s' "$1" | $tmux load-buffer -
    $tmux paste-buffer -p -t chat
}

# start_as COMMAND: in a terminal of $columns x $rows, in a home of its own. Its shell tells how it ended,
# and something stays behind, since a terminal may lose the last line of what has ended.
columns=80
rows=24
endless="--ctx 131072"
variables=
start_as() {
    $tmux kill-session -t chat 2>/dev/null || true
    mkdir -p "$home"
    cat >"$work/start.sh" <<START
trap : INT # Ctrl-C is for the program
cd "$work"
env -i HOME="$home" PATH="$PATH" TERM=screen-256color LC_ALL=C.UTF-8 ASAN_OPTIONS="${ASAN_OPTIONS:-}" $variables sh -c '$1'
echo "exit code \$?"
exec sleep 100000
START
    $tmux new-session -d -s chat -x "$columns" -y "$rows" "sh $work/start.sh"
}

start() {
    start_as "exec \"$WEIR\" run model.gguf --temperature 0 $*"
    wait_for_prompt
}

leave() {
    keys C-d
    wait_for "exit code" scrollback
}

pid_of_chat() {
    pane=$($tmux display-message -p -t chat '#{pane_pid}')
    tr -d ' ' <"/proc/$pane/task/$pane/children"
}

# ---- what is shown ----

case_chat() {
    start
    must_show "scripted"
    must_show "/help lists commands"
    ask "hello"
    must_show "Grüße from the script."
    must_show "7 tok · "
    must_show " of 8,192"
    ask "again"
    [ "$(count 'Grüße from')" -eq 2 ] || fail "two answers were expected"
    leave
    must_show "exit code 0"
    must_show "weir run model.gguf --resume"
}

case_private() {
    start
    ask "hello"
    leave
    [ "$(stat -c %a "$state" "$talks" | tr '\n' ' ')" = "700 700 " ] || fail "folders are not 0700"
    [ "$(stat -c %a "$talks"/* "$state"/history | sort -u)" = 600 ] || fail "files are not 0600"
    for each in "$talks"/*; do
        case $each in
        *.json | *.state) ;;
        *) fail "$each was left" ;;
        esac
    done
}

case_stop() {
    start $endless
    line "forever!"
    wait_for "Round and round"
    text "typed meanwhile"
    keys C-c
    wait_for "(stopped)"
    wait_for "> typed meanwhile"
    keys C-u
    wait_for_prompt
    # What came so far is part of the conversation: a model that goes on has it in its context.
    ask "hello"
    must_show "Grüße from the script."
    must_not_show "^C"
    leave
    grep -q 'Round and round' "$talks"/*.json || fail "the stopped answer is not saved"
}

case_lines() {
    start
    line 'one\'
    wait_for_prompt .
    ask "two"
    line '"""'
    wait_for_prompt .
    line "  three"
    line ""
    ask 'four"""'
    leave
    must_be_said 'one\ntwo' '  three\n\nfour'
}

n_files() {
    echo $#
}

# The messages of the user, as the file has them.
must_be_said() {
    for each; do
        cat "$talks"/*.json | grep -q -F "\"content\": \"$each\"" || fail "not said: $each"
    done
}

case_paste() {
    start
    paste "$(printf 'first\n\tsecond\n/third')"
    wait_for "/third"
    ask " and more"
    must_be_said 'first\n\u0009second\n/third and more'
    paste "$(seq 1 40)"
    wait_for "[paste 1: 40 lines]"
    ask " sum?"
    grep -q '"content": "1\\n2\\n.*\\n39\\n40 sum?"' "$talks"/*.json || fail "the paste is cut"
    # A slash of pasted lines is no command.
    paste "$(printf '/quit\nnow')"
    wait_for "now"
    ask ""
    must_be_said '/quit\nnow'
    leave
}

case_edit() {
    start
    text "wörld"
    keys C-a
    text "hello "
    keys C-e
    text " x yz"
    keys C-w BSpace BSpace BSpace
    ask "."
    must_be_said 'hello wörld.'
    text "thrown away"
    keys C-c
    wait_for_prompt
    keys Up
    wait_for "> hello wörld."
    keys C-u
    text "/und"
    keys Tab
    wait_for "> /undo"
    keys C-u
    text "/set temp"
    keys Tab
    wait_for "> /set temperature"
    keys C-u
    wait_for_prompt
    leave
    start
    keys Up
    wait_for "> hello wörld."
    keys C-u
    wait_for_prompt
    leave
}

case_history_off() {
    start --no-history --no-autosave
    ask "a secret"
    leave
    [ ! -e "$state/history" ] || fail "there is a history"
    [ -z "$(ls "$talks")" ] || fail "it was saved"
}

case_ctrl_c() {
    start
    keys C-c
    wait_for "Ctrl-C again"
    ask "hello"
    keys C-c
    tries=$((LIMIT_S * 20))
    until [ "$(count 'Ctrl-C again')" -eq 2 ] || [ "$tries" -eq 0 ]; do
        tries=$((tries - 1))
        sleep 0.05
    done
    keys C-c
    wait_for "exit code 0" scrollback
}

case_unknown() {
    start
    line "/hepl"
    wait_for "did you mean /help?"
    line "/SAVE"
    wait_for "did you mean /save?"
    line "/load"
    wait_for "usage: /load NAME"
    line "/load nothing-there"
    wait_for "there is no conversation 'nothing-there'"
    line "/set temperature warm"
    wait_for "temperature:"
    line "/set temperature -3"
    wait_for "at least 0"
    line "/set temperature"
    wait_for "  temperature 0"
    line "/save ../escape/x/y"
    wait_for "nothing was said yet"
    ask "//etc is a folder"
    must_be_said '/etc is a folder'
    line "/save a b"
    wait_for "is no name for a conversation"
    line "/save last"
    wait_for "means the latest"
    leave
    [ ! -e "$talks/last.json" ] || fail "last is a name"
}

case_undo() {
    start
    ask "hello"
    before=$(scrollback | sed -n 's/.*context \([0-9]*\) of.*/\1/p' | tail -n 1)
    ask "second"
    line "/undo"
    wait_for "taken back: second"
    wait_for_prompt
    ask "second"
    # Exactly where it was: the same numbers again.
    [ "$(scrollback | grep -c "context $before of")" -eq 1 ] || fail "the context differs"
    [ "$(scrollback | sed -n 's/.*context \([0-9]*\) of.*/\1/p' | sort | uniq -c |
        awk '$1 == 2' | wc -l)" -eq 1 ] || fail "undo did not lead back"
    line "/undo"
    wait_for_prompt
    line "/undo"
    wait_for "taken back: hello"
    line "/undo"
    wait_for "there is no question to take back"
    leave
    must_not_show "--resume"
    [ -z "$(ls "$talks")" ] || fail "an empty conversation was kept"
}

case_retry() {
    start
    line "/retry"
    wait_for "there is no question to answer again"
    ask "hello"
    ask "/retry"
    [ "$(count 'Grüße from')" -eq 2 ] || fail "there is no second answer"
    leave
    [ "$(grep -c '"role": "assistant"' "$talks"/*.json)" -eq 1 ] || fail "both answers were kept"
}

case_fork() {
    start
    ask "the trunk"
    line "/fork"
    wait_for "kept as the-trunk"
    ask "a branch"
    line "/load the-trunk"
    wait_for "1 question so far"
    wait_for_prompt
    ask "another branch"
    leave
    [ "$(n_files "$talks"/*.json)" -eq 2 ] || fail "expected two conversations"
    grep -q "another branch" "$talks/the-trunk.json" || fail "the trunk did not go on"
    ! grep -q "a branch" "$talks/the-trunk.json" || fail "the branch is in the trunk"
}

case_resume() {
    start
    ask "remember this"
    line "/save talk"
    wait_for "saved as talk"
    leave
    must_show "weir run model.gguf --resume talk"
    [ "$(cd "$talks" && echo *)" = "talk.json talk.state" ] || fail "the old name is still there"
    start --resume talk
    must_show "1 question so far"
    must_show "> remember this"
    must_show "Grüße from the script."
    ask "and go on"
    line "/stats"
    # Nothing of the past was run again: the prompt is new but for its last message.
    wait_for "already known"
    known=$(screen | sed -n 's/.*prompt of [0-9,]* tokens, \([0-9,]*\) already known.*/\1/p')
    [ "$known" -gt 20 ] || fail "only $known tokens were known"
    leave
    start --resume last
    must_show "2 questions so far"
    leave
    # A damaged state costs time and nothing else, a damaged conversation is refused.
    echo damaged >"$talks/talk.state"
    start --resume talk
    ask "third"
    leave
    echo '{"weir_conversation": 1, "messages": [{}]}' >"$talks/talk.json"
    start_as "exec \"$WEIR\" run model.gguf --resume talk"
    wait_for "exit code 3" scrollback
    must_show "message 1"
    echo '{"weir_conversation": 1, "settings": {"temperature": "-3"}, "messages": []}' \
        >"$talks/talk.json"
    start_as "exec \"$WEIR\" run model.gguf --resume talk"
    wait_for "exit code 3" scrollback
    must_show "temperature is -3"
}

# Room for what was said, none for the timeline.
case_no_room() {
    start_as "ulimit -f 8; exec \"$WEIR\" run model.gguf --temperature 0"
    wait_for_prompt
    ask "hello"
    must_show "its timeline is not"
    must_not_show "goes on unsaved"
    line "/save talk"
    wait_for "saved as talk"
    leave
    must_show "--resume talk"
    [ "$(cd "$talks" && echo *)" = "talk.json" ] || fail "expected talk.json alone"
    start --resume talk
    must_show "1 question so far"
    ask "again"
    leave
    [ -e "$talks/talk.state" ] || fail "no timeline"
    # No room at all: the name stays what it was.
    start_as "ulimit -f 1; exec \"$WEIR\" run model.gguf --temperature 0"
    wait_for_prompt
    ask "hello"
    must_show "goes on unsaved"
    line "/save other"
    wait_for "other.json"
    line "/stats"
    wait_for "saved as   20"
    leave
    [ ! -e "$talks/other.json" ] && [ ! -e "$talks/other.lock" ] || fail "a name without a file"
}

# What stands on the command line counts more than what was saved, and only that.
case_flags() {
    start --max-tokens 3 --system Brief.
    ask "hello"
    line "/save talk"
    wait_for "saved as talk"
    leave
    start --resume talk --max-tokens 4
    line "/set max-tokens"
    wait_for "max-tokens 4"
    line "/system"
    wait_for "Brief."
    leave
    start --resume talk
    line "/set max-tokens"
    wait_for "max-tokens 4"
    leave
}

case_killed() {
    start $endless
    ask "first"
    line "forever!"
    wait_for "Round and round"
    kill -9 "$(pid_of_chat)"
    wait_for "exit code 137" scrollback
    start --resume last
    must_show "2 questions so far"
    must_show "> forever!"
    must_show "it has no answer yet"
    ask "something else"
    leave
    ! grep -q 'forever!' "$talks"/*.json || fail "the question without an answer stayed"
    grep -q 'something else' "$talks"/*.json || fail "the new question is missing"
}

case_terminated() {
    start
    ask "first"
    kill -TERM "$(pid_of_chat)"
    wait_for "exit code 130" scrollback
    start $endless --resume last
    line "forever!"
    wait_for "Round and round"
    kill -TERM "$(pid_of_chat)"
    wait_for "exit code 130" scrollback
    grep -q 'Round and round' "$talks"/*.json || fail "the answer so far was not saved"
}

case_two_at_once() {
    start
    ask "the first program"
    line "/save shared"
    wait_for "saved as shared"
    $tmux kill-session -t first 2>/dev/null || true
    $tmux rename-session -t chat first
    start --resume shared
    must_show "is open in another weir"
    ask "the second program"
    leave
    grep -q "the second program" "$talks/shared.json" && fail "the other's file was written"
    $tmux kill-session -t first
    [ "$(n_files "$talks"/*.json)" -eq 2 ] || fail "expected two conversations"
}

case_list() {
    start
    line "/list"
    wait_for "no conversation was saved yet"
    ask "what is a weir"
    line "/list"
    wait_for "1 turn "
    must_show "* 20"
    line "/clear"
    wait_for "a new conversation"
    ask "another"
    line "/save"
    wait_for "saved as another"
    line "/list"
    wait_for "* another"
    leave
}

case_think() {
    start
    ask "why:"
    must_show "Let me see."
    must_show "It is 42."
    must_show "thinking)"
    line "/think hide"
    wait_for "hide"
    ask "why:"
    [ "$(count 'Let me see.')" -eq 1 ] || fail "thinking was shown"
    [ "$(count 'It is 42.')" -eq 2 ] || fail "the answer is missing"
    [ "$(count 'thinking 0 s')" -eq 0 ] || fail "the counter stayed"
    leave
}

case_tools() {
    start --tools tools.json
    line "weather%"
    wait_for "result>"
    must_show 'call weather(city="Köln", days=3)'
    ask "12 degrees"
    must_show "Grüße from the script."
    leave
    grep -q '"role": "tool", "content": "12 degrees"' "$talks"/*.json || fail "no result"
}

# A command gives the results; what it prints is shown.
case_tool_command() {
    printf '#!/bin/sh\ncat >"%s/asked"\necho 12 degrees\n' "$work" >"$work/answer.sh"
    chmod +x "$work/answer.sh"
    start --tools tools.json --tool-command ./answer.sh
    ask "weather%"
    wait_for "Grüße from the script."
    must_show "result 12 degrees"
    leave
    grep -q '"Köln"' "$work/asked" || fail "the command was not told of the call"
}

case_escapes() {
    start
    ask "alert~"
    must_show 'red \x1b[31m alert'
    leave
}

case_system() {
    start
    line "/system Be brief."
    wait_for "whole conversation"
    ask "hello"
    line "/system"
    wait_for "Be brief."
    line "/system off"
    wait_for "no system prompt"
    ask "hello"
    line "/tokens"
    wait_for "tokens of the last turn"
    must_show "'<|im_start|>'"
    line "/set max-tokens 2"
    wait_for "max-tokens 2"
    ask "hello"
    must_show "(max-tokens reached) 2 tok"
    leave
}

case_narrow() {
    columns=20
    rows=40
    start
    ask "a question that is longer than a line"
    must_show "Grüße from the script."
    line "/help"
    wait_for "/quit"
    line "/list"
    wait_for "1 turn"
    # Resizing while a line is typed.
    text "now it grows"
    wait_for "now it grows"
    $tmux resize-window -t chat -x 60 -y 20
    keys C-a
    text "and "
    keys C-e
    ask " wide"
    must_be_said 'and now it grows wide'
    leave
}

case_color() {
    start
    ask "why:"
    $tmux capture-pane -e -p -t chat | grep -q "${escape}\[2m" || fail "nothing is dim"
    $tmux capture-pane -e -p -t chat | grep -q ">${escape}\[0m.*why:" || fail "typed text is coloured"
    leave
    variables="NO_COLOR=1"
    start
    ask "why:"
    ! $tmux capture-pane -e -p -t chat | grep -q "${escape}\[" || fail "colour against NO_COLOR"
    must_show "(thinking) Let me see."
    leave
    variables=
    start --color never
    ask "why:"
    ! $tmux capture-pane -e -p -t chat | grep -q "${escape}\[" || fail "colour against --color never"
    leave
}

case_dumb() {
    variables="TERM=dumb"
    start $endless
    ask "hello"
    line 'one\'
    ask "two"
    line "forever!"
    wait_for "Round and round"
    keys C-c
    wait_for "(stopped)"
    leave
    ! $tmux capture-pane -e -p -t chat | grep -q "${escape}\[" || fail "sequences on a dumb terminal"
}

# The answers alone go through the pipe, and nothing but text.
case_piped() {
    start_as "\"$WEIR\" run model.gguf --temperature 0 | cat >piped"
    wait_for_prompt
    ask "why:"
    ask "hello"
    leave
    printf 'It is 42.\nGrüße from the script.\n' | cmp - "$work/piped" || fail "the pipe got more"
    start_as "\"$WEIR\" run model.gguf --temperature 0 2>&1 | tee piped"
    wait_for "/help"
    line "hello"
    wait_for "· context"
    leave
    ! grep -q "$escape" "$work/piped" || fail "escape sequences in the pipe"
}

# A folder in which nothing can be made costs the saving, not the talk.
case_no_place() {
    variables="XDG_STATE_HOME=/proc/none"
    start
    must_show "will not be saved"
    ask "hello"
    line "/list"
    wait_for "there is no place for conversations"
    leave
}

# What nobody has named goes after a while, oldest first; what has a name stays.
case_old() {
    mkdir -p "$talks"
    for i in $(seq 10 69); do
        name=2020-01-01-0000$i-aaaa
        echo '{"weir_conversation": 1, "messages": []}' >"$talks/$name.json"
        echo x >"$talks/$name.state"
        touch -d "2020-01-01 00:00:$((i - 10))" "$talks/$name.json"
    done
    cp "$talks/2020-01-01-000010-aaaa.json" "$talks/named.json"
    touch -d 2019-01-01 "$talks/named.json"
    echo x >"$talks/named.state"
    echo x >"$talks/named.json.tmp-abcdef"
    touch -d 2019-01-01 "$talks/named.json.tmp-abcdef"
    start
    leave
    [ "$(n_files "$talks"/*-aaaa.json)" -eq 50 ] || fail "expected 50 conversations"
    [ "$(n_files "$talks"/*-aaaa.state)" -eq 10 ] || fail "expected 10 states"
    [ -e "$talks/2020-01-01-000069-aaaa.state" ] || fail "the latest has no state"
    [ -e "$talks/named.json" ] && [ -e "$talks/named.state" ] || fail "a named one is gone"
    [ ! -e "$talks/named.json.tmp-abcdef" ] || fail "half a file was left"
}

# ---- all of them ----
all=$(sed -n 's/^case_\([a-z_]*\)() {$/\1/p' "$0")
n=0
for current in ${*:-$all}; do
    home=$work/home-$current
    state=$home/.local/state/weir
    talks=$state/conversations
    columns=80
    rows=24
    variables=
    "case_$current"
    [ -z "${WEIR_TTY_SHOW:-}" ] || {
        echo "==== $current"
        scrollback | sed -e 's/ *$//' -e '/^$/d'
    }
    n=$((n + 1))
    echo "ok $n - $current"
done
echo "$n cases passed"
