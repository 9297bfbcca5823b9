/* verb_train_verify.c: `weir train verify`: how far two models are apart. The work is
 * weir_train_verify's. */
#include "adapters.h"
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "interrupt.h"
#include "json_text.h"
#include "model_lookup.h"
#include "verbs.h"
#include "verify_text.h"
#include "weir_train.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct verify_values {
    const char *lora_a, *lora_b, *data;
    uint32_t max_tokens, n_threads;
    bool as_json;
} verify_values;

#define AT(field) offsetof(verify_values, field)

static const weir_option options[] = {
    {"lora-a", 0, WEIR_OPTION_STRING, AT(lora_a), "ADAPTER", "FILE[:SCALE]: a LoRA adapter of A"},
    {"lora-b", 0, WEIR_OPTION_STRING, AT(lora_b), "ADAPTER", "the same of B"},
    {"data", 0, WEIR_OPTION_STRING, AT(data), "FILE",
     "text or conversations (.txt, .jsonl) to read; default: a few\nbuilt-in sentences"},
    {"max-tokens", 0, WEIR_OPTION_U32, AT(max_tokens), "N", "stop there; default: 2048"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL, "the result as JSON"},
};

#undef AT

static weir_status tell(const char *a, const char *b, const weir_verify_report *r, bool as_json,
                        weir_error *err) {
    char text[WEIR_VERIFY_TEXT];
    if (!as_json) {
        printf("%s\n", weir_verify_text(text, r));
        return WEIR_STATUS_OK;
    }
    return weir_json_print(
        json_pack("{s:o, s:o, s:I, s:f, s:f, s:f, s:f}", "a", weir_json_text(a, strlen(a)), "b",
                  weir_json_text(b, strlen(b)), "tokens", (json_int_t)r->n_tokens, "mean_kl",
                  r->mean_kl, "max_kl", r->max_kl, "max_difference", r->max_difference, "same_top",
                  r->same_top),
        err);
}

/* A scale of 0 is the model without the adapter. */
static weir_status read_adapter(weir_adapter_spec *spec, const char *text, const char **lora,
                                float *scale, weir_error *err) {
    if (!text)
        return WEIR_STATUS_OK;
    WEIR_TRY(weir_adapter_spec_read(spec, text, err));
    *lora = spec->scale != 0 ? spec->path : NULL;
    *scale = spec->scale;
    return WEIR_STATUS_OK;
}

static weir_status verify(const weir_parsed *parsed, weir_error *err) {
    const verify_values *values = parsed->values;
    weir_verify_options verify_options = {.text = values->data,
                                          .max_tokens = values->max_tokens,
                                          .n_threads = values->n_threads,
                                          .progress = weir_console_progress()};
    weir_verify_report report;
    weir_adapter_spec spec_a = {0}, spec_b = {0};
    char *a = NULL, *b = NULL;
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY_GOTO(read_adapter(&spec_a, values->lora_a, &verify_options.lora_a,
                               &verify_options.lora_a_scale, err));
    WEIR_TRY_GOTO(read_adapter(&spec_b, values->lora_b, &verify_options.lora_b,
                               &verify_options.lora_b_scale, err));
    WEIR_TRY_GOTO(weir_find_model(parsed->operands[0], &a, err));
    WEIR_TRY_GOTO(weir_find_model(parsed->operands[1], &b, err));
    WEIR_TRY_GOTO(weir_train_verify(a, b, &verify_options, &report, err));
    WEIR_TRY_GOTO(tell(a, b, &report, values->as_json, err));
fail:
    weir_adapter_spec_free(&spec_a);
    weir_adapter_spec_free(&spec_b);
    free(a);
    free(b);
    return status;
}

static int run(const weir_parsed *parsed) {
    weir_error err = {0};
    if (weir_option_given_zero(parsed, "max-tokens")) {
        weir_say("weir train verify: --max-tokens 0: expected 1 or more");
        return WEIR_EXIT_USAGE;
    }
    weir_interrupt_with_care(NULL);
    weir_status status = verify(parsed, &err);
    return status == WEIR_STATUS_OK ? WEIR_EXIT_DONE
                                    : weir_tell_failure("train verify", status, &err);
}

const weir_verb weir_verb_train_verify = {
    .name = "train verify",
    .summary = "Tells how far two models are apart",
    .operands = "MODEL MODEL",
    .n_operands_min = 2,
    .n_operands_max = 2,
    .details =
        "Both read the same tokens; compared is what they expect next. KL is KL(A || B) in nats a\n"
        "token. The two must have one vocabulary.\n"
        "\n"
        "  weir train verify weir-nano weir-pirate.gguf --lora-a pirate.gguf\n"
        "  weir train verify lfm2-bf16.gguf lfm2-q4_0.gguf --data stories.txt\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(verify_values),
    .run = run,
};
