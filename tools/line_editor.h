/*
 * line_editor.h: messages typed by a person.
 *
 * A message is one line, or several: a line that ends in a backslash is continued, a line of three
 * quotes begins a block that the next three quotes end, and text that is pasted stays one message
 * whatever lines it has. With libedit lines are edited, remembered and completed; without it, or
 * where the terminal cannot do it, they are read as they come. One thread, one editor at a time.
 */
#ifndef WEIR_TOOLS_LINE_EDITOR_H
#define WEIR_TOOLS_LINE_EDITOR_H

#include "weir.h"

typedef struct weir_line_editor weir_line_editor;

/* Offers ways to go on: calls add for each whole text that could stand in place of the last
 * n_word bytes of the line. */
typedef struct weir_choices weir_choices;
void weir_choice_add(weir_choices *choices, const char *text, size_t n);

typedef struct weir_line_editor_options {
    const char *history_path; /* NULL: remembered only until the end */
    bool has_color;
    /* Called at the tab key with what stands before the cursor; returns the length of its last
     * part, which the added texts would replace. NULL: nothing is completed. */
    size_t (*complete)(void *context, const char *line, size_t n, weir_choices *choices);
    void *context;
} weir_line_editor_options;

typedef enum weir_line_result {
    WEIR_LINE_TEXT = 0,
    WEIR_LINE_END = 1,     /* the end of the input, or Ctrl-D on an empty line */
    WEIR_LINE_CLEARED = 2, /* Ctrl-C with something typed: it is thrown away */
    WEIR_LINE_CTRL_C = 3,  /* Ctrl-C on an empty line */
    WEIR_LINE_SIGNAL = 4   /* the program is asked to end */
} weir_line_result;

weir_status weir_line_editor_open(weir_line_editor **out, const weir_line_editor_options *options,
                                  weir_error *err);
/* Writes the history, if it has a place. */
void weir_line_editor_close(weir_line_editor **editor);

/* Reads a message. *text [*n], with a 0 behind it, is valid until the next call; without the line
 * feed at its end. prompt and prompt_more (of further lines) are plain text with a space at the
 * end. */
weir_line_result weir_line_editor_read(weir_line_editor *editor, const char *prompt,
                                       const char *prompt_more, const char **text, size_t *n);

#endif
