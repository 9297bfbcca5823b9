#!/usr/bin/env bats
# train_vocab.bats: a tokenizer made of texts on the command line.

load common

texts() {
    cd "$BATS_TEST_TMPDIR"
    {
        for i in 1 2 3 4 5 6 7 8; do
            echo "The little mouse found $i big cheeses, and the big mouse found a little one."
        done
        echo "<|endoftext|>"
        echo "The mouse went home."
    } >a.txt
    printf '%s\n' '{"instruction": "Name a mouse.", "output": "The little mouse."}' >b.jsonl
}

@test "train vocab writes a tokenizer that tokenize takes" {
    texts
    weir train vocab a.txt b.jsonl -o v --tokens 300
    exits_with 0
    [ ! -s "$out" ] || explain
    grep -q '^v is written: 300 tokens, 12 of them merges' "$err" || explain
    ls v/tokenizer.json v/tokenizer_config.json v/generation_config.json v/chat_template.jinja
    weir tokenize v "mouse 123"
    exits_with 0
    weir train vocab a.txt b.jsonl -o w --tokens 300 --threads 1 --json
    exits_with 0
    grep -q '"n_tokens": 300' "$out" || explain
    cmp v/tokenizer.json w/tokenizer.json
}

@test "train vocab replaces nothing unasked, and writes nothing that is not whole" {
    texts
    weir train vocab a.txt -o v --tokens 290
    exits_with 0
    weir train vocab a.txt -o v --tokens 291
    refuses_with 1 "v/tokenizer.json: exists already"
    grep -q -e '--force replaces it$' "$err" || explain
    weir train vocab a.txt -o v --tokens 291 --force
    exits_with 0
    weir train vocab a.txt -o w --tokens 4096
    refuses_with 2 "merges and no more"
    [ ! -e w ]
}

@test "train vocab names the line of a bad row" {
    texts
    printf '%s\n' '{"messages": [{"role": "bot", "content": "x"}]}' >>b.jsonl
    weir train vocab a.txt b.jsonl -o v
    refuses_with 3 "b.jsonl:2: message 1: role \"bot\""
    weir train vocab a.txt
    refuses_with 2 "-o DIR is missing; usage: weir train vocab FILE... -o DIR"
    weir train vocab a.txt -o b.jsonl
    refuses_with 5 "b.jsonl: is no folder"
    ! grep -q -e --force "$err" || explain
    weir train vocab a.txt -o v --tokens 0
    refuses_with 2 "--tokens 0: expected 288 or more"
    weir train vocab a.csv -o v
    refuses_with 2 "a.csv"
    [ ! -e v ]
}
