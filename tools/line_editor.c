/*
 * line_editor.c: messages typed by a person.
 *
 * Owns how lines become a message, the history file and, where libedit is built in, its keys. Every
 * byte of the keyboard comes through read_byte, with libedit and without, so that nothing typed or
 * pasted ahead is lost between two lines.
 *
 * libedit shows a line feed inside its line as one, which is what pasted lines need. A paste of
 * many lines is shown as a label instead and put in its place when the message is sent: what
 * scrolls off the screen cannot be edited anyway.
 *
 * While a line is edited Ctrl-C and Ctrl-Z are keys and no signals: a second signal would end the
 * program and leave the terminal as libedit has set it.
 */
#include "line_editor.h"

#include "base/compiler.h"
#include "base/error.h"
#include "base/utf8.h"
#include "interrupt.h"
#include "line_history.h"
#include "terminal.h"
#include "text_buffer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#ifdef WEIR_HAS_LIBEDIT
#include <histedit.h>
#endif

enum {
    MAX_PASTE_SHOWN = 600, /* bytes; a longer paste is shown as a label */
    MAX_PASTE_LINES = 8
};

typedef struct paste {
    char *label, *text;
    size_t n;
} paste;

struct weir_choices {
    char **item; /* [n] */
    size_t n, cap;
};

struct weir_line_editor {
    weir_line_editor_options options;
    FILE *screen; /* where the prompt stands */
    weir_text_buffer line, message;
    char ahead[4096]; /* read from the keyboard, not used yet */
    size_t n_ahead, ahead_at;
    weir_line_result ended_by; /* why the line ended without the enter key */
    int history_fd;            /* -1: what is typed is not kept */
    paste *pastes; /* [n_pastes], kept until the end: a label may come back from the history */
    size_t n_pastes;
#ifdef WEIR_HAS_LIBEDIT
    EditLine *edit; /* NULL: plain lines */
    History *history;
    char *prompt;
#endif
};

/* ---- the keyboard ------------------------------------------------------------------------- */

static atomic_bool has_resized, has_continued;

static void on_screen_signal(int number) {
    atomic_store(number == SIGCONT ? &has_continued : &has_resized, true);
}

static void redraw_if_needed(weir_line_editor *editor) {
#ifdef WEIR_HAS_LIBEDIT
    if (editor->edit && atomic_exchange(&has_resized, false))
        el_resize(editor->edit);
    if (editor->edit && atomic_exchange(&has_continued, false)) {
        el_set(editor->edit, EL_PREP_TERM, 1);
        el_set(editor->edit, EL_REFRESH);
    }
#else
    (void)editor;
#endif
}

/* False at the end of the input and when a signal asks for the end; ended_by says which. Signals
 * are let in only while it waits: one that came just before would not end the waiting. */
static bool wait_for_input(weir_line_editor *editor) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT};
    sigset_t held, before;
    sigemptyset(&held);
    for (size_t i = 0; i < WEIR_COUNT(signals); i++)
        sigaddset(&held, signals[i]);
    pthread_sigmask(SIG_BLOCK, &held, &before);
    bool has_input = false;
    for (;;) {
        redraw_if_needed(editor);
        if (weir_interrupted()) {
            editor->ended_by =
                weir_interrupt_take() == SIGINT ? WEIR_LINE_CTRL_C : WEIR_LINE_SIGNAL;
            break;
        }
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        int n = ppoll(&input, 1, NULL, &before);
        has_input = n > 0;
        if (n < 0 && errno != EINTR)
            editor->ended_by = WEIR_LINE_END;
        if (n > 0 || (n < 0 && errno != EINTR))
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return has_input;
}

/* -1: there is none. */
static int read_byte(weir_line_editor *editor) {
    while (editor->ahead_at == editor->n_ahead) {
        if (!wait_for_input(editor))
            return -1;
        ssize_t n = read(STDIN_FILENO, editor->ahead, sizeof editor->ahead);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0) {
            editor->ended_by = WEIR_LINE_END;
            return -1;
        }
        editor->n_ahead = (size_t)n;
        editor->ahead_at = 0;
    }
    return (unsigned char)editor->ahead[editor->ahead_at++];
}

/* A line as it comes. False: the input ended by ended_by. */
static bool read_plain(weir_line_editor *editor) {
    for (;;) {
        int byte = read_byte(editor);
        /* A last line may lack its line feed. */
        if (byte < 0)
            return editor->ended_by == WEIR_LINE_END && editor->line.n > 0;
        if (byte == '\n')
            return true;
        char letter = (char)byte;
        weir_text_buffer_add(&editor->line, &letter, 1);
    }
}

/* ---- pastes ------------------------------------------------------------------------------- */

#ifdef WEIR_HAS_LIBEDIT

/* Has the terminal put marks around what is pasted, so that it can be told from what is typed. */
static const char PASTE_MARKS_ON[] = "\033[?2004h", PASTE_MARKS_OFF[] = "\033[?2004l";
static const char PASTE_END[] = "\033[201~";

/* Line ends become line feeds, the last ones go, control characters other than tabs too, and what
 * is no UTF-8 becomes U+FFFD: it could not stand in libedit's line. */
static void clean_paste(weir_text_buffer *out, const char *text, size_t n) {
    char *to = weir_text_buffer_room(out, 3 * n);
    char *kept = malloc(n + 1);
    size_t n_kept = 0;
    for (size_t i = 0; to && kept && i < n; i++) {
        bool is_break = text[i] == '\r' || text[i] == '\n';
        if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n')
            continue;
        if (is_break)
            kept[n_kept++] = '\n';
        else if (text[i] == '\t' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f))
            kept[n_kept++] = text[i];
    }
    while (n_kept > 0 && kept[n_kept - 1] == '\n')
        n_kept--;
    if (to && kept)
        out->n += weir_utf8_repair(kept, n_kept, to);
    weir_text_buffer_add(out, "", 0);
    free(kept);
}

static size_t count_lines(const char *text, size_t n) {
    size_t n_lines = 1;
    for (size_t i = 0; i < n; i++)
        n_lines += text[i] == '\n';
    return n_lines;
}

/* Of valid UTF-8. */
static size_t count_characters(const char *text, size_t n) {
    size_t n_characters = 0;
    for (size_t i = 0; i < n; i++)
        n_characters += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n_characters;
}

/* Keeps a paste and returns the label that stands for it; NULL without memory. */
static const char *keep_paste(weir_line_editor *editor, const weir_text_buffer *text) {
    paste *larger = realloc(editor->pastes, (editor->n_pastes + 1) * sizeof *larger);
    if (!larger)
        return NULL;
    editor->pastes = larger;
    paste *kept = &larger[editor->n_pastes];
    size_t n_lines = count_lines(text->data, text->n);
    char label[64];
    snprintf(label, sizeof label, "[paste %zu: %zu %s]", editor->n_pastes + 1,
             n_lines > 1 ? n_lines : count_characters(text->data, text->n),
             n_lines > 1 ? "lines" : "characters");
    *kept = (paste){.label = strdup(label), .text = strdup(text->data), .n = text->n};
    if (!kept->label || !kept->text) {
        free(kept->label);
        free(kept->text);
        return NULL;
    }
    editor->n_pastes++;
    return kept->label;
}

static weir_line_editor *editor_of(EditLine *edit) {
    void *editor = NULL;
    el_get(edit, EL_CLIENTDATA, &editor);
    return editor;
}

/* Reads up to the mark that ends a paste. */
static bool read_paste(weir_line_editor *editor, weir_text_buffer *text) {
    const size_t n_end = sizeof PASTE_END - 1;
    for (;;) {
        int byte = read_byte(editor);
        if (byte < 0)
            return false;
        char letter = (char)byte;
        weir_text_buffer_add(text, &letter, 1);
        if (text->n >= n_end && memcmp(text->data + text->n - n_end, PASTE_END, n_end) == 0) {
            text->n -= n_end;
            return true;
        }
    }
}

/* Bound to what the terminal sends before pasted text. */
static unsigned char key_paste(EditLine *edit, wint_t key) {
    (void)key;
    weir_line_editor *editor = editor_of(edit);
    weir_text_buffer raw = {0}, text = {0};
    unsigned char result = CC_ERROR;
    if (read_paste(editor, &raw))
        clean_paste(&text, raw.data, raw.n);
    if (text.n > 0 && !raw.has_failed && !text.has_failed) {
        bool is_long = text.n > MAX_PASTE_SHOWN || count_lines(text.data, text.n) > MAX_PASTE_LINES;
        const char *shown = is_long ? keep_paste(editor, &text) : text.data;
        if (shown && el_insertstr(edit, shown) == 0)
            result = CC_REFRESH;
    }
    weir_text_buffer_free(&raw);
    weir_text_buffer_free(&text);
    return result;
}

#endif

/* Adds a line to the message, with the pasted text in place of each label. */
static void add_expanded(weir_line_editor *editor, const char *line, size_t n_line) {
    const char *end = line + n_line;
    while (line < end) {
        const paste *first = NULL;
        const char *at = end;
        for (size_t i = 0; i < editor->n_pastes; i++) {
            const paste *each = &editor->pastes[i];
            const char *found =
                memmem(line, (size_t)(end - line), each->label, strlen(each->label));
            if (found && found < at) {
                at = found;
                first = each;
            }
        }
        weir_text_buffer_add(&editor->message, line, (size_t)(at - line));
        if (first)
            weir_text_buffer_add(&editor->message, first->text, first->n);
        line = first ? at + strlen(first->label) : end;
    }
}

/* ---- completion --------------------------------------------------------------------------- */

void weir_choice_add(weir_choices *choices, const char *text, size_t n) {
    if (choices->n == choices->cap) {
        size_t cap = choices->cap * 2 + 16;
        char **larger = realloc(choices->item, cap * sizeof *larger);
        if (!larger)
            return; /* one offer less */
        choices->item = larger;
        choices->cap = cap;
    }
    char *copy = strndup(text, n);
    if (copy)
        choices->item[choices->n++] = copy;
}

#ifdef WEIR_HAS_LIBEDIT

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t common_length(const weir_choices *choices) {
    size_t n = strlen(choices->item[0]);
    for (size_t i = 1; i < choices->n; i++) {
        size_t k = 0;
        while (k < n && choices->item[i][k] == choices->item[0][k])
            k++;
        n = k;
    }
    return weir_utf8_valid(choices->item[0], n); /* no half of a code point */
}

static void show_choices(weir_line_editor *editor, weir_choices *choices) {
    unsigned widest = 0, width = weir_terminal_width(editor->screen);
    qsort(choices->item, choices->n, sizeof *choices->item, compare_texts);
    for (size_t i = 0; i < choices->n; i++) {
        unsigned columns = weir_terminal_columns(choices->item[i], strlen(choices->item[i]));
        widest = columns > widest ? columns : widest;
    }
    unsigned per_row = width / (widest + 2) > 0 ? width / (widest + 2) : 1;
    for (size_t i = 0; i < choices->n; i++) {
        const char *text = choices->item[i];
        if (i % per_row == 0)
            fputc('\n', editor->screen);
        weir_terminal_print(editor->screen, text, strlen(text));
        if ((i + 1) % per_row != 0)
            fprintf(editor->screen, "%*s",
                    (int)(widest + 2 - weir_terminal_columns(text, strlen(text))), "");
    }
    fputc('\n', editor->screen);
    fflush(editor->screen);
}

static unsigned char key_complete(EditLine *edit, wint_t key) {
    (void)key;
    weir_line_editor *editor = editor_of(edit);
    if (!editor->options.complete)
        return CC_ERROR;
    const LineInfo *info = el_line(edit);
    weir_choices choices = {0};
    unsigned char result = CC_ERROR;
    size_t n_word = editor->options.complete(editor->options.context, info->buffer,
                                             (size_t)(info->cursor - info->buffer), &choices);
    if (choices.n > 0) {
        size_t n_common = common_length(&choices);
        choices.item[0][n_common] = choices.n > 1 ? 0 : choices.item[0][n_common];
        if (n_common > n_word && el_insertstr(edit, choices.item[0] + n_word) == 0) {
            result = CC_REFRESH;
        } else if (choices.n > 1) {
            show_choices(editor, &choices);
            result = CC_REDISPLAY;
        }
    }
    for (size_t i = 0; i < choices.n; i++)
        free(choices.item[i]);
    free(choices.item);
    return result;
}

/* ---- keys --------------------------------------------------------------------------------- */

/* Ends the line as if the enter key had been pressed: libedit then leaves the cursor below it. */
static unsigned char end_line(EditLine *edit, weir_line_result by) {
    editor_of(edit)->ended_by = by;
    el_push(edit, "\n");
    return CC_NORM;
}

static bool is_line_empty(EditLine *edit) {
    const LineInfo *info = el_line(edit);
    return info->lastchar == info->buffer;
}

static unsigned char key_ctrl_c(EditLine *edit, wint_t key) {
    (void)key;
    return end_line(edit, is_line_empty(edit) ? WEIR_LINE_CTRL_C : WEIR_LINE_CLEARED);
}

static unsigned char key_ctrl_d(EditLine *edit, wint_t key) {
    (void)key;
    const LineInfo *info = el_line(edit);
    if (is_line_empty(edit))
        return end_line(edit, WEIR_LINE_END);
    if (info->cursor == info->lastchar)
        return CC_ERROR;
    el_cursor(edit, 1);
    el_deletestr(edit, 1);
    return CC_REFRESH;
}

static unsigned char key_line_feed(EditLine *edit, wint_t key) {
    (void)key;
    return el_insertstr(edit, "\n") == 0 ? CC_REFRESH : CC_ERROR;
}

static unsigned char key_suspend(EditLine *edit, wint_t key) {
    (void)key;
    weir_line_editor *editor = editor_of(edit);
    el_set(edit, EL_PREP_TERM, 0);
    fputs(PASTE_MARKS_OFF, editor->screen);
    fflush(editor->screen);
    raise(SIGTSTP);
    atomic_store(&has_continued, false); /* it is drawn below */
    fputs(PASTE_MARKS_ON, editor->screen);
    el_set(edit, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
}

static int read_key(EditLine *edit, wchar_t *key) {
    weir_line_editor *editor = editor_of(edit);
    char bytes[WEIR_UTF8_MAX];
    for (size_t n = 0; n < sizeof bytes;) {
        int byte = read_byte(editor);
        if (byte < 0)
            return 0;
        bytes[n++] = (char)byte;
        uint32_t code;
        size_t n_used;
        weir_utf8_kind kind = weir_utf8_step(bytes, n, &code, &n_used);
        if (kind == WEIR_UTF8_CUT)
            continue;
        /* The byte that showed a code point to be broken begins another one. */
        if (n_used < n)
            editor->ahead_at -= n - n_used;
        *key = (wchar_t)code;
        return 1;
    }
    *key = WEIR_UTF8_REPLACED;
    return 1;
}

static char *prompt_of(EditLine *edit) {
    return editor_of(edit)->prompt;
}

static bool open_edit(weir_line_editor *editor) {
    static const struct {
        const wchar_t *name;
        unsigned char (*function)(EditLine *, wint_t);
        const wchar_t *keys;
    } functions[] = {
        {L"weir-paste", key_paste, L"\033[200~"}, {L"weir-complete", key_complete, L"\t"},
        {L"weir-ctrl-c", key_ctrl_c, L"\003"},    {L"weir-ctrl-d", key_ctrl_d, L"\004"},
        {L"weir-suspend", key_suspend, L"\032"},  {L"weir-line-feed", key_line_feed, L"\033\r"},
    };
    /* What libedit leaves unbound, or bound to what nobody expects. */
    static const char *const keys[][2] = {
        {"\027", "ed-delete-prev-word"},    {"\022", "em-inc-search-prev"},
        {"\033[1~", "ed-move-to-beg"},      {"\033[4~", "ed-move-to-end"},
        {"\033[H", "ed-move-to-beg"},       {"\033[F", "ed-move-to-end"},
        {"\033[3~", "ed-delete-next-char"}, {"\033[1;5C", "em-next-word"},
        {"\033[1;5D", "ed-prev-word"},      {"\033[1;3C", "em-next-word"},
        {"\033[1;3D", "ed-prev-word"},
    };
    HistEvent event;
    editor->edit = el_init("weir", stdin, editor->screen, editor->screen);
    editor->history = history_init();
    if (!editor->edit || !editor->history)
        return false;
    history(editor->history, &event, H_SETSIZE, WEIR_HISTORY_ENTRIES);
    history(editor->history, &event, H_SETUNIQUE, 1);
    el_set(editor->edit, EL_CLIENTDATA, editor);
    el_set(editor->edit, EL_GETCFN, read_key);
    el_set(editor->edit, EL_PROMPT_ESC, prompt_of, '\001');
    el_set(editor->edit, EL_HIST, history, editor->history);
    el_set(editor->edit, EL_EDITOR, "emacs");
    el_source(editor->edit, NULL); /* ~/.editrc */
    el_set(editor->edit, EL_SETTY, "-d", "-isig", NULL);
    for (size_t i = 0; i < WEIR_COUNT(keys); i++)
        el_set(editor->edit, EL_BIND, keys[i][0], keys[i][1], NULL);
    for (size_t i = 0; i < WEIR_COUNT(functions); i++) {
        /* The narrow form leaks its texts. */
        el_wset(editor->edit, EL_ADDFN, functions[i].name, L"weir", functions[i].function);
        el_wset(editor->edit, EL_BIND, functions[i].keys, functions[i].name, NULL);
    }
    return true;
}

static void close_edit(weir_line_editor *editor) {
    if (editor->edit)
        el_end(editor->edit);
    if (editor->history)
        history_end(editor->history);
    free(editor->prompt);
    editor->edit = NULL;
    editor->history = NULL;
}

static bool read_edited(weir_line_editor *editor, const char *prompt) {
    size_t cap = strlen(prompt) + 32;
    char *larger = realloc(editor->prompt, cap);
    if (!larger) {
        editor->ended_by = WEIR_LINE_END;
        return false;
    }
    editor->prompt = larger;
    /* libedit attaches a sequence to the character behind it, so one must come. */
    size_t n_styled = strlen(prompt) - 1;
    if (editor->options.has_color)
        snprintf(larger, cap, "\001%s\001%.*s\001%s\001%s",
                 weir_terminal_style(WEIR_STYLE_PROMPT, true), (int)n_styled, prompt,
                 weir_terminal_style(WEIR_STYLE_PLAIN, true), prompt + n_styled);
    else
        snprintf(larger, cap, "%s", prompt);
    fputs(PASTE_MARKS_ON, editor->screen);
    atomic_store(&has_continued, false); /* while no line was edited: there is nothing to draw */
    int n = 0;
    const char *line = el_gets(editor->edit, &n);
    fputs(PASTE_MARKS_OFF, editor->screen);
    fflush(editor->screen);
    if (!line) {
        if (editor->ended_by == WEIR_LINE_TEXT)
            editor->ended_by = WEIR_LINE_END;
        fputc('\n', editor->screen);
        fflush(editor->screen);
        return false;
    }
    weir_text_buffer_add(&editor->line, line, (size_t)(n > 0 && line[n - 1] == '\n' ? n - 1 : n));
    return editor->ended_by == WEIR_LINE_TEXT;
}

#endif

static bool is_edited(const weir_line_editor *editor) {
#ifdef WEIR_HAS_LIBEDIT
    return editor->edit != NULL;
#else
    (void)editor;
    return false;
#endif
}

static bool read_line(weir_line_editor *editor, const char *prompt) {
    editor->ended_by = WEIR_LINE_TEXT;
    weir_text_buffer_clear(&editor->line);
    weir_text_buffer_add(&editor->line, "", 0); /* so that it has data */
#ifdef WEIR_HAS_LIBEDIT
    if (editor->edit)
        return read_edited(editor, prompt);
#endif
    fputs(prompt, editor->screen);
    fflush(editor->screen);
    bool is_line = read_plain(editor);
    if (!is_line) {
        fputc('\n', editor->screen);
        fflush(editor->screen);
    }
    return is_line;
}

/* ---- history ------------------------------------------------------------------------------ */

static void remember(void *context, const char *text) {
#ifdef WEIR_HAS_LIBEDIT
    const weir_line_editor *editor = context;
    HistEvent event;
    if (editor->history)
        history(editor->history, &event, H_ENTER, text);
#else
    (void)context;
    (void)text;
#endif
}

/* ---- messages ----------------------------------------------------------------------------- */

static const char QUOTES[] = "\"\"\"";
enum { N_QUOTES = 3 };

static bool ends_with_quotes(const char *text, size_t *n) {
    size_t end = *n;
    while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t'))
        end--;
    if (end < N_QUOTES || memcmp(text + end - N_QUOTES, QUOTES, N_QUOTES) != 0)
        return false;
    *n = end - N_QUOTES;
    return true;
}

/* The lines of a block, the first of which has been read. The line feeds beside its quotes belong
 * to them. False: thrown away. */
static bool read_block(weir_line_editor *editor, const char *prompt_more) {
    weir_text_buffer *message = &editor->message;
    size_t skip = N_QUOTES;
    for (;;) {
        const char *text = editor->line.data + skip;
        size_t n = editor->line.n - skip;
        bool is_first = skip > 0, is_last = ends_with_quotes(text, &n);
        add_expanded(editor, text, n);
        if (is_last) {
            if (n == 0 && message->n > 0)
                message->n--;
            return true;
        }
        if (!is_first || n > 0)
            weir_text_buffer_say(message, "\n");
        skip = 0;
        if (!read_line(editor, prompt_more))
            return editor->ended_by == WEIR_LINE_END;
    }
}

/* A line and those that a backslash at its end asks for. */
static bool read_continued(weir_line_editor *editor, const char *prompt_more) {
    for (;;) {
        const weir_text_buffer *line = &editor->line;
        bool has_more = line->n > 0 && line->data[line->n - 1] == '\\';
        add_expanded(editor, line->data, has_more ? line->n - 1 : line->n);
        if (!has_more)
            return true;
        weir_text_buffer_say(&editor->message, "\n");
        if (!read_line(editor, prompt_more))
            return editor->ended_by == WEIR_LINE_END;
    }
}

weir_line_result weir_line_editor_read(weir_line_editor *editor, const char *prompt,
                                       const char *prompt_more, const char **text, size_t *n) {
    weir_text_buffer *message = &editor->message;
    weir_text_buffer_clear(message);
    weir_text_buffer_add(message, "", 0);
    *text = "";
    *n = 0;
    if (!read_line(editor, prompt))
        return editor->ended_by;
    /* What has lines already was pasted or comes from the history: its quotes are text. */
    const char *line = editor->line.data;
    bool is_block = strncmp(line, QUOTES, N_QUOTES) == 0 && !strchr(line, '\n');
    size_t n_labels = editor->n_pastes;
    char *with_labels = n_labels > 0 ? weir_text_copy(line, editor->line.n) : NULL;
    bool is_whole =
        is_block ? read_block(editor, prompt_more) : read_continued(editor, prompt_more);
    if (is_whole && !message->has_failed) {
        message->data[message->n] = 0;
        *text = message->data;
        *n = message->n;
        if (*n > 0 && *n <= WEIR_HISTORY_ENTRY_BYTES)
            remember(editor, *text);
        else if (with_labels)
            remember(editor, with_labels);
        weir_line_history_append(editor->history_fd, *text, *n);
    }
    free(with_labels);
    if (is_whole)
        return WEIR_LINE_TEXT;
    return editor->ended_by == WEIR_LINE_CTRL_C ? WEIR_LINE_CLEARED : editor->ended_by;
}

/* ---- opening and closing ------------------------------------------------------------------ */

/* A stream of its own: libedit writes byte by byte, which standard error would pass on so. */
static FILE *open_screen(void) {
    int fd = dup(isatty(STDERR_FILENO) || !isatty(STDOUT_FILENO) ? STDERR_FILENO : STDOUT_FILENO);
    if (fd < 0)
        return NULL;
    FILE *screen = fdopen(fd, "w");
    if (!screen)
        close(fd);
    return screen;
}

weir_status weir_line_editor_open(weir_line_editor **out, const weir_line_editor_options *options,
                                  weir_error *err) {
    *out = NULL;
    weir_line_editor *editor = calloc(1, sizeof *editor);
    if (!editor)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the line editor");
    editor->options = *options;
    editor->history_fd = -1;
    editor->screen = open_screen();
    if (!editor->screen)
        goto fail;
    weir_terminal_use_utf8();
#ifdef WEIR_HAS_LIBEDIT
    if (isatty(STDIN_FILENO) && weir_terminal_can_move(editor->screen) && !open_edit(editor))
        goto fail;
#endif
    if (is_edited(editor)) {
        struct sigaction action = {.sa_handler = on_screen_signal, .sa_flags = SA_RESTART};
        sigemptyset(&action.sa_mask);
        sigaction(SIGWINCH, &action, NULL);
        sigaction(SIGCONT, &action, NULL);
        if (options->history_path)
            editor->history_fd = weir_line_history_open(options->history_path, remember, editor);
    }
    *out = editor;
    return WEIR_STATUS_OK;
fail:
    weir_line_editor_close(&editor);
    return weir_fail(err, WEIR_STATUS_FAILED, "the line editor cannot be opened on this terminal");
}

void weir_line_editor_close(weir_line_editor **out) {
    weir_line_editor *editor = *out;
    *out = NULL;
    if (!editor)
        return;
#ifdef WEIR_HAS_LIBEDIT
    close_edit(editor);
#endif
    if (editor->screen)
        fclose(editor->screen);
    if (editor->history_fd >= 0)
        close(editor->history_fd);
    weir_text_buffer_free(&editor->line);
    weir_text_buffer_free(&editor->message);
    for (size_t i = 0; i < editor->n_pastes; i++) {
        free(editor->pastes[i].label);
        free(editor->pastes[i].text);
    }
    free(editor->pastes);
    free(editor);
}
