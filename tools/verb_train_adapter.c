/* verb_train_adapter.c: `weir train adapter`: an adapter in the other form. The work is
 * weir_lora_convert's. */
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "interrupt.h"
#include "model_lookup.h"
#include "verbs.h"
#include "weir_train.h"

#include <stddef.h>
#include <stdlib.h>

typedef struct adapter_values {
    bool overwrite;
} adapter_values;

static const weir_option options[] = {
    {"force", 'f', WEIR_OPTION_FLAG, offsetof(adapter_values, overwrite), NULL,
     "replace OUT if it exists"},
};

static weir_status convert(const weir_parsed *parsed, bool overwrite, weir_error *err) {
    char *model = NULL;
    WEIR_TRY(weir_find_model(parsed->operands[0], &model, err));
    weir_status status =
        weir_lora_convert(model, parsed->operands[1], parsed->operands[2], overwrite, err);
    free(model);
    return status;
}

static int run(const weir_parsed *parsed) {
    const adapter_values *values = parsed->values;
    const char *out = parsed->operands[2];
    weir_error err = {0};
    weir_interrupt_with_care(NULL);
    weir_status status = convert(parsed, values->overwrite, &err);
    if (status == WEIR_STATUS_OK)
        weir_say("%s is written", out);
    return weir_tell_output_failure("train adapter", status, &err, out, values->overwrite);
}

const weir_verb weir_verb_train_adapter = {
    .name = "train adapter",
    .summary = "Turns a LoRA adapter from GGUF into PEFT's form, or back",
    .operands = "MODEL IN OUT",
    .n_operands_min = 3,
    .n_operands_max = 3,
    .details =
        "IN and OUT are each FILE.gguf or a folder in PEFT's form; MODEL is what the adapter\n"
        "is for. The numbers stay as they are, widened to f32.\n"
        "\n"
        "  weir train adapter weir-nano pirate.gguf pirate-peft/\n"
        "  weir train adapter lfm2-1.2b.gguf adapter/ adapter.gguf\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(adapter_values),
    .run = run,
};
