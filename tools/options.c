/*
 * options.c: command lines by table.
 *
 * Owns parsing and help for every verb. Keeps nothing between calls; prints only help. Every number
 * is read whole or refused: no sign where none can be, no trailing letters, no silent overflow.
 */
#include "options.h"

#include "base/compiler.h"
#include "base/error.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ------------------------------------------------------------------------------- */

/* A decimal number without sign at *text; *text moves behind it. */
static bool read_u64(const char **text, uint64_t max, uint64_t *out) {
    if (!isdigit((unsigned char)**text))
        return false;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(*text, &end, 10);
    if (errno != 0 || value > max)
        return false;
    *text = end;
    *out = value;
    return true;
}

/* A finite decimal number at *text; strtof alone would take "inf", "nan" and hexadecimal. */
static bool read_float(const char **text, float *out) {
    const char *digits = *text + (**text == '-' || **text == '+');
    if (!isdigit((unsigned char)digits[0]) &&
        !(digits[0] == '.' && isdigit((unsigned char)digits[1])))
        return false;
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
        return false;
    char *end;
    float value = strtof(*text, &end);
    if (!isfinite(value))
        return false;
    *text = end;
    *out = value;
    return true;
}

static bool read_size(const char *text, uint64_t *out) {
    static const struct {
        const char *name;
        double bytes;
    } units[] = {
        {"", 1},         {"B", 1},        {"K", 1e3},      {"KB", 1e3},     {"M", 1e6},
        {"MB", 1e6},     {"G", 1e9},      {"GB", 1e9},     {"T", 1e12},     {"TB", 1e12},
        {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40},
    };
    if (!isdigit((unsigned char)text[0]) ||
        (text[0] == '0' && tolower((unsigned char)text[1]) == 'x'))
        return false;
    char *end;
    double value = strtod(text, &end);
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < WEIR_COUNT(units); i++)
        if (strcmp(end, units[i].name) == 0) {
            value *= units[i].bytes;
            if (!(value < 0x1p63))
                return false;
            *out = (uint64_t)value;
            return true;
        }
    return false;
}

static const char *skip_space(const char *text) {
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

weir_status weir_parse_tokens(weir_token_list *out, const char *text, const char *where,
                              weir_error *err) {
    out->n = 0;
    out->item = malloc((strlen(text) / 2 + 1) * sizeof *out->item);
    if (!out->item)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the token ids", where);
    const char *at = skip_space(text);
    do {
        uint64_t id;
        const char *start = at;
        if (!read_u64(&at, INT32_MAX, &id) || (*at && *at != ',' && !isspace((unsigned char)*at))) {
            free(out->item);
            *out = (weir_token_list){0};
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "%s: expected a token id at character %zu, got '%.12s'; token ids are "
                             "whole numbers with commas between them",
                             where, (size_t)(start - text) + 1, start);
        }
        out->item[out->n++] = (int32_t)id;
        at = skip_space(at);
        if (*at == ',')
            at = skip_space(at + 1);
        else if (!*at)
            break;
    } while (true);
    return WEIR_STATUS_OK;
}

static weir_status parse_biases(weir_bias_list *out, const char *text, const char *where,
                                weir_error *err) {
    out->n = 0;
    out->item = malloc((strlen(text) / 4 + 1) * sizeof *out->item);
    if (!out->item)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the biases", where);
    for (const char *at = text;; at++) {
        uint64_t id;
        float bias = 0;
        bool is_good = read_u64(&at, INT32_MAX, &id) && *at++ == ':' && read_float(&at, &bias) &&
                       (!*at || *at == ',');
        if (!is_good) {
            free(out->item);
            *out = (weir_bias_list){0};
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s: expected ID:BIAS,..., got '%s'",
                             where, text);
        }
        out->item[out->n++] = (weir_logit_bias){(int32_t)id, bias};
        if (!*at)
            return WEIR_STATUS_OK;
    }
}

/* Is it one of the words that `choices` joins by |? */
static bool is_choice(const char *choices, const char *text) {
    for (const char *word = choices; *word; word += *word == '|') {
        size_t n_word = strcspn(word, "|");
        if (strlen(text) == n_word && memcmp(word, text, n_word) == 0)
            return true;
        word += n_word;
    }
    return false;
}

/* The list is as long as the flag was given often; that is seldom enough to grow by one. */
static weir_status add_string(weir_string_list *list, const char *text, weir_error *err) {
    const char **longer = realloc(list->item, (list->n + 1) * sizeof *longer);
    if (!longer)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the command line");
    list->item = longer;
    list->item[list->n++] = text;
    return WEIR_STATUS_OK;
}

static weir_status parse_value(const weir_option *option, void *value, const char *text,
                               weir_error *err) {
    const char *at = text;
    uint64_t number;
    char where[64];
    snprintf(where, sizeof where, "--%s", option->name);
    switch (option->type) {
    case WEIR_OPTION_FLAG:
        *(bool *)value = true;
        return WEIR_STATUS_OK;
    case WEIR_OPTION_STRING:
        *(const char **)value = text;
        return WEIR_STATUS_OK;
    case WEIR_OPTION_U32:
        if (!read_u64(&at, UINT32_MAX, &number) || *at)
            break;
        *(uint32_t *)value = (uint32_t)number;
        return WEIR_STATUS_OK;
    case WEIR_OPTION_U64:
        if (!read_u64(&at, UINT64_MAX, &number) || *at)
            break;
        *(uint64_t *)value = number;
        return WEIR_STATUS_OK;
    case WEIR_OPTION_FLOAT:
        if (!read_float(&at, (float *)value) || *at)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s: expected a number, got '%s'",
                             where, text);
        return WEIR_STATUS_OK;
    case WEIR_OPTION_SIZE:
        if (!read_size(text, (uint64_t *)value))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "%s: expected a size such as 800MB or 1.5GiB, got '%s'", where, text);
        return WEIR_STATUS_OK;
    case WEIR_OPTION_TOKENS:
        free(((weir_token_list *)value)->item);
        return weir_parse_tokens(value, text, where, err);
    case WEIR_OPTION_BIASES:
        free(((weir_bias_list *)value)->item);
        return parse_biases(value, text, where, err);
    case WEIR_OPTION_CHOICE:
        if (!is_choice(option->value_name, text))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s: expected %s, got '%s'", where,
                             option->value_name, text);
        *(const char **)value = text;
        return WEIR_STATUS_OK;
    case WEIR_OPTION_STRINGS:
        return add_string(value, text, err);
    case WEIR_OPTION_GROUP:
        break; /* is never found by its name */
    }
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                     "%s: expected a whole number from 0 to %llu, got '%s'", where,
                     option->type == WEIR_OPTION_U32 ? (unsigned long long)UINT32_MAX
                                                     : (unsigned long long)UINT64_MAX,
                     text);
}

/* ---- command lines ------------------------------------------------------------------------ */

/* Row of an option by its name [n]; n_options if there is none. Headings have no such names. */
static size_t find_name(const weir_verb *verb, const char *name, size_t n) {
    size_t i = 0;
    while (i < verb->n_options &&
           (verb->options[i].type == WEIR_OPTION_GROUP || strlen(verb->options[i].name) != n ||
            memcmp(verb->options[i].name, name, n) != 0))
        i++;
    return i;
}

/* Row of "--name", "--name=..." or "-x"; n_options if there is none. */
static size_t find_option(const weir_verb *verb, const char *argument) {
    if (argument[1] == '-')
        return find_name(verb, argument + 2, strcspn(argument + 2, "="));
    size_t i = 0;
    while (i < verb->n_options &&
           (!verb->options[i].letter || verb->options[i].letter != argument[1] || argument[2]))
        i++;
    return i;
}

weir_status weir_options_parse(weir_parsed *out, const weir_verb *verb, int n, char **arguments,
                               weir_error *err) {
    assert(verb->n_options <= WEIR_MAX_OPTIONS && verb->n_operands_max <= WEIR_MAX_OPERANDS);
    *out = (weir_parsed){.verb = verb};
    out->values = calloc(1, verb->values_bytes ? verb->values_bytes : 1);
    if (!out->values)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the command line");
    bool only_operands = false;
    for (int i = 0; i < n; i++) {
        const char *argument = arguments[i];
        if (only_operands || argument[0] != '-' || !argument[1]) {
            if (out->n_operands == verb->n_operands_max)
                return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                                 "one argument too many: '%s'; usage: weir %s%s%s", argument,
                                 verb->name, verb->operands[0] ? " " : "", verb->operands);
            out->operands[out->n_operands++] = argument;
            continue;
        }
        if (strcmp(argument, "--") == 0) {
            only_operands = true;
            continue;
        }
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            out->wants_help = true;
            continue;
        }
        size_t row = find_option(verb, argument);
        if (row == verb->n_options)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "unknown option '%s'; 'weir help %s' lists them", argument,
                             verb->name);
        const weir_option *option = &verb->options[row];
        const char *equals = argument[1] == '-' ? strchr(argument, '=') : NULL;
        const char *text = equals ? equals + 1 : NULL;
        if (option->type == WEIR_OPTION_FLAG) {
            if (text)
                return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s takes no value, got '%s'",
                                 option->name, text);
        } else if (!text) {
            /* The name of another flag is a forgotten value; a negative number is a value. */
            if (i + 1 == n || strncmp(arguments[i + 1], "--", 2) == 0)
                return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s: the value %s is missing",
                                 option->name, option->value_name);
            text = arguments[++i];
        }
        WEIR_TRY(parse_value(option, (char *)out->values + option->offset, text, err));
        out->is_given[row] = true;
    }
    if (out->n_operands < verb->n_operands_min && !out->wants_help)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "an argument is missing; usage: weir %s %s",
                         verb->name, verb->operands);
    return WEIR_STATUS_OK;
}

void weir_parsed_free(weir_parsed *parsed) {
    for (size_t i = 0; parsed->values && i < parsed->verb->n_options; i++) {
        void *value = (char *)parsed->values + parsed->verb->options[i].offset;
        if (parsed->verb->options[i].type == WEIR_OPTION_TOKENS)
            free(((weir_token_list *)value)->item);
        else if (parsed->verb->options[i].type == WEIR_OPTION_BIASES)
            free(((weir_bias_list *)value)->item);
        else if (parsed->verb->options[i].type == WEIR_OPTION_STRINGS)
            free(((weir_string_list *)value)->item);
    }
    free(parsed->values);
    parsed->values = NULL;
}

bool weir_option_given(const weir_parsed *parsed, const char *name) {
    size_t row = find_name(parsed->verb, name, strlen(name));
    assert(row < parsed->verb->n_options && "an option of the table");
    return parsed->is_given[row];
}

bool weir_option_given_zero(const weir_parsed *parsed, const char *name) {
    const weir_option *option = &parsed->verb->options[find_name(parsed->verb, name, strlen(name))];
    const void *value = (const char *)parsed->values + option->offset;
    if (!weir_option_given(parsed, name))
        return false;
    switch (option->type) {
    case WEIR_OPTION_U32:
        return *(const uint32_t *)value == 0;
    case WEIR_OPTION_U64:
    case WEIR_OPTION_SIZE:
        return *(const uint64_t *)value == 0;
    case WEIR_OPTION_FLOAT:
        return *(const float *)value == 0;
    default:
        assert(false && "a number");
        return false;
    }
}

weir_value weir_value_of(const char *name, size_t n) {
    static const struct {
        const char *name;
        weir_value value;
    } known[] = {
        {"FILE", WEIR_VALUE_FILE},      {"IN", WEIR_VALUE_FILE},    {"OUT", WEIR_VALUE_FILE},
        {"CASES", WEIR_VALUE_FILE},     {"DIR", WEIR_VALUE_FOLDER}, {"MODEL", WEIR_VALUE_MODEL},
        {"TOKENIZER", WEIR_VALUE_FILE}, {"RUN", WEIR_VALUE_FILE},   {"DATA", WEIR_VALUE_FILE},
        {"ADAPTER", WEIR_VALUE_FILE},   {"SHARD", WEIR_VALUE_FILE},
    };
    if (memchr(name, '|', n))
        return WEIR_VALUE_CHOICES;
    const char *dot = memchr(name, '.', n);
    size_t n_stem = dot ? (size_t)(dot - name) : n;
    for (size_t i = 0; i < WEIR_COUNT(known); i++)
        if (strlen(known[i].name) == n_stem && memcmp(known[i].name, name, n_stem) == 0)
            return known[i].value;
    return WEIR_VALUE_OTHER;
}

/* ---- help --------------------------------------------------------------------------------- */

enum { HELP_COLUMN = 30 };

static void print_option(const char *name, char letter, const char *value_name, const char *help) {
    int width = letter ? printf("  -%c, --%s", letter, name) : printf("      --%s", name);
    if (value_name)
        width += printf(" %s", value_name);
    if (width + 2 > HELP_COLUMN) {
        putchar('\n');
        width = 0;
    }
    for (const char *line = help; line;) {
        const char *end = strchr(line, '\n');
        printf("%*s%.*s\n", HELP_COLUMN - width, "", end ? (int)(end - line) : (int)strlen(line),
               line);
        width = 0;
        line = end ? end + 1 : NULL;
    }
}

void weir_options_help(const weir_verb *verb) {
    printf("usage: weir %s%s%s [options]\n\n%s.\n\n", verb->name, verb->operands[0] ? " " : "",
           verb->operands, verb->summary);
    for (size_t i = 0; i < verb->n_options; i++) {
        const weir_option *option = &verb->options[i];
        if (option->type == WEIR_OPTION_GROUP) {
            printf("%s%s:\n", i > 0 ? "\n" : "", option->name);
            continue;
        }
        print_option(option->name, option->letter, option->value_name, option->help);
    }
    print_option("help", 'h', NULL, "this text");
    if (verb->details)
        printf("\n%s", verb->details);
}
