/* verb_train_vocab.c: `weir train vocab`: a tokenizer out of texts. The work is weir_train_vocab's.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "interrupt.h"
#include "json_text.h"
#include "verbs.h"
#include "weir_train.h"

#include <stddef.h>
#include <string.h>

typedef struct vocab_values {
    const char *out, *chat_template;
    uint32_t n_tokens, n_joins, n_threads;
    uint64_t max_bytes;
    bool merge_digits, overwrite, as_json;
} vocab_values;

static const weir_option options[] = {
    {"output", 'o', WEIR_OPTION_STRING, offsetof(vocab_values, out), "DIR",
     "folder that gets tokenizer.json, tokenizer_config.json,\ngeneration_config.json and "
     "chat_template.jinja; must be given"},
    {"tokens", 'n', WEIR_OPTION_U32, offsetof(vocab_values, n_tokens), "N",
     "size of the vocabulary, special tokens and bytes included;\ndefault: 4096"},
    {"joins", 0, WEIR_OPTION_U32, offsetof(vocab_values, n_joins), "N",
     "the last N merges join words with the blank in front of them,\nno others do: words are cut "
     "alike wherever they stand"},
    {"merge-digits", 0, WEIR_OPTION_FLAG, offsetof(vocab_values, merge_digits), NULL,
     "let merges touch digits; else each digit stays a token of\nits own"},
    {"chat-template", 0, WEIR_OPTION_STRING, offsetof(vocab_values, chat_template), "FILE",
     "Jinja template that conversations are rendered with, and that\ngoes along; default: LFM2's "
     "form"},
    {"max-bytes", 0, WEIR_OPTION_SIZE, offsetof(vocab_values, max_bytes), "SIZE",
     "read no more than this, spread evenly over the inputs;\ndefault: everything"},
    {"force", 'f', WEIR_OPTION_FLAG, offsetof(vocab_values, overwrite), NULL,
     "replace a tokenizer that is in the folder"},
    {"threads", 't', WEIR_OPTION_U32, offsetof(vocab_values, n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, offsetof(vocab_values, as_json), NULL,
     "tell what was made as JSON, on standard output"},
};

static weir_status tell(const char *out, const weir_vocab_report *report, bool as_json,
                        weir_error *err) {
    if (!as_json) {
        weir_say("%s is written: %u tokens, %u of them merges; %.3f bytes a token on the %.1f MB "
                 "read (%llu distinct pieces)",
                 out, report->n_tokens, report->n_merges, report->bytes_per_token,
                 (double)report->n_bytes / 1e6, (unsigned long long)report->n_pieces);
        return WEIR_STATUS_OK;
    }
    return weir_json_print(
        json_pack("{s:o, s:I, s:I, s:I, s:I, s:f}", "out", weir_json_text(out, strlen(out)),
                  "n_tokens", (json_int_t)report->n_tokens, "n_merges",
                  (json_int_t)report->n_merges, "n_bytes", (json_int_t)report->n_bytes, "n_pieces",
                  (json_int_t)report->n_pieces, "bytes_per_token", report->bytes_per_token),
        err);
}

static int run(const weir_parsed *parsed) {
    const vocab_values *values = parsed->values;
    weir_error err = {0};
    weir_interrupt_with_care(NULL);
    weir_vocab_options vocab = {
        .inputs = parsed->operands,
        .n_inputs = parsed->n_operands,
        .n_tokens = values->n_tokens,
        .n_joins = values->n_joins,
        .merge_digits = values->merge_digits,
        .chat_template = values->chat_template,
        .max_bytes = values->max_bytes,
        .overwrite = values->overwrite,
        .n_threads = values->n_threads,
        .progress = weir_console_progress(),
    };
    weir_vocab_report report;
    if (!values->out) {
        weir_say("weir train vocab: -o DIR is missing; usage: weir train vocab FILE... -o DIR");
        return WEIR_EXIT_USAGE;
    }
    if (weir_option_given_zero(parsed, "tokens")) {
        weir_say("weir train vocab: --tokens 0: expected 288 or more");
        return WEIR_EXIT_USAGE;
    }
    weir_status status = weir_train_vocab(values->out, &vocab, &report, &err);
    if (status == WEIR_STATUS_OK)
        status = tell(values->out, &report, values->as_json, &err);
    return weir_tell_output_failure("train vocab", status, &err, values->out, values->overwrite);
}

const weir_verb weir_verb_train_vocab = {
    .name = "train vocab",
    .summary = "Makes a tokenizer in LFM2's form out of texts",
    .operands = "FILE...",
    .n_operands_min = 1,
    .n_operands_max = WEIR_MAX_OPERANDS,
    .details = "FILE is .txt (documents divided by lines <|endoftext|>) or .jsonl (conversations, "
               "which\nare read as the chat template renders them), either also as .zst.\n"
               "\n"
               "The text is cut by the family's own expression; ids 0 to 31 are special, 32 to 287 "
               "the\nbytes, the rest merges. The same files give the same tokenizer.\n"
               "\n"
               "  weir train vocab books.txt.zst chats.jsonl.zst -o vocab --tokens 4096\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(vocab_values),
    .run = run,
};
