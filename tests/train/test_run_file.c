/* test_run_file.c: what a run file says, its defaults, what is refused and with which words, and
 * what the hash over it sees. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/compiler.h"
#include "train/run_file.h"
#include "unit/temp_folder.h"

static weir_run_file file;

static weir_status parse(const char *text, weir_error *err) {
    return weir_run_file_parse(&file, text, strlen(text), "r.json", "dir", err);
}

static void require(const char *text) {
    weir_error err = {0};
    if (parse(text, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
}

/* HEAD, more keys, "}" */
#define HEAD                                                                             \
    "{\"model\": \"c.json\", \"tokenizer\": \"tok\", \"steps\": 100,"                    \
    "\"sources\": [{\"name\": \"a\", \"path\": \"a.txt\"}, {\"name\": \"b\", \"path\": " \
    "\"/b.txt\"}]"

static void test_defaults(void **state) {
    (void)state;
    require(HEAD "}");
    assert_string_equal(file.config_path, "dir/c.json");
    assert_null(file.config);
    assert_null(file.init);
    assert_null(file.out);
    assert_string_equal(file.tokenizer, "dir/tok");
    assert_string_equal(file.sources[0].path, "dir/a.txt");
    assert_string_equal(file.sources[1].path, "/b.txt");
    assert_int_equal(file.n_sources, 2);
    assert_int_equal(file.n_stages, 1);
    assert_true(file.stages[0].until == 1 && file.stages[0].context == 512);
    assert_true(file.stages[0].weights[0] == 1 && file.stages[0].weights[1] == 1);
    assert_int_equal(file.batch_tokens, 16384);
    assert_int_equal(file.micro_tokens, 4096);
    assert_int_equal(file.sources[0].max_tokens, 512);
    assert_int_equal(file.optimizer.kind, WEIR_OPTIMIZER_ADAMW);
    assert_true(file.optimizer.clip == 1 && file.optimizer.weight_decay == 0.1f);
    assert_true(file.schedule.kind == WEIR_SCHEDULE_WSD && file.schedule.peak == 1e-3);
    assert_int_equal(file.schedule.n_steps, 100);
    assert_true(file.skip_z == 0 && file.sample_steps == 0 && file.n_prompts == 0);
    weir_run_file_free(&file);
}

static void test_everything(void **state) {
    (void)state;
    require(
        "{\"init\": \"/m\", \"tokenizer\": \"/t\", \"out\": \"o\", \"seed\": 7,"
        "\"sources\": [{\"name\": \"s\", \"gen\": {\"kind\": \"story\", \"n\": 10, \"first\": 3, "
        "\"seed\": 4, \"held_out\": true}, \"weight\": 0.5, \"assistant_only\": true, "
        "\"max_tokens\": 300}, {\"name\": \"t\", \"path\": \"t.jsonl\", \"split\": \"train\"}],"
        "\"validation\": [{\"name\": \"v\", \"path\": \"v.jsonl\", \"split\": \"val\"}, "
        "{\"name\": \"m\", \"path\": \"m.txt\", \"split\": \"val\", \"manifest\": \"m.json\"}],"
        "\"tokens\": 1.00001e5, \"context\": 256, \"batch_tokens\": 2000, \"micro_tokens\": 1000,"
        "\"stages\": [{\"until\": 0.5, \"weights\": {\"t\": 2}}, {\"context\": 1000}],"
        "\"optimizer\": {\"kind\": \"muon\", \"learning_rate\": 0.002, \"betas\": [0.8, 0.9], "
        "\"eps\": 1e-6, \"weight_decay\": 0, \"clip\": 0, \"momentum\": 0.9},"
        "\"schedule\": {\"kind\": \"cosine\", \"warmup\": 0.1, \"decay\": 0.3, \"floor\": 0.2, "
        "\"cosine_decay\": true},"
        "\"router_bias\": {\"rate\": 0.01, \"freeze\": 0.25},"
        "\"checkpoint\": {\"every_steps\": 5, \"every_seconds\": 6.5, \"keep\": 3},"
        "\"eval\": {\"every_steps\": 8, \"max_tokens\": 9},"
        "\"samples\": {\"every_steps\": 10, \"max_tokens\": 11, \"temperature\": 0, \"prompts\": "
        "[\"hi\", {\"text\": \"once\"}]},"
        "\"skip\": {\"z\": 4, \"after\": 12}, \"recompute\": true, \"exact\": true}");
    assert_string_equal(file.init, "/m");
    assert_string_equal(file.out, "dir/o");
    assert_int_equal(file.seed, 7);
    const weir_run_source *s = &file.sources[0];
    assert_null(s->path);
    assert_string_equal(s->gen_kind, "story");
    assert_true(s->gen_n == 10 && s->gen_first == 3 && s->gen_seed == 4 && s->gen_held_out);
    assert_true(s->weight == 0.5 && s->assistant_only && s->max_tokens == 300);
    assert_string_equal(file.sources[1].split, "train");
    assert_int_equal(file.sources[1].max_tokens, 1000); /* the longest window */
    assert_string_equal(file.validation[0].name, "v");
    assert_string_equal(file.validation[1].manifest, "dir/m.json");
    assert_int_equal(file.n_steps, 51); /* 100001 tokens do not fit into 50 */
    assert_int_equal(file.n_stages, 2);
    assert_true(file.stages[0].weights[0] == 0 && file.stages[0].weights[1] == 2);
    assert_true(file.stages[1].weights[0] == 0.5 && file.stages[1].weights[1] == 1);
    assert_true(file.stages[0].context == 256 && file.stages[1].context == 1000);
    assert_int_equal(weir_run_file_longest(&file), 1000);
    assert_int_equal(weir_run_file_stage(&file, 0), 0);
    assert_int_equal(weir_run_file_stage(&file, 25), 0); /* 25 of 51 are less than half */
    assert_int_equal(weir_run_file_stage(&file, 26), 1);
    assert_int_equal(weir_run_file_stage(&file, 50), 1);
    assert_int_equal(file.optimizer.kind, WEIR_OPTIMIZER_MUON);
    assert_true(file.optimizer.beta1 == 0.8f && file.optimizer.beta2 == 0.9f);
    assert_true(file.optimizer.eps == 1e-6f && file.optimizer.momentum == 0.9f);
    assert_true(file.optimizer.weight_decay == 0 && file.optimizer.clip == 0);
    assert_true(file.schedule.kind == WEIR_SCHEDULE_COSINE && file.schedule.peak == 0.002);
    assert_true(file.schedule.warmup == 0.1 && file.schedule.decay == 0.3);
    assert_true(file.schedule.floor == 0.2 && file.schedule.is_cosine_decay);
    assert_true(file.bias_rate == 0.01f && file.bias_freeze == 0.25);
    assert_true(file.save_steps == 5 && file.save_seconds == 6.5 && file.n_keep == 3);
    assert_true(file.eval_steps == 8 && file.eval_tokens == 9);
    assert_true(file.sample_steps == 10 && file.sample_tokens == 11);
    assert_true(file.sample_temperature == 0 && file.n_prompts == 2);
    assert_string_equal(file.prompts[0].text, "hi");
    assert_true(!file.prompts[0].is_raw && file.prompts[1].is_raw);
    assert_true(file.skip_z == 4 && file.skip_after == 12);
    assert_true(file.recompute && file.is_exact);
    weir_run_file_free(&file);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "r.json:1:0: "},
        {"{\"steps\": 1,\n \"steps\": 2}", "r.json:2:"},
        {"[]", "r.json: expected a JSON object"},
        {"{}", "r.json: model: expected either 'model'"},
        {"{\"model\": 3}", "model: expected the path of a config.json, or an object"},
        {"{\"model\": \"c\", \"init\": \"m\"}", "model: expected either"},
        {"{\"model\": \"c\", \"init_share\": 0.5}", "init_share: expected only with 'init'"},
        {"{\"init\": \"c\", \"init_share\": 1.5}", "init_share"},
        {"{\"model\": \"c\", \"init_layers\": [0]}", "init_layers: expected only with 'init'"},
        {"{\"init\": \"c\", \"init_layers\": []}", "init_layers: expected a list of 1 to 512"},
        {"{\"init\": \"c\", \"init_layers\": [0, -1]}",
         "init_layers[1]: expected a whole number from 0 to 511"},
        {"{\"model\": \"c\"}", "tokenizer: is missing"},
        {"{\"model\": \"c\", \"tokenizer\": \"t\"}", "sources: expected at least one"},
        {HEAD ", \"tokenizers\": 1}", "r.json: tokenizers: unknown key"},
        {HEAD ", \"tokens\": 5}", "tokens: expected either 'tokens' or 'steps'"},
        {"{\"model\": \"c\", \"tokenizer\": \"t\", \"steps\": 1000000000001, \"sources\": []}",
         "steps: expected a whole number from 1 to 1000000000000"},
        {HEAD ", \"context\": 1}", "context: expected a whole number from 2 to 16777216"},
        {HEAD ", \"context\": 5.5}", "context: expected a whole number"},
        {HEAD ", \"context\": \"5\"}", "context: expected a whole number"},
        {HEAD ", \"seed\": -1}", "seed: expected a whole number from 0"},
        {HEAD ", \"out\": \"\"}", "out: expected a path"},
        {HEAD ", \"exact\": 1}", "exact: expected true or false"},
        {HEAD ", \"batch_tokens\": 511}", "batch_tokens: 511 tokens, but a window has up to 512"},
        {HEAD ", \"micro_tokens\": 511}", "micro_tokens: 511 tokens, but a window has up to 512"},
        {HEAD ", \"micro_tokens\": 1000}", "micro_tokens: must divide batch_tokens (16384)"},
        {HEAD ", \"sources\": 1}", "r.json:1:"}, /* twice */
        {HEAD ", \"validation\": [{\"path\": \"x\"}]}", "validation[0].name: is missing"},
        {HEAD ", \"validation\": [{\"name\": \"a\", \"path\": \"x\"}]}",
         "validation[0].name: is another source's too"},
        {HEAD ", \"validation\": [{\"name\": \"../x\", \"path\": \"x\"}]}",
         "validation[0].name: names a file"},
        {HEAD ", \"validation\": [{\"name\": \".x\", \"path\": \"x\"}]}", "name: names a file"},
        {HEAD ", \"validation\": [{\"name\": \"x\"}]}",
         "validation[0]: expected either 'path' or 'gen'"},
        {HEAD ", \"validation\": [{\"name\": \"x\", \"path\": \"x\", \"gen\": {}}]}",
         "expected either 'path' or 'gen'"},
        {HEAD ", \"validation\": [{\"name\": \"x\", \"path\": \"x\", \"weight\": 1}]}",
         "validation[0].weight: unknown key"},
        {HEAD ", \"validation\": [{\"name\": \"x\", \"gen\": {\"n\": 3}}]}",
         "validation[0].gen.kind: is missing"},
        {HEAD ", \"validation\": [{\"name\": \"x\", \"gen\": {\"kind\": \"story\"}}]}",
         "validation[0].gen.n: is missing"},
        {HEAD ", \"validation\": [{\"name\": \"x\", \"gen\": {\"kind\": 1}}]}",
         "validation[0].gen.kind: expected a string"},
        {HEAD ", \"validation\": [{\"name\": \"x\", \"gen\": {\"kind\": \"poem\", \"n\": 1}}]}",
         "validation[0].gen.kind: expected one of story|instruction|tool|identity|recall|catalog"},
        {HEAD ", \"validation\": [{\"name\": \"x\", \"gen\": {\"kind\": \"tool\", \"n\": 1}, "
              "\"split\": \"a\"}]}",
         "validation[0].split: generated text has none"},
        {HEAD ", \"validation\": [{\"name\": \"x\", \"path\": \"x.txt.zst\", \"split\": \"a\"}]}",
         "validation[0].split: a text has no rows; expected also a 'manifest'"},
        {HEAD ", \"validation\": [{\"name\": \"x\", \"path\": \"x.txt\", \"manifest\": \"m\"}]}",
         "validation[0].manifest: expected only with a .txt and a 'split'"},
        {HEAD ", \"stages\": []}", "stages: expected a list of 1 to 16 stages"},
        {HEAD ", \"stages\": [{\"until\": 0.5}]}", "stages[0].until: must be 1 in the last stage"},
        {HEAD ", \"stages\": [{}, {}]}", "stages[0].until: must be above"},
        {HEAD ", \"stages\": [{\"until\": 0.5}, {\"until\": 0.5}, {}]}",
         "stages[1].until: must be above"},
        {HEAD ", \"stages\": [{\"weights\": {\"c\": 1}}]}", "stages[0].weights.c: unknown key"},
        {HEAD ", \"stages\": [{\"weights\": {\"a\": -1}}]}",
         "stages[0].weights.a: expected a number from 0"},
        {HEAD ", \"stages\": [{\"weights\": {\"a\": 0}}]}",
         "stages[0].weights: no source has a weight above 0"},
        {HEAD ", \"optimizer\": {\"kind\": \"sgd\"}}",
         "optimizer.kind: expected one of adamw|muon"},
        {HEAD ", \"optimizer\": {\"kind\": \"adam\"}}", "optimizer.kind: expected one of"},
        {HEAD ", \"optimizer\": {\"betas\": [0.9]}}", "optimizer.betas: expected two numbers"},
        {HEAD ", \"optimizer\": {\"betas\": [0.9, 1]}}",
         "optimizer.betas[1]: expected a number from 0.01 to 0.99999"},
        {HEAD ", \"optimizer\": {\"learning_rate\": 0}}", "optimizer.learning_rate: expected"},
        {HEAD ", \"optimizer\": {\"lr\": 0.1}}", "optimizer.lr: unknown key"},
        {HEAD ", \"optimizer\": 1}", "optimizer: expected a JSON object"},
        {HEAD ", \"schedule\": {\"warmup\": 0.9}}", "schedule.warmup: with 'decay' it is more"},
        {HEAD ", \"samples\": {\"every_steps\": 5}}", "samples.prompts: is missing"},
        {HEAD ", \"samples\": {\"prompts\": [\"\"]}}", "samples.prompts[0]: expected a text"},
        {HEAD ", \"samples\": {\"prompts\": [{}]}}", "samples.prompts[0].text: expected a text"},
        {HEAD ", \"samples\": {\"prompts\": [5]}}", "samples.prompts[0]: expected a string"},
        {HEAD ", \"samples\": {\"prompts\": [\"a\\u0000b\"]}}", "r.json:1:"},
        {HEAD ", \"checkpoint\": {\"keep\": 0}}", "checkpoint.keep: expected a whole number"},
    };
    for (size_t i = 0; i < WEIR_COUNT(cases); i++) {
        weir_error err = {0};
        weir_status status = parse(cases[i].text, &err);
        if (status != WEIR_STATUS_BAD_FILE || !strstr(err.text, cases[i].part) ||
            strncmp(err.text, "r.json:", 7) != 0)
            fail_msg("case %zu: expected '%s', got %d '%s'", i, cases[i].part, (int)status,
                     err.text);
        assert_true(file.n_owned == 0 && !file.owned);
    }
}

/* ---- the hash ------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *text) {
    weir_hparams h = {.n_layers = 1, .d_model = 64, .n_vocab = 9, .n_heads = 1, .head_dim = 64};
    uint64_t hash = 0;
    weir_error err = {0};
    require(text);
    assert_int_equal(weir_run_file_hash(&file, &h, &hash, &err), WEIR_STATUS_OK);
    weir_run_file_free(&file);
    return hash;
}

static void test_hash(void **state) {
    (void)state;
    uint64_t plain = hash_of(HEAD "}");
    /* What is only looked at, and what says the same in other words. */
    static const char *const same[] = {
        HEAD ", \"out\": \"elsewhere\"}",
        HEAD ", \"eval\": {\"every_steps\": 3}}",
        HEAD ", \"checkpoint\": {\"keep\": 9}}",
        HEAD ", \"samples\": {\"every_steps\": 3, \"prompts\": [\"x\"]}}",
        HEAD ", \"validation\": [{\"name\": \"v\", \"path\": \"v\"}]}",
        HEAD ", \"context\": 512, \"stages\": [{}]}",
        HEAD ", \"optimizer\": {\"learning_rate\": 1e-3}}",
    };
    static const char *const other[] = {
        HEAD ", \"seed\": 1}",
        HEAD ", \"context\": 256}",
        HEAD ", \"batch_tokens\": 8192}",
        HEAD ", \"micro_tokens\": 2048}",
        HEAD ", \"exact\": true}",
        HEAD ", \"stages\": [{\"weights\": {\"a\": 1}}]}",
        HEAD ", \"stages\": [{\"until\": 0.5}, {\"context\": 256}]}",
        HEAD ", \"optimizer\": {\"learning_rate\": 2e-3}}",
        HEAD ", \"optimizer\": {\"kind\": \"muon\"}}",
        HEAD ", \"optimizer\": {\"betas\": [0.9, 0.99]}}",
        HEAD ", \"schedule\": {\"floor\": 0.5}}",
        HEAD ", \"router_bias\": {\"rate\": 0.5}}",
        HEAD ", \"skip\": {\"z\": 5}}",
    };
    for (size_t i = 0; i < WEIR_COUNT(same); i++)
        if (hash_of(same[i]) != plain)
            fail_msg("%s is not the same", same[i]);
    for (size_t i = 0; i < WEIR_COUNT(other); i++)
        if (hash_of(other[i]) == plain)
            fail_msg("%s is the same", other[i]);
}

static void test_init_layers(void **state) {
    (void)state;
#define INIT                                                \
    "{\"init\": \"m\", \"tokenizer\": \"t\", \"steps\": 9," \
    "\"sources\": [{\"name\": \"a\", \"path\": \"a\"}], \"init_layers\": [0, "
    require(INIT "511, 511]}");
    assert_int_equal(file.n_init_layers, 3);
    assert_int_equal(file.init_layers[0], 0);
    assert_int_equal(file.init_layers[1], 511);
    assert_int_equal(file.init_layers[2], 511);
    weir_run_file_free(&file);
    assert_true(hash_of(INIT "2]}") == hash_of(INIT "2], \"out\": \"o\"}"));
    assert_true(hash_of(INIT "2]}") != hash_of(INIT "3]}"));
    assert_true(hash_of(INIT "2]}") != hash_of(INIT "2, 2]}"));
}

/* ---- files ---------------------------------------------------------------------------------- */

static void write_text(const char *name, const char *text) {
    FILE *to = fopen(in_temp(name), "w");
    assert_non_null(to);
    fputs(text, to);
    fclose(to);
}

static void test_read(void **state) {
    (void)state;
    weir_error err = {0};
    write_text("run.json", HEAD "}");
    assert_int_equal(weir_run_file_read(&file, in_temp("run.json"), &err), WEIR_STATUS_IO);
    assert_non_null(strstr(err.text, "c.json"));
    assert_int_equal(file.n_owned, 0);
    write_text("c.json", "{\"hidden_size\": 5}");
    if (weir_run_file_read(&file, in_temp("run.json"), &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    assert_string_equal(file.config, "{\"hidden_size\": 5}");
    assert_string_equal(file.config_name, in_temp("c.json"));
    weir_run_file_free(&file);
    assert_int_equal(weir_run_file_read(&file, in_temp("none.json"), &err), WEIR_STATUS_IO);
    write_text("inline.json",
               "{\"model\": {\"hidden_size\": 6}, \"tokenizer\": \"t\", \"steps\": 1,"
               "\"sources\": [{\"name\": \"a\", \"path\": \"a\"}]}");
    if (weir_run_file_read(&file, in_temp("inline.json"), &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    assert_string_equal(file.config, "{\"hidden_size\":6}");
    assert_string_equal(file.config_name, in_temp("inline.json"));
    weir_run_file_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_everything),
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_hash),
        cmocka_unit_test(test_init_layers), cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
