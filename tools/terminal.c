/*
 * terminal.c: colours, widths and safe text.
 *
 * Owns the one place that asks NO_COLOR and TERM, and the terminal's modes while an answer is
 * written. Standard input is the terminal that is typed on; answers go to whatever stream is given.
 */
#include "terminal.h"

#include "base/utf8.h"

#include <langinfo.h>
#include <locale.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

/* ---- what it can do ----------------------------------------------------------------------- */

bool weir_terminal_can_move(FILE *stream) {
    const char *term = getenv("TERM");
    return isatty(fileno(stream)) && term && term[0] && strcmp(term, "dumb") != 0;
}

bool weir_terminal_has_color(FILE *stream, weir_color choice) {
    const char *no_color = getenv("NO_COLOR");
    switch (choice) {
    case WEIR_COLOR_ALWAYS:
        return true;
    case WEIR_COLOR_NEVER:
        return false;
    case WEIR_COLOR_AUTO:
        break;
    }
    return !(no_color && no_color[0]) && weir_terminal_can_move(stream);
}

const char *weir_terminal_style(weir_style style, bool has_color) {
    static const char *const sequences[] = {
        [WEIR_STYLE_PLAIN] = "\033[0m",  [WEIR_STYLE_DIM] = "\033[2m",
        [WEIR_STYLE_BOLD] = "\033[1m",   [WEIR_STYLE_PROMPT] = "\033[1;36m",
        [WEIR_STYLE_CALL] = "\033[33m",  [WEIR_STYLE_TARGET] = "\033[32m",
        [WEIR_STYLE_ERROR] = "\033[31m",
    };
    return has_color ? sequences[style] : "";
}

unsigned weir_terminal_width(FILE *stream) {
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

/* ---- text --------------------------------------------------------------------------------- */

static bool is_control(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0); /* U+009B begins a sequence, too */
}

void weir_terminal_print(FILE *to, const char *text, size_t n) {
    for (size_t i = 0; i < n;) {
        uint32_t code;
        size_t n_used;
        weir_utf8_kind kind = weir_utf8_step(text + i, n - i, &code, &n_used);
        bool is_layout = code == '\n' || code == '\t';
        if (kind == WEIR_UTF8_WHOLE && (is_layout || !is_control(code)))
            fwrite(text + i, 1, n_used, to);
        else
            for (size_t k = 0; k < n_used; k++)
                fprintf(to, "\\x%02x", (unsigned char)text[i + k]);
        i += n_used;
    }
}

unsigned weir_terminal_columns(const char *text, size_t n) {
    unsigned columns = 0;
    for (size_t i = 0; i < n;) {
        uint32_t code;
        size_t n_used;
        weir_utf8_step(text + i, n - i, &code, &n_used);
        int width = wcwidth((wchar_t)code);
        columns += width < 0 ? 1 : (unsigned)width;
        i += n_used;
    }
    return columns;
}

void weir_terminal_use_utf8(void) {
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

/* ---- modes -------------------------------------------------------------------------------- */

static struct termios modes_before; /* [valid while is_hushed] */
static atomic_bool is_hushed;

void weir_terminal_hush(void) {
    if (atomic_load(&is_hushed) || tcgetattr(STDIN_FILENO, &modes_before) != 0)
        return;
    struct termios modes = modes_before;
    modes.c_lflag &= ~(tcflag_t)ECHO;
    modes.c_lflag |= NOFLSH; /* Ctrl-C stops the answer and leaves what was typed */
    /* Before the change: a signal in between restores what was there. */
    atomic_store(&is_hushed, true);
    tcsetattr(STDIN_FILENO, TCSANOW, &modes);
}

void weir_terminal_unhush(void) {
    if (atomic_exchange(&is_hushed, false))
        tcsetattr(STDIN_FILENO, TCSANOW, &modes_before);
}
