/* mask_print.c: a sample for training with what is to be learnt of it marked. */
#include "mask_print.h"

#include "terminal.h"

static void print_run(FILE *to, const char *text, size_t n, bool is_target, bool has_color) {
    if (!is_target) {
        weir_terminal_print(to, text, n);
        return;
    }
    fputs(has_color ? weir_terminal_style(WEIR_STYLE_TARGET, true) : "[[", to);
    weir_terminal_print(to, text, n);
    fputs(has_color ? weir_terminal_style(WEIR_STYLE_PLAIN, true) : "]]", to);
}

void weir_mask_print(FILE *to, const char *text, const bool *is_target_byte, size_t n,
                     bool has_color) {
    size_t start = 0;
    for (size_t i = 1; i <= n; i++) {
        if (i < n && is_target_byte[i] == is_target_byte[start])
            continue;
        print_run(to, text + start, i - start, is_target_byte[start], has_color);
        start = i;
    }
    if (n == 0 || text[n - 1] != '\n' || is_target_byte[n - 1])
        fputc('\n', to);
}
