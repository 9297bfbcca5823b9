/* lora_file.c: see lora_file.h. A file and a folder both appear whole or not at all. */
#include "train/lora_file.h"

#include "base/error.h"
#include "base/file.h"
#include "convert/folder_out.h"
#include "convert/hf_write.h"
#include "train/run_data.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char peft_weights[] = "adapter_model.safetensors";

static const weir_format *f32(void) {
    return weir_format_by_id(WEIR_FORMAT_F32);
}

bool weir_lora_is_gguf_name(const char *out) {
    size_t n = strlen(out);
    return n > 5 && strcmp(out + n - 5, ".gguf") == 0;
}

static bool is_stack(const weir_lora_matrix *m) {
    return weir_part_get_names(m->part)->is_stack;
}

/* ---- GGUF ----------------------------------------------------------------------------------- */

/* The matrices from number i on that make one tensor: a stack of experts, or one. */
static size_t run_of(const weir_lora_file *file, size_t i) {
    const weir_lora_matrix *first = &file->item[i];
    size_t n = 1;
    while (is_stack(first) && i + n < file->n && file->item[i + n].part == first->part &&
           file->item[i + n].layer == first->layer)
        n++;
    return n;
}

static void declare_gguf(weir_gguf_writer *w, const weir_lora_file *file, const weir_lora_matrix *m,
                         bool is_b) {
    char name[WEIR_LORA_NAME];
    uint64_t shape[3], n_dims = 0;
    if (is_stack(m))
        shape[n_dims++] = file->h->n_experts;
    shape[n_dims++] = is_b ? m->rows : file->rank;
    shape[n_dims++] = is_b ? file->rank : m->cols;
    weir_lora_gguf_name(name, m->part, m->layer, is_b);
    weir_gguf_add_tensor(w, name, f32(), (uint32_t)n_dims, shape);
}

/* One half of a run; experts that have none are zeros, which change nothing. */
static weir_status write_half(weir_gguf_writer *w, const weir_lora_file *file, size_t i, size_t n,
                              bool is_b, weir_error *err) {
    const weir_lora_matrix *m = &file->item[i];
    size_t n_values = (size_t)file->rank * (is_b ? m->rows : m->cols);
    uint32_t n_all = is_stack(m) ? file->h->n_experts : 1;
    float *zeros = calloc(n_values, sizeof *zeros);
    if (!zeros)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for an adapter");
    weir_status status = WEIR_STATUS_OK;
    for (uint32_t e = 0; e < n_all && status == WEIR_STATUS_OK; e++) {
        const float *values = zeros;
        for (size_t j = 0; j < n; j++)
            if (!is_stack(m) || m[j].expert == e)
                values = is_b ? m[j].b : m[j].a;
        status = weir_gguf_write(w, values, n_values * sizeof *values, err);
    }
    free(zeros);
    return status;
}

static weir_status write_gguf(const char *out, const weir_lora_file *file, bool overwrite,
                              weir_error *err) {
    weir_gguf_writer *w = NULL;
    weir_status status = WEIR_STATUS_OK;
    float alpha = file->is_rank_stabilized ? file->alpha * sqrtf((float)file->rank) : file->alpha;
    WEIR_TRY_GOTO(weir_gguf_create(&w, out, overwrite, err));
    weir_gguf_add_string(w, "general.architecture", file->arch);
    weir_gguf_add_string(w, "general.type", "adapter");
    weir_gguf_add_string(w, "general.name", file->name);
    weir_gguf_add_u32(w, "general.file_type", 0);
    weir_gguf_add_string(w, "general.base_model.0.name", file->base_name);
    weir_gguf_add_u32(w, "general.base_model.count", 1);
    weir_gguf_add_string(w, "adapter.type", "lora");
    weir_gguf_add_f32(w, "adapter.lora.alpha", alpha);
    for (size_t i = 0; i < file->n; i += run_of(file, i)) {
        declare_gguf(w, file, &file->item[i], false);
        declare_gguf(w, file, &file->item[i], true);
    }
    WEIR_TRY_GOTO(weir_gguf_begin(w, err));
    for (size_t i = 0, n; i < file->n; i += n) {
        n = run_of(file, i);
        WEIR_TRY_GOTO(write_half(w, file, i, n, false, err));
        WEIR_TRY_GOTO(write_half(w, file, i, n, true, err));
    }
    WEIR_TRY_GOTO(weir_gguf_commit(&w, err));
fail:
    weir_gguf_abort(&w);
    return status;
}

/* ---- PEFT ----------------------------------------------------------------------------------- */

/* "model.layers.0.conv.in_proj" */
static void module_name(char out[WEIR_HF_NAME], const weir_lora_matrix *m) {
    weir_part_hf_name(out, m->part, m->layer, m->expert);
    out[strlen(out) - strlen(".weight")] = 0;
}

static weir_status write_config(const char *folder, const weir_lora_file *file, weir_error *err) {
    char name[WEIR_HF_NAME];
    json_t *modules = json_array();
    for (size_t i = 0; i < file->n; i++) {
        module_name(name, &file->item[i]);
        json_array_append_new(modules, json_string(name));
    }
    json_t *config =
        json_pack("{s:s, s:s, s:s?, s:i, s:f, s:f, s:s, s:b, s:b, s:b, s:n, s:o}", "peft_type",
                  "LORA", "task_type", "CAUSAL_LM", "base_model_name_or_path", file->base_name, "r",
                  (int)file->rank, "lora_alpha", (double)file->alpha, "lora_dropout", 0.0, "bias",
                  "none", "use_rslora", file->is_rank_stabilized, "fan_in_fan_out", 0,
                  "inference_mode", 1, "modules_to_save", "target_modules", modules);
    char *text = config ? json_dumps(config, JSON_INDENT(2)) : NULL;
    json_decref(config);
    if (!text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", folder);
    weir_status status = weir_hf_write_file(folder, "adapter_config.json", text, strlen(text), err);
    free(text);
    return status;
}

static weir_status write_readme(const char *folder, const weir_lora_file *file, weir_error *err) {
    static const char on_experts[] =
        "\nExperts are named one by one (feed_forward.experts.E.w1). Programs that hold all "
        "experts\n"
        "of a layer in one tensor need them stacked before they can load this adapter.\n";
    char text[2048];
    bool has_experts = false;
    for (size_t i = 0; i < file->n; i++)
        has_experts |= is_stack(&file->item[i]);
    int n = snprintf(text, sizeof text,
                     "---\nlibrary_name: peft\nbase_model: %.400s\ntags:\n- lora\n---\n# %.400s\n\n"
                     "A LoRA adapter for %.400s: rank %u, alpha %g, %zu matrices.\n\n"
                     "    weir run MODEL --lora %.200s \"...\"\n%s",
                     file->base_name, file->name, file->base_name, file->rank, (double)file->alpha,
                     file->n, file->name, has_experts ? on_experts : "");
    return weir_hf_write_file(folder, "README.md", text, (size_t)n, err);
}

static weir_status write_weights(const char *folder, const weir_lora_file *file, weir_error *err) {
    weir_safetensors_writer *w = NULL;
    char name[WEIR_LORA_NAME], *path = weir_path_join(folder, peft_weights);
    weir_status status = WEIR_STATUS_OK;
    if (!path)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to write it", folder);
    WEIR_TRY_GOTO(weir_safetensors_create(&w, path, true, err));
    for (size_t i = 0; i < file->n; i++) {
        const weir_lora_matrix *m = &file->item[i];
        weir_lora_peft_name(name, m->part, m->layer, m->expert, false);
        weir_safetensors_add(w, name, f32(), 2, (uint64_t[]){file->rank, m->cols});
        weir_lora_peft_name(name, m->part, m->layer, m->expert, true);
        weir_safetensors_add(w, name, f32(), 2, (uint64_t[]){m->rows, file->rank});
    }
    WEIR_TRY_GOTO(weir_safetensors_begin(w, err));
    for (size_t i = 0; i < file->n; i++) {
        const weir_lora_matrix *m = &file->item[i];
        size_t row = file->rank * sizeof(float);
        WEIR_TRY_GOTO(weir_safetensors_write(w, m->a, row * m->cols, err));
        WEIR_TRY_GOTO(weir_safetensors_write(w, m->b, row * m->rows, err));
    }
    WEIR_TRY_GOTO(weir_safetensors_commit(&w, err));
fail:
    weir_safetensors_abort(&w);
    free(path);
    return status;
}

static bool is_ours(const void *context, const char *name) {
    (void)context;
    return strcmp(name, peft_weights) == 0 || strcmp(name, "adapter_config.json") == 0 ||
           strcmp(name, "README.md") == 0;
}

static weir_status write_peft(const char *out, const weir_lora_file *file, weir_error *err) {
    weir_folder_out folder = {0};
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY_GOTO(weir_folder_out_renew(&folder, out, is_ours, NULL, err));
    WEIR_TRY_GOTO(write_config(folder.work, file, err));
    WEIR_TRY_GOTO(write_readme(folder.work, file, err));
    WEIR_TRY_GOTO(write_weights(folder.work, file, err));
    WEIR_TRY_GOTO(weir_folder_out_commit(&folder, err));
fail:
    weir_folder_out_close(&folder);
    return status;
}

/* Can something new be made beside a path? */
static weir_status check_folder(const char *out, weir_error *err) {
    char *folder = weir_path_folder(out);
    if (!folder)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its path", out);
    bool is_open = access(*folder ? folder : ".", W_OK | X_OK) == 0;
    free(folder);
    if (!is_open)
        return weir_fail(err, WEIR_STATUS_IO, "%s: its folder is missing or cannot be written",
                         out);
    return WEIR_STATUS_OK;
}

weir_status weir_lora_check_out(const char *out, bool overwrite, weir_error *err) {
    if (out[0] == 0)
        return weir_fail(err, WEIR_STATUS_IO, "an adapter without a name cannot be written");
    if (weir_lora_is_gguf_name(out))
        WEIR_TRY(check_folder(out, err));
    char *weights = weir_lora_is_gguf_name(out) ? strdup(out) : weir_path_join(out, peft_weights);
    if (!weights)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for its path", out);
    weir_status status = !overwrite && weir_path_exists(weights)
                             ? weir_fail(err, WEIR_STATUS_FAILED, "%s: exists already", weights)
                             : WEIR_STATUS_OK;
    free(weights);
    if (status == WEIR_STATUS_OK && !weir_lora_is_gguf_name(out))
        status = weir_folder_out_may_renew(out, err);
    return status;
}

weir_status weir_lora_write(const char *out, const weir_lora_file *file, bool overwrite,
                            weir_error *err) {
    WEIR_TRY(weir_lora_check_out(out, overwrite, err));
    return weir_lora_is_gguf_name(out) ? write_gguf(out, file, overwrite, err)
                                       : write_peft(out, file, err);
}
