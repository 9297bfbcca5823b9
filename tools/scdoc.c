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

/* "train run" has the page weir-train-run. */
static void print_page_name(const weir_verb *verb) {
    printf("weir-");
    for (const char *at = verb->name; *at; at++)
        putchar(*at == ' ' ? '-' : *at);
}

void weir_scdoc_verb(const weir_verb *verb) {
    print_page_name(verb);
    printf("(1)\n\n# NAME\n\n");
    print_page_name(verb);
    printf(" - %c%s\n\n", tolower((unsigned char)verb->summary[0]), verb->summary + 1);
    printf("# SYNOPSIS\n\n*weir %s*%s", verb->name, verb->operands[0] ? " " : "");
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

static void print_verbs(const weir_verb_group *group) {
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++) {
        if (!weir_verb_is_in(*verb, group))
            continue;
        printf("*%s* ", (*verb)->name);
        print_operands((*verb)->operands);
        printf("\n\t%s. See *", (*verb)->summary);
        print_page_name(*verb);
        printf("*(1).\n\n");
    }
}

void weir_scdoc_program(void) {
    printf("weir(1)\n\n# NAME\n\nweir - runs the LFM2 family of language models\n\n"
           "# SYNOPSIS\n\n*weir* _VERB_ [arguments]++\n*weir help* [_VERB_]++\n"
           "*weir --version*\n\n# VERBS\n\n");
    print_verbs(NULL);
    for (const weir_verb_group *group = weir_verb_groups; group->name; group++)
        print_verbs(group);
}

void weir_scdoc_end(void) {
    printf("# SEE ALSO\n\n*weir*(1)");
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++) {
        printf(", *");
        print_page_name(*verb);
        printf("*(1)");
    }
    putchar('\n');
}
