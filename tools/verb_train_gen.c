/*
 * verb_train_gen.c: `weir train gen`: generated samples as JSON lines, and the proof that each
 * keeps its own check. The samples are weir_gen_sample's.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "console.h"
#include "interrupt.h"
#include "verbs.h"
#include "weir_train.h"

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct gen_values {
    const char *out;
    uint64_t n, seed, first;
    bool held_out, only_check, overwrite, wants_list;
} gen_values;

#define AT(field) offsetof(gen_values, field)

static const weir_option options[] = {
    {"n", 'n', WEIR_OPTION_U64, AT(n), "N", "how many samples; default 1"},
    {"seed", 0, WEIR_OPTION_U64, AT(seed), "N", "another seed, other samples; default 0"},
    {"first", 0, WEIR_OPTION_U64, AT(first), "I", "number of the first; default 0"},
    {"held-out", 0, WEIR_OPTION_FLAG, AT(held_out), NULL,
     "with names, things and values that occur in no other sample"},
    {"output", 'o', WEIR_OPTION_STRING, AT(out), "FILE.jsonl",
     "write there instead of standard output, which is -"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL, "replace FILE if it exists"},
    {"check", 0, WEIR_OPTION_FLAG, AT(only_check), NULL,
     "write nothing: see whether the samples' own answers keep\ntheir checks, and tell those that "
     "do not"},
    {"list", 0, WEIR_OPTION_FLAG, AT(wants_list), NULL,
     "print the kinds, one a line, and do nothing else"},
};

#undef AT

/* ---- one sample ----------------------------------------------------------------------------- */

typedef struct sample {
    char *data; /* [cap], n used, with a newline behind them */
    size_t n, cap;
} sample;

/* Grows the room until the sample fits. */
static weir_status make(sample *s, const char *kind, const gen_values *values, uint64_t i,
                        weir_error *err) {
    for (;;) {
        WEIR_TRY(
            weir_gen_sample(kind, values->seed, i, values->held_out, s->data, s->cap, &s->n, err));
        if (s->n < s->cap)
            break;
        char *data = realloc(s->data, 2 * s->n + 2);
        if (!data)
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a sample");
        s->data = data;
        s->cap = 2 * s->n + 2;
    }
    s->data[s->n] = '\n';
    return WEIR_STATUS_OK;
}

/* ---- checks --------------------------------------------------------------------------------- */

enum { WHY_TEXT = 256 };

/* Of one assistant message; *holds is left alone where it does. */
static weir_status check_message(const sample *s, const char *where, const json_t *message,
                                 size_t turn, bool *holds, weir_error *err) {
    json_t *calls = json_object_get(message, "tool_calls");
    char *calls_text = calls ? json_dumps(calls, 0) : NULL;
    if (calls && !calls_text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to check a sample");
    weir_gen_answer answer = {
        .content = json_string_value(json_object_get(message, "content")),
        .calls = calls_text,
    };
    bool is_right;
    char why[WHY_TEXT];
    weir_status status =
        weir_gen_check(s->data, s->n, turn, &answer, &is_right, why, sizeof why, err);
    if (status == WEIR_STATUS_OK && !is_right) {
        weir_say("%s, answer %zu: %s", where, turn + 1, why);
        *holds = false;
    }
    free(calls_text);
    return status;
}

static weir_status check_sample(const sample *s, const char *where, bool *holds, weir_error *err) {
    json_t *object = json_loadb(s->data, s->n, 0, NULL);
    if (!object)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to check a sample");
    size_t i, turn = 0;
    json_t *message;
    weir_status status = WEIR_STATUS_OK;
    json_array_foreach(json_object_get(object, "messages"), i, message) {
        const char *role = json_string_value(json_object_get(message, "role"));
        if (!role || strcmp(role, "assistant") != 0)
            continue;
        status = check_message(s, where, message, turn++, holds, err);
        if (status != WEIR_STATUS_OK)
            break;
    }
    json_decref(object);
    return status;
}

static weir_status check_all(const char *kind, const gen_values *values, uint64_t n,
                             weir_error *err) {
    sample s = {0};
    uint64_t n_bad = 0;
    weir_status status = WEIR_STATUS_OK;
    for (uint64_t k = 0; k < n && status == WEIR_STATUS_OK && !weir_interrupted(); k++) {
        char where[64];
        snprintf(where, sizeof where, "%.20s %llu", kind, (unsigned long long)(values->first + k));
        bool holds = true;
        status = make(&s, kind, values, values->first + k, err);
        if (status == WEIR_STATUS_OK)
            status = check_sample(&s, where, &holds, err);
        n_bad += !holds;
    }
    free(s.data);
    WEIR_TRY(status);
    if (weir_interrupted())
        return weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted");
    if (n_bad > 0)
        return weir_fail(err, WEIR_STATUS_FAILED, "%llu of %llu samples break their own checks",
                         (unsigned long long)n_bad, (unsigned long long)n);
    weir_say("%llu samples keep their checks", (unsigned long long)n);
    return WEIR_STATUS_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool is_file(const gen_values *values) {
    return values->out && strcmp(values->out, "-") != 0;
}

/* out NULL: to standard output. */
static weir_status write_all(weir_out *out, sample *s, const char *kind, const gen_values *values,
                             uint64_t n, weir_error *err) {
    for (uint64_t k = 0; k < n; k++) {
        if (weir_interrupted())
            return weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted");
        WEIR_TRY(make(s, kind, values, values->first + k, err));
        if (out)
            WEIR_TRY(weir_out_write(out, s->data, s->n + 1, err));
        else if (fwrite(s->data, 1, s->n + 1, stdout) != s->n + 1)
            return WEIR_STATUS_OK; /* the end of run tells why */
    }
    return WEIR_STATUS_OK;
}

static weir_status write_samples(const char *kind, const gen_values *values, uint64_t n,
                                 weir_error *err) {
    weir_out *out = NULL;
    sample s = {0};
    weir_status status = WEIR_STATUS_OK;
    if (is_file(values))
        status = weir_out_open(&out, values->out, values->overwrite, err);
    if (status == WEIR_STATUS_OK)
        status = write_all(out, &s, kind, values, n, err);
    if (status == WEIR_STATUS_OK && out)
        status = weir_out_commit(&out, err);
    weir_out_abort(&out);
    free(s.data);
    return status;
}

static int run(const weir_parsed *parsed) {
    const gen_values *values = parsed->values;
    weir_error err = {0};
    if (values->wants_list) {
        for (const char *const *kind = weir_gen_kinds(); *kind; kind++)
            puts(*kind);
        return WEIR_EXIT_DONE;
    }
    if (parsed->n_operands == 0) {
        weir_say("weir train gen: KIND is missing; usage: weir train gen KIND");
        return WEIR_EXIT_USAGE;
    }
    if (values->only_check && values->out) {
        weir_say("weir train gen: --check and --output exclude each other");
        return WEIR_EXIT_USAGE;
    }
    uint64_t n = weir_option_given(parsed, "n") ? values->n : 1;
    weir_interrupt_with_care(NULL);
    weir_status status = values->only_check ? check_all(parsed->operands[0], values, n, &err)
                                            : write_samples(parsed->operands[0], values, n, &err);
    return is_file(values)
               ? weir_tell_output_failure("train gen", status, &err, values->out, values->overwrite)
               : weir_tell_failure("train gen", status, &err);
}

const weir_verb weir_verb_train_gen = {
    .name = "train gen",
    .summary = "Writes generated stories, instructions and tool calls",
    .operands = "KIND",
    .n_operands_min = 0,
    .n_operands_max = 1,
    .details =
        "KIND is story, instruction, tool, identity, recall or catalog. Every sample is one JSON\n"
        "object a line and hangs on kind, seed and number alone; what stands in it, and how\n"
        "answers are checked, is told in docs/gen.md. KIND@1 is the first edition of a kind, with\n"
        "the samples that the first weir-nano was trained on.\n"
        "\n"
        "  weir train gen story -n 3\n"
        "  weir train gen tool -n 1000 --held-out -o tools.jsonl\n"
        "  weir train gen instruction -n 5000 --check\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(gen_values),
    .run = run,
};
