/*
 * fuzz_lora.c: any bytes as an adapter for a small model with experts. What opens is read to the
 * last number and written again in the other form, what does not says why in one line.
 *
 * The first byte chooses the form: even a GGUF, odd a PEFT folder, of which adapter_config.json
 * comes first, behind its length (u16, little-endian); the rest is adapter_model.safetensors. The
 * files lie in a folder of this program's own, in memory where the system has such a place.
 */
#include "base/compiler.h"
#include "fuzz/walk_tensors.h"
#include "model/lora.h"
#include "weir_train.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[] = {"config.json",
                                    "base.gguf",
                                    "in.gguf",
                                    "out.gguf",
                                    "in/adapter_config.json",
                                    "in/adapter_model.safetensors",
                                    "out/adapter_config.json",
                                    "out/adapter_model.safetensors",
                                    "out/README.md",
                                    "in",
                                    "out"};
static char folder[64];
static weir_model *model;

/* Good until the fourth next call. */
static const char *in_folder(const char *name) {
    static char paths[4][sizeof folder + 64];
    static unsigned at;
    char *path = paths[at++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void remove_folder(void) {
    weir_model_close(&model);
    for (size_t i = 0; i < WEIR_COUNT(files); i++)
        remove(in_folder(files[i]));
    rmdir(folder);
}

static void write_file(const char *name, const void *data, size_t n) {
    FILE *file = fopen(in_folder(name), "wb");
    walk_require(file != NULL && fwrite(data, 1, n, file) == n && fclose(file) == 0);
}

/* One convolution with a dense, one attention with an expert feed-forward. */
static void make_model(void) {
    static const char config[] =
        "{\"architectures\": [\"Lfm2MoeForCausalLM\"], \"model_type\": \"lfm2_moe\","
        "\"vocab_size\": 400, \"hidden_size\": 8, \"num_hidden_layers\": 2,"
        "\"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"intermediate_size\": 12,"
        "\"moe_intermediate_size\": 6, \"num_dense_layers\": 1, \"num_experts\": 2,"
        "\"num_experts_per_tok\": 1, \"use_expert_bias\": true, \"norm_topk_prob\": true,"
        "\"routed_scaling_factor\": 1.0, \"conv_L_cache\": 3, \"conv_bias\": false,"
        "\"norm_eps\": 1e-05, \"max_position_embeddings\": 128, \"rope_theta\": 10000.0,"
        "\"layer_types\": [\"conv\", \"full_attention\"], \"tie_word_embeddings\": true,"
        "\"bos_token_id\": 1, \"eos_token_id\": 7, \"pad_token_id\": 0, \"dtype\": \"float32\"}";
    weir_error err = {0};
    strcpy(folder, "/dev/shm/weir_fuzz_XXXXXX");
    if (!mkdtemp(folder)) {
        strcpy(folder, "weir_fuzz_XXXXXX");
        walk_require(mkdtemp(folder) != NULL);
    }
    atexit(remove_folder);
    mkdir(in_folder("in"), 0700);
    write_file("config.json", config, sizeof config - 1);
    const weir_synth_options synth = {
        .config = in_folder("config.json"), .type = "f32", .n_threads = 1};
    if (weir_synth(in_folder("base.gguf"), &synth, &err) != WEIR_STATUS_OK ||
        weir_model_open(&model, in_folder("base.gguf"), &err) != WEIR_STATUS_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

static void demand_reason(weir_status status, const weir_error *err) {
    walk_require(err->status == status && err->text[0] != 0 && !strchr(err->text, '\n'));
    walk_require(status == WEIR_STATUS_BAD_FILE || status == WEIR_STATUS_UNSUPPORTED ||
                 status == WEIR_STATUS_IO);
}

static void walk_weight(const weir_weight *w, uint32_t rows, uint32_t cols) {
    const float *values = (const float *)(const void *)w->data;
    walk_require(w->rows == rows && w->cols == cols);
    for (size_t i = 0; i < (size_t)rows * cols; i++)
        walk_require(isfinite(values[i]));
}

static void walk_lora(const weir_lora *lora) {
    size_t n = 0;
    for (uint32_t layer = 0; layer < model->h.n_layers; layer++)
        for (uint32_t part = 0; part < WEIR_N_PARTS; part++) {
            const weir_lora_pair *pair = weir_lora_find(lora, layer, (weir_part)part);
            const weir_weight *w = weir_part_find(model, (weir_part)part, layer).weight;
            bool is_stack = weir_part_get_names((weir_part)part)->is_stack;
            if (!pair)
                continue;
            walk_require(w && pair->rank > 0 && pair->rank <= lora->rank && isfinite(pair->scale));
            for (uint32_t e = 0; e < (is_stack ? model->h.n_experts : 1); e++) {
                walk_weight(&pair->a[e], pair->rank, w->cols);
                walk_weight(&pair->b[e], w->rows, pair->rank);
            }
            n++;
        }
    walk_require(n > 0);
}

static void convert(const char *in, const char *out) {
    weir_error err = {0};
    weir_lora *again = NULL;
    weir_status status = weir_lora_convert(in_folder("base.gguf"), in, out, true, &err);
    if (status != WEIR_STATUS_OK) {
        demand_reason(status, &err);
        return;
    }
    walk_require(weir_lora_open(&again, model, out, &err) == WEIR_STATUS_OK);
    walk_lora(again);
    weir_lora_close(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3)
        return 0;
    if (!model)
        make_model();
    bool is_peft = data[0] % 2 == 1;
    if (is_peft) {
        size_t n = (size_t)data[1] | (size_t)data[2] << 8;
        n = n < size - 3 ? n : size - 3;
        write_file("in/adapter_config.json", data + 3, n);
        write_file("in/adapter_model.safetensors", data + 3 + n, size - 3 - n);
    } else {
        write_file("in.gguf", data + 1, size - 1);
    }
    weir_lora *lora = NULL;
    weir_error err = {0};
    weir_status status = weir_lora_open(&lora, model, in_folder(is_peft ? "in" : "in.gguf"), &err);
    if (status == WEIR_STATUS_OK) {
        walk_lora(lora);
        convert(in_folder(is_peft ? "in" : "in.gguf"), in_folder(is_peft ? "out.gguf" : "out"));
    } else {
        walk_require(lora == NULL);
        demand_reason(status, &err);
    }
    weir_lora_close(&lora);
    return 0;
}
