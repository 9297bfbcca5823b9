/*
 * example_plan.c: what memory would it take?
 *
 *     example_plan MODEL BYTES
 *
 * Finds the longest context, up to the model's own, whose engine fits into BYTES. Nothing is taken
 * while asking.
 */
#include <weir.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    weir_model *model = NULL;
    weir_error err = {WEIR_STATUS_OK, ""};
    weir_model_info info;
    weir_plan plan;

    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL BYTES\n", argv[0]);
        return 2;
    }
    uint64_t limit = strtoull(argv[2], NULL, 10);
    if (weir_model_open(&model, argv[1], &err) != WEIR_STATUS_OK)
        goto done;
    weir_model_get_info(model, &info);
    bool fits = false;
    for (uint32_t n_ctx = info.n_ctx; n_ctx >= 64 && !fits; n_ctx /= 2) {
        weir_engine_options options = {.n_ctx = n_ctx};
        if (weir_plan_make(&plan, model, &options, &err) != WEIR_STATUS_OK)
            goto done;
        fits = plan.total_bytes <= limit;
    }
    if (!fits) {
        printf("%s does not fit into %" PRIu64 " bytes\n", info.name, limit);
        goto done;
    }
    printf("context %" PRIu32 ": %" PRIu64 " bytes\n", plan.n_ctx, plan.total_bytes);
    for (size_t i = 0; i < plan.n_items; i++)
        printf("%12" PRIu64 " %s\n", plan.item[i].bytes, plan.item[i].what);
done:
    if (err.status != WEIR_STATUS_OK)
        fprintf(stderr, "%s\n", err.text);
    weir_model_close(&model);
    return err.status == WEIR_STATUS_OK ? 0 : 1;
}
