/* verb_convert.c: `weir convert`: a model's file or folder into another. The work is
 * weir_convert's, which takes a path that ends in a slash, or is a folder, for that of a folder. */
#include "base/compiler.h"
#include "base/ending.h"
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
    bool overwrite, as_json, as_folder;
    uint32_t n_threads;
} convert_values;

static const weir_option options[] = {
    {"type", 0, WEIR_OPTION_STRING, offsetof(convert_values, type), "T",
     "number format of the matrices: f32, f16, bf16, q8_0, q4_0, ...;\ndefault: as they are"},
    {"folder", 0, WEIR_OPTION_FLAG, offsetof(convert_values, as_folder), NULL,
     "write a Hugging Face folder (f32, f16 or bf16), as with OUT/"},
    {"force", 'f', WEIR_OPTION_FLAG, offsetof(convert_values, overwrite), NULL,
     "replace OUT if it exists"},
    {"threads", 't', WEIR_OPTION_U32, offsetof(convert_values, n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, offsetof(convert_values, as_json), NULL,
     "tell what was written as JSON, on standard output"},
};

/* A tokenizer that was forgotten beside the weights: nobody sees that in the file before it is to
 * read a text. */
static bool has_vocabulary(const char *path) {
    weir_tokenizer *t = NULL;
    weir_error ignored;
    bool is_there = weir_tokenizer_open(&t, path, NULL, &ignored) == WEIR_STATUS_OK;
    weir_tokenizer_close(&t);
    return is_there;
}

static weir_status tell(const char *in, const char *out, bool as_json, weir_error *err) {
    bool has_words = has_vocabulary(out);
    if (!as_json) {
        weir_say("%s is written%s", out,
                 has_words ? ""
                 : weir_path_is_folder(in)
                     ? " without a vocabulary: the folder has no tokenizer.json"
                     : " without a vocabulary: the file has none");
        return WEIR_STATUS_OK;
    }
    return weir_json_print(json_pack("{s:o, s:o, s:b}", "in", weir_json_text(in, strlen(in)), "out",
                                     weir_json_text(out, strlen(out)), "has_vocabulary", has_words),
                           err);
}

/* --folder is a slash behind the name. */
static weir_status name_out(char **out, const char *operand, bool as_folder, weir_error *err) {
    bool is_slash_missing = as_folder && !weir_ends_with(operand, "/");
    *out = is_slash_missing ? weir_path_join(operand, "") : strdup(operand);
    return *out != NULL
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for a path", operand);
}

static weir_status convert(const weir_parsed *parsed, weir_error *err) {
    const convert_values *values = parsed->values;
    weir_convert_options convert = {
        .type = values->type,
        .overwrite = values->overwrite,
        .n_threads = values->n_threads,
        .progress = weir_console_progress(),
    };
    char *in = NULL, *out = NULL;
    weir_status status;
    WEIR_TRY_GOTO(weir_find_model(parsed->operands[0], &in, err));
    WEIR_TRY_GOTO(name_out(&out, parsed->operands[1], values->as_folder, err));
    WEIR_TRY_GOTO(weir_convert(in, out, &convert, err));
    WEIR_TRY_GOTO(tell(in, out, values->as_json, err));
fail:
    free(in);
    free(out);
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
    .summary = "Turns GGUF files and Hugging Face folders into each other",
    .operands = "IN OUT",
    .n_operands_min = 2,
    .n_operands_max = 2,
    .details =
        "IN is a GGUF file, a Hugging Face folder (also of MLX, also in FP8), or the name of an\n"
        "installed model. OUT is a GGUF file, or with --folder, a / at its end, or if it is a\n"
        "folder already, a Hugging Face folder. Norms, router and convolution taps stay f32 in a\n"
        "file. Quantized weights go into a folder only if --type says as what. OUT appears whole\n"
        "or not at all.\n"
        "\n"
        "  weir convert LFM2-8B-A1B/ lfm2-8b-bf16.gguf\n"
        "  weir convert lfm2-8b-bf16.gguf lfm2-8b-q4_0.gguf --type q4_0\n"
        "  weir convert lfm2-8b-q4_0.gguf lfm2-8b/ --type bf16\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(convert_values),
    .run = run,
};
