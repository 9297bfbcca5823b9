/*
 * example_fork.c: one prompt, several continuations.
 *
 *     example_fork MODEL ID [ID ...]
 *
 * The prompt is run once. Each continuation is a fork of it, which shares its memory until it
 * writes, and draws with a seed of its own; all of them go through the model together, one step for
 * all.
 */
#include <weir.h>

#include <stdio.h>
#include <stdlib.h>

enum { N_FORKS = 3, N_TOKENS = 8 };

static weir_status append_prompt(weir_seq *seq, int n, char **ids, weir_error *err) {
    for (int i = 0; i < n; i++) {
        int32_t token = (int32_t)strtol(ids[i], NULL, 10);
        weir_status status = weir_seq_append(seq, &token, 1, err);
        if (status != WEIR_STATUS_OK)
            return status;
    }
    return weir_seq_run(seq, err);
}

/* Draws one token for every timeline and runs all of them in one step. */
static weir_status advance(weir_engine *engine, weir_seq **forks, weir_sampler **samplers,
                           size_t n_prompt, weir_error *err) {
    weir_chunk chunks[N_FORKS] = {{NULL, 0, NULL}};
    for (int i = 0; i < N_FORKS; i++) {
        int32_t token;
        weir_status status =
            weir_sampler_draw(samplers[i], weir_seq_logits(forks[i]), weir_seq_tokens(forks[i]),
                              weir_seq_n_tokens(forks[i]), n_prompt, NULL, &token, err);
        if (status == WEIR_STATUS_OK)
            status = weir_seq_append(forks[i], &token, 1, err);
        if (status != WEIR_STATUS_OK)
            return status;
        chunks[i].seq = forks[i];
    }
    return weir_engine_step(engine, chunks, N_FORKS, err);
}

int main(int argc, char **argv) {
    weir_model *model = NULL;
    weir_engine *engine = NULL;
    weir_seq *prompt = NULL, *forks[N_FORKS] = {NULL};
    weir_sampler *samplers[N_FORKS] = {NULL};
    weir_error err = {WEIR_STATUS_OK, ""};
    weir_engine_options options = {.n_ctx = 512, .n_seqs = N_FORKS + 1};
    weir_sampling sampling;

    if (argc < 3) {
        fprintf(stderr, "usage: %s MODEL ID [ID ...]\n", argv[0]);
        return 2;
    }
    if (weir_model_open(&model, argv[1], &err) != WEIR_STATUS_OK ||
        weir_engine_open(&engine, model, &options, &err) != WEIR_STATUS_OK ||
        weir_seq_open(&prompt, engine, &err) != WEIR_STATUS_OK ||
        append_prompt(prompt, argc - 2, argv + 2, &err) != WEIR_STATUS_OK)
        goto done;
    weir_sampling_neutral(&sampling);
    sampling.temperature = 1;
    for (int i = 0; i < N_FORKS; i++) {
        sampling.seed = (uint64_t)i;
        if (weir_seq_fork(&forks[i], prompt, &err) != WEIR_STATUS_OK ||
            weir_sampler_open(&samplers[i], model, &sampling, &err) != WEIR_STATUS_OK)
            goto done;
    }
    for (int n = 0; n < N_TOKENS; n++)
        if (advance(engine, forks, samplers, (size_t)argc - 2, &err) != WEIR_STATUS_OK)
            goto done;
    for (int i = 0; i < N_FORKS; i++) {
        const int32_t *tokens = weir_seq_tokens(forks[i]);
        printf("%d:", i);
        for (size_t t = (size_t)argc - 2; t < weir_seq_n_tokens(forks[i]); t++)
            printf(" %d", tokens[t]);
        printf("\n");
    }
done:
    if (err.status != WEIR_STATUS_OK)
        fprintf(stderr, "%s\n", err.text);
    for (int i = 0; i < N_FORKS; i++) {
        weir_sampler_close(&samplers[i]);
        weir_seq_close(&forks[i]);
    }
    weir_seq_close(&prompt);
    weir_engine_close(&engine);
    weir_model_close(&model);
    return err.status == WEIR_STATUS_OK ? 0 : 1;
}
