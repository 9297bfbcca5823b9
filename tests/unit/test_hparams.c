/* test_hparams.c: hyperparameters from config.json: spellings, the width rule, what is refused; the
 * count of parameters. Those of GGUF files are tested with their tensors in test_model_bind.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "model/model.h"

static const char DENSE[] =
    "{\"model_type\":\"lfm2\",\"vocab_size\":65536,\"hidden_size\":1024,"
    "\"num_hidden_layers\":4,\"num_attention_heads\":16,\"num_key_value_heads\":8,"
    "\"intermediate_size\":6656,\"block_auto_adjust_ff_dim\":true,"
    "\"block_ffn_dim_multiplier\":1.0,\"block_multiple_of\":256,\"conv_L_cache\":3,"
    "\"conv_bias\":false,\"norm_eps\":1e-5,\"max_position_embeddings\":128000,"
    "\"rope_parameters\":{\"rope_theta\":1000000.0,\"rope_type\":\"default\"},"
    "\"layer_types\":[\"conv\",\"conv\",\"full_attention\",\"conv\"],"
    "\"tie_embedding\":true,\"bos_token_id\":1,\"eos_token_id\":7,\"pad_token_id\":0}";

static const char MOE[] =
    "{\"model_type\":\"lfm2_moe\",\"vocab_size\":96,\"hidden_size\":64,"
    "\"num_hidden_layers\":3,\"num_attention_heads\":4,\"num_key_value_heads\":2,"
    "\"intermediate_size\":160,\"moe_intermediate_size\":48,\"num_dense_layers\":1,"
    "\"num_experts\":8,\"num_experts_per_tok\":2,\"use_expert_bias\":true,"
    "\"norm_topk_prob\":true,\"routed_scaling_factor\":2.5,\"conv_L_cache\":3,"
    "\"conv_bias\":false,\"norm_eps\":1e-5,\"max_position_embeddings\":128000,"
    "\"rope_theta\":5000000,\"full_attn_idxs\":[1],\"tie_word_embeddings\":false,"
    "\"bos_token_id\":1,\"eos_token_id\":[7,8],\"pad_token_id\":null}";

/* base with `changes` (an object) laid over it; a value "--" removes the key. */
static weir_status read_changed(weir_hparams *h, const char *base, const char *changes,
                                weir_error *err) {
    json_t *root = json_loads(base, 0, NULL), *over = json_loads(changes, 0, NULL);
    assert_non_null(root);
    assert_non_null(over);
    const char *key;
    json_t *value;
    json_object_foreach(over, key, value) {
        if (json_is_string(value) && strcmp(json_string_value(value), "--") == 0)
            assert_int_equal(json_object_del(root, key), 0);
        else
            json_object_set(root, key, value);
    }
    char *text = json_dumps(root, 0);
    *err = (weir_error){0};
    weir_status status = weir_hparams_from_json(h, text, strlen(text), "config.json", err);
    free(text);
    json_decref(root);
    json_decref(over);
    return status;
}

static weir_hparams expect_good(const char *base, const char *changes) {
    weir_hparams h;
    weir_error err;
    if (read_changed(&h, base, changes, &err) != WEIR_STATUS_OK)
        fail_msg("%s: %s", changes, err.text);
    return h;
}

static void expect_bad(const char *base, const char *changes, weir_status status,
                       const char *part) {
    weir_hparams h, before;
    memset(&h, 0x5a, sizeof h);
    memcpy(&before, &h, sizeof h);
    weir_error err;
    weir_status is = read_changed(&h, base, changes, &err);
    if (is != status || strstr(err.text, part) == NULL ||
        strncmp(err.text, "config.json: ", 13) != 0 || strchr(err.text, '\n') != NULL)
        fail_msg("%s: status %d, text '%s', expected %d and '%s'", changes, (int)is, err.text,
                 (int)status, part);
    assert_memory_equal(&h, &before, sizeof h); /* nothing has changed */
}

static void test_good_dense(void **state) {
    (void)state;
    weir_hparams h = expect_good(DENSE, "{}");
    assert_int_equal(h.n_layers, 4);
    assert_int_equal(h.d_model, 1024);
    assert_int_equal(h.n_vocab, 65536);
    assert_int_equal(h.n_heads, 16);
    assert_int_equal(h.head_dim, 64);
    assert_int_equal(h.d_ff, 4608);
    assert_int_equal(h.n_experts, 0);
    assert_int_equal(h.n_layers_dense, 4);
    assert_int_equal(h.l_cache, 3);
    assert_int_equal(h.n_ctx, 128000);
    assert_true(h.norm_eps == 1e-5f && h.rope_theta == 1e6f && h.expert_scale == 1.0f);
    assert_true(h.is_tied && !h.has_conv_bias && !h.has_expert_bias);
    assert_int_equal(h.bos, 1);
    assert_int_equal(h.eos, 7);
    assert_int_equal(h.pad, 0);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(h.kind[i], i == 2 ? WEIR_LAYER_ATTN : WEIR_LAYER_CONV);
        assert_int_equal(h.n_heads_kv[i], i == 2 ? 8 : 0);
    }
}

static void test_good_moe(void **state) {
    (void)state;
    weir_hparams h = expect_good(MOE, "{}");
    assert_int_equal(h.n_experts, 8);
    assert_int_equal(h.n_experts_used, 2);
    assert_int_equal(h.d_ff_expert, 48);
    assert_int_equal(h.d_ff, 160);
    assert_int_equal(h.n_layers_dense, 1);
    assert_true(h.has_expert_bias && h.has_topk_norm && h.expert_scale == 2.5f);
    assert_true(!h.is_tied && h.rope_theta == 5e6f);
    assert_int_equal(h.eos, 7);  /* the first of a list */
    assert_int_equal(h.pad, -1); /* null */
    assert_int_equal(h.kind[1], WEIR_LAYER_ATTN);
    assert_int_equal(h.n_heads_kv[1], 2);
    assert_int_equal(h.n_heads_kv[0], 0);
    /* The adjustment of widths is a rule of dense models only. */
    h = expect_good(MOE, "{\"block_auto_adjust_ff_dim\":true,\"block_ff_dim\":999}");
    assert_int_equal(h.d_ff, 160);
    h = expect_good(MOE, "{\"num_dense_layers\":0,\"intermediate_size\":\"--\"}");
    assert_int_equal(h.d_ff, 0);
}

static void test_spellings(void **state) {
    (void)state;
    static const char *const no_theta = "\"rope_parameters\":\"--\"";
    char text[256];
    static const struct {
        const char *extra;
        float theta;
    } thetas[] = {{"\"rope_theta\":10000", 1e4f},
                  {"\"theta\":20000.5", 20000.5f},
                  {"\"x\":0", 1e6f},
                  {"\"rope_scaling\":null", 1e6f},
                  {"\"rope_scaling\":{\"type\":\"default\"}", 1e6f}};
    for (size_t i = 0; i < WEIR_COUNT(thetas); i++) {
        snprintf(text, sizeof text, "{%s,%s}", no_theta, thetas[i].extra);
        assert_true(expect_good(DENSE, text).rope_theta == thetas[i].theta);
    }
    assert_true(expect_good(DENSE, "{\"rope_theta\":5}").rope_theta == 1e6f);
    assert_true(expect_good(DENSE, "{\"tie_embedding\":\"--\"}").is_tied);
    assert_false(expect_good(DENSE, "{\"tie_embedding\":false}").is_tied);
    assert_false(expect_good(DENSE, "{\"tie_word_embeddings\":false}").is_tied);
    weir_hparams h =
        expect_good(DENSE, "{\"layer_types\":\"--\",\"full_attn_idxs\":[0,3],\"head_dim\":128}");
    assert_int_equal(h.kind[0], WEIR_LAYER_ATTN);
    assert_int_equal(h.kind[2], WEIR_LAYER_CONV);
    assert_int_equal(h.n_heads_kv[3], 8);
    assert_int_equal(h.head_dim, 128);
    assert_true(expect_good(DENSE, "{\"conv_bias\":true}").has_conv_bias);
    assert_false(expect_good(DENSE, "{\"conv_bias\":\"--\"}").has_conv_bias);
    assert_int_equal(expect_good(DENSE, "{\"eos_token_id\":\"--\"}").eos, -1);
}

static void test_nested(void **state) {
    (void)state;
    char text[2048];
    snprintf(text, sizeof text,
             "{\"model_type\":\"lfm2_vl\",\"eos_token_id\":9,\"tie_word_embeddings\":false,"
             "\"text_config\":%s}",
             "{\"model_type\":\"lfm2\",\"vocab_size\":100,\"hidden_size\":64,"
             "\"num_hidden_layers\":1,\"num_attention_heads\":2,\"num_key_value_heads\":1,"
             "\"intermediate_size\":128,\"conv_L_cache\":3,\"norm_eps\":1e-5,"
             "\"max_position_embeddings\":32,\"layer_types\":[\"conv\"],\"bos_token_id\":1}");
    weir_hparams h = expect_good(text, "{}");
    assert_int_equal(h.n_vocab, 100);
    assert_int_equal(h.bos, 1);
    assert_int_equal(h.eos, 9);
    assert_false(h.is_tied);
    expect_bad(text, "{\"text_config\":{\"model_type\":\"llama\"}}", WEIR_STATUS_UNSUPPORTED,
               "'llama'");
}

static void test_width_rule(void **state) {
    (void)state;
    static const struct {
        const char *changes;
        uint32_t width;
    } rows[] = {
        {"{\"intermediate_size\":6656}", 4608},
        {"{\"intermediate_size\":10240}", 6912},
        {"{\"intermediate_size\":12288}", 8192},
        {"{\"intermediate_size\":8192,\"block_ff_dim\":12288}", 8192},
        {"{\"intermediate_size\":10752,\"block_auto_adjust_ff_dim\":false}", 10752},
        {"{\"intermediate_size\":10752,\"block_auto_adjust_ff_dim\":\"--\"}", 10752},
        {"{\"block_ff_dim\":200,\"block_multiple_of\":16}", 144},
        {"{\"block_ff_dim\":200,\"block_ffn_dim_multiplier\":null}", 133},
        {"{\"block_ff_dim\":200,\"block_ffn_dim_multiplier\":1.5,\"block_multiple_of\":1}", 199},
        {"{\"intermediate_size\":\"--\",\"block_ff_dim\":6656}", 4608},
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        weir_hparams h = expect_good(DENSE, rows[i].changes);
        if (h.d_ff != rows[i].width)
            fail_msg("%s: width %u, expected %u", rows[i].changes, h.d_ff, rows[i].width);
    }
}

/* Every key that is needed, missing and with nonsense in it. */
static void test_required(void **state) {
    (void)state;
    static const char *const dense[] = {
        "vocab_size",        "hidden_size",         "num_hidden_layers", "num_attention_heads",
        "conv_L_cache",      "num_key_value_heads", "norm_eps",          "max_position_embeddings",
        "intermediate_size", "model_type"};
    static const char *const moe[] = {
        "num_experts",     "num_experts_per_tok", "moe_intermediate_size", "num_dense_layers",
        "use_expert_bias", "norm_topk_prob",      "routed_scaling_factor", "intermediate_size"};
    static const char *const nonsense[] = {"\"--\"", "[]", "{}", "-1", "\"many\"", "1e300"};
    for (size_t k = 0; k < WEIR_COUNT(dense) + WEIR_COUNT(moe); k++) {
        bool is_dense = k < WEIR_COUNT(dense);
        const char *key = is_dense ? dense[k] : moe[k - WEIR_COUNT(dense)];
        for (size_t i = 0; i < WEIR_COUNT(nonsense); i++) {
            weir_hparams h;
            weir_error err;
            char text[128];
            snprintf(text, sizeof text, "{\"%s\":%s}", key, nonsense[i]);
            if (read_changed(&h, is_dense ? DENSE : MOE, text, &err) == WEIR_STATUS_OK)
                fail_msg("accepted %s", text);
            assert_ptr_equal(strstr(err.text, "config.json: "), err.text);
            if (i == 0 && strstr(err.text, key) == NULL)
                fail_msg("'%s' does not name %s", err.text, key);
        }
    }
    expect_bad(DENSE, "{\"layer_types\":\"--\"}", WEIR_STATUS_BAD_FILE, "full_attn_idxs");
}

static void test_absurd(void **state) {
    (void)state;
    static const struct {
        const char *changes;
        weir_status status;
        const char *part;
    } rows[] = {
        {"{\"num_hidden_layers\":0}", WEIR_STATUS_BAD_FILE, "num_hidden_layers"},
        {"{\"num_hidden_layers\":4000000000}", WEIR_STATUS_BAD_FILE, "1 to 512"},
        {"{\"num_hidden_layers\":5}", WEIR_STATUS_BAD_FILE, "layer_types"},
        {"{\"hidden_size\":1000}", WEIR_STATUS_BAD_FILE, "divide"},
        {"{\"hidden_size\":2147483648}", WEIR_STATUS_BAD_FILE, "width"},
        {"{\"hidden_size\":0}", WEIR_STATUS_BAD_FILE, "width"},
        {"{\"vocab_size\":4294967295}", WEIR_STATUS_BAD_FILE, "vocabulary"},
        {"{\"num_attention_heads\":0}", WEIR_STATUS_BAD_FILE, "num_attention_heads"},
        {"{\"num_key_value_heads\":3}", WEIR_STATUS_BAD_FILE, "K/V heads"},
        {"{\"num_key_value_heads\":0}", WEIR_STATUS_BAD_FILE, "num_key_value_heads"},
        {"{\"head_dim\":63}", WEIR_STATUS_BAD_FILE, "even"},
        {"{\"head_dim\":1024}", WEIR_STATUS_BAD_FILE, "head width"},
        {"{\"conv_L_cache\":1}", WEIR_STATUS_BAD_FILE, "taps"},
        {"{\"conv_L_cache\":33}", WEIR_STATUS_BAD_FILE, "taps"},
        {"{\"norm_eps\":0}", WEIR_STATUS_BAD_FILE, "epsilon"},
        {"{\"rope_parameters\":{\"rope_theta\":0}}", WEIR_STATUS_BAD_FILE, "theta"},
        {"{\"rope_parameters\":{\"rope_theta\":1e300}}", WEIR_STATUS_BAD_FILE, "theta"},
        {"{\"rope_parameters\":{\"rope_type\":\"yarn\"}}", WEIR_STATUS_UNSUPPORTED, "'yarn'"},
        {"{\"rope_parameters\":[]}", WEIR_STATUS_BAD_FILE, "rope_parameters"},
        {"{\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}", WEIR_STATUS_UNSUPPORTED,
         "'linear'"},
        {"{\"rope_parameters\":{\"partial_rotary_factor\":0.5}}", WEIR_STATUS_UNSUPPORTED,
         "partial_rotary_factor"},
        {"{\"sliding_window\":4096}", WEIR_STATUS_UNSUPPORTED, "sliding_window"},
        {"{\"layer_types\":[\"conv\",\"conv\",\"sliding_attention\",\"conv\"]}",
         WEIR_STATUS_UNSUPPORTED, "'sliding_attention'"},
        {"{\"layer_types\":[1,2,3,4]}", WEIR_STATUS_UNSUPPORTED, "entry 0"},
        {"{\"layer_types\":\"conv\"}", WEIR_STATUS_BAD_FILE, "layer_types"},
        {"{\"layer_types\":\"--\",\"full_attn_idxs\":[4]}", WEIR_STATUS_BAD_FILE, "layer 4"},
        {"{\"layer_types\":\"--\",\"full_attn_idxs\":[-1]}", WEIR_STATUS_BAD_FILE,
         "full_attn_idxs"},
        {"{\"model_type\":\"llama\"}", WEIR_STATUS_UNSUPPORTED, "'llama'"},
        {"{\"intermediate_size\":4294967295}", WEIR_STATUS_BAD_FILE, ""},
        {"{\"intermediate_size\":1}", WEIR_STATUS_BAD_FILE, "feed-forward width is 0"},
        {"{\"block_multiple_of\":0}", WEIR_STATUS_BAD_FILE, "block_multiple_of"},
        {"{\"block_multiple_of\":4294967295}", WEIR_STATUS_BAD_FILE, "feed-forward width"},
        {"{\"block_ffn_dim_multiplier\":-1}", WEIR_STATUS_BAD_FILE, "multiplier"},
        {"{\"block_ffn_dim_multiplier\":1e300}", WEIR_STATUS_BAD_FILE, "multiplier"},
        {"{\"block_ffn_dim_multiplier\":\"two\"}", WEIR_STATUS_BAD_FILE, "multiplier"},
        {"{\"eos_token_id\":65536}", WEIR_STATUS_BAD_FILE, "65536"},
        {"{\"bos_token_id\":-1}", WEIR_STATUS_BAD_FILE, "bos_token_id"},
        {"{\"pad_token_id\":3000000000}", WEIR_STATUS_BAD_FILE, "pad_token_id"},
        {"{\"tie_embedding\":1}", WEIR_STATUS_BAD_FILE, "tie_embedding"},
        {"{\"conv_bias\":\"no\"}", WEIR_STATUS_BAD_FILE, "conv_bias"},
        {"{\"max_position_embeddings\":0}", WEIR_STATUS_BAD_FILE, "context"},
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++)
        expect_bad(DENSE, rows[i].changes, rows[i].status, rows[i].part);
    expect_bad(MOE, "{\"num_experts\":1025}", WEIR_STATUS_BAD_FILE, "experts");
    expect_bad(MOE, "{\"num_experts\":0}", WEIR_STATUS_BAD_FILE, "num_experts");
    expect_bad(MOE, "{\"num_experts_per_tok\":9}", WEIR_STATUS_BAD_FILE, "experts used");
    expect_bad(MOE, "{\"num_experts_per_tok\":0}", WEIR_STATUS_BAD_FILE, "experts used");
    expect_bad(MOE, "{\"num_dense_layers\":4}", WEIR_STATUS_BAD_FILE, "dense layers");
    expect_bad(MOE, "{\"moe_intermediate_size\":0}", WEIR_STATUS_BAD_FILE, "expert width");
    expect_bad(MOE, "{\"routed_scaling_factor\":0}", WEIR_STATUS_BAD_FILE, "scale");
    expect_bad(MOE, "{\"routed_scaling_factor\":-1}", WEIR_STATUS_BAD_FILE, "scale");
}

static void test_not_json(void **state) {
    (void)state;
    static const char *const texts[] = {"",    "[]",  "nonsense",           "{\"a\":1,\"a\":2}",
                                        "{\0", "{}x", "{\"a\":1e999999999}"};
    for (size_t i = 0; i < WEIR_COUNT(texts); i++) {
        weir_hparams h;
        weir_error err = {0};
        assert_int_equal(
            weir_hparams_from_json(&h, texts[i], strlen(texts[i]), "config.json", &err),
            WEIR_STATUS_BAD_FILE);
        assert_ptr_equal(strstr(err.text, "config.json: "), err.text);
        assert_int_equal(
            weir_hparams_from_json(&h, texts[i], strlen(texts[i]), "config.json", NULL),
            WEIR_STATUS_BAD_FILE);
    }
    /* Deep and long texts are refused, not recursed into. */
    size_t n = 2000000;
    char *deep = malloc(n);
    memset(deep, '[', n);
    weir_hparams h;
    weir_error err;
    assert_int_equal(weir_hparams_from_json(&h, deep, n, "deep", &err), WEIR_STATUS_BAD_FILE);
    assert_int_equal(weir_hparams_from_json(&h, deep, 900000, "deep", &err), WEIR_STATUS_BAD_FILE);
    free(deep);
}

/* Rows of the table of known models with a published or computed count. */
static void test_n_params(void **state) {
    (void)state;
    static const struct {
        uint32_t n_layers, d_model, n_vocab, d_ff, n_experts, d_ff_expert, n_dense;
        const char *attention; /* layer numbers */
        uint64_t n_params, n_active;
    } rows[] = {
        {16, 1024, 65536, 4608, 0, 0, 16, "2,5,8,10,12,14,", 354483968, 354483968},
        {16, 1536, 65536, 6912, 0, 0, 16, "2,5,8,10,12,14,", 742489344, 742489344},
        {16, 2048, 65536, 8192, 0, 0, 16, "2,5,8,10,12,14,", 1170340608, 1170340608},
        {30, 2048, 65536, 10752, 0, 0, 30, "2,5,9,13,17,21,24,27,", 2569272320, 2569272320},
        {24, 2048, 65536, 7168, 32, 1792, 2, "2,6,10,14,18,21,", 8339930560, 1557740992},
        {40, 2048, 65536, 11776, 64, 1536, 2, "2,6,10,14,18,22,26,30,34,38,", 23843661440,
         2326881920},
        {24, 2048, 128000, 7168, 32, 1792, 2, "2,6,10,14,18,21,", 8467856832, 1685667264},
        {40, 2048, 128000, 11776, 64, 1536, 2, "2,6,10,14,18,22,26,30,34,38,", 23971587712,
         2454808192},
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        weir_hparams h = {.n_layers = rows[i].n_layers,
                          .d_model = rows[i].d_model,
                          .n_vocab = rows[i].n_vocab,
                          .n_heads = rows[i].d_model / 64,
                          .head_dim = 64,
                          .d_ff = rows[i].d_ff,
                          .n_experts = rows[i].n_experts,
                          .n_experts_used = rows[i].n_experts > 0 ? 4 : 0,
                          .d_ff_expert = rows[i].d_ff_expert,
                          .n_layers_dense = rows[i].n_dense,
                          .l_cache = 3,
                          .n_ctx = 128000,
                          .norm_eps = 1e-5f,
                          .rope_theta = 1e6f,
                          .expert_scale = 1,
                          .has_expert_bias = rows[i].n_experts > 0,
                          .is_tied = true};
        for (const char *p = rows[i].attention; *p != 0; p = strchr(p, ',') + 1) {
            uint32_t layer = (uint32_t)strtoul(p, NULL, 10);
            h.kind[layer] = WEIR_LAYER_ATTN;
            h.n_heads_kv[layer] = 8;
        }
        weir_error err;
        if (weir_hparams_check(&h, "row", &err) != WEIR_STATUS_OK)
            fail_msg("row %zu: %s", i, err.text);
        uint64_t n_active;
        assert_int_equal(weir_hparams_n_params(&h, &n_active), rows[i].n_params);
        assert_int_equal(n_active, rows[i].n_active);
        /* Untied: one matrix more, of which a token meets one row. */
        h.is_tied = false;
        uint64_t embed = (uint64_t)h.n_vocab * h.d_model;
        assert_int_equal(weir_hparams_n_params(&h, &n_active), rows[i].n_params + embed);
        assert_int_equal(n_active, rows[i].n_active);
        assert_int_equal(weir_hparams_n_params(&h, NULL), rows[i].n_params + embed);
    }
}

static void test_check_nan(void **state) {
    (void)state;
    weir_hparams good = expect_good(MOE, "{}"), h = good;
    weir_error err;
    h.norm_eps = NAN;
    assert_int_equal(weir_hparams_check(&h, "x", &err), WEIR_STATUS_BAD_FILE);
    h = good;
    h.rope_theta = INFINITY;
    assert_int_equal(weir_hparams_check(&h, "x", &err), WEIR_STATUS_BAD_FILE);
    h = good;
    h.expert_scale = NAN;
    assert_int_equal(weir_hparams_check(&h, "x", &err), WEIR_STATUS_BAD_FILE);
    h = good;
    h.n_heads_kv[0] = 1;
    assert_int_equal(weir_hparams_check(&h, "x", &err), WEIR_STATUS_BAD_FILE);
    assert_int_equal(weir_hparams_check(&good, "x", &err), WEIR_STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_dense), cmocka_unit_test(test_good_moe),
        cmocka_unit_test(test_spellings),  cmocka_unit_test(test_nested),
        cmocka_unit_test(test_width_rule), cmocka_unit_test(test_required),
        cmocka_unit_test(test_absurd),     cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_n_params),   cmocka_unit_test(test_check_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
