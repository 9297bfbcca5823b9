/* export.c: a trained graph as a Hugging Face folder. */
#include "train/export.h"

#include "base/error.h"
#include "base/file.h"
#include "convert/folder_out.h"
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

static const char *const copied[] = {"tokenizer.json",          "tokenizer_config.json",
                                     "chat_template.jinja",     "chat_template.json",
                                     "special_tokens_map.json", "generation_config.json"};

static weir_status copy_folder(const char *from, const char *to, weir_error *err) {
    for (size_t i = 0; i < WEIR_COUNT(copied); i++)
        WEIR_TRY(weir_file_copy(from, to, copied[i], err));
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
        char *above = weir_path_folder(from);
        weir_status status = above ? copy_folder(above, folder, err) : no_memory(folder, err);
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

/* ---- the folder ---------------------------------------------------------------------------- */

static bool is_ours(const void *context, const char *name) {
    (void)context;
    for (size_t i = 0; i < WEIR_COUNT(copied); i++)
        if (strcmp(copied[i], name) == 0)
            return true;
    return weir_folder_is_model_file(name);
}

weir_status weir_graph_export(weir_graph *graph, const char *folder, const char *tokenizer,
                              weir_error *err) {
    weir_folder_out out = {0};
    weir_status status;
    WEIR_TRY_GOTO(weir_folder_out_renew(&out, folder, is_ours, NULL, err));
    WEIR_TRY_GOTO(write_tokenizer(out.work, tokenizer, err));
    WEIR_TRY_GOTO(write_config(graph, out.work, err));
    WEIR_TRY_GOTO(write_weights(graph, out.work, err));
    WEIR_TRY_GOTO(weir_folder_out_commit(&out, err));
fail:
    weir_folder_out_close(&out);
    return status;
}

void weir_graph_export_sweep(const char *path) {
    weir_folder_out_sweep(path, is_ours, NULL);
}
