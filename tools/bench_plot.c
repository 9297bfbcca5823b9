/*
 * bench_plot.c: results as a picture: a bar for each cell, as high as its share of the limit, with
 * the tokens per second above it. Cells without a limit have no bar, only the number.
 */
#include "bench_show.h"

#include "base/error.h"
#include "base/file.h"
#include "base/plain_locale.h"

#include <math.h>
#include <stdlib.h>

enum {
    LEFT = 56,
    RIGHT = 16,
    TOP = 48,
    PLOT_H = 300,
    BOTTOM = 76,
    BAR_W = 40,
    GAP = 12,
    HEIGHT = TOP + PLOT_H + BOTTOM
};

static void draw_text(FILE *to, const char *text) {
    for (const char *c = text; *c; c++)
        if (*c == '<' || *c == '&')
            fprintf(to, "&#%d;", *c);
        else
            fputc((unsigned char)*c < ' ' ? '?' : *c, to);
}

static void draw_axis(FILE *to, int width) {
    for (int percent = 0; percent <= 100; percent += 20) {
        double y = TOP + PLOT_H * (1 - percent / 100.0);
        fprintf(to,
                "<path d=\"M%d %.1f H%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" "
                "text-anchor=\"end\">%d %%</text>\n",
                LEFT, y, width - RIGHT, LEFT - 6, y + 4, percent);
    }
}

static void draw_cell(FILE *to, const weir_bench_file *file, const weir_bench_cell *cell, int x) {
    double median_s = weir_bench_quantile(cell->seconds, cell->n, 0.5);
    double share = fmin(weir_bench_floor(file, cell) / median_s, 1);
    double tokens_per_s = weir_bench_unit_tokens(cell) / median_s, high = share * PLOT_H;
    bool is_prompt = cell->kind == WEIR_BENCH_PREFILL;
    fprintf(to, "<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" fill=\"%s\"/>\n", x,
            TOP + PLOT_H - high, BAR_W, high, is_prompt ? "#2e7d32" : "#1f5fa8");
    fprintf(to, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"middle\">%.*f</text>\n", x + BAR_W / 2,
            TOP + PLOT_H - high - 5, tokens_per_s < 100 ? 1 : 0, tokens_per_s);
    fprintf(to, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", x + BAR_W / 2,
            TOP + PLOT_H + 16);
    if (is_prompt)
        fprintf(to, "%u</text>\n", cell->n_tokens);
    else
        fprintf(to,
                "&#215;%u</text><text x=\"%d\" y=\"%d\" text-anchor=\"middle\" "
                "fill=\"#777\">%u</text>\n",
                cell->batch, x + BAR_W / 2, TOP + PLOT_H + 32, cell->depth);
}

static void draw(FILE *to, const weir_bench_file *file) {
    int n = 0;
    for (size_t i = 0; i < file->n_cells; i++)
        n += file->cell[i].n > 0;
    int width = LEFT + RIGHT + GAP + (n > 10 ? n : 10) * (BAR_W + GAP);
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<text x=\"%d\" y=\"18\">",
            width, HEIGHT, width, HEIGHT, LEFT);
    draw_text(to, file->model);
    fputs(", ", to);
    draw_text(to, file->file_type);
    fputs("; ", to);
    draw_text(to, file->engine);
    fputs("</text>\n", to);
    draw_axis(to, width);
    int x = LEFT + GAP;
    for (size_t i = 0; i < file->n_cells; i++)
        if (file->cell[i].n > 0) {
            draw_cell(to, file, &file->cell[i], x);
            x += BAR_W + GAP;
        }
    fprintf(to,
            "<text x=\"%d\" y=\"%d\" fill=\"#777\">Share of the limit; above the bars tokens per "
            "second. Green: prompts by length.</text>\n"
            "<text x=\"%d\" y=\"%d\" fill=\"#777\">Blue: decoding by timelines at once, and the "
            "depth below.</text>\n</svg>\n",
            LEFT, HEIGHT - 24, LEFT, HEIGHT - 8);
}

weir_status weir_bench_plot_write(const weir_bench_file *file, const char *path, weir_error *err) {
    char *text = NULL;
    size_t n = 0;
    weir_out *out = NULL;
    weir_status status = WEIR_STATUS_OK;
    FILE *to = open_memstream(&text, &n);
    if (to) {
        weir_plain_locale locale = weir_plain_locale_begin();
        draw(to, file);
        weir_plain_locale_end(locale);
    }
    if (!to || fclose(to) != 0) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory to draw it", path);
        goto fail;
    }
    WEIR_TRY_GOTO(weir_out_open(&out, path, true, err));
    WEIR_TRY_GOTO(weir_out_write(out, text, n, err));
    WEIR_TRY_GOTO(weir_out_commit(&out, err));
fail:
    weir_out_abort(&out);
    free(text);
    return status;
}
