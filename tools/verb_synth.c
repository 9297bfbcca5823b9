/* verb_synth.c: `weir synth`: models of true shape with random weights. The work is weir_synth's.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "interrupt.h"
#include "json_text.h"
#include "verbs.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct synth_values {
    const char *config, *type;
    uint64_t seed;
    bool as_folder, is_hollow, overwrite, wants_list, as_json;
    uint32_t n_threads;
} synth_values;

static const weir_option options[] = {
    {"config", 0, WEIR_OPTION_STRING, offsetof(synth_values, config), "NAME",
     "a known shape (--list), or a JSON file with the keys of config.json"},
    {"type", 0, WEIR_OPTION_STRING, offsetof(synth_values, type), "T",
     "number format of the matrices, or a mix of quantize (q4_k_m);\ndefault q4_0, with --folder "
     "f32"},
    {"seed", 0, WEIR_OPTION_U64, offsetof(synth_values, seed), "N",
     "another seed, other weights; default 0"},
    {"folder", 0, WEIR_OPTION_FLAG, offsetof(synth_values, as_folder), NULL,
     "write a Hugging Face folder instead of a GGUF file"},
    {"hollow", 0, WEIR_OPTION_FLAG, offsetof(synth_values, is_hollow), NULL,
     "leave a hole where the matrices are: --device cuda makes them\nwhen it opens the file, no "
     "other device runs it"},
    {"force", 'f', WEIR_OPTION_FLAG, offsetof(synth_values, overwrite), NULL,
     "replace OUT if it exists"},
    {"threads", 't', WEIR_OPTION_U32, offsetof(synth_values, n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"list", 0, WEIR_OPTION_FLAG, offsetof(synth_values, wants_list), NULL,
     "print the known shapes, one a line, and do nothing else"},
    {"json", 0, WEIR_OPTION_FLAG, offsetof(synth_values, as_json), NULL,
     "tell what was written, or the list, as JSON, on standard output"},
};

static weir_status list_shapes(bool as_json, weir_error *err) {
    json_t *names = json_array();
    for (const char *const *name = weir_synth_configs(); *name; name++)
        if (as_json)
            json_array_append_new(names, json_string(*name));
        else
            puts(*name);
    if (as_json)
        return weir_json_print(names, err);
    json_decref(names);
    return WEIR_STATUS_OK;
}

static weir_status tell(const char *out, const synth_values *values, weir_error *err) {
    if (!values->as_json) {
        weir_say("%s is written: random weights in the shape of %s", out, values->config);
        return WEIR_STATUS_OK;
    }
    return weir_json_print(json_pack("{s:o, s:o}", "out", weir_json_text(out, strlen(out)),
                                     "config",
                                     weir_json_text(values->config, strlen(values->config))),
                           err);
}

static weir_status make(const char *out, const synth_values *values, weir_error *err) {
    weir_synth_options synth = {
        .config = values->config,
        .type = values->type,
        .seed = values->seed,
        .as_folder = values->as_folder,
        .is_hollow = values->is_hollow,
        .overwrite = values->overwrite,
        .n_threads = values->n_threads,
        .progress = weir_console_progress(),
    };
    WEIR_TRY(weir_synth(out, &synth, err));
    return tell(out, values, err);
}

static int run(const weir_parsed *parsed) {
    const synth_values *values = parsed->values;
    weir_error err = {0};
    if (values->wants_list)
        return weir_tell_failure("synth", list_shapes(values->as_json, &err), &err);
    if (parsed->n_operands == 0 || !values->config) {
        weir_say("weir synth: %s is missing; usage: weir synth OUT --config NAME",
                 parsed->n_operands == 0 ? "OUT" : "--config");
        return WEIR_EXIT_USAGE;
    }
    weir_interrupt_with_care(NULL);
    weir_status status = make(parsed->operands[0], values, &err);
    return weir_tell_output_failure("synth", status, &err, parsed->operands[0], values->overwrite);
}

const weir_verb weir_verb_synth = {
    .name = "synth",
    .summary = "Makes a model of true shape with random weights",
    .operands = "OUT",
    .n_operands_min = 0,
    .n_operands_max = 1,
    .details =
        "For tests and measurements: it runs like the real model and says nothing of sense.\n"
        "\n"
        "  weir synth --list\n"
        "  weir synth tiny.gguf --config tiny-moe\n"
        "  weir synth 8b.gguf --config lfm2-8b-a1b --type q4_0\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(synth_values),
    .run = run,
};
