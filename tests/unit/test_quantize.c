/*
 * test_quantize.c: weir_quantize on small models: every mix runs, bytes depend on nothing but the
 * work, killed runs go on, what fails leaves no file, sizes are met, importance helps, the record
 * of quality is in the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "convert/cast_rows.h"
#include "convert/quantize_mix.h"
#include "convert/quantize_plan.h"
#include "temp_folder.h"
#include "weir_quantize.h"

static weir_error test_err;

static void require(weir_status status) {
    if (status != WEIR_STATUS_OK)
        fail_msg("%s", test_err.text);
}

static void make(const char *name, const char *config, const char *type) {
    weir_synth_options o = {.config = config, .type = type, .overwrite = true, .n_threads = 2};
    require(weir_synth(in_temp(name), &o, &test_err));
}

/* As small as rows of 256 allow. */
static const char small_moe[] =
    "{\"model_type\": \"lfm2_moe\", \"vocab_size\": 512, \"hidden_size\": 256,"
    " \"num_hidden_layers\": 3, \"num_attention_heads\": 4, \"num_key_value_heads\": 2,"
    " \"intermediate_size\": 256, \"moe_intermediate_size\": 256, \"num_dense_layers\": 1,"
    " \"num_experts\": 3, \"num_experts_per_tok\": 2, \"use_expert_bias\": true,"
    " \"norm_topk_prob\": true, \"routed_scaling_factor\": 1.0,"
    " \"layer_types\": [\"conv\", \"full_attention\", \"conv\"], \"conv_L_cache\": 3,"
    " \"norm_eps\": 1e-5, \"max_position_embeddings\": 2048}";

static int make_all(void **state) {
    int made = temp_folder_make(state);
    char config[256];
    snprintf(config, sizeof config, "%s", in_temp("small.json"));
    temp_write(config, small_moe, sizeof small_moe - 1);
    make("moe.gguf", config, "bf16");
    make("dense.gguf", "tiny-dense", "f32");
    make("q8.gguf", config, "q8_0");
    return made;
}

static weir_quantize_report quantize(const char *in, const char *out,
                                     const weir_quantize_options *o) {
    weir_quantize_report report;
    weir_quantize_options copy = *o;
    copy.overwrite = true;
    copy.n_threads = copy.n_threads > 0 ? copy.n_threads : 2;
    require(weir_quantize(in_temp(in), in_temp(out), &copy, &report, &test_err));
    return report;
}

static weir_quantize_report to_type(const char *in, const char *out, const char *type) {
    return quantize(in, out, &(weir_quantize_options){.type = type});
}

/* Refused with a line, and the folder is as it was. */
static void expect_failure(const char *in, const char *out, const weir_quantize_options *o,
                           weir_status status, const char *part) {
    weir_error err = {0};
    int n = temp_n_entries();
    assert_int_equal(weir_quantize(in_temp(in), in_temp(out), o, NULL, &err), status);
    if (strstr(err.text, part) == NULL)
        fail_msg("expected '%s' in: %s", part, err.text);
    assert_null(strchr(err.text, '\n'));
    assert_int_equal(temp_n_entries(), n);
}

static weir_model *open_model(const char *name) {
    weir_model *model;
    require(weir_model_open(&model, in_temp(name), &test_err));
    return model;
}

static const weir_tensor *tensor_of(const weir_model *m, const char *name) {
    const weir_tensor *t = weir_gguf_find_tensor(weir_model_gguf(m), name);
    assert_non_null(t);
    return t;
}

static uint64_t number_of(const weir_model *m, const char *key) {
    uint64_t value = 0;
    const weir_gguf_kv *kv = weir_gguf_find(weir_model_gguf(m), key);
    if (kv == NULL || !weir_gguf_as_u64(kv, 0, &value))
        fail_msg("no number %s", key);
    return value;
}

/* A part of the source's length, which is that of its bfloat16 matrices. */
static uint64_t percent(unsigned n) {
    struct stat st;
    assert_int_equal(stat(in_temp("moe.gguf"), &st), 0);
    return (uint64_t)st.st_size * n / 100;
}

static bool is_there(const char *name) {
    return access(in_temp(name), F_OK) == 0;
}

/* ---- mixes ---------------------------------------------------------------------------------- */

/* Takes a step: the finite logits of four tokens. */
static void run_a_little(const char *name) {
    weir_model *m = open_model(name);
    weir_engine_options o = {.n_ctx = 64, .n_threads = 2};
    weir_engine *engine;
    weir_seq *seq;
    static const int32_t tokens[] = {1, 20, 33, 7};
    require(weir_engine_open(&engine, m, &o, &test_err));
    require(weir_seq_open(&seq, engine, &test_err));
    require(weir_seq_append(seq, tokens, 4, &test_err));
    require(weir_seq_run(seq, &test_err));
    for (uint32_t i = 0; i < m->h.n_vocab; i++)
        assert_true(isfinite(weir_seq_logits(seq)[i]));
    weir_seq_close(&seq);
    weir_engine_close(&engine);
    weir_model_close(&m);
}

static void check_formats(const char *name, const weir_quantize_mix *mix) {
    weir_model *m = open_model(name);
    const weir_gguf *g = weir_model_gguf(m);
    for (size_t i = 0; i < weir_gguf_n_tensors(g); i++) {
        const weir_tensor *t = weir_gguf_tensor_at(g, i);
        weir_part part;
        uint32_t layer;
        assert_true(weir_mix_part(t->name, &part, &layer));
        const weir_format *expected = weir_format_by_id(WEIR_FORMAT_F32);
        if (weir_part_get_names(part)->is_matrix)
            expected = weir_mix_format(mix, &m->h, false, part, layer, t->shape[t->n_dims - 1]);
        assert_string_equal(t->format->name, expected->name);
    }
    assert_int_equal(number_of(m, "general.file_type"), mix->file_type);
    weir_model_close(&m);
}

static void check_type(const char *source, const char *type) {
    weir_quantize_report r = to_type(source, "out.gguf", type);
    struct stat st;
    assert_int_equal(stat(in_temp("out.gguf"), &st), 0);
    assert_int_equal(r.file_bytes, st.st_size);
    assert_int_equal(r.n_substituted, 0);
    assert_false(is_there("out.gguf.part"));
    assert_false(is_there("out.gguf.part.journal"));
    check_formats("out.gguf", weir_mix_by_name(type));
    run_a_little("out.gguf");
}

static void test_every_type(void **state) {
    (void)state;
    for (size_t i = 0; weir_quantize_types()[i] != NULL; i++)
        check_type("moe.gguf", weir_quantize_types()[i]);
    check_type("dense.gguf", "q4_0");
    check_type("dense.gguf", "mxfp4_moe");
}

/* The tensors are those of weir_convert, bit for bit, where a mix is one format. */
static void test_one_format_is_convert(void **state) {
    (void)state;
    static const char *const types[] = {"q8_0", "q6_k", "f16", "f32"};
    for (size_t i = 0; i < 4; i++) {
        weir_convert_options o = {.type = types[i], .overwrite = true};
        require(weir_convert(in_temp("moe.gguf"), in_temp("c.gguf"), &o, &test_err));
        to_type("moe.gguf", "z.gguf", types[i]);
        weir_model *a = open_model("c.gguf"), *b = open_model("z.gguf");
        const weir_gguf *ga = weir_model_gguf(a), *gb = weir_model_gguf(b);
        assert_int_equal(weir_gguf_n_kv(ga), weir_gguf_n_kv(gb));
        for (size_t k = 0; k < weir_gguf_n_tensors(ga); k++) {
            const weir_tensor *ta = weir_gguf_tensor_at(ga, k), *tb = weir_gguf_tensor_at(gb, k);
            assert_string_equal(ta->name, tb->name);
            assert_int_equal(ta->bytes, tb->bytes);
            assert_memory_equal(ta->data, tb->data, ta->bytes);
        }
        weir_model_close(&a);
        weir_model_close(&b);
    }
}

static void test_threads_change_nothing(void **state) {
    (void)state;
    quantize("moe.gguf", "one.gguf", &(weir_quantize_options){.type = "q4_k_m", .n_threads = 1});
    quantize("moe.gguf", "five.gguf", &(weir_quantize_options){.type = "q4_k_m", .n_threads = 5});
    assert_same_files(in_temp("one.gguf"), in_temp("five.gguf"));
    quantize("moe.gguf", "one.gguf",
             &(weir_quantize_options){.target_bytes = percent(31), .n_threads = 1});
    quantize("moe.gguf", "five.gguf",
             &(weir_quantize_options){.target_bytes = percent(31), .n_threads = 5});
    assert_same_files(in_temp("one.gguf"), in_temp("five.gguf"));
}

static void test_folder(void **state) {
    (void)state;
    weir_synth_options o = {.config = in_temp("small.json"), .type = "bf16", .as_folder = true};
    require(weir_synth(in_temp("folder"), &o, &test_err));
    to_type("folder", "f.gguf", "q4_k_m");
    to_type("moe.gguf", "g.gguf", "q4_k_m");
    weir_model *a = open_model("f.gguf"), *b = open_model("g.gguf");
    assert_int_equal(number_of(a, "general.file_type"), 15);
    const weir_tensor *t = tensor_of(a, "blk.2.ffn_down_exps.weight");
    const weir_tensor *u = tensor_of(b, "blk.2.ffn_down_exps.weight");
    assert_int_equal(t->bytes, u->bytes);
    assert_memory_equal(t->data, u->data, t->bytes);
    weir_model_close(&a);
    weir_model_close(&b);
    run_a_little("f.gguf");
}

/* ---- rules and refusals --------------------------------------------------------------------- */

static void test_rules_decide(void **state) {
    (void)state;
    static const char *const rules[] = {"blk.*.ffn_*=q5_1", "blk.2.ffn_down_exps=q8_0",
                                        "*norm*=f32"};
    weir_quantize_options o = {.type = "q4_0", .rules = rules, .n_rules = 3};
    quantize("moe.gguf", "r.gguf", &o);
    weir_model *m = open_model("r.gguf");
    assert_string_equal(tensor_of(m, "blk.2.ffn_down_exps.weight")->format->name, "q8_0");
    assert_string_equal(tensor_of(m, "blk.1.ffn_down_exps.weight")->format->name, "q5_1");
    assert_string_equal(tensor_of(m, "blk.2.ffn_gate_inp.weight")->format->name, "f32");
    assert_string_equal(tensor_of(m, "blk.1.attn_q.weight")->format->name, "q4_0");
    assert_int_equal(number_of(m, "general.file_type"), 2);
    weir_model_close(&m);
    static const char *const turned[] = {"blk.2.ffn_down_exps=q8_0", "blk.*.ffn_*=q5_1"};
    o.rules = turned;
    o.n_rules = 2;
    quantize("moe.gguf", "r.gguf", &o);
    m = open_model("r.gguf");
    assert_string_equal(tensor_of(m, "blk.2.ffn_down_exps.weight")->format->name, "q5_1");
    weir_model_close(&m);
}

static void test_bad_arguments(void **state) {
    (void)state;
    static const struct {
        const char *rule, *part;
    } rules[] = {
        {"blk.9.ffn_up=q8_0", "'blk.9.ffn_up=q8_0': no tensor"},
        {"*.ffn_gate_inp=q8_0", "always stay f32"},
        {"*norm*=f16", "always stay f32"},
        {"nonsense", "expected GLOB=format"},
        {"*=q4_k_m", "unknown type 'q4_k_m'"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        weir_quantize_options o = {.type = "q4_0", .rules = &rules[i].rule, .n_rules = 1};
        expect_failure("moe.gguf", "no.gguf", &o, WEIR_STATUS_BAD_ARGUMENT, rules[i].part);
    }
    weir_quantize_options o = {.type = "q4_9"};
    expect_failure("moe.gguf", "no.gguf", &o, WEIR_STATUS_BAD_ARGUMENT, "iq4_xs");
    o = (weir_quantize_options){0};
    expect_failure("moe.gguf", "no.gguf", &o, WEIR_STATUS_BAD_ARGUMENT, "a type or a size");
    o = (weir_quantize_options){.type = "q4_0", .target_bytes = 9};
    expect_failure("moe.gguf", "no.gguf", &o, WEIR_STATUS_BAD_ARGUMENT, "a type or a size");
    o = (weir_quantize_options){.type = "q4_0", .n_threads = 5000};
    expect_failure("moe.gguf", "no.gguf", &o, WEIR_STATUS_BAD_ARGUMENT, "n_threads");
    o.n_threads = 1;
    expect_failure("nowhere.gguf", "no.gguf", &o, WEIR_STATUS_IO, "nowhere");
    expect_failure("moe.gguf", "no/folder.gguf", &o, WEIR_STATUS_IO, "no/folder.gguf");
    temp_write(in_temp("there.gguf"), "x", 1);
    expect_failure("moe.gguf", "there.gguf", &o, WEIR_STATUS_FAILED, "there.gguf: exists");
    o.imatrix = "nowhere.imatrix";
    expect_failure("moe.gguf", "no.gguf", &o, WEIR_STATUS_IO, "nowhere.imatrix");
    assert_int_equal(weir_quantize(NULL, "x", &o, NULL, NULL), WEIR_STATUS_BAD_ARGUMENT);
    assert_int_equal(weir_quantize("x", NULL, &o, NULL, NULL), WEIR_STATUS_BAD_ARGUMENT);
    remove(in_temp("there.gguf"));
}

static void test_requantizing_is_asked_for(void **state) {
    (void)state;
    weir_quantize_options o = {.type = "q4_0"};
    expect_failure("q8.gguf", "no.gguf", &o, WEIR_STATUS_FAILED, "--allow-requantize");
    o.type = "f16";
    expect_failure("q8.gguf", "no.gguf", &o, WEIR_STATUS_FAILED, "quantized already (q8_0)");
    to_type("q8.gguf", "wide.gguf", "f32"); /* which loses nothing */
    to_type("q8.gguf", "same.gguf", "q8_0");
    weir_model *a = open_model("q8.gguf"), *b = open_model("same.gguf");
    const weir_tensor *t = tensor_of(a, "blk.1.attn_q.weight");
    assert_memory_equal(t->data, tensor_of(b, "blk.1.attn_q.weight")->data, t->bytes);
    weir_model_close(&a);
    weir_model_close(&b);
    o = (weir_quantize_options){.type = "q4_0", .allow_requantize = true};
    quantize("q8.gguf", "again.gguf", &o);
    run_a_little("again.gguf");
}

typedef struct told {
    size_t n, n_ruled;
    uint64_t bytes;
} told;

static void count_told(void *context, const weir_quantize_tensor *t) {
    told *all = context;
    all->n++;
    all->n_ruled += t->is_ruled;
    all->bytes += t->bytes_out;
    assert_non_null(weir_format_by_name(t->to));
    assert_int_equal(t->n_experts_unseen, 0);
}

static void test_dry_run_writes_nothing(void **state) {
    (void)state;
    static const char *const rules[] = {"blk.*.attn_v=q8_0"};
    told all = {0};
    weir_quantize_options o = {.type = "q4_k_m",
                               .rules = rules,
                               .n_rules = 1,
                               .dry_run = true,
                               .tell = count_told,
                               .tell_context = &all};
    weir_quantize_report dry, wet;
    int n = temp_n_entries();
    require(weir_quantize(in_temp("moe.gguf"), NULL, &o, &dry, &test_err));
    assert_int_equal(temp_n_entries(), n);
    assert_int_equal(all.n, dry.n_tensors);
    assert_int_equal(all.n_ruled, 1);
    assert_int_equal(all.bytes, dry.bytes_out);
    o.dry_run = false;
    wet = quantize("moe.gguf", "wet.gguf", &o);
    assert_int_equal(wet.file_bytes, dry.file_bytes);
    assert_true(dry.bits_per_weight > 4.5 && dry.bits_per_weight < 6);
}

/* ---- what goes wrong ------------------------------------------------------------------------ */

static void test_damaged_inputs_leave_nothing(void **state) {
    (void)state;
    size_t n;
    char *bytes = temp_read(in_temp("moe.gguf"), &n);
    weir_quantize_options o = {.type = "q4_k_m", .n_threads = 2};
    temp_write(in_temp("cut.gguf"), bytes, n - 5000);
    expect_failure("cut.gguf", "no.gguf", &o, WEIR_STATUS_BAD_FILE, "cut.gguf");
    temp_write(in_temp("cut.gguf"), bytes, 100);
    expect_failure("cut.gguf", "no.gguf", &o, WEIR_STATUS_BAD_FILE, "cut.gguf");
    bytes[n - 5001] = 0x7f; /* a bfloat16 of the last tensor becomes NaN */
    bytes[n - 5002] = (char)0xff;
    memset(bytes + n - 5200, 0xff, 200);
    temp_write(in_temp("cut.gguf"), bytes, n);
    expect_failure("cut.gguf", "no.gguf", &o, WEIR_STATUS_BAD_FILE, "cannot hold");
    free(bytes);
    bytes = temp_read(in_temp("dense.gguf"), &n);
    weir_model *m = open_model("dense.gguf");
    static const uint8_t largest[4] = {0xff, 0xff, 0x7f, 0x7f}; /* of float32; an infinity else */
    memcpy(bytes + tensor_of(m, "blk.0.ffn_up.weight")->offset, largest, sizeof largest);
    weir_model_close(&m);
    temp_write(in_temp("cut.gguf"), bytes, n);
    o.type = "bf16";
    expect_failure("cut.gguf", "no.gguf", &o, WEIR_STATUS_BAD_FILE, "bf16 cannot hold");
    o.type = "q8_0";
    expect_failure("cut.gguf", "no.gguf", &o, WEIR_STATUS_BAD_FILE, "q8_0 cannot hold");
    free(bytes);
    remove(in_temp("cut.gguf"));
}

/* The last levels of each format with a scale of 65504, which is the largest, and the widest step
 * between two. */
static const struct {
    const char *format;
    float down, up, step;
    bool has_min; /* values of a group count from their lowest one */
} last_levels[] = {
    {"q8_0", 127, 127, 1, false},
    {"q6_k", 128 * 32, 128 * 32, 128, false},
    {"q5_k", 63, 63 * 31, 63, true},
    {"q5_1", 1, 31, 1, true},
    {"q5_0", 16, 16, 1, false},
    {"q4_k", 63, 63 * 15, 63, true},
    {"q4_1", 1, 15, 1, true},
    {"q4_0", 8, 8, 1, false},
    {"iq4_nl", 127, 127, 24, false},
    {"iq4_xs", 32 * 127, 32 * 127, 32 * 24, false},
    {"q3_k", 32 * 4, 32 * 4, 32, false},
    {"q2_k", 15, 15 * 3, 15, true},
};

/* Is a row with these two values taken? All others are zero. */
static bool is_held(const weir_source *source, const weir_format *f, float value, size_t at,
                    float other, float x[256]) {
    weir_source_tensor t = *weir_source_tensor_at(source, 0);
    weir_error err = {0};
    t.n_cols = 256;
    memset(x, 0, 256 * sizeof *x);
    x[at] = other;
    x[37] = value;
    weir_status status = weir_cast_check_row(source, &t, f, x, 0, &err);
    if (status != WEIR_STATUS_OK)
        assert_non_null(strstr(err.text, "cannot hold"));
    return status == WEIR_STATUS_OK;
}

static void test_values_beyond_a_block_are_refused(void **state) {
    (void)state;
    weir_source *source;
    float x[256], y[256];
    uint8_t blocks[sizeof x];
    require(weir_source_open(&source, in_temp("dense.gguf"), &test_err));
    for (size_t i = 0; i < WEIR_COUNT(last_levels); i++) {
        const weir_format *f = weir_format_by_name(last_levels[i].format);
        float down = -65504 * last_levels[i].down, up = 65504 * last_levels[i].up;
        const float held[] = {down, 0.9f * down, 0.9f * up, up};
        for (size_t k = 0; k < WEIR_COUNT(held); k++) {
            assert_true(is_held(source, f, held[k], 0, 0, x));
            weir_format_quantize(f, x, NULL, blocks, 256);
            f->dequantize(blocks, y, 256);
            if (!(fabsf(y[37] - held[k]) <= 65504 * last_levels[i].step))
                fail_msg("%s: %g became %g", f->name, (double)held[k], (double)y[37]);
        }
        assert_false(is_held(source, f, 1.2f * down, 0, 0, x));
        assert_false(is_held(source, f, 1.2f * up, 0, 0, x));
        assert_false(is_held(source, f, 1e9f, 0, 0, x));
        assert_int_equal(is_held(source, f, up, 36, 0.9f * down, x), !last_levels[i].has_min);
        assert_true(is_held(source, f, up, 100, 0.9f * down, x)); /* in another group */
    }
    const weir_format *mxfp4 = weir_format_by_name("mxfp4");
    assert_true(is_held(source, mxfp4, FLT_MAX, 0, -FLT_MAX, x));
    assert_false(is_held(source, mxfp4, INFINITY, 0, 0, x));
    assert_false(is_held(source, mxfp4, NAN, 0, 0, x));
    weir_source_close(&source);
}

/* In a child, because a limit cannot be taken back. */
static void test_full_disk_leaves_nothing(void **state) {
    (void)state;
    int n = temp_n_entries();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = {500000, 500000};
        weir_quantize_options o = {.type = "q4_k_m", .n_threads = 2};
        weir_error err = {0};
        bool is_refused = setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                          weir_quantize(in_temp("moe.gguf"), in_temp("full.gguf"), &o, NULL,
                                        &err) == WEIR_STATUS_IO &&
                          strstr(err.text, "full.gguf: there is no room") != NULL;
        _exit(is_refused ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(temp_n_entries(), n);
}

static void test_one_run_at_a_time(void **state) {
    (void)state;
    int fd = open(in_temp("busy.gguf.part"), O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    weir_quantize_options o = {.type = "q4_0"};
    expect_failure("moe.gguf", "busy.gguf", &o, WEIR_STATUS_FAILED, "another run is writing it");
    close(fd);
    to_type("moe.gguf", "busy.gguf", "q4_0");
    assert_false(is_there("busy.gguf.part"));
}

/* ---- interrupted runs ----------------------------------------------------------------------- */

/* Progress calls of a run that is nearly done. The formats here are those that no search makes. */
enum { LATE = 30 };

/* Says yes when it is asked for the n-th time; below 0 the process is killed instead. */
static bool cancel_at(void *context) {
    int *left = context;
    if (*left < 0 && ++*left == 0)
        kill(getpid(), SIGKILL);
    return *left > 0 && --*left == 0;
}

static void kill_at(int n, const weir_quantize_options *options) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int left = -n;
        weir_quantize_options o = *options;
        o.progress = (weir_progress){NULL, &left, cancel_at};
        weir_quantize(in_temp("moe.gguf"), in_temp("k.gguf"), &o, NULL, NULL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_false(is_there("k.gguf"));
    assert_true(is_there("k.gguf.part"));
}

static weir_quantize_report go_on(const weir_quantize_options *options) {
    weir_quantize_report r;
    require(weir_quantize(in_temp("moe.gguf"), in_temp("k.gguf"), options, &r, &test_err));
    assert_same_files(in_temp("k.gguf"), in_temp("whole.gguf"));
    assert_false(is_there("k.gguf.part"));
    assert_false(is_there("k.gguf.part.journal"));
    remove(in_temp("k.gguf"));
    return r;
}

static void test_killed_runs_go_on(void **state) {
    (void)state;
    weir_quantize_options o = {.type = "q4_0", .n_threads = 2};
    to_type("moe.gguf", "whole.gguf", "q4_0");
    uint64_t most = 0;
    for (int n = 1; n <= LATE; n += 6) {
        kill_at(n, &o);
        uint64_t resumed = go_on(&o).n_resumed_bytes;
        assert_true(resumed >= most);
        most = resumed;
    }
    assert_true(most > percent(10));
    /* killed again and again, and only continued */
    for (int i = 0; i < 4; i++) /* what is there is checked first, which asks too */
        kill_at(6 * i + 9, &o);
    o.n_threads = 1;
    assert_true(go_on(&o).n_resumed_bytes > percent(5));
}

static void flip(const char *name, long at) {
    FILE *file = fopen(in_temp(name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int c = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(c ^ 1, file), c ^ 1);
    assert_int_equal(fclose(file), 0);
}

static void test_only_good_bytes_are_taken_over(void **state) {
    (void)state;
    weir_quantize_options o = {.type = "q4_0", .n_threads = 2};
    to_type("moe.gguf", "whole.gguf", "q4_0");
    kill_at(LATE, &o);
    uint64_t all = go_on(&o).n_resumed_bytes;
    kill_at(LATE, &o);
    flip("k.gguf.part", (long)percent(10)); /* in what the journal calls good */
    uint64_t less = go_on(&o).n_resumed_bytes;
    assert_true(less > 0 && less < all);
    kill_at(LATE, &o);
    flip("k.gguf.part", 200); /* in the header, which is made again */
    assert_int_equal(go_on(&o).n_resumed_bytes, all);
    kill_at(LATE, &o);
    flip("k.gguf.part.journal", 1);
    assert_int_equal(go_on(&o).n_resumed_bytes, 0);
    kill_at(LATE, &o);
    temp_write(in_temp("k.gguf.part.journal"), "{\"weir_part\":1,\"spans\":[[", 25);
    assert_int_equal(go_on(&o).n_resumed_bytes, 0);
    kill_at(LATE, &o);
    assert_int_equal(truncate(in_temp("k.gguf.part"), 500000), 0);
    assert_int_equal(go_on(&o).n_resumed_bytes, 0);
    kill_at(LATE, &o);
    o.no_resume = true;
    assert_int_equal(go_on(&o).n_resumed_bytes, 0);
    o.no_resume = false;
    /* other work under the same name */
    weir_quantize_options other = {.type = "iq4_nl", .n_threads = 2};
    kill_at(LATE, &other);
    assert_int_equal(go_on(&o).n_resumed_bytes, 0);
}

/* The same names, shapes and metadata, but other values. */
static void test_another_source_begins_anew(void **state) {
    (void)state;
    weir_quantize_options o = {.type = "q4_0", .n_threads = 2};
    weir_synth_options s = {
        .config = in_temp("small.json"), .type = "bf16", .seed = 5, .overwrite = true};
    temp_copy(in_temp("kept.gguf"), in_temp("moe.gguf"));
    kill_at(LATE, &o);
    require(weir_synth(in_temp("moe.gguf"), &s, &test_err));
    to_type("moe.gguf", "whole.gguf", "q4_0");
    assert_int_equal(go_on(&o).n_resumed_bytes, 0);
    assert_int_equal(rename(in_temp("kept.gguf"), in_temp("moe.gguf")), 0);
}

static void test_cancelled_runs_go_on(void **state) {
    (void)state;
    to_type("moe.gguf", "whole.gguf", "q4_0");
    for (int n = 1; n <= LATE; n += 5) {
        int left = n;
        weir_quantize_options o = {
            .type = "q4_0", .n_threads = 2, .progress = {NULL, &left, cancel_at}};
        weir_error err = {0};
        assert_int_equal(weir_quantize(in_temp("moe.gguf"), in_temp("k.gguf"), &o, NULL, &err),
                         WEIR_STATUS_CANCELLED);
        assert_false(is_there("k.gguf"));
        assert_int_equal(is_there("k.gguf.part"), is_there("k.gguf.part.journal"));
    }
    assert_true(is_there("k.gguf.part"));
    weir_quantize_options o = {.type = "q4_0", .n_threads = 2};
    assert_true(go_on(&o).n_resumed_bytes > 0);
}

/* One value that is in none of the rows a fingerprint reads. */
static void test_a_changed_source_begins_anew(void **state) {
    (void)state;
    weir_quantize_options o = {.type = "q4_0", .n_threads = 2};
    weir_model *m = open_model("moe.gguf");
    const weir_tensor *t = tensor_of(m, "blk.1.ffn_up_exps.weight");
    long at = (long)(t->offset + 5 * t->shape[2] * 2);
    weir_model_close(&m);
    kill_at(LATE, &o);
    flip("moe.gguf", at);
    to_type("moe.gguf", "whole.gguf", "q4_0");
    assert_int_equal(go_on(&o).n_resumed_bytes, 0);
    flip("moe.gguf", at);
}

/* ---- what is not ours ----------------------------------------------------------------------- */

static void test_a_part_of_others_is_kept(void **state) {
    (void)state;
    static const char text[] = "half of something that took a day to download";
    weir_quantize_options o = {.type = "q4_0", .no_resume = true, .overwrite = true};
    temp_write(in_temp("d.gguf.part"), text, sizeof text);
    expect_failure("moe.gguf", "d.gguf", &o, WEIR_STATUS_FAILED, "d.gguf.part: is there, and no");
    size_t n;
    char *kept = temp_read(in_temp("d.gguf.part"), &n);
    assert_string_equal(kept, text);
    free(kept);
    remove(in_temp("d.gguf.part"));
    assert_int_equal(mkfifo(in_temp("d.gguf.part"), 0600), 0);
    expect_failure("moe.gguf", "d.gguf", &o, WEIR_STATUS_IO, "not a regular file");
    remove(in_temp("d.gguf.part"));
}

/* A file that was left finished under its temporary name, and is taken for a source. */
static void test_a_source_is_not_its_own_part(void **state) {
    (void)state;
    weir_quantize_options o = {.type = "q4_0"};
    temp_copy(in_temp("own.gguf.part"), in_temp("moe.gguf"));
    temp_write(in_temp("own.gguf.part.journal"), "{}", 2);
    expect_failure("own.gguf.part", "own.gguf", &o, WEIR_STATUS_BAD_ARGUMENT, "would be made");
    assert_same_files(in_temp("own.gguf.part"), in_temp("moe.gguf"));
    remove(in_temp("own.gguf.part"));
    remove(in_temp("own.gguf.part.journal"));
}

/* Killed between giving a file its name and taking the other one away. */
static void test_a_file_with_two_names_is_not_written(void **state) {
    (void)state;
    int left = 3;
    weir_quantize_options o = {
        .type = "q8_0", .overwrite = true, .n_threads = 1, .progress = {NULL, &left, cancel_at}};
    to_type("moe.gguf", "n.gguf", "q4_0");
    temp_copy(in_temp("before.gguf"), in_temp("n.gguf"));
    assert_int_equal(link(in_temp("n.gguf"), in_temp("n.gguf.part")), 0);
    temp_write(in_temp("n.gguf.part.journal"), "{}", 2);
    weir_error err;
    assert_int_equal(weir_quantize(in_temp("moe.gguf"), in_temp("n.gguf"), &o, NULL, &err),
                     WEIR_STATUS_CANCELLED);
    assert_same_files(in_temp("n.gguf"), in_temp("before.gguf"));
    remove(in_temp("n.gguf.part"));
    remove(in_temp("n.gguf.part.journal"));
}

static weir_status take_the_name(void *context, const char *path, weir_quality *quality,
                                 weir_error *err) {
    (void)path;
    (void)err;
    temp_write(context, "x", 1);
    *quality = (weir_quality){.n_tokens = 1};
    return WEIR_STATUS_OK;
}

static void test_finished_work_is_kept(void **state) {
    (void)state;
    char out[256];
    weir_error err;
    weir_quantize_report r;
    snprintf(out, sizeof out, "%s", in_temp("taken.gguf"));
    weir_quantize_options o = {.type = "q4_0", .measure = take_the_name, .measure_context = out};
    assert_int_equal(weir_quantize(in_temp("moe.gguf"), out, &o, NULL, &err), WEIR_STATUS_FAILED);
    assert_true(is_there("taken.gguf.part"));
    o.overwrite = true;
    require(weir_quantize(in_temp("moe.gguf"), out, &o, &r, &test_err));
    assert_int_equal(r.n_resumed_bytes, r.bytes_out);
    assert_false(is_there("taken.gguf.part"));
    run_a_little("taken.gguf");
}

/* ---- sizes ---------------------------------------------------------------------------------- */

static void test_sizes_are_met(void **state) {
    (void)state;
    const uint64_t whole = percent(100), targets[] = {percent(23), percent(52), percent(200)};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        weir_quantize_options o = {.target_bytes = targets[i]};
        weir_quantize_report r = quantize("moe.gguf", "t.gguf", &o);
        struct stat st;
        assert_int_equal(stat(in_temp("t.gguf"), &st), 0);
        assert_int_equal(r.file_bytes, st.st_size);
        uint64_t reachable = targets[i] < whole ? targets[i] : whole;
        if (r.file_bytes > targets[i] ||
            r.file_bytes < reachable - reachable / 50) /* matrices are few */
            fail_msg("%llu bytes for a target of %llu", (unsigned long long)r.file_bytes,
                     (unsigned long long)targets[i]);
        run_a_little("t.gguf");
    }
    weir_quantize_options o = {.target_bytes = percent(10)};
    expect_failure("moe.gguf", "no.gguf", &o, WEIR_STATUS_BAD_ARGUMENT, "the least is ");
    static const char *const rules[] = {"blk.*.attn_v=f32"};
    o = (weir_quantize_options){.target_bytes = percent(31), .rules = rules, .n_rules = 1};
    assert_true(quantize("moe.gguf", "t.gguf", &o).file_bytes <= percent(31));
    weir_model *m = open_model("t.gguf");
    assert_string_equal(tensor_of(m, "blk.1.attn_v.weight")->format->name, "f32");
    weir_model_close(&m);
    o = (weir_quantize_options){.target_bytes = percent(31), .allow_requantize = true};
    assert_true(quantize("q8.gguf", "t.gguf", &o).file_bytes <= percent(31));
}

/* ---- importance ----------------------------------------------------------------------------- */

/* Importance of all matrices: column c of matrix m weighs (c % 16 == 3) x 100 + 0.01. Expert 2 of
 * one stack has seen nothing. skip: an entry that is left out; NULL: none. */
static void write_importance(const char *name, const char *skip, uint32_t extra_cols) {
    weir_model *m = open_model("moe.gguf");
    const weir_gguf *g = weir_model_gguf(m);
    const weir_format *f32 = weir_format_by_id(WEIR_FORMAT_F32);
    weir_gguf_writer *w;
    require(weir_gguf_create(&w, in_temp(name), true, &test_err));
    weir_gguf_add_string(w, "general.type", "imatrix");
    const weir_text datasets[] = {{"stories.txt", 11}};
    weir_gguf_add_texts(w, "imatrix.datasets", datasets, 1);
    weir_gguf_add_u32(w, "imatrix.chunk_count", 7);
    weir_gguf_add_u32(w, "imatrix.chunk_size", 512);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < weir_gguf_n_tensors(g); i++) {
            const weir_tensor *t = weir_gguf_tensor_at(g, i);
            if (!weir_layout_is_matrix(t->name) || (skip != NULL && strcmp(t->name, skip) == 0))
                continue;
            char sums[96], counts[96];
            snprintf(sums, sizeof sums, "%s.in_sum2", t->name);
            snprintf(counts, sizeof counts, "%s.counts", t->name);
            uint64_t n = t->n_dims == 3 ? t->shape[0] : 1;
            uint64_t cols = t->shape[t->n_dims - 1] + extra_cols;
            if (round == 0) {
                weir_gguf_add_tensor(w, sums, f32, 2, (uint64_t[]){n, cols});
                weir_gguf_add_tensor(w, counts, f32, 2, (uint64_t[]){n, 1});
                continue;
            }
            for (uint64_t k = 0; k < n * cols; k++) {
                bool is_seen = strcmp(t->name, "blk.2.ffn_up_exps.weight") != 0 || k / cols != 2;
                float v = is_seen ? (k % cols % 16 == 3 ? 100.0f : 0.01f) * 50 : 0;
                require(weir_gguf_write(w, &v, sizeof v, &test_err));
            }
            for (uint64_t k = 0; k < n; k++) {
                bool is_seen = strcmp(t->name, "blk.2.ffn_up_exps.weight") != 0 || k != 2;
                float v = is_seen ? 50 : 0;
                require(weir_gguf_write(w, &v, sizeof v, &test_err));
            }
        }
        if (round == 0)
            require(weir_gguf_begin(w, &test_err));
    }
    require(weir_gguf_commit(&w, &test_err));
    weir_model_close(&m);
}

/* The sum over column c % 16 == 3 of squared differences between two files. */
static double error_of(const char *name, const char *tensor) {
    weir_model *a = open_model("moe.gguf"), *b = open_model(name);
    const weir_tensor *ta = tensor_of(a, tensor), *tb = tensor_of(b, tensor);
    uint64_t cols = ta->shape[ta->n_dims - 1], n = weir_tensor_n_values(ta);
    float *va = malloc(n * sizeof *va), *vb = malloc(n * sizeof *vb);
    assert_true(va != NULL && vb != NULL);
    ta->format->dequantize(ta->data, va, n);
    tb->format->dequantize(tb->data, vb, n);
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        if (i % cols % 16 == 3)
            sum += ((double)va[i] - vb[i]) * ((double)va[i] - vb[i]);
    free(va);
    free(vb);
    weir_model_close(&a);
    weir_model_close(&b);
    return sum;
}

static void test_importance(void **state) {
    (void)state;
    char path[256];
    write_importance("im.gguf", "blk.1.attn_q.weight", 0);
    snprintf(path, sizeof path, "%s", in_temp("im.gguf"));
    weir_quantize_options o = {.type = "q4_k_m", .imatrix = path};
    weir_quantize_report r = quantize("moe.gguf", "with.gguf", &o);
    assert_int_equal(r.n_without_importance, 1);
    assert_int_equal(r.n_experts_unseen, 1);
    to_type("moe.gguf", "without.gguf", "q4_k_m");
    /* the columns that matter come out better, but not where nothing is known */
    static const char *const better[] = {"blk.1.ffn_up_exps.weight", "blk.0.ffn_gate.weight",
                                         "blk.2.shortconv.in_proj.weight"};
    for (size_t i = 0; i < 3; i++)
        assert_true(error_of("with.gguf", better[i]) < 0.5 * error_of("without.gguf", better[i]));
    assert_true(error_of("with.gguf", "blk.1.attn_q.weight") ==
                error_of("without.gguf", "blk.1.attn_q.weight"));
    weir_model *m = open_model("with.gguf"), *b = open_model("without.gguf");
    assert_int_equal(number_of(m, "quantize.imatrix.chunks_count"), 7);
    assert_true(number_of(m, "quantize.imatrix.entries_count") > 15);
    weir_text text;
    const weir_gguf *g = weir_model_gguf(m);
    assert_true(weir_gguf_as_text(weir_gguf_find(g, "quantize.imatrix.dataset"), 0, &text));
    assert_int_equal(text.size, 11);
    assert_true(weir_gguf_as_text(weir_gguf_find(g, "quantize.imatrix.file"), 0, &text));
    assert_int_equal(text.size, strlen(path));
    assert_null(weir_gguf_find(weir_model_gguf(b), "quantize.imatrix.file"));
    /* expert 2 of one stack was never seen: its bytes are those without importance */
    const weir_tensor *t = tensor_of(m, "blk.2.ffn_up_exps.weight");
    const weir_tensor *u = tensor_of(b, "blk.2.ffn_up_exps.weight");
    uint64_t expert = t->bytes / t->shape[0];
    assert_memory_not_equal(t->data, u->data, expert);
    assert_memory_equal(t->data + 2 * expert, u->data + 2 * expert, expert);
    weir_model_close(&m);
    weir_model_close(&b);
    /* what was true of the source's own making goes */
    to_type("with.gguf", "wide.gguf", "f32");
    m = open_model("wide.gguf");
    assert_null(weir_gguf_find(weir_model_gguf(m), "quantize.imatrix.file"));
    weir_model_close(&m);
    o = (weir_quantize_options){.target_bytes = percent(31), .imatrix = path};
    assert_true(quantize("moe.gguf", "with.gguf", &o).file_bytes <= percent(31));
}

static void test_importance_of_another_model(void **state) {
    (void)state;
    char path[256];
    write_importance("other.gguf", NULL, 4);
    snprintf(path, sizeof path, "%s", in_temp("other.gguf"));
    weir_quantize_options o = {.type = "q4_k_m", .imatrix = path};
    expect_failure("moe.gguf", "no.gguf", &o, WEIR_STATUS_BAD_FILE, "another model");
    snprintf(path, sizeof path, "%s", in_temp("moe.gguf"));
    expect_failure("moe.gguf", "no.gguf", &o, WEIR_STATUS_BAD_FILE, "moe.gguf");
}

/* ---- the record of quality ------------------------------------------------------------------ */

typedef struct measuring {
    bool fails;
    int n;
} measuring;

static weir_status measure(void *context, const char *path, weir_quality *quality,
                           weir_error *err) {
    measuring *m = context;
    m->n++;
    weir_model *model; /* the file is whole already, under its temporary name */
    require(weir_model_open(&model, path, err));
    const weir_gguf *g = weir_model_gguf(model);
    double kl;
    assert_true(weir_gguf_as_f64(weir_gguf_find(g, "weir.quality.kl_mean"), 0, &kl));
    assert_true(isnan(kl));
    weir_model_close(&model);
    if (m->fails) {
        *err = (weir_error){WEIR_STATUS_IO, "the text is gone"};
        return WEIR_STATUS_IO;
    }
    *quality = (weir_quality){
        1234, 0.25, 1.5, 0.875, 0.99, NAN, 12.5, 12.25, "00112233445566778899aabbccddeeff"};
    return WEIR_STATUS_OK;
}

static void check_record(const char *name) {
    static const struct {
        const char *key;
        double value;
    } rows[] = {{"kl_mean", 0.25}, {"kl_p999", 1.5},     {"top1", 0.875},
                {"top5", 0.99},    {"perplexity", 12.5}, {"perplexity_base", 12.25}};
    weir_model *m = open_model(name);
    const weir_gguf *g = weir_model_gguf(m);
    double value;
    char key[64];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(key, sizeof key, "weir.quality.%s", rows[i].key);
        assert_true(weir_gguf_as_f64(weir_gguf_find(g, key), 0, &value));
        assert_true(value == rows[i].value);
    }
    assert_true(weir_gguf_as_f64(weir_gguf_find(g, "weir.quality.experts"), 0, &value));
    assert_true(isnan(value));
    assert_int_equal(number_of(m, "weir.quality.tokens"), 1234);
    weir_text text;
    assert_true(weir_gguf_as_text(weir_gguf_find(g, "weir.quality.corpus"), 0, &text));
    assert_int_equal(text.size, 32);
    assert_memory_equal(text.data, "00112233445566778899aabbccddeeff", 32);
    weir_model_close(&m);
}

static void test_quality_is_recorded(void **state) {
    (void)state;
    measuring m = {0};
    weir_quantize_options o = {.type = "q4_0", .measure = measure, .measure_context = &m};
    weir_quantize_report r = quantize("moe.gguf", "rec.gguf", &o);
    assert_int_equal(m.n, 1);
    assert_int_equal(r.quality.n_tokens, 1234);
    check_record("rec.gguf");
    run_a_little("rec.gguf");
    /* a file made of it does not inherit the record */
    to_type("rec.gguf", "wide.gguf", "f32");
    weir_model *model = open_model("wide.gguf");
    assert_null(weir_gguf_find(weir_model_gguf(model), "weir.quality.tokens"));
    weir_model_close(&model);
    weir_convert_options convert = {.type = "f16", .overwrite = true};
    require(weir_convert(in_temp("rec.gguf"), in_temp("wide.gguf"), &convert, &test_err));
    model = open_model("wide.gguf");
    assert_null(weir_gguf_find(weir_model_gguf(model), "weir.quality.tokens"));
    weir_model_close(&model);
}

static void test_failed_measurement_keeps_the_work(void **state) {
    (void)state;
    measuring m = {.fails = true};
    weir_quantize_options o = {.type = "q4_0", .measure = measure, .measure_context = &m};
    weir_error err = {0};
    assert_int_equal(weir_quantize(in_temp("moe.gguf"), in_temp("m.gguf"), &o, NULL, &err),
                     WEIR_STATUS_IO);
    assert_string_equal(err.text, "the text is gone");
    assert_false(is_there("m.gguf"));
    assert_true(is_there("m.gguf.part"));
    m.fails = false;
    weir_quantize_report r;
    require(weir_quantize(in_temp("moe.gguf"), in_temp("m.gguf"), &o, &r, &test_err));
    assert_int_equal(r.n_resumed_bytes, r.bytes_out);
    check_record("m.gguf");
    assert_same_files(in_temp("m.gguf"), in_temp("rec.gguf"));
    assert_false(is_there("m.gguf.part"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_one_format_is_convert),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_rules_decide),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_requantizing_is_asked_for),
        cmocka_unit_test(test_dry_run_writes_nothing),
        cmocka_unit_test(test_damaged_inputs_leave_nothing),
        cmocka_unit_test(test_values_beyond_a_block_are_refused),
        cmocka_unit_test(test_full_disk_leaves_nothing),
        cmocka_unit_test(test_one_run_at_a_time),
        cmocka_unit_test(test_killed_runs_go_on),
        cmocka_unit_test(test_only_good_bytes_are_taken_over),
        cmocka_unit_test(test_another_source_begins_anew),
        cmocka_unit_test(test_a_changed_source_begins_anew),
        cmocka_unit_test(test_cancelled_runs_go_on),
        cmocka_unit_test(test_a_part_of_others_is_kept),
        cmocka_unit_test(test_a_source_is_not_its_own_part),
        cmocka_unit_test(test_a_file_with_two_names_is_not_written),
        cmocka_unit_test(test_finished_work_is_kept),
        cmocka_unit_test(test_sizes_are_met),
        cmocka_unit_test(test_importance),
        cmocka_unit_test(test_importance_of_another_model),
        cmocka_unit_test(test_quality_is_recorded),
        cmocka_unit_test(test_failed_measurement_keeps_the_work),
    };
    return cmocka_run_group_tests(tests, make_all, temp_folder_remove);
}
