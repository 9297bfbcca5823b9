/* verb_train_lora.c: `weir train lora`: fine-tunes an adapter. The work is weir_lora_train's. */
#include "base/compiler.h"
#include "console.h"
#include "interrupt.h"
#include "mask_print.h"
#include "model_lookup.h"
#include "terminal.h"
#include "train_progress.h"
#include "verbs.h"
#include "weir_train.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct lora_values {
    weir_lora_options lora;
    const char *out, *color;
    weir_string_list patterns;
    float max_seconds;
    bool shows_sample;
} lora_values;

#define AT(field) offsetof(lora_values, field)

static const weir_option options[] = {
    {"output", 'o', WEIR_OPTION_STRING, AT(out), "OUT",
     "OUT.gguf, or a folder in PEFT's form; must be given"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(lora.overwrite), NULL, "replace OUT if it exists"},
    {"show-sample", 0, WEIR_OPTION_FLAG, AT(shows_sample), NULL,
     "print the first sample with what is learnt of it marked"},
    {"color", 0, WEIR_OPTION_CHOICE, AT(color), "auto|always|never",
     "colour what is learnt of the sample; default: auto"},

    {"the adapter", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"rank", 0, WEIR_OPTION_U32, AT(lora.rank), "N", "1 to 1024; default: 8"},
    {"alpha", 0, WEIR_OPTION_FLOAT, AT(lora.alpha), "X", "default: 16"},
    {"rslora", 0, WEIR_OPTION_FLAG, AT(lora.rank_stabilized), NULL,
     "scale by alpha / sqrt(rank) instead of alpha / rank"},
    {"dropout", 0, WEIR_OPTION_FLOAT, AT(lora.dropout), "P", "of what enters it; default: 0"},
    {"experts", 0, WEIR_OPTION_FLAG, AT(lora.with_experts), NULL, "adapt the experts too"},
    {"target", 0, WEIR_OPTION_STRINGS, AT(patterns), "PATTERN",
     "adapt these matrices instead: attn_q, conv.in_proj, blk.3.*,\n*.feed_forward.w? "
     "(docs/lora.md);"
     " several count together"},

    {"the training", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"epochs", 0, WEIR_OPTION_U32, AT(lora.n_epochs), "N", "times through the data; default: 3"},
    {"steps", 0, WEIR_OPTION_U64, AT(lora.max_steps), "N", "at most so many"},
    {"time", 0, WEIR_OPTION_FLOAT, AT(max_seconds), "SECONDS",
     "end by then; the learning rate falls in time"},
    {"learning-rate", 0, WEIR_OPTION_FLOAT, AT(lora.learning_rate), "X",
     "peak; default: 2e-4, more for models narrower than 2048\n(docs/lora.md)"},
    {"batch-tokens", 0, WEIR_OPTION_U32, AT(lora.batch_tokens), "N",
     "of one step; default: 2048, less where there is little data"},
    {"max-tokens", 0, WEIR_OPTION_U32, AT(lora.max_tokens), "N",
     "of one sample; longer ones are cut; default: 1024"},
    {"all-targets", 0, WEIR_OPTION_FLAG, AT(lora.all_targets), NULL,
     "learn everything, not only what the assistant says"},
    {"seed", 's', WEIR_OPTION_U64, AT(lora.seed), "N", "default: 0"},
    {"recompute", 0, WEIR_OPTION_FLAG, AT(lora.recompute), NULL,
     "keep less in memory and run each layer twice"},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(lora.isa), "portable|avx2|avx512|avx512bf16|amx|neon",
     "no kernels above this; default: the best"},
    {"threads", 't', WEIR_OPTION_U32, AT(lora.n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
};

#undef AT

typedef struct telling {
    weir_train_progress progress; /* first: the callbacks for steps and notes take it */
    bool has_head, has_color;
} telling;

static void tell_part(void *context, const weir_adapted_part *part) {
    telling *t = context;
    char count[WEIR_AMOUNT_TEXT];
    if (!t->has_head)
        weir_say("%-14s %8s %14s %12s", "adapted", "matrices", "each", "trained");
    t->has_head = true;
    weir_say("%-14s %8u %7u x %-5u %11s", part->part, part->n_matrices, part->rows, part->cols,
             weir_count_text(count, part->n_params));
}

static void tell_sample(void *context, const char *text, const bool *is_target_byte, size_t n) {
    const telling *t = context;
    weir_mask_print(stderr, text, is_target_byte, n, t->has_color);
}

static weir_color color_of(const char *word) {
    return word && strcmp(word, "always") == 0  ? WEIR_COLOR_ALWAYS
           : word && strcmp(word, "never") == 0 ? WEIR_COLOR_NEVER
                                                : WEIR_COLOR_AUTO;
}

/* Inside, 0 stands for the default; who writes it means something else. */
static bool refuses_zero(const weir_parsed *parsed) {
    static const struct {
        const char *name, *expected;
    } numbers[] = {
        {"rank", "1 to 1024"},         {"alpha", "another number"},
        {"epochs", "1 or more"},       {"steps", "1 or more"},
        {"time", "a positive number"}, {"learning-rate", "a positive number"},
        {"batch-tokens", "1 or more"}, {"max-tokens", "2 or more"},
    };
    for (size_t i = 0; i < WEIR_COUNT(numbers); i++)
        if (weir_option_given_zero(parsed, numbers[i].name)) {
            weir_say("weir train lora: --%s 0: expected %s", numbers[i].name, numbers[i].expected);
            return true;
        }
    return false;
}

static int run(const weir_parsed *parsed) {
    const lora_values *values = parsed->values;
    weir_error err = {0};
    telling t = {.has_color = weir_terminal_has_color(stderr, color_of(values->color))};
    weir_lora_options lora = values->lora;
    char *model = NULL;
    if (!values->out || values->max_seconds < 0) {
        weir_say("weir train lora: %s; usage: weir train lora DATA MODEL -o OUT",
                 values->out ? "--time: expected a positive number" : "-o OUT is missing");
        return WEIR_EXIT_USAGE;
    }
    if (refuses_zero(parsed))
        return WEIR_EXIT_USAGE;
    lora.patterns = values->patterns.item;
    lora.n_patterns = values->patterns.n;
    lora.max_seconds = (double)values->max_seconds;
    lora.on_part = tell_part;
    lora.on_sample = values->shows_sample ? tell_sample : NULL;
    lora.on_step = weir_train_progress_step;
    lora.on_note = weir_train_progress_note;
    lora.wants_stop = weir_train_progress_stop;
    lora.context = &t;
    weir_interrupt_with_care(NULL);
    weir_train_progress_open(&t.progress);
    weir_status status = weir_find_model(parsed->operands[1], &model, &err);
    if (status == WEIR_STATUS_OK)
        status = weir_lora_train(parsed->operands[0], model, values->out, &lora, &err);
    weir_train_progress_close(&t.progress);
    free(model);
    if (status == WEIR_STATUS_OK)
        weir_say("%s is written: weir run %s --lora %s", values->out, parsed->operands[1],
                 values->out);
    return weir_tell_output_failure("train lora", status, &err, values->out, lora.overwrite);
}

const weir_verb weir_verb_train_lora = {
    .name = "train lora",
    .summary = "Fine-tunes a small adapter on conversations",
    .operands = "DATA MODEL",
    .n_operands_min = 2,
    .n_operands_max = 2,
    .details =
        "DATA is conversations as .jsonl, or a text (documents divided by lines <|endoftext|>);\n"
        "MODEL any file the program runs, quantized ones too: it stays as it is. By default the\n"
        "matrices of attention, convolution and dense feed-forward are adapted, and the loss "
        "counts\n"
        "what the assistant says. Interrupted, it writes the adapter as far as it came,\n"
        "before the first step nothing.\n"
        "\n"
        "  weir train lora examples/pirate.jsonl weir-nano -o pirate.gguf\n"
        "  weir run weir-nano --lora pirate.gguf \"Tell me a story about a mouse.\"\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(lora_values),
    .run = run,
};
