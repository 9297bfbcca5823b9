/* run_data.c: packs and opens the data of a run. */
#include "train/run_data.h"

#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static const char SHARD_ENDING[] = ".shard", SHARD_MAGIC[8] = "WEIRSHD\n";

/* ---- stamps -------------------------------------------------------------------------------- */

/* By its first bytes, whatever it is called; one that should be is, so that what is wrong with it
 * is told. */
static bool is_packed(const weir_run_source *source) {
    size_t n = source->path ? strlen(source->path) : 0, n_ending = sizeof SHARD_ENDING - 1;
    if (n > n_ending && strcmp(source->path + n - n_ending, SHARD_ENDING) == 0)
        return true;
    char first[sizeof SHARD_MAGIC] = {0};
    FILE *in = source->path ? fopen(source->path, "rb") : NULL;
    if (!in)
        return false;
    bool is_whole = fread(first, 1, sizeof first, in) == sizeof first;
    fclose(in);
    return is_whole && memcmp(first, SHARD_MAGIC, sizeof first) == 0;
}

static weir_status hash_file(const char *path, uint64_t *hash, weir_error *err) {
    weir_map map;
    WEIR_TRY(weir_map_open(&map, path, err));
    *hash = XXH64(map.data, map.size, 0);
    weir_map_close(&map);
    return WEIR_STATUS_OK;
}

/* Of what the generator writes today, so that packed text of an older one is not used again: LOOKS
 * samples, evenly from all that are packed. Exact but for a change that shows in none of them; more
 * cost time, a story takes 2 ms on a busy core. */
static weir_status hash_generated(const weir_run_source *s, uint64_t *hash, weir_error *err) {
    enum { LOOKS = 64 };
    uint64_t n_looks = s->gen_n < LOOKS ? s->gen_n : LOOKS;
    char *line = NULL;
    size_t cap = 0, n = 0;
    weir_status status = WEIR_STATUS_OK;
    *hash = 0;
    for (uint64_t k = 0; k < n_looks; k++) {
        uint64_t i = s->gen_first + s->gen_n / n_looks * k;
        WEIR_TRY_GOTO(
            weir_gen_sample(s->gen_kind, s->gen_seed, i, s->gen_held_out, line, cap, &n, err));
        if (n > cap) {
            char *room = realloc(line, 2 * n);
            if (!room) {
                status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a generated sample");
                goto fail;
            }
            line = room;
            cap = 2 * n;
            WEIR_TRY_GOTO(
                weir_gen_sample(s->gen_kind, s->gen_seed, i, s->gen_held_out, line, cap, &n, err));
        }
        *hash = XXH64(line, n, *hash);
    }
fail:
    free(line);
    return status;
}

/* All that a packed file hangs on, as text, malloc'ed. */
static weir_status make_stamp(const weir_run_source *s, const weir_run_data_options *options,
                              char **out, weir_error *err) {
    uint64_t input = 0, manifest = 0, generated = 0;
    if (s->path)
        WEIR_TRY(hash_file(s->path, &input, err));
    if (s->manifest)
        WEIR_TRY(hash_file(s->manifest, &manifest, err));
    if (s->gen_kind)
        WEIR_TRY(hash_generated(s, &generated, err));
    size_t n = 512 + (s->split ? strlen(s->split) : 0) + (s->gen_kind ? strlen(s->gen_kind) : 0);
    char *text = malloc(n);
    if (!text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the stamp of '%s'", s->name);
    snprintf(text, n,
             "form 3\ntokenizer %016" PRIx64 "\ntemplate %016" PRIx64 "\ninput %016" PRIx64
             "\nsplit %s\n"
             "assistant_only %d\nmax_tokens %u\ngen %s\nseed %" PRIu64 "\nfirst %" PRIu64
             "\nn %" PRIu64 "\nheld_out %d\n",
             options->tokenizer_hash, options->template_hash, input, s->split ? s->split : "-",
             s->assistant_only, s->max_tokens, s->gen_kind ? s->gen_kind : "-", s->gen_seed,
             s->gen_first, s->gen_n, s->gen_held_out);
    if (s->manifest) {
        size_t n_text = strlen(text);
        snprintf(text + n_text, n - n_text, "manifest %016" PRIx64 "\n", manifest);
    }
    if (s->gen_kind) {
        size_t n_text = strlen(text);
        snprintf(text + n_text, n - n_text, "samples %016" PRIx64 "\n", generated);
    }
    *out = text;
    return WEIR_STATUS_OK;
}

static bool has_stamp(const char *path, const char *stamp) {
    enum { MAX_STAMP = 1 << 20 };
    char *found = NULL;
    size_t n = 0;
    bool is_same = weir_path_exists(path) &&
                   weir_file_read(path, MAX_STAMP, &found, &n, NULL) == WEIR_STATUS_OK &&
                   strcmp(found, stamp) == 0;
    free(found);
    return is_same;
}

static weir_status write_stamp(const char *path, const char *stamp, weir_error *err) {
    weir_out *out = NULL;
    weir_status status;
    WEIR_TRY_GOTO(weir_out_open(&out, path, true, err));
    WEIR_TRY_GOTO(weir_out_write(out, stamp, strlen(stamp), err));
    WEIR_TRY_GOTO(weir_out_commit(&out, err));
fail:
    weir_out_abort(&out);
    return status;
}

/* ---- one source ---------------------------------------------------------------------------- */

/* What the callbacks of a packing need to name its source. */
typedef struct telling {
    const weir_run_data_options *options;
    const char *name;
} telling;

static void tell_progress(void *context, const char *what, uint64_t done, uint64_t total) {
    const telling *t = context;
    (void)what;
    t->options->on_packing(t->options->context, t->name, done, total);
}

static bool ask_cancelled(void *context) {
    const telling *t = context;
    return t->options->is_cancelled(t->options->context);
}

static weir_status pack(const weir_run_file *file, const weir_run_source *s, const char *path,
                        const weir_run_data_options *options, weir_error *err) {
    telling told = {options, s->name};
    weir_pack_options pack = {
        .path = s->path,
        .gen_kind = s->gen_kind,
        .gen_seed = s->gen_seed,
        .gen_first = s->gen_first,
        .gen_n = s->gen_n,
        .gen_held_out = s->gen_held_out,
        .split = s->split,
        .manifest = s->manifest,
        .tokenizer = file->tokenizer,
        .assistant_only = s->assistant_only,
        .max_tokens = s->max_tokens,
        .overwrite = true,
        .n_threads = options->n_threads,
        .progress = {.context = &told,
                     .report = options->on_packing ? tell_progress : NULL,
                     .is_cancelled = options->is_cancelled ? ask_cancelled : NULL},
    };
    weir_pack_report report = {0};
    char line[320], left_out[96] = "";
    WEIR_TRY(weir_train_pack(path, &pack, &report, err));
    if (report.n_left_out > 0)
        snprintf(left_out, sizeof left_out,
                 "; %" PRIu64 " left out, their targets lie behind max_tokens", report.n_left_out);
    snprintf(line, sizeof line,
             "%s: packed: %" PRIu64 " samples, %" PRIu64 " tokens, %" PRIu64 " targets%s%s",
             s->name, report.n_samples, report.n_tokens, report.n_targets,
             report.n_cut ? ", some cut at max_tokens" : "", left_out);
    if (options->on_note)
        options->on_note(options->context, line);
    return WEIR_STATUS_OK;
}

/* OUT/data/NAME + ending, malloc'ed. */
static char *data_path(const char *out, const char *name, const char *ending) {
    size_t n = strlen(out) + strlen(name) + strlen(ending) + sizeof "/data/";
    char *path = malloc(n);
    if (path)
        snprintf(path, n, "%s/data/%s%s", out, name, ending);
    return path;
}

static weir_status pack_and_open(weir_shard **out, const weir_run_file *file,
                                 const weir_run_source *s, const weir_run_data_options *options,
                                 weir_error *err) {
    char *path = data_path(options->out, s->name, SHARD_ENDING), *stamp = NULL;
    char *stamp_path = data_path(options->out, s->name, ".stamp");
    weir_status status;
    if (!path || !stamp_path) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", s->name);
        goto fail;
    }
    WEIR_TRY_GOTO(make_stamp(s, options, &stamp, err));
    bool is_made = weir_path_exists(path) && has_stamp(stamp_path, stamp);
    if (!is_made && options->no_packing)
        goto fail; /* which is none */
    if (!is_made) {
        /* First, so that a run killed in between leaves no stamp that speaks of other data. */
        if (unlink(stamp_path) != 0 && errno != ENOENT) {
            status = weir_fail(err, WEIR_STATUS_IO, "%s: cannot be replaced: %s", stamp_path,
                               strerror(errno));
            goto fail;
        }
        WEIR_TRY_GOTO(pack(file, s, path, options, err));
        WEIR_TRY_GOTO(write_stamp(stamp_path, stamp, err));
    }
    WEIR_TRY_GOTO(weir_shard_open(out, path, err));
fail:
    free(path);
    free(stamp_path);
    free(stamp);
    return status;
}

static weir_status open_source(weir_shard **out, const weir_run_file *file,
                               const weir_run_source *s, const weir_run_data_options *options,
                               weir_error *err) {
    if (is_packed(s)) {
        WEIR_TRY(weir_shard_open(out, s->path, err));
        if (s->split || s->assistant_only || s->says_max_tokens)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: is packed already; 'split', 'assistant_only' and 'max_tokens' "
                             "are for `weir train pack`",
                             s->path);
    } else {
        WEIR_TRY(pack_and_open(out, file, s, options, err));
    }
    if (*out && weir_shard_tokenizer_hash(*out) != options->tokenizer_hash)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: was packed with another tokenizer than %s",
                         s->path ? s->path : s->name, file->tokenizer);
    return WEIR_STATUS_OK;
}

/* ---- all of them --------------------------------------------------------------------------- */

static weir_status open_all(weir_run_data *data, const weir_run_file *file,
                            const weir_run_data_options *options, weir_error *err) {
    uint64_t hashes[WEIR_RUN_MAX_SOURCES] = {0};
    if (!options->no_packing) {
        char *folder = weir_path_join(options->out, "data");
        weir_status status = folder ? weir_make_folders(folder, err)
                                    : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a path");
        free(folder);
        WEIR_TRY(status);
    }
    for (size_t i = 0; i < file->n_sources; i++) {
        data->n_train = i + 1;
        WEIR_TRY(open_source(&data->train[i], file, &file->sources[i], options, err));
        if (!data->train[i])
            continue;
        hashes[i] = weir_shard_hash(data->train[i]);
        data->n_tokens += weir_shard_n_tokens(data->train[i]);
    }
    for (size_t i = 0; i < file->n_validation; i++) {
        data->n_validation = i + 1;
        WEIR_TRY(open_source(&data->validation[i], file, &file->validation[i], options, err));
    }
    data->hash = XXH64(hashes, file->n_sources * sizeof *hashes, 0);
    return WEIR_STATUS_OK;
}

weir_status weir_run_data_open(weir_run_data *out, const weir_run_file *file,
                               const weir_run_data_options *options, weir_error *err) {
    *out = (weir_run_data){0};
    weir_status status = open_all(out, file, options, err);
    if (status != WEIR_STATUS_OK)
        weir_run_data_close(out);
    return status;
}

void weir_run_data_close(weir_run_data *data) {
    for (size_t i = 0; i < data->n_train; i++)
        weir_shard_close(&data->train[i]);
    for (size_t i = 0; i < data->n_validation; i++)
        weir_shard_close(&data->validation[i]);
    *data = (weir_run_data){0};
}
