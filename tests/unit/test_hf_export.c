/*
 * test_hf_export.c: a model as a Hugging Face folder. What comes out of one must go back into it:
 * folder to GGUF to folder tensor by tensor, GGUF to folder to GGUF byte by byte, in one file and
 * in shards; types, words and settings; and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/compiler.h"
#include "convert/hf_export.h"
#include "temp_folder.h"

#include "packed_folder.h"

static const char *const golden[] = {
    "dense_tiny", "dense_oldkeys_bias", "dense_untied_k4", "moe_top2",   "moe_top4_scale",
    "moe_bf16",   "moe_plain_router",   "moe_k256",        "grad_dense", "grad_moe",
};

static const char *golden_path(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/golden/%s", WEIR_TEST_DATA, name);
    return path;
}

static void convert(const char *in, const char *out, const char *type) {
    weir_error err = {0};
    weir_convert_options options = {.type = type, .overwrite = true, .n_threads = 2};
    if (weir_convert(in, out, &options, &err) != WEIR_STATUS_OK)
        fail_msg("%s -> %s: %s", in, out, err.text);
}

/* "FOLDER/NAME" in the temporary folder, FOLDER made. Good as long as in_temp's. */
static const char *under(const char *parent, const char *name) {
    char path[128];
    mkdir(in_temp(parent), 0700);
    snprintf(path, sizeof path, "%s/%s", parent, name);
    return in_temp(path);
}

static weir_safetensors *open_weights(const char *folder) {
    weir_error err = {0};
    weir_safetensors *st;
    if (weir_safetensors_open(&st, folder, &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    return st;
}

/* ---- round trips --------------------------------------------------------------------------- */

/* Types too: golden folders are of one type, and their norms keep it. */
static void assert_same_weights(const char *a, const char *b) {
    weir_safetensors *x = open_weights(a), *y = open_weights(b);
    assert_int_equal(weir_safetensors_n_tensors(x), weir_safetensors_n_tensors(y));
    for (size_t i = 0; i < weir_safetensors_n_tensors(x); i++) {
        const weir_tensor *t = weir_safetensors_at(x, i), *u = weir_safetensors_find(y, t->name);
        if (u == NULL)
            fail_msg("%s is lost", t->name);
        if (t->format != u->format)
            fail_msg("%s was %s and is %s", t->name, t->format->name, u->format->name);
        assert_int_equal(t->n_dims, u->n_dims);
        assert_memory_equal(t->shape, u->shape, t->n_dims * sizeof t->shape[0]);
        assert_memory_equal(t->data, u->data, t->bytes);
    }
    weir_safetensors_close(&x);
    weir_safetensors_close(&y);
}

static void test_golden_there_and_back(void **state) {
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(golden); i++) {
        if (strcmp(golden[i], "moe_plain_router") == 0)
            continue; /* a GGUF must have expert biases: below */
        convert(golden_path(golden[i]), in_temp("a.gguf"), NULL);
        temp_remove(in_temp("back"));
        convert(in_temp("a.gguf"), in_temp("back/"), NULL);
        assert_same_weights(golden_path(golden[i]), in_temp("back"));
        /* and straight */
        convert(golden_path(golden[i]), in_temp("back/"), NULL);
        assert_same_weights(golden_path(golden[i]), in_temp("back"));
    }
}

static void test_file_there_and_back(void **state) {
    (void)state;
    for (size_t i = 0; i < WEIR_COUNT(golden); i++) {
        char file[64], folder[64];
        snprintf(file, sizeof file, "%s.gguf", golden[i]);
        snprintf(folder, sizeof folder, "%s/", golden[i]);
        convert(golden_path(golden[i]), under("one", file), NULL);
        convert(under("one", file), under("one", folder), NULL);
        convert(under("one", golden[i]), under("two", file), NULL);
        assert_same_files(under("one", file), under("two", file));
    }
}

static const weir_tensor *tensor_of(const weir_safetensors *st, const char *name) {
    const weir_tensor *t = weir_safetensors_find(st, name);
    if (t == NULL)
        fail_msg("no tensor %s", name);
    return t;
}

/* Zeros stand for biases that were not there; from the folder itself none come. */
static void test_biases_that_were_not_there(void **state) {
    (void)state;
    convert(golden_path("moe_plain_router"), in_temp("plain/"), NULL);
    assert_same_weights(golden_path("moe_plain_router"), in_temp("plain"));
    convert(golden_path("moe_plain_router"), in_temp("plain.gguf"), NULL);
    convert(in_temp("plain.gguf"), in_temp("plain/"), NULL);
    weir_safetensors *st = open_weights(in_temp("plain"));
    const weir_tensor *t = tensor_of(st, "model.layers.0.feed_forward.expert_bias");
    for (uint64_t i = 0; i < t->bytes; i++)
        assert_int_equal(t->data[i], 0);
    weir_safetensors_close(&st);
}

/* A whole synthetic model, with a vocabulary and a template, in shards of a few tensors. */
static void test_shards_and_words(void **state) {
    (void)state;
    weir_synth_options synth = {.config = "tiny-moe", .type = "bf16", .overwrite = true};
    assert_int_equal(weir_synth(under("one", "m.gguf"), &synth, NULL), WEIR_STATUS_OK);
    /* the name in the file is that of the shape: a folder's is its own. It has no description. */
    convert(under("one", "m.gguf"), under("one", "tiny-moe/"), NULL);
    convert(under("one", "tiny-moe"), under("one", "m.gguf"), NULL);
    weir_source *source;
    weir_convert_options options = {.n_threads = 2};
    assert_int_equal(weir_source_open(&source, under("one", "m.gguf"), NULL), WEIR_STATUS_OK);
    weir_error err = {0};
    mkdir(in_temp("shards"), 0700);
    if (weir_hf_export(source, in_temp("shards/tiny-moe"), NULL, 100000, &options, &err) !=
        WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    weir_source_close(&source);
    assert_true(access(in_temp("shards/tiny-moe/model.safetensors.index.json"), R_OK) == 0);
    assert_true(access(in_temp("shards/tiny-moe/model.safetensors"), R_OK) != 0);
    assert_same_weights(in_temp("one/tiny-moe"), in_temp("shards/tiny-moe"));
    convert(in_temp("shards/tiny-moe"), in_temp("whole.gguf"), NULL);
    assert_same_files(in_temp("one/m.gguf"), in_temp("whole.gguf"));
}

/* ---- types --------------------------------------------------------------------------------- */

static json_t *json_of(const char *path) {
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

/* Matrices take the type; what would lose by it stays f32. */
static void test_types(void **state) {
    (void)state;
    static const struct {
        const char *type, *dtype;
    } types[] = {{"f32", "float32"}, {"f16", "float16"}, {"bf16", "bfloat16"}};
    convert(golden_path("moe_k256"), in_temp("q.gguf"), "q8_0");
    for (size_t i = 0; i < WEIR_COUNT(types); i++) {
        convert(in_temp("q.gguf"), in_temp("typed/"), types[i].type);
        json_t *config = json_of(in_temp("typed/config.json"));
        assert_string_equal(json_string_value(json_object_get(config, "dtype")), types[i].dtype);
        assert_string_equal(json_string_value(json_object_get(config, "model_type")), "lfm2_moe");
        json_decref(config);
        weir_safetensors *st = open_weights(in_temp("typed"));
        assert_string_equal(tensor_of(st, "model.embed_tokens.weight")->format->name,
                            types[i].type);
        assert_string_equal(tensor_of(st, "model.layers.1.feed_forward.expert_bias")->format->name,
                            "f32");
        weir_safetensors_close(&st);
        /* and each value is the file's */
        convert(in_temp("typed"), in_temp("typed.gguf"), types[i].type);
        convert(in_temp("q.gguf"), in_temp("direct.gguf"), types[i].type);
        weir_source *a, *b;
        assert_int_equal(weir_source_open(&a, in_temp("typed.gguf"), NULL), WEIR_STATUS_OK);
        assert_int_equal(weir_source_open(&b, in_temp("direct.gguf"), NULL), WEIR_STATUS_OK);
        assert_int_equal(weir_source_n_tensors(a), weir_source_n_tensors(b));
        for (size_t k = 0; k < weir_source_n_tensors(a); k++) {
            const weir_source_tensor *t = weir_source_tensor_at(a, k);
            for (uint64_t row = 0; row < t->n_rows; row++)
                assert_memory_equal(weir_source_row(a, k, row, NULL),
                                    weir_source_row(b, k, row, NULL), t->row_bytes);
        }
        weir_source_close(&a);
        weir_source_close(&b);
    }
}

/* One norm of a bf16 model that bf16 cannot hold stays what it is. */
/* What llama.cpp's converter asks of a dense model; the width is the one that is there. */
static void test_keys_of_other_readers(void **state) {
    (void)state;
    weir_synth_options o = {.config = "tiny-dense", .type = "bf16", .as_folder = true};
    assert_int_equal(weir_synth(in_temp("keys"), &o, NULL), WEIR_STATUS_OK);
    convert(in_temp("keys"), in_temp("keys2/"), NULL);
    json_t *config = json_of(in_temp("keys2/config.json"));
    assert_int_equal(json_integer_value(json_object_get(config, "block_ff_dim")), 512);
    assert_int_equal(json_integer_value(json_object_get(config, "intermediate_size")), 512);
    assert_int_equal(json_integer_value(json_object_get(config, "block_multiple_of")), 256);
    assert_true(json_is_false(json_object_get(config, "block_auto_adjust_ff_dim")));
    assert_true(json_real_value(json_object_get(config, "block_ffn_dim_multiplier")) == 1.0);
    json_decref(config);
}

static void test_vectors_lose_nothing(void **state) {
    (void)state;
    raw_list *list = raw_of_folder(golden_path("moe_bf16"));
    raw_tensor *norm = raw_find(list, "model.layers.1.ffn_norm.weight");
    float values[1024];
    assert_true(norm->shape[0] <= 1024);
    for (uint64_t i = 0; i < norm->shape[0]; i++)
        values[i] = 1.0f + (float)i / 65536.0f;
    uint64_t shape = norm->shape[0];
    raw_remove(list, "model.layers.1.ffn_norm.weight");
    raw_add(list, "model.layers.1.ffn_norm.weight", "F32", 1, &shape, values, shape * 4);
    size_t n;
    char config[600];
    snprintf(config, sizeof config, "%s/config.json", golden_path("moe_bf16"));
    char *text = temp_read(config, &n);
    raw_folder(in_temp("fine"), text, list);
    convert(in_temp("fine"), in_temp("fine.gguf"), NULL);
    convert(in_temp("fine.gguf"), in_temp("fine-back/"), NULL);
    assert_same_weights(in_temp("fine"), in_temp("fine-back"));
    free(text);
    raw_free(list);
    free(list);
}

/* ---- words --------------------------------------------------------------------------------- */

/* Every key of a file that other keys are kept beside. */
static void copy_with(const char *in, const char *out, bool is_greedy) {
    weir_gguf *g;
    weir_gguf_writer *w;
    assert_int_equal(weir_gguf_open(&g, in, NULL), WEIR_STATUS_OK);
    assert_int_equal(weir_gguf_create(&w, out, true, NULL), WEIR_STATUS_OK);
    for (size_t i = 0; i < weir_gguf_n_kv(g); i++)
        if (strncmp(weir_gguf_kv_at(g, i)->key, "general.sampling.", 17) != 0)
            weir_gguf_add_kv(w, weir_gguf_kv_at(g, i));
    weir_gguf_add_f32(w, "general.sampling.temp", is_greedy ? 0.0f : 0.3f);
    weir_gguf_add_i32(w, "general.sampling.top_k", 40);
    weir_gguf_add_f32(w, "general.sampling.min_p", 0.15f);
    weir_gguf_add_f32(w, "general.sampling.penalty_repeat", 1.05f);
    weir_gguf_add_u32(w, "tokenizer.ggml.eot_token_id", 9);
    weir_gguf_add_bool(w, "weir.tokenizer.ignore_merges", true);
    const weir_text names[] = {{"rag", 3}, {"tool_use", 8}};
    weir_gguf_add_texts(w, "tokenizer.chat_templates", names, 2);
    weir_gguf_add_string(w, "tokenizer.chat_template.rag", "R");
    weir_gguf_add_string(w, "tokenizer.chat_template.tool_use", "T");
    for (size_t i = 0; i < weir_gguf_n_tensors(g); i++) {
        const weir_tensor *t = weir_gguf_tensor_at(g, i);
        weir_gguf_add_tensor(w, t->name, t->format, t->n_dims, t->shape);
    }
    assert_int_equal(weir_gguf_begin(w, NULL), WEIR_STATUS_OK);
    for (size_t i = 0; i < weir_gguf_n_tensors(g); i++) {
        const weir_tensor *t = weir_gguf_tensor_at(g, i);
        assert_int_equal(weir_gguf_write(w, t->data, (size_t)t->bytes, NULL), WEIR_STATUS_OK);
    }
    assert_int_equal(weir_gguf_commit(&w, NULL), WEIR_STATUS_OK);
    weir_gguf_close(&g);
}

static void assert_key(const weir_gguf *g, const char *key, const char *value) {
    const weir_gguf_kv *kv = weir_gguf_find(g, key);
    if (kv == NULL)
        fail_msg("%s is lost", key);
    char text[256];
    size_t n;
    weir_gguf_format_item(kv, 0, text, sizeof text, &n);
    assert_int_equal(n, strlen(value));
    assert_memory_equal(text, value, n);
}

static void test_words_that_not_all_have(void **state) {
    (void)state;
    weir_synth_options synth = {.config = "tiny-dense", .type = "f16", .overwrite = true};
    assert_int_equal(weir_synth(in_temp("w.gguf"), &synth, NULL), WEIR_STATUS_OK);
    for (int greedy = 0; greedy < 2; greedy++) {
        copy_with(in_temp("w.gguf"), in_temp("more.gguf"), greedy);
        convert(in_temp("more.gguf"), in_temp("words/"), NULL);
        json_t *generation = json_of(in_temp("words/generation_config.json"));
        assert_int_equal(json_array_size(json_object_get(generation, "eos_token_id")), 2);
        assert_int_equal(json_is_true(json_object_get(generation, "do_sample")), !greedy);
        json_decref(generation);
        convert(in_temp("words"), in_temp("again.gguf"), NULL);
        weir_gguf *g;
        assert_int_equal(weir_gguf_open(&g, in_temp("again.gguf"), NULL), WEIR_STATUS_OK);
        assert_key(g, "general.sampling.temp", greedy ? "0" : "0.3");
        assert_key(g, "general.sampling.top_k", "40");
        assert_key(g, "general.sampling.min_p", "0.15");
        assert_key(g, "general.sampling.penalty_repeat", "1.05");
        assert_key(g, "tokenizer.chat_template.rag", "R");
        assert_key(g, "tokenizer.chat_template.tool_use", "T");
        assert_key(g, "weir.tokenizer.ignore_merges", "true");
        assert_non_null(weir_gguf_find(g, "tokenizer.chat_template"));
        weir_gguf_close(&g);
    }
}

/* A folder's own generation_config.json goes along as it is. */
static void test_folder_to_folder(void **state) {
    (void)state;
    weir_synth_options synth = {
        .config = "tiny-dense", .type = "bf16", .overwrite = true, .as_folder = true};
    assert_int_equal(weir_synth(in_temp("from"), &synth, NULL), WEIR_STATUS_OK);
    static const char text[] = "{\"eos_token_id\":7,\"temperature\":0.25,\"what\":[1]}";
    temp_write(in_temp("from/generation_config.json"), text, sizeof text - 1);
    convert(in_temp("from"), in_temp("to/"), NULL);
    static const char *const files[] = {"model.safetensors",     "tokenizer.json",
                                        "tokenizer_config.json", "generation_config.json",
                                        "chat_template.jinja",   "config.json"};
    for (size_t i = 0; i < WEIR_COUNT(files); i++)
        assert_same_files(under("from", files[i]), under("to", files[i]));
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void expect_refusal(const char *in, const char *out, const char *type, bool overwrite,
                           weir_status status, const char *part) {
    weir_error err = {0};
    weir_convert_options options = {.type = type, .overwrite = overwrite, .n_threads = 1};
    int n = temp_n_entries();
    weir_status got = weir_convert(in, out, &options, &err);
    if (got != status || strstr(err.text, part) == NULL)
        fail_msg("expected %d and '%s', got %d: %s", status, part, got, err.text);
    assert_null(strchr(err.text, '\n'));
    assert_int_equal(temp_n_entries(), n);
}

static void test_refusals(void **state) {
    (void)state;
    convert(golden_path("dense_tiny"), in_temp("r.gguf"), NULL);
    convert(golden_path("dense_tiny"), in_temp("rq.gguf"), "q8_0");
    expect_refusal(in_temp("rq.gguf"), in_temp("r/"), NULL, false, WEIR_STATUS_FAILED,
                   "token_embd.weight is q8_0");
    expect_refusal(in_temp("r.gguf"), in_temp("r/"), "q8_0", false, WEIR_STATUS_BAD_ARGUMENT,
                   "cannot hold type q8_0");
    convert(in_temp("r.gguf"), in_temp("r/"), NULL);
    expect_refusal(in_temp("r.gguf"), in_temp("r"), NULL, false, WEIR_STATUS_FAILED,
                   "exists already");
    convert(in_temp("r.gguf"), in_temp("r"), NULL); /* which is a folder, and --force */
    temp_write(in_temp("r/thesis.txt"), "x", 1);
    expect_refusal(in_temp("r.gguf"), in_temp("r"), NULL, true, WEIR_STATUS_FAILED, "thesis.txt");
    expect_refusal(in_temp("r.gguf"), "/nowhere/at/all/", NULL, false, WEIR_STATUS_IO, "/nowhere");
}

static void test_packed_needs_a_type(void **state) {
    (void)state;
    uint64_t seed = 1;
    const fp8_scales one = {"_scale", "F32", 1, {1}, 256, 0, 256, 256, 1};
    raw_list *packed = raw_of_folder(golden_path("moe_k256"));
    raw_list *twin = raw_of_folder(golden_path("moe_k256"));
    fp8_pack(packed, twin, "model.layers.0.conv.out_proj.weight", &one, &seed);
    size_t n;
    char config[600];
    snprintf(config, sizeof config, "%s/config.json", golden_path("moe_k256"));
    char *text = temp_read(config, &n);
    raw_folder(in_temp("fp8"), text, packed);
    raw_folder(in_temp("fp8-twin"), text, twin);
    expect_refusal(in_temp("fp8"), in_temp("fp8-out/"), NULL, false, WEIR_STATUS_FAILED,
                   "shortconv.out_proj.weight is packed");
    convert(in_temp("fp8"), in_temp("fp8-out/"), "bf16");
    convert(in_temp("fp8-twin"), in_temp("fp8-twin-out/"), "bf16");
    assert_same_weights(in_temp("fp8-twin-out"), in_temp("fp8-out"));
    free(text);
    raw_free(packed);
    raw_free(twin);
    free(packed);
    free(twin);
}

static bool cancel_at(void *context) {
    int *left = context;
    return --*left <= 0;
}

static void test_cancelled_leaves_nothing(void **state) {
    (void)state;
    convert(golden_path("moe_k256"), in_temp("c.gguf"), NULL);
    int n_before = temp_n_entries();
    for (int n = 1; n < 40; n += 9) {
        int left = n;
        weir_convert_options options = {.n_threads = 2, .progress = {NULL, &left, cancel_at}};
        assert_int_equal(weir_convert(in_temp("c.gguf"), in_temp("cancelled/"), &options, NULL),
                         WEIR_STATUS_CANCELLED);
        assert_int_equal(temp_n_entries(), n_before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_there_and_back),
        cmocka_unit_test(test_file_there_and_back),
        cmocka_unit_test(test_biases_that_were_not_there),
        cmocka_unit_test(test_shards_and_words),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_keys_of_other_readers),
        cmocka_unit_test(test_vectors_lose_nothing),
        cmocka_unit_test(test_words_that_not_all_have),
        cmocka_unit_test(test_folder_to_folder),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_packed_needs_a_type),
        cmocka_unit_test(test_cancelled_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
