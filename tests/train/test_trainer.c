/*
 * test_trainer.c: whole training runs of a tiny model: that one which was interrupted ends with the
 * bits of one which was not, what happens to damaged and foreign checkpoints, and what a run leaves
 * behind.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/compiler.h"
#include "base/file.h"
#include "base/random.h"
#include "gguf/safetensors.h"
#include "train/checkpoint.h"
#include "unit/temp_folder.h"
#include "weir_train.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <sys/file.h>
#include <xxhash.h>

static weir_error err;

/* ---- a run ---------------------------------------------------------------------------------- */

static const char CONFIG[] =
    "{\"model_type\": \"lfm2_moe\", \"vocab_size\": 320, \"hidden_size\": 32,"
    "\"num_hidden_layers\": 4, \"num_attention_heads\": 2, \"num_key_value_heads\": 1,"
    "\"intermediate_size\": 48, \"moe_intermediate_size\": 32, \"num_dense_layers\": 1,"
    "\"num_experts\": 4, \"num_experts_per_tok\": 2, \"use_expert_bias\": true,"
    "\"norm_topk_prob\": true, \"routed_scaling_factor\": 1.0, \"conv_L_cache\": 3,"
    "\"conv_bias\": false, \"norm_eps\": 1e-5, \"max_position_embeddings\": 256,"
    "\"rope_theta\": 1000000.0,"
    "\"layer_types\": [\"conv\", \"full_attention\", \"conv\", \"full_attention\"],"
    "\"tie_embedding\": true, \"bos_token_id\": 1, \"eos_token_id\": 2, \"pad_token_id\": 0}";

enum { N_STEPS = 10 };

static void write_text(const char *path, const char *text) {
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    fputs(text, to);
    assert_int_equal(fclose(to), 0);
}

/* Documents of random words. */
static void write_documents(const char *name, uint64_t seed, int n_documents) {
    static const char *const words[] = {"the ",  "fox ",  "ran ", "home. ", "A ",     "small ",
                                        "boat ", "went ", "to ",  "sea. ",  "Where ", "is it? "};
    FILE *to = fopen(in_temp(name), "w");
    assert_non_null(to);
    for (int d = 0; d < n_documents; d++) {
        int n = 20 + (int)(weir_mix64(seed, 0, (uint64_t)d) % 60);
        for (int i = 0; i < n; i++)
            fputs(words[weir_mix64(seed, (uint64_t)d + 1, (uint64_t)i) % 12], to);
        fputs("\n<|endoftext|>\n", to);
    }
    assert_int_equal(fclose(to), 0);
}

/* The run file r.json; more: keys behind the others. */
static void write_run(const char *more) {
    char text[2048];
    snprintf(text, sizeof text,
             "{\"model\": \"c.json\", \"tokenizer\": \"tok\", \"seed\": 3, \"steps\": %d, "
             "\"context\": 32, \"batch_tokens\": 256,"
             "\"micro_tokens\": 128,"
             "\"sources\": [{\"name\": \"a\", \"path\": \"a.txt\", \"weight\": 2},"
             "{\"name\": \"b\", \"path\": \"b.txt\"}],"
             "\"validation\": [{\"name\": \"v\", \"path\": \"v.txt\"}],"
             "\"stages\": [{\"until\": 0.6}, {\"context\": 48, \"weights\": {\"b\": 1}}],"
             "\"checkpoint\": {\"every_steps\": 2, \"keep\": 2},"
             "\"eval\": {\"every_steps\": 5}, \"skip\": {\"z\": 3, \"after\": 3}%s}",
             N_STEPS, more);
    write_text(in_temp("r.json"), text);
}

typedef struct watcher {
    uint64_t packed, packed_of; /* the last that was told of packing */
    char packing[16];           /* the sources in their order, a letter each */
    uint64_t stop_after;        /* step; 0: never */
    uint64_t n_reports, last_step, n_samples, n_saved;
    const char *stale; /* a path that packing must have taken away; NULL: none */
    bool is_stale_seen;
    weir_train_plan plan;
    weir_train_report last;
    char notes[4096];
} watcher;

static void watch_plan(void *context, const weir_train_plan *plan) {
    ((watcher *)context)->plan = *plan;
}

static void watch_step(void *context, const weir_train_report *report) {
    watcher *w = context;
    w->n_reports++;
    w->last_step = report->step;
    w->last = *report;
    w->n_saved += report->is_saved;
}

static void watch_packing(void *context, const char *source, uint64_t done, uint64_t total) {
    watcher *w = context;
    size_t n = strlen(w->packing);
    if (n == 0 || w->packing[n - 1] != *source) {
        assert_true(n + 1 < sizeof w->packing && w->packed == w->packed_of);
        w->packing[n] = *source;
        w->packed = 0;
    }
    assert_true(done >= w->packed && done <= total && total > 0);
    w->packed = done;
    w->packed_of = total;
}

static void watch_note(void *context, const char *line) {
    watcher *w = context;
    size_t n = strlen(w->notes);
    snprintf(w->notes + n, sizeof w->notes - n, "%s\n", line);
}

static void watch_sample(void *context, uint64_t step, const char *prompt, const char *text) {
    (void)step;
    assert_string_equal(prompt, "the fox");
    assert_non_null(text);
    ((watcher *)context)->n_samples++;
}

/* The steps go on after the question; asked while packing it must not stop. */
static bool watch_stop(void *context) {
    watcher *w = context;
    w->is_stale_seen |= w->stale && !strstr(w->notes, "packed") && weir_path_exists(w->stale);
    return w->stop_after > 0 && w->last_step + 1 >= w->stop_after && w->n_reports > 0;
}

static watcher seen;

/* OUT is a name in the temporary folder. */
static weir_status run(const char *out, weir_train_options options) {
    seen = (watcher){.stop_after = seen.stop_after, .stale = seen.stale};
    options.out = in_temp(out);
    options.on_plan = watch_plan;
    options.on_packing = watch_packing;
    options.on_step = watch_step;
    options.on_note = watch_note;
    options.on_sample = watch_sample;
    options.wants_stop = watch_stop;
    options.context = &seen;
    if (options.n_threads == 0)
        options.n_threads = 1;
    err = (weir_error){0};
    weir_status status = weir_train_run(in_temp("r.json"), &options, &err);
    seen.stop_after = 0;
    seen.stale = NULL;
    return status;
}

static void require_run(const char *out, weir_train_options options) {
    if (run(out, options) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
}

static void require_refusal(weir_status got, weir_status want, const char *part) {
    if (got != want || !strstr(err.text, part))
        fail_msg("expected %d with '%s', got %d '%s'", (int)want, part, (int)got, err.text);
}

static const char *file_of(const char *out, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", out, name);
    return in_temp(path);
}

static bool has(const char *out, const char *name) {
    return weir_path_exists(file_of(out, name));
}

static const char *checkpoint_of(const char *out, int step) {
    char name[64];
    snprintf(name, sizeof name, "ckpt-%08d.safetensors", step);
    return file_of(out, name);
}

/* All numbers, and of the metadata all but how long it took. */
static void require_same_checkpoints(const char *a, const char *b, int step) {
    static const char *const keys[] = {"step",
                                       "moves",
                                       "tokens",
                                       "skipped",
                                       "cursors",
                                       "loss_n",
                                       "loss_mean",
                                       "norm_mean",
                                       "eval_loss",
                                       "loss_variance",
                                       "norm_n",
                                       "norm_variance",
                                       "best_loss",
                                       "best_step",
                                       "data_hash",
                                       "config_hash",
                                       "kernels",
                                       "tensors_hash",
                                       "eval_bits_per_byte",
                                       "eval_hash"};
    weir_safetensors *x = NULL, *y = NULL;
    assert_int_equal(weir_safetensors_open(&x, checkpoint_of(a, step), &err), WEIR_STATUS_OK);
    assert_int_equal(weir_safetensors_open(&y, checkpoint_of(b, step), &err), WEIR_STATUS_OK);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_non_null(weir_safetensors_meta(x, keys[i]));
        if (strcmp(weir_safetensors_meta(x, keys[i]), weir_safetensors_meta(y, keys[i])) != 0)
            fail_msg("%s: %s and %s", keys[i], weir_safetensors_meta(x, keys[i]),
                     weir_safetensors_meta(y, keys[i]));
    }
    assert_int_equal(weir_safetensors_n_tensors(x), weir_safetensors_n_tensors(y));
    for (size_t i = 0; i < weir_safetensors_n_tensors(x); i++) {
        const weir_tensor *t = weir_safetensors_at(x, i);
        const weir_tensor *u = weir_safetensors_find(y, t->name);
        assert_non_null(u);
        if (t->bytes != u->bytes || memcmp(t->data, u->data, t->bytes) != 0)
            fail_msg("%s differs", t->name);
    }
    weir_safetensors_close(&x);
    weir_safetensors_close(&y);
}

/* ---- exactness ------------------------------------------------------------------------------ */

static void test_whole_run(void **state) {
    (void)state;
    require_run("whole", (weir_train_options){0});
    assert_int_equal(seen.n_reports, N_STEPS);
    assert_int_equal(seen.last.step, N_STEPS);
    assert_true(seen.last.is_evaluated && seen.last.is_saved);
    assert_true(seen.last.loss < 5.7 && seen.last.loss > 1); /* log 320 is 5.77 */
    assert_true(seen.last.eval_loss > 1 && seen.last.eval_bits_per_byte > 0.1);
    assert_true(seen.last.load_cv > 0 && seen.last.memory_bytes > 1000000);
    assert_true(seen.plan.n_steps == N_STEPS && seen.plan.n_params > 10000);
    assert_true(seen.plan.n_params_active < seen.plan.n_params);
    assert_true(seen.plan.n_tokens_unique > 500 &&
                seen.plan.state_bytes >= 16 * seen.plan.n_params_trained);
    assert_true(has("whole", "loss.svg") && has("whole", "model/config.json"));
    /* The last two, and none before them. */
    assert_true(weir_path_exists(checkpoint_of("whole", 8)));
    assert_true(weir_path_exists(checkpoint_of("whole", 10)));
    assert_false(weir_path_exists(checkpoint_of("whole", 6)));
}

static void test_threads(void **state) {
    (void)state;
    require_run("threads", (weir_train_options){.n_threads = 3});
    require_same_checkpoints("whole", "threads", N_STEPS);
}

/* Cut at every place, the border of the stages (6) among them. */
static void test_resume(void **state) {
    (void)state;
    for (int cut = 1; cut < N_STEPS; cut += cut == 1 ? 3 : 2) { /* 1 4 6 8 */
        char out[32];
        snprintf(out, sizeof out, "cut%d", cut);
        require_run(out, (weir_train_options){.max_steps = (uint64_t)cut});
        assert_int_equal(seen.last_step, cut);
        assert_true(weir_path_exists(checkpoint_of(out, cut)));
        require_run(out, (weir_train_options){.resume = "latest"});
        assert_int_equal(seen.n_reports, N_STEPS - cut);
        require_same_checkpoints("whole", out, N_STEPS);
    }
    /* Nothing is left to do: the model is written once more. */
    require_run("cut4", (weir_train_options){.resume = "latest"});
    assert_int_equal(seen.n_reports, 0);
}

static void test_stop(void **state) {
    (void)state;
    seen.stop_after = 3;
    require_refusal(run("stop", (weir_train_options){0}), WEIR_STATUS_CANCELLED,
                    "stopped and saved after step 3 of 10");
    assert_true(weir_path_exists(checkpoint_of("stop", 3)));
    assert_false(has("stop", "model"));
    require_run("stop", (weir_train_options){.resume = checkpoint_of("stop", 3)});
    require_same_checkpoints("whole", "stop", N_STEPS);
}

/* A locale whose numbers have a comma; false: this system has none and can make none. */
static bool set_comma_locale(void) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8"};
    char command[512], folder[256];
    snprintf(folder, sizeof folder, "%s", in_temp("locales"));
    mkdir(folder, 0777);
    snprintf(command, sizeof command,
             "localedef --no-archive -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_NUMERIC, names[i]))
            return true;
    if (system(command) != 0)
        return false;
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
}

enum { N_SAMPLES = 200, SAMPLE_TEXT = 1 << 14 };

/* Generated samples, whose values have points in them. */
static char *make_samples(void) {
    char *text = calloc(N_SAMPLES, SAMPLE_TEXT);
    assert_non_null(text);
    for (size_t i = 0; i < N_SAMPLES; i++) {
        size_t n;
        assert_int_equal(
            weir_gen_sample("tool", 3, i, false, text + i * SAMPLE_TEXT, SAMPLE_TEXT, &n, &err),
            WEIR_STATUS_OK);
        assert_true(n < SAMPLE_TEXT);
    }
    return text;
}

/* The locale of the program around the library is in no file: a run that begins under one with a
 * comma is the same run under another. */
static void test_locale(void **state) {
    (void)state;
    size_t n, n_comma;
    char *points = make_samples();
    if (!set_comma_locale()) {
        free(points);
        print_message("no locale with a decimal comma here\n");
        skip();
    }
    char comma[16];
    snprintf(comma, sizeof comma, "%.1f", 0.5);
    assert_string_equal(comma, "0,5");
    char *commas = make_samples();
    require_run("comma", (weir_train_options){.max_steps = 4});
    setlocale(LC_NUMERIC, "C");
    for (size_t i = 0; i < N_SAMPLES; i++)
        assert_string_equal(points + i * SAMPLE_TEXT, commas + i * SAMPLE_TEXT);
    free(points);
    free(commas);
    char *plain = NULL, *other = NULL;
    require_run("point", (weir_train_options){.max_steps = 4});
    require_same_checkpoints("comma", "point", 4);
    plain = temp_read(file_of("point", "loss.svg"), &n);
    other = temp_read(file_of("comma", "loss.svg"), &n_comma);
    assert_string_equal(plain, other);
    free(plain);
    free(other);
    require_run("comma", (weir_train_options){.resume = "latest"});
    require_same_checkpoints("whole", "comma", N_STEPS);
}

/* What is usual is learnt anew in each stage: another mixture has other losses, and by those of the
 * stage before (6 steps) all of its steps could be outliers. */
static void test_outliers_of_stage(void **state) {
    (void)state;
    weir_safetensors *st = NULL;
    assert_int_equal(weir_safetensors_open(&st, checkpoint_of("whole", 8), &err), WEIR_STATUS_OK);
    assert_string_equal(weir_safetensors_meta(st, "skipped"), "0");
    assert_string_equal(weir_safetensors_meta(st, "loss_n"), "2");
    assert_string_equal(weir_safetensors_meta(st, "norm_n"), "2");
    weir_safetensors_close(&st);
}

/* The run goes on with the plain oracle, and says that the bits will not be the same. */
static void test_other_kernels(void **state) {
    (void)state;
    require_run("kernels", (weir_train_options){.max_steps = 2});
    require_run("kernels",
                (weir_train_options){.resume = "latest", .device = "reference", .max_steps = 1});
    assert_non_null(strstr(seen.notes, "was made with other kernels"));
}

/* The bias evens out what the experts have to do. */
static void test_expert_bias(void **state) {
    (void)state;
    static const char *const rates[] = {", \"router_bias\": {\"rate\": 0}",
                                        ", \"router_bias\": {\"rate\": 0.004, \"freeze\": 0}",
                                        ", \"router_bias\": {\"rate\": 0.004, \"freeze\": 1}"};
    double cv[3];
    for (int i = 0; i < 3; i++) {
        char out[16];
        snprintf(out, sizeof out, "bias%d", i);
        write_run(rates[i]);
        require_run(out, (weir_train_options){0});
        cv[i] = seen.last.load_cv;
    }
    write_run("");
    if (!(cv[1] < 0.7 * cv[0]))
        fail_msg("with the bias %g, without it %g", cv[1], cv[0]);
    assert_true(cv[2] == cv[0]); /* it stands still */
}

/* ---- damage --------------------------------------------------------------------------------- */

static void change_byte(const char *path, long from_end) {
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, -from_end, SEEK_END), 0);
    int c = fgetc(f);
    assert_int_equal(fseek(f, -from_end, SEEK_END), 0);
    fputc(c ^ 1, f);
    assert_int_equal(fclose(f), 0);
}

static void test_damage(void **state) {
    (void)state;
    require_run("damage", (weir_train_options){.max_steps = 6});
    change_byte(checkpoint_of("damage", 6), 1000);
    require_refusal(run("damage", (weir_train_options){.resume = checkpoint_of("damage", 6)}),
                    WEIR_STATUS_BAD_FILE, "is damaged");
    require_run("damage", (weir_train_options){.resume = "latest"});
    assert_non_null(strstr(seen.notes, "is damaged: its numbers are not those that were written; "
                                       "the one before it is taken"));
    assert_int_equal(seen.n_reports, N_STEPS - 5); /* the best one, of the evaluation */
    require_same_checkpoints("whole", "damage", N_STEPS);

    /* A number of the metadata that is still one. */
    require_run("damage", (weir_train_options){.max_steps = 1, .overwrite = true});
    char *text = NULL;
    size_t n;
    assert_int_equal(weir_file_read(checkpoint_of("damage", 1), 1 << 22, &text, &n, &err),
                     WEIR_STATUS_OK);
    char *number = memmem(text, n, "\"moves\":\"1\"", 11);
    assert_non_null(number);
    change_byte(checkpoint_of("damage", 1), (long)(text + n - number) - 9);
    free(text);
    require_refusal(run("damage", (weir_train_options){.resume = "latest"}), WEIR_STATUS_BAD_FILE,
                    "is damaged");
    require_run("damage", (weir_train_options){.overwrite = true});
    assert_int_equal(truncate(checkpoint_of("damage", 10), 5000), 0);
    assert_int_equal(truncate(checkpoint_of("damage", 8), 0), 0);
    unlink(checkpoint_of("damage", 5));
    require_refusal(run("damage", (weir_train_options){.resume = "latest"}), WEIR_STATUS_BAD_FILE,
                    "ckpt-");
    require_refusal(run("empty", (weir_train_options){.resume = "latest"}), WEIR_STATUS_FAILED,
                    "holds no checkpoint to go on from");
}

/* What a killed write leaves is cleared away, and is no checkpoint. */
static void test_leftovers(void **state) {
    (void)state;
    require_run("left", (weir_train_options){.max_steps = 2});
    write_text(file_of("left", "ckpt-00000009.safetensors.tmp-AbCdEf"), "half");
    write_text(file_of("left", "ckpt-mine.txt"), "kept");
    require_run("left", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_int_equal(seen.last_step, 3);
    assert_false(has("left", "ckpt-00000009.safetensors.tmp-AbCdEf"));
    assert_true(has("left", "ckpt-mine.txt"));
}

static void test_foreign(void **state) {
    (void)state;
    require_run("foreign", (weir_train_options){.max_steps = 2});
    write_run(", \"optimizer\": {\"learning_rate\": 5e-4}");
    require_refusal(run("foreign", (weir_train_options){.resume = "latest"}), WEIR_STATUS_FAILED,
                    "it was made with another run file");
    write_run(", \"samples\": {\"every_steps\": 1, \"max_tokens\": 4, \"prompts\": [{\"text\": "
              "\"the fox\"}]}");
    require_run("foreign", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_int_equal(seen.n_samples, 1);
    write_run("");
    write_documents("a.txt", 77, 40);
    require_refusal(run("foreign", (weir_train_options){.resume = "latest"}), WEIR_STATUS_FAILED,
                    "it was made with other data");
    write_documents("a.txt", 1, 40);
    require_run("foreign", (weir_train_options){.resume = "latest", .max_steps = 1});
    /* A model is no checkpoint. */
    require_refusal(run("foreign", (weir_train_options){.resume = file_of(
                                                            "foreign", "model/model.safetensors")}),
                    WEIR_STATUS_BAD_FILE, "no checkpoint");
}

/* ---- the folder ----------------------------------------------------------------------------- */

static void test_overwrite(void **state) {
    (void)state;
    require_run("twice", (weir_train_options){.max_steps = 4});
    require_refusal(run("twice", (weir_train_options){0}), WEIR_STATUS_FAILED,
                    "holds a run of 4 steps");
    require_refusal(run("twice", (weir_train_options){.resume = "latest", .overwrite = true}),
                    WEIR_STATUS_BAD_ARGUMENT, "exclude each other");
    require_run("twice", (weir_train_options){.overwrite = true, .max_steps = 1});
    assert_int_equal(seen.last_step, 1);
    assert_true(weir_path_exists(checkpoint_of("twice", 1)));
    assert_false(weir_path_exists(checkpoint_of("twice", 4)));
}

static void test_lock(void **state) {
    (void)state;
    assert_int_equal(mkdir(in_temp("locked"), 0777), 0);
    int fd = open(in_temp("locked"), O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
    require_refusal(run("locked", (weir_train_options){0}), WEIR_STATUS_FAILED,
                    "another run writes into it");
    close(fd);
    assert_false(has("locked", "data"));
}

static void test_dry_run(void **state) {
    (void)state;
    require_run("dry", (weir_train_options){.dry_run = true});
    assert_false(weir_path_exists(in_temp("dry")));
    assert_int_equal(seen.plan.n_tokens, N_STEPS * 256);
    assert_int_equal(seen.plan.n_tokens_unique, 0); /* nothing is packed yet */
    assert_true(seen.plan.activation_bytes > 0 && seen.plan.flops > 0);
    require_run("whole", (weir_train_options){.dry_run = true});
    assert_true(seen.plan.n_tokens_unique > 0);
    require_run("whole", (weir_train_options){.resume = "latest", .dry_run = true});
}

/* Packed once; again when what it is made of has changed. */
static void test_packed_once(void **state) {
    (void)state;
    struct stat before, after;
    require_run("packs", (weir_train_options){.max_steps = 1});
    assert_non_null(strstr(seen.notes, "a: packed: 40 samples"));
    assert_int_equal(stat(file_of("packs", "data/a.shard"), &before), 0);
    require_run("packs", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_null(strstr(seen.notes, "packed"));
    assert_int_equal(stat(file_of("packs", "data/a.shard"), &after), 0);
    assert_true(before.st_ino == after.st_ino && before.st_mtime == after.st_mtime);
    write_documents("v.txt", 99, 3);
    require_run("packs", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_non_null(strstr(seen.notes, "v: packed: 3 samples"));
    assert_null(strstr(seen.notes, "a: packed"));
    write_documents("v.txt", 3, 12);
}

/* Which source, and how far, up to its end: bytes of a file, samples of a generator. */
static void test_packing_is_told(void **state) {
    (void)state;
    struct stat v;
    require_run("told", (weir_train_options){.max_steps = 1});
    assert_string_equal(seen.packing, "abv");
    assert_int_equal(stat(in_temp("v.txt"), &v), 0);
    assert_int_equal(seen.packed_of, v.st_size);
    assert_int_equal(seen.packed, seen.packed_of);
    require_run("told", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_string_equal(seen.packing, "");
}

/* Conversations are packed again when the template that renders them is another. */
static void test_packed_with_template(void **state) {
    (void)state;
    static const char once[] = "{% for m in messages %}{{ m.content }}\n{% endfor %}",
                      twice[] = "{% for m in messages %}{{ m.content }}\n\n{% endfor %}",
                      chat[] = "{\"messages\": [{\"role\": \"user\", \"content\": \"the fox\"}]}\n";
    size_t n;
    char *text = temp_read(file_of("tok", "tokenizer.json"), &n);
    assert_int_equal(mkdir(in_temp("plain"), 0777), 0);
    temp_write(file_of("plain", "tokenizer.json"), text, n);
    free(text);
    write_text(in_temp("chat.jsonl"), chat);
    write_text(file_of("plain", "chat_template.jinja"), once);
    write_text(in_temp("r.json"),
               "{\"model\": \"c.json\", \"tokenizer\": \"plain\", \"steps\": 3, \"context\": 32,"
               "\"batch_tokens\": 64, \"sources\": [{\"name\": \"a\", \"path\": \"a.txt\"}],"
               "\"validation\": [{\"name\": \"v\", \"path\": \"chat.jsonl\"}]}");
    require_run("template", (weir_train_options){.max_steps = 1});
    assert_non_null(strstr(seen.notes, "v: packed"));
    require_run("template", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_null(strstr(seen.notes, "packed"));
    write_text(file_of("plain", "chat_template.jinja"), twice);
    require_run("template", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_non_null(strstr(seen.notes, "v: packed"));
    write_run("");
}

/* The stamp of the old data goes before the new data come: else a run that is killed in between
 * would leave new data under a stamp that speaks of the old. */
static void test_stamp_goes_first(void **state) {
    (void)state;
    require_run("stamps", (weir_train_options){.max_steps = 1});
    assert_true(has("stamps", "data/v.stamp"));
    write_documents("v.txt", 98, 3);
    char stamp[256];
    snprintf(stamp, sizeof stamp, "%s", file_of("stamps", "data/v.stamp"));
    seen.stale = stamp;
    require_run("stamps", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_false(seen.is_stale_seen);
    assert_true(has("stamps", "data/v.stamp"));
    write_documents("v.txt", 3, 12);
}

/* Generated text is packed again when the generator would write something else now: here, when the
 * stamp speaks of other samples than it makes. */
static void test_packed_with_generator(void **state) {
    (void)state;
    write_text(in_temp("r.json"),
               "{\"model\": \"c.json\", \"tokenizer\": \"tok\", \"steps\": 3, \"context\": 32,"
               "\"batch_tokens\": 64, \"sources\": [{\"name\": \"a\", \"path\": \"a.txt\"},"
               "{\"name\": \"g\", \"gen\": {\"kind\": \"recall\", \"n\": 150, \"seed\": 5,"
               "\"first\": 7}}]}");
    require_run("generated", (weir_train_options){.max_steps = 1});
    assert_non_null(strstr(seen.notes, "g: packed: 150 samples"));
    uint64_t hash = 0;
    for (uint64_t i = 0; i < 64; i++) {
        static char sample[1 << 16];
        size_t n;
        assert_int_equal(
            weir_gen_sample("recall", 5, 7 + 2 * i, false, sample, sizeof sample, &n, &err),
            WEIR_STATUS_OK);
        hash = XXH64(sample, n, hash);
    }
    char line[64];
    size_t n;
    snprintf(line, sizeof line, "\nsamples %016llx\n", (unsigned long long)hash);
    char *stamp = temp_read(file_of("generated", "data/g.stamp"), &n);
    char *at = strstr(stamp, line);
    if (!at)
        fail_msg("%s has no %s", stamp, line);
    require_run("generated", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_null(strstr(seen.notes, "packed"));
    at[strlen(line) - 2] ^= 1; /* what an older generator wrote */
    temp_write(file_of("generated", "data/g.stamp"), stamp, n);
    require_run("generated", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_non_null(strstr(seen.notes, "g: packed: 150 samples"));
    assert_null(strstr(seen.notes, "a: packed"));
    free(stamp);
    stamp = temp_read(file_of("generated", "data/a.stamp"), &n);
    assert_null(strstr(stamp, "samples"));
    free(stamp);
    write_run("");
}

/* ---- evaluations and samples ---------------------------------------------------------------- */

/* An evaluation that measured nothing is not the best one so far. */
static void test_empty_evaluation(void **state) {
    (void)state;
    /* Every answer begins behind the 32 tokens that are evaluated. */
    write_text(in_temp("late.jsonl"),
               "{\"messages\": [{\"role\": \"user\", \"content\": \"Where did the small fox and "
               "the boat with the wooden home go to when it ran to the sea and was lost?\"}, "
               "{\"role\": \"assistant\", \"content\": \"Home.\"}]}\n");
    write_text(in_temp("r.json"),
               "{\"model\": \"c.json\", \"tokenizer\": \"tok\", \"steps\": 4, \"context\": 32,"
               "\"batch_tokens\": 64, \"sources\": [{\"name\": \"a\", \"path\": \"a.txt\"}],"
               "\"validation\": [{\"name\": \"v\", \"path\": \"late.jsonl\", \"max_tokens\": 400,"
               "\"assistant_only\": true}], \"eval\": {\"every_steps\": 1}}");
    require_run("empty", (weir_train_options){0});
    assert_true(seen.last.is_evaluated && isnan(seen.last.eval_loss));
    assert_int_equal(seen.n_saved, 1); /* at the end, and not as the best again and again */
    write_run("");
}

/* Renames a key of the metadata, which nothing then finds; the file stays as long. */
static void hide_key(const char *path, const char *key) {
    char *text = NULL;
    size_t n, n_key = strlen(key);
    assert_int_equal(weir_file_read(path, 1 << 22, &text, &n, &err), WEIR_STATUS_OK);
    char *at = memmem(text, n, key, n_key);
    assert_non_null(at);
    change_byte(path, (long)(text + n - at - n_key + 1));
    free(text);
}

/* Another text at one place of the run file. */
static void change_run(const char *from, const char *to) {
    size_t n;
    char *text = temp_read(in_temp("r.json"), &n), changed[2048];
    char *at = strstr(text, from);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    write_text(in_temp("r.json"), changed);
    free(text);
}

static void require_best(const char *out, int step, const char *best) {
    weir_safetensors *st = NULL;
    assert_int_equal(weir_safetensors_open(&st, checkpoint_of(out, step), &err), WEIR_STATUS_OK);
    assert_string_equal(weir_safetensors_meta(st, "best_step"), best);
    weir_safetensors_close(&st);
}

/* Losses on other data are no measure: the best one is found anew, of which nothing is kept then.
 */
static void test_best_of_other_validation(void **state) {
    (void)state;
    static const char anew[] = "step 5 was the best on another validation";
    require_run("best", (weir_train_options){.max_steps = 5});
    require_best("best", 5, "5");
    write_text(in_temp("v.txt"), "zqj xkv WQJ 0 zzkq # jvx 9 qqwz\n"); /* much harder */
    require_run("best", (weir_train_options){.resume = "latest"});
    assert_non_null(strstr(seen.notes, anew));
    require_best("best", 10, "10");
    assert_false(weir_path_exists(checkpoint_of("best", 5)));

    /* As much of it as before, or it is another as well; without any, what was best stays. */
    write_documents("v.txt", 3, 12);
    require_run("less", (weir_train_options){.max_steps = 5});
    change_run("\"every_steps\": 5", "\"every_steps\": 5, \"max_tokens\": 64");
    require_run("less", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_non_null(strstr(seen.notes, anew));
    write_run("");
    require_run("none", (weir_train_options){.max_steps = 5});
    change_run("{\"name\": \"v\", \"path\": \"v.txt\"}", "");
    require_run("none", (weir_train_options){.resume = "latest", .max_steps = 1});
    write_run("");
    require_run("none", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_null(strstr(seen.notes, anew));
    require_best("none", 7, "5");

    /* A checkpoint of before there was such a hash. */
    require_run("older", (weir_train_options){.max_steps = 5});
    hide_key(checkpoint_of("older", 5), "eval_hash");
    hide_key(checkpoint_of("older", 5), "state_hash");
    require_run("older", (weir_train_options){.resume = "latest"});
    assert_non_null(strstr(seen.notes, anew));
    require_best("older", 10, "10");
}

/* Prompts that are asked need a template; without one that is said before the first step. */
static void test_no_template(void **state) {
    (void)state;
    size_t n;
    char *text = temp_read(file_of("tok", "tokenizer.json"), &n);
    assert_int_equal(mkdir(in_temp("bare"), 0777), 0);
    temp_write(file_of("bare", "tokenizer.json"), text, n);
    free(text);
    static const char run_file[] =
        "{\"model\": \"c.json\", \"tokenizer\": \"bare\", \"steps\": 2, \"context\": 32,"
        "\"batch_tokens\": 64, \"sources\": [{\"name\": \"a\", \"path\": \"a.txt\"}],"
        "\"samples\": {\"every_steps\": 1, \"max_tokens\": 2, \"prompts\": [%s]}}";
    char with[512];
    snprintf(with, sizeof with, run_file, "\"the fox\"");
    write_text(in_temp("r.json"), with);
    require_refusal(run("bare-run", (weir_train_options){0}), WEIR_STATUS_BAD_ARGUMENT,
                    "has no chat template");
    assert_int_equal(seen.n_reports, 0);
    snprintf(with, sizeof with, run_file, "{\"text\": \"the fox\"}");
    write_text(in_temp("r.json"), with);
    require_run("bare-run", (weir_train_options){0});
    assert_int_equal(seen.n_samples, 2);
    write_run("");
}

/* ---- what is left behind -------------------------------------------------------------------- */

/* Every step once and in order, also over an interruption that lost some. */
static void test_log(void **state) {
    (void)state;
    require_run("log", (weir_train_options){.max_steps = 7});
    FILE *log = fopen(file_of("log", "log.jsonl"), "a");
    assert_non_null(log);
    fputs("{\"kind\":\"step\",\"step\":8,\"loss\":1}\n{\"kind\":\"st", log);
    assert_int_equal(fclose(log), 0);
    unlink(checkpoint_of("log", 7));
    require_run("log", (weir_train_options){.resume = "latest"});
    assert_int_equal(seen.n_reports, 4);
    char *text = NULL;
    size_t n;
    assert_int_equal(weir_file_read(file_of("log", "log.jsonl"), 1 << 20, &text, &n, &err),
                     WEIR_STATUS_OK);
    json_int_t next = 1, n_evals = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *object = json_loads(line, 0, NULL);
        const char *kind = json_string_value(json_object_get(object, "kind"));
        assert_non_null(kind);
        if (strcmp(kind, "step") == 0)
            assert_int_equal(json_integer_value(json_object_get(object, "step")), next++);
        else
            n_evals += strcmp(kind, "eval") == 0;
        json_decref(object);
    }
    free(text);
    assert_int_equal(next, N_STEPS + 1);
    assert_int_equal(n_evals, 2);
}

/* The exported model opens, has the checkpoint's numbers, and converts. */
static void test_model(void **state) {
    (void)state;
    weir_model *model = NULL;
    weir_model_info info;
    if (weir_model_open(&model, file_of("whole", "model"), &err) != WEIR_STATUS_OK)
        fail_msg("%s", err.text);
    weir_model_get_info(model, &info);
    assert_string_equal(info.arch, "lfm2moe");
    assert_true(info.has_expert_bias && info.n_vocab == 320 && info.is_tied);
    weir_model_close(&model);

    weir_safetensors *trained = NULL, *kept = NULL;
    assert_int_equal(weir_safetensors_open(&trained, file_of("whole", "model"), &err),
                     WEIR_STATUS_OK);
    assert_int_equal(weir_safetensors_open(&kept, checkpoint_of("whole", N_STEPS), &err),
                     WEIR_STATUS_OK);
    assert_true(weir_safetensors_n_tensors(trained) > 40);
    bool has_bias = false;
    for (size_t i = 0; i < weir_safetensors_n_tensors(trained); i++) {
        const weir_tensor *t = weir_safetensors_at(trained, i);
        const weir_tensor *u = weir_safetensors_find(kept, t->name);
        assert_true(u && t->bytes == u->bytes && memcmp(t->data, u->data, t->bytes) == 0);
        has_bias |= strcmp(t->name, "model.layers.2.feed_forward.expert_bias") == 0;
    }
    assert_true(has_bias);
    weir_safetensors_close(&trained);
    weir_safetensors_close(&kept);

    weir_convert_options convert = {.n_threads = 1};
    if (weir_convert(file_of("whole", "model"), in_temp("m.gguf"), &convert, &err))
        fail_msg("%s", err.text);
}

/* An older model/ is replaced as a whole: no file of it stays but those that are no model's, and
 * nothing under construction. */
static void test_model_is_renewed(void **state) {
    (void)state;
    require_run("renewed", (weir_train_options){.max_steps = 1});
    struct stat before, after;
    assert_int_equal(stat(file_of("renewed", "model"), &before), 0);
    write_text(file_of("renewed", "model/model-00001-of-00002.safetensors"), "old");
    write_text(file_of("renewed", "model/special_tokens_map.json"), "old");
    write_text(file_of("renewed", "model/notes.txt"), "mine");
    assert_int_equal(mkdir(file_of("renewed", "model/sub"), 0777), 0);
    write_text(file_of("renewed", "model/sub/q4.gguf"), "mine");
    /* What a killed run has left: half a model, and of a replaced one what was not its own. */
    assert_int_equal(mkdir(file_of("renewed", "model.tmp-AbCdEf"), 0777), 0);
    write_text(file_of("renewed", "model.tmp-AbCdEf/config.json"), "half");
    write_text(file_of("renewed", "model.tmp-AbCdEf/model.safetensors.tmp-abcdef"), "half");
    assert_int_equal(mkdir(file_of("renewed", "model.tmp-GhIjKl"), 0777), 0);
    write_text(file_of("renewed", "model.tmp-GhIjKl/config.json"), "old");
    write_text(file_of("renewed", "model.tmp-GhIjKl/notes.txt"), "mine");
    require_run("renewed", (weir_train_options){.resume = "latest", .max_steps = 1});
    assert_int_equal(stat(file_of("renewed", "model"), &after), 0);
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(after.st_mode & 0777, 0755);
    assert_false(has("renewed", "model/model-00001-of-00002.safetensors"));
    assert_false(has("renewed", "model/special_tokens_map.json"));
    assert_true(has("renewed", "model/notes.txt") && has("renewed", "model/sub/q4.gguf"));
    assert_true(has("renewed", "model/model.safetensors") && has("renewed", "model/config.json"));
    assert_false(has("renewed", "model.tmp-AbCdEf"));
    assert_true(has("renewed", "model.tmp-GhIjKl/notes.txt"));
    assert_false(has("renewed", "model.tmp-GhIjKl/config.json"));
    int n_left = 0;
    DIR *dir = opendir(in_temp("renewed"));
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n_left += strncmp(e->d_name, "model", 5) == 0;
    closedir(dir);
    assert_int_equal(n_left, 2); /* model and model.tmp-GhIjKl */
    weir_model *model = NULL;
    assert_int_equal(weir_model_open(&model, file_of("renewed", "model"), &err), WEIR_STATUS_OK);
    weir_model_close(&model);
}

/* What would refuse the model at the end does so at the beginning. */
static void test_model_in_the_way(void **state) {
    (void)state;
    assert_int_equal(mkdir(in_temp("taken"), 0777), 0);
    write_text(file_of("taken", "model"), "a file");
    require_refusal(run("taken", (weir_train_options){.max_steps = 1}), WEIR_STATUS_FAILED,
                    "model: is no folder, so none replaces it");
    assert_false(has("taken", "data"));
}

/* A model to go on from has its own numbers at the first step. */
static void test_init(void **state) {
    (void)state;
    char text[1024];
    snprintf(
        text, sizeof text,
        "{\"init\": \"whole/model\", \"tokenizer\": \"whole/model\", \"steps\": 2,"
        "\"context\": 32, \"batch_tokens\": 256,"
        "\"sources\": [{\"name\": \"a\", \"path\": \"a.txt\"}],"
        "\"validation\": [{\"name\": \"v\", \"path\": \"v.txt\"}], \"eval\": {\"every_steps\": 1},"
        "\"optimizer\": {\"learning_rate\": 1e-9, \"kind\": \"muon\"}}");
    write_text(in_temp("r.json"), text);
    require_run("whole", (weir_train_options){.dry_run = true});
    require_run("init", (weir_train_options){.max_steps = 1});
    double loss = seen.last.eval_loss;
    write_run("");
    require_run("whole", (weir_train_options){.resume = checkpoint_of("whole", 8), .max_steps = 2});
    assert_true(fabs(seen.last.eval_loss - loss) < 1e-3);
}

/* The floats of model.safetensors in a folder: *n of them, malloc'ed. */
static float *weights_of(const char *folder, size_t *n) {
    char path[300], *bytes = NULL;
    size_t size;
    uint64_t head;
    snprintf(path, sizeof path, "%s/model/model.safetensors", in_temp(folder));
    assert_int_equal(weir_file_read(path, 1 << 28, &bytes, &size, NULL), WEIR_STATUS_OK);
    memcpy(&head, bytes, sizeof head);
    assert_true(size > sizeof head + head);
    *n = (size - sizeof head - head) / sizeof(float);
    float *values = malloc(*n * sizeof *values);
    assert_non_null(values);
    memcpy(values, bytes + sizeof head + head, *n * sizeof *values);
    free(bytes);
    return values;
}

/* What is written can be a mean of the model that was gone on from and what came of it; the run
 * itself is the same. */
static void test_init_share(void **state) {
    (void)state;
    static const float shares[] = {0, 0.25f, 1};
    size_t n, n_init;
    float *init, *trained = NULL;
    init = weights_of("whole", &n_init);
    for (size_t i = 0; i < WEIR_COUNT(shares); i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{\"init\": \"whole/model\", \"init_share\": %g,"
                 "\"tokenizer\": \"whole/model\", \"steps\": 2, \"context\": 32,"
                 "\"batch_tokens\": 256, \"sources\": [{\"name\": \"a\", \"path\": \"a.txt\"}]}",
                 (double)shares[i]);
        write_text(in_temp("r.json"), text);
        weir_train_options options = {.resume = i > 0 ? checkpoint_of("share", 2) : NULL};
        require_run("share", options);
        float *got = weights_of("share", &n);
        assert_int_equal(n, n_init);
        size_t n_other = 0;
        for (size_t j = 0; j < n && trained; j++) {
            float want = trained[j] + shares[i] * (init[j] - trained[j]);
            n_other += got[j] != trained[j];
            assert_true(fabsf(got[j] - want) <= 1e-6f * (1 + fabsf(want)));
        }
        if (trained) {
            assert_true(n_other > n / 2);
            free(got);
        } else {
            trained = got;
        }
    }
    free(trained);
    free(init);
    write_run("");
}

static int begin(void **state) {
    if (temp_folder_make(state) != 0)
        return -1;
    write_text(in_temp("c.json"), CONFIG);
    write_documents("a.txt", 1, 40);
    write_documents("b.txt", 2, 30);
    write_documents("v.txt", 3, 12);
    write_run("");
    const char *input = in_temp("a.txt");
    weir_vocab_options vocab = {.inputs = &input, .n_inputs = 1, .n_tokens = 320, .n_threads = 1};
    if (weir_train_vocab(in_temp("tok"), &vocab, NULL, &err) != WEIR_STATUS_OK)
        print_error("%s\n", err.text);
    return (int)err.status;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_run),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_other_kernels),
        cmocka_unit_test(test_expert_bias),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_leftovers),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_overwrite),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_dry_run),
        cmocka_unit_test(test_packed_once),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_init),
        cmocka_unit_test(test_init_share),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_packed_with_template),
        cmocka_unit_test(test_outliers_of_stage),
        cmocka_unit_test(test_stamp_goes_first),
        cmocka_unit_test(test_packed_with_generator),
        cmocka_unit_test(test_packing_is_told),
        cmocka_unit_test(test_model_is_renewed),
        cmocka_unit_test(test_model_in_the_way),
        cmocka_unit_test(test_empty_evaluation),
        cmocka_unit_test(test_best_of_other_validation),
        cmocka_unit_test(test_no_template),
    };
    return cmocka_run_group_tests(tests, begin, temp_folder_remove);
}
