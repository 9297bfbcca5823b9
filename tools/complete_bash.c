/*
 * complete_bash.c: the completion script of bash.
 *
 * Owns the script. Its working parts are fixed text; the tables become three functions of
 * `case` lines: the verbs of a group, what stands for a value, and which options a verb has. bash
 * cuts words at =, so that
 * "--flag=va" comes as three words; at : it cuts too, which no completed value contains.
 */
#include "completions.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

static const char HEAD[] =
    "# Completes command lines of weir in bash; made by `weir completions bash`.\n"
    "\n"
    "_weir_words() { # words, beginning\n"
    "    COMPREPLY+=($(compgen -W \"$1\" -- \"$2\"))\n"
    "}\n"
    "\n"
    "_weir_files() { # action of compgen, beginning\n"
    "    local word\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    while IFS= read -r word; do\n"
    "        COMPREPLY+=(\"$word\")\n"
    "    done < <(compgen \"$1\" -- \"$2\")\n"
    "}\n"
    "\n"
    "_weir_models() { # beginning\n"
    "    local program folder file\n"
    "    program=$(type -P weir)\n"
    "    for folder in \"${XDG_DATA_HOME:-$HOME/.local/share}/weir/models\" \\\n"
    "        \"${program%/*}/../share/weir/models\"; do\n"
    "        for file in \"$folder/$1\"*.gguf; do\n"
    "            [[ -e $file ]] || continue\n"
    "            file=${file##*/}\n"
    "            COMPREPLY+=(\"${file%.gguf}\")\n"
    "        done\n"
    "    done\n"
    "    _weir_files -f \"$1\"\n"
    "}\n"
    "\n"
    "_weir_complete() { # what stands there, beginning\n"
    "    case $1 in\n"
    "    OTHER) ;;\n"
    "    FILE) _weir_files -f \"$2\" ;;\n"
    "    FOLDER) _weir_files -d \"$2\" ;;\n"
    "    MODEL) _weir_models \"$2\" ;;\n"
    "    *) _weir_words \"$1\" \"$2\" ;;\n"
    "    esac\n"
    "}\n"
    "\n";

static const char TAIL[] =
    "_weir() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local verb=${COMP_WORDS[1]} value= options= operand=1 first=2 i\n"
    "    COMPREPLY=()\n"
    "    if ((COMP_CWORD == 1)); then\n"
    "        _weir_words \"$_weir_verbs help --help --version\" \"$cur\"\n"
    "        return\n"
    "    fi\n"
    "    # The verbs of a group have two words.\n"
    "    if ((COMP_CWORD == 2)) && _weir_group \"$verb\"; then\n"
    "        _weir_words \"$value\" \"$cur\"\n"
    "        # One that is a verb by itself goes on as that.\n"
    "        _weir_value \"$verb 1\" || { _weir_words --help \"$cur\"; return; }\n"
    "    elif ((COMP_CWORD == 3)) && [[ $verb == help ]]; then\n"
    "        _weir_group \"$prev\" && _weir_words \"$value\" \"$cur\"\n"
    "        return\n"
    "    elif _weir_group \"$verb\" && [[ \" $value \" == *\" ${COMP_WORDS[2]} \"* ]]; then\n"
    "        verb+=\" ${COMP_WORDS[2]}\"\n"
    "        first=3\n"
    "    fi\n"
    "    # --flag=value comes as three words.\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    if [[ $prev == -* ]] && _weir_value \"$verb $prev\"; then\n"
    "        _weir_complete \"$value\" \"$cur\"\n"
    "        return\n"
    "    fi\n"
    "    if [[ $cur == -* ]]; then\n"
    "        _weir_options \"$verb\"\n"
    "        _weir_words \"$options --help\" \"$cur\"\n"
    "        return\n"
    "    fi\n"
    "    for ((i = first; i < COMP_CWORD; i++)); do\n"
    "        if [[ ${COMP_WORDS[i]} != -* ]]; then\n"
    "            ((operand++))\n"
    "        elif _weir_value \"$verb ${COMP_WORDS[i]}\"; then\n"
    "            [[ ${COMP_WORDS[i + 1]} != = ]] || ((i++))\n"
    "            ((i++))\n"
    "        fi\n"
    "    done\n"
    "    _weir_value \"$verb $operand\" && _weir_complete \"$value\" \"$cur\"\n"
    "}\n"
    "\n"
    "complete -F _weir weir\n";

/* The verbs of a group; NULL: what may be the first word. */
static void print_verbs(const weir_verb_group *of) {
    const char *between = "";
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++) {
        if (!weir_verb_is_in(*verb, of))
            continue;
        printf("%s%s", between, weir_verb_last_word(*verb));
        between = " ";
    }
    for (const weir_verb_group *group = weir_verb_groups; !of && group->name; group++)
        if (!weir_verb_find(NULL, group->name))
            printf(" %s", group->name);
}

static void print_value(const char *name, size_t n) {
    static const char *const values[] = {
        [WEIR_VALUE_OTHER] = "OTHER",
        [WEIR_VALUE_FILE] = "FILE",
        [WEIR_VALUE_FOLDER] = "FOLDER",
        [WEIR_VALUE_MODEL] = "MODEL",
    };
    weir_value value = weir_value_of(name, n);
    printf(") value='");
    if (value == WEIR_VALUE_CHOICES)
        weir_print_choices(name, n, ' ');
    else
        printf("%s", values[value]);
    printf("' ;;\n");
}

static void print_values_of(const weir_verb *verb) {
    for (size_t i = 0; i < verb->n_options; i++) {
        const weir_option *option = &verb->options[i];
        if (!option->value_name)
            continue;
        printf("    '%s --%s'", verb->name, option->name);
        if (option->letter)
            printf(" | '%s -%c'", verb->name, option->letter);
        print_value(option->value_name, strlen(option->value_name));
    }
    size_t n;
    for (size_t i = 0; i < verb->n_operands_max; i++) {
        const char *name = weir_operand_name(verb, i, &n);
        if (!name)
            break;
        bool is_many = weir_operand_is_many(name, n);
        if (is_many)
            printf("    '%s '[0-9]*", verb->name);
        else
            printf("    '%s %zu'", verb->name, i + 1);
        print_value(name, n);
        if (is_many)
            break;
    }
}

static void print_options_of(const weir_verb *verb) {
    printf("    '%s') options='", verb->name);
    const char *between = "";
    for (size_t i = 0; i < verb->n_options; i++) {
        if (verb->options[i].type == WEIR_OPTION_GROUP)
            continue;
        printf("%s--%s", between, verb->options[i].name);
        between = " ";
    }
    printf("' ;;\n");
}

void weir_complete_bash(void) {
    fputs(HEAD, stdout);
    printf("_weir_verbs='");
    print_verbs(NULL);
    printf("'\n"
           "\n"
           "_weir_group() { # first word\n"
           "    case $1 in\n");
    for (const weir_verb_group *group = weir_verb_groups; group->name; group++) {
        printf("    %s) value='", group->name);
        print_verbs(group);
        printf("' ;;\n");
    }
    printf("    *) return 1 ;;\n"
           "    esac\n"
           "}\n"
           "\n"
           "# What stands for the value of an option, or for an operand, of a verb.\n"
           "_weir_value() { # \"verb option\" or \"verb number\"\n"
           "    case $1 in\n"
           "    'help 1') value=$_weir_verbs ;;\n");
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++)
        print_values_of(*verb);
    printf("    *) return 1 ;;\n"
           "    esac\n"
           "}\n"
           "\n"
           "_weir_options() { # verb\n"
           "    case $1 in\n");
    for (const weir_verb *const *verb = weir_verbs; *verb; verb++)
        print_options_of(*verb);
    printf("    esac\n"
           "}\n"
           "\n");
    fputs(TAIL, stdout);
}
