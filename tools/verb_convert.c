/* verb_convert.c: `weir convert`: one file into another. The work is weir_convert's. */
#include "base/compiler.h"
#include "base/file.h"
#include "console.h"
#include "interrupt.h"
#include "verbs.h"

#include <stddef.h>
#include <stdlib.h>

typedef struct convert_values {
    const char *type;
    bool overwrite;
    uint32_t n_threads;
} convert_values;

static const weir_option options[] = {
    {"type", 0, WEIR_OPTION_STRING, offsetof(convert_values, type), "T",
     "number format of the matrices: f32, f16, bf16, q8_0, q4_0, ...;\ndefault: as they are"},
    {"force", 'f', WEIR_OPTION_FLAG, offsetof(convert_values, overwrite), NULL,
     "replace OUT if it exists"},
    {"threads", 't', WEIR_OPTION_U32, offsetof(convert_values, n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
};

/* A folder whose weights are there and whose tokenizer was forgotten: nobody sees that in the file
 * before it is to read a text. */
static bool is_without_words(const char *in) {
    if (!weir_path_is_folder(in))
        return false;
    char *path = weir_path_join(in, "tokenizer.json");
    bool is_there = path == NULL || weir_path_exists(path);
    free(path);
    return !is_there;
}

static int run(const weir_parsed *parsed) {
    const convert_values *values = parsed->values;
    weir_convert_options convert = {
        .type = values->type,
        .overwrite = values->overwrite,
        .n_threads = values->n_threads,
        .progress = weir_console_progress(),
    };
    weir_error err = {0};
    weir_interrupt_with_care(NULL);
    weir_status status = weir_convert(parsed->operands[0], parsed->operands[1], &convert, &err);
    if (status == WEIR_STATUS_OK)
        weir_say("%s is written%s", parsed->operands[1],
                 is_without_words(parsed->operands[0])
                     ? " without a vocabulary: the folder has no tokenizer.json"
                     : "");
    return weir_tell_failure("convert", status, &err);
}

const weir_verb weir_verb_convert = {
    .name = "convert",
    .summary = "Turns a GGUF file or Hugging Face folder into a GGUF file",
    .operands = "IN OUT",
    .n_operands_min = 2,
    .n_operands_max = 2,
    .details = "Norms, router and convolution taps stay f32. OUT appears whole or not at all.\n"
               "\n"
               "  weir convert LFM2-8B-A1B/ lfm2-8b-bf16.gguf\n"
               "  weir convert lfm2-8b-bf16.gguf lfm2-8b-q4_0.gguf --type q4_0\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(convert_values),
    .run = run,
};
