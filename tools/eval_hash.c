/*
 * eval_hash.c: what tells one model or data file from another: hashes of the bytes of their files.
 *
 * A model of several files is hashed as their bytes one behind the other: the parts of a split by
 * number, of a folder all that changes what it answers, by name. Owns this rule alone.
 */
#include "adapters.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "eval_result.h"
#include "interrupt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { BLOCK_BYTES = 1 << 20, MOST_PARTS = 99999 };

typedef struct hashing {
    XXH3_state_t *state;
    char *block; /* [BLOCK_BYTES] */
    const weir_progress *progress;
    uint64_t n_done, n_all;
} hashing;

static void write_hex(char out[WEIR_EVAL_HASH], XXH128_hash_t hash) {
    snprintf(out, WEIR_EVAL_HASH, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}

void weir_eval_hash_bytes(char out[WEIR_EVAL_HASH], const void *bytes, size_t n) {
    write_hex(out, XXH3_128bits(bytes, n));
}

static weir_status begin(hashing *h, const weir_progress *progress, weir_error *err) {
    *h = (hashing){.state = XXH3_createState(), .block = malloc(BLOCK_BYTES), .progress = progress};
    if (!h->state || !h->block)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to hash a file");
    XXH3_128bits_reset(h->state);
    return WEIR_STATUS_OK;
}

static void end(hashing *h) {
    XXH3_freeState(h->state);
    free(h->block);
}

static weir_status take_block(hashing *h, int fd, const char *path, bool *is_done,
                              weir_error *err) {
    ssize_t n = read(fd, h->block, BLOCK_BYTES);
    if (n < 0 && errno == EINTR)
        return WEIR_STATUS_OK;
    if (n < 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: %s", path, strerror(errno));
    XXH3_128bits_update(h->state, h->block, (size_t)n);
    h->n_done += (uint64_t)n;
    *is_done = n == 0;
    if (h->progress && h->progress->report && h->n_all > 0)
        h->progress->report(h->progress->context, "hashing",
                            h->n_done < h->n_all ? h->n_done : h->n_all, h->n_all);
    return weir_interrupted() ? weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted")
                              : WEIR_STATUS_OK;
}

static weir_status take_file(hashing *h, const char *path, weir_error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: %s", path, strerror(errno));
    weir_status status = WEIR_STATUS_OK;
    for (bool is_done = false; !is_done && status == WEIR_STATUS_OK;)
        status = take_block(h, fd, path, &is_done, err);
    close(fd);
    return status;
}

weir_status weir_eval_hash_file(char out[WEIR_EVAL_HASH], const char *path, weir_error *err) {
    hashing h;
    weir_status status = begin(&h, NULL, err);
    if (status == WEIR_STATUS_OK)
        status = take_file(&h, path, err);
    if (status == WEIR_STATUS_OK)
        write_hex(out, XXH3_128bits_digest(h.state));
    end(&h);
    return status;
}

/* ---- the files of a model ------------------------------------------------------------------- */

static bool ends_in(const char *name, const char *ending) {
    size_t n = strlen(name), n_ending = strlen(ending);
    return n >= n_ending && strcmp(name + n - n_ending, ending) == 0;
}

/* Weights, of a model or of an adapter, their shape, words and template, and what ends an answer.
 */
static int is_of_model(const struct dirent *entry) {
    static const char *const names[] = {"config.json",           "adapter_config.json",
                                        "tokenizer.json",        "tokenizer_config.json",
                                        "chat_template.jinja",   "chat_template.json",
                                        "generation_config.json"};
    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        if (strcmp(entry->d_name, names[i]) == 0)
            return 1;
    return ends_in(entry->d_name, ".safetensors");
}

static weir_status each_in_folder(hashing *h, const char *folder,
                                  weir_status (*take)(hashing *h, const char *path,
                                                      weir_error *err),
                                  weir_error *err) {
    struct dirent **entries;
    int n = scandir(folder, &entries, is_of_model, alphasort);
    if (n < 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: %s", folder, strerror(errno));
    weir_status status = WEIR_STATUS_OK;
    for (int i = 0; i < n; i++) {
        char *path = weir_path_join(folder, entries[i]->d_name);
        if (status == WEIR_STATUS_OK)
            status = path ? take(h, path, err)
                          : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a path");
        free(path);
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* NAME-00001-of-00003.gguf: the place of the first number, and how many parts there are; NULL: the
 * file stands alone. */
static char *split_number(char *path, uint32_t *n_parts) {
    static const char form[] = "-00001-of-00003.gguf";
    size_t n = strlen(path), n_form = sizeof form - 1;
    *n_parts = 1;
    if (n <= n_form)
        return NULL;
    char *at = path + n - n_form;
    for (size_t i = 0; i < n_form; i++)
        if (form[i] >= '0' && form[i] <= '9' ? at[i] < '0' || at[i] > '9' : at[i] != form[i])
            return NULL;
    *n_parts = (uint32_t)strtoul(at + 10, NULL, 10);
    return *n_parts >= 1 && *n_parts <= MOST_PARTS ? at + 1 : NULL;
}

static weir_status each_part(hashing *h, const char *path,
                             weir_status (*take)(hashing *h, const char *path, weir_error *err),
                             weir_error *err) {
    uint32_t n_parts;
    char *part = strdup(path);
    if (!part)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a path");
    char *number = split_number(part, &n_parts);
    weir_status status = number ? WEIR_STATUS_OK : take(h, path, err);
    for (uint32_t i = 1; number && i <= n_parts && status == WEIR_STATUS_OK; i++) {
        char digits[16];
        snprintf(digits, sizeof digits, "%05u", (unsigned)i);
        memcpy(number, digits, 5);
        status = take(h, part, err);
    }
    free(part);
    return status;
}

static weir_status add_size(hashing *h, const char *path, weir_error *err) {
    struct stat info;
    if (stat(path, &info) != 0)
        return weir_fail(err, WEIR_STATUS_IO, "%s: %s", path, strerror(errno));
    h->n_all += (uint64_t)info.st_size;
    return WEIR_STATUS_OK;
}

static weir_status each_file(hashing *h, const char *path,
                             weir_status (*take)(hashing *h, const char *path, weir_error *err),
                             weir_error *err) {
    return weir_path_is_folder(path) ? each_in_folder(h, path, take, err)
                                     : each_part(h, path, take, err);
}

weir_status weir_eval_subject_set(weir_eval_subject *out, const char *path, const weir_model *model,
                                  const weir_progress *progress, weir_error *err) {
    weir_model_info info;
    hashing h;
    weir_model_get_info(model, &info);
    weir_eval_subject_free(out);
    snprintf(out->name, sizeof out->name, "%s", info.name);
    snprintf(out->file_type, sizeof out->file_type, "%s", info.file_type);
    out->path = strdup(path);
    weir_status status = begin(&h, progress, err);
    if (status == WEIR_STATUS_OK && !out->path)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a path");
    if (status == WEIR_STATUS_OK)
        status = each_file(&h, path, add_size, err);
    if (status == WEIR_STATUS_OK)
        status = each_file(&h, path, take_file, err);
    if (status == WEIR_STATUS_OK)
        write_hex(out->hash, XXH3_128bits_digest(h.state));
    end(&h);
    return status;
}

/* The hash so far, then the adapter's files and its scale, which the specification has. */
static weir_status add_adapter(weir_eval_subject *out, const char *text, weir_error *err) {
    weir_adapter_spec spec;
    hashing h = {0};
    weir_status status = weir_adapter_spec_read(&spec, text, err);
    if (status == WEIR_STATUS_OK)
        status = begin(&h, NULL, err);
    if (status == WEIR_STATUS_OK) {
        XXH3_128bits_update(h.state, out->hash, sizeof out->hash);
        XXH3_128bits_update(h.state, &spec.scale, sizeof spec.scale);
        status = each_file(&h, spec.path, take_file, err);
    }
    if (status == WEIR_STATUS_OK)
        write_hex(out->hash, XXH3_128bits_digest(h.state));
    end(&h);
    weir_adapter_spec_free(&spec);
    return status;
}

weir_status weir_eval_subject_adapt(weir_eval_subject *out, const weir_string_list *specs,
                                    weir_error *err) {
    for (size_t i = 0; i < specs->n; i++)
        WEIR_TRY(add_adapter(out, specs->item[i], err));
    return WEIR_STATUS_OK;
}

void weir_eval_subject_free(weir_eval_subject *subject) {
    free(subject->path);
    *subject = (weir_eval_subject){0};
}
