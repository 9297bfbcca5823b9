/*
 * verb_run.c: `weir run`: the command line, and which of the ways of a run it means.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "console.h"
#include "model_lookup.h"
#include "packed_use.h"
#include "run.h"
#include "verbs.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(weir_run_values, field)

static const weir_option options[] = {
    {"the prompt", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"file", 'f', WEIR_OPTION_STRINGS, AT(files), "FILE",
     "the prompt from a file, behind PROMPT if both are given;\n"
     "- is standard input; may be repeated"},
    {"system", 's', WEIR_OPTION_STRING, AT(system), "TEXT", "the system prompt"},
    {"system-file", 0, WEIR_OPTION_STRING, AT(system_file), "FILE",
     "the system prompt from a file"},
    {"template", 0, WEIR_OPTION_STRING, AT(template_file), "FILE",
     "another chat template than the model's own"},
    {"template-arg", 0, WEIR_OPTION_STRINGS, AT(template_arguments), "NAME=JSON",
     "a variable for the template; may be repeated"},
    {"no-template", 0, WEIR_OPTION_FLAG, AT(no_template), NULL,
     "complete the prompt as plain text, as models without a template do"},
    {"control", 0, WEIR_OPTION_FLAG, AT(matches_control), NULL,
     "in plain text, control tokens such as <|fim_pre|> count as such"},
    {"tokens", 0, WEIR_OPTION_TOKENS, AT(tokens), "ID,ID,...",
     "the prompt as token ids; the answer comes as ids too"},
    {"tokens-file", 0, WEIR_OPTION_STRING, AT(tokens_file), "FILE",
     "the same from a text file of ids; - is standard input"},
    {"load", 0, WEIR_OPTION_STRING, AT(load), "FILE",
     "ids: go on from a saved timeline; --tokens is added to it"},
    {"save", 0, WEIR_OPTION_STRING, AT(save), "FILE",
     "ids: save the timeline at the end; FILE is replaced"},

    {"the answer", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"max-tokens", 'n', WEIR_OPTION_U32, AT(max_tokens), "N",
     "generate at most N; 0: only run the prompt;\n"
     "default: until the end token or a full context"},
    {"stop", 0, WEIR_OPTION_STRINGS, AT(stop), "TEXT",
     "end the answer where TEXT would begin; may be repeated"},
    {"ignore-eos", 0, WEIR_OPTION_FLAG, AT(ignore_eos), NULL, "do not stop at the end token"},
    {"json-schema", 0, WEIR_OPTION_STRING, AT(json_schema), "SCHEMA",
     "the answer is JSON that this schema allows: a file, or the schema\n"
     "itself ({..}); a schema that cannot be enforced is refused"},
    {"grammar", 0, WEIR_OPTION_STRING, AT(grammar_file), "FILE",
     "the answer follows a grammar in GBNF"},
    {"regex", 0, WEIR_OPTION_STRING, AT(regex), "REGEX", "the whole answer matches"},
    {"choice", 0, WEIR_OPTION_STRINGS, AT(choices), "TEXT",
     "the answer is TEXT; repeated, one of them"},
    {"think", 0, WEIR_OPTION_CHOICE, AT(think), "show|hide|off",
     "thinking goes to standard error (default on a terminal), nowhere\n"
     "(default elsewhere), or is ended as soon as it begins"},
    {"think-budget", 0, WEIR_OPTION_U32, AT(think_budget), "N",
     "end the thinking after N tokens of it"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL,
     "the answer, all messages that led to it, and what is known about\n"
     "them as one JSON object"},
    {"stats", 'v', WEIR_OPTION_FLAG, AT(wants_stats), NULL,
     "speeds, memory and sampling, on standard error"},
    {"dump-tokens", 0, WEIR_OPTION_FLAG, AT(dumps_tokens), NULL,
     "print the tokens of the prompt, one a line, and end; reads no weights"},
    {"dump-logprobs", 0, WEIR_OPTION_STRING, AT(logprobs_file), "FILE",
     "write the probability of each token of the answer, as JSON lines"},
    {"logprobs-top", 0, WEIR_OPTION_U32, AT(logprobs_top), "N",
     "with the N likeliest tokens of its place, at most 64; default 5"},
    {"color", 0, WEIR_OPTION_CHOICE, AT(color), "auto|always|never",
     "default: on a terminal, unless NO_COLOR is set"},

    {"calls of tools", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"tools", 0, WEIR_OPTION_STRING, AT(tools_file), "FILE.json",
     "tools that the model may call: an array of their schemas"},
    {"tool-command", 0, WEIR_OPTION_STRING, AT(tool_command), "COMMAND",
     "answers calls: run by sh with {\"name\", \"arguments\"} on standard\n"
     "input; what it prints is the result. Without it calls are shown"},
    {"tool-rounds", 0, WEIR_OPTION_U32, AT(tool_rounds), "N",
     "how often the results of calls may lead to further calls; default 8"},

    {"sampling", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
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
     "same seed, same answer; default: drawn, and told with --stats\n"
     "or --json, for ids on standard error"},

    {"a conversation at the terminal", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"resume", 0, WEIR_OPTION_STRING, AT(resume), "NAME",
     "go on with a saved conversation; last: the latest"},
    {"no-autosave", 0, WEIR_OPTION_FLAG, AT(no_autosave), NULL, "do not save it as it goes"},
    {"no-history", 0, WEIR_OPTION_FLAG, AT(no_history), NULL, "do not remember typed lines"},

    {"the engine", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"lora", 0, WEIR_OPTION_STRINGS, AT(loras), "ADAPTER",
     "[NAME=]FILE[:SCALE]: a LoRA adapter, GGUF or PEFT folder; given\nseveral times, all count"},
    {"ctx", 'c', WEIR_OPTION_U32, AT(n_ctx), "N",
     "tokens of prompt and answer together; default: the model's,\n8192 at most"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"no-pin", 0, WEIR_OPTION_FLAG, AT(no_pin), NULL, WEIR_NO_PIN_HELP},
    {"device", 0, WEIR_OPTION_CHOICE, AT(device), WEIR_DEVICE_CHOICE, WEIR_DEVICE_HELP},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"kv-type", 0, WEIR_OPTION_CHOICE, AT(kv_type), "f16|f32|q8",
     "how keys and values are kept; default: f16"},
    {"lookup", 0, WEIR_OPTION_STRING, AT(lookup), "N",
     "run up to N guessed tokens ahead, 16 at most, where the text repeats\n"
     "itself and it is measured to pay; auto (default): 8; off: none.\n"
     "The answer is the same, bit for bit"},
    {"activations", 0, WEIR_OPTION_CHOICE, AT(activations), WEIR_ACTIVATIONS_CHOICE,
     "in products; cpu: q8 (default), with quantized weights rounded to 8\n"
     "bits by groups of 32, fast; q15: to 15 bits, slower prompts; f32:\n"
     "exact, slower, computed on the mapped file; parity: the same, with\n"
     "activations as llama.cpp rounds them; cuda: bf16 (default), fast;\n"
     "f32: exact, slower"},
    {"no-map", 0, WEIR_OPTION_FLAG, AT(no_map), NULL,
     "weights that are not packed (f32, f16, bf16, q2_k, q3_k, odd shapes,\n"
     "or all with --activations f32 or parity): read them into memory that\n"
     "cannot be evicted, instead of computing on the mapped file"},
    {"packed", 0, WEIR_OPTION_STRING, AT(packed), "FILE", WEIR_PACKED_HELP},
    {"max-memory", 0, WEIR_OPTION_SIZE, AT(max_bytes), "SIZE",
     "refuse to start if more is needed (800MB, 1.5GiB);\ndefault: what is available"},
    {"ram", 0, WEIR_OPTION_SIZE, AT(ram_bytes), "SIZE",
     "all that weir may take (8GB, 7.5GiB): experts that do not fit are read\n"
     "from the disk when they are needed, slower, with the same answer"},
};

#undef AT

/* ---- which run is meant ------------------------------------------------------------------- */

static bool wants_ids(const weir_parsed *parsed) {
    const weir_run_values *values = parsed->values;
    return weir_option_given(parsed, "tokens") || values->tokens_file || values->load ||
           values->save;
}

static weir_status refuse_together(const weir_parsed *parsed, const char *const *flags, size_t n,
                                   const char *why, weir_error *err) {
    for (size_t i = 0; i < n; i++)
        if (weir_option_given(parsed, flags[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s %s", flags[i], why);
    return WEIR_STATUS_OK;
}

static weir_status check_ids(const weir_parsed *parsed, weir_error *err) {
    static const char *const of_text[] = {
        "file",         "system",        "system-file",  "template",    "template-arg",
        "no-template",  "control",       "stop",         "think",       "think-budget",
        "dump-tokens",  "dump-logprobs", "logprobs-top", "color",       "tools",
        "tool-command", "tool-rounds",   "resume",       "no-autosave", "no-history",
        "json-schema",  "grammar",       "regex",        "choice"};
    const weir_run_values *values = parsed->values;
    WEIR_TRY(refuse_together(parsed, of_text, WEIR_COUNT(of_text),
                             "is for text; here the prompt is token ids", err));
    if (weir_option_given(parsed, "tokens") && values->tokens_file)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--tokens and --tokens-file exclude each other");
    if (parsed->n_operands > 1)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "PROMPT and token ids exclude each other");
    bool has_prompt = weir_option_given(parsed, "tokens") || values->tokens_file || values->load;
    return has_prompt ? WEIR_STATUS_OK
                      : weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                                  "--save: expected --tokens, --tokens-file or --load with it");
}

/* What weir itself tells a template cannot be told otherwise. */
static weir_status check_template(const weir_run_values *values, weir_error *err) {
    static const char *const own[] = {"messages", "tools", "add_generation_prompt", "bos_token",
                                      "eos_token"};
    if (values->template_file && values->no_template)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--template and --no-template exclude each other");
    for (size_t i = 0; i < values->template_arguments.n; i++) {
        const char *argument = values->template_arguments.item[i];
        size_t n_name = strcspn(argument, "=");
        for (size_t k = 0; k < WEIR_COUNT(own); k++)
            if (strlen(own[k]) == n_name && memcmp(own[k], argument, n_name) == 0)
                return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                                 "--template-arg %s: weir sets this variable itself", own[k]);
    }
    return WEIR_STATUS_OK;
}

/* A conversation that is resumed may have its tools from its file. */
static weir_status check_tools(const weir_parsed *parsed, weir_error *err) {
    static const char *const of_tools[] = {"tool-command", "tool-rounds"};
    const weir_run_values *values = parsed->values;
    if (values->tools_file || values->resume)
        return WEIR_STATUS_OK;
    return refuse_together(parsed, of_tools, WEIR_COUNT(of_tools),
                           "is for calls of tools; expected --tools with it", err);
}

/* Calls of tools are no text that a grammar of the user's own allows. */
static weir_status check_constraint(const weir_run_values *values, weir_error *err) {
    const char *flag;
    WEIR_TRY(weir_run_constraint_flag(&flag, values, err));
    return flag && values->tools_file
               ? weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                           "--%s and --tools exclude each other: an answer that has to be one "
                           "thing can call nothing",
                           flag)
               : WEIR_STATUS_OK;
}

static weir_status check_logprobs(const weir_parsed *parsed, weir_error *err) {
    const weir_run_values *values = parsed->values;
    if (values->logprobs_file && strcmp(values->logprobs_file, "-") == 0)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--dump-logprobs -: standard output has the answer; expected a file");
    if (values->logprobs_top > 64)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--logprobs-top: expected at most 64");
    if (weir_option_given(parsed, "logprobs-top") && !values->logprobs_file)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--logprobs-top: expected --dump-logprobs with it");
    return WEIR_STATUS_OK;
}

static weir_status check_flags(const weir_parsed *parsed, weir_error *err) {
    if (weir_option_given_zero(parsed, "ram"))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--ram: expected more than 0");
    static const char *const of_answers[] = {"dump-logprobs", "stats"};
    const weir_run_values *values = parsed->values;
    if (wants_ids(parsed))
        WEIR_TRY(check_ids(parsed, err));
    WEIR_TRY(check_template(values, err));
    WEIR_TRY(check_tools(parsed, err));
    WEIR_TRY(check_constraint(values, err));
    WEIR_TRY(check_logprobs(parsed, err));
    uint32_t n_lookup;
    WEIR_TRY(weir_run_lookup(&n_lookup, values, err));
    return values->dumps_tokens
               ? refuse_together(parsed, of_answers, WEIR_COUNT(of_answers),
                                 "tells about an answer; --dump-tokens ends before there is one",
                                 err)
               : WEIR_STATUS_OK;
}

/* A text with white space in it, which names of models have not. A path may have some: it begins as
 * paths do, or has the ending of a file of weights. */
static bool is_prompt(const char *text) {
    static const char ending[] = ".gguf";
    size_t n = strlen(text), n_ending = strlen(ending);
    bool is_path = text[0] == '/' || strncmp(text, "./", 2) == 0 || strncmp(text, "../", 3) == 0 ||
                   (n >= n_ending && strcmp(text + n - n_ending, ending) == 0);
    return text[strcspn(text, " \t\n\v\f\r")] != 0 && !is_path;
}

/* One operand is a model if there is such a one. Else it may be a prompt for the default model, or
 * standard input. */
static void read_operands(const weir_parsed *parsed, const char **model, const char **prompt) {
    *model = parsed->n_operands > 0 ? parsed->operands[0] : weir_default_model;
    *prompt = parsed->n_operands > 1 ? parsed->operands[1] : NULL;
    if (parsed->n_operands == 1 && !weir_model_exists(*model) &&
        (is_prompt(*model) || strcmp(*model, "-") == 0)) {
        *prompt = *model;
        *model = weir_default_model;
    }
}

/* One word may have been meant as a prompt. */
static weir_status find_model(const weir_parsed *parsed, const char *model, char **path,
                              weir_error *err) {
    weir_status status = weir_find_model(model, path, err);
    bool may_be_prompt =
        parsed->n_operands == 1 && model == parsed->operands[0] && !strchr(model, '/');
    return status == WEIR_STATUS_OK || !may_be_prompt
               ? status
               : weir_fail_within(
                     err, status,
                     "'%.60s' is no MODEL, and a PROMPT of one word needs one before it", model);
}

static int run(const weir_parsed *parsed) {
    const char *model, *prompt;
    char *path = NULL;
    int exit_code = WEIR_EXIT_DONE;
    weir_error err = {0};
    weir_status status = check_flags(parsed, &err);
    read_operands(parsed, &model, &prompt);
    if (status == WEIR_STATUS_OK)
        status = find_model(parsed, model, &path, &err);
    if (status == WEIR_STATUS_OK)
        status = wants_ids(parsed) ? weir_run_tokens(parsed, path, &err)
                                   : weir_run_text(parsed, path, prompt, &exit_code, &err);
    free(path);
    return status == WEIR_STATUS_OK ? exit_code : weir_tell_failure("run", status, &err);
}

const weir_verb weir_verb_run = {
    .name = "run",
    .summary = "Answers a prompt, or talks",
    .operands = "[MODEL] [PROMPT]",
    .n_operands_min = 0,
    .n_operands_max = 2,
    .details =
        "MODEL is a GGUF file, a Hugging Face folder, ORG/NAME[:QUANT] as `weir pull` fetched it, "
        "or\n"
        "the name of one in $XDG_DATA_HOME/weir/models, in share/weir/models beside the program's\n"
        "bin, or in models/ beside the program or its source; left out, it is weir-nano. PROMPT "
        "may\n"
        "be - for standard input. Without a prompt standard input is read, and if that is a\n"
        "terminal, a conversation begins; /help explains it. The answer alone goes to\n"
        "standard output, calls of tools that nobody answers as JSON lines; all else goes to\n"
        "standard error.\n"
        "\n"
        "  weir run\n"
        "  weir run model.gguf \"Why is the sky blue?\"\n"
        "  weir run model.gguf \"Sum this up:\" --file notes.txt --max-tokens 200\n"
        "  weir run model.gguf \"What time is it?\" --tools tools.json --tool-command ./answer.sh\n"
        "  weir run base.gguf --no-template \"Once upon a time\"\n"
        "  weir run tiny.gguf --tokens 1,6,11 --max-tokens 0 --save prompt.state\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(weir_run_values),
    .run = run,
};
