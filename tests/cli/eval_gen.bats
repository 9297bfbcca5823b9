#!/usr/bin/env bats
# eval_gen.bats: benchmarks answered by models that say what is known beforehand, and by recorded
# answers.

load common
load scripted

setup() {
    cd "$BATS_TEST_TMPDIR"
    data=$WEIR_TEST_DATA/suites
}

field() { # jq expression
    jq -c "$1" "$out"
}

# A row of recorded answers.
says() { # id, text
    jq -c -n --arg id "$1" --arg output "$2" '{$id, $output}'
}

@test "eval score gsm8k: last numbers" {
    says 0 'There are 48, so 18 are left. The final answer is 18.' >a.jsonl
    says 1 'A week has 7 days: $10,500.00' >>a.jsonl
    says 2 'The final answer is -5.' >>a.jsonl
    says 3 'Each has 3/2 meters' >>a.jsonl
    weir eval score gsm8k "$data/gsm8k.jsonl" a.jsonl --json
    exits_with 0
    [ "$(field '.metrics.accuracy.value == 1')" = true ] || explain
    sed -i 's/is 18/is 18 of 48/' a.jsonl
    weir eval score gsm8k "$data/gsm8k.jsonl" a.jsonl --json --show 5
    [ "$(field '.metrics.accuracy.value == 0.75')" = true ] || explain
    [ "$(field '.metrics.accuracy.error == 0.25')" = true ] || explain
    grep -q "expected 18, found 48" "$err" || explain
    weir eval score gsm8k "$data/gsm8k.jsonl" a.jsonl
    grep -q "accuracy .* 75.00 % +- 25.00" "$out" || explain
}

@test "eval score math500: boxed answers, tables by subject and level" {
    {
        says test/prealgebra/1.json 'It is \boxed{0.75}.'
        says test/algebra/2.json '$\boxed{\left(3, 7\right)}$'
        says test/algebra/3.json '\boxed{4, -4}'
        says test/geometry/4.json 'It has 90 degrees.'
    } >a.jsonl
    weir eval score math500 "$data/math500.jsonl" a.jsonl --out r.json
    exits_with 0
    grep -q "Algebra .*100.00 .* of 2" "$out" || explain
    jq -e '.metrics | .accuracy.value == 0.75 and .answered.value == 0.75' r.json
    jq -e '.details.categories.Geometry.value == 0' r.json
    [ "$(jq -c '[.items[].id]' r.json)" = "$(jq -c -s '[.[].unique_id]' "$data/math500.jsonl")" ]
}

@test "eval score mmlu-pro and gpqa: letters, and the shuffle is the seed's" {
    {
        says 11 'Anvils are heavy. The answer is (B).'
        says 12 '**Answer:** A'
        says 13 'the answer is (A)'
    } >a.jsonl
    weir eval score mmlu-pro "$data/mmlu_pro.jsonl" a.jsonl --json
    exits_with 0
    [ "$(field '.details.categories | .physics.value == 1 and .other.value == 1 and .math.value == 0')" = true ] ||
        explain
    for letter in A B C D; do
        for id in rec1 rec2 rec3; do says $id "Answer: $letter"; done >"$letter.jsonl"
        weir eval score gpqa "$data/gpqa.csv" "$letter.jsonl" --out "$letter.json"
        exits_with 0
    done
    # The line that the prompt of gpqa asks for counts before a remark on the way.
    for id in rec1 rec2 rec3; do says $id 'So far the answer is A, it seems.
Answer: B'; done >remark.jsonl
    weir eval score gpqa "$data/gpqa.csv" remark.jsonl --out remark.json
    exits_with 0
    cmp <(jq -c '[.metrics, .items[].scores]' B.json) <(jq -c '[.metrics, .items[].scores]' remark.json)
    jq -e 'all(.items[].samples[]; .found == "B")' remark.json
    # Each item is right with one letter of the four, and another seed has another order.
    [ "$(jq -s '[.[].metrics.accuracy.value] | add | . * 1000 | round' ./[ABCD].json)" -eq 1000 ]
    first=$(jq -c '[.items[].answer]' A.json)
    weir eval score gpqa "$data/gpqa.csv" A.jsonl --shuffle-seed 0 --out again.json
    [ "$(jq -c '[.items[].answer]' again.json)" = "$first" ]
    others=0
    for seed in 1 2 3 4; do
        weir eval score gpqa "$data/gpqa.csv" A.jsonl --shuffle-seed $seed --out other.json
        [ "$(jq -c '[.items[].answer]' other.json)" = "$first" ] || others=$((others + 1))
    done
    [ "$others" -gt 0 ]
}

@test "eval score bfcl: calls out of the text, by category" {
    {
        says simple_python_0 '<|tool_call_start|>[shape.triangle_area(base=10, height=5)]<|tool_call_end|>'
        says multiple_1 '<think>Which one?</think>[book_table(city="springfield", date="april 1 2031")]'
        says live_parallel_2-0-0 '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call><tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call>'
        says irrelevance_3 'I cannot see it.'
    } >a.jsonl
    weir eval score bfcl "$data/BFCL_v4_small.json" a.jsonl --json
    exits_with 0
    [ "$(field '.metrics.accuracy.value == 1')" = true ] || explain
    sed -i 's/base=10/base=11/; s/I cannot see it./[weather(city=\\"x\\")]/' a.jsonl
    weir eval score bfcl "$data/BFCL_v4_small.json" a.jsonl --json --show 9
    [ "$(field '.metrics.accuracy.value == 0.5')" = true ] || explain
    grep -q "argument base: not one of the accepted" "$err" || explain
    grep -q "1 calls where none was to be made" "$err" || explain
}

@test "eval score ifeval: prompts and instructions" {
    {
        says 1 'hello you'
        says 2 'cats and dogs'
    } >a.jsonl
    weir eval score ifeval "$data/ifeval.jsonl" a.jsonl --json
    exits_with 0
    [ "$(field '.metrics.prompt_strict.value == 0.5')" = true ] || explain
    [ "$(field '.metrics.instruction_strict.value * 3 | round')" = 2 ] || explain
}

@test "eval score: several samples of an item, items by index, items that are missing" {
    for i in 0 1; do echo "{\"index\": $i, \"output\": \"18\"}"; done >a.jsonl
    echo '{"index": 0, "output": "17"}' >>a.jsonl
    weir eval score gsm8k "$data/gsm8k.jsonl" a.jsonl
    refuses_with 3 "nothing for 2 of 4 items, the first being '2'"
    weir eval score gsm8k "$data/gsm8k.jsonl" a.jsonl --partial --json
    exits_with 0
    [ "$(field '.metrics.accuracy.value == 0.25')" = true ] || explain
    echo '{"index": 4, "output": "17"}' >>a.jsonl
    weir eval score gsm8k "$data/gsm8k.jsonl" a.jsonl --partial
    refuses_with 3 'row 4: expected "id", or "index" from 0 to 3'
}

@test "eval gen: a model that is right about one of four, the same however many at once" {
    scripted says.gguf LFM2-8B-A1B say 'The final answer is 18.'
    weir eval gen gsm8k "$model" "$data/gsm8k.jsonl" --out one.json --parallel 1 --json
    exits_with 0
    [ "$(field '.metrics.accuracy.value == 0.25')" = true ] || explain
    [ "$(field '.settings | .n_samples == 1 and .max_tokens == 1024 and .temperature == 0')" = true ] ||
        explain
    weir eval gen gsm8k "$model" "$data/gsm8k.jsonl" --out four.json --parallel 4
    exits_with 0
    [ "$(jq 'del(.seconds)' one.json)" = "$(jq 'del(.seconds)' four.json)" ]
    weir eval gen gsm8k "$model" "$data/gsm8k.jsonl" --limit 1 --shots "$data/gsm8k.jsonl" --n-shots 2 --json
    exits_with 0
    [ "$(field '.metrics.accuracy.value == 1')" = true ] || explain
    weir eval gen gsm8k "$model" "$data/gsm8k.jsonl" --max-tokens 1 --json
    [ "$(field '.details.cut_off == 1')" = true ] || explain
}

@test "eval gen: random answers do not depend on company, nor on an interruption" {
    make_model moe.gguf tiny-moe
    args=("$data/mmlu_pro.jsonl" --temperature 1 --seed 3 -k 3 --max-tokens 12 --shots "$data/mmlu_pro_shots.jsonl")
    weir eval gen mmlu-pro "$model" "${args[@]}" --parallel 1 --out one.json --journal j.jsonl
    exits_with 0
    weir eval gen mmlu-pro "$model" "${args[@]}" --parallel 5 --out five.json
    exits_with 0
    [ "$(jq 'del(.seconds)' one.json)" = "$(jq 'del(.seconds)' five.json)" ]
    [ "$(jq -c '[.items[].samples | length]' one.json)" = '[3,3,3]' ]
    [ "$(jq '[.items[0].samples[].output] | unique | length' one.json)" -gt 1 ]
    weir eval gen mmlu-pro "$model" "${args[@]}" --journal j.jsonl
    [ "$code" -ne 0 ] # it is there
    head -n 2 j.jsonl >half.jsonl
    printf '{"id": "12", "sco' >>half.jsonl
    weir eval gen mmlu-pro "$model" "${args[@]}" --journal half.jsonl --resume --parallel 2 --out two.json
    exits_with 0
    [ "$(jq 'del(.seconds)' one.json)" = "$(jq 'del(.seconds)' two.json)" ]
    weir eval gen mmlu-pro "$model" "${args[@]}" --seed 4 --journal half.jsonl --resume
    refuses_with 2 seed
    # The journal is a file of recorded answers.
    weir eval score mmlu-pro "$data/mmlu_pro.jsonl" j.jsonl --out scored.json
    exits_with 0
    [ "$(jq -c .metrics scored.json)" = "$(jq -c .metrics one.json)" ]
}

@test "eval gen: --resume knows the template and the adapters by what is in them" {
    make_model moe.gguf tiny-moe
    frame='{% for m in messages %}{{ m.content }}{% endfor %}'
    args=("$data/gsm8k.jsonl" --limit 2 --max-tokens 2 --template t.jinja --journal j.jsonl)
    printf '%s' "$frame" >t.jinja
    weir eval gen gsm8k "$model" "${args[@]}"
    exits_with 0
    weir eval gen gsm8k "$model" "${args[@]}" --resume
    exits_with 0
    printf '%s!' "$frame" >t.jinja
    weir eval gen gsm8k "$model" "${args[@]}" --resume
    refuses_with 2 'another setting: template'
    weir eval gen gsm8k "$model" "$data/gsm8k.jsonl" --template - </dev/null
    refuses_with 2 '--template: expected a file'
    echo '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}' >chats.jsonl
    args=("$data/gsm8k.jsonl" --limit 1 --max-tokens 2 --lora a.gguf --journal lora.jsonl)
    weir train lora chats.jsonl "$model" -o a.gguf --steps 1 --rank 2 --batch-tokens 64
    exits_with 0
    weir eval gen gsm8k "$model" "${args[@]}"
    exits_with 0
    weir train lora chats.jsonl "$model" -o a.gguf --steps 1 --rank 3 --batch-tokens 64 --force
    exits_with 0
    weir eval gen gsm8k "$model" "${args[@]}" --resume
    refuses_with 2 'another model'
}

@test "eval gen bfcl: the calls that a model makes" {
    scripted calls.gguf LFM2-8B-A1B control '<|tool_call_start|>' control '<|tool_call_end|>' \
        say '<|tool_call_start|>|[shape.triangle_area(base=10, height=5)]|<|tool_call_end|>'
    weir eval gen bfcl "$model" "$data/BFCL_v4_small.json" --out r.json --show 9
    exits_with 0
    jq -e '[.items[].scores.accuracy == 1] == [true, false, false, false]' r.json || explain
}

@test "eval gen: what cannot be is refused" {
    make_model moe.gguf tiny-moe
    weir eval gen poems "$model" "$data/gsm8k.jsonl"
    refuses_with 2 "'poems' is no suite; expected one of gsm8k, math500"
    weir eval gen math500 "$model" "$data/gsm8k.jsonl"
    refuses_with 3 'row 1: expected "problem", a text'
    weir eval gen gsm8k "$model" nothing.jsonl
    refuses_with 5 "nothing.jsonl"
    weir eval gen math500 "$model" "$data/math500.jsonl" --shots x
    refuses_with 2 "--shots is not for math500"
    weir eval gen gsm8k "$model" "$data/gsm8k.jsonl" --shuffle-seed 1
    refuses_with 2 "--shuffle-seed is not for gsm8k"
    weir eval gen gsm8k "$model" "$data/gsm8k.jsonl" --resume
    refuses_with 2 "--resume needs the --journal"
    weir eval gen gsm8k "$model" "$data/gsm8k.jsonl" --n-samples 0
    refuses_with 2 "--n-samples: expected 1 at least"
    weir eval gen gsm8k "$model" "$data/gsm8k.jsonl" --ctx 32
    [ "$code" -ne 0 ] && grep -q "item '0': .*--ctx" "$err" || explain
    printf '{"question": "a", "answer": "#### 1"}\n{"question": "b", "answer": "none"}\n' >bad.jsonl
    weir eval gen gsm8k "$model" bad.jsonl
    refuses_with 3 'bad.jsonl: row 2: expected "answer" to end in ####'
    printf '{"question": "a"\n' >cut.jsonl
    weir eval gen gsm8k "$model" cut.jsonl
    refuses_with 3 "cut.jsonl: line 1"
    printf 'Question,Correct Answer\n"a,b\n' >cut.csv
    weir eval gen gpqa "$model" cut.csv
    refuses_with 3 "cut.csv: line 2: a quoted field does not end"
    sed 's/simple_python_0/simple_java_0/' "$data/BFCL_v4_small.json" >java.json
    weir eval score bfcl java.json a.jsonl --answers "$data/possible_answer/BFCL_v4_small.json"
    refuses_with 3 "category simple_java cannot be judged here"
    cp "$data/BFCL_v4_small.json" alone.json
    weir eval score bfcl alone.json a.jsonl
    refuses_with 3 "no file of accepted calls"
}
