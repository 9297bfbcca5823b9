/*
 * sampling_meta.c: from generation_config.json to general.sampling.*.
 *
 * Owns the two sets of names. Does not judge values: whoever samples does, and passes over a file
 * that states nonsense. Invariant: weir_sampling_for_model gives the same for the folder and for
 * the GGUF made of it.
 */
#include "convert/sampling_meta.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"

enum { MAX_JSON_BYTES = 1024 * 1024 };

static void add_all(weir_gguf_writer *w, const json_t *root) {
    static const struct {
        const char *from, *to;
    } reals[] = {
        {"top_p", "general.sampling.top_p"},
        {"min_p", "general.sampling.min_p"},
        {"repetition_penalty", "general.sampling.penalty_repeat"},
    };
    const json_t *temperature = json_object_get(root, "temperature");
    const json_t *draws = json_object_get(root, "do_sample");
    /* GGUF has no word for do_sample: without it greedy is temperature 0, drawing is 1. */
    if (json_is_false(draws))
        weir_gguf_add_f32(w, "general.sampling.temp", 0);
    else if (json_is_number(temperature))
        weir_gguf_add_f32(w, "general.sampling.temp", (float)json_number_value(temperature));
    else if (json_is_true(draws))
        weir_gguf_add_f32(w, "general.sampling.temp", 1);
    const json_t *top_k = json_object_get(root, "top_k");
    if (json_is_number(top_k)) { /* below 1 and beyond the vocabulary it means all */
        double k = json_number_value(top_k);
        k = k < -1 ? -1 : k > INT32_MAX ? INT32_MAX : k;
        weir_gguf_add_i32(w, "general.sampling.top_k", (int32_t)k);
    }
    for (size_t i = 0; i < WEIR_COUNT(reals); i++) {
        const json_t *value = json_object_get(root, reals[i].from);
        if (json_is_number(value))
            weir_gguf_add_f32(w, reals[i].to, (float)json_number_value(value));
    }
}

weir_status weir_sampling_add_meta(weir_gguf_writer *w, const char *folder, weir_error *err) {
    char *path = weir_path_join(folder, "generation_config.json");
    if (path == NULL)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its name", folder);
    weir_status status = WEIR_STATUS_OK;
    char *text = NULL;
    size_t n = 0;
    json_t *root = NULL;
    json_error_t where;
    if (!weir_path_exists(path))
        goto fail;
    WEIR_TRY_GOTO(weir_file_read(path, MAX_JSON_BYTES, &text, &n, err));
    root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL)
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: line %d, column %d: %s", path,
                           where.line, where.column, where.text);
    else
        add_all(w, root);
fail:
    json_decref(root);
    free(text);
    free(path);
    return status;
}
