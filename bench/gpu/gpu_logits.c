/*
 * gpu_logits.c: logits of a model on a device, and how far two sets of them are apart.
 *
 *   gpu_logits run MODEL DEVICE N OUT.f32 [ACTIVATIONS [GREEDY.txt [STEP]]]
 *       runs N tokens, made by a counter, in steps of STEP (default: all at once) and writes the
 *       logits after each, [N, n_vocab] float32 of this machine; then 32 likeliest tokens, one
 *       after the other, to GREEDY.txt. ACTIVATIONS f32: K/V too; default: the device's own
 *   gpu_logits tokens N N_VOCAB          prints those N tokens
 *   gpu_logits compare A.f32 B.f32 N_VOCAB MOST LEAST
 *       prints the errors of A against B, row by row; fails if the median of ||a - b|| / ||b|| is
 *       above MOST or fewer than LEAST (a share) of the rows have the same likeliest token
 *
 * Uses the public interface only. Owns the files it writes.
 */
#include "weir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GREEDY = 32, MOST_TOKENS = 8192 };

static int32_t token_at(uint32_t i, uint32_t n_vocab) {
    uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (int32_t)((z >> 33) % n_vocab);
}

static uint32_t likeliest(const float *logits, uint32_t n_vocab) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < n_vocab; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* ---- run ---------------------------------------------------------------------------------- */

typedef struct run {
    weir_model *model;
    weir_engine *engine;
    weir_seq *seq;
    float *logits; /* [n, n_vocab] */
    uint32_t n, n_step, n_vocab;
} run;

static weir_status open_all(run *r, const char *path, const char *device, const char *activations,
                            weir_error *err) {
    weir_model_info info;
    weir_status status = weir_model_open(&r->model, path, err);
    if (status != WEIR_STATUS_OK)
        return status;
    weir_model_get_info(r->model, &info);
    r->n_vocab = info.n_vocab;
    bool is_exact = activations && strcmp(activations, "f32") == 0;
    weir_engine_options options = {.device = device,
                                   .activations = activations,
                                   .kv_type = is_exact ? "f32" : NULL,
                                   .n_ctx = r->n + GREEDY,
                                   .n_batch = r->n_step,
                                   .n_out = r->n_step};
    status = weir_engine_open(&r->engine, r->model, &options, err);
    if (status != WEIR_STATUS_OK)
        return status;
    printf("%s\n", weir_engine_describe(r->engine));
    r->logits = malloc((size_t)r->n * r->n_vocab * sizeof *r->logits);
    if (!r->logits) {
        fprintf(stderr, "gpu_logits: no memory for the logits of %u tokens\n", r->n);
        return WEIR_STATUS_NO_MEMORY;
    }
    return weir_seq_open(&r->seq, r->engine, err);
}

static weir_status run_tokens(run *r, weir_error *err) {
    int32_t tokens[MOST_TOKENS];
    for (uint32_t i = 0; i < r->n; i++)
        tokens[i] = token_at(i, r->n_vocab);
    weir_status status = weir_seq_append(r->seq, tokens, r->n, err);
    for (uint32_t at = 0; status == WEIR_STATUS_OK && at < r->n;) {
        uint32_t n = r->n - at < r->n_step ? r->n - at : r->n_step;
        weir_chunk chunk = {
            .seq = r->seq, .n_tokens = n, .logits = r->logits + (size_t)at * r->n_vocab};
        status = weir_engine_step(r->engine, &chunk, 1, err);
        at += chunk.n_tokens;
    }
    return status;
}

static weir_status run_greedy(run *r, const char *path, weir_error *err) {
    FILE *out = fopen(path, "w");
    if (!out) {
        perror(path);
        return WEIR_STATUS_IO;
    }
    weir_status status = WEIR_STATUS_OK;
    for (int i = 0; i < GREEDY && status == WEIR_STATUS_OK; i++) {
        int32_t token = (int32_t)likeliest(weir_seq_logits(r->seq), r->n_vocab);
        fprintf(out, "%d\n", token);
        status = weir_seq_append(r->seq, &token, 1, err);
        if (status == WEIR_STATUS_OK)
            status = weir_seq_run(r->seq, err);
    }
    return fclose(out) == 0 ? status : WEIR_STATUS_IO;
}

static int write_floats(const char *path, const float *values, size_t n) {
    FILE *out = fopen(path, "wb");
    int is_good = out && fwrite(values, sizeof *values, n, out) == n;
    if (out && fclose(out) != 0)
        is_good = 0;
    if (!is_good)
        perror(path);
    return is_good ? 0 : 1;
}

static int run_model(int argc, char **argv) {
    weir_error err = {0};
    run r = {.n = (uint32_t)atoi(argv[4])};
    if (r.n == 0 || r.n > MOST_TOKENS) {
        fprintf(stderr, "gpu_logits: %s: expected 1 to %d tokens\n", argv[4], MOST_TOKENS);
        return 2;
    }
    /* The device's own choice, unless one is named. */
    const char *activations = argc > 6 && strcmp(argv[6], "default") != 0 ? argv[6] : NULL;
    r.n_step = argc > 8 ? (uint32_t)atoi(argv[8]) : r.n;
    if (r.n_step == 0 || r.n_step > r.n)
        r.n_step = r.n;
    weir_status status = open_all(&r, argv[2], argv[3], activations, &err);
    if (status == WEIR_STATUS_OK)
        status = run_tokens(&r, &err);
    if (status == WEIR_STATUS_OK && argc > 7)
        status = run_greedy(&r, argv[7], &err);
    int code = status != WEIR_STATUS_OK;
    if (code)
        fprintf(stderr, "gpu_logits: %s\n", err.text);
    else
        code = write_floats(argv[5], r.logits, (size_t)r.n * r.n_vocab);
    free(r.logits);
    weir_seq_close(&r.seq);
    weir_engine_close(&r.engine);
    weir_model_close(&r.model);
    return code;
}

/* ---- compare ------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ||a - b|| / ||b||; not a number counts as infinity. */
static double row_error(const float *a, const float *b, uint32_t n) {
    double off = 0, all = 0;
    for (uint32_t i = 0; i < n; i++) {
        off += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        all += (double)b[i] * b[i];
    }
    double e = sqrt(off / all);
    return isnan(e) ? HUGE_VAL : e;
}

typedef struct comparison {
    double errors[MOST_TOKENS];
    size_t n, n_same;
} comparison;

static void compare_rows(comparison *c, FILE *a, FILE *b, float *rows, uint32_t n_vocab) {
    while (c->n < MOST_TOKENS && fread(rows, sizeof *rows, n_vocab, a) == n_vocab &&
           fread(rows + n_vocab, sizeof *rows, n_vocab, b) == n_vocab) {
        c->errors[c->n++] = row_error(rows, rows + n_vocab, n_vocab);
        c->n_same += likeliest(rows, n_vocab) == likeliest(rows + n_vocab, n_vocab);
    }
}

static int compare(char **argv) {
    static comparison c;
    uint32_t n_vocab = (uint32_t)atoi(argv[4]);
    double most = atof(argv[5]), least = atof(argv[6]);
    FILE *a = fopen(argv[2], "rb"), *b = fopen(argv[3], "rb");
    float *rows = malloc((size_t)2 * n_vocab * sizeof *rows);
    if (a && b && rows && n_vocab > 0)
        compare_rows(&c, a, b, rows, n_vocab);
    free(rows);
    if (a)
        fclose(a);
    if (b)
        fclose(b);
    if (c.n == 0) {
        fprintf(stderr, "gpu_logits: %s, %s: expected rows of %u float32\n", argv[2], argv[3],
                n_vocab);
        return 1;
    }
    qsort(c.errors, c.n, sizeof *c.errors, by_size);
    double same = (double)c.n_same / (double)c.n;
    int is_good = c.errors[c.n / 2] <= most && same >= least;
    printf("%s rows %zu, relative error: median %.2e, worst %.2e (bar %.0e); same likeliest token "
           "%.1f %% (bar %.0f %%)\n",
           is_good ? "ok  " : "FAIL", c.n, c.errors[c.n / 2], c.errors[c.n - 1], most, same * 100,
           least * 100);
    return !is_good;
}

int main(int argc, char **argv) {
    if (argc >= 6 && argc <= 9 && strcmp(argv[1], "run") == 0)
        return run_model(argc, argv);
    if (argc == 7 && strcmp(argv[1], "compare") == 0)
        return compare(argv);
    if (argc == 4 && strcmp(argv[1], "tokens") == 0) {
        for (int i = 0; i < atoi(argv[2]); i++)
            printf("%d\n", token_at((uint32_t)i, (uint32_t)atoi(argv[3])));
        return 0;
    }
    fputs("usage: gpu_logits run MODEL DEVICE N OUT.f32 [ACTIVATIONS [GREEDY.txt [STEP]]]\n"
          "       gpu_logits tokens N N_VOCAB\n"
          "       gpu_logits compare A.f32 B.f32 N_VOCAB MOST LEAST\n",
          stderr);
    return 2;
}
