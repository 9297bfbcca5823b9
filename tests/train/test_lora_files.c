/*
 * test_lora_files.c: adapter files. What is wrong with one is said in a line; an adapter converted
 * there and back is the same; and one melted into a model, in any format, gives base + scale B A.
 */
#include "lora_kit.h"

#include <sys/stat.h>

static const kit_adapter usual = {.rank = 3, .alpha = 6, .b = 0.3, .with_experts = true, .seed = 5};

static const char *golden(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/golden/%s", WEIR_TEST_DATA, name);
    return path;
}

/* ---- bad files ------------------------------------------------------------------------------- */

static const weir_format *f32(void) {
    return weir_format_by_id(WEIR_FORMAT_F32);
}

/* One half: its name behind "blk.0.", or with prefix and ending in PEFT. */
typedef struct half {
    const char *name;
    uint64_t rows, cols;
    float first; /* the first value; the others are 0.5 */
} half;

static void half_values(float *values, const half *h) {
    for (size_t i = 0; i < h->rows * h->cols; i++)
        values[i] = i == 0 ? h->first : 0.5f;
}

enum { MOST_VALUES = 1 << 16 };
static float values[MOST_VALUES];

static void write_gguf_adapter(const char *arch, const char *type, float alpha, const half *halves,
                               size_t n) {
    weir_gguf_writer *w = NULL;
    REQUIRE_OK(weir_gguf_create(&w, in_temp("bad.gguf"), true, &test_err));
    weir_gguf_add_string(w, "general.architecture", arch);
    weir_gguf_add_string(w, "general.type", type);
    weir_gguf_add_string(w, "adapter.type", "lora");
    weir_gguf_add_f32(w, "adapter.lora.alpha", alpha);
    for (size_t i = 0; i < n; i++)
        weir_gguf_add_tensor(w, halves[i].name, f32(), 2,
                             (const uint64_t[]){halves[i].rows, halves[i].cols});
    REQUIRE_OK(weir_gguf_begin(w, &test_err));
    for (size_t i = 0; i < n; i++) {
        half_values(values, &halves[i]);
        REQUIRE_OK(weir_gguf_write(w, values, halves[i].rows * halves[i].cols * 4, &test_err));
    }
    REQUIRE_OK(weir_gguf_commit(&w, &test_err));
}

static void write_peft_adapter(const char *config, const half *halves, size_t n) {
    weir_safetensors_writer *w = NULL;
    mkdir(in_temp("bad"), 0700);
    if (config)
        temp_write(in_temp("bad/adapter_config.json"), config, strlen(config));
    REQUIRE_OK(
        weir_safetensors_create(&w, in_temp("bad/adapter_model.safetensors"), true, &test_err));
    for (size_t i = 0; i < n; i++)
        weir_safetensors_add(w, halves[i].name, f32(), 2,
                             (const uint64_t[]){halves[i].rows, halves[i].cols});
    REQUIRE_OK(weir_safetensors_begin(w, &test_err));
    for (size_t i = 0; i < n; i++) {
        half_values(values, &halves[i]);
        REQUIRE_OK(
            weir_safetensors_write(w, values, halves[i].rows * halves[i].cols * 4, &test_err));
    }
    REQUIRE_OK(weir_safetensors_commit(&w, &test_err));
}

static void expect_refusal(weir_model *m, const char *path, weir_status want, const char *why) {
    weir_lora *lora = NULL;
    weir_status status = weir_lora_open(&lora, m, path, &test_err);
    if (status != want || !strstr(test_err.text, why) || strchr(test_err.text, '\n') || lora)
        fail_msg("%s: %d '%s', expected %d with '%s'", path, (int)status,
                 status == WEIR_STATUS_OK ? "" : test_err.text, (int)want, why);
}

#define BLK  "blk.0.shortconv.out_proj.weight.lora_"
#define PEFT "base_model.model.model.layers.0.conv.out_proj.lora_"

/* dense_tiny: its first layer is a convolution; d is its width. */
static void test_bad_files(void **state) {
    (void)state;
    weir_model *m = NULL;
    REQUIRE_OK(weir_model_open(&m, golden("dense_tiny"), &test_err));
    const uint64_t d = m->h.d_model;
    const half good[] = {{BLK "a", 2, d, 1}, {BLK "b", d, 2, 1}};
    const half peft[] = {{PEFT "A.weight", 2, d, 1}, {PEFT "B.weight", d, 2, 1}};
    static const char config[] = "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4}";
    weir_lora *lora;

    write_gguf_adapter("lfm2", "adapter", 4, good, 2);
    lora = kit_lora_open(m, in_temp("bad.gguf"));
    weir_lora_close(&lora);
    write_peft_adapter(config, peft, 2);
    lora = kit_lora_open(m, in_temp("bad"));
    weir_lora_close(&lora);

    const struct {
        half halves[3];
        size_t n;
        const char *why;
    } ggufs[] = {
        {{good[0], good[1], {"blk.0.attn_q.weight.lora_a", 2, d, 1}}, 3, "for no matrix"},
        {{good[0], good[1], {"blk.99.attn_q.weight.lora_a", 2, d, 1}}, 3, "blk.99.attn_q"},
        {{good[0], good[1], {"token_embd.weight.lora_a", 2, d, 1}}, 3, "token_embd"},
        {{good[0]}, 1, "no other half (lora_B)"},
        {{good[1]}, 1, "no other half (lora_A)"},
        {{{BLK "a", 2, d + 1, 1}, good[1]}, 2, "lora_a does not fit the model, expected [2, "},
        {{good[0], {BLK "b", d, 3, 1}}, 2, "lora_b does not fit the model"},
        {{good[0], {BLK "b", d, 2, NAN}}, 2, "row 0 holds a"},
        {{{BLK "a", 2, d, -INFINITY}, good[1]}, 2, "row 0 holds a -inf"},
        {{{BLK "a", d + 1, d, 1}, {BLK "b", d, d + 1, 1}}, 2, "no rank, or one beyond"},
        {{good[0]}, 0, "without tensors"},
    };
    for (size_t i = 0; i < WEIR_COUNT(ggufs); i++) {
        write_gguf_adapter("lfm2", "adapter", 4, ggufs[i].halves, ggufs[i].n);
        expect_refusal(m, in_temp("bad.gguf"), WEIR_STATUS_BAD_FILE, ggufs[i].why);
    }
    write_gguf_adapter("lfm2moe", "adapter", 4, good, 2);
    expect_refusal(m, in_temp("bad.gguf"), WEIR_STATUS_BAD_FILE,
                   "general.architecture is 'lfm2moe', expected 'lfm2'");
    write_gguf_adapter("lfm2", "model", 4, good, 2);
    expect_refusal(m, in_temp("bad.gguf"), WEIR_STATUS_BAD_FILE, "general.type is 'model'");
    write_gguf_adapter("lfm2", "adapter", 0, good, 2);
    expect_refusal(m, in_temp("bad.gguf"), WEIR_STATUS_BAD_FILE, "adapter.lora.alpha");

    static const struct {
        const char *config;
        weir_status status;
        const char *why;
    } pefts[] = {
        {"{\"lora_alpha\": 4, \"peft_type\": \"IA3\"}", WEIR_STATUS_UNSUPPORTED, "'IA3'"},
        {"{\"lora_alpha\": 4, \"use_dora\": true}", WEIR_STATUS_UNSUPPORTED, "use_dora"},
        {"{\"lora_alpha\": 4, \"lora_bias\": true}", WEIR_STATUS_UNSUPPORTED, "lora_bias"},
        {"{\"lora_alpha\": 4, \"rank_pattern\": {\"q\": 4}}", WEIR_STATUS_UNSUPPORTED, "rank_patt"},
        {"{\"lora_alpha\": 4, \"alpha_pattern\": {\"q\": 4}}", WEIR_STATUS_UNSUPPORTED, "alpha_pa"},
        {"{\"lora_alpha\": 4, \"bias\": \"all\"}", WEIR_STATUS_UNSUPPORTED, "'all'"},
        {"{\"lora_alpha\": 4, \"modules_to_save\": [\"x\"]}", WEIR_STATUS_UNSUPPORTED, "modules_t"},
        {"{\"lora_alpha\": 4, \"init_lora_weights\": \"pissa_niter_16\"}", WEIR_STATUS_UNSUPPORTED,
         "pissa_niter_16"},
        {"{\"r\": 2}", WEIR_STATUS_BAD_FILE, "lora_alpha"},
        {"{\"lora_alpha\": \"4\"}", WEIR_STATUS_BAD_FILE, "lora_alpha"},
        {"[]", WEIR_STATUS_BAD_FILE, "adapter_config.json"},
        {"{", WEIR_STATUS_BAD_FILE, "adapter_config.json"},
    };
    for (size_t i = 0; i < WEIR_COUNT(pefts); i++) {
        write_peft_adapter(pefts[i].config, peft, 2);
        expect_refusal(m, in_temp("bad"), pefts[i].status, pefts[i].why);
    }
    const half stranger[] = {
        {"base_model.model.model.layers.0.conv.in_proj.lora_C.weight", 2, d, 1}};
    write_peft_adapter(config, stranger, 1);
    expect_refusal(m, in_temp("bad"), WEIR_STATUS_BAD_FILE, "lora_C.weight is for no matrix");
    unlink(in_temp("bad/adapter_config.json"));
    write_peft_adapter(NULL, peft, 2);
    expect_refusal(m, in_temp("bad"), WEIR_STATUS_IO, "adapter_config.json");
    expect_refusal(m, in_temp("nowhere.gguf"), WEIR_STATUS_IO, "nowhere.gguf");
    weir_model_close(&m);
}

/* ---- the other form -------------------------------------------------------------------------- */

static void test_round_trip(void **state) {
    (void)state;
    const char *base = golden("moe_top2");
    weir_model *m = NULL;
    kit_adapter half_there = usual;
    half_there.half_experts = true;
    REQUIRE_OK(weir_model_open(&m, base, &test_err));
    kit_adapter_write(m, &half_there, in_temp("one"));
    REQUIRE_OK(weir_lora_convert(base, in_temp("one"), in_temp("two.gguf"), false, &test_err));
    REQUIRE_OK(weir_lora_convert(base, in_temp("two.gguf"), in_temp("three"), false, &test_err));
    REQUIRE_OK(weir_lora_convert(base, in_temp("three"), in_temp("four.gguf"), false, &test_err));
    assert_same_files(in_temp("one/adapter_model.safetensors"),
                      in_temp("three/adapter_model.safetensors"));
    assert_int_equal(weir_lora_convert(base, in_temp("one"), in_temp("two.gguf"), false, &test_err),
                     WEIR_STATUS_FAILED);
    assert_int_equal(weir_lora_convert(base, in_temp("one"), in_temp("three"), false, &test_err),
                     WEIR_STATUS_FAILED);
    REQUIRE_OK(weir_lora_convert(base, in_temp("one"), in_temp("two.gguf"), true, &test_err));
    /* rsLoRA's scale survives a form that does not know it */
    half_there.is_rank_stabilized = true;
    kit_adapter_write(m, &half_there, in_temp("one"));
    REQUIRE_OK(weir_lora_convert(base, in_temp("one"), in_temp("rs.gguf"), false, &test_err));
    weir_lora *peft = kit_lora_open(m, in_temp("one")),
              *gguf = kit_lora_open(m, in_temp("rs.gguf"));
    const weir_lora_pair *p = weir_lora_find(peft, 0, WEIR_PART_CONV_IN);
    const weir_lora_pair *g = weir_lora_find(gguf, 0, WEIR_PART_CONV_IN);
    assert_true(fabs(p->scale - 6 / sqrt(3)) < 1e-6 && fabs(g->scale - p->scale) < 1e-6);
    weir_lora_close(&peft);
    weir_lora_close(&gguf);
    weir_model_close(&m);
}

/* ---- merged ---------------------------------------------------------------------------------- */

static void widen(const weir_weight *w, uint32_t row, float *to) {
    w->format->dequantize(w->data + row * w->row_bytes, to, w->cols);
}

/* One adapted matrix of the merged model against the sum in double, quantized once. */
static void check_matrix(const weir_weight *base, const weir_weight *merged, const weir_weight *a,
                         const weir_weight *b, double scale, const char *what) {
    float from[1024], got[1024], want[1024], back[1024], row_a[1024], row_b[64];
    uint8_t block[8192];
    assert_true(base->cols <= 1024 && merged->cols == base->cols && merged->rows == base->rows);
    for (uint32_t r = 0; r < base->rows; r++) {
        double step = 0;
        widen(base, r, from);
        widen(merged, r, got);
        widen(b, r, row_b);
        for (uint32_t i = 0; i < base->cols; i++)
            want[i] = from[i];
        for (uint32_t k = 0; k < a->rows; k++) {
            widen(a, k, row_a);
            for (uint32_t i = 0; i < base->cols; i++)
                want[i] = (float)(want[i] + scale * row_b[k] * row_a[i]);
        }
        /* what the format itself loses */
        merged->format->quantize(want, NULL, block, base->cols);
        merged->format->dequantize(block, back, base->cols);
        for (uint32_t i = 0; i < base->cols; i++)
            step = fmax(step, fabs((double)back[i] - want[i]));
        for (uint32_t i = 0; i < base->cols; i++)
            if (!(fabs((double)got[i] - want[i]) <= 1.5 * step + 1e-5))
                fail_msg("%s: row %u, value %u is %g, expected %g", what, r, i, (double)got[i],
                         (double)want[i]);
    }
}

static void check_merged(weir_model *base, weir_model *merged, const weir_lora *lora, double scale,
                         const char *type) {
    size_t n_adapted = 0;
    for (uint32_t layer = 0; layer < base->h.n_layers; layer++)
        for (uint32_t part = 0; part < WEIR_N_PARTS; part++) {
            const weir_weight *w = weir_part_find(base, (weir_part)part, layer).weight;
            const weir_weight *v = weir_part_find(merged, (weir_part)part, layer).weight;
            bool is_stack = weir_part_get_names((weir_part)part)->is_stack;
            const weir_lora_pair *pair = weir_lora_may_adapt((weir_part)part)
                                             ? weir_lora_find(lora, layer, (weir_part)part)
                                             : NULL;
            const char *name = weir_part_get_names((weir_part)part)->name;
            for (uint32_t e = 0; w && e < (is_stack ? base->h.n_experts : 1); e++) {
                if (!pair) { /* untouched */
                    assert_ptr_equal(w[e].format, v[e].format);
                    assert_memory_equal(w[e].data, v[e].data, w[e].rows * w[e].row_bytes);
                    continue;
                }
                assert_string_equal(v[e].format->name, type ? type : w[e].format->name);
                check_matrix(&w[e], &v[e], &pair->a[e], &pair->b[e], scale * (double)pair->scale,
                             name);
                n_adapted++;
            }
        }
    assert_true(n_adapted > 0);
}

static void merge_and_check(const char *base, const char *adapter, const char *out,
                            const char *type, float scale) {
    weir_model *from = NULL, *to = NULL;
    weir_merge_options o = {.type = type, .scale = scale, .n_threads = 2, .overwrite = true};
    REQUIRE_OK(weir_lora_merge(base, adapter, out, &o, &test_err));
    REQUIRE_OK(weir_model_open(&from, base, &test_err));
    REQUIRE_OK(weir_model_open(&to, out, &test_err));
    weir_lora *lora = kit_lora_open(from, adapter);
    check_merged(from, to, lora, scale != 0 ? (double)scale : 1, type);
    weir_lora_close(&lora);
    weir_model_close(&from);
    weir_model_close(&to);
}

static void test_merge_gguf(void **state) {
    (void)state;
    static const char *const types[] = {"f32", "bf16", "q8_0", "q4_0", "q4_k"};
    for (size_t i = 0; i < WEIR_COUNT(types); i++) {
        weir_synth_options synth = {.config = "tiny-moe", .type = types[i], .overwrite = true};
        weir_model *m = NULL;
        REQUIRE_OK(weir_synth(in_temp("base.gguf"), &synth, &test_err));
        REQUIRE_OK(weir_model_open(&m, in_temp("base.gguf"), &test_err));
        kit_adapter k = usual;
        k.with_experts = i % 2 == 0;
        kit_adapter_write(m, &k, in_temp("a.gguf"));
        weir_model_close(&m);
        merge_and_check(in_temp("base.gguf"), in_temp("a.gguf"), in_temp("m.gguf"), NULL, 0);
    }
    /* another type for the adapted ones; the router is no matrix of experts here */
    merge_and_check(in_temp("base.gguf"), in_temp("a.gguf"), in_temp("m8.gguf"), NULL, -0.5f);
    weir_merge_options o = {.type = "q8_0", .n_threads = 1};
    kit_adapter dense = usual;
    dense.with_experts = false;
    weir_model *m = NULL;
    REQUIRE_OK(weir_model_open(&m, in_temp("base.gguf"), &test_err));
    kit_adapter_write(m, &dense, in_temp("d.gguf"));
    weir_model_close(&m);
    merge_and_check(in_temp("base.gguf"), in_temp("d.gguf"), in_temp("q8.gguf"), "q8_0", 2);
    /* any number of threads, the same bytes */
    o.scale = 2;
    REQUIRE_OK(weir_lora_merge(in_temp("base.gguf"), in_temp("d.gguf"), in_temp("q8b.gguf"), &o,
                               &test_err));
    assert_same_files(in_temp("q8.gguf"), in_temp("q8b.gguf"));
    /* B = 0 leaves every byte */
    dense.b = 0;
    REQUIRE_OK(weir_model_open(&m, in_temp("base.gguf"), &test_err));
    kit_adapter_write(m, &dense, in_temp("zero.gguf"));
    weir_model_close(&m);
    REQUIRE_OK(weir_lora_merge(in_temp("base.gguf"), in_temp("zero.gguf"), in_temp("z.gguf"), NULL,
                               &test_err));
    assert_same_files(in_temp("base.gguf"), in_temp("z.gguf"));
    /* not replaced unasked; a GGUF becomes no folder; nothing half done stays */
    int n = temp_n_entries();
    assert_int_equal(weir_lora_merge(in_temp("base.gguf"), in_temp("d.gguf"), in_temp("z.gguf"),
                                     NULL, &test_err),
                     WEIR_STATUS_FAILED);
    assert_int_equal(weir_lora_merge(in_temp("base.gguf"), in_temp("d.gguf"), in_temp("folder"),
                                     NULL, &test_err),
                     WEIR_STATUS_UNSUPPORTED);
    assert_non_null(strstr(test_err.text, "FILE.gguf"));
    assert_int_equal(weir_lora_merge(in_temp("base.gguf"), in_temp("nothing.gguf"),
                                     in_temp("x.gguf"), NULL, &test_err),
                     WEIR_STATUS_IO);
    assert_int_equal(temp_n_entries(), n);
}

static void test_merge_folder(void **state) {
    (void)state;
    weir_model *m = NULL;
    REQUIRE_OK(weir_model_open(&m, golden("moe_top2"), &test_err));
    kit_adapter_write(m, &usual, in_temp("a"));
    weir_model_close(&m);
    merge_and_check(golden("moe_top2"), in_temp("a"), in_temp("hf"), NULL, 0.5f);
    merge_and_check(golden("moe_top2"), in_temp("a"), in_temp("hf"), NULL, 1); /* replaced */
    char config[600];
    snprintf(config, sizeof config, "%s/config.json", golden("moe_top2"));
    assert_same_files(config, in_temp("hf/config.json"));
    /* what was put there by somebody is not deleted */
    temp_write(in_temp("hf/diary.txt"), "x", 1);
    weir_merge_options o = {.overwrite = true};
    assert_int_equal(
        weir_lora_merge(golden("moe_top2"), in_temp("a"), in_temp("hf"), &o, &test_err),
        WEIR_STATUS_FAILED);
    assert_non_null(strstr(test_err.text, "diary.txt"));
    /* a folder into a GGUF: the same matrices */
    weir_model *gguf = NULL;
    unlink(in_temp("hf/diary.txt"));
    REQUIRE_OK(
        weir_lora_merge(golden("moe_top2"), in_temp("a"), in_temp("hf.gguf"), NULL, &test_err));
    REQUIRE_OK(weir_model_open(&m, in_temp("hf"), &test_err));
    REQUIRE_OK(weir_model_open(&gguf, in_temp("hf.gguf"), &test_err));
    for (uint32_t layer = 0; layer < m->h.n_layers; layer++)
        for (uint32_t part = 0; part < WEIR_N_PARTS; part++) {
            const weir_weight *w = weir_part_find(m, (weir_part)part, layer).weight;
            const weir_weight *v = weir_part_find(gguf, (weir_part)part, layer).weight;
            if (w)
                assert_memory_equal(w->data, v->data, w->rows * w->row_bytes);
        }
    weir_model_close(&m);
    weir_model_close(&gguf);
    o.type = "q8_0";
    assert_int_equal(
        weir_lora_merge(golden("moe_top2"), in_temp("a"), in_temp("hf"), &o, &test_err),
        WEIR_STATUS_BAD_ARGUMENT);
}

/* A folder of several files: each becomes one, the index keeps its map. */
static void test_merge_shards(void **state) {
    (void)state;
    weir_model *m = NULL;
    weir_safetensors_writer *w = NULL;
    char config[600], index[1 << 16], *text;
    size_t n_text, n = 0;
    REQUIRE_OK(weir_model_open(&m, golden("dense_oldkeys_bias"), &test_err));
    const weir_safetensors *st = weir_model_safetensors(m);
    mkdir(in_temp("sharded"), 0700);
    snprintf(config, sizeof config, "%s/config.json", golden("dense_oldkeys_bias"));
    temp_copy(in_temp("sharded/config.json"), config);
    temp_write(in_temp("sharded/notes.md"), "kept", 4);
    n += (size_t)snprintf(index, sizeof index,
                          "{\"metadata\": {\"total_size\": 1}, "
                          "\"weight_map\": {");
    for (uint32_t part = 1; part <= 2; part++) {
        char name[64], path[80];
        snprintf(name, sizeof name, "model-%05u-of-00002.safetensors", part);
        snprintf(path, sizeof path, "sharded/%s", name);
        REQUIRE_OK(weir_safetensors_create(&w, in_temp(path), true, &test_err));
        for (int pass = 0; pass < 2; pass++) {
            for (size_t i = 0; i < weir_safetensors_n_tensors(st); i++) {
                const weir_tensor *t = weir_safetensors_at(st, i);
                if (i % 2 + 1 != part)
                    continue;
                if (pass == 1) {
                    REQUIRE_OK(weir_safetensors_write(w, t->data, t->bytes, &test_err));
                    continue;
                }
                weir_safetensors_add(w, t->name, t->format, t->n_dims, t->shape);
                n += (size_t)snprintf(index + n, sizeof index - n, "%s\"%s\": \"%s\"",
                                      index[n - 1] == '{' ? "" : ", ", t->name, name);
            }
            if (pass == 0)
                REQUIRE_OK(weir_safetensors_begin(w, &test_err));
        }
        REQUIRE_OK(weir_safetensors_commit(&w, &test_err));
    }
    n += (size_t)snprintf(index + n, sizeof index - n, "}}");
    assert_true(n < sizeof index);
    temp_write(in_temp("sharded/model.safetensors.index.json"), index, n);
    kit_adapter_write(m, &usual, in_temp("b.gguf"));
    weir_model_close(&m);
    merge_and_check(in_temp("sharded"), in_temp("b.gguf"), in_temp("out"), "bf16", 1);
    text = temp_read(in_temp("out/notes.md"), &n_text);
    assert_string_equal(text, "kept");
    free(text);
    text = temp_read(in_temp("out/model.safetensors.index.json"), &n_text);
    assert_non_null(strstr(text, "\"total_size\": "));
    assert_null(strstr(text, "\"total_size\": 1\n"));
    assert_non_null(strstr(text, "model-00002-of-00002.safetensors"));
    free(text);
}

/* ---- compared -------------------------------------------------------------------------------- */

static void test_verify(void **state) {
    (void)state;
    weir_synth_options synth = {.config = "tiny-moe", .type = "f32", .overwrite = true};
    weir_model *m = NULL;
    weir_verify_report r;
    REQUIRE_OK(weir_synth(in_temp("v.gguf"), &synth, &test_err));
    REQUIRE_OK(weir_model_open(&m, in_temp("v.gguf"), &test_err));
    kit_adapter_write(m, &usual, in_temp("v-a.gguf"));
    weir_model_close(&m);
    weir_verify_options o = {.max_tokens = 70, .n_threads = 2};
    REQUIRE_OK(weir_train_verify(in_temp("v.gguf"), in_temp("v.gguf"), &o, &r, &test_err));
    assert_int_equal(r.n_tokens, 70);
    assert_true(r.mean_kl == 0 && r.max_kl == 0 && r.max_difference == 0 && r.same_top == 1);
    o.lora_a = in_temp("v-a.gguf");
    o.lora_a_scale = 0.5f;
    REQUIRE_OK(weir_train_verify(in_temp("v.gguf"), in_temp("v.gguf"), &o, &r, &test_err));
    assert_true(r.mean_kl > 1e-3 && r.max_kl >= r.mean_kl && r.same_top < 1);
    weir_merge_options merge = {.scale = 0.5f};
    REQUIRE_OK(weir_lora_merge(in_temp("v.gguf"), in_temp("v-a.gguf"), in_temp("v-m.gguf"), &merge,
                               &test_err));
    REQUIRE_OK(weir_train_verify(in_temp("v.gguf"), in_temp("v-m.gguf"), &o, &r, &test_err));
    assert_true(r.mean_kl < 1e-7 && r.max_difference < 1e-3 && r.same_top == 1);
    /* of a text */
    temp_write(in_temp("text.txt"), "The cat sat.\n<|endoftext|>\nThe dog ran away.\n", 45);
    o = (weir_verify_options){.text = in_temp("text.txt"), .n_threads = 2};
    REQUIRE_OK(weir_train_verify(in_temp("v.gguf"), in_temp("v-m.gguf"), &o, &r, &test_err));
    assert_true(r.n_tokens > 4 && r.n_tokens < 60 && r.mean_kl > 1e-3);
    /* other vocabularies */
    o = (weir_verify_options){.n_threads = 1};
    assert_int_equal(weir_train_verify(in_temp("v.gguf"), golden("moe_top2"), &o, &r, &test_err),
                     WEIR_STATUS_BAD_ARGUMENT);
    assert_non_null(strstr(test_err.text, "different vocabularies (512 and 96 tokens)"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_files),    cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_merge_gguf),   cmocka_unit_test(test_merge_folder),
        cmocka_unit_test(test_merge_shards), cmocka_unit_test(test_verify),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
