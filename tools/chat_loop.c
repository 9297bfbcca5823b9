/*
 * chat_loop.c: the dialogue: a prompt, an answer, a line about it, and again.
 *
 * Owns the order in which things are saved: the question before its answer begins, the answer when
 * it ends, the timeline when an eighth of it is new (so that all states together cost little more
 * to write than the last) and on leaving. A question that got no answer is taken back, so that the
 * conversation never waits for one.
 */
#include "chat_loop.h"

#include "answer_view.h"
#include "base/error.h"
#include "console.h"
#include "dialog.h"
#include "interrupt.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char PROMPT[] = "> ", PROMPT_MORE[] = ". ", PROMPT_RESULT[] = "result> ";

/* ---- what is said ------------------------------------------------------------------------- */

static const char *style(const weir_dialog *dialog, weir_style which) {
    return weir_terminal_style(which, dialog->has_color);
}

void weir_dialog_note(weir_dialog *dialog, const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    fputs(style(dialog, WEIR_STYLE_DIM), dialog->screen);
    if (n > 0)
        weir_terminal_print(dialog->screen, text, (size_t)n); /* it may quote a file */
    fprintf(dialog->screen, "%s\n", style(dialog, WEIR_STYLE_PLAIN));
    fflush(dialog->screen);
    if (n >= 0)
        free(text);
}

void weir_dialog_complain(weir_dialog *dialog, const weir_error *err) {
    fprintf(dialog->screen, "%s", style(dialog, WEIR_STYLE_ERROR));
    weir_terminal_print(dialog->screen, err->text, strlen(err->text));
    fprintf(dialog->screen, "%s\n", style(dialog, WEIR_STYLE_PLAIN));
    fflush(dialog->screen);
}

const char *weir_grouped(char buf[WEIR_GROUPED_TEXT], uint64_t number) {
    char digits[WEIR_GROUPED_TEXT];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            buf[at++] = ',';
        buf[at++] = digits[i];
    }
    buf[at] = 0;
    return buf;
}

static void show_banner(weir_dialog *dialog) {
    const weir_host *host = weir_chat_host(dialog->chat);
    weir_model_info info;
    weir_model_get_info(host->model, &info);
    weir_chat_info chat;
    weir_chat_get_info(dialog->chat, &chat);
    char params[WEIR_AMOUNT_TEXT], bytes[WEIR_AMOUNT_TEXT], n_ctx[WEIR_GROUPED_TEXT];
    fputs(style(dialog, WEIR_STYLE_BOLD), dialog->screen);
    weir_terminal_print(dialog->screen, info.name, strlen(info.name));
    fprintf(dialog->screen, "%s", style(dialog, WEIR_STYLE_PLAIN));
    weir_dialog_note(dialog, " · %s parameters, %s, %s · context %s",
                     weir_count_text(params, info.n_params), info.file_type,
                     weir_bytes_text(bytes, info.weight_bytes), weir_grouped(n_ctx, chat.n_ctx));
    if (dialog->options->sampling_source)
        weir_dialog_note(dialog, "sampling: %s · %s", dialog->options->sampling_source,
                         weir_engine_describe(host->engine));
    if (!host->tmpl)
        weir_dialog_note(dialog, "no chat template: the model goes on with what you write");
    weir_dialog_note(dialog, "/help lists commands, Ctrl-C stops an answer, Ctrl-D leaves\n");
}

static void show_answer_line(weir_dialog *dialog, const weir_answer *answer) {
    weir_chat_info info;
    weir_chat_get_info(dialog->chat, &info);
    char n_generated[WEIR_GROUPED_TEXT], n_reasoning[WEIR_GROUPED_TEXT],
        n_tokens[WEIR_GROUPED_TEXT], n_ctx[WEIR_GROUPED_TEXT], thought[64] = "";
    const char *end = "";
    if (answer->end == WEIR_ANSWER_INTERRUPTED)
        end = "(stopped) ";
    else if (answer->end == WEIR_ANSWER_LENGTH)
        end = "(max-tokens reached) ";
    else if (answer->end == WEIR_ANSWER_FULL)
        end = "(context full: /undo, /clear or a larger --ctx) ";
    if (answer->n_reasoning > 0)
        snprintf(thought, sizeof thought, " (%s thinking)",
                 weir_grouped(n_reasoning, answer->n_reasoning));
    weir_dialog_note(dialog, "%s%s tok%s · %.1f tok/s · %.1f s to first · context %s of %s", end,
                     weir_grouped(n_generated, answer->n_generated), thought,
                     answer->generate_s > 0 ? (double)answer->n_generated / answer->generate_s : 0,
                     answer->prompt_s, weir_grouped(n_tokens, info.n_tokens),
                     weir_grouped(n_ctx, info.n_ctx));
}

/* The message as it was shown: thinking as it is set, calls in one line each. */
static void show_message(weir_dialog *dialog, const weir_message *message) {
    weir_answer_view view = {
        .screen = dialog->screen,
        .has_color = dialog->has_color,
        .think = weir_chat_conversation(dialog->chat)->settings.think,
    };
    if (message->n_reasoning > 0 && view.think == WEIR_THINK_SHOW)
        weir_answer_view_piece(&view, WEIR_PIECE_REASONING, message->reasoning,
                               message->n_reasoning);
    weir_answer_view_piece(&view, WEIR_PIECE_CONTENT, message->content, message->n_content);
    for (size_t i = 0; i < message->calls.n; i++) {
        weir_text_buffer json = {0};
        weir_call_add_json(&message->calls.item[i], &json);
        if (json.data)
            weir_answer_view_piece(&view, WEIR_PIECE_CALL, json.data, json.n);
        weir_text_buffer_free(&json);
    }
    weir_answer_view_end(&view);
}

/* Is the last message a question? */
static bool waits_for_answer(const weir_dialog *dialog) {
    const weir_conversation *conversation = weir_chat_conversation(dialog->chat);
    return conversation->n_messages > 0 &&
           conversation->message[conversation->n_messages - 1].role == WEIR_ROLE_USER;
}

void weir_dialog_show_end(weir_dialog *dialog) {
    const weir_conversation *conversation = weir_chat_conversation(dialog->chat);
    size_t n_questions = 0, last = weir_conversation_last_user(conversation);
    for (size_t i = 0; i < conversation->n_messages; i++)
        n_questions += conversation->message[i].role == WEIR_ROLE_USER;
    weir_dialog_note(dialog, "%zu question%s so far%s", n_questions, n_questions == 1 ? "" : "s",
                     n_questions > 0 ? "; it ended with:" : "");
    for (size_t i = last; i < conversation->n_messages; i++) {
        const weir_message *message = &conversation->message[i];
        if (message->role == WEIR_ROLE_ASSISTANT) {
            show_message(dialog, message);
            continue;
        }
        fprintf(dialog->screen, "%s%s%s", style(dialog, WEIR_STYLE_PROMPT),
                message->role == WEIR_ROLE_USER ? PROMPT : PROMPT_RESULT,
                style(dialog, WEIR_STYLE_PLAIN));
        weir_terminal_print(dialog->screen, message->content, message->n_content);
        fputc('\n', dialog->screen);
        fflush(dialog->screen);
    }
    if (waits_for_answer(dialog))
        weir_dialog_note(dialog, "(it has no answer yet; /retry gives it one)");
}

/* ---- saving ------------------------------------------------------------------------------- */

void weir_dialog_tell_no_state(weir_dialog *dialog, const weir_error *no_state) {
    bool has_failed = no_state->status != WEIR_STATUS_OK;
    if (has_failed && !dialog->has_told_no_state) {
        weir_dialog_note(dialog, "the conversation is saved, its timeline is not: going on with it "
                                 "later runs it again");
        weir_dialog_complain(dialog, no_state);
    }
    dialog->has_told_no_state = has_failed;
}

void weir_dialog_autosave(weir_dialog *dialog, bool is_leaving) {
    if (!dialog->store || dialog->options->no_autosave)
        return;
    /* A conversation in which nothing was said needs no file, unless the user gave it a name. */
    const char *name = weir_chat_store_name(dialog->store);
    if (weir_chat_conversation(dialog->chat)->n_messages == 0 &&
        (!name || weir_chat_name_is_automatic(name))) {
        weir_chat_store_drop(dialog->store);
        return;
    }
    weir_chat_info info;
    weir_chat_get_info(dialog->chat, &info);
    size_t n_new = info.n_tokens > dialog->n_tokens_saved ? info.n_tokens - dialog->n_tokens_saved
                                                          : dialog->n_tokens_saved - info.n_tokens;
    bool with_state = info.n_tokens > 0 && n_new > (is_leaving ? 0 : info.n_tokens / 8);
    weir_error err = {0}, no_state;
    weir_status status =
        weir_chat_store_save(dialog->store, dialog->chat, with_state, &no_state, &err);
    if (status == WEIR_STATUS_OK && with_state) {
        weir_dialog_tell_no_state(dialog, &no_state);
        dialog->n_tokens_saved = no_state.status == WEIR_STATUS_OK ? info.n_tokens : 0;
    }
    if (status != WEIR_STATUS_OK && !dialog->has_told_autosave) {
        weir_dialog_note(dialog, "the conversation cannot be saved, it goes on unsaved:");
        weir_dialog_complain(dialog, &err);
    }
    dialog->has_told_autosave = status != WEIR_STATUS_OK;
}

/* ---- one turn ----------------------------------------------------------------------------- */

typedef struct turn {
    weir_dialog *dialog;
    weir_answer_view view;
    size_t n_answers; /* of this turn */
} turn;

static void on_piece(void *context, weir_piece part, const char *text, size_t n) {
    turn *t = context;
    weir_answer_view_piece(&t->view, part, text, n);
}

static void on_answer(void *context, const weir_answer *answer, const weir_message *message) {
    turn *t = context;
    (void)message;
    weir_answer_view_end(&t->view);
    t->n_answers++;
    if (answer->n_generated > 0) {
        t->dialog->last = *answer;
        t->dialog->n_answers++;
        show_answer_line(t->dialog, answer);
    }
}

/* The user is the tool. Several lines as in any message; nothing, Ctrl-C and Ctrl-D end the turn.
 */
static weir_status ask_for_result(turn *t, const weir_call *call, weir_text_buffer *result,
                                  bool *is_answered, weir_error *err) {
    const char *text;
    size_t n;
    weir_terminal_unhush();
    fprintf(t->dialog->screen, "%s", style(t->dialog, WEIR_STYLE_DIM));
    fputs("what does ", t->dialog->screen);
    weir_terminal_print(t->dialog->screen, call->name, strlen(call->name));
    fprintf(t->dialog->screen, " give? (nothing: leave it unanswered)%s\n",
            style(t->dialog, WEIR_STYLE_PLAIN));
    fflush(t->dialog->screen);
    weir_line_result line =
        weir_line_editor_read(t->dialog->editor, PROMPT_RESULT, PROMPT_MORE, &text, &n);
    *is_answered = line == WEIR_LINE_TEXT && n > 0;
    weir_text_buffer_add(result, text, n);
    weir_terminal_hush();
    return weir_text_buffer_check(result, "the result", err);
}

static weir_status on_call(void *context, const weir_call *call, weir_text_buffer *result,
                           bool *is_answered, weir_error *err) {
    turn *t = context;
    weir_dialog_autosave(t->dialog, false);
    if (!t->dialog->options->tool_command)
        return ask_for_result(t, call, result, is_answered, err);
    WEIR_TRY(weir_call_run(t->dialog->options->tool_command, call, result, err));
    *is_answered = true;
    fprintf(t->dialog->screen, "%sresult ", style(t->dialog, WEIR_STYLE_CALL));
    weir_terminal_print(t->dialog->screen, result->data ? result->data : "", result->n);
    fprintf(t->dialog->screen, "%s\n", style(t->dialog, WEIR_STYLE_PLAIN));
    fflush(t->dialog->screen);
    return WEIR_STATUS_OK;
}

/* Answers the conversation as it stands. False: a signal asks for the end. */
static bool run_turn(weir_dialog *dialog) {
    turn t = {
        .dialog = dialog,
        .view = {.screen = dialog->screen,
                 .has_color = dialog->has_color,
                 .can_move = weir_terminal_can_move(dialog->screen),
                 .think = weir_chat_conversation(dialog->chat)->settings.think},
    };
    weir_turn_hooks hooks = {
        .events = {.context = &t, .on_piece = on_piece, .progress = weir_console_progress()},
        .on_answer = on_answer,
        .on_call = on_call,
    };
    weir_error err = {0};
    weir_answer last = {0};
    bool rounds_used_up = false;
    weir_dialog_autosave(dialog, false); /* the question, before anything can happen to it */
    weir_terminal_hush();
    weir_status status = weir_chat_turn(dialog->chat, &hooks, &last, &rounds_used_up, &err);
    weir_terminal_unhush();
    weir_answer_view_end(&t.view);
    int signal_number = weir_interrupt_take();
    if (status != WEIR_STATUS_OK && status != WEIR_STATUS_CANCELLED)
        weir_dialog_complain(dialog, &err);
    if (t.n_answers <= 1 && last.n_generated == 0) {
        weir_chat_undo(dialog->chat);
        /* weir_say, because a bar may stand on the line. */
        weir_say("%s(%s; the question is taken back, the up arrow brings it again)%s",
                 style(dialog, WEIR_STYLE_DIM),
                 signal_number ? "stopped before the answer began" : "no answer",
                 style(dialog, WEIR_STYLE_PLAIN));
    } else if (signal_number && last.end != WEIR_ANSWER_INTERRUPTED) {
        weir_dialog_note(dialog, "(stopped)");
    } else if (rounds_used_up) {
        weir_dialog_note(dialog, "(%u answers in a row have called tools; /set tool-rounds)",
                         weir_chat_conversation(dialog->chat)->settings.tool_rounds);
    }
    fputc('\n', dialog->screen);
    fflush(dialog->screen);
    weir_dialog_autosave(dialog, false);
    return signal_number == 0 || signal_number == SIGINT;
}

/* ---- the dialogue ------------------------------------------------------------------------- */

static bool is_blank(const char *text) {
    return text[strspn(text, " \t\n")] == 0;
}

/* A line that was typed. Returns what is to be done next. */
static weir_command_result take_message(weir_dialog *dialog, const char *text, size_t n) {
    if (is_blank(text))
        return WEIR_COMMAND_DONE;
    /* Pasted text may begin with a slash; commands have one line. */
    if (text[0] == '/' && text[1] != '/' && !memchr(text, '\n', n))
        return weir_dialog_command(dialog, text);
    if (text[0] == '/' && text[1] == '/') {
        text++;
        n--;
    }
    if (waits_for_answer(dialog)) /* left behind by a crash, and passed over now */
        weir_chat_undo(dialog->chat);
    weir_error err = {0};
    if (weir_chat_add_user(dialog->chat, text, n, &err) != WEIR_STATUS_OK) {
        weir_dialog_complain(dialog, &err);
        return WEIR_COMMAND_DONE;
    }
    return WEIR_COMMAND_ANSWER;
}

static int talk(weir_dialog *dialog) {
    bool has_hint = false; /* Ctrl-C was just told how to leave */
    for (;;) {
        const char *text;
        size_t n;
        weir_line_result line =
            weir_line_editor_read(dialog->editor, PROMPT, PROMPT_MORE, &text, &n);
        bool was_hinted = has_hint;
        has_hint = false;
        weir_command_result next = WEIR_COMMAND_DONE;
        switch (line) {
        case WEIR_LINE_TEXT:
            next = take_message(dialog, text, n);
            break;
        case WEIR_LINE_CLEARED:
            break;
        case WEIR_LINE_CTRL_C:
            if (was_hinted)
                return WEIR_EXIT_DONE;
            weir_dialog_note(dialog, "Ctrl-C again, Ctrl-D or /quit leaves");
            has_hint = true;
            break;
        case WEIR_LINE_END:
            return WEIR_EXIT_DONE;
        case WEIR_LINE_SIGNAL:
            return WEIR_EXIT_INTERRUPTED;
        }
        if (next == WEIR_COMMAND_LEAVE)
            return WEIR_EXIT_DONE;
        if (next == WEIR_COMMAND_ANSWER && !run_turn(dialog))
            return WEIR_EXIT_INTERRUPTED;
    }
}

/* The place of conversations and the editor. Without a place everything else works. */
static weir_status open_dialog(weir_dialog *dialog, weir_error *err) {
    const weir_chat_loop_options *options = dialog->options;
    weir_status status = weir_chat_store_open(&dialog->store, err);
    if (status != WEIR_STATUS_OK) {
        weir_dialog_complain(dialog, err);
        weir_dialog_note(dialog, "this conversation will not be saved");
    }
    bool has_history = dialog->store && !options->no_history;
    weir_line_editor_options editor = {
        .history_path = has_history ? weir_chat_store_history(dialog->store) : NULL,
        .has_color = dialog->has_color,
        .complete = weir_dialog_complete,
        .context = dialog,
    };
    WEIR_TRY(weir_line_editor_open(&dialog->editor, &editor, err));
    weir_host *host = weir_chat_host(dialog->chat);
    if (!host->engine)
        WEIR_TRY(weir_host_load(host, err));
    return WEIR_STATUS_OK;
}

static weir_status resume(weir_dialog *dialog, weir_error *err) {
    const char *name = dialog->options->resume;
    if (!name)
        return WEIR_STATUS_OK;
    if (name[0] && strcmp(name, "last") != 0)
        return weir_dialog_load(dialog, name, err);
    if (!dialog->store)
        return weir_fail(err, WEIR_STATUS_IO, "--resume: there is no place for conversations");
    weir_chat_entry *entries;
    size_t n;
    WEIR_TRY(weir_chat_store_list(dialog->store, false, &entries, &n, err));
    size_t latest = 0;
    while (latest < n && entries[latest].is_in_use)
        latest++;
    weir_status status = latest < n ? weir_dialog_load(dialog, entries[latest].name, err)
                                    : weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                                                "--resume: there is no earlier conversation");
    weir_chat_entries_free(entries, n);
    return status;
}

/* As one word for a shell. */
static void add_shell_word(weir_text_buffer *out, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=./,:@%";
    if (word[0] && !word[strspn(word, plain)]) {
        weir_text_buffer_say(out, word);
        return;
    }
    weir_text_buffer_say(out, "'");
    for (; *word; word++)
        weir_text_buffer_add(out, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
    weir_text_buffer_say(out, "'");
}

/* A command line that works; names of conversations need no quotes. */
static void tell_how_to_resume(weir_dialog *dialog, const char *name) {
    weir_text_buffer path = {0};
    add_shell_word(&path, weir_chat_host(dialog->chat)->options.model_path);
    if (weir_text_buffer_check(&path, "the path of the model", NULL) == WEIR_STATUS_OK)
        weir_dialog_note(dialog, "go on with: weir run %s --resume %s", path.data, name);
    weir_text_buffer_free(&path);
}

int weir_chat_loop(weir_chat *chat, const weir_chat_loop_options *options) {
    weir_error err = {0};
    weir_dialog dialog = {.chat = chat, .options = options};
    dialog.screen = isatty(STDERR_FILENO) || !isatty(STDOUT_FILENO) ? stderr : stdout;
    dialog.has_color = weir_terminal_has_color(dialog.screen, options->color);
    weir_interrupt_before_end(weir_terminal_unhush);
    int code;
    weir_status status = open_dialog(&dialog, &err);
    if (status == WEIR_STATUS_OK) {
        show_banner(&dialog);
        status = resume(&dialog, &err);
    }
    if (status == WEIR_STATUS_OK) {
        code = talk(&dialog);
        weir_dialog_autosave(&dialog, true);
        const char *name = dialog.store ? weir_chat_store_name(dialog.store) : NULL;
        if (name && !dialog.has_told_autosave)
            tell_how_to_resume(&dialog, name);
    } else {
        code = weir_tell_failure("run", status, &err);
    }
    weir_interrupt_before_end(NULL);
    weir_line_editor_close(&dialog.editor);
    weir_chat_store_close(&dialog.store);
    return code;
}
