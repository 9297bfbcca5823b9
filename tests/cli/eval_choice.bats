#!/usr/bin/env bats
# eval_choice.bats: questions with choices, interrupted and gone on with, and compared.

load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    make_model moe.gguf tiny-moe
    for i in $(seq 40); do
        echo "{\"question_id\":$i,\"question\":\"What is in mill $i?\",\"options\":[\"flour $i\",\"a cat\",\"the sea and the boats\"],\"answer_index\":$((i % 3)),\"answer\":\"A\",\"category\":\"c$((i % 2))\"}"
    done >pro.jsonl
}

field() {
    jq "$1" "$out"
}

@test "eval choice: shares by category, the same in any order of the work" {
    weir eval choice "$model" pro.jsonl --json -o all.json
    exits_with 0
    [ "$(field .details.questions)" -eq 40 ]
    [ "$(field '.details.categories | length')" -eq 2 ]
    [ "$(field .settings.style)" = '"letter"' ]
    jq -e '.metrics.acc.value == ([.items[].scores.acc] | add / length)' all.json
    weir eval choice "$model" pro.jsonl --limit 9 --seed 4 -o some.json
    exits_with 0
    # The scores of a question do not hang on what was asked before it.
    jq -e --slurpfile all all.json '($all[0].items | map({(.id): .log_p}) | add) as $of
        | .items | length == 9 and all(.[]; .log_p == $of[.id])' some.json
    [ "$(jq -c '[.items[].id]' some.json)" != '["1","2","3","4","5","6","7","8","9"]' ]
}

@test "eval choice: shots, styles, and the text for the eye" {
    weir eval choice "$model" pro.jsonl --limit 4 --style text --shots 2 --shots-file pro.jsonl
    exits_with 0
    grep -q '^all  *4  acc ' "$out" || explain
    weir eval choice "$model" pro.jsonl --shots 2
    refuses_with 2 "--shots and --shots-file"
    echo '{"context":"a","choices":["b","c"],"answer":0}' >plain.jsonl
    weir eval choice "$model" plain.jsonl --style letter
    refuses_with 2 "continued as they stand"
    weir eval choice "$model" pro.jsonl --shots 1 --shots-file plain.jsonl
    refuses_with 2 "plain.jsonl has rows of plain"
    echo '{"context":"a"}' >bad.jsonl
    weir eval choice "$model" bad.jsonl
    refuses_with 3 "bad.jsonl:1: expected"
}

@test "eval choice: GPQA as it is published, in CSV, and the same in JSON" {
    weir eval choice "$model" "$WEIR_TEST_DATA/suites/gpqa.csv" --json -o csv.json
    exits_with 0
    [ "$(field .details.questions)" -eq 3 ]
    [ "$(field .settings.shape)" = '"gpqa"' ]
    [ "$(field '.details.categories | length')" -eq 3 ]
    jq -n '[["How many legs\nhas an \"ordinary\" spider?", "8", "6", "10", "12", "Biology"],
        ["What is the formula of water?", "H2O\n", "CO2", "NaCl, dissolved", "O2", "Chemistry"],
        ["Which planet is the largest?", "Jupiter", "Mars", "Venus", "Earth", "Physics"]]
        | map({Question: .[0], "Correct Answer": .[1], "Incorrect Answer 1": .[2],
               "Incorrect Answer 2": .[3], "Incorrect Answer 3": .[4], "High-level domain": .[5]})' >array.json
    jq -c '.[]' array.json >lines.jsonl
    for file in array.json lines.jsonl; do
        weir eval choice "$model" $file -o other.json --force
        exits_with 0
        cmp <(jq -c '[.items[] | del(.id)]' csv.json) <(jq -c '[.items[] | del(.id)]' other.json)
    done
    printf 'PAR1 columns PAR1' >gpqa.parquet
    weir eval choice "$model" gpqa.parquet
    refuses_with 3 "gpqa.parquet: Parquet is not read"
}

@test "eval choice: killed and gone on with, the result is the same" {
    weir eval choice "$model" pro.jsonl -o whole.json
    exits_with 0
    for round in 1 2 3 4 5 6; do
        "$WEIR" eval choice "$model" pro.jsonl --journal j.jsonl --resume >/dev/null 2>&1 3>&- </dev/null &
        pid=$!
        sleep 0.0$((round + 3))
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    weir eval choice "$model" pro.jsonl --journal j.jsonl --resume -o resumed.json
    exits_with 0
    [ "$(wc -l <j.jsonl)" -eq 41 ]
    cmp <(jq -S 'del(.seconds)' whole.json) <(jq -S 'del(.seconds)' resumed.json)
    weir eval choice "$model" pro.jsonl --journal j.jsonl
    refuses_with 1 "--resume goes on with it"
    weir eval choice "$model" pro.jsonl --journal j.jsonl --resume --style text
    refuses_with 2 'style: "letter" and "text"'
}

@test "eval diff: right and wrong answers in pairs" {
    weir eval choice "$model" pro.jsonl -o a.json
    "$WEIR" synth other.gguf --config tiny-moe --seed 2 2>/dev/null
    weir eval choice other.gguf pro.jsonl -o b.json
    exits_with 0
    weir eval diff a.json b.json --json
    exits_with 0
    jq -e '.changes[] | select(.metric == "acc") | .method == "mcnemar" and .pairs == 40
        and .low <= .difference and .difference <= .high and .p > 0 and .p <= 1' "$out"
    weir eval choice "$model" pro.jsonl --limit 5 -o c.json
    weir eval diff a.json c.json
    refuses_with 2 "limit: 0 and 5"
    echo '[]' >d.json
    weir eval diff a.json d.json
    refuses_with 3 "d.json: expected a result of weir eval"
}

@test "eval choice: a given 0 is no default" {
    weir eval choice "$model" pro.jsonl --ctx 0
    refuses_with 2 "--ctx 0: expected 1 or more"
    weir eval choice "$model" pro.jsonl --limit 0
    refuses_with 2 "--limit 0: expected 1 or more"
}
