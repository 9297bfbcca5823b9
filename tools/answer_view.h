/*
 * answer_view.h: an answer as it comes, on a terminal.
 *
 * Content goes to standard output; thinking, calls of tools and warnings to the screen. Owns where
 * lines begin and end, and the counter that stands in place of hidden thinking. Nothing reaches the
 * terminal but visible text.
 */
#ifndef WEIR_TOOLS_ANSWER_VIEW_H
#define WEIR_TOOLS_ANSWER_VIEW_H

#include "answer.h"

#include <stdio.h>

typedef struct weir_answer_view {
    FILE *screen;
    bool has_color; /* on the screen */
    bool can_move;  /* on the screen: the counter can be taken away again */
    weir_think think;
    /* the state: zeros before an answer */
    weir_piece part;  /* of the last piece that was shown */
    bool has_part;    /* anything was */
    size_t n_breaks;  /* line feeds that are shown if text follows */
    bool is_in_line;  /* something stands on the line */
    bool has_counter; /* the counter stands on the line */
    double counter_s; /* when thinking began */
    double drawn_s;   /* when the counter was drawn last */
} weir_answer_view;

void weir_answer_view_piece(weir_answer_view *view, weir_piece part, const char *text, size_t n);

/* Ends the line; the view is ready for another answer. */
void weir_answer_view_end(weir_answer_view *view);

#endif
