/*
 * run_output.c: see run_output.h.
 *
 * Invariant: standard output gets nothing but answers, calls that nobody answers, or the JSON; to a
 * terminal go visible characters only.
 */
#include "run_output.h"

#include "base/error.h"
#include "base/file.h"
#include "console.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct weir_run_output {
    weir_run_output_options options;
    bool is_terminal;   /* standard output */
    bool is_one_screen; /* standard output and standard error are terminals */
    bool has_color;     /* standard error */
    bool is_in_line;    /* standard output does not stand at the beginning of a line */
    bool is_in_thought; /* standard error does not, after thinking */
    bool skips_feeds;   /* content that follows thinking begins with its first line */
    bool is_cut;        /* standard output takes no more */
    weir_progress console;
    weir_out *logprobs; /* NULL: none */
    weir_text_buffer line;
    weir_status status; /* of what happens inside callbacks */
    weir_error err;
    size_t n_prompt, n_cached, n_generated, n_reasoning; /* sums over the answers of the turn */
    double prompt_s, generate_s;
};

/* ---- text --------------------------------------------------------------------------------- */

static void end_thought(weir_run_output *o) {
    if (!o->is_in_thought)
        return;
    fprintf(stderr, "%s\n", weir_terminal_style(WEIR_STYLE_PLAIN, o->has_color));
    fflush(stderr);
    o->is_in_thought = false;
}

static void write_out(weir_run_output *o, const char *text, size_t n) {
    if (n == 0)
        return;
    if (o->is_terminal)
        weir_terminal_print(stdout, text, n);
    else
        fwrite(text, 1, n, stdout);
    /* A reader that has gone, or a full disk: there is nobody to generate for. */
    o->is_cut = !weir_flush_output() || o->is_cut;
    o->is_in_line = text[n - 1] != '\n';
}

static void end_line(weir_run_output *o) {
    if (o->is_in_line)
        write_out(o, "\n", 1);
}

/* Something is about to be said on standard error: on a screen it has a line of its own; in a file
 * the answer goes on as it was written. */
static void end_line_on_screen(weir_run_output *o) {
    if (o->is_one_screen)
        end_line(o);
}

static void show_thought(weir_run_output *o, const char *text, size_t n) {
    o->skips_feeds = true;
    if (!o->options.shows_thinking)
        return;
    for (; n > 0 && !o->is_in_thought && *text == '\n'; n--)
        text++;
    if (n == 0)
        return;
    end_line_on_screen(o);
    fputs(weir_terminal_style(WEIR_STYLE_DIM, o->has_color), stderr);
    weir_terminal_print(stderr, text, n);
    fputs(weir_terminal_style(WEIR_STYLE_PLAIN, o->has_color), stderr);
    fflush(stderr);
    o->is_in_thought = true;
}

static void show_content(weir_run_output *o, const char *text, size_t n) {
    for (; o->skips_feeds && n > 0 && *text == '\n'; n--)
        text++;
    if (n == 0)
        return;
    o->skips_feeds = false;
    end_thought(o);
    write_out(o, text, n);
}

static void on_piece(void *context, weir_piece kind, const char *text, size_t n) {
    weir_run_output *o = context;
    if (kind == WEIR_PIECE_WARNING) {
        end_thought(o);
        end_line_on_screen(o);
        fputs("weir run: the answer: ", stderr);
        weir_terminal_print(stderr, text, n);
        fputc('\n', stderr);
    } else if (o->options.as_json) {
        return;
    } else if (kind == WEIR_PIECE_REASONING) {
        show_thought(o, text, n);
    } else if (kind == WEIR_PIECE_CONTENT) {
        show_content(o, text, n);
    } else if (!o->options.tool_command) {
        end_thought(o);
        end_line(o);
        write_out(o, text, n);
        end_line(o);
    }
}

/* ---- probabilities ------------------------------------------------------------------------ */

static void add_choice(weir_run_output *o, const weir_token_choice *choice) {
    const char *bytes;
    size_t n;
    weir_tokenizer_token(o->options.host->tokenizer, choice->token, &bytes, &n);
    weir_text_buffer_format(&o->line, "{\"id\": %d, \"text\": ", choice->token);
    weir_text_buffer_add_json(&o->line, bytes, n);
    weir_text_buffer_say(&o->line, ", \"bytes\": [");
    for (size_t i = 0; i < n; i++)
        weir_text_buffer_format(&o->line, "%s%d", i ? ", " : "", (unsigned char)bytes[i]);
    /* Impossible tokens have no logarithm that JSON could write. */
    if (isfinite(choice->logprob))
        weir_text_buffer_format(&o->line, "], \"logprob\": %.7g", (double)choice->logprob);
    else
        weir_text_buffer_say(&o->line, "], \"logprob\": null");
}

static void on_token(void *context, const weir_token_report *report) {
    weir_run_output *o = context;
    if (o->status != WEIR_STATUS_OK)
        return;
    weir_text_buffer_clear(&o->line);
    add_choice(o, &report->drawn);
    weir_text_buffer_say(&o->line, report->is_forced ? ", \"is_forced\": true" : "");
    weir_text_buffer_say(&o->line, ", \"top\": [");
    for (size_t i = 0; i < report->n_top; i++) {
        weir_text_buffer_say(&o->line, i ? ", " : "");
        add_choice(o, &report->top[i]);
        weir_text_buffer_say(&o->line, "}");
    }
    weir_text_buffer_say(&o->line, "]}\n");
    o->status = weir_text_buffer_check(&o->line, "the log of probabilities", &o->err);
    if (o->status == WEIR_STATUS_OK)
        o->status = weir_out_write(o->logprobs, o->line.data, o->line.n, &o->err);
}

/* ---- the turn ----------------------------------------------------------------------------- */

static void on_answer(void *context, const weir_answer *answer, const weir_message *message) {
    weir_run_output *o = context;
    (void)message;
    o->n_prompt += answer->n_prompt;
    o->n_cached += answer->n_cached;
    o->n_generated += answer->n_generated;
    o->n_reasoning += answer->n_reasoning;
    o->prompt_s += answer->prompt_s;
    o->generate_s += answer->generate_s;
    o->skips_feeds = false;
    end_thought(o);
    end_line(o);
}

static weir_status on_call(void *context, const weir_call *call, weir_text_buffer *result,
                           bool *is_answered, weir_error *err) {
    weir_run_output *o = context;
    weir_text_buffer text = {0};
    weir_call_add_json(call, &text);
    weir_text_buffer_say(&text, "");
    if (!text.has_failed) {
        weir_terminal_print(stderr, "call ", 5);
        weir_terminal_print(stderr, text.data, text.n);
        fputc('\n', stderr);
    }
    weir_text_buffer_free(&text);
    *is_answered = true;
    return weir_call_run(o->options.tool_command, call, result, err);
}

static void report_progress(void *context, const char *what, uint64_t done, uint64_t total) {
    const weir_run_output *o = context;
    if (o->console.report)
        o->console.report(o->console.context, what, done, total);
}

static bool is_cancelled(void *context) {
    const weir_run_output *o = context;
    return o->is_cut || o->status != WEIR_STATUS_OK || o->console.is_cancelled(o->console.context);
}

weir_turn_hooks weir_run_output_hooks(weir_run_output *o) {
    return (weir_turn_hooks){
        .events = {.context = o,
                   .on_piece = on_piece,
                   .on_token = o->logprobs ? on_token : NULL,
                   .n_top = o->options.n_top,
                   .progress = {report_progress, o, is_cancelled}},
        .on_answer = on_answer,
        .on_call = o->options.tool_command ? on_call : NULL,
    };
}

void weir_run_output_end(weir_run_output *o) {
    end_thought(o);
    end_line(o);
}

/* ---- the end ------------------------------------------------------------------------------ */

static void add_content(const weir_message *m, weir_text_buffer *out) {
    size_t skipped = m && m->reasoning ? strspn(m->content, "\n") : 0;
    weir_text_buffer_add_json(out, m ? m->content + skipped : "", m ? m->n_content - skipped : 0);
}

/* The members of an answer; m: NULL for one that came to no token. */
static void add_answer(const weir_message *m, weir_text_buffer *out) {
    weir_text_buffer_say(out, ", \"content\": ");
    add_content(m, out);
    weir_text_buffer_say(out, ", \"reasoning\": ");
    if (m && m->reasoning)
        weir_text_buffer_add_json(out, m->reasoning, m->n_reasoning);
    else
        weir_text_buffer_say(out, "null");
    weir_text_buffer_say(out, ", \"tool_calls\": [");
    for (size_t i = 0; m && i < m->calls.n; i++) {
        weir_text_buffer_say(out, i ? ", " : "");
        weir_call_add_json(&m->calls.item[i], out);
    }
    weir_text_buffer_say(out, "]");
}

/* An answer, or the result of a tool: nobody else speaks in a turn. */
static void add_message(const weir_message *m, weir_text_buffer *out) {
    if (m->role == WEIR_ROLE_ASSISTANT) {
        weir_text_buffer_say(out, "{\"role\": \"assistant\"");
        add_answer(m, out);
    } else {
        weir_text_buffer_say(out, "{\"role\": \"tool\", \"name\": ");
        weir_text_buffer_add_json(out, m->tool_name, strlen(m->tool_name));
        weir_text_buffer_say(out, ", \"content\": ");
        weir_text_buffer_add_json(out, m->content, m->n_content);
    }
    weir_text_buffer_say(out, "}");
}

static const weir_message *last_answer(const weir_answer *last, const weir_message *turn,
                                       size_t n_turn) {
    return last->n_generated > 0 ? &turn[n_turn - 1] : NULL;
}

static void add_json(const weir_run_output *o, const weir_answer *last, const weir_message *turn,
                     size_t n_turn, weir_text_buffer *out) {
    weir_model_info info;
    weir_model_get_info(o->options.host->model, &info);
    weir_text_buffer_say(out, "{\"model\": ");
    weir_text_buffer_add_json(out, info.name, strlen(info.name));
    add_answer(last_answer(last, turn, n_turn), out);
    weir_text_buffer_say(out, ", \"messages\": [");
    for (size_t i = 0; i < n_turn; i++) {
        weir_text_buffer_say(out, i ? ", " : "");
        add_message(&turn[i], out);
    }
    weir_text_buffer_format(out,
                            "], \"finish\": \"%s\", \"usage\": {\"prompt_tokens\": %zu, "
                            "\"cached_tokens\": %zu, \"completion_tokens\": %zu, "
                            "\"reasoning_tokens\": %zu}",
                            weir_answer_end_name(last->end), o->n_prompt, o->n_cached,
                            o->n_generated, o->n_reasoning);
    weir_text_buffer_format(out,
                            ", \"timings\": {\"load_s\": %.6f, \"prompt_s\": %.6f, "
                            "\"generate_s\": %.6f}, \"seed\": %llu}\n",
                            o->options.host->load_s, o->prompt_s, o->generate_s,
                            (unsigned long long)last->seed);
}

/* The calls of the last answer; those before were answered. */
static weir_status show_unanswered(weir_run_output *o, const weir_message *answer,
                                   weir_error *err) {
    for (size_t i = 0; answer && i < answer->calls.n; i++) {
        weir_text_buffer_clear(&o->line);
        weir_call_add_json(&answer->calls.item[i], &o->line);
        weir_text_buffer_say(&o->line, "\n");
        WEIR_TRY(weir_text_buffer_check(&o->line, "the calls", err));
        write_out(o, o->line.data, o->line.n);
    }
    return WEIR_STATUS_OK;
}

weir_status weir_run_output_finish(weir_run_output *o, const weir_answer *last,
                                   const weir_message *turn, size_t n_turn, weir_error *err) {
    if (o->status != WEIR_STATUS_OK) {
        if (err)
            *err = o->err;
        return o->status;
    }
    if (o->options.as_json) {
        weir_text_buffer json = {0};
        add_json(o, last, turn, n_turn, &json);
        weir_status status = weir_text_buffer_check(&json, "the JSON", err);
        if (status == WEIR_STATUS_OK)
            fwrite(json.data, 1, json.n, stdout);
        weir_text_buffer_free(&json);
        WEIR_TRY(status);
    } else if (o->options.tool_command) {
        WEIR_TRY(show_unanswered(o, last_answer(last, turn, n_turn), err));
    }
    return o->logprobs ? weir_out_commit(&o->logprobs, err) : WEIR_STATUS_OK;
}

weir_status weir_run_output_open(weir_run_output **out, const weir_run_output_options *options,
                                 weir_error *err) {
    *out = NULL;
    weir_run_output *o = calloc(1, sizeof *o);
    if (!o)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the output");
    o->options = *options;
    o->is_terminal = isatty(STDOUT_FILENO);
    o->is_one_screen = o->is_terminal && isatty(STDERR_FILENO);
    o->has_color = weir_terminal_has_color(stderr, options->color);
    o->console = weir_console_progress();
    weir_status status = options->logprobs_path
                             ? weir_out_open(&o->logprobs, options->logprobs_path, true, err)
                             : WEIR_STATUS_OK;
    if (status != WEIR_STATUS_OK) {
        free(o);
        return status;
    }
    *out = o;
    return WEIR_STATUS_OK;
}

void weir_run_output_close(weir_run_output **output) {
    if (!*output)
        return;
    weir_out_abort(&(*output)->logprobs);
    weir_text_buffer_free(&(*output)->line);
    free(*output);
    *output = NULL;
}
