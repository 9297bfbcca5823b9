/*
 * verb_run.c: `weir run`: token ids in, token ids out.
 *
 * Owns the command line of a run and what is told about it; the ids alone go to standard output, as
 * they come, on one line. The line may be given back as --tokens.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "console.h"
#include "interrupt.h"
#include "verbs.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

typedef struct run_values {
    weir_token_list tokens;
    const char *tokens_file;
    uint32_t max_tokens;
    bool ignore_eos;
    weir_sampling sampling;
    weir_bias_list bias;
    uint32_t n_ctx, n_threads;
    const char *device, *isa, *kv_type;
    uint64_t max_bytes;
    const char *load, *save;
    bool no_map, wants_stats;
} run_values;

#define AT(field) offsetof(run_values, field)

static const weir_option options[] = {
    {"tokens", 0, WEIR_OPTION_TOKENS, AT(tokens), "ID,ID,...", "the prompt, as token ids"},
    {"tokens-file", 0, WEIR_OPTION_STRING, AT(tokens_file), "FILE",
     "the prompt from a text file of ids; - is standard input"},
    {"max-tokens", 'n', WEIR_OPTION_U32, AT(max_tokens), "N",
     "generate at most N; 0: only run the prompt;\n"
     "default: until the end token or a full context"},
    {"ignore-eos", 0, WEIR_OPTION_FLAG, AT(ignore_eos), NULL, "do not stop at the end token"},
    {"temperature", 0, WEIR_OPTION_FLOAT, AT(sampling.temperature), "X",
     "0: always the likeliest; sampling not given here is\nwhat the model's makers recommend"},
    {"top-k", 0, WEIR_OPTION_U32, AT(sampling.top_k), "N", "only the N likeliest; 0: all"},
    {"top-p", 0, WEIR_OPTION_FLOAT, AT(sampling.top_p), "X",
     "only the likeliest that together reach X; 1: all"},
    {"min-p", 0, WEIR_OPTION_FLOAT, AT(sampling.min_p), "X",
     "only those at least X times as likely as the likeliest; 0: all"},
    {"repetition-penalty", 0, WEIR_OPTION_FLOAT, AT(sampling.repetition_penalty), "X",
     "divides what has occurred; 1: none"},
    {"repeat-last-n", 0, WEIR_OPTION_U32, AT(sampling.repeat_last_n), "N",
     "that penalty looks at the last N tokens; 0: all"},
    {"presence-penalty", 0, WEIR_OPTION_FLOAT, AT(sampling.presence_penalty), "X",
     "subtracted from what the answer holds; 0: none"},
    {"frequency-penalty", 0, WEIR_OPTION_FLOAT, AT(sampling.frequency_penalty), "X",
     "subtracted for each time the answer holds it; 0: none"},
    {"logit-bias", 0, WEIR_OPTION_BIASES, AT(bias), "ID:X,...", "added to the logits of these ids"},
    {"seed", 0, WEIR_OPTION_U64, AT(sampling.seed), "N",
     "same seed, same ids; default: drawn, and told on standard error"},
    {"ctx", 'c', WEIR_OPTION_U32, AT(n_ctx), "N",
     "tokens of prompt and answer together; default: the model's,\n8192 at most"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"device", 0, WEIR_OPTION_STRING, AT(device), "NAME",
     "cpu (default) or reference, the plain C oracle"},
    {"isa", 0, WEIR_OPTION_STRING, AT(isa), "NAME",
     "no kernels above: portable, avx2, avx512, neon; default: the best"},
    {"kv-type", 0, WEIR_OPTION_STRING, AT(kv_type), "T", "f16 (default), f32 or q8"},
    {"no-map", 0, WEIR_OPTION_FLAG, AT(no_map), NULL,
     "read the weights into memory that cannot be evicted, instead of\n"
     "computing on the mapped file"},
    {"max-memory", 0, WEIR_OPTION_SIZE, AT(max_bytes), "SIZE",
     "refuse to start if more is needed (800MB, 1.5GiB);\ndefault: what is available"},
    {"load", 0, WEIR_OPTION_STRING, AT(load), "FILE",
     "go on from a saved timeline; --tokens is added to it"},
    {"save", 0, WEIR_OPTION_STRING, AT(save), "FILE",
     "save the timeline at the end; FILE is replaced"},
    {"stats", 'v', WEIR_OPTION_FLAG, AT(wants_stats), NULL,
     "speeds, memory and sampling, on standard error"},
};

#undef AT

/* ---- what goes in ------------------------------------------------------------------------- */

enum { MAX_TOKENS_FILE_BYTES = 64 << 20 };

/* All of standard input, with a 0 behind it. */
static weir_status read_standard_input(char **text, size_t *n_text, weir_error *err) {
    size_t n = 0, cap = 1 << 16;
    *text = NULL;
    for (;;) {
        char *larger = realloc(*text, cap);
        if (!larger)
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "standard input: no memory for the ids");
        *text = larger;
        n += fread(*text + n, 1, cap - n - 1, stdin);
        (*text)[n] = 0;
        if (n + 1 < cap)
            break;
        if (n > MAX_TOKENS_FILE_BYTES)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "standard input: more than %d bytes",
                             MAX_TOKENS_FILE_BYTES);
        cap *= 2;
    }
    if (ferror(stdin))
        return weir_fail(err, WEIR_STATUS_IO, "standard input: cannot be read");
    *n_text = n;
    return WEIR_STATUS_OK;
}

static weir_status read_tokens_file(weir_token_list *out, const char *path, weir_error *err) {
    char *text = NULL;
    size_t n;
    bool is_standard_input = strcmp(path, "-") == 0;
    const char *where = is_standard_input ? "standard input" : path;
    weir_status status = is_standard_input
                             ? read_standard_input(&text, &n, err)
                             : weir_file_read(path, MAX_TOKENS_FILE_BYTES, &text, &n, err);
    if (status == WEIR_STATUS_OK && strlen(text) < n)
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: byte %zu is 0, expected a text of ids",
                           where, strlen(text));
    if (status == WEIR_STATUS_OK)
        status = weir_parse_tokens(out, text, where, err);
    free(text);
    if (status == WEIR_STATUS_BAD_ARGUMENT) /* here it is the file that is wrong */
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s", err->text);
    return status;
}

/* The model's recommendation, with what the command line says in its place. */
static const char *fill_sampling(weir_sampling *out, const weir_model *model,
                                 const weir_parsed *parsed) {
    const run_values *values = parsed->values;
    const weir_sampling *given = &values->sampling;
    const char *source = NULL;
    weir_sampling_for_model(out, model, &source);
    if (weir_option_given(parsed, "temperature"))
        out->temperature = given->temperature;
    if (weir_option_given(parsed, "top-k"))
        out->top_k = given->top_k;
    if (weir_option_given(parsed, "top-p"))
        out->top_p = given->top_p;
    if (weir_option_given(parsed, "min-p"))
        out->min_p = given->min_p;
    if (weir_option_given(parsed, "repetition-penalty"))
        out->repetition_penalty = given->repetition_penalty;
    if (weir_option_given(parsed, "repeat-last-n"))
        out->repeat_last_n = given->repeat_last_n;
    if (weir_option_given(parsed, "presence-penalty"))
        out->presence_penalty = given->presence_penalty;
    if (weir_option_given(parsed, "frequency-penalty"))
        out->frequency_penalty = given->frequency_penalty;
    out->bias = values->bias.item;
    out->n_bias = values->bias.n;
    if (weir_option_given(parsed, "seed")) {
        out->seed = given->seed;
    } else if (out->temperature > 0) {
        out->seed = weir_seed_random();
        weir_say("seed %llu", (unsigned long long)out->seed);
    }
    return source;
}

/* ---- what comes out ----------------------------------------------------------------------- */

static bool print_token(void *context, int32_t token) {
    size_t *n_printed = context;
    printf("%s%d", *n_printed ? "," : "", token);
    *n_printed += 1;
    /* A reader that has gone, or a full disk: there is nobody to generate for. */
    return fflush(stdout) == 0 && !weir_interrupted();
}

static void say_model(const weir_engine *engine, const weir_sampling *sampling,
                      const char *source) {
    weir_model_info info;
    char bytes[WEIR_AMOUNT_TEXT];
    weir_model_get_info(weir_engine_model(engine), &info);
    weir_say("model      %s, %s, %s, %s", info.arch, info.file_type,
             weir_bytes_text(bytes, info.weight_bytes), weir_engine_describe(engine));
    weir_say("sampling   temperature %g, top-k %u, top-p %g, min-p %g, repetition penalty %g, "
             "repeat-last-n %u, presence %g, frequency %g (defaults: %s)",
             (double)sampling->temperature, sampling->top_k, (double)sampling->top_p,
             (double)sampling->min_p, (double)sampling->repetition_penalty, sampling->repeat_last_n,
             (double)sampling->presence_penalty, (double)sampling->frequency_penalty,
             source ? source : "neutral");
}

static void say_load(const weir_engine *engine, double seconds) {
    weir_model_info info;
    weir_model_get_info(weir_engine_model(engine), &info);
    weir_say("loaded     in %.2f s, %.2f GB/s", seconds,
             seconds > 0 ? (double)info.weight_bytes * 1e-9 / seconds : 0.0);
}

static void say_speed(const char *what, uint32_t n_tokens, double seconds) {
    if (seconds > 0)
        weir_say("%s %u tokens in %.3f s, %.1f tok/s", what, n_tokens, seconds, n_tokens / seconds);
    else
        weir_say("%s %u tokens", what, n_tokens);
}

static void say_memory(const weir_engine *engine) {
    weir_plan plan;
    char bytes[WEIR_AMOUNT_TEXT];
    weir_engine_memory(engine, &plan);
    for (size_t i = 0; i < plan.n_items; i++)
        weir_say("memory     %-16s %s", plan.item[i].what,
                 weir_bytes_text(bytes, plan.item[i].bytes));
    weir_say("memory     %-16s %s", "total", weir_bytes_text(bytes, plan.total_bytes));
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        weir_say("memory     %-16s %s", "peak",
                 weir_bytes_text(bytes, (uint64_t)usage.ru_maxrss * 1024));
}

/* ---- the run ------------------------------------------------------------------------------ */

/* What a run holds; everything may be NULL. */
typedef struct session {
    weir_model *model;
    weir_engine *engine;
    weir_seq *seq;
    weir_sampler *sampler;
    weir_token_list file_tokens;
    double load_s; /* opening model and engine: the weights are in memory */
} session;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static weir_status open_session(session *s, const weir_parsed *parsed, weir_error *err) {
    const run_values *values = parsed->values;
    weir_engine_options options_of_engine = {
        .device = values->device,
        .isa = values->isa,
        .kv_type = values->kv_type,
        .n_threads = values->n_threads,
        .n_ctx = values->n_ctx,
        .max_bytes = values->max_bytes,
        .no_map = values->no_map,
        .progress = weir_console_progress(),
    };
    if (values->tokens_file)
        WEIR_TRY(read_tokens_file(&s->file_tokens, values->tokens_file, err));
    double start_s = now_s();
    WEIR_TRY(weir_model_open(&s->model, parsed->operands[0], err));
    WEIR_TRY(weir_engine_open(&s->engine, s->model, &options_of_engine, err));
    s->load_s = now_s() - start_s;
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
    weir_model_close(&s->model);
    free(s->file_tokens.item);
}

/* Runs the prompt and generates. The line on standard output is ended on every path. */
static weir_status generate(session *s, const weir_parsed *parsed, weir_generate_result *result,
                            weir_error *err) {
    const run_values *values = parsed->values;
    size_t n_printed = 0;
    weir_generate_options generate_options = {
        .max_tokens = values->max_tokens,
        .ignore_eos = values->ignore_eos,
        .on_token = print_token,
        .context = &n_printed,
    };
    weir_status status = weir_generate(s->seq, s->sampler, &generate_options, result, err);
    /* The callback is not told of the token that ended the answer; it is an id of it all the same.
     */
    if (status == WEIR_STATUS_OK && result->finish == WEIR_FINISH_STOP)
        print_token(&n_printed, weir_seq_tokens(s->seq)[weir_seq_n_tokens(s->seq) - 1]);
    putchar('\n');
    fflush(stdout); /* before anything is said on standard error; a failure shows at the end */
    if (status == WEIR_STATUS_OK && weir_interrupted())
        return weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted");
    return status;
}

static weir_status run_session(session *s, const weir_parsed *parsed, weir_error *err) {
    const run_values *values = parsed->values;
    weir_sampling sampling;
    WEIR_TRY(open_session(s, parsed, err));
    const char *source = fill_sampling(&sampling, s->model, parsed);
    WEIR_TRY(weir_sampler_open(&s->sampler, s->model, &sampling, err));
    if (values->wants_stats) {
        say_model(s->engine, &sampling, source);
        say_load(s->engine, s->load_s);
    }
    weir_generate_result result = {.finish = WEIR_FINISH_LENGTH};
    /* For the library 0 tokens mean no limit; for whoever types it they mean none. */
    if (weir_option_given(parsed, "max-tokens") && values->max_tokens == 0) {
        result.n_prompt = (uint32_t)weir_seq_n_pending(s->seq);
        double start_s = now_s();
        WEIR_TRY(weir_seq_run(s->seq, err));
        result.prompt_s = now_s() - start_s;
    } else {
        WEIR_TRY(generate(s, parsed, &result, err));
    }
    if (values->save) {
        /* So that a later --load goes on without running anything again. */
        WEIR_TRY(weir_seq_run(s->seq, err));
        WEIR_TRY(weir_seq_save(s->seq, values->save, err));
    }
    if (values->wants_stats) {
        static const char *const finishes[] = {"at the end token", "at the limit", "by the caller"};
        say_speed("prompt    ", result.n_prompt, result.prompt_s);
        say_speed("generated ", result.n_generated, result.generate_s);
        weir_say("ended      %s", finishes[result.finish]);
        say_memory(s->engine);
    }
    return WEIR_STATUS_OK;
}

static bool is_same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int run(const weir_parsed *parsed) {
    const run_values *values = parsed->values;
    bool has_tokens = weir_option_given(parsed, "tokens");
    if (has_tokens && values->tokens_file) {
        weir_say("weir run: --tokens and --tokens-file exclude each other");
        return WEIR_EXIT_USAGE;
    }
    if (!has_tokens && !values->tokens_file && !values->load) {
        weir_say("weir run: a prompt is missing; give --tokens, --tokens-file or --load");
        return WEIR_EXIT_USAGE;
    }
    if (values->save && is_same_file(values->save, parsed->operands[0])) {
        weir_say("weir run: --save: the file is the model itself and would be replaced");
        return WEIR_EXIT_USAGE;
    }
    session s = {0};
    weir_error err = {0};
    weir_status status = run_session(&s, parsed, &err);
    close_session(&s);
    return weir_tell_failure("run", status, &err);
}

const weir_verb weir_verb_run = {
    .name = "run",
    .summary = "Runs a model over token ids and prints the ids it generates",
    .operands = "MODEL",
    .n_operands_min = 1,
    .n_operands_max = 1,
    .details = "MODEL is a GGUF file or a Hugging Face folder. Ids are printed as they come, with\n"
               "commas between them; the line can be given back as --tokens.\n"
               "\n"
               "  weir run tiny.gguf --tokens 1,6,11 --max-tokens 32\n"
               "  weir run tiny.gguf --tokens 1,6,11 --max-tokens 0 --save prompt.state\n"
               "  weir run tiny.gguf --load prompt.state --tokens 42 --temperature 0.3 --seed 7\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(run_values),
    .run = run,
};
