/*
 * test_quantize_mix.c: which format a tensor takes: the layers that the published files of the
 * known models have in more bits, their sizes, and every branch of the rules on models made for it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/quantize_plan.h"
#include "convert/synth_parts.h"

static weir_hparams shape(const char *name) {
    weir_hparams h;
    char called[WEIR_SYNTH_NAME];
    weir_error err = {0};
    if (weir_synth_find_config(&h, called, name, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return h;
}

static const char *format_in(const char *mix, const weir_hparams *h, bool has_importance,
                             const char *tensor) {
    weir_part part;
    uint32_t layer;
    assert_true(weir_mix_part(tensor, &part, &layer));
    return weir_mix_format(weir_mix_by_name(mix), h, has_importance, part, layer, 2048)->name;
}

/* The layers in which a tensor has a format: "0,1,4". */
static const char *layers_with(const char *mix, const weir_hparams *h, bool has_importance,
                               const char *tail, const char *format) {
    static char text[256];
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < h->n_layers; i++) {
        char name[WEIR_GGUF_NAME];
        snprintf(name, sizeof name, "blk.%u.%s", i, tail);
        if (strncmp(tail, "attn_v", 6) == 0 && h->kind[i] != WEIR_LAYER_ATTN)
            continue;
        if (strcmp(format_in(mix, h, has_importance, name), format) == 0)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%u", n > 0 ? "," : "", i);
    }
    return text;
}

static void expect_layers(const char *mix, const weir_hparams *h, bool has_importance,
                          const char *tail, const char *format, const char *layers) {
    const char *found = layers_with(mix, h, has_importance, tail, format);
    if (strcmp(found, layers) != 0)
        fail_msg("%s, %s: %s in layers %s, expected %s", mix, tail, format, found, layers);
}

/* ---- known models --------------------------------------------------------------------------- */

static void test_layers_of_known_models(void **state) {
    (void)state;
    static const struct {
        const char *model, *ffn_down, *attn_v;
    } rows[] = {
        {"lfm2-350m", "0,1,4,7,10,13,14,15", "8,14"},
        {"lfm2-700m", "0,1,4,7,10,13,14,15", "8,14"},
        {"lfm2-1.2b", "0,1,4,7,10,13,14,15", "8,14"},
        {"lfm2-2.6b", "0,1,2,5,8,11,14,17,20,23,26,27,28,29", "2,13,24,27"},
        {"lfm2-8b-a1b", "0,1,2,5,8,11,14,17,20,21,22,23", "10,21"},
        {"lfm2-24b-a2b", "0,1,2,3,4,7,10,13,16,19,22,25,28,31,34,35,36,37,38,39", "2,14,26,34,38"},
    };
    static const char *const mixes[] = {"q4_k_m", "q5_k_m"};
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        weir_hparams h = shape(rows[i / 2].model);
        expect_layers(mixes[i % 2], &h, i % 3 == 0, "ffn_down.weight", "q6_k",
                      rows[i / 2].ffn_down);
        expect_layers(mixes[i % 2], &h, i % 3 == 0, "ffn_down_exps.weight", "q6_k",
                      rows[i / 2].ffn_down);
        expect_layers(mixes[i % 2], &h, i % 3 == 0, "attn_v.weight", "q6_k", rows[i / 2].attn_v);
    }
}

static uint64_t bytes_in(const char *mix, const weir_hparams *h) {
    weir_layout layout;
    uint64_t sum = 0;
    assert_int_equal(weir_layout_make(&layout, h, NULL), WEIR_STATUS_OK);
    for (size_t i = 0; i < layout.n_tensors; i++) {
        const weir_planned *t = &layout.tensors[i];
        const weir_format *f = weir_format_by_id(WEIR_FORMAT_F32);
        if (t->is_matrix)
            f = weir_mix_format(weir_mix_by_name(mix), h, false, t->part, t->layer, t->n_cols);
        sum += t->n_rows * weir_format_row_bytes(f, t->n_cols);
    }
    weir_layout_free(&layout);
    return sum;
}

/* Bytes of tensors that were computed from the published rules and agree with published files. */
static void test_sizes_of_known_models(void **state) {
    (void)state;
    static const char *const mixes[] = {"q4_0", "q4_k_m", "q5_k_m", "q6_k", "q8_0", "f16"};
    static const struct {
        const char *model;
        double gb[6];
    } rows[] = {
        {"lfm2-350m", {0.217, 0.227, 0.258, 0.291, 0.377, 0.709}},
        {"lfm2-700m", {0.444, 0.466, 0.536, 0.609, 0.789, 1.485}},
        {"lfm2-1.2b", {0.693, 0.729, 0.841, 0.960, 1.244, 2.341}},
        {"lfm2-2.6b", {1.481, 1.561, 1.827, 2.108, 2.731, 5.139}},
        {"lfm2-8b-a1b", {4.732, 5.042, 5.917, 6.847, 8.866, 16.683}},
        {"lfm2.5-8b-a1b", {4.836, 5.147, 6.022, 6.952, 9.002, 16.939}},
        {"lfm2-24b-a2b", {13.465, 14.413, 16.916, 19.576, 25.350, 47.698}},
        {"lfm2.5-24b-a2b", {13.570, 14.518, 17.021, 19.681, 25.485, 47.954}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weir_hparams h = shape(rows[i].model);
        for (size_t k = 0; k < 6; k++) {
            double gb = (double)bytes_in(mixes[k], &h) / 1e9;
            if (fabs(gb - rows[i].gb[k]) > 0.00051)
                fail_msg("%s in %s: %.4f GB, expected %.3f", rows[i].model, mixes[k], gb,
                         rows[i].gb[k]);
        }
    }
}

/* ---- rules ---------------------------------------------------------------------------------- */

/* A format for each of: head, embedding (untied), attn_q, attn_k, attn_v, attn_output, conv_in,
 * ffn_gate, ffn_down of layer 8 of 16, in attention where it must be. */
static void expect_formats(const char *mix, const weir_hparams *h, const char *const expected[9]) {
    static const char *const tensors[] = {"output.weight",
                                          "token_embd.weight",
                                          "blk.8.attn_q.weight",
                                          "blk.8.attn_k.weight",
                                          "blk.8.attn_v.weight",
                                          "blk.8.attn_output.weight",
                                          "blk.9.shortconv.in_proj.weight",
                                          "blk.8.ffn_gate.weight",
                                          "blk.8.ffn_down.weight"};
    for (size_t i = 0; i < 9; i++) {
        const char *found = format_in(mix, h, false, tensors[i]);
        if (strcmp(found, expected[i]) != 0)
            fail_msg("%s, %s: %s, expected %s", mix, tensors[i], found, expected[i]);
    }
}

static void test_formats_of_each_mix(void **state) {
    (void)state;
    static const struct {
        const char *mix, *expected[9];
    } rows[] = {
        {"q4_0", {"q6_k", "q4_0", "q4_0", "q4_0", "q4_0", "q4_0", "q4_0", "q4_0", "q4_0"}},
        {"q4_1", {"q6_k", "q4_1", "q4_1", "q4_1", "q4_1", "q4_1", "q4_1", "q4_1", "q4_1"}},
        {"q5_0", {"q6_k", "q5_0", "q5_0", "q5_0", "q5_0", "q5_0", "q5_0", "q5_0", "q5_0"}},
        {"q5_1", {"q6_k", "q5_1", "q5_1", "q5_1", "q5_1", "q5_1", "q5_1", "q5_1", "q5_1"}},
        {"q8_0", {"q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "q8_0"}},
        {"q2_k", {"q6_k", "q2_k", "q2_k", "q2_k", "q3_k", "q3_k", "q2_k", "q2_k", "q3_k"}},
        {"q3_k_s", {"q6_k", "q3_k", "q3_k", "q3_k", "q3_k", "q3_k", "q3_k", "q3_k", "q3_k"}},
        {"q3_k_m", {"q6_k", "q3_k", "q3_k", "q3_k", "q4_k", "q4_k", "q3_k", "q3_k", "q4_k"}},
        {"q3_k", {"q6_k", "q3_k", "q3_k", "q3_k", "q4_k", "q4_k", "q3_k", "q3_k", "q4_k"}},
        {"q3_k_l", {"q6_k", "q3_k", "q3_k", "q3_k", "q5_k", "q5_k", "q3_k", "q3_k", "q5_k"}},
        {"q4_k_s", {"q6_k", "q4_k", "q4_k", "q4_k", "q5_k", "q4_k", "q4_k", "q4_k", "q4_k"}},
        {"q4_k_m", {"q6_k", "q4_k", "q4_k", "q4_k", "q6_k", "q4_k", "q4_k", "q4_k", "q4_k"}},
        {"q5_k_s", {"q6_k", "q5_k", "q5_k", "q5_k", "q5_k", "q5_k", "q5_k", "q5_k", "q5_k"}},
        {"q5_k_m", {"q6_k", "q5_k", "q5_k", "q5_k", "q6_k", "q5_k", "q5_k", "q5_k", "q5_k"}},
        {"q6_k", {"q6_k", "q6_k", "q6_k", "q6_k", "q6_k", "q6_k", "q6_k", "q6_k", "q6_k"}},
        {"iq4_nl",
         {"q6_k", "iq4_nl", "iq4_nl", "iq4_nl", "iq4_nl", "iq4_nl", "iq4_nl", "iq4_nl", "iq4_nl"}},
        {"iq4_xs",
         {"q6_k", "iq4_xs", "iq4_xs", "iq4_xs", "iq4_xs", "iq4_xs", "iq4_xs", "iq4_xs", "iq4_xs"}},
        {"mxfp4", {"q8_0", "mxfp4", "mxfp4", "mxfp4", "mxfp4", "mxfp4", "mxfp4", "mxfp4", "mxfp4"}},
        {"mxfp4_moe", {"q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "q8_0"}},
        {"f16", {"f16", "f16", "f16", "f16", "f16", "f16", "f16", "f16", "f16"}},
        {"bf16", {"bf16", "bf16", "bf16", "bf16", "bf16", "bf16", "bf16", "bf16", "bf16"}},
        {"f32", {"f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32", "f32"}},
    };
    weir_hparams h = shape("lfm2-1.2b");
    h.is_tied = false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_formats(rows[i].mix, &h, rows[i].expected);
    /* the embedding is the head if there is no other */
    h.is_tied = true;
    assert_string_equal(format_in("q4_0", &h, false, "token_embd.weight"), "q6_k");
    assert_string_equal(format_in("q2_k", &h, true, "token_embd.weight"), "q6_k");
    assert_string_equal(format_in("q8_0", &h, false, "token_embd.weight"), "q8_0");
    assert_string_equal(format_in("mxfp4", &h, false, "token_embd.weight"), "q8_0");
    assert_string_equal(format_in("f16", &h, false, "token_embd.weight"), "f16");
}

static void test_first_layers(void **state) {
    (void)state;
    weir_hparams h = shape("lfm2-1.2b");
    expect_layers("q3_k_m", &h, false, "ffn_down.weight", "q5_k", "0");
    expect_layers("q3_k_m", &h, false, "attn_v.weight", "q5_k", "2,5");
    expect_layers("q4_k_s", &h, false, "ffn_down.weight", "q5_k", "0,1");
    expect_layers("q4_k_s", &h, false, "attn_v.weight", "q5_k", "2,5,8,10");
    expect_layers("iq4_xs", &h, false, "ffn_down.weight", "q5_k", "0,1");
    expect_layers("iq4_nl", &h, false, "ffn_down.weight", "q5_k", "0,1");
    expect_layers("q4_0", &h, false, "ffn_down.weight", "q4_1", "");
    expect_layers("q5_0", &h, false, "ffn_down.weight", "q5_1", "");
}

static void test_importance_changes_first_layers(void **state) {
    (void)state;
    weir_hparams h = shape("lfm2-24b-a2b");
    expect_layers("q4_0", &h, true, "ffn_down_exps.weight", "q4_1", "0,1,2,3,4");
    expect_layers("q5_0", &h, true, "ffn_down_exps.weight", "q5_1", "0,1,2,3,4");
    expect_layers("q4_1", &h, true, "ffn_down_exps.weight", "q5_1", "");
    expect_layers("iq4_xs", &h, true, "ffn_down_exps.weight", "q5_k", "");
    expect_layers("iq4_xs", &h, false, "ffn_down_exps.weight", "q5_k", "0,1,2,3,4");
    expect_layers("q4_0", &h, true, "ffn_up_exps.weight", "q4_1", "");
}

/* Only a model whose first layer is attention, with four heads of queries to one of keys. */
static void test_shared_keys(void **state) {
    (void)state;
    weir_hparams h = shape("lfm2-1.2b");
    h.kind[0] = WEIR_LAYER_ATTN;
    h.n_heads_kv[0] = 8;
    expect_layers("q2_k", &h, false, "attn_v.weight", "q4_k", "0,2,5,8,10,12,14");
    expect_layers("iq4_xs", &h, false, "attn_v.weight", "q5_k", "0,2,5,8,10,12,14");
    h.n_heads_kv[0] = 16;
    expect_layers("q2_k", &h, false, "attn_v.weight", "q4_k", "");
    expect_layers("iq4_nl", &h, false, "attn_v.weight", "q5_k", "");
}

static void test_eight_experts(void **state) {
    (void)state;
    static const struct {
        const char *mix, *attn_out;
    } rows[] = {{"q2_k", "q5_k"},   {"q3_k_s", "q5_k"}, {"q3_k_m", "q5_k"}, {"q3_k_l", "q3_k"},
                {"q4_k_s", "q5_k"}, {"q4_k_m", "q5_k"}, {"q5_k_s", "q5_k"}, {"q5_k_m", "q5_k"},
                {"iq4_nl", "q5_k"}, {"iq4_xs", "q5_k"}, {"q4_0", "q4_0"},   {"q6_k", "q6_k"}};
    weir_hparams h = shape("lfm2-8b-a1b");
    h.n_experts = 8;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *mix = rows[i].mix;
        assert_string_equal(format_in(mix, &h, false, "blk.10.attn_v.weight"), "q8_0");
        assert_string_equal(format_in(mix, &h, false, "blk.10.attn_k.weight"), "q8_0");
        assert_string_equal(format_in(mix, &h, false, "blk.10.attn_output.weight"),
                            rows[i].attn_out);
    }
    assert_string_equal(format_in("f16", &h, false, "blk.10.attn_v.weight"), "f16");
    assert_string_equal(format_in("mxfp4_moe", &h, false, "blk.10.ffn_up_exps.weight"), "mxfp4");
    assert_string_equal(format_in("mxfp4_moe", &h, false, "blk.10.attn_v.weight"), "q8_0");
    h.n_experts = 1;
    assert_string_equal(format_in("mxfp4_moe", &h, false, "blk.10.ffn_up_exps.weight"), "q8_0");
}

static void test_rows_that_do_not_divide(void **state) {
    (void)state;
    static const struct {
        const char *format;
        uint64_t n_cols;
        const char *expected;
    } rows[] = {{"q2_k", 256, "q2_k"},    {"q2_k", 96, "q4_0"},  {"q3_k", 96, "q4_0"},
                {"q4_k", 96, "q5_0"},     {"q5_k", 96, "q5_1"},  {"q6_k", 96, "q8_0"},
                {"iq4_xs", 96, "iq4_nl"}, {"iq4_nl", 24, "f16"}, {"q2_k", 24, "f16"},
                {"q8_0", 24, "f16"},      {"mxfp4", 24, "f16"},  {"f32", 24, "f32"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(weir_mix_fit(weir_format_by_name(rows[i].format), rows[i].n_cols)->name,
                            rows[i].expected);
    /* a head whose rows the mix's own format does not divide has 8 bits */
    weir_hparams h = shape("lfm2-1.2b");
    const weir_quantize_mix *q4_k_m = weir_mix_by_name("q4_k_m"), *q4_0 = weir_mix_by_name("q4_0");
    assert_string_equal(weir_mix_format(q4_k_m, &h, false, WEIR_PART_EMBED, 0, 96)->name, "q8_0");
    assert_string_equal(weir_mix_format(q4_0, &h, false, WEIR_PART_EMBED, 0, 96)->name, "q8_0");
    assert_string_equal(weir_mix_format(q4_0, &h, false, WEIR_PART_EMBED, 0, 24)->name, "f16");
}

static void test_names_and_numbers(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint32_t file_type;
    } rows[] = {{"f32", 0},     {"F16", 1},     {"q4_0", 2},    {"q4_1", 3},      {"q8_0", 7},
                {"q5_0", 8},    {"q5_1", 9},    {"q2_k", 10},   {"q3_k_s", 11},   {"q3_k_m", 12},
                {"q3_k", 12},   {"q3_k_l", 13}, {"q4_k_s", 14}, {"q4_k_m", 15},   {"Q4_K", 15},
                {"q5_k_s", 16}, {"q5_k_m", 17}, {"q5_k", 17},   {"q6_k", 18},     {"iq4_nl", 25},
                {"iq4_xs", 30}, {"bf16", 32},   {"mxfp4", 38},  {"MXFP4_MOE", 38}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const weir_quantize_mix *mix = weir_mix_by_name(rows[i].name);
        assert_non_null(mix);
        assert_int_equal(mix->file_type, rows[i].file_type);
    }
    size_t n = 0;
    for (; weir_quantize_types()[n] != NULL; n++)
        assert_non_null(weir_mix_by_name(weir_quantize_types()[n]));
    assert_int_equal(n, sizeof rows / sizeof rows[0]);
    assert_null(weir_mix_by_name("q4_k_x"));
    assert_null(weir_mix_by_name(""));
    weir_part part;
    uint32_t layer;
    assert_false(weir_mix_part("blk.x.attn_v.weight", &part, &layer));
    assert_false(weir_mix_part("blk.1attn_v.weight", &part, &layer));
    assert_false(weir_mix_part("blk.99999999999999999999.attn_v.weight", &part, &layer));
    assert_false(weir_mix_part("attn_v.weight", &part, &layer));
}

/* ---- rules by name -------------------------------------------------------------------------- */

static void test_rules(void **state) {
    (void)state;
    static const struct {
        const char *rule, *name;
        bool matches;
    } rows[] = {
        {"blk.*.ffn_down_exps=q6_k", "blk.13.ffn_down_exps.weight", true},
        {"blk.*.ffn_down_exps=q6_k", "blk.13.ffn_down.weight", false},
        {"blk.*.ffn_down_exps.weight=q6_k", "blk.13.ffn_down_exps.weight", true},
        {"*=q6_k", "token_embd.weight", true},
        {"blk.?.attn_*=q8_0", "blk.2.attn_v.weight", true},
        {"blk.?.attn_*=q8_0", "blk.12.attn_v.weight", false},
        {"blk.[0-3].*=q8_0", "blk.2.attn_v.weight", true},
        {"blk.[0-3].*=q8_0", "blk.4.attn_v.weight", false},
        {"token_embd=Q8_0", "token_embd.weight", true},
        {"token_emb=q8_0", "token_embd.weight", false},
        {"a=b=q8_0", "a=b", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weir_quantize_rule rule;
        assert_int_equal(weir_quantize_rule_parse(&rule, rows[i].rule, NULL), WEIR_STATUS_OK);
        assert_int_equal(weir_quantize_rule_matches(&rule, rows[i].name), rows[i].matches);
        free(rule.glob);
    }
    static const char *const bad[] = {"", "=", "q8_0", "=q8_0", "a=", "a=q4_k_m", "a=q9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        weir_quantize_rule rule;
        weir_error err = {0};
        assert_int_equal(weir_quantize_rule_parse(&rule, bad[i], &err), WEIR_STATUS_BAD_ARGUMENT);
        assert_non_null(strstr(err.text, "rule '"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers_of_known_models),
        cmocka_unit_test(test_sizes_of_known_models),
        cmocka_unit_test(test_formats_of_each_mix),
        cmocka_unit_test(test_first_layers),
        cmocka_unit_test(test_importance_changes_first_layers),
        cmocka_unit_test(test_shared_keys),
        cmocka_unit_test(test_eight_experts),
        cmocka_unit_test(test_rows_that_do_not_divide),
        cmocka_unit_test(test_names_and_numbers),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
