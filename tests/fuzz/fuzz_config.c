/* fuzz_config.c: any bytes as a config.json; what is taken keeps its limits, what is not says why
 * in one line. */
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static void walk_hparams(const weir_hparams *h) {
    uint64_t n_active;
    demand(weir_hparams_check(h, "fuzz", NULL) == WEIR_STATUS_OK);
    demand(weir_hparams_n_params(h, &n_active) > 0 && n_active > 0);
    demand(h->n_layers <= WEIR_MAX_LAYERS && h->n_experts <= WEIR_MAX_EXPERTS);
    for (uint32_t i = 0; i < h->n_layers; i++)
        demand((h->kind[i] == WEIR_LAYER_CONV) == (h->n_heads_kv[i] == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_hparams h;
    weir_error err = {0};
    weir_status status = weir_hparams_from_json(&h, (const char *)data, size, "fuzz", &err);
    if (status == WEIR_STATUS_OK) {
        walk_hparams(&h);
        return 0;
    }
    demand(err.status == status);
    demand(strncmp(err.text, "fuzz: ", 6) == 0);
    demand(strchr(err.text, '\n') == NULL);
    return 0;
}
