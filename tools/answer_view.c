/*
 * answer_view.c: shows the pieces of an answer.
 *
 * Each part (thinking, content, calls) begins on a line of its own. Line feeds are held back until
 * text follows, so that the empty lines around thinking and answers are not shown. Standard output
 * and the screen are most often one terminal, so either is flushed before the other is written to.
 */
#include "answer_view.h"

#include "base/clock.h"

#include "json_text.h"
#include "terminal.h"

#include <string.h>

static const char *style(const weir_answer_view *view, weir_style which) {
    return weir_terminal_style(which, view->has_color);
}

/* ---- hidden thinking ---------------------------------------------------------------------- */

static void draw_counter(weir_answer_view *view) {
    double now = weir_clock_s();
    if (!view->has_counter) {
        view->counter_s = now;
    } else if (!view->can_move || now - view->drawn_s < 0.5) {
        return;
    }
    view->drawn_s = now;
    if (view->can_move)
        fprintf(view->screen, "\r%sthinking %.0f s%s", style(view, WEIR_STYLE_DIM),
                now - view->counter_s, style(view, WEIR_STYLE_PLAIN));
    else
        fputs("thinking", view->screen);
    fflush(view->screen);
    view->has_counter = true;
    view->is_in_line = true;
}

static void end_counter(weir_answer_view *view) {
    if (!view->has_counter)
        return;
    fputs(view->can_move ? "\r\033[K" : "\n", view->screen);
    fflush(view->screen);
    view->has_counter = false;
    view->is_in_line = false;
}

/* ---- parts -------------------------------------------------------------------------------- */

static FILE *stream_of(const weir_answer_view *view, weir_piece part) {
    return part == WEIR_PIECE_CONTENT ? stdout : view->screen;
}

static void end_part(weir_answer_view *view) {
    if (!view->has_part)
        return;
    end_counter(view);
    FILE *to = stream_of(view, view->part);
    if (view->part == WEIR_PIECE_REASONING)
        fputs(style(view, WEIR_STYLE_PLAIN), to);
    if (view->is_in_line)
        fputc('\n', to);
    fflush(to);
    view->is_in_line = false;
    view->n_breaks = 0;
}

static void begin_part(weir_answer_view *view, weir_piece part) {
    bool is_same = view->has_part && view->part == part;
    if (is_same && (part == WEIR_PIECE_CONTENT || part == WEIR_PIECE_REASONING))
        return;
    end_part(view);
    /* Without colours nothing else would tell it from the answer. */
    if (part == WEIR_PIECE_REASONING && view->think == WEIR_THINK_SHOW)
        fputs(view->has_color ? style(view, WEIR_STYLE_DIM) : "(thinking) ", view->screen);
    view->has_part = true;
    view->part = part;
}

static void show_text(weir_answer_view *view, weir_piece part, const char *text, size_t n) {
    bool is_new = !view->has_part || view->part != part;
    while (is_new && n > 0 && text[0] == '\n') {
        text++;
        n--;
    }
    size_t n_shown = n;
    while (n_shown > 0 && text[n_shown - 1] == '\n')
        n_shown--;
    if (n_shown > 0) {
        begin_part(view, part);
        FILE *to = stream_of(view, part);
        for (; view->n_breaks > 0; view->n_breaks--)
            fputc('\n', to);
        weir_terminal_print(to, text, n_shown);
        fflush(to);
        view->is_in_line = true;
    }
    view->n_breaks += n - n_shown;
}

/* f(city="Paris", days=3): the values as they were written. */
static void show_call(weir_answer_view *view, const char *text) {
    weir_json_member name, arguments, each;
    begin_part(view, WEIR_PIECE_CALL);
    fprintf(view->screen, "%scall ", style(view, WEIR_STYLE_CALL));
    if (!weir_json_member_find(text, "name", &name) ||
        !weir_json_member_find(text, "arguments", &arguments)) {
        weir_terminal_print(view->screen, text, strlen(text));
    } else {
        /* without its quotes */
        weir_terminal_print(view->screen, name.value + 1, name.n_value - 2);
        fputc('(', view->screen);
        const char *at = arguments.value;
        for (bool is_first = true; weir_json_member_next(&at, &each); is_first = false) {
            fputs(is_first ? "" : ", ", view->screen);
            weir_terminal_print(view->screen, each.key, each.n_key);
            fputc('=', view->screen);
            weir_terminal_print(view->screen, each.value, each.n_value);
        }
        fputc(')', view->screen);
    }
    fputs(style(view, WEIR_STYLE_PLAIN), view->screen);
    fflush(view->screen);
    view->is_in_line = true;
}

void weir_answer_view_piece(weir_answer_view *view, weir_piece part, const char *text, size_t n) {
    switch (part) {
    case WEIR_PIECE_REASONING:
        if (view->think == WEIR_THINK_SHOW) {
            show_text(view, part, text, n);
        } else {
            begin_part(view, part);
            draw_counter(view);
        }
        break;
    case WEIR_PIECE_CONTENT:
        show_text(view, part, text, n);
        break;
    case WEIR_PIECE_CALL:
        show_call(view, text);
        break;
    case WEIR_PIECE_CALL_NAME: /* a call is shown when it is whole */
    case WEIR_PIECE_CALL_ARGUMENTS:
        break;
    case WEIR_PIECE_WARNING:
        begin_part(view, part);
        fputs(style(view, WEIR_STYLE_DIM), view->screen);
        weir_terminal_print(view->screen, text, n);
        fprintf(view->screen, "%s\n", style(view, WEIR_STYLE_PLAIN));
        fflush(view->screen);
        break;
    }
}

void weir_answer_view_end(weir_answer_view *view) {
    end_part(view);
    view->has_part = false;
}
