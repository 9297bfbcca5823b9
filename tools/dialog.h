/*
 * dialog.h: what the parts of an interactive chat share (chat_loop.c, chat_commands.c).
 *
 * The answer goes to standard output. All else goes to the screen, which is standard error unless
 * only standard output is a terminal.
 */
#ifndef WEIR_TOOLS_DIALOG_H
#define WEIR_TOOLS_DIALOG_H

#include "base/compiler.h"
#include "chat_files.h"
#include "chat_loop.h"
#include "line_editor.h"

typedef struct weir_dialog {
    weir_chat *chat;
    const weir_chat_loop_options *options;
    weir_chat_store *store; /* NULL: there is no place for conversations */
    weir_line_editor *editor;
    FILE *screen;
    bool has_color;         /* on the screen */
    bool has_told_autosave; /* that it fails */
    bool has_told_no_state; /* that timelines cannot be saved */
    size_t n_tokens_saved;  /* of the timeline, in the state file */
    weir_answer last;       /* the last answer */
    size_t n_answers;       /* 0: there is no last one */
} weir_dialog;

/* ---- what is said (chat_loop.c) ----------------------------------------------------------- */

/* One line on the screen; dim. */
void weir_dialog_note(weir_dialog *dialog, const char *format, ...) WEIR_PRINTF(2, 3);
/* One line on the screen, as an error. */
void weir_dialog_complain(weir_dialog *dialog, const weir_error *err);
/* After a save: that the timeline was not saved, once; nothing if no_state holds no failure. */
void weir_dialog_tell_no_state(weir_dialog *dialog, const weir_error *no_state);
/* "8,192"; returns buf. */
enum { WEIR_GROUPED_TEXT = 32 };
const char *weir_grouped(char buf[WEIR_GROUPED_TEXT], uint64_t number);

/* Writes the conversation to its file, if that is wanted; the timeline too if much of it is new, or
 * is_leaving. A failure is told once. */
void weir_dialog_autosave(weir_dialog *dialog, bool is_leaving);

/* After a conversation was read: where it stood. */
void weir_dialog_show_end(weir_dialog *dialog);

/* ---- what it can tell about itself (chat_report.c) ---------------------------------------- */

void weir_dialog_list(weir_dialog *dialog); /* it has a store */
void weir_dialog_tokens(weir_dialog *dialog);
void weir_dialog_stats(weir_dialog *dialog);
/* The first words of a text on one line, within so many columns. */
void weir_dialog_print_words(FILE *to, const char *text, unsigned columns);

/* ---- commands (chat_commands.c) ----------------------------------------------------------- */

typedef enum weir_command_result {
    WEIR_COMMAND_DONE = 0,
    WEIR_COMMAND_ANSWER = 1, /* the conversation waits for an answer */
    WEIR_COMMAND_LEAVE = 2
} weir_command_result;

/* line [n] begins with a slash. */
weir_command_result weir_dialog_command(weir_dialog *dialog, const char *line);

/* Goes on with a conversation of the store, or with a file. */
weir_status weir_dialog_load(weir_dialog *dialog, const char *name, weir_error *err);

/* For the line editor; context: the dialog. */
size_t weir_dialog_complete(void *context, const char *line, size_t n, weir_choices *choices);

#endif
