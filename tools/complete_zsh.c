/*
 * complete_zsh.c: the completion script of zsh: one call of _arguments a verb, which knows
 * "--flag value" and "--flag=value" by itself.
 */
#include "completions.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

static const char HEAD[] =
    "#compdef weir\n"
    "# Completes command lines of weir in zsh; made by `weir completions zsh`.\n"
    "\n"
    "_weir_models() {\n"
    "  local program=${commands[weir]:-} folder\n"
    "  local -a names\n"
    "  for folder in ${XDG_DATA_HOME:-$HOME/.local/share}/weir/models \\\n"
    "    ${program:h}/../share/weir/models; do\n"
    "    names+=($folder/*.gguf(N:t:r))\n"
    "  done\n"
    "  _alternative 'models:installed model:($names)' 'files:file:_files'\n"
    "}\n"
    "\n";

/* Inside '...' of an argument of _arguments: the shell's quote, then what _arguments reads. */
static void print_quoted(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (text[i] == '\'')
            fputs("'\\''", stdout);
        else
            weir_print_escaped(&text[i], 1, "[]:\\", "\\");
}

static void print_value(const char *name, size_t n) {
    putchar(':');
    weir_value value = weir_value_of(name, n);
    if (value == WEIR_VALUE_CHOICES)
        printf("choice");
    else
        print_quoted(name, n);
    putchar(':');
    switch (value) {
    case WEIR_VALUE_OTHER:
        break;
    case WEIR_VALUE_FILE:
        printf("_files");
        break;
    case WEIR_VALUE_FOLDER:
        printf("_files -/");
        break;
    case WEIR_VALUE_MODEL:
        printf("_weir_models");
        break;
    case WEIR_VALUE_CHOICES:
        putchar('(');
        weir_print_choices(name, n, ' ');
        putchar(')');
        break;
    }
}

static void print_option(const weir_option *option) {
    const char *is_often = option->type == WEIR_OPTION_STRINGS ? "*" : "";
    const char *equals = option->value_name ? "=" : "";
    printf("      ");
    if (option->letter && !*is_often)
        printf("'(-%c --%s)'", option->letter, option->name);
    else if (*is_often)
        printf("'*'");
    if (option->letter)
        printf("{-%c%s,--%s%s}'[", option->letter, option->value_name ? "+" : "", option->name,
               equals);
    else
        printf("'--%s%s[", option->name, equals);
    print_quoted(option->help, strlen(option->help));
    putchar(']');
    if (option->value_name)
        print_value(option->value_name, strlen(option->value_name));
    printf("' \\\n");
}

static void print_arguments(const weir_verb *verb) {
    printf("  '%s')\n    _arguments -s -S \\\n", verb->name);
    for (size_t i = 0; i < verb->n_options; i++)
        if (verb->options[i].type != WEIR_OPTION_GROUP)
            print_option(&verb->options[i]);
    size_t n;
    for (size_t i = 0; i < verb->n_operands_max; i++) {
        const char *name = weir_operand_name(verb, i, &n);
        if (!name)
            break;
        bool is_many = weir_operand_is_many(name, n);
        if (is_many)
            printf("      '*");
        else
            printf("      '%zu%s", i + 1, i >= verb->n_operands_min ? ":" : "");
        print_value(name, n);
        printf("' \\\n");
        if (is_many)
            break;
    }
    printf("      '(-h --help)'{-h,--help}'[this text]'\n    ;;\n");
}

static void print_described(const char *name, const char *summary) {
    printf("    '%s:", name);
    print_quoted(summary, strlen(summary));
    printf("'\n");
}

/* The verbs of a group; NULL: what may be the first word. */
static void print_verb_list(const char *name, const weir_verb_group *of) {
    printf("  local -a %s\n  %s=(\n", name, name);
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++)
        if (weir_verb_is_in(*verb, of))
            print_described(weir_verb_last_word(*verb), (*verb)->summary);
    for (const weir_verb_group *group = weir_verb_groups; !of && group->name; group++)
        if (!weir_verb_find(NULL, group->name))
            print_described(group->name, group->summary);
    if (!of)
        print_described("help", "Explains a verb");
    printf("  )\n");
}

void weir_complete_zsh(void) {
    fputs(HEAD, stdout);
    printf("_weir() {\n"
           "  local verb\n");
    print_verb_list("verbs", NULL);
    for (const weir_verb_group *group = weir_verb_groups; group->name; group++) {
        char name[32];
        snprintf(name, sizeof name, "%s_verbs", group->name);
        print_verb_list(name, group);
    }
    printf("  if ((CURRENT == 2)); then\n"
           "    _describe verb verbs\n"
           "    return\n"
           "  fi\n"
           "  # What follows sees the verb as the command; the verbs of a group have two words.\n"
           "  shift words\n"
           "  ((CURRENT--))\n"
           "  verb=$words[1]\n"
           "  case $verb in\n"
           "  help)\n"
           "    if ((CURRENT == 2)); then\n"
           "      _describe verb verbs\n"
           "      return\n"
           "    fi\n"
           "    ((CURRENT == 3)) || return\n"
           "    shift words\n"
           "    ((CURRENT--))\n"
           "    ;;\n"
           "  esac\n"
           "  case $words[1] in\n");
    /* One that is a verb by itself goes on as that, unless a verb of its own follows. */
    for (const weir_verb_group *group = weir_verb_groups; group->name; group++)
        printf("  %s)\n"
               "    if ((CURRENT == 2)); then\n"
               "      _describe verb %s_verbs\n"
               "%s"
               "    elif [[ -n ${(M)%s_verbs:#$words[2]:*} ]]; then\n"
               "      shift words\n"
               "      ((CURRENT--))\n"
               "      verb+=\" $words[1]\"\n"
               "    fi\n"
               "    ;;\n",
               group->name, group->name, weir_verb_find(NULL, group->name) ? "" : "      return\n",
               group->name);
    printf("  esac\n"
           "  case $verb in\n");
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++)
        print_arguments(*verb);
    printf("  esac\n"
           "}\n"
           "\n"
           "# Found in fpath the file is the body of the function; sourced it names the function.\n"
           "if [[ $funcstack[1] == _weir ]]; then\n"
           "  _weir \"$@\"\n"
           "else\n"
           "  compdef _weir weir\n"
           "fi\n");
}
