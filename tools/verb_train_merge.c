/*
 * verb_train_merge.c: `weir train merge`: an adapter melted into its base, and the check that the
 * result says what base and adapter say. The work is weir_lora_merge's and weir_train_verify's.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "interrupt.h"
#include "model_lookup.h"
#include "verbs.h"
#include "verify_text.h"
#include "weir_train.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>

typedef struct merge_values {
    const char *out, *type;
    float scale;
    bool overwrite, no_verify;
    uint32_t n_threads;
} merge_values;

#define AT(field) offsetof(merge_values, field)

static const weir_option options[] = {
    {"output", 'o', WEIR_OPTION_STRING, AT(out), "OUT",
     "OUT.gguf, or of a folder another folder; must be given"},
    {"scale", 0, WEIR_OPTION_FLOAT, AT(scale), "X", "strength of the adapter; default: 1"},
    {"type", 0, WEIR_OPTION_STRING, AT(type), "T",
     "number format of the adapted matrices: q8_0, bf16, ...;\ndefault: as the base has them"},
    {"no-verify", 0, WEIR_OPTION_FLAG, AT(no_verify), NULL,
     "do not compare the result with base and adapter"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL, "replace OUT if it exists"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
};

#undef AT

/* OUT is whole already: that it cannot be compared is worth a line and no failure. */
static void verify(const char *base, const char *adapter, const merge_values *values) {
    weir_verify_options verify = {.lora_a = adapter,
                                  .lora_a_scale = values->scale,
                                  .n_threads = values->n_threads,
                                  .progress = weir_console_progress()};
    weir_verify_report report;
    weir_error err = {0};
    char text[WEIR_VERIFY_TEXT];
    if (weir_train_verify(base, values->out, &verify, &report, &err) == WEIR_STATUS_OK)
        weir_say("against base and adapter, %s", weir_verify_text(text, &report));
    else
        weir_say("not compared with base and adapter: %s", err.text);
}

/* Is what the path leads to another file or folder than before? */
static bool is_replaced(const char *path, const struct stat *before) {
    struct stat now;
    return stat(path, &now) != 0 || now.st_dev != before->st_dev || now.st_ino != before->st_ino;
}

static weir_status merge(const weir_parsed *parsed, weir_error *err) {
    const merge_values *values = parsed->values;
    const char *adapter = parsed->operands[1];
    weir_merge_options merge_options = {.scale = values->scale,
                                        .type = values->type,
                                        .overwrite = values->overwrite,
                                        .n_threads = values->n_threads,
                                        .progress = weir_console_progress()};
    char *base = NULL;
    struct stat before = {0};
    WEIR_TRY(weir_find_model(parsed->operands[0], &base, err));
    bool is_there = stat(base, &before) == 0;
    weir_status status = weir_lora_merge(base, adapter, values->out, &merge_options, err);
    if (status == WEIR_STATUS_OK) {
        weir_say("%s is written", values->out);
        if (!values->no_verify && is_there && is_replaced(base, &before))
            weir_say("not compared: the base was replaced");
        else if (!values->no_verify)
            verify(base, adapter, values);
    }
    free(base);
    return status;
}

static int run(const weir_parsed *parsed) {
    const merge_values *values = parsed->values;
    weir_error err = {0};
    if (!values->out) {
        weir_say(
            "weir train merge: -o OUT is missing; usage: weir train merge BASE ADAPTER -o OUT");
        return WEIR_EXIT_USAGE;
    }
    if (weir_option_given(parsed, "scale") && values->scale == 0) {
        weir_say("weir train merge: --scale 0 would merge nothing; expected another number");
        return WEIR_EXIT_USAGE;
    }
    weir_interrupt_with_care(NULL);
    weir_status status = merge(parsed, &err);
    return weir_tell_output_failure("train merge", status, &err, values->out, values->overwrite);
}

const weir_verb weir_verb_train_merge = {
    .name = "train merge",
    .summary = "Melts a LoRA adapter into its model",
    .operands = "MODEL ADAPTER",
    .n_operands_min = 2,
    .n_operands_max = 2,
    .details =
        "ADAPTER is FILE.gguf or a folder in PEFT's form. A GGUF becomes a GGUF with all its\n"
        "metadata, a Hugging Face folder another folder or a GGUF; only adapted matrices change.\n"
        "Quantizing them again can eat a small adapter: the line at the end tells how far the\n"
        "result is from base and adapter, on a few built-in sentences (weir help train verify).\n"
        "\n"
        "  weir train merge weir-nano pirate.gguf -o weir-pirate.gguf\n"
        "  weir train merge lfm2-1.2b-q4_0.gguf adapter/ -o merged.gguf --type q8_0\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(merge_values),
    .run = run,
};
