/* verb_convert.c: `weir convert`: one file into another. The work is weir_convert's. */
#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "console.h"
#include "interrupt.h"
#include "json_text.h"
#include "model_lookup.h"
#include "verbs.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct convert_values {
    const char *type;
    bool overwrite, as_json;
    uint32_t n_threads;
} convert_values;

static const weir_option options[] = {
    {"type", 0, WEIR_OPTION_STRING, offsetof(convert_values, type), "T",
     "number format of the matrices: f32, f16, bf16, q8_0, q4_0, ...;\ndefault: as they are"},
    {"force", 'f', WEIR_OPTION_FLAG, offsetof(convert_values, overwrite), NULL,
     "replace OUT if it exists"},
    {"threads", 't', WEIR_OPTION_U32, offsetof(convert_values, n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, offsetof(convert_values, as_json), NULL,
     "tell what was written as JSON, on standard output"},
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

static weir_status tell(const char *in, const char *out, bool as_json, weir_error *err) {
    bool has_words = !is_without_words(in);
    if (!as_json) {
        weir_say("%s is written%s", out,
                 has_words ? "" : " without a vocabulary: the folder has no tokenizer.json");
        return WEIR_STATUS_OK;
    }
    return weir_json_print(json_pack("{s:o, s:o, s:b}", "in", weir_json_text(in, strlen(in)), "out",
                                     weir_json_text(out, strlen(out)), "has_vocabulary", has_words),
                           err);
}

static weir_status convert(const weir_parsed *parsed, weir_error *err) {
    const convert_values *values = parsed->values;
    weir_convert_options convert = {
        .type = values->type,
        .overwrite = values->overwrite,
        .n_threads = values->n_threads,
        .progress = weir_console_progress(),
    };
    const char *out = parsed->operands[1];
    char *in = NULL;
    WEIR_TRY(weir_find_model(parsed->operands[0], &in, err));
    weir_status status = weir_convert(in, out, &convert, err);
    if (status == WEIR_STATUS_OK)
        status = tell(in, out, values->as_json, err);
    free(in);
    return status;
}

static int run(const weir_parsed *parsed) {
    const convert_values *values = parsed->values;
    weir_error err = {0};
    weir_interrupt_with_care(NULL);
    weir_status status = convert(parsed, &err);
    return weir_tell_output_failure("convert", status, &err, parsed->operands[1],
                                    values->overwrite);
}

const weir_verb weir_verb_convert = {
    .name = "convert",
    .summary = "Turns a GGUF file or Hugging Face folder into a GGUF file",
    .operands = "IN OUT",
    .n_operands_min = 2,
    .n_operands_max = 2,
    .details = "IN is a GGUF file, a Hugging Face folder, or the name of an installed model.\n"
               "Norms, router and convolution taps stay f32. OUT appears whole or not at all.\n"
               "\n"
               "  weir convert LFM2-8B-A1B/ lfm2-8b-bf16.gguf\n"
               "  weir convert lfm2-8b-bf16.gguf lfm2-8b-q4_0.gguf --type q4_0\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(convert_values),
    .run = run,
};
