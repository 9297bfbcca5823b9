/*
 * synth_config.c: the known shapes of the family, as data. Nothing that runs a model reads them: a
 * model's shape comes from its file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "convert/synth_parts.h"

enum { MOST_ATTENTION = 16, MAX_CONFIG_BYTES = 1024 * 1024 };

typedef struct shape {
    const char *name;
    uint32_t n_layers;
    uint32_t n_attn;
    uint8_t attn[MOST_ATTENTION]; /* [n_attn] layers with attention; the others are convolutions */
    uint32_t d_model, n_heads, n_heads_kv, d_ff;
    uint32_t n_layers_dense, n_experts, n_experts_used, d_ff_expert; /* 0 without experts */
    uint32_t n_vocab, n_ctx;
    float rope_theta;
} shape;

enum { FAMILY_HEAD_DIM = 64, FAMILY_TAPS = 3, SMALL_VOCAB = 65536, LARGE_VOCAB = 128000 };

/* layers, attention layers */
#define SIXTEEN             \
    16, 6, {                \
        2, 5, 8, 10, 12, 14 \
    }
#define THIRTY                      \
    30, 8, {                        \
        2, 5, 9, 13, 17, 21, 24, 27 \
    }
#define MOE_8B               \
    24, 6, {                 \
        2, 6, 10, 14, 18, 21 \
    }
#define MOE_24B                              \
    40, 10, {                                \
        2, 6, 10, 14, 18, 22, 26, 30, 34, 38 \
    }

/* clang-format off */
static const shape shapes[] = {
    /* name            layers        width heads kv   ff   dense experts used width  vocab       context theta */
    {"lfm2-350m",      SIXTEEN,      1024, 16, 8,  4608,   0,  0, 0,    0, SMALL_VOCAB, 128000, 1e6f},
    {"lfm2-700m",      SIXTEEN,      1536, 24, 8,  6912,   0,  0, 0,    0, SMALL_VOCAB, 128000, 1e6f},
    {"lfm2-1.2b",      SIXTEEN,      2048, 32, 8,  8192,   0,  0, 0,    0, SMALL_VOCAB, 128000, 1e6f},
    {"lfm2-2.6b",      THIRTY,       2048, 32, 8, 10752,   0,  0, 0,    0, SMALL_VOCAB, 128000, 1e6f},
    {"lfm2-8b-a1b",    MOE_8B,       2048, 32, 8,  7168,   2, 32, 4, 1792, SMALL_VOCAB, 128000, 1e6f},
    {"lfm2-24b-a2b",   MOE_24B,      2048, 32, 8, 11776,   2, 64, 4, 1536, SMALL_VOCAB, 128000, 1e6f},
    {"lfm2.5-350m",    SIXTEEN,      1024, 16, 8,  4608,   0,  0, 0,    0, SMALL_VOCAB, 128000, 1e6f},
    {"lfm2.5-1.2b",    SIXTEEN,      2048, 32, 8,  8192,   0,  0, 0,    0, SMALL_VOCAB, 128000, 1e6f},
    {"lfm2.5-8b-a1b",  MOE_8B,       2048, 32, 8,  7168,   2, 32, 4, 1792, LARGE_VOCAB, 128000, 5e6f},
    /* its config is not published: the 24B shape with the larger vocabulary gives its size */
    {"lfm2.5-24b-a2b", MOE_24B,      2048, 32, 8, 11776,   2, 64, 4, 1536, LARGE_VOCAB, 128000, 5e6f},
    {"weir-nano",      8, 2, {2, 5},  256,  4, 2,   768,   2,  8, 2,  256, 4096,          2048, 1e6f},
    /* for tests: every row a multiple of 256, so that every format fits */
    {"tiny-dense",     4, 1, {2},     256,  4, 2,   512,   0,  0, 0,    0, 512,           2048, 1e6f},
    {"tiny-moe",       5, 2, {1, 3},  256,  4, 2,   512,   1,  4, 2,  256, 512,           2048, 1e6f},
};
/* clang-format on */

static const char *const config_names[] = {
    "lfm2-350m",   "lfm2-700m",   "lfm2-1.2b",     "lfm2-2.6b",      "lfm2-8b-a1b", "lfm2-24b-a2b",
    "lfm2.5-350m", "lfm2.5-1.2b", "lfm2.5-8b-a1b", "lfm2.5-24b-a2b", "weir-nano",   "tiny-dense",
    "tiny-moe",    NULL,
};
_Static_assert(WEIR_COUNT(config_names) == WEIR_COUNT(shapes) + 1, "every shape has its name");

const char *const *weir_synth_configs(void) {
    return config_names;
}

static void from_shape(weir_hparams *h, const shape *s) {
    *h = (weir_hparams){
        .n_layers = s->n_layers,
        .d_model = s->d_model,
        .n_vocab = s->n_vocab,
        .n_heads = s->n_heads,
        .head_dim = FAMILY_HEAD_DIM,
        .d_ff = s->d_ff,
        .n_experts = s->n_experts,
        .n_experts_used = s->n_experts_used,
        .d_ff_expert = s->d_ff_expert,
        .n_layers_dense = s->n_experts > 0 ? s->n_layers_dense : s->n_layers,
        .l_cache = FAMILY_TAPS,
        .n_ctx = s->n_ctx,
        .norm_eps = 1e-5f,
        .rope_theta = s->rope_theta,
        .expert_scale = 1,
        .has_topk_norm = true,
        .has_expert_bias = s->n_experts > 0,
        .is_tied = true,
        .bos = 1,
        .eos = 7,
        .pad = 0,
    };
    for (uint32_t i = 0; i < s->n_attn; i++) {
        h->kind[s->attn[i]] = WEIR_LAYER_ATTN;
        h->n_heads_kv[s->attn[i]] = s->n_heads_kv;
    }
}

/* "some/folder/my-model.json" -> "my-model" */
static void name_from_path(char name[WEIR_SYNTH_NAME], const char *path) {
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    size_t n = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);
    snprintf(name, WEIR_SYNTH_NAME, "%.*s", (int)(n < WEIR_SYNTH_NAME ? n : WEIR_SYNTH_NAME), base);
}

weir_status weir_synth_find_config(weir_hparams *out, char name[WEIR_SYNTH_NAME],
                                   const char *config, weir_error *err) {
    for (size_t i = 0; i < WEIR_COUNT(shapes); i++)
        if (strcmp(shapes[i].name, config) == 0) {
            from_shape(out, &shapes[i]);
            snprintf(name, WEIR_SYNTH_NAME, "%s", config);
            return weir_hparams_check(out, config, err);
        }
    if (!weir_path_exists(config)) {
        char list[WEIR_ERROR_TEXT / 2];
        size_t n = 0;
        for (size_t i = 0; config_names[i] != NULL && n < sizeof list; i++)
            n += (size_t)snprintf(list + n, sizeof list - n, " %s", config_names[i]);
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "'%.80s' is no file and no known configuration; known are:%s", config,
                         list);
    }
    char *text;
    size_t n;
    WEIR_TRY(weir_file_read(config, MAX_CONFIG_BYTES, &text, &n, err));
    weir_status status = weir_hparams_from_json(out, text, n, config, err);
    free(text);
    name_from_path(name, config);
    return status;
}
