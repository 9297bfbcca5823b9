/*
 * run_tokens.c: `weir run` over token ids. The ids alone go to standard output, as they come, on
 * one line; the line may be given back as --tokens. No tokenizer is needed. With --json there is
 * one object at the end instead.
 */
#include "adapters.h"
#include "base/clock.h"
#include "base/error.h"
#include "console.h"
#include "interrupt.h"
#include "packed_use.h"
#include "ram_room.h"
#include "run.h"
#include "text_input.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static weir_status read_tokens_file(weir_token_list *out, const char *path, weir_error *err) {
    char *text;
    size_t n;
    const char *where = weir_text_input_name(path);
    WEIR_TRY(weir_text_input_read(&text, &n, path, "the list of ids", err));
    weir_status status = WEIR_STATUS_OK;
    if (strlen(text) < n)
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: byte %zu is 0, expected a text of ids",
                           where, strlen(text));
    if (status == WEIR_STATUS_OK)
        status = weir_parse_tokens(out, text, where, err);
    free(text);
    if (status == WEIR_STATUS_BAD_ARGUMENT) /* here it is the file that is wrong */
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s", err->text);
    return status;
}

/* The ids as they come. */
typedef struct printed {
    size_t n;
    bool is_silent; /* they are all told at the end */
} printed;

static bool print_token(void *context, int32_t token) {
    printed *p = context;
    if (p->is_silent)
        return !weir_interrupted();
    printf("%s%d", p->n ? "," : "", token);
    p->n++;
    /* A reader that has gone, or a full disk: there is nobody to generate for. */
    return weir_flush_output() && !weir_interrupted();
}

/* What a run holds; everything may be NULL. */
typedef struct session {
    weir_model *model;
    weir_adapters adapters;
    weir_packed *packed;
    weir_engine *engine;
    weir_seq *seq;
    weir_sampler *sampler;
    weir_settings settings;
    weir_token_list file_tokens;
    double load_s; /* opening model and engine: the weights are in memory */
} session;

static weir_status open_session(session *s, const weir_run_values *values, const char *model_path,
                                weir_error *err) {
    weir_engine_options options = weir_run_engine(values);
    if (values->tokens_file)
        WEIR_TRY(read_tokens_file(&s->file_tokens, values->tokens_file, err));
    uint32_t n_lookup;
    WEIR_TRY(weir_run_lookup(&n_lookup, values, err));
    const weir_ram ram = weir_ram_begin(values->ram_bytes, n_lookup);
    double start_s = weir_clock_s();
    WEIR_TRY(weir_model_open(&s->model, model_path, err));
    WEIR_TRY(weir_adapters_open(&s->adapters, s->model, &values->loras, err));
    weir_adapters_use(&s->adapters, &options);
    WEIR_TRY(weir_packed_choose(&s->packed, s->model, model_path, values->packed, &options, err));
    options.packed = s->packed;
    WEIR_TRY(weir_ram_use(&options, s->model, &ram, err));
    WEIR_TRY(weir_engine_open(&s->engine, s->model, &options, err));
    s->load_s = weir_clock_s() - start_s;
    weir_interrupt_with_care(s->engine);
    if (values->load)
        WEIR_TRY(weir_seq_load(&s->seq, s->engine, values->load, err));
    else
        WEIR_TRY(weir_seq_open(&s->seq, s->engine, err));
    const weir_token_list *tokens = values->tokens_file ? &s->file_tokens : &values->tokens;
    if (tokens->n > 0)
        WEIR_TRY(weir_seq_append(s->seq, tokens->item, tokens->n, err));
    return WEIR_STATUS_OK;
}

static void close_session(session *s) {
    weir_interrupt_with_care(NULL);
    weir_sampler_close(&s->sampler);
    weir_seq_close(&s->seq);
    weir_engine_close(&s->engine);
    weir_packed_close(&s->packed);
    weir_adapters_close(&s->adapters);
    weir_model_close(&s->model);
    weir_settings_free(&s->settings);
    free(s->file_tokens.item);
}

/* Runs the prompt and generates. The line on standard output is ended on every path. */
static weir_status generate(session *s, const weir_run_values *values, weir_generate_result *result,
                            weir_error *err) {
    printed p = {.is_silent = values->as_json};
    uint32_t n_lookup;
    WEIR_TRY(weir_run_lookup(&n_lookup, values, err));
    weir_generate_options generate_options = {
        .lookup = n_lookup,
        .max_tokens = values->max_tokens,
        .ignore_eos = values->ignore_eos,
        .on_token = print_token,
        .context = &p,
    };
    weir_status status = weir_generate(s->seq, s->sampler, &generate_options, result, err);
    /* The callback is not told of the token that ended the answer; it is an id of it all the same.
     */
    if (status == WEIR_STATUS_OK && result->finish == WEIR_FINISH_STOP)
        print_token(&p, weir_seq_tokens(s->seq)[weir_seq_n_tokens(s->seq) - 1]);
    if (!values->as_json)
        putchar('\n');
    weir_flush_output(); /* before anything is said on standard error; a failure shows at the end */
    if (status == WEIR_STATUS_OK && weir_interrupted())
        return WEIR_STATUS_CANCELLED; /* weir_run_tokens finds the words */
    return status;
}

static weir_status print_json(const session *s, const weir_generate_result *r, weir_error *err) {
    static const char *const finishes[] = {"stop", "length", "interrupted"};
    size_t n = weir_seq_n_tokens(s->seq);
    weir_text_buffer json = {0};
    weir_text_buffer_say(&json, "{\"tokens\": [");
    for (size_t i = n - r->n_generated; i < n; i++)
        weir_text_buffer_format(&json, "%s%d", i > n - r->n_generated ? ", " : "",
                                weir_seq_tokens(s->seq)[i]);
    weir_text_buffer_format(&json,
                            "], \"finish\": \"%s\", \"usage\": {\"prompt_tokens\": %u, "
                            "\"completion_tokens\": %u}, \"timings\": {\"load_s\": %.6f, "
                            "\"prompt_s\": %.6f, \"generate_s\": %.6f}, \"seed\": %llu}",
                            finishes[r->finish], r->n_prompt, r->n_generated, s->load_s,
                            r->prompt_s, r->generate_s,
                            (unsigned long long)s->settings.sampling.seed);
    weir_status status = weir_text_buffer_check(&json, "the JSON", err);
    if (status == WEIR_STATUS_OK)
        puts(json.data);
    weir_text_buffer_free(&json);
    return status;
}

static weir_status open_sampler(session *s, const weir_parsed *parsed, weir_error *err) {
    const weir_run_values *values = parsed->values;
    const char *source = NULL;
    WEIR_TRY(weir_run_settings(&s->settings, s->model, parsed, &source, err));
    weir_sampling *sampling = &s->settings.sampling;
    if (!s->settings.has_seed && sampling->temperature > 0) {
        sampling->seed = weir_seed_random();
        weir_say("seed %llu", (unsigned long long)sampling->seed);
    }
    WEIR_TRY(weir_sampler_open(&s->sampler, s->model, sampling, err));
    if (values->wants_stats)
        weir_run_say_model(s->engine, sampling, source, s->load_s);
    return WEIR_STATUS_OK;
}

static weir_status run_session(session *s, const weir_parsed *parsed, const char *model_path,
                               weir_error *err) {
    const weir_run_values *values = parsed->values;
    WEIR_TRY(open_session(s, values, model_path, err));
    WEIR_TRY(open_sampler(s, parsed, err));
    weir_generate_result result = {.finish = WEIR_FINISH_LENGTH};
    /* For the library 0 tokens mean no limit; for whoever types it they mean none. */
    if (weir_option_given(parsed, "max-tokens") && values->max_tokens == 0) {
        result.n_prompt = (uint32_t)weir_seq_n_pending(s->seq);
        double start_s = weir_clock_s();
        WEIR_TRY(weir_seq_run(s->seq, err));
        result.prompt_s = weir_clock_s() - start_s;
    } else {
        WEIR_TRY(generate(s, values, &result, err));
    }
    if (values->as_json)
        WEIR_TRY(print_json(s, &result, err));
    if (values->save) {
        /* So that a later --load goes on without running anything again. */
        WEIR_TRY(weir_seq_run(s->seq, err));
        WEIR_TRY(weir_seq_save(s->seq, values->save, err));
    }
    if (values->wants_stats) {
        static const char *const finishes[] = {"at the end token", "at the limit", "by the caller"};
        weir_run_say_speed("prompt    ", result.n_prompt, result.prompt_s);
        weir_run_say_generated(result.n_generated, result.generate_s, result.n_drafts,
                               result.n_drafts_taken);
        weir_say("ended      %s", finishes[result.finish]);
        weir_run_say_memory(s->engine);
    }
    return WEIR_STATUS_OK;
}

static bool is_same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

weir_status weir_run_tokens(const weir_parsed *parsed, const char *model_path, weir_error *err) {
    const weir_run_values *values = parsed->values;
    if (values->save && is_same_file(values->save, model_path))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--save: the file is the model itself and would be replaced");
    session s = {0};
    weir_status status = run_session(&s, parsed, model_path, err);
    if (status == WEIR_STATUS_CANCELLED && weir_interrupted()) /* wherever it happened to be */
        weir_fail(err, status, "interrupted");
    close_session(&s);
    return status;
}
