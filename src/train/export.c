/* export.c: a trained graph as a Hugging Face folder. */
#include "train/export.h"

#include "base/error.h"
#include "base/file.h"
#include "convert/hf_write.h"
#include "convert/hparams_meta.h"
#include "text/tokenizer.h"
#include "train/param_file.h"

#include <stdlib.h>
#include <string.h>

static weir_status no_memory(const char *folder, weir_error *err) {
    return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", folder);
}

/* ---- the tokenizer ------------------------------------------------------------------------- */

/* Copies FROM/NAME; without it nothing is done. */
static weir_status copy_file(const char *from, const char *to, const char *name, weir_error *err) {
    enum { MAX_FILE = 1 << 30 };
    char *path = weir_path_join(from, name), *data = NULL;
    size_t n = 0;
    weir_status status = WEIR_STATUS_OK;
    if (!path)
        return no_memory(to, err);
    if (weir_path_exists(path)) {
        status = weir_file_read(path, MAX_FILE, &data, &n, err);
        if (status == WEIR_STATUS_OK)
            status = weir_hf_write_file(to, name, data, n, err);
    }
    free(path);
    free(data);
    return status;
}

static weir_status copy_folder(const char *from, const char *to, weir_error *err) {
    static const char *const names[] = {"tokenizer.json",          "tokenizer_config.json",
                                        "chat_template.jinja",     "chat_template.json",
                                        "special_tokens_map.json", "generation_config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        WEIR_TRY(copy_file(from, to, names[i], err));
    return WEIR_STATUS_OK;
}

static bool is_tokenizer_json(const char *path) {
    const char *slash = strrchr(path, '/');
    return strcmp(slash ? slash + 1 : path, "tokenizer.json") == 0;
}

/* A folder's files as they stand; those beside a tokenizer.json too. A GGUF's are made anew. */
static weir_status write_tokenizer(const char *folder, const char *from, weir_error *err) {
    if (weir_path_is_folder(from))
        return copy_folder(from, folder, err);
    if (is_tokenizer_json(from)) {
        char *above = strdup(from);
        if (!above)
            return no_memory(folder, err);
        char *slash = strrchr(above, '/');
        if (slash)
            slash[slash == above] = 0;
        weir_status status = copy_folder(slash ? above : ".", folder, err);
        free(above);
        return status;
    }
    weir_tokenizer *tokenizer = NULL;
    WEIR_TRY(weir_tokenizer_open(&tokenizer, from, NULL, err));
    weir_status status = weir_hf_write_tokenizer(folder, &tokenizer->table, err);
    weir_tokenizer_close(&tokenizer);
    return status;
}

/* ---- the weights --------------------------------------------------------------------------- */

static weir_status write_config(weir_graph *graph, const char *folder, weir_error *err) {
    char *text =
        weir_hparams_to_json(weir_graph_hparams(graph), weir_format_by_id(WEIR_FORMAT_F32));
    if (!text)
        return no_memory(folder, err);
    weir_status status = weir_hf_write_file(folder, "config.json", text, strlen(text), err);
    free(text);
    return status;
}

static weir_status write_values(weir_graph *graph, weir_safetensors_writer *w, weir_error *err) {
    for (size_t i = 0; i < weir_graph_n_params(graph); i++) {
        const weir_param *param = weir_graph_param(graph, i);
        WEIR_TRY(weir_safetensors_write(w, weir_graph_values(graph) + param->at,
                                        weir_param_n_values(param) * sizeof(float), err));
    }
    for (size_t i = 0; i < weir_graph_n_loads(graph); i++) {
        const weir_expert_load *load = weir_graph_load(graph, i);
        if (load->bias)
            WEIR_TRY(weir_safetensors_write(
                w, load->bias, weir_graph_hparams(graph)->n_experts * sizeof *load->bias, err));
    }
    return WEIR_STATUS_OK;
}

static weir_status write_weights(weir_graph *graph, const char *folder, weir_error *err) {
    weir_safetensors_writer *w = NULL;
    char *path = weir_path_join(folder, "model.safetensors");
    weir_status status;
    if (!path)
        return no_memory(folder, err);
    WEIR_TRY_GOTO(weir_safetensors_create(&w, path, true, err));
    for (size_t i = 0; i < weir_graph_n_params(graph); i++)
        weir_param_declare(w, weir_graph_param(graph, i), "");
    for (size_t i = 0; i < weir_graph_n_loads(graph); i++)
        weir_expert_bias_declare(w, weir_graph_load(graph, i),
                                 weir_graph_hparams(graph)->n_experts);
    WEIR_TRY_GOTO(weir_safetensors_begin(w, err));
    WEIR_TRY_GOTO(write_values(graph, w, err));
    WEIR_TRY_GOTO(weir_safetensors_commit(&w, err));
fail:
    weir_safetensors_abort(&w);
    free(path);
    return status;
}

weir_status weir_graph_export(weir_graph *graph, const char *folder, const char *tokenizer,
                              weir_error *err) {
    WEIR_TRY(weir_make_folders(folder, err));
    WEIR_TRY(write_tokenizer(folder, tokenizer, err));
    WEIR_TRY(write_config(graph, folder, err));
    return write_weights(graph, folder, err);
}
