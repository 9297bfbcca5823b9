/*
 * run_text.c: `weir run` over text: one prompt, one answer; or a conversation, if standard input is
 * a terminal and nothing else gives a prompt.
 *
 * Owns what goes where: the answer alone to standard output, whole code points as they come;
 * thinking and warnings to standard error; with --json one object at the end and nothing else.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"
#include "chat.h"
#include "chat_loop.h"
#include "console.h"
#include "interrupt.h"
#include "run.h"
#include "run_output.h"
#include "text_input.h"
#include "token_print.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_TOP = 5 };

/* What a run holds; everything may be empty. */
typedef struct text_run {
    const weir_parsed *parsed;
    const weir_run_values *values;
    const char *operand; /* of the prompt */
    weir_host *host;
    weir_chat *chat;
    weir_constraint constraint;
    weir_text_buffer prompt;
    bool has_prompt;
    const char *sampling_source;
    weir_run_output *output;
} text_run;

/* ---- the prompt --------------------------------------------------------------------------- */

static weir_status add_input(weir_text_buffer *prompt, const char *path, const char *what,
                             weir_error *err) {
    char *text;
    size_t n;
    WEIR_TRY(weir_text_input_read(&text, &n, path, what, err));
    if (weir_utf8_valid(text, n) < n)
        weir_say("weir run: %s: byte %zu is no UTF-8; such bytes are read as U+FFFD",
                 weir_text_input_name(path), weir_utf8_valid(text, n));
    if (prompt->n > 0 && prompt->data[prompt->n - 1] != '\n')
        weir_text_buffer_say(prompt, "\n");
    weir_text_buffer_add(prompt, text, n);
    free(text);
    return weir_text_buffer_check(prompt, "the prompt", err);
}

static bool is_dash(const char *path) {
    return path && strcmp(path, "-") == 0;
}

/* A conversation has no use for the line feed at the end of a file or a pipe. Plain text goes on
 * exactly where it ends. */
static void trim_end(weir_text_buffer *text) {
    while (text->n > 0 && text->data[text->n - 1] == '\n')
        text->data[--text->n] = 0;
}

static bool is_piped(const text_run *r) {
    return !r->operand && r->values->files.n == 0 && !isatty(STDIN_FILENO);
}

static weir_status check_standard_input(const text_run *r, weir_error *err) {
    const weir_run_values *values = r->values;
    const char *const paths[] = {r->operand,         values->system_file, values->template_file,
                                 values->tools_file, values->json_schema, values->grammar_file};
    size_t n_readers = is_piped(r);
    for (size_t i = 0; i < WEIR_COUNT(paths); i++)
        n_readers += is_dash(paths[i]);
    for (size_t i = 0; i < values->files.n; i++)
        n_readers += is_dash(values->files.item[i]);
    return n_readers <= 1
               ? WEIR_STATUS_OK
               : weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "standard input can be read only once");
}

/* The operand, then the files; standard input where nothing else is given and it is no terminal. */
static weir_status read_prompt(text_run *r, weir_error *err) {
    const weir_string_list *files = &r->values->files;
    bool is_input = is_piped(r) || is_dash(r->operand);
    if (is_input)
        WEIR_TRY(add_input(&r->prompt, "-", "the prompt", err));
    else if (r->operand)
        weir_text_buffer_say(&r->prompt, r->operand);
    for (size_t i = 0; i < files->n; i++)
        WEIR_TRY(add_input(&r->prompt, files->item[i], "the prompt", err));
    bool is_read = is_input || files->n > 0;
    if (r->host->tmpl && is_read)
        trim_end(&r->prompt);
    WEIR_TRY(weir_text_buffer_check(&r->prompt, "the prompt", err));
    /* An empty operand is what somebody has typed; an empty file or pipe is a mishap. */
    return is_read && r->prompt.n == 0
               ? weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "a prompt is missing: %s is empty",
                           files->n > 0 ? weir_text_input_name(files->item[files->n - 1])
                                        : weir_text_input_name(NULL))
               : WEIR_STATUS_OK;
}

static weir_status set_system(text_run *r, weir_error *err) {
    const weir_run_values *values = r->values;
    if (values->system && values->system_file)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--system and --system-file exclude each other");
    if (values->system)
        return weir_chat_set_system(r->chat, values->system, strlen(values->system), err);
    if (!values->system_file)
        return WEIR_STATUS_OK;
    weir_text_buffer text = {0};
    weir_status status = add_input(&text, values->system_file, "the system prompt", err);
    trim_end(&text);
    if (status == WEIR_STATUS_OK)
        status = weir_chat_set_system(r->chat, text.data ? text.data : "", text.n, err);
    weir_text_buffer_free(&text);
    return status;
}

static weir_status set_tools(text_run *r, weir_error *err) {
    const weir_run_values *values = r->values;
    if (!values->tools_file)
        return WEIR_STATUS_OK;
    if (!r->host->form.renders_tools)
        weir_say("weir run: --tools: the template tells the model nothing about tools");
    return weir_tools_read(&weir_chat_conversation(r->chat)->tools, values->tools_file, err);
}

/* Flags that the other way to run has a use for. */
static weir_status check_way(const text_run *r, weir_error *err) {
    static const char *const of_prompts[] = {"json", "dump-tokens", "dump-logprobs"};
    static const char *const of_chats[] = {"resume", "no-autosave", "no-history"};
    for (size_t i = 0; !r->has_prompt && i < WEIR_COUNT(of_prompts); i++)
        if (weir_option_given(r->parsed, of_prompts[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "--%s is for one answer; expected a PROMPT, --file, or a prompt on "
                             "standard input",
                             of_prompts[i]);
    for (size_t i = 0; r->has_prompt && i < WEIR_COUNT(of_chats); i++)
        if (weir_option_given(r->parsed, of_chats[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "--%s is for a conversation at a terminal; here is a prompt",
                             of_chats[i]);
    if (r->has_prompt && weir_option_given(r->parsed, "tool-rounds") && !r->values->tool_command)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--tool-rounds: expected --tool-command with it; without one the first "
                         "call ends the run");
    return WEIR_STATUS_OK;
}

/* Flags that only a template has a use for, and those that it has none for. */
static weir_status check_plain(const text_run *r, weir_error *err) {
    static const char *const flags[] = {"system", "system-file", "tools", "think", "think-budget"};
    for (size_t i = 0; !r->host->tmpl && i < WEIR_COUNT(flags); i++)
        if (weir_option_given(r->parsed, flags[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "--%s: without a template plain text is completed; expected a model "
                             "with one, or --template",
                             flags[i]);
    if (r->host->tmpl && r->values->matches_control)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--control is for plain text; expected --no-template with it");
    return WEIR_STATUS_OK;
}

/* ---- open and close ----------------------------------------------------------------------- */

static weir_status open_run(text_run *r, const char *model_path, weir_error *err) {
    const weir_run_values *values = r->values;
    weir_host_options options = {
        .model_path = model_path,
        .template_path = values->template_file,
        .no_template = values->no_template,
        .matches_control = values->matches_control,
        .template_arguments = values->template_arguments.item,
        .n_template_arguments = values->template_arguments.n,
        .loras = values->loras,
        .engine = weir_run_engine(values),
        .ram_bytes = values->ram_bytes,
        .packed = values->packed,
    };
    WEIR_TRY(weir_run_lookup(&options.n_lookup, values, err));
    WEIR_TRY(weir_host_open(&r->host, &options, err));
    WEIR_TRY(check_plain(r, err));
    if (r->host->hides_users)
        weir_say("weir run: the template does not show what the user says");
    WEIR_TRY(weir_chat_open(&r->chat, r->host, err));
    WEIR_TRY(set_system(r, err));
    WEIR_TRY(set_tools(r, err));
    WEIR_TRY(weir_run_constraint(&r->constraint, r->host, values, err));
    if (r->constraint.grammar)
        weir_chat_set_constraint(r->chat, &r->constraint);
    WEIR_TRY(read_prompt(r, err));
    /* Also without weights: thinking that is off changes the prompt. */
    return weir_run_settings(&weir_chat_conversation(r->chat)->settings, NULL, r->parsed, NULL,
                             err);
}

static weir_status load(text_run *r, weir_error *err) {
    weir_settings *settings = &weir_chat_conversation(r->chat)->settings;
    WEIR_TRY(weir_host_load(r->host, err));
    weir_settings_free(settings);
    WEIR_TRY(weir_run_settings(settings, r->host->model, r->parsed, &r->sampling_source, err));
    if (r->values->wants_stats)
        weir_run_say_model(r->host->engine, &settings->sampling, r->sampling_source,
                           r->host->load_s);
    return WEIR_STATUS_OK;
}

static void close_run(text_run *r) {
    weir_run_output_close(&r->output);
    weir_chat_close(&r->chat);
    weir_constraint_close(&r->constraint);
    weir_host_close(&r->host);
    weir_text_buffer_free(&r->prompt);
}

/* ---- ways to run -------------------------------------------------------------------------- */

static weir_status dump_tokens(const text_run *r, weir_error *err) {
    weir_prompt prompt;
    WEIR_TRY(weir_chat_prompt(r->chat, true, &prompt, err));
    weir_status status = WEIR_STATUS_OK;
    if (r->values->as_json) {
        weir_text_buffer json = {0};
        weir_text_buffer_say(&json, "{\"text\": ");
        weir_text_buffer_add_json(&json, prompt.text, prompt.n_text);
        weir_text_buffer_say(&json, ", \"tokens\": ");
        weir_token_add_json(r->host->tokenizer, prompt.ids, prompt.n_ids, &json);
        weir_text_buffer_say(&json, "}");
        status = weir_text_buffer_check(&json, "the list of tokens", err);
        if (status == WEIR_STATUS_OK)
            puts(json.data);
        weir_text_buffer_free(&json);
    } else {
        weir_token_print_lines(r->host->tokenizer, prompt.ids, prompt.n_ids);
    }
    weir_prompt_free(&prompt);
    return status;
}

static void say_stats(const text_run *r, const weir_answer *last) {
    weir_chat_info info;
    weir_chat_get_info(r->chat, &info);
    weir_run_say_speed("prompt    ", last->n_prompt - last->n_cached, last->prompt_s);
    weir_run_say_generated(last->n_generated, last->generate_s, last->n_drafts,
                           last->n_drafts_taken);
    if (last->n_cached > 0)
        weir_say("cached     %zu tokens of the prompt did not have to be run", last->n_cached);
    weir_say("context    %zu of %zu tokens", info.n_tokens, info.n_ctx);
    if (!r->host->tmpl)
        weir_say("template   none: plain text was completed");
    weir_say("ended      %s", weir_answer_end_name(last->end));
    if (weir_chat_conversation(r->chat)->settings.sampling.temperature > 0)
        weir_say("seed       %llu", (unsigned long long)last->seed);
    weir_run_say_memory(r->host->engine);
}

static weir_color color_of(const char *choice) {
    if (!choice || strcmp(choice, "auto") == 0)
        return WEIR_COLOR_AUTO;
    return strcmp(choice, "always") == 0 ? WEIR_COLOR_ALWAYS : WEIR_COLOR_NEVER;
}

static void say_end(const text_run *r, const weir_answer *last, const weir_message *answer,
                    bool rounds_used_up) {
    if (rounds_used_up)
        weir_say("weir run: the model called tools again after %u rounds; --tool-rounds allows "
                 "more",
                 weir_chat_conversation(r->chat)->settings.tool_rounds);
    if (last->end == WEIR_ANSWER_FULL)
        weir_say("weir run: the context is full and ends the answer; --ctx makes it larger");
    if (last->end == WEIR_ANSWER_LENGTH && answer && answer->reasoning && answer->n_content == 0)
        weir_say("weir run: ended after %zu tokens, still thinking; --max-tokens allows more, "
                 "--think-budget ends the thinking earlier",
                 last->n_generated);
    if (last->is_unfinished && last->end != WEIR_ANSWER_INTERRUPTED)
        weir_say("weir run: the answer ended before it was whole; what stands there is only its "
                 "beginning");
    if (r->values->wants_stats)
        say_stats(r, last);
}

static weir_status run_once(text_run *r, weir_error *err) {
    const weir_conversation *conversation = weir_chat_conversation(r->chat);
    size_t n_before = conversation->n_messages;
    weir_answer last;
    bool rounds_used_up;
    WEIR_TRY(load(r, err));
    weir_run_output_options options = {
        .host = r->host,
        /* Without a terminal nobody looks on while it thinks, unless somebody says so. */
        .shows_thinking = conversation->settings.think == WEIR_THINK_SHOW &&
                          (r->values->think || isatty(STDERR_FILENO)),
        .tool_command = r->values->tool_command,
        .as_json = r->values->as_json,
        .logprobs_path = r->values->logprobs_file,
        .n_top =
            weir_option_given(r->parsed, "logprobs-top") ? r->values->logprobs_top : DEFAULT_TOP,
        .color = color_of(r->values->color),
    };
    WEIR_TRY(weir_run_output_open(&r->output, &options, err));
    weir_turn_hooks hooks = weir_run_output_hooks(r->output);
    weir_status status = weir_chat_turn(r->chat, &hooks, &last, &rounds_used_up, err);
    weir_run_output_end(r->output);
    WEIR_TRY(status);
    const weir_message *turn = conversation->message + n_before;
    size_t n_turn = conversation->n_messages - n_before;
    WEIR_TRY(weir_run_output_finish(r->output, &last, turn, n_turn, err));
    say_end(r, &last, last.n_generated > 0 ? &turn[n_turn - 1] : NULL, rounds_used_up);
    return last.end == WEIR_ANSWER_INTERRUPTED && weir_interrupted()
               ? weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted")
               : WEIR_STATUS_OK;
}

/* Of a conversation that was resumed: the command line counts more than the file. */
static weir_status apply_flags(void *context, weir_chat *chat, weir_error *err) {
    text_run *r = context;
    WEIR_TRY(set_system(r, err));
    if (r->values->tools_file) {
        weir_tools_free(&weir_chat_conversation(chat)->tools);
        WEIR_TRY(set_tools(r, err));
    }
    return weir_run_change_settings(&weir_chat_conversation(chat)->settings, r->parsed, err);
}

static weir_status run_chat(text_run *r, int *exit_code, weir_error *err) {
    const weir_run_values *values = r->values;
    weir_chat_loop_options options = {
        .tool_command = values->tool_command,
        .sampling_source = r->sampling_source,
        .apply_flags = apply_flags,
        .context = r,
        .resume = values->resume,
        .no_autosave = values->no_autosave,
        .no_history = values->no_history,
        .color = color_of(values->color),
    };
    WEIR_TRY(load(r, err));
    *exit_code = weir_chat_loop(r->chat, &options);
    return WEIR_STATUS_OK;
}

static weir_status run_text(text_run *r, const char *model_path, int *exit_code, weir_error *err) {
    const weir_run_values *values = r->values;
    r->has_prompt = r->operand || values->files.n > 0 || is_piped(r);
    WEIR_TRY(check_way(r, err));
    WEIR_TRY(check_standard_input(r, err));
    WEIR_TRY(open_run(r, model_path, err));
    if (r->has_prompt)
        WEIR_TRY(
            weir_chat_add_user(r->chat, r->prompt.data ? r->prompt.data : "", r->prompt.n, err));
    if (values->dumps_tokens)
        return dump_tokens(r, err);
    return r->has_prompt ? run_once(r, err) : run_chat(r, exit_code, err);
}

weir_status weir_run_text(const weir_parsed *parsed, const char *model_path, const char *prompt,
                          int *exit_code, weir_error *err) {
    text_run r = {.parsed = parsed, .values = parsed->values, .operand = prompt};
    *exit_code = WEIR_EXIT_DONE;
    weir_status status = run_text(&r, model_path, exit_code, err);
    close_run(&r);
    return status;
}
