/*
 * verb_eval_probes.c: `weir eval probes`: does a model do what it is asked? Generated samples with
 * names and values that no training saw are put to it turn by turn, and the generator's own checks
 * judge what it says (docs/gen.md).
 *
 * Each turn is asked with the sample's own earlier turns before it, so a wrong answer spoils none
 * that comes after. Rendering, drawing and taking answers apart is what `weir run` does.
 */
#include "answer.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "interrupt.h"
#include "json_text.h"
#include "model_lookup.h"
#include "verbs.h"
#include "weir_train.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TALLIES = 32, TALLY_NAME = 48, WHY_TEXT = 200 };

typedef struct probes_values {
    uint64_t n, seed;
    uint32_t n_ctx, n_threads, max_tokens, n_shown;
    const char *kind, *device, *isa;
    weir_string_list loras;
    bool is_trained, as_json;
} probes_values;

#define AT(field) offsetof(probes_values, field)

static const weir_option options[] = {
    {"kind", 'k', WEIR_OPTION_STRING, AT(kind), "KIND",
     "only samples of this generator; default: all of them"},
    {"n", 'n', WEIR_OPTION_U64, AT(n), "N", "samples of each kind; default: 100"},
    {"seed", 0, WEIR_OPTION_U64, AT(seed), "N", "another seed, other samples; default: 7"},
    {"seen", 0, WEIR_OPTION_FLAG, AT(is_trained), NULL,
     "names and values as in training, not held-out ones"},
    {"max-tokens", 0, WEIR_OPTION_U32, AT(max_tokens), "N", "of one answer; default: 384"},
    {"show", 0, WEIR_OPTION_U32, AT(n_shown), "N",
     "print so many wrong answers of each group and what is wrong"},
    {"lora", 0, WEIR_OPTION_STRINGS, AT(loras), "ADAPTER",
     "[NAME=]FILE[:SCALE]: a LoRA adapter, GGUF or PEFT folder"},
    {"ctx", 'c', WEIR_OPTION_U32, AT(n_ctx), "N",
     "tokens of a conversation; default: 2048, or the model's if that\nis less"},
    {"device", 0, WEIR_OPTION_CHOICE, AT(device), WEIR_DEVICE_CHOICE, WEIR_DEVICE_HELP},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL, "the result as JSON"},
};

#undef AT

/* How many answers of a group were looked at, and how many were right. */
typedef struct tally {
    char name[TALLY_NAME]; /* "tool: call" */
    uint64_t n, n_right;
    uint32_t n_shown;
} tally;

typedef struct probing {
    const probes_values *values;
    weir_host *host;
    weir_seq *seq;
    weir_settings settings;
    weir_progress progress;
    uint64_t n, seed;
    uint32_t n_ctx;
    tally tallies[MAX_TALLIES];
    size_t n_tallies;
} probing;

static tally *tally_of(probing *p, const char *kind, const char *check) {
    char name[TALLY_NAME];
    snprintf(name, sizeof name, "%s: %s", kind, check);
    for (size_t i = 0; i < p->n_tallies; i++)
        if (strcmp(p->tallies[i].name, name) == 0)
            return &p->tallies[i];
    if (p->n_tallies == MAX_TALLIES) /* what is beyond is counted with the last */
        return &p->tallies[MAX_TALLIES - 1];
    tally *t = &p->tallies[p->n_tallies++];
    memcpy(t->name, name, sizeof t->name);
    return t;
}

/* ---- one answer ----------------------------------------------------------------------------- */

/* ---- from a sample to a conversation ------------------------------------------------------ */

static weir_status add_calls(weir_message *message, const json_t *calls, weir_error *err) {
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *call = json_array_get(calls, i);
        const char *name = json_string_value(json_object_get(call, "name"));
        char *arguments = json_dumps(json_object_get(call, "arguments"), JSON_COMPACT);
        weir_status status =
            !name || !arguments
                ? weir_fail(err, WEIR_STATUS_BAD_FILE, "a generated call has no name or arguments")
                : weir_calls_add(&message->calls, name, strlen(name), arguments, strlen(arguments),
                                 true, err);
        free(arguments);
        WEIR_TRY(status);
    }
    return WEIR_STATUS_OK;
}

static weir_status add_message(weir_conversation *c, const json_t *from, weir_error *err) {
    const char *role = json_string_value(json_object_get(from, "role"));
    const char *content = json_string_value(json_object_get(from, "content"));
    weir_message message = {.role = WEIR_ROLE_USER};
    content = content ? content : "";
    char *copy = weir_text_copy(content, strlen(content));
    if (!copy || !role) {
        free(copy);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a generated message");
    }
    if (strcmp(role, "system") == 0) {
        c->system = copy;
        c->n_system = strlen(content);
        return WEIR_STATUS_OK;
    }
    message.content = copy;
    message.n_content = strlen(content);
    for (int r = 0; r < WEIR_N_ROLES; r++)
        if (strcmp(role, weir_role_names[r]) == 0)
            message.role = (weir_role)r;
    weir_status status = add_calls(&message, json_object_get(from, "tool_calls"), err);
    if (status != WEIR_STATUS_OK) {
        weir_message_free(&message);
        return status;
    }
    return weir_conversation_add(c, &message, err);
}

/* A tool in OpenAI's shape, whichever it has. */
static json_t *wrapped(json_t *tool) {
    return json_object_get(tool, "function")
               ? json_incref(tool)
               : json_pack("{s:s, s:O}", "type", "function", "function", tool);
}

static weir_status read_tools(weir_tools *out, const json_t *sample, bool wraps, weir_error *err) {
    const json_t *from = json_object_get(sample, "tools");
    json_t *tools = json_array();
    *out = (weir_tools){0};
    for (size_t i = 0; i < json_array_size(from); i++) {
        json_t *tool = json_array_get(from, i);
        json_array_append_new(tools, wraps ? wrapped(tool) : json_incref(tool));
    }
    weir_status status = WEIR_STATUS_OK;
    if (json_array_size(tools) > 0) {
        char *text = json_dumps(tools, 0);
        status = text ? weir_tools_parse(out, text, strlen(text), "generated tools", err)
                      : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a list of tools");
        free(text);
    }
    json_decref(tools);
    return status;
}

/* The variables of the template for the messages before number `turn_at`. */
static weir_status make_context(const probing *p, const json_t *sample, size_t turn_at, bool wraps,
                                weir_text_buffer *out, weir_error *err) {
    weir_conversation c = {.settings = p->settings};
    json_t *arguments = json_object_get(sample, "template_args");
    char *members = json_object_size(arguments) > 0 ? json_dumps(arguments, 0) : NULL;
    weir_status status = read_tools(&c.tools, sample, wraps, err);
    for (size_t i = 0; i < turn_at && status == WEIR_STATUS_OK; i++)
        status = add_message(&c, json_array_get(json_object_get(sample, "messages"), i), err);
    if (members) /* without the braces */
        members[strlen(members) - 1] = 0;
    if (status == WEIR_STATUS_OK)
        status = weir_conversation_context(&c, &p->host->form, true, members ? members + 1 : "",
                                           out, err);
    free(members);
    c.settings = (weir_settings){0}; /* lent */
    weir_conversation_free(&c);
    return status;
}

static const char *token_text(const weir_host *host, int32_t id) {
    const char *bytes = NULL;
    size_t n;
    weir_tokenizer_token(host->tokenizer, id, &bytes, &n);
    return bytes;
}

/* Puts the conversation up to a turn on the timeline, in the template's words. */
static weir_status put_prompt(probing *p, const json_t *sample, size_t turn_at, weir_error *err) {
    weir_render_options render = {.bos_token = token_text(p->host, p->host->tokens.bos),
                                  .eos_token = token_text(p->host, p->host->tokens.eos),
                                  .has_now = true};
    weir_rendered rendered = {0};
    int32_t *ids = NULL;
    size_t n_ids;
    weir_status status = WEIR_STATUS_OK;
    weir_text_buffer context = {0};
    /* Plain tools as the sample has them, unless the template takes only OpenAI's shape. */
    for (int wraps = 0; wraps < 2; wraps++) {
        weir_text_buffer_clear(&context);
        WEIR_TRY_GOTO(make_context(p, sample, turn_at, wraps, &context, err));
        status =
            weir_template_render(&rendered, p->host->tmpl, context.data, context.n, &render, err);
        if (status == WEIR_STATUS_OK)
            break;
    }
    if (status != WEIR_STATUS_OK)
        goto fail;
    weir_encode_options encode = {.spans = rendered.spans, .n_spans = rendered.n_spans};
    ids = malloc((rendered.n + 2) * sizeof *ids);
    if (!ids) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the tokens of a prompt");
        goto fail;
    }
    WEIR_TRY_GOTO(weir_tokenizer_encode(p->host->tokenizer, rendered.text, rendered.n, &encode, ids,
                                        rendered.n + 2, &n_ids, err));
    if (n_ids >= p->n_ctx) {
        status = weir_fail(err, WEIR_STATUS_FAILED,
                           "sample %lld of %s: a prompt of %zu tokens leaves no room for an answer "
                           "in a context of %u (--ctx)",
                           json_integer_value(json_object_get(sample, "i")),
                           json_string_value(json_object_get(sample, "kind")), n_ids, p->n_ctx);
        goto fail;
    }
    WEIR_TRY_GOTO(weir_seq_rewind(p->seq, 0, err));
    WEIR_TRY_GOTO(weir_seq_append(p->seq, ids, n_ids, err));
fail:
    free(ids);
    weir_rendered_free(&rendered);
    weir_text_buffer_free(&context);
    return status;
}

/* The calls of an answer as a JSON list; NULL: there are none. */
static weir_status list_calls(const weir_calls *calls, weir_text_buffer *out, weir_error *err) {
    for (size_t i = 0; i < calls->n; i++) {
        weir_text_buffer_say(out, i == 0 ? "[" : ", ");
        weir_call_add_json(&calls->item[i], out);
    }
    if (calls->n > 0)
        weir_text_buffer_say(out, "]");
    return weir_text_buffer_check(out, "the calls of an answer", err);
}

static void show_wrong(const char *group, const char *sample, const weir_message *message,
                       const weir_text_buffer *calls, const char *why) {
    weir_say("--- %s: %s\n    sample %.2000s", group, why, sample);
    weir_say("    answer %.*s%s", (int)message->n_content, message->content ? message->content : "",
             calls->data ? calls->data : "");
}

/* Asks one turn and judges it. */
static weir_status ask(probing *p, tally *t, const char *text, const json_t *sample, size_t turn,
                       size_t turn_at, const weir_tools *tools, weir_error *err) {
    weir_answer_options how = {.settings = &p->settings, .tools = tools->text ? tools : NULL};
    weir_answer_events events = {0};
    weir_answer answer;
    weir_message message = {0};
    weir_text_buffer calls = {0};
    char why[WHY_TEXT] = "";
    bool holds = false;
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY(put_prompt(p, sample, turn_at, err));
    WEIR_TRY(weir_answer_make(&answer, &message, p->host, p->seq, &how, &events, err));
    if (answer.end == WEIR_ANSWER_INTERRUPTED) {
        status = weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted");
        goto fail;
    }
    WEIR_TRY_GOTO(list_calls(&message.calls, &calls, err));
    weir_gen_answer given = {.content = message.content, .calls = calls.data};
    WEIR_TRY_GOTO(weir_gen_check(text, strlen(text), turn, &given, &holds, why, sizeof why, err));
    t->n++;
    t->n_right += holds;
    if (!holds && t->n_shown < p->values->n_shown) {
        t->n_shown++;
        show_wrong(t->name, text, &message, &calls, why);
    }
fail:
    weir_message_free(&message);
    weir_text_buffer_free(&calls);
    return status;
}

/* ---- one sample ----------------------------------------------------------------------------- */

static weir_status probe_turns(probing *p, const char *kind, const char *text, const json_t *sample,
                               weir_error *err) {
    const json_t *messages = json_object_get(sample, "messages");
    const json_t *checks = json_object_get(sample, "check");
    weir_tools tools;
    size_t turn = 0;
    WEIR_TRY(read_tools(&tools, sample, false, err));
    weir_status status = WEIR_STATUS_OK;
    for (size_t i = 0; i < json_array_size(messages) && status == WEIR_STATUS_OK; i++) {
        const json_t *message = json_array_get(messages, i);
        const char *role = json_string_value(json_object_get(message, "role"));
        if (!role || strcmp(role, "assistant") != 0)
            continue;
        const char *check =
            json_string_value(json_object_get(json_array_get(checks, turn), "kind"));
        if (check)
            status = ask(p, tally_of(p, kind, check), text, sample, turn, i, &tools, err);
        turn++;
    }
    weir_tools_free(&tools);
    return status;
}

static weir_status probe_sample(probing *p, const char *kind, uint64_t i, weir_error *err) {
    const probes_values *v = p->values;
    json_t *sample = NULL;
    size_t n;
    WEIR_TRY(weir_gen_sample(kind, p->seed, i, !v->is_trained, NULL, 0, &n, err));
    char *text = malloc(n + 1);
    if (!text)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a sample");
    weir_status status = weir_gen_sample(kind, p->seed, i, !v->is_trained, text, n, &n, err);
    text[n] = 0;
    if (status == WEIR_STATUS_OK) {
        sample = weir_json_read(text, n, "generated sample", err);
        status = sample ? probe_turns(p, kind, text, sample, err) : WEIR_STATUS_BAD_FILE;
    }
    json_decref(sample);
    free(text);
    return status;
}

static weir_status probe_kind(probing *p, const char *kind, weir_error *err) {
    for (uint64_t i = 0; i < p->n; i++) {
        WEIR_TRY(probe_sample(p, kind, i, err));
        if (p->progress.report)
            p->progress.report(p->progress.context, kind, i + 1, p->n);
    }
    return WEIR_STATUS_OK;
}

/* ---- the result ----------------------------------------------------------------------------- */

/* The 95 % interval of a share (Wilson 1927). */
static void interval(const tally *t, double *low, double *high) {
    double n = (double)t->n, share = (double)t->n_right / n, z = 1.96, z2 = z * z;
    double middle = (share + z2 / (2 * n)) / (1 + z2 / n);
    double half = z * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n);
    *low = middle - half;
    *high = middle + half;
}

static weir_status tell(const probing *p, const char *model, double seconds, weir_error *err) {
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_tallies; i++) {
        const tally *t = &p->tallies[i];
        double low, high;
        if (t->n == 0)
            continue;
        interval(t, &low, &high);
        if (!p->values->as_json)
            printf("%-26s %5llu of %5llu right  %5.1f %%  (%.1f to %.1f)\n", t->name,
                   (unsigned long long)t->n_right, (unsigned long long)t->n,
                   100.0 * (double)t->n_right / (double)t->n, 100 * low, 100 * high);
        json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:f, s:f}", "group", t->name, "n",
                                              (json_int_t)t->n, "right", (json_int_t)t->n_right,
                                              "low", low, "high", high));
    }
    if (!p->values->as_json) {
        json_decref(list);
        return WEIR_STATUS_OK;
    }
    return weir_json_print(json_pack("{s:o, s:I, s:b, s:o, s:f}", "model",
                                     weir_json_text(model, strlen(model)), "seed",
                                     (json_int_t)p->seed, "held_out", !p->values->is_trained,
                                     "groups", list, "seconds", seconds),
                           err);
}

/* As far as the model goes, 2048 at most. */
static weir_status default_ctx(const char *path, uint32_t *n_ctx, weir_error *err) {
    weir_model *model;
    weir_model_info info;
    WEIR_TRY(weir_model_open(&model, path, err));
    weir_model_get_info(model, &info);
    weir_model_close(&model);
    *n_ctx = info.n_ctx < 2048 ? info.n_ctx : 2048;
    return WEIR_STATUS_OK;
}

static weir_status open_host(probing *p, const char *path, weir_error *err) {
    const probes_values *v = p->values;
    p->n_ctx = v->n_ctx;
    if (p->n_ctx == 0)
        WEIR_TRY(default_ctx(path, &p->n_ctx, err));
    weir_host_options host = {
        .model_path = path,
        .loras = v->loras,
        .engine = {
            .device = v->device, .isa = v->isa, .n_threads = v->n_threads, .n_ctx = p->n_ctx}};
    WEIR_TRY(weir_host_open(&p->host, &host, err));
    if (!p->host->tmpl)
        return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                         "%s has no chat template: there is no way to ask it", path);
    WEIR_TRY(weir_host_load(p->host, err));
    weir_settings_default(&p->settings, NULL, NULL);
    p->settings.sampling.temperature = 0;
    p->settings.sampling.repetition_penalty = 1;
    p->settings.max_tokens = v->max_tokens > 0 ? v->max_tokens : 384;
    return weir_seq_open(&p->seq, p->host->engine, err);
}

static weir_status probe(probing *p, const char *path, weir_error *err) {
    const char *const *kinds = weir_gen_kinds();
    WEIR_TRY(open_host(p, path, err));
    double start_s = weir_clock_s();
    if (p->values->kind)
        WEIR_TRY(probe_kind(p, p->values->kind, err));
    for (; !p->values->kind && *kinds; kinds++)
        WEIR_TRY(probe_kind(p, *kinds, err));
    return tell(p, path, weir_clock_s() - start_s, err);
}

static bool is_usable(const weir_parsed *parsed) {
    static const char *const counts[] = {"n", "max-tokens", "ctx"};
    const probes_values *v = parsed->values;
    for (size_t i = 0; i < WEIR_COUNT(counts); i++)
        if (weir_option_given_zero(parsed, counts[i])) {
            weir_say("weir eval probes: --%s: expected 1 at least", counts[i]);
            return false;
        }
    if (v->kind && !weir_gen_is_kind(v->kind)) {
        weir_say("weir eval probes: --kind: expected one that `weir train gen --list` prints, "
                 "got '%s'",
                 v->kind);
        return false;
    }
    return true;
}

static int run(const weir_parsed *parsed) {
    const probes_values *v = parsed->values;
    probing p = {.values = v,
                 .progress = weir_console_progress(),
                 .n = weir_option_given(parsed, "n") ? v->n : 100,
                 .seed = weir_option_given(parsed, "seed") ? v->seed : 7};
    weir_error err = {0};
    char *path = NULL;
    if (!is_usable(parsed))
        return WEIR_EXIT_USAGE;
    weir_interrupt_with_care(NULL);
    weir_status status = weir_find_model(parsed->operands[0], &path, &err);
    if (status == WEIR_STATUS_OK)
        status = probe(&p, path, &err);
    weir_seq_close(&p.seq);
    weir_host_close(&p.host);
    weir_settings_free(&p.settings);
    free(path);
    return status == WEIR_STATUS_OK ? WEIR_EXIT_DONE
                                    : weir_tell_failure("eval probes", status, &err);
}

const weir_verb weir_verb_eval_probes = {
    .name = "eval probes",
    .summary = "Asks generated questions and checks the answers",
    .operands = "MODEL",
    .n_operands_min = 1,
    .n_operands_max = 1,
    .details =
        "Samples of the generators of `weir train gen`, with names and values that are never\n"
        "trained on, are put to the model turn by turn, drawn greedily; their own checks\n"
        "judge the answers. The interval holds the true share with 95 %.\n"
        "\n"
        "  weir eval probes weir-nano -n 200\n"
        "  weir eval probes weir-nano --kind tool --show 5\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(probes_values),
    .run = run,
};
