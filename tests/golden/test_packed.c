/*
 * test_packed.c: files of packed weights: with one the bits are those without, the plan is what is
 * taken, and a file that does not fit its model exactly, or is damaged, is refused.
 */
#include "cpu/packed_weights.h"
#include "cpu/t16.h"
#include "train/lora_kit.h"

#include <fcntl.h>
#include <xxhash.h>

enum { PROMPT = 40, DECODED = 3 };

static weir_model *open_file(const char *name, const char *path) {
    char from[512];
    size_t n = strcspn(name, ":");
    weir_model *model = NULL;
    weir_convert_options o = {.type = name[n] ? name + n + 1 : NULL, .overwrite = true};
    snprintf(from, sizeof from, "%s/golden/%.*s", WEIR_TEST_DATA, (int)n, name);
    REQUIRE_OK(weir_convert(from, path, &o, &test_err));
    REQUIRE_OK(weir_model_open(&model, path, &test_err));
    return model;
}

static void make(weir_model *model, const char *path, uint32_t n_threads) {
    const weir_packed_options o = {.overwrite = true, .n_threads = n_threads};
    REQUIRE_OK(weir_packed_make(path, model, &o, &test_err));
}

static weir_packed *make_and_open(weir_model *model, const char *path) {
    weir_packed *packed = NULL;
    make(model, path, 2);
    REQUIRE_OK(weir_packed_open(&packed, model, path, &test_err));
    return packed;
}

static void refuse(weir_model *model, const char *path, weir_status status, const char *word) {
    weir_packed *packed = NULL;
    weir_status got = weir_packed_open(&packed, model, path, &test_err);
    if (got != status || !strstr(test_err.text, word))
        fail_msg("status %d, \"%s\"; expected status %d, \"%s\"", got, test_err.text, status, word);
    assert_null(packed);
}

static weir_engine_options base_options(weir_packed *packed) {
    return (weir_engine_options){
        .n_ctx = 128, .n_batch = 64, .n_threads = 2, .no_pin = true, .packed = packed};
}

/* ---- what is computed ---------------------------------------------------------------------- */

/* A hash of logits behind a prompt and some tokens. */
static uint64_t talk(weir_engine *engine, uint32_t n_vocab) {
    dice d = {.seed = 5};
    int32_t tokens[PROMPT];
    uint64_t hash = 0;
    weir_seq *seq = NULL;
    REQUIRE_OK(weir_seq_open(&seq, engine, &test_err));
    for (int i = 0; i <= DECODED; i++) {
        roll_tokens(&d, n_vocab, tokens, i == 0 ? PROMPT : 1);
        REQUIRE_OK(weir_seq_append(seq, tokens, i == 0 ? PROMPT : 1, &test_err));
        REQUIRE_OK(weir_seq_run(seq, &test_err));
        hash = XXH64(weir_seq_logits(seq), n_vocab * sizeof(float), hash);
    }
    weir_seq_close(&seq);
    return hash;
}

static uint64_t item(const weir_plan *plan, const char *what) {
    for (size_t i = 0; i < plan->n_items; i++)
        if (strcmp(plan->item[i].what, what) == 0)
            return plan->item[i].bytes;
    return 0;
}

static uint64_t answer_with(weir_model *model, weir_engine_options o, weir_packed **packed) {
    weir_plan plan, taken;
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    weir_engine *engine = open_engine(model, o);
    weir_packed_close(packed); /* the engine holds what it uses */
    weir_engine_memory(engine, &taken);
    assert_int_equal(taken.total_bytes, plan.total_bytes);
    assert_int_equal(taken.weight_bytes, plan.weight_bytes);
    uint64_t hash = talk(engine, vocab_of(model));
    weir_engine_close(&engine);
    return hash;
}

static void check_bits(const char *name) {
    weir_model *model = open_file(name, in_temp("bits.gguf"));
    weir_packed *none = NULL, *packed = make_and_open(model, in_temp("bits.packed"));
    uint64_t expected = answer_with(model, base_options(NULL), &none);
    weir_engine_options o = base_options(packed);
    weir_plan mapped, plain;
    weir_packed_info info;
    REQUIRE_OK(weir_plan_make(&mapped, model, &o, &test_err));
    o.packed = NULL;
    REQUIRE_OK(weir_plan_make(&plain, model, &o, &test_err));
    weir_packed_get_info(packed, &info);
    assert_true(info.n_matrices > 0);
    /* What was packed into memory is now mapped; the tables of matrices are what is left. */
    assert_true(item(&mapped, "weights") < item(&plain, "weights") / 4);
    assert_true(item(&mapped, "weights, mapped") > item(&plain, "weights, mapped"));
    assert_true(item(&mapped, "weights, mapped") <= info.file_bytes + model->info.weight_bytes);
    assert_int_equal(item(&mapped, "K/V pages"), item(&plain, "K/V pages"));
    o.packed = packed;
    assert_int_equal(answer_with(model, o, &packed), expected);
    weir_model_close(&model);
}

static void test_bits(void **state) {
    (void)state;
    check_bits("moe_k256:q4_0");
    check_bits("moe_k256:q6_k");
    check_bits("dense_untied_k4:q8_0"); /* a head of its own */
    check_bits("dense_tiny:q5_1");      /* tied, odd shapes */
}

/* An instruction set without kernels for a format reads that from the model; all give their bits
 * with the same file. */
static void test_isas(void **state) {
    (void)state;
    static const char *const isas[] = {"portable", "avx2", "avx512", "neon"};
    weir_model *model = open_file("moe_k256:q4_k", in_temp("isas.gguf"));
    for (size_t i = 0; i < WEIR_COUNT(isas); i++) {
        weir_engine_options o = base_options(NULL);
        weir_plan plan;
        weir_packed *none = NULL, *packed = make_and_open(model, in_temp("isas.packed"));
        o.isa = isas[i];
        if (weir_plan_make(&plan, model, &o, NULL) == WEIR_STATUS_OK) {
            uint64_t expected = answer_with(model, o, &none);
            o.packed = packed;
            assert_int_equal(answer_with(model, o, &packed), expected);
        }
        weir_packed_close(&packed);
    }
    weir_model_close(&model);
}

/* Experts from the disk come from the model, and so does all else. */
static void test_streamed(void **state) {
    (void)state;
    weir_model *model = open_file("moe_k256:q4_0", in_temp("streamed.gguf"));
    weir_packed *none = NULL, *packed = make_and_open(model, in_temp("streamed.packed"));
    uint64_t expected = answer_with(model, base_options(NULL), &none);
    weir_engine_options o = base_options(packed);
    weir_plan plan, plain;
    o.ram_bytes = 1;
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    o.ram_bytes = plan.total_bytes;
    REQUIRE_OK(weir_plan_make(&plan, model, &o, &test_err));
    assert_true(plan.streamed_bytes > 0);
    o.packed = NULL;
    REQUIRE_OK(weir_plan_make(&plain, model, &o, &test_err));
    assert_int_equal(item(&plan, "weights"), item(&plain, "weights"));
    assert_int_equal(item(&plan, "weights, mapped"), item(&plain, "weights, mapped"));
    o.packed = packed;
    assert_int_equal(answer_with(model, o, &packed), expected);
    weir_model_close(&model);
}

static void refuse_engine(weir_model *model, weir_engine_options o, weir_status status,
                          const char *word) {
    weir_engine *engine = NULL;
    assert_int_equal(weir_engine_open(&engine, model, &o, &test_err), status);
    assert_non_null(strstr(test_err.text, word));
    assert_null(engine);
}

static void test_options(void **state) {
    (void)state;
    weir_model *model = open_file("moe_k256:q4_0", in_temp("options.gguf"));
    weir_model *other = open_file("moe_k256:q4_0", in_temp("other.gguf"));
    weir_packed *packed = make_and_open(model, in_temp("options.packed"));
    weir_engine_options o = base_options(packed);
    o.device = "reference";
    refuse_engine(model, o, WEIR_STATUS_UNSUPPORTED, "does not use packed weights");
    o.device = NULL;
    o.activations = "f32";
    refuse_engine(model, o, WEIR_STATUS_BAD_ARGUMENT, "expected 'q8' or 'q15'");
    o.activations = NULL;
    o.no_map = true;
    refuse_engine(model, o, WEIR_STATUS_BAD_ARGUMENT, "without no_map");
    o.no_map = false;
    refuse_engine(other, o, WEIR_STATUS_BAD_ARGUMENT, "another model's");
    weir_packed_close(&packed);
    weir_model_close(&other);
    weir_model_close(&model);
}

/* ---- what is in the file ------------------------------------------------------------------- */

/* Strips that change must change WEIR_PACKED_STRIPS, or files of before would be taken for what
 * they are not. Of a pattern whose bytes all differ within a strip's reach. */
static void test_strips_are_pinned(void **state) {
    (void)state;
    static const struct {
        weir_format_id id;
        uint64_t hash;
    } pinned[] = {
        {WEIR_FORMAT_Q4_0, 0x76b4f1ac58c2895du},   {WEIR_FORMAT_Q4_1, 0x59955220db42770cu},
        {WEIR_FORMAT_Q5_0, 0x1dbe977f296dbe29u},   {WEIR_FORMAT_Q5_1, 0x39c610e7b1880884u},
        {WEIR_FORMAT_Q8_0, 0x82ffddcbf41f3422u},   {WEIR_FORMAT_Q4_K, 0xb4705e700c40ddcdu},
        {WEIR_FORMAT_Q5_K, 0x271ca0644381cb6au},   {WEIR_FORMAT_Q6_K, 0x0479eecfcf95d692u},
        {WEIR_FORMAT_IQ4_NL, 0x76b4f1ac58c2895du}, {WEIR_FORMAT_IQ4_XS, 0xd95db85298822fc4u},
        {WEIR_FORMAT_MXFP4, 0xdd7052abad00196fu},
    };
    enum { COLS = 512 };
    static uint8_t rows[WEIR_T16_ROWS * COLS * 2], strip[sizeof rows];
    assert_int_equal(WEIR_PACKED_STRIPS, 1);
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = (uint8_t)weir_mix64(7, 0, i);
    for (size_t i = 0; i < WEIR_COUNT(pinned); i++) {
        const weir_format *f = weir_format_by_id(pinned[i].id);
        size_t bytes = weir_t16_strip_bytes(f->id, COLS);
        weir_t16_pack(f->id, rows, weir_format_row_bytes(f, COLS), COLS, strip);
        if (XXH64(strip, bytes, 0) != pinned[i].hash)
            fail_msg("strips of %s are others: 0x%016llx", f->name,
                     (unsigned long long)XXH64(strip, bytes, 0));
    }
}

/* Neither threads nor buffers change a byte, and matrices lie as the index says. */
static void test_same_bytes(void **state) {
    (void)state;
    weir_model *model = open_file("moe_k256:q6_k", in_temp("bytes.gguf"));
    make(model, in_temp("bytes.packed"), 1);
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads += 2)
        for (size_t round = 1; round <= 1 << 20; round *= 32) {
            const weir_packed_options o = {.overwrite = true, .n_threads = n_threads};
            REQUIRE_OK(
                weir_packed_make_in_rounds(in_temp("again.packed"), model, &o, round, &test_err));
            assert_same_files(in_temp("bytes.packed"), in_temp("again.packed"));
        }
    const weir_weight *list[4096];
    weir_packed *packed = NULL;
    REQUIRE_OK(weir_packed_open(&packed, model, in_temp("bytes.packed"), &test_err));
    uint32_t n = weir_packed_list(model, list);
    for (uint32_t i = 0; i < n; i++) {
        const weir_weight *w = list[i];
        const uint8_t *strips = weir_packed_find(packed, w->data);
        static uint8_t expected[1 << 16];
        size_t strip_bytes = weir_t16_strip_bytes(w->format->id, w->cols);
        assert_true(strip_bytes <= sizeof expected);
        assert_int_equal((uintptr_t)strips % WEIR_PACKED_ALIGN, 0);
        for (uint32_t s = 0; s < w->rows / WEIR_T16_ROWS; s++) {
            weir_t16_pack(w->format->id, w->data + (size_t)s * WEIR_T16_ROWS * w->row_bytes,
                          w->row_bytes, w->cols, expected);
            assert_memory_equal(strips + s * strip_bytes, expected, strip_bytes);
        }
    }
    assert_null(weir_packed_find(packed, (const uint8_t *)list));
    weir_packed_close(&packed);
    weir_model_close(&model);
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void put_byte(const char *path, uint64_t at, uint8_t flip) {
    uint8_t byte;
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, (off_t)at), 1);
    byte ^= flip;
    assert_int_equal(pwrite(file, &byte, 1, (off_t)at), 1);
    close(file);
}

static void test_damaged(void **state) {
    (void)state;
    const char *path = in_temp("damaged.packed");
    weir_model *model = open_file("moe_k256:q4_0", in_temp("damaged.gguf"));
    weir_packed *packed = make_and_open(model, path);
    weir_packed_info info;
    struct stat st;
    weir_packed_get_info(packed, &info);
    REQUIRE_OK(weir_packed_check(packed, 2, NULL, &test_err));
    weir_packed_close(&packed);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, info.file_bytes);
    /* Every byte of the header and every eighth of the list. */
    for (uint64_t at = 0; at < WEIR_PACKED_HEADER + info.n_matrices * WEIR_PACKED_ENTRY;
         at += at < WEIR_PACKED_HEADER ? 1 : 8) {
        put_byte(path, at, 1);
        refuse(model, path, WEIR_STATUS_BAD_FILE, path);
        put_byte(path, at, 1);
    }
    refuse(model, in_temp("damaged.gguf"), WEIR_STATUS_BAD_FILE, "is no file of packed weights");
    refuse(model, in_temp("none.packed"), WEIR_STATUS_IO, "cannot be opened");
    refuse(model, temp_folder, WEIR_STATUS_IO, "not a regular file");
    /* The weights themselves are looked at when that is asked for. */
    put_byte(path, (uint64_t)st.st_size - 1, 0x10);
    REQUIRE_OK(weir_packed_open(&packed, model, path, &test_err));
    assert_int_equal(weir_packed_check(packed, 2, NULL, &test_err), WEIR_STATUS_BAD_FILE);
    char number[32];
    snprintf(number, sizeof number, "matrix %u is damaged", (unsigned)info.n_matrices - 1);
    assert_non_null(strstr(test_err.text, number));
    weir_packed_close(&packed);
    /* Cut, and longer. */
    for (off_t size = st.st_size + 1; size >= 0; size = size > 100 ? size / 3 : size - 1) {
        assert_int_equal(truncate(path, size), 0);
        refuse(model, path, WEIR_STATUS_BAD_FILE, path);
    }
    weir_model_close(&model);
}

/* The model's file is changed behind its back and the time put back, so that only what is read of
 * it can tell. */
static void change_model(const char *path, uint64_t at, bool keeps_time) {
    struct stat was;
    assert_int_equal(stat(path, &was), 0);
    put_byte(path, at, 1);
    const struct timespec times[] = {was.st_mtim, was.st_mtim};
    if (keeps_time)
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void expect_stale(const char *model_path, const char *path, bool is_stale) {
    weir_model *model = NULL;
    weir_packed *packed = NULL;
    REQUIRE_OK(weir_model_open(&model, model_path, &test_err));
    if (is_stale)
        refuse(model, path, WEIR_STATUS_BAD_FILE, "was made of another model");
    else
        REQUIRE_OK(weir_packed_open(&packed, model, path, &test_err));
    weir_packed_close(&packed);
    weir_model_close(&model);
}

static void test_stale(void **state) {
    (void)state;
    const char *from = in_temp("stale.gguf"), *path = in_temp("stale.packed");
    weir_model *model = open_file("moe_k256:q4_0", from);
    make(model, path, 1);
    size_t n = weir_model_n_tensors(model);
    uint64_t first[2] = {0}, last = 0;
    weir_tensor_info t;
    for (size_t i = 0; i < n; i++) { /* of all that are large enough to be looked at in places */
        weir_model_tensor(model, i, &t);
        if (t.bytes <= 4096)
            continue;
        first[0] = first[1];
        first[1] = t.file_offset;
        last = t.file_offset + t.bytes - 1;
    }
    weir_model_close(&model);
    expect_stale(from, path, false);
    const uint64_t places[] = {first[0], first[1], last};
    for (size_t i = 0; i < WEIR_COUNT(places); i++) {
        change_model(from, places[i], true);
        expect_stale(from, path, true);
        change_model(from, places[i], true);
        expect_stale(from, path, false);
    }
    /* A place that is not looked at: the time tells. */
    change_model(from, first[1] + 4000, false);
    expect_stale(from, path, true);
    /* Of the same size and names. */
    model = open_file("moe_k256:q4_0", in_temp("twin.gguf"));
    make(model, path, 1);
    weir_model_close(&model);
    expect_stale(from, path, true);
    expect_stale(in_temp("twin.gguf"), path, false);
    /* Another name is the same model. */
    assert_int_equal(rename(in_temp("twin.gguf"), in_temp("moved.gguf")), 0);
    expect_stale(in_temp("moved.gguf"), path, false);
}

/* Writes the tensors first .. last - 1 of g as part `number` (from 1) of two; the first part has
 * the metadata. */
static void write_part(const weir_gguf *g, uint32_t number, size_t first, size_t last,
                       const char *path) {
    weir_gguf_writer *w = NULL;
    REQUIRE_OK(weir_gguf_create(&w, path, true, &test_err));
    for (size_t i = 0; number == 1 && i < weir_gguf_n_kv(g); i++)
        weir_gguf_add_kv(w, weir_gguf_kv_at(g, i));
    weir_gguf_add_u32(w, "split.no", number - 1);
    weir_gguf_add_u32(w, "split.count", 2);
    weir_gguf_add_u64(w, "split.tensors.count", weir_gguf_n_tensors(g));
    for (size_t i = first; i < last; i++) {
        const weir_tensor *t = weir_gguf_tensor_at(g, i);
        weir_gguf_add_tensor(w, t->name, t->format, t->n_dims, t->shape);
    }
    REQUIRE_OK(weir_gguf_begin(w, &test_err));
    for (size_t i = first; i < last; i++) {
        const weir_tensor *t = weir_gguf_tensor_at(g, i);
        REQUIRE_OK(weir_gguf_write(w, t->data, (size_t)t->bytes, &test_err));
    }
    REQUIRE_OK(weir_gguf_commit(&w, &test_err));
}

/* A model in two files has one of packed weights, whichever part it is opened by, and both count.
 */
static void test_split(void **state) {
    (void)state;
    static const char *const names[] = {"split-00001-of-00002.gguf", "split-00002-of-00002.gguf"};
    weir_model *whole = open_file("moe_k256:q4_0", in_temp("whole.gguf")), *model = NULL;
    const weir_gguf *g = weir_model_gguf(whole);
    size_t n = weir_gguf_n_tensors(g);
    write_part(g, 1, 0, n / 2, in_temp(names[0]));
    write_part(g, 2, n / 2, n, in_temp(names[1]));
    REQUIRE_OK(weir_model_open(&model, in_temp(names[0]), &test_err));
    weir_packed *none = NULL, *packed = make_and_open(model, in_temp("split.packed"));
    uint64_t expected = answer_with(whole, base_options(NULL), &none);
    assert_int_equal(answer_with(model, base_options(packed), &packed), expected);
    weir_model_close(&model);
    weir_model_close(&whole);
    for (size_t i = 0; i < WEIR_COUNT(names); i++) {
        struct stat was;
        assert_int_equal(stat(in_temp(names[i]), &was), 0);
        expect_stale(in_temp(names[i]), in_temp("split.packed"), false);
        change_model(in_temp(names[i]), (uint64_t)was.st_size - 1, false);
        change_model(in_temp(names[i]), (uint64_t)was.st_size - 1, false); /* only its time now */
        expect_stale(in_temp(names[1 - i]), in_temp("split.packed"), true);
        const struct timespec times[] = {was.st_mtim, was.st_mtim};
        assert_int_equal(utimensat(AT_FDCWD, in_temp(names[i]), times, 0), 0);
    }
}

/* ---- making -------------------------------------------------------------------------------- */

static bool always(void *context) {
    (void)context;
    return true;
}

static void refuse_making(weir_model *model, const char *path, const weir_packed_options *o,
                          weir_status status, const char *word) {
    int n_before = temp_n_entries();
    weir_status got = weir_packed_make(path, model, o, &test_err);
    if (got != status || !strstr(test_err.text, word))
        fail_msg("status %d, \"%s\"; expected status %d, \"%s\"", got, test_err.text, status, word);
    assert_int_equal(temp_n_entries(), n_before);
}

static void test_making(void **state) {
    (void)state;
    const weir_packed_options defaults = {.n_threads = 1};
    const weir_packed_options cancelled = {.n_threads = 2, .progress = {.is_cancelled = always}};
    weir_model *model = open_file("moe_k256:q4_0", in_temp("making.gguf"));
    refuse_making(model, in_temp("none.packed"), &cancelled, WEIR_STATUS_CANCELLED, "interrupted");
    refuse_making(model, in_temp("no/folder.packed"), &defaults, WEIR_STATUS_IO, "no/folder");
    make(model, in_temp("making.packed"), 1);
    refuse_making(model, in_temp("making.packed"), &defaults, WEIR_STATUS_FAILED, "exists already");
    weir_packed *packed = NULL;
    REQUIRE_OK(weir_packed_open(&packed, model, in_temp("making.packed"), &test_err));
    assert_int_equal(weir_packed_check(packed, 1, &cancelled.progress, &test_err),
                     WEIR_STATUS_CANCELLED);
    /* One that is made anew leaves who has the old one mapped alone. */
    make(model, in_temp("making.packed"), 1);
    REQUIRE_OK(weir_packed_check(packed, 1, NULL, &test_err));
    weir_packed_close(&packed);
    weir_packed_close(&packed);
    weir_model_close(&model);
    model = open_file("dense_tiny:f16", in_temp("f16.gguf"));
    refuse_making(model, in_temp("f16.packed"), &defaults, WEIR_STATUS_UNSUPPORTED,
                  "none of the model's weights can be packed");
    weir_model_close(&model);
    model = open_golden("dense_tiny");
    refuse_making(model, in_temp("folder.packed"), &defaults, WEIR_STATUS_UNSUPPORTED, "GGUF");
    weir_model_close(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_isas),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_streamed),
        cmocka_unit_test(test_strips_are_pinned),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_making),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
