/*
 * render.c: weir's side of the peer test of templates. Renders what it is given and writes down
 * what comes of it; judges nothing (render.mjs does).
 *
 *     peer_render DIR < CASES > RESULTS
 *
 * A line of CASES is the name of a template file in DIR, a tab, and a JSON object, its variables. A
 * line of RESULTS is {"text": ...} or {"error": ...}. The clock stands still at 2026-02-24.
 */
#include "weir.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEMPLATES = 32, MAX_SOURCE_BYTES = 1 << 20, MAX_PATH = 1024 };

static const weir_render_options options = {.has_now = true, .now = 1771891200};

static struct {
    char *name;
    weir_template *compiled;
} templates[MAX_TEMPLATES];
static size_t n_templates;

static void quit(const char *what, const char *why) {
    fprintf(stderr, "peer_render: %s: %s\n", what, why);
    exit(1);
}

static const weir_template *find_template(const char *dir, const char *name) {
    for (size_t i = 0; i < n_templates; i++)
        if (strcmp(templates[i].name, name) == 0)
            return templates[i].compiled;
    char path[MAX_PATH];
    weir_error error;
    if (n_templates == MAX_TEMPLATES ||
        snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        quit(name, "too many templates, or too long a name");
    FILE *file = fopen(path, "rb");
    char *source = malloc(MAX_SOURCE_BYTES);
    if (!file || !source)
        quit(path, "cannot be read");
    size_t n = fread(source, 1, MAX_SOURCE_BYTES, file);
    fclose(file);
    if (weir_template_open(&templates[n_templates].compiled, source, n, name, &error) !=
        WEIR_STATUS_OK)
        quit(path, error.text);
    free(source);
    templates[n_templates].name = strdup(name);
    return templates[n_templates++].compiled;
}

static void write_line(const char *key, const char *text, size_t n) {
    json_t *string = json_stringn(text, n);
    if (!string)
        quit(key, "is no UTF-8");
    json_t *line = json_pack("{so}", key, string);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

int main(int argc, char **argv) {
    char *line = NULL;
    size_t cap = 0;
    if (argc != 2)
        quit("usage", "peer_render DIR");
    while (getline(&line, &cap, stdin) > 0) {
        char *tab = strchr(line, '\t');
        if (!tab)
            quit("a line", "expected NAME, a tab and JSON");
        *tab = 0;
        weir_rendered rendered;
        weir_error error;
        const char *context = tab + 1;
        size_t n = strcspn(context, "\n");
        if (weir_template_render(&rendered, find_template(argv[1], line), context, n, &options,
                                 &error) == WEIR_STATUS_OK) {
            write_line("text", rendered.text, rendered.n);
            weir_rendered_free(&rendered);
        } else {
            write_line("error", error.text, strlen(error.text));
        }
    }
    free(line);
    for (size_t i = 0; i < n_templates; i++) {
        weir_template_close(&templates[i].compiled);
        free(templates[i].name);
    }
    if (ferror(stdout) || fflush(stdout) != 0)
        quit("standard output", "cannot be written");
    return 0;
}
