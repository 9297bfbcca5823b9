/*
 * scdoc.c: what the tables of the verbs know, as the beginning of a man page.
 *
 * Owns the escaping: in scdoc * and _ turn bold and underline on, a backslash takes a character's
 * meaning away, and what begins a line may be a heading, a list or a table.
 */
#include "scdoc.h"

#include "verbs.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void print_text(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (strchr("*_\\#-|[].'`+<>~", text[i]))
            putchar('\\');
        putchar(text[i]);
    }
}

/* Lines of help become one paragraph, because they were broken for a terminal. */
static void print_help(const char *help) {
    putchar('\t');
    for (const char *line = help; *line; line += *line == '\n') {
        size_t n = strcspn(line, "\n");
        print_text(line, n);
        line += n;
        if (*line)
            putchar(' ');
    }
    putchar('\n');
}

/* Capitals are to be replaced by the user and are set as such: [MODEL] [PROMPT]. */
static void print_operands(const char *operands) {
    for (const char *at = operands; *at;) {
        size_t n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (n > 0) {
            printf("_%.*s_", (int)n, at);
        } else {
            n = 1;
            print_text(at, n);
        }
        at += n;
    }
}

/* Examples stand two spaces in from the text around them. */
static void print_details(const char *details) {
    bool is_in_example = false;
    for (const char *line = details; *line;) {
        size_t n = strcspn(line, "\n");
        bool is_example = strncmp(line, "  ", 2) == 0;
        if (is_example != is_in_example)
            puts("```");
        is_in_example = is_example;
        if (is_example)
            printf("%.*s", (int)n - 2, line + 2);
        else
            print_text(line, n);
        putchar('\n');
        line += n;
        line += *line == '\n';
    }
    if (is_in_example)
        puts("```");
}

static void print_option(const weir_option *option) {
    if (option->letter)
        printf("*-%c*, ", option->letter);
    printf("*--%s*", option->name);
    if (option->value_name) {
        putchar(' ');
        if (weir_value_of(option->value_name, strlen(option->value_name)) == WEIR_VALUE_CHOICES)
            print_text(option->value_name, strlen(option->value_name));
        else
            print_operands(option->value_name);
    }
    putchar('\n');
    print_help(option->help);
    putchar('\n');
}

void weir_scdoc_verb(const weir_verb *verb) {
    printf("weir-%s(1)\n\n# NAME\n\nweir-%s - %c%s\n\n", verb->name, verb->name,
           tolower((unsigned char)verb->summary[0]), verb->summary + 1);
    printf("# SYNOPSIS\n\n*weir %s* ", verb->name);
    print_operands(verb->operands);
    printf(" [options]\n\n");
    if (verb->details) {
        printf("# DESCRIPTION\n\n");
        print_details(verb->details);
        putchar('\n');
    }
    printf("# OPTIONS\n\n");
    for (size_t i = 0; i < verb->n_options; i++) {
        if (verb->options[i].type == WEIR_OPTION_GROUP)
            printf("## %s\n\n", verb->options[i].name);
        else
            print_option(&verb->options[i]);
    }
    printf("*-h*, *--help*\n\tprints a short form of this page\n\n");
}

void weir_scdoc_program(void) {
    printf("weir(1)\n\n# NAME\n\nweir - runs the LFM2 family of language models\n\n"
           "# SYNOPSIS\n\n*weir* _VERB_ [arguments]++\n*weir help* [_VERB_]++\n"
           "*weir --version*\n\n# VERBS\n\n");
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++) {
        printf("*%s* ", (*verb)->name);
        print_operands((*verb)->operands);
        printf("\n\t%s. See *weir-%s*(1).\n\n", (*verb)->summary, (*verb)->name);
    }
}
