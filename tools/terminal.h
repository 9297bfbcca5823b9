/*
 * terminal.h: what the program may assume of the terminal, and text that cannot harm it.
 *
 * Owns the policy of colours and the rule that nothing a model or a file says reaches the terminal
 * as a command: of control characters only the line feed and the tab pass, all others are written
 * visibly. Keeps no state but the modes that weir_terminal_hush has changed.
 */
#ifndef WEIR_TOOLS_TERMINAL_H
#define WEIR_TOOLS_TERMINAL_H

#include "weir.h"
#include <stdio.h>

typedef enum weir_color {
    WEIR_COLOR_AUTO = 0, /* on a terminal that is not dumb, unless NO_COLOR is set and not empty */
    WEIR_COLOR_ALWAYS = 1,
    WEIR_COLOR_NEVER = 2
} weir_color;

typedef enum weir_style {
    WEIR_STYLE_PLAIN = 0, /* ends every other style */
    WEIR_STYLE_DIM,       /* thinking, statistics, hints */
    WEIR_STYLE_BOLD,
    WEIR_STYLE_PROMPT,
    WEIR_STYLE_CALL,   /* calls of tools */
    WEIR_STYLE_TARGET, /* what a model is trained to write */
    WEIR_STYLE_ERROR
} weir_style;

/* May text on this stream be coloured? */
bool weir_terminal_has_color(FILE *stream, weir_color choice);

/* The sequence that begins a style, "" if has_color is false. */
const char *weir_terminal_style(weir_style style, bool has_color);

/* A terminal on which the cursor can go back: not "dumb", not a file. */
bool weir_terminal_can_move(FILE *stream);

/* Columns of the terminal that the stream is, 80 where nothing is known. */
unsigned weir_terminal_width(FILE *stream);

/* Text as it may be shown: line feeds and tabs stay, other control characters and bytes that are no
 * UTF-8 come out as \x1b. */
void weir_terminal_print(FILE *to, const char *text, size_t n);

/* The columns that a text of one line takes. */
unsigned weir_terminal_columns(const char *text, size_t n);

/* While an answer is written, typed keys are kept for the next line and not echoed into it.
 * weir_terminal_unhush is due before anything is read. Both do nothing if standard input is no
 * terminal. */
void weir_terminal_hush(void);
void weir_terminal_unhush(void); /* safe in a signal handler */

/* Makes the multibyte functions of the C library speak UTF-8, whatever the locale says. */
void weir_terminal_use_utf8(void);

#endif
