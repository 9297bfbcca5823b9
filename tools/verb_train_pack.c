/*
 * verb_train_pack.c: `weir train pack`: text, conversations or generated samples to a packed file.
 *
 * Owns the command line and what is shown of the outcome: counts, and the first sample with its
 * mask, because a wrong mask shows at a glance and in nothing else until the training is over. The
 * work is weir_train_pack's.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "interrupt.h"
#include "json_text.h"
#include "mask_print.h"
#include "model_lookup.h"
#include "terminal.h"
#include "text_buffer.h"
#include "verbs.h"
#include "weir_train.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct pack_values {
    const char *out, *tokenizer, *split, *manifest, *color;
    uint64_t n, first, seed;
    uint32_t max_tokens, n_threads;
    bool assistant_only, held_out, overwrite, as_json;
} pack_values;

#define AT(field) offsetof(pack_values, field)

static const weir_option options[] = {
    {"output", 'o', WEIR_OPTION_STRING, AT(out), "OUT", "the packed file; must be given"},
    {"tokenizer", 0, WEIR_OPTION_STRING, AT(tokenizer), "MODEL",
     "whose tokens, and whose chat template: a model, a folder or a\ntokenizer.json; must be "
     "given"},
    {"assistant-only", 0, WEIR_OPTION_FLAG, AT(assistant_only), NULL,
     "of conversations only what the assistant writes is learnt;\ndefault: everything"},
    {"split", 0, WEIR_OPTION_STRING, AT(split), "NAME", "only rows whose \"split\" is NAME"},
    {"manifest", 0, WEIR_OPTION_STRING, AT(manifest), "FILE.json",
     "with --split of a .txt: a JSON list of one object a document,\nin their order, whose "
     "\"split\" counts"},
    {"max-tokens", 0, WEIR_OPTION_U32, AT(max_tokens), "N",
     "of one conversation; longer ones are cut; default 2048"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL, "replace OUT if it exists"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL, "the counts as JSON, and no sample"},
    {"color", 0, WEIR_OPTION_CHOICE, AT(color), "auto|always|never",
     "colour what is learnt of the sample shown; default auto"},
    {"generated samples (gen:KIND)", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"n", 'n', WEIR_OPTION_U64, AT(n), "N", "how many; must be given"},
    {"first", 0, WEIR_OPTION_U64, AT(first), "N", "number of the first; default 0"},
    {"seed", 0, WEIR_OPTION_U64, AT(seed), "N", "another seed, other samples; default 0"},
    {"held-out", 0, WEIR_OPTION_FLAG, AT(held_out), NULL,
     "with names, things and values that occur in no other sample"},
};

#undef AT

enum { SHOWN_TOKENS = 700 };

/* ---- the first sample ------------------------------------------------------------------------ */

typedef struct sample {
    int32_t *ids;    /* [cap], n of them */
    bool *is_target; /* [cap] */
    size_t n, cap;
    weir_text_buffer text;
    weir_text_buffer mask; /* a byte for each of text */
} sample;

static weir_status read_sample(sample *s, const char *path, weir_error *err) {
    s->cap = SHOWN_TOKENS;
    s->ids = calloc(s->cap, sizeof *s->ids);
    s->is_target = calloc(s->cap, sizeof *s->is_target);
    if (!s->ids || !s->is_target)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a sample");
    return weir_pack_sample(path, 0, s->ids, s->is_target, s->cap, &s->n, err);
}

static weir_status spell(sample *s, const weir_tokenizer *tokenizer, weir_error *err) {
    for (size_t i = 0; i < s->n && i < s->cap; i++) {
        const char *bytes;
        size_t n;
        weir_tokenizer_token(tokenizer, s->ids[i], &bytes, &n);
        weir_text_buffer_add(&s->text, bytes, n);
        char *mask = weir_text_buffer_room(&s->mask, n);
        if (!mask)
            break;
        memset(mask, s->is_target[i], n);
        s->mask.n += n;
    }
    WEIR_TRY(weir_text_buffer_check(&s->mask, "a sample", err));
    return weir_text_buffer_check(&s->text, "a sample", err);
}

static weir_status show_text(const sample *s, const pack_values *values, weir_error *err) {
    bool *is_target_byte = malloc((s->text.n + 1) * sizeof *is_target_byte);
    if (!is_target_byte)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a sample");
    for (size_t i = 0; i < s->text.n; i++)
        is_target_byte[i] = s->mask.data[i];
    weir_color color = !values->color                         ? WEIR_COLOR_AUTO
                       : strcmp(values->color, "always") == 0 ? WEIR_COLOR_ALWAYS
                       : strcmp(values->color, "never") == 0  ? WEIR_COLOR_NEVER
                                                              : WEIR_COLOR_AUTO;
    bool has_color = weir_terminal_has_color(stdout, color);
    printf("sample 1, %zu tokens%s; what is learnt of it is %s:\n\n", s->n,
           s->n > s->cap ? ", its beginning" : "", has_color ? "green" : "in [[ ]]");
    weir_mask_print(stdout, s->text.data, is_target_byte, s->text.n, has_color);
    free(is_target_byte);
    return WEIR_STATUS_OK;
}

static weir_status show_sample(const char *out, const char *tokenizer_path,
                               const pack_values *values, weir_error *err) {
    sample s = {0};
    weir_tokenizer *tokenizer = NULL;
    weir_status status = weir_tokenizer_open(&tokenizer, tokenizer_path, NULL, err);
    if (status == WEIR_STATUS_OK)
        status = read_sample(&s, out, err);
    if (status == WEIR_STATUS_OK)
        status = spell(&s, tokenizer, err);
    if (status == WEIR_STATUS_OK)
        status = show_text(&s, values, err);
    weir_tokenizer_close(&tokenizer);
    weir_text_buffer_free(&s.text);
    weir_text_buffer_free(&s.mask);
    free(s.ids);
    free(s.is_target);
    return status;
}

/* ---- the command line ------------------------------------------------------------------------ */

static weir_status tell(const pack_values *values, const weir_pack_report *report,
                        const char *tokenizer, weir_error *err) {
    if (values->as_json)
        return weir_json_print(
            json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "out",
                      weir_json_text(values->out, strlen(values->out)), "samples",
                      (json_int_t)report->n_samples, "tokens", (json_int_t)report->n_tokens,
                      "targets", (json_int_t)report->n_targets, "bytes",
                      (json_int_t)report->n_bytes, "cut", (json_int_t)report->n_cut, "left_out",
                      (json_int_t)report->n_left_out),
            err);
    weir_say("%s is written", values->out);
    printf("%llu samples, %llu tokens of %llu bytes, %llu of them targets (%.1f %%)",
           (unsigned long long)report->n_samples, (unsigned long long)report->n_tokens,
           (unsigned long long)report->n_bytes, (unsigned long long)report->n_targets,
           100.0 * (double)report->n_targets / (double)report->n_tokens);
    if (report->n_cut > 0)
        printf("; %llu conversations were too long and are cut", (unsigned long long)report->n_cut);
    if (report->n_left_out > 0)
        printf("; %llu are left out: what they teach lies behind the cut",
               (unsigned long long)report->n_left_out);
    putchar('\n');
    return show_sample(values->out, tokenizer, values, err);
}

static bool is_generated(const char *in) {
    return strncmp(in, "gen:", 4) == 0;
}

static weir_status pack(const weir_parsed *parsed, weir_error *err) {
    const pack_values *values = parsed->values;
    const char *in = parsed->operands[0];
    weir_pack_options pack_options = {
        .path = is_generated(in) ? NULL : in,
        .gen_kind = is_generated(in) ? in + 4 : NULL,
        .gen_seed = values->seed,
        .gen_first = values->first,
        .gen_n = values->n,
        .gen_held_out = values->held_out,
        .split = values->split,
        .manifest = values->manifest,
        .assistant_only = values->assistant_only,
        .max_tokens = values->max_tokens,
        .overwrite = values->overwrite,
        .n_threads = values->n_threads,
        .progress = weir_console_progress(),
    };
    weir_pack_report report;
    char *tokenizer = NULL;
    WEIR_TRY(weir_find_model(values->tokenizer, &tokenizer, err));
    pack_options.tokenizer = tokenizer;
    weir_status status = weir_train_pack(values->out, &pack_options, &report, err);
    if (status == WEIR_STATUS_OK)
        status = tell(values, &report, tokenizer, err);
    free(tokenizer);
    return status;
}

static int run(const weir_parsed *parsed) {
    const pack_values *values = parsed->values;
    weir_error err = {0};
    if (!values->out || !values->tokenizer) {
        weir_say("weir train pack: %s is missing; usage: weir train pack DATA -o OUT --tokenizer "
                 "MODEL",
                 values->out ? "--tokenizer" : "-o OUT");
        return WEIR_EXIT_USAGE;
    }
    if (is_generated(parsed->operands[0]) && values->n == 0) {
        weir_say("weir train pack: %s: expected the number of samples, -n N", parsed->operands[0]);
        return WEIR_EXIT_USAGE;
    }
    if (weir_option_given_zero(parsed, "max-tokens")) {
        weir_say("weir train pack: --max-tokens 0: expected 2 or more");
        return WEIR_EXIT_USAGE;
    }
    weir_interrupt_with_care(NULL);
    weir_status status = pack(parsed, &err);
    return weir_tell_output_failure("train pack", status, &err, values->out, values->overwrite);
}

const weir_verb weir_verb_train_pack = {
    .name = "train pack",
    .summary = "Turns text or conversations into a file of tokens to train on",
    .operands = "DATA",
    .n_operands_min = 1,
    .n_operands_max = 1,
    .details =
        "DATA is text (.txt, documents divided by lines <|endoftext|>), rows (.jsonl), either as "
        ".zst,\n"
        "or gen:KIND for generated samples (story, instruction, tool, identity, recall, catalog).\n"
        "The first sample is shown with what is learnt of it marked.\n"
        "\n"
        "  weir train pack chats.jsonl -o chats.shard --tokenizer tok/ --assistant-only\n"
        "  weir train pack gen:tool -n 100000 -o tools.shard --tokenizer tok/ --assistant-only\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(pack_values),
    .run = run,
};
