/*
 * example_generate.c: the shortest way from token ids to token ids.
 *
 *     example_generate MODEL ID [ID ...]
 *
 * Opens a model and an engine with all defaults, runs the ids as a prompt, and prints up to 16 ids
 * as they come, always taking the likeliest.
 */
#include <weir.h>

#include <stdio.h>
#include <stdlib.h>

static bool print_token(void *context, int32_t token) {
    (void)context;
    printf("%d ", token);
    return fflush(stdout) == 0; /* false would end the generation */
}

int main(int argc, char **argv) {
    weir_model *model = NULL;
    weir_engine *engine = NULL;
    weir_seq *seq = NULL;
    weir_sampler *sampler = NULL;
    weir_error err = {WEIR_STATUS_OK, ""};
    weir_generate_options options = {.max_tokens = 16, .on_token = print_token};
    weir_generate_result result;

    if (argc < 3) {
        fprintf(stderr, "usage: %s MODEL ID [ID ...]\n", argv[0]);
        return 2;
    }
    if (weir_model_open(&model, argv[1], &err) != WEIR_STATUS_OK ||
        weir_engine_open(&engine, model, NULL, &err) != WEIR_STATUS_OK ||
        weir_seq_open(&seq, engine, &err) != WEIR_STATUS_OK ||
        weir_sampler_open(&sampler, model, NULL, &err) != WEIR_STATUS_OK)
        goto done;
    for (int i = 2; i < argc; i++) {
        int32_t token = (int32_t)strtol(argv[i], NULL, 10);
        if (weir_seq_append(seq, &token, 1, &err) != WEIR_STATUS_OK)
            goto done;
    }
    if (weir_generate(seq, sampler, &options, &result, &err) == WEIR_STATUS_OK)
        printf("\n%u ids after a prompt of %u\n", result.n_generated, result.n_prompt);
done:
    if (err.status != WEIR_STATUS_OK)
        fprintf(stderr, "%s\n", err.text);
    /* NULL is fine, and the order does not matter: each handle keeps what it was made from. */
    weir_sampler_close(&sampler);
    weir_seq_close(&seq);
    weir_engine_close(&engine);
    weir_model_close(&model);
    return err.status == WEIR_STATUS_OK ? 0 : 1;
}
