/*
 * test_expert_sizes.c: experts from the disk whose matrices have several sizes, as mixes of formats
 * have them, and more sizes than there are pools of slots: with any room the bits are those of an
 * engine that has all in memory, and what lies in a slot is the matrix that is said to be there.
 */
#include "base/compiler.h"
#include "cpu/cpu_backend.h"
#include "engine/engine.h"
#include "engine_fixture.h"
#include "unit/temp_folder.h"
#include "weir_quantize.h"

#include <xxhash.h>

enum { PROMPT = 50, DECODED = 12, N_ROOMS = 5 };

typedef struct mix {
    const char *type;
    const char *const *rules; /* [n_rules] */
    size_t n_rules;
    uint32_t n_classes; /* of slots */
} mix;

/* Every row a multiple of 256, so that every format fits. */
static const char config[] =
    "{\"model_type\": \"lfm2_moe\", \"architectures\": [\"Lfm2MoeForCausalLM\"], "
    "\"vocab_size\": 512, \"hidden_size\": 256, \"num_hidden_layers\": 5, "
    "\"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"intermediate_size\": 256, "
    "\"moe_intermediate_size\": 256, \"num_dense_layers\": 1, \"num_experts\": 10, "
    "\"num_experts_per_tok\": 2, \"use_expert_bias\": true, \"norm_topk_prob\": true, "
    "\"routed_scaling_factor\": 1.0, \"conv_L_cache\": 3, \"conv_bias\": false, "
    "\"norm_eps\": 1e-05, \"max_position_embeddings\": 2048, \"rope_theta\": 1000000.0, "
    "\"layer_types\": [\"conv\", \"full_attention\", \"conv\", \"full_attention\", "
    "\"conv\"], \"tie_word_embeddings\": true, \"bos_token_id\": 1, \"eos_token_id\": 7, "
    "\"pad_token_id\": 0}";

/* A random model, its matrices in the formats of a mix. */
static weir_model *make_model(const mix *m, const char *path) {
    const char *config_path = in_temp("config.json");
    const weir_synth_options synth = {
        .config = config_path, .type = "f16", .seed = 3, .overwrite = true};
    const weir_quantize_options o = {
        .type = m->type, .rules = m->rules, .n_rules = m->n_rules, .overwrite = true};
    const char *from = in_temp("f16.gguf");
    weir_model *model = NULL;
    temp_write(config_path, config, sizeof config - 1);
    REQUIRE_OK(weir_synth(from, &synth, &test_err));
    REQUIRE_OK(weir_quantize(from, path, &o, NULL, &test_err));
    REQUIRE_OK(weir_model_open(&model, path, &test_err));
    return model;
}

static weir_engine_options options_with(uint64_t ram) {
    return (weir_engine_options){
        .n_ctx = 128, .n_batch = 64, .n_threads = 2, .no_pin = true, .ram_bytes = ram};
}

/* A hash of logits behind a prompt, which meets all experts, and behind single tokens. */
static uint64_t talk(weir_engine *engine, uint32_t n_vocab) {
    dice d = {.seed = 9};
    int32_t tokens[PROMPT];
    uint64_t hash = 0;
    weir_seq *seq = NULL;
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    for (int i = 0; i <= DECODED; i++) {
        size_t n = i == 0 ? PROMPT : 1;
        roll_tokens(&d, n_vocab, tokens, (uint32_t)n);
        REQUIRE_OK(weir_seq_append(seq, tokens, n, &test_err));
        REQUIRE_OK(weir_seq_run(seq, &test_err));
        hash = XXH64(weir_seq_logits(seq), n_vocab * sizeof(float), hash);
    }
    weir_seq_close(&seq);
    return hash;
}

/* ---- what lies where ----------------------------------------------------------------------- */

static void check_slot(const weir_cpu *cpu, const weir_weight *mapped, const uint8_t *slot) {
    static uint8_t strip[1 << 14];
    if (!weir_cpu_is_packed(cpu, mapped)) {
        assert_memory_equal(slot, mapped->data, mapped->rows * mapped->row_bytes);
        return;
    }
    size_t strip_bytes = weir_t16_strip_bytes(mapped->format->id, mapped->cols);
    assert_true(strip_bytes <= sizeof strip);
    for (uint32_t s = 0; s < mapped->rows / WEIR_T16_ROWS; s++) {
        weir_t16_pack(mapped->format->id,
                      mapped->data + (size_t)s * WEIR_T16_ROWS * mapped->row_bytes,
                      mapped->row_bytes, mapped->cols, strip);
        assert_memory_equal(slot + s * strip_bytes, strip, strip_bytes);
    }
}

/* Every unit that is there has a slot of its class to itself, large enough, with its bytes in it.
 */
static void check_slots(const weir_engine *engine, const mix *m) {
    const weir_cpu *cpu = (const weir_cpu *)engine->backend;
    const weir_expert_stream *s = cpu->experts;
    uint32_t n_units = 0, n_here = 0;
    assert_non_null(s);
    assert_int_equal(s->n_classes, m->n_classes);
    for (uint32_t i = 0; i < s->n_classes; i++) {
        const weir_expert_class *c = &s->classes[i];
        assert_int_equal(c->slot_bytes % 64, 0);
        assert_true(c->n_units > 0 && c->n_slots <= c->n_units && c->n_filled <= c->n_slots);
        assert_true(c->n_slots >= WEIR_EXPERT_PARTS * s->n_used || c->n_slots == c->n_units);
        n_units += c->n_units;
    }
    assert_int_equal(n_units, s->n_units);
    for (uint32_t u = 0; u < s->n_units; u++) {
        const weir_expert_unit *unit = &s->units[u];
        uint32_t part = u / s->n_experts;
        const weir_layer *layer = &engine->model->layers[s->first_layer + part / WEIR_EXPERT_PARTS];
        const weir_weight *const parts[] = {layer->experts_gate, layer->experts_up,
                                            layer->experts_down};
        const weir_weight *mapped = &parts[part % WEIR_EXPERT_PARTS][u % s->n_experts];
        if (unit->state != WEIR_EXPERT_HERE)
            continue;
        n_here++;
        assert_int_equal(s->classes[unit->class_of].unit_of[unit->slot], u);
        assert_ptr_equal(s->weights[u].data, weir_expert_slot(s, unit));
        check_slot(cpu, mapped, weir_expert_slot(s, unit));
    }
    assert_true(n_here > 0);
}

/* ---- the mixes ----------------------------------------------------------------------------- */

static void check_mix(const mix *m) {
    weir_model *model = make_model(m, in_temp("mix.gguf"));
    weir_engine *engine = open_engine(model, options_with(0));
    uint64_t expected = talk(engine, vocab_of(model));
    weir_engine_close(&engine);
    weir_engine_options o = options_with(0);
    weir_plan plan;
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    uint64_t all = plan.total_bytes;
    o.ram_bytes = 1;
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    uint64_t least = plan.total_bytes;
    uint32_t n_least = plan.n_expert_slots, n_before = 0;
    assert_true(least < all);
    for (uint64_t i = 0; i < N_ROOMS; i++) {
        o.ram_bytes = least + (all - 1 - least) * i / (N_ROOMS - 1);
        REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
        assert_true(plan.total_bytes <= o.ram_bytes && plan.streamed_bytes > 0);
        assert_true(plan.n_expert_slots >= n_before);
        n_before = plan.n_expert_slots;
        engine = open_engine(model, o);
        assert_int_equal(talk(engine, vocab_of(model)), expected);
        check_slots(engine, m);
        weir_engine_close(&engine);
    }
    assert_true(n_before > n_least); /* what room there was has been used */
    weir_model_close(&model);
}

/* As llama.cpp's mix: down in q6_k in some of the layers. */
static void test_two_sizes(void **state) {
    (void)state;
    check_mix(&(mix){"q4_k_m", NULL, 0, 2});
}

/* Packed ones beside such as are not. */
static void test_three_sizes(void **state) {
    (void)state;
    static const char *const rules[] = {"*ffn_gate_exps.weight=q8_0", "*ffn_up_exps.weight=q2_k"};
    check_mix(&(mix){"q5_0", rules, WEIR_COUNT(rules), 3});
}

/* Eleven sizes in eight pools: the last takes what comes after. */
static void test_more_sizes_than_pools(void **state) {
    (void)state;
    static const char *const rules[] = {
        "blk.1.ffn_gate_exps.weight=q2_k",  "blk.1.ffn_up_exps.weight=q3_k",
        "blk.1.ffn_down_exps.weight=mxfp4", "blk.2.ffn_gate_exps.weight=q4_0",
        "blk.2.ffn_up_exps.weight=q4_1",    "blk.2.ffn_down_exps.weight=q5_0",
        "blk.3.ffn_gate_exps.weight=q5_1",  "blk.3.ffn_up_exps.weight=q6_k",
        "blk.3.ffn_down_exps.weight=q8_0",  "blk.4.ffn_gate_exps.weight=f32",
        "blk.4.ffn_up_exps.weight=f16",     "blk.4.ffn_down_exps.weight=iq4_xs"};
    check_mix(&(mix){"q4_k", rules, WEIR_COUNT(rules), WEIR_EXPERT_CLASSES});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_sizes),
        cmocka_unit_test(test_three_sizes),
        cmocka_unit_test(test_more_sizes_than_pools),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
