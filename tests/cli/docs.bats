#!/usr/bin/env bats
# docs.bats: man pages and completions say what the program does, and are well formed.

load common

# As their pages are called: those of a group, which have two words, with a dash between them.
verbs() {
    "$WEIR" help | sed -n 's/^  weir \(train \|eval \|bench \)\?\([a-z]*\) .*/\1\2/p' | tr ' ' '-'
}

# Every option of a verb, as its help lists them.
options_of() {
    "$WEIR" help ${1/-/ } | sed -n 's/^ \{2,6\}\(-[a-zA-Z], \)\?\(--[a-z0-9-]*\).*/\2/p'
}

man_page() {
    page=$WEIR_BUILD/man/weir-$1.1
    [ -e "$page" ] || skip "man pages were left out of this build"
}

script() { # shell
    script=$BATS_TEST_TMPDIR/weir.$1
    "$WEIR" completions "$1" >"$script"
}

# What bash would offer for these words, one a line.
bash_offers() {
    script bash
    bash -c '
        source "$1"
        shift
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _weir
        printf "%s\n" "${COMPREPLY[@]}"' bash "$script" "$@" | sort >"$BATS_TEST_TMPDIR/offers"
}

offers_are() {
    [ "$(cat "$BATS_TEST_TMPDIR/offers")" = "$1" ] || {
        echo "expected: $1"
        echo "offered:  $(cat "$BATS_TEST_TMPDIR/offers")"
        return 1
    }
}

@test "the lists that the other tests go through are not empty" {
    [ "$(verbs | wc -l)" -ge 8 ]
    [ "$(options_of run | wc -l)" -ge 20 ]
    options_of run | grep -q -x -e --temperature
    options_of run | grep -q -x -e --help
}

@test "a man page for every verb, clean to mandoc" {
    man_page run
    command -v mandoc >/dev/null || skip "mandoc is not installed"
    for verb in $(verbs); do
        man_page "$verb"
        [ -z "$(mandoc -T lint -W warning "$page")" ] || { mandoc -T lint -W warning "$page"; false; }
    done
    [ -z "$(mandoc -T lint -W warning "$WEIR_BUILD/man/weir.1")" ]
}

@test "man pages name every option and every verb" {
    man_page run
    command -v mandoc >/dev/null || skip "mandoc is not installed"
    # Bold and underlined letters are overstruck in the text.
    text=$BATS_TEST_TMPDIR/text
    for verb in $(verbs); do
        man_page "$verb"
        mandoc -T utf8 -O width=900 "$page" | sed 's/.\x08//g' >"$text"
        for option in $(options_of "$verb"); do
            grep -q -e "^ *\(-., \)\?$option\( \|$\)" "$text" || { echo "$verb $option"; false; }
        done
        grep -q '^EXIT STATUS' "$text"
        # The list at the end of every page.
        for other in $(verbs); do
            grep -q "weir-$other(1)" "$text" || { echo "$verb $other"; false; }
        done
    done
    mandoc -T utf8 -O width=900 "$WEIR_BUILD/man/weir.1" | sed 's/.\x08//g' >"$text"
    for verb in $(verbs); do
        grep -q "weir-$verb(1)" "$text"
    done
}

@test "weir-run(1) names every command of a conversation" {
    names=$(sed -n 's/^    {"\([a-z]*\)", "[^"]*", "[^"]*".*/\1/p' "$WEIR_SOURCE/tools/chat_commands.c")
    [ "$(echo "$names" | wc -l)" -ge 15 ]
    for name in $names; do
        grep -q "^\*/$name\*" "$WEIR_SOURCE/docs/man/run.scd" || { echo "$name"; false; }
    done
}

@test "completions name every option and every verb" {
    for shell in bash zsh fish; do
        script "$shell"
        for verb in $(verbs); do
            words=${verb/-/ }
            [ "$shell" != fish ] || words="__weir_begins $words"
            grep -q "\b$words\b" "$script" || { echo "$shell $verb"; false; }
            for option in $(options_of "$verb"); do
                name=$option
                [ "$shell" != fish ] || name="-l ${option#--}"
                grep -q -e "$name\b" "$script" || { echo "$shell $verb $option"; false; }
            done
        done
    done
    weir completions tcsh
    refuses_with 2 "unknown shell 'tcsh'; expected bash|zsh|fish"
}

@test "bash reads its script" {
    script bash
    bash -n "$script"
}

@test "zsh reads its script" {
    command -v zsh >/dev/null || skip "zsh is not installed"
    script zsh
    zsh -n "$script"
}

@test "fish reads its script" {
    command -v fish >/dev/null || skip "fish is not installed"
    script fish
    fish --no-execute "$script"
}

@test "what bash offers" {
    cd "$BATS_TEST_TMPDIR"
    mkdir -p tree/folder data/weir/models
    : >tree/file.gguf
    : >data/weir/models/small-one.gguf
    export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
    bash_offers weir sy
    offers_are synth
    bash_offers weir run --tempe
    offers_are --temperature
    bash_offers weir run --temperature ""
    offers_are ""
    bash_offers weir show --ctx 12 --js
    offers_are --json
    bash_offers weir completions z
    offers_are zsh
    bash_offers weir help conv
    offers_are convert
    # Verbs of two words.
    bash_offers weir tra
    offers_are train
    bash_offers weir train ru
    offers_are run
    bash_offers weir help train ru
    offers_are run
    bash_offers weir help run ""
    offers_are ""
    bash_offers weir train run --dry
    offers_are --dry-run
    bash_offers weir run --dry
    offers_are ""
    bash_offers weir train run --threads 2 tree/fi
    offers_are tree/file.gguf
    bash_offers weir train run tree/file.gguf tree/fi
    offers_are ""
    # A value may follow = without a space, and a value is no operand.
    bash_offers weir run --load tree/
    offers_are "tree/file.gguf
tree/folder"
    bash_offers weir run --load = tree/f
    offers_are "tree/file.gguf
tree/folder"
    bash_offers weir convert --threads 2 tree/file.gguf tree/fi
    offers_are tree/file.gguf
    bash_offers weir run --load tree/file.gguf tree/fi
    offers_are tree/file.gguf
    bash_offers weir run --load = tree/file.gguf tree/file.gguf tree/fi
    offers_are ""
    # A model by its name, or by its path.
    bash_offers weir show small
    offers_are small-one
    bash_offers weir show tree/fi
    offers_are tree/file.gguf
}

@test "what fish offers" {
    command -v fish >/dev/null || skip "fish is not installed"
    script fish
    export HOME=$BATS_TEST_TMPDIR XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
    mkdir -p "$XDG_DATA_HOME/weir/models"
    : >"$XDG_DATA_HOME/weir/models/small-one.gguf"
    offer() {
        fish -c "source $script; complete -C '$1'" | cut -f 1 | sort
    }
    [ "$(offer "weir sy")" = synth ]
    [ "$(offer "weir run --tempe")" = --temperature ]
    [ "$(offer "weir completions " | tr '\n' ' ')" = "bash fish zsh " ]
    [ "$(offer "weir show small")" = small-one ]
    [ "$(offer "weir synth --conf")" = --config ]
    [ -z "$(offer "weir synth --tempe")" ]
    [ "$(offer "weir tra")" = train ]
    [ "$(offer "weir train ru")" = run ]
    [ "$(offer "weir help train ru")" = run ]
    [ "$(offer "weir train run --dry")" = --dry-run ]
    [ -z "$(offer "weir run --dry")" ]
}


@test "what zsh offers" {
    command -v zsh >/dev/null || skip "zsh is not installed"
    script zsh
    zsh -f -c 'zmodload zsh/zpty' 2>/dev/null || skip "this zsh has no zpty"
    export HOME=$BATS_TEST_TMPDIR XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
    mkdir -p "$XDG_DATA_HOME/weir/models"
    : >"$XDG_DATA_HOME/weir/models/small-one.gguf"
    # A completion needs a line editor, and that a terminal: zsh brings both. Control-O says what
    # the tab has made of the line.
    cat >"$BATS_TEST_TMPDIR/zshrc" <<END
PS1=
autoload -U compinit
compinit -u -D
source $script
tell() { print -r -- "<\$BUFFER>"; BUFFER= }
zle -N tell
bindkey '^O' tell
print READY
END
    cat >"$BATS_TEST_TMPDIR/ask" <<'END'
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "source $1"
zpty -r -m shell line $'*READY\r*'
zpty -w -n shell "$2"$'\t\x0f'
zpty -r -m shell line '*<weir*>*'
line=${line##*<}
print -r -- "${line%%>*}"
END
    offer() {
        timeout 60 zsh -f "$BATS_TEST_TMPDIR/ask" "$BATS_TEST_TMPDIR/zshrc" "$1"
    }
    [ "$(offer "weir sy")" = "weir synth " ]
    [ "$(offer "weir run --tempe")" = "weir run --temperature=" ]
    [ "$(offer "weir completions z")" = "weir completions zsh " ]
    [ "$(offer "weir show small")" = "weir show small-one " ]
    [ "$(offer "weir synth --tempe")" = "weir synth --tempe" ]
    [ "$(offer "weir tra")" = "weir train " ]
    [ "$(offer "weir help train ru")" = "weir help train run " ]
    [ "$(offer "weir train run --dry")" = "weir train run --dry-run " ]
    [ "$(offer "weir run --dry")" = "weir run --dry" ]
}
