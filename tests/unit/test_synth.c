/*
 * test_synth.c: models from counters. The formulas of docs/synth.md are written down here a second
 * time and compared byte by byte; every format must open and have the size it was made for; the
 * synthetic tokenizers must keep their promises at every size; nothing may depend on threads.
 */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <jansson.h>
#include <xxhash.h>

#include "base/compiler.h"
#include "base/half.h"
#include "convert/synth_parts.h"
#include "same_model.h"
#include "temp_folder.h"
#include "weir_quantize.h"

static void synth(const char *out, const char *config, const char *type, uint64_t seed,
                  bool as_folder) {
    weir_error err = {0};
    weir_synth_options options = {.config = config,
                                  .type = type,
                                  .seed = seed,
                                  .as_folder = as_folder,
                                  .overwrite = true,
                                  .n_threads = 2};
    if (weir_synth(out, &options, &err) != WEIR_STATUS_OK)
        fail_msg("%s %s: %s", config, type, err.text);
}

static weir_model *open_model(const char *path) {
    weir_error err = {0};
    weir_model *model;
    if (weir_model_open(&model, path, &err) != WEIR_STATUS_OK)
        fail_msg("%s: %s", path, err.text);
    return model;
}

static void expect_failure(const char *out, const weir_synth_options *options, weir_status status,
                           const char *part) {
    weir_error err = {0};
    int n = temp_n_entries();
    assert_int_equal(weir_synth(out, options, &err), status);
    if (strstr(err.text, part) == NULL)
        fail_msg("expected '%s' in: %s", part, err.text);
    assert_int_equal(temp_n_entries(), n);
}

/* ---- the formulas of docs/synth.md, a second time ------------------------------------------- */

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t word(uint64_t seed, uint64_t stream, uint64_t i) {
    const uint64_t golden = 0x9e3779b97f4a7c15u;
    return mix(mix(seed + golden * (stream + 1)) + golden * (i + 1));
}

static uint64_t stream_of(const char *name) {
    return XXH64(name, strlen(name), 0);
}

static float expected_value(uint64_t seed, const char *name, uint64_t i, double deviation,
                            float offset) {
    uint64_t w = word(seed, stream_of(name), i);
    int sum = 0;
    for (int k = 0; k < 4; k++)
        sum += (int)(w >> 16 * k & 0xffff);
    float product = (float)(sum - 131070) * (float)(deviation / 37837);
    return weir_bf16_to_f32(weir_f32_to_bf16(offset + product));
}

static void test_formula_of_values(void **state) {
    (void)state;
    synth(in_temp("v.gguf"), "tiny-moe", "f32", 77, false);
    synth(in_temp("v16.gguf"), "tiny-moe", "f16", 77, false);
    weir_model *m = open_model(in_temp("v.gguf")), *m16 = open_model(in_temp("v16.gguf"));
    const weir_gguf *g = weir_model_gguf(m), *g16 = weir_model_gguf(m16);
    const double narrow = 1 / sqrt(256.0); /* width 256; 5 layers below */
    const struct {
        const char *name;
        double deviation;
        float offset;
    } cases[] = {
        {"token_embd.weight", 3.0 * narrow, 0},
        {"token_embd_norm.weight", 1, 0},
        {"blk.0.attn_norm.weight", 0.05, 1},
        {"blk.1.attn_q_norm.weight", 0.05, 1},
        {"blk.0.shortconv.conv.weight", 1 / sqrt(3.0), 0},
        {"blk.0.shortconv.in_proj.weight", narrow, 0},
        {"blk.0.shortconv.out_proj.weight", narrow / sqrt(10.0), 0},
        {"blk.1.attn_q.weight", narrow, 0},
        {"blk.3.attn_output.weight", narrow / sqrt(10.0), 0},
        {"blk.0.ffn_down.weight", 1 / sqrt(512.0) / sqrt(10.0), 0},
        {"blk.2.ffn_gate_inp.weight", narrow, 0},
        {"blk.2.exp_probs_b.bias", 0.02, 0},
        {"blk.4.ffn_up_exps.weight", narrow, 0},
        {"blk.4.ffn_down_exps.weight", narrow / sqrt(10.0), 0},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const weir_tensor *t = weir_gguf_find_tensor(g, cases[c].name);
        const weir_tensor *t16 = weir_gguf_find_tensor(g16, cases[c].name);
        assert_non_null(t);
        uint64_t n = weir_tensor_n_values(t);
        for (uint64_t i = 0; i<n; i += n> 1000 ? 37 : 1) {
            float value, expected = expected_value(77, cases[c].name, i, cases[c].deviation,
                                                   cases[c].offset);
            memcpy(&value, t->data + 4 * i, 4);
            if (weir_f32_bits(value) != weir_f32_bits(expected))
                fail_msg("%s[%llu] is %a, expected %a", t->name, (unsigned long long)i,
                         (double)value, (double)expected);
            if (t16->format->id != WEIR_FORMAT_F16)
                continue;
            uint16_t half;
            memcpy(&half, t16->data + 2 * i, 2);
            assert_int_equal(half, weir_f32_to_f16(expected));
        }
    }
    weir_model_close(&m);
    weir_model_close(&m16);
}

/* Payload bytes, and what stands around them, of block b of a tensor. */
static void expected_payload(uint8_t *out, size_t n, uint64_t *head, uint64_t stream, uint64_t b) {
    uint64_t n_words = 1 + (n + 7) / 8;
    *head = word(5, stream, b * n_words);
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(word(5, stream, b * n_words + 1 + i / 8) >> 8 * (i % 8));
}

/* d for exponent k, by the head's low bits. */
static float expected_d(uint64_t head, int k, bool has_sign) {
    static const float step[4] = {0.5f, 1, 1, 2};
    float d = ldexpf(step[head & 3], k);
    return has_sign && (head & 4) != 0 ? -d : d;
}

static float half_at(const uint8_t *p) {
    return weir_f16_to_f32((uint16_t)(p[0] | p[1] << 8));
}

static void test_formula_of_blocks(void **state) {
    (void)state;
    /* attn_q: deviation 1/16. q4_0: 2^-6.54 -> 2^-7; q4_k: 2^-12.25 -> 2^-12; q6_k 2^-14.74 ->
     * 2^-15; q8_0 2^-10.53 -> 2^-11; mxfp4 2^-6.87 -> 2^-7; q2_k 2^-8.13 -> 2^-8 */
    static const struct {
        const char *type;
        size_t payload_at, n_payload, d_at;
        int k;
        bool has_sign;
        size_t m_at;
        float m_ratio;
        uint8_t or_mask;
        size_t n_or;
    } cases[] = {
        {"q4_0", 2, 16, 0, -7, true, 0, 0, 0, 0},
        {"q4_k", 4, 140, 0, -12, false, 2, 7.5f, 0xa0, 8},
        {"q6_k", 0, 208, 208, -15, true, 0, 0, 0, 0},
        {"q8_0", 2, 32, 0, -11, true, 0, 0, 0, 0},
        {"q2_k", 0, 80, 80, -8, false, 82, 1.5f, 0x88, 16},
        {"mxfp4", 1, 16, 0, -7, false, 0, 0, 0, 0},
        {"q5_1", 4, 20, 0, -8, false, 2, -15.5f, 0, 0},
        {"iq4_xs", 2, 134, 0, -15, true, 0, 0, 0, 0},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        synth(in_temp("b.gguf"), "tiny-moe", cases[c].type, 5, false);
        weir_model *m = open_model(in_temp("b.gguf"));
        const char *name = "blk.1.attn_q.weight";
        const weir_tensor *t = weir_gguf_find_tensor(weir_model_gguf(m), name);
        assert_string_equal(t->format->name, cases[c].type);
        for (uint64_t b = 0; b < t->bytes / t->format->block_bytes; b += 3) {
            uint8_t expected[256];
            uint64_t head;
            expected_payload(expected, cases[c].n_payload, &head, stream_of(name), b);
            for (size_t i = 0; i < cases[c].n_or; i++)
                expected[i] |= cases[c].or_mask;
            for (size_t i = 0; strcmp(cases[c].type, "q8_0") == 0 && i < 32; i++)
                if (expected[i] == 0x80)
                    expected[i] = 0x81;
            const uint8_t *block = t->data + b * t->format->block_bytes;
            assert_memory_equal(block + cases[c].payload_at, expected, cases[c].n_payload);
            float d = expected_d(head, cases[c].k, cases[c].has_sign);
            if (strcmp(cases[c].type, "mxfp4") == 0) {
                assert_int_equal(block[0], 128 + ilogbf(d));
                continue;
            }
            assert_true(half_at(block + cases[c].d_at) == d);
            if (cases[c].m_ratio != 0)
                assert_true(half_at(block + cases[c].m_at) == d * cases[c].m_ratio);
        }
        weir_model_close(&m);
    }
}

/* ---- every format -------------------------------------------------------------------------- */

static void check_moments(const weir_gguf *g, const weir_planned *t, const weir_hparams *h) {
    const weir_tensor *tensor = weir_gguf_find_tensor(g, t->name);
    assert_non_null(tensor);
    assert_ptr_equal(tensor->format, t->format);
    float *row = malloc(t->n_cols * sizeof *row);
    assert_non_null(row);
    double sum = 0, squares = 0;
    for (uint64_t r = 0; r < t->n_rows; r++) {
        t->format->dequantize(tensor->data + r * t->row_bytes, row, t->n_cols);
        for (uint32_t i = 0; i < t->n_cols; i++) {
            assert_true(isfinite(row[i]));
            sum += row[i];
            squares += (double)row[i] * row[i];
        }
    }
    free(row);
    double n = (double)t->n_rows * t->n_cols;
    double mean = sum / n, deviation = sqrt(squares / n - mean * mean);
    double wanted = weir_synth_deviation(t->part, t->n_cols, h);
    double factor = t->format->block_values > 1 ? 1.45 : 1.03;
    if (n < 1000)
        return; /* too few to tell */
    if (deviation < wanted / factor || deviation > wanted * factor)
        fail_msg("%s %s: deviation %g, wanted %g", t->name, t->format->name, deviation, wanted);
    double offset = t->part == WEIR_PART_OPERATOR_NORM || t->part == WEIR_PART_FFN_NORM ? 1 : 0;
    /* blocks share a scale and a sign, so they count as one draw each */
    double draws = n / t->format->block_values;
    if (fabs(mean - offset) > 6 * wanted / sqrt(draws))
        fail_msg("%s %s: mean %g", t->name, t->format->name, mean);
}

static void test_every_format(void **state) {
    (void)state;
    const weir_format *f;
    for (size_t i = 0; (f = weir_format_at(i)) != NULL; i++) {
        assert_true(weir_synth_has_format(f));
        synth(in_temp("f.gguf"), "tiny-moe", f->name, 3, false);
        weir_model *m = open_model(in_temp("f.gguf"));
        weir_layout layout;
        assert_int_equal(weir_layout_make(&layout, &m->h, NULL), WEIR_STATUS_OK);
        for (size_t k = 0; k < layout.n_tensors; k++) {
            weir_planned_take(&layout.tensors[k], f);
            check_moments(weir_model_gguf(m), &layout.tensors[k], &m->h);
        }
        weir_layout_free(&layout);
        weir_model_close(&m);
    }
}

/* A mix is what quantizing to that mix makes of the shape. */
static void test_mixes(void **state) {
    (void)state;
    static const char *const names[] = {"q4_k_m", "Q5_K_M", "q3_k_s", "mxfp4_moe"};
    synth(in_temp("plain.gguf"), "tiny-moe", "f32", 3, false);
    for (size_t i = 0; i < WEIR_COUNT(names); i++) {
        weir_error err = {0};
        weir_quantize_options options = {
            .type = names[i], .overwrite = true, .no_resume = true, .n_threads = 2};
        weir_quantize_report report;
        if (weir_quantize(in_temp("plain.gguf"), in_temp("q.gguf"), &options, &report, &err) !=
            WEIR_STATUS_OK)
            fail_msg("%s: %s", names[i], err.text);
        synth(in_temp("m.gguf"), "tiny-moe", names[i], 3, false);
        weir_model *wanted = open_model(in_temp("q.gguf")), *m = open_model(in_temp("m.gguf"));
        const weir_gguf *a = weir_model_gguf(wanted), *b = weir_model_gguf(m);
        assert_int_equal(weir_gguf_n_tensors(a), weir_gguf_n_tensors(b));
        for (size_t k = 0; k < weir_gguf_n_tensors(a); k++) {
            const weir_tensor *t = weir_gguf_tensor_at(a, k);
            const weir_tensor *made = weir_gguf_find_tensor(b, t->name);
            assert_non_null(made);
            assert_string_equal(made->format->name, t->format->name);
        }
        uint64_t type_a, type_b;
        assert_true(weir_gguf_as_u64(weir_gguf_find(a, "general.file_type"), 0, &type_a));
        assert_true(weir_gguf_as_u64(weir_gguf_find(b, "general.file_type"), 0, &type_b));
        assert_int_equal(type_a, type_b);
        weir_model_close(&wanted);
        weir_model_close(&m);
    }
}

/* The first eight bytes that differ in more than one of 256 blocks would show a stuck counter. */
static void test_blocks_differ(void **state) {
    (void)state;
    synth(in_temp("d.gguf"), "tiny-dense", "q4_0", 3, false);
    weir_model *m = open_model(in_temp("d.gguf"));
    const weir_weight *w = &m->embed;
    for (uint32_t r = 1; r < w->rows; r++)
        assert_memory_not_equal(w->data, w->data + r * w->row_bytes, w->row_bytes);
    bool negative = false, larger = false;
    for (uint32_t b = 0; b < w->row_bytes / 18; b++) {
        negative |= half_at(w->data + 18 * b) < 0;
        larger |= fabsf(half_at(w->data + 18 * b)) > fabsf(half_at(w->data));
    }
    for (uint32_t b = 1; b < w->row_bytes / 18; b++)
        larger |= fabsf(half_at(w->data + 18 * b)) < fabsf(half_at(w->data));
    assert_true(negative && larger);
    weir_model_close(&m);
}

static void test_same_seed_same_bytes(void **state) {
    (void)state;
    static const char *const types[] = {"q4_0", "q4_k", "bf16"};
    for (size_t i = 0; i < 3; i++) {
        weir_synth_options options = {
            .config = "weir-nano", .type = types[i], .seed = 9, .overwrite = true, .n_threads = 1};
        assert_int_equal(weir_synth(in_temp("s1.gguf"), &options, NULL), WEIR_STATUS_OK);
        options.n_threads = 3;
        assert_int_equal(weir_synth(in_temp("s3.gguf"), &options, NULL), WEIR_STATUS_OK);
        assert_same_files(in_temp("s1.gguf"), in_temp("s3.gguf"));
    }
    synth(in_temp("s2.gguf"), "tiny-moe", "f32", 1, false);
    synth(in_temp("s4.gguf"), "tiny-moe", "f32", 2, false);
    weir_model *a = open_model(in_temp("s2.gguf")), *b = open_model(in_temp("s4.gguf"));
    assert_memory_not_equal(a->embed.data, b->embed.data, a->embed.row_bytes);
    weir_model_close(&a);
    weir_model_close(&b);
}

/* ---- configurations ------------------------------------------------------------------------ */

static void test_known_sizes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t n_params; /* published or computed */
    } known[] = {
        {"lfm2-350m", 354483968},      {"lfm2-700m", 742489344},
        {"lfm2-1.2b", 1170340608},     {"lfm2-2.6b", 2569272320},
        {"lfm2-8b-a1b", 8339930560},   {"lfm2-24b-a2b", 23843661440},
        {"lfm2.5-8b-a1b", 8467856832}, {"lfm2.5-24b-a2b", 23971587712},
        {"weir-nano", 13653040},
    };
    size_t n_names = 0;
    for (const char *const *name = weir_synth_configs(); *name != NULL; name++, n_names++) {
        weir_hparams h;
        char own[WEIR_SYNTH_NAME];
        assert_int_equal(weir_synth_find_config(&h, own, *name, NULL), WEIR_STATUS_OK);
        assert_string_equal(own, *name);
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (strcmp(known[i].name, *name) == 0)
                assert_int_equal(weir_hparams_n_params(&h, NULL), known[i].n_params);
    }
    assert_true(n_names >= 13);
    weir_hparams h;
    char own[WEIR_SYNTH_NAME];
    uint64_t n_active;
    assert_int_equal(weir_synth_find_config(&h, own, "lfm2-24b-a2b", NULL), WEIR_STATUS_OK);
    weir_hparams_n_params(&h, &n_active);
    assert_int_equal((n_active + 500000) / 1000000, 2327);
}

static void test_config_from_a_file(void **state) {
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/golden/dense_oldkeys_bias/config.json", WEIR_TEST_DATA);
    synth(in_temp("c.gguf"), path, "q8_0", 1, false);
    synth(in_temp("c"), path, "bf16", 1, true);
    weir_model *m = open_model(in_temp("c.gguf")), *f = open_model(in_temp("c"));
    assert_true(m->h.has_conv_bias);
    assert_int_equal(m->h.d_ff, 144);
    assert_same_hparams(&m->h, &f->h);
    weir_model_close(&m);
    weir_model_close(&f);
    snprintf(path, sizeof path, "%s/golden/moe_plain_router/config.json", WEIR_TEST_DATA);
    synth(in_temp("c.gguf"), path, "f32", 1, false);
    synth(in_temp("c"), path, "f32", 1, true);
    m = open_model(in_temp("c.gguf"));
    f = open_model(in_temp("c"));
    assert_false(f->h.has_expert_bias);
    assert_same_model(m, f, assert_equal_weights);
    weir_model_close(&m);
    weir_model_close(&f);
    snprintf(path, sizeof path, "%s/golden/dense_untied_k4/config.json", WEIR_TEST_DATA);
    synth(in_temp("c.gguf"), path, "q6_k", 1, false); /* width 64: the substitute */
    m = open_model(in_temp("c.gguf"));
    assert_int_equal(m->embed.format->id, WEIR_FORMAT_Q8_0);
    assert_false(m->h.is_tied);
    weir_model_close(&m);
}

/* ---- folders ------------------------------------------------------------------------------- */

static void test_folder_equals_file(void **state) {
    (void)state;
    static const char *const configs[] = {"tiny-dense", "tiny-moe"};
    for (size_t i = 0; i < 2; i++) {
        synth(in_temp("f.gguf"), configs[i], "bf16", 4, false);
        synth(in_temp("f"), configs[i], "bf16", 4, true);
        weir_model *a = open_model(in_temp("f.gguf")), *b = open_model(in_temp("f"));
        assert_same_model(a, b, assert_equal_weights);
        weir_model_close(&a);
        weir_model_close(&b);
    }
}

/* The tokenizer survives the way through a folder's JSON. */
static void test_folder_converts_to_the_file(void **state) {
    (void)state;
    synth(in_temp("f.gguf"), "weir-nano", "bf16", 4, false);
    synth(in_temp("f"), "weir-nano", NULL, 4, true);
    weir_convert_options options = {.overwrite = true};
    weir_error err = {0};
    if (weir_convert(in_temp("f"), in_temp("f2.gguf"), &options, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    weir_model *a = open_model(in_temp("f.gguf")), *b = open_model(in_temp("f2.gguf"));
    assert_same_model(a, b, assert_equal_weights);
    const weir_gguf *ga = weir_model_gguf(a), *gb = weir_model_gguf(b);
    for (size_t i = 0; i < weir_gguf_n_kv(ga); i++) {
        const weir_gguf_kv *x = weir_gguf_kv_at(ga, i);
        if (strncmp(x->key, "tokenizer.", 10) != 0)
            continue;
        const weir_gguf_kv *y = weir_gguf_find(gb, x->key);
        assert_non_null(y);
        assert_int_equal(x->n_items, y->n_items);
        for (uint64_t k = 0; k < x->n_items; k++) {
            weir_text s, t;
            int64_t p, q;
            if (weir_gguf_as_text(x, k, &s)) {
                assert_true(weir_gguf_as_text(y, k, &t));
                assert_int_equal(s.size, t.size);
                assert_memory_equal(s.data, t.data, s.size);
            } else if (weir_gguf_as_i64(x, k, &p)) {
                assert_true(weir_gguf_as_i64(y, k, &q) && p == q);
            }
        }
    }
    weir_model_close(&a);
    weir_model_close(&b);
}

static void test_shards(void **state) {
    (void)state;
    weir_synth_options options = {.config = "tiny-moe", .seed = 4, .overwrite = true};
    weir_synth_job job = {.options = &options, .type = weir_format_by_name("bf16")};
    assert_int_equal(weir_synth_find_config(&job.h, job.name, "tiny-moe", NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_layout_make(&job.layout, &job.h, NULL), WEIR_STATUS_OK);
    for (size_t i = 0; i < job.layout.n_tensors; i++)
        weir_planned_take(&job.layout.tensors[i], job.type);
    assert_int_equal(weir_synth_tokenizer(&job.tokens, &job.h, NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_synth_folder(in_temp("shards"), &job, 2000000, NULL), WEIR_STATUS_OK);
    weir_layout_free(&job.layout);
    weir_token_table_close(&job.tokens);
    assert_int_equal(access(in_temp("shards/model.safetensors.index.json"), R_OK), 0);
    assert_int_not_equal(access(in_temp("shards/model.safetensors"), R_OK), 0);
    synth(in_temp("one.gguf"), "tiny-moe", "bf16", 4, false);
    weir_model *a = open_model(in_temp("one.gguf")), *b = open_model(in_temp("shards"));
    assert_same_model(a, b, assert_equal_weights);
    weir_model_close(&a);
    weir_model_close(&b);
    /* replaced by one file: no shard may stay behind */
    synth(in_temp("shards"), "tiny-moe", "bf16", 5, true);
    assert_int_not_equal(access(in_temp("shards/model.safetensors.index.json"), R_OK), 0);
    b = open_model(in_temp("shards"));
    weir_model_close(&b);
}

/* By way of a link the folder itself is replaced; never the one somebody stands in. */
static void test_folder_by_other_names(void **state) {
    (void)state;
    synth(in_temp("real"), "tiny-dense", "bf16", 1, true);
    assert_int_equal(symlink("real", in_temp("link")), 0);
    int n_before = temp_n_entries();
    synth(in_temp("link"), "tiny-moe", "bf16", 2, true);
    assert_int_equal(temp_n_entries(), n_before);
    weir_model *m = open_model(in_temp("real"));
    assert_int_equal(m->h.n_experts, 4);
    weir_model_close(&m);
    int here = open(".", O_RDONLY | O_DIRECTORY);
    assert_true(here >= 0 && chdir(in_temp("real")) == 0);
    weir_synth_options options = {
        .config = "tiny-dense", .type = "bf16", .as_folder = true, .overwrite = true};
    weir_status status = weir_synth(".", &options, NULL);
    assert_int_equal(fchdir(here), 0);
    close(here);
    assert_int_equal(status, WEIR_STATUS_FAILED);
    assert_int_equal(temp_n_entries(), n_before);
    expect_failure("", &options, WEIR_STATUS_IO, "without a name");
    options.as_folder = false;
    expect_failure("", &options, WEIR_STATUS_IO, "without a name");
    unlink(in_temp("link"));
}

static void test_nothing_foreign_is_replaced(void **state) {
    (void)state;
    synth(in_temp("mine"), "tiny-dense", "bf16", 1, true);
    weir_synth_options options = {.config = "tiny-dense", .type = "bf16", .as_folder = true};
    expect_failure(in_temp("mine"), &options, WEIR_STATUS_FAILED, "exists");
    temp_write(in_temp("mine/thesis.txt"), "x", 1);
    options.overwrite = true;
    expect_failure(in_temp("mine"), &options, WEIR_STATUS_FAILED, "thesis.txt");
    assert_int_equal(access(in_temp("mine/config.json"), R_OK), 0);
    temp_write(in_temp("file"), "x", 1);
    expect_failure(in_temp("file"), &options, WEIR_STATUS_FAILED, "file");
    options = (weir_synth_options){.config = "tiny-dense"};
    expect_failure(in_temp("file"), &options, WEIR_STATUS_FAILED, "file");
}

static bool cancel_at(void *context) {
    int *left = context;
    return --*left <= 0;
}

static void test_cancelled_leaves_nothing(void **state) {
    (void)state;
    for (int as_folder = 0; as_folder < 2; as_folder++) {
        int left = 9;
        weir_synth_options options = {.config = "tiny-moe",
                                      .type = "bf16",
                                      .as_folder = as_folder != 0,
                                      .progress = {NULL, &left, cancel_at}};
        expect_failure(in_temp("no"), &options, WEIR_STATUS_CANCELLED, "cancelled");
    }
}

static void test_bad_arguments(void **state) {
    (void)state;
    weir_synth_options options = {.config = "lfm3-1t"};
    expect_failure(in_temp("no"), &options, WEIR_STATUS_BAD_ARGUMENT, "lfm2-24b-a2b");
    options = (weir_synth_options){.config = "tiny-moe", .type = "int3"};
    expect_failure(in_temp("no"), &options, WEIR_STATUS_BAD_ARGUMENT, "q4_0");
    options = (weir_synth_options){.config = "tiny-moe", .type = "q4_0", .as_folder = true};
    expect_failure(in_temp("no"), &options, WEIR_STATUS_BAD_ARGUMENT, "q4_0");
    options = (weir_synth_options){0};
    expect_failure(in_temp("no"), &options, WEIR_STATUS_BAD_ARGUMENT, "configuration");
    temp_write(in_temp("bad.json"), "{\"model_type\":\"llama\"}", 22);
    options.config = in_temp("bad.json");
    expect_failure(in_temp("no"), &options, WEIR_STATUS_UNSUPPORTED, "llama");
    options.config = "tiny-moe";
    expect_failure("no/such/folder/x.gguf", &options, WEIR_STATUS_IO, "no/such/folder");
    options.as_folder = true;
    expect_failure("no/such/folder/x", &options, WEIR_STATUS_IO, "no/such/folder");
}

/* ---- tokenizer ----------------------------------------------------------------------------- */

enum { KEY_BYTES = 96 };

/* Entries of jansson objects under keys without a 0 behind them. */
static json_t *look_up(const json_t *object, const char *key, size_t n) {
    char text[KEY_BYTES];
    assert_true(n < sizeof text);
    memcpy(text, key, n);
    text[n] = '\0';
    return json_object_get(object, text);
}

static void enter(json_t *object, const char *key, size_t n, size_t value) {
    char text[KEY_BYTES];
    assert_true(n < sizeof text);
    memcpy(text, key, n);
    text[n] = '\0';
    assert_int_equal(json_object_set_new(object, text, json_integer((json_int_t)value)), 0);
}

/* Length in bytes of the UTF-8 letter at text. */
static size_t letter_bytes(const char *text) {
    return (text[0] & 0x80) == 0 ? 1 : 2;
}

/* Byte-level BPE, the plain way: joins the pair of lowest rank, leftmost first. How many tokens. */
static size_t encode(const json_t *ranks, const weir_text *text) {
    size_t ends[64], n = 0; /* parts: from the end of the one before */
    for (size_t at = 0; at < text->size; at += letter_bytes(text->data + at)) {
        assert_true(n < 64);
        ends[n++] = at + letter_bytes(text->data + at);
    }
    for (;;) {
        size_t best = n;
        json_int_t best_rank = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            char pair[80];
            size_t begin = i == 0 ? 0 : ends[i - 1];
            size_t n_left = ends[i] - begin, n_right = ends[i + 1] - ends[i];
            memcpy(pair, text->data + begin, n_left);
            pair[n_left] = ' ';
            memcpy(pair + n_left + 1, text->data + ends[i], n_right);
            json_t *rank = look_up(ranks, pair, n_left + 1 + n_right);
            if (rank != NULL && (best == n || json_integer_value(rank) < best_rank)) {
                best = i;
                best_rank = json_integer_value(rank);
            }
        }
        if (best == n)
            return n;
        memmove(ends + best, ends + best + 1, (n - best - 1) * sizeof ends[0]);
        n--;
    }
}

static void check_tokenizer(uint32_t n_vocab) {
    weir_hparams h = {.n_vocab = n_vocab, .bos = 1, .eos = 7, .pad = 0};
    weir_token_table t;
    assert_int_equal(weir_synth_tokenizer(&t, &h, NULL), WEIR_STATUS_OK);
    assert_int_equal(t.n_tokens, n_vocab);
    assert_string_equal(t.tokens[0].data, "<|pad|>");
    assert_string_equal(t.tokens[1].data, "<|startoftext|>");
    assert_string_equal(t.tokens[6].data, "<|im_start|>");
    assert_string_equal(t.tokens[7].data, "<|im_end|>");
    json_t *vocab = json_object(), *ranks = json_object(), *results = json_object();
    size_t n_pads = 0;
    for (size_t i = 0; i < t.n_tokens; i++) {
        assert_true(t.tokens[i].size > 0);
        assert_int_equal(t.tokens[i].data[t.tokens[i].size], 0);
        if (json_object_get(vocab, t.tokens[i].data) != NULL)
            fail_msg("%u: '%s' is there twice", n_vocab, t.tokens[i].data);
        json_object_set_new(vocab, t.tokens[i].data, json_integer((json_int_t)i));
        n_pads += t.kinds[i] == WEIR_TOKEN_UNUSED;
    }
    for (size_t i = 0; i < t.n_merges; i++) {
        const weir_text *m = &t.merges[i];
        const char *space = memchr(m->data, ' ', m->size);
        assert_non_null(space);
        size_t n_left = (size_t)(space - m->data), n_right = m->size - n_left - 1;
        char joined[80];
        memcpy(joined, m->data, n_left);
        memcpy(joined + n_left, space + 1, n_right);
        assert_non_null(look_up(vocab, m->data, n_left));
        assert_non_null(look_up(vocab, space + 1, n_right));
        assert_non_null(look_up(vocab, joined, n_left + n_right));
        enter(results, joined, n_left + n_right, 1);
        if (look_up(ranks, m->data, m->size) == NULL) /* the lowest rank counts */
            enter(ranks, m->data, m->size, i);
    }
    size_t n_merged = 0;
    for (size_t i = 0; i < t.n_tokens; i++) {
        if (t.kinds[i] != WEIR_TOKEN_NORMAL || json_object_get(results, t.tokens[i].data) == NULL)
            continue;
        n_merged++;
        if (encode(ranks, &t.tokens[i]) != 1)
            fail_msg("%u: '%s' is not encoded as itself", n_vocab, t.tokens[i].data);
    }
    assert_int_equal(json_object_size(results), n_merged);
    if (n_vocab >= 288 && n_vocab != 65536)
        assert_true(n_pads <= 1);
    if (n_vocab == 65536) {
        assert_int_equal(n_pads, 1136);
        assert_string_equal(t.tokens[64400].data, "[PAD64400]");
    }
    if (n_vocab >= 64400) {
        static const struct {
            size_t id;
            const char *text;
            int32_t kind;
        } known[] = {
            {13, "<|tool_response_end|>", 3},
            {14, "<|reserved_4|>", 1},
            {16, "<|reserved_6|>", 3},
            {500, "<|reserved_490|>", 3},
            {510, "!", 1},
            {574, "a", 1},
            {708, "\xc4\x8a", 1},
            {730, "\xc4\xa0", 1},
            {64011, "Mathias", 4},
            {64014, "python", 4},
            {64394, "<|cot_start|>", 3},
            {64399, "<|file_end|>", 3},
        };
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            assert_string_equal(t.tokens[known[i].id].data, known[i].text);
            assert_int_equal(t.kinds[known[i].id], known[i].kind);
        }
    }
    if (n_vocab >= 288) /* every text can be written */
        for (uint32_t b = 0; b < 256; b++) {
            char letter[3];
            size_t n = weir_token_byte_letter((uint8_t)b, letter);
            assert_non_null(look_up(vocab, letter, n));
        }
    json_decref(vocab);
    json_decref(ranks);
    json_decref(results);
    weir_token_table_close(&t);
}

/* A hollow file is a whole one but for the key and the matrices, which take no room; whoever wants
 * to read them is told. */
static void test_hollow(void **state) {
    (void)state;
    weir_error err = {0};
    weir_synth_options options = {
        .config = "weir-nano", .type = "bf16", .seed = 6, .overwrite = true, .is_hollow = true};
    assert_int_equal(weir_synth(in_temp("hollow.gguf"), &options, &err), WEIR_STATUS_OK);
    options.is_hollow = false;
    assert_int_equal(weir_synth(in_temp("whole.gguf"), &options, &err), WEIR_STATUS_OK);
    struct stat file;
    assert_int_equal(stat(in_temp("hollow.gguf"), &file), 0);
    assert_true((uint64_t)file.st_blocks * 512 < (uint64_t)file.st_size / 4);
    weir_model *hollow = open_model(in_temp("hollow.gguf")),
               *whole = open_model(in_temp("whole.gguf"));
    assert_true(hollow->is_hollow && hollow->synth_seed == 6 && !whole->is_hollow);
    assert_int_equal(weir_model_n_tensors(hollow), weir_model_n_tensors(whole));
    const weir_gguf *a = weir_model_gguf(hollow), *b = weir_model_gguf(whole);
    for (size_t i = 0; i < weir_gguf_n_tensors(a); i++) {
        const weir_tensor *t = weir_gguf_tensor_at(a, i), *u = weir_gguf_tensor_at(b, i);
        assert_string_equal(t->name, u->name);
        assert_int_equal(t->bytes, u->bytes);
        if (!weir_layout_is_matrix(t->name)) {
            assert_memory_equal(t->data, u->data, t->bytes);
            continue;
        }
        for (uint64_t k = 0; k < t->bytes; k += 509)
            assert_int_equal(t->data[k], 0);
    }
    weir_engine *engine;
    weir_convert_options convert = {.overwrite = true};
    assert_int_equal(weir_engine_open(&engine, hollow, NULL, &err), WEIR_STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "device 'cuda'"));
    assert_int_equal(weir_convert(in_temp("hollow.gguf"), in_temp("made.gguf"), &convert, &err),
                     WEIR_STATUS_UNSUPPORTED);
    weir_model_close(&hollow);
    weir_model_close(&whole);
    expect_failure(
        in_temp("folder"),
        &(weir_synth_options){.config = "tiny-moe", .as_folder = true, .is_hollow = true},
        WEIR_STATUS_BAD_ARGUMENT, "cannot be left out");
}

static void test_tokenizer_of_any_size(void **state) {
    (void)state;
    static const uint32_t sizes[] = {8,    20,   96,    287,   288,   289,   300,   345,   512,
                                     1023, 4096, 20000, 64399, 64400, 65536, 65537, 128000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_tokenizer(sizes[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula_of_values),
        cmocka_unit_test(test_formula_of_blocks),
        cmocka_unit_test(test_every_format),
        cmocka_unit_test(test_mixes),
        cmocka_unit_test(test_blocks_differ),
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_known_sizes),
        cmocka_unit_test(test_config_from_a_file),
        cmocka_unit_test(test_folder_equals_file),
        cmocka_unit_test(test_folder_converts_to_the_file),
        cmocka_unit_test(test_folder_by_other_names),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_nothing_foreign_is_replaced),
        cmocka_unit_test(test_cancelled_leaves_nothing),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_hollow),
        cmocka_unit_test(test_tokenizer_of_any_size),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
