/*
 * settings.c: the table of settings and its three uses.
 *
 * Invariant: whatever the table can say it can read back to the same value.
 */
#include "settings.h"

#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum kind { KIND_FLOAT, KIND_COUNT, KIND_LIMIT, KIND_SEED, KIND_FLAG, KIND_THINK } kind;

typedef struct setting {
    const char *name;
    kind kind;
    size_t offset;
} setting;

#define AT(field) offsetof(weir_settings, field)

static const setting settings_table[] = {
    {"temperature", KIND_FLOAT, AT(sampling.temperature)},
    {"top-k", KIND_COUNT, AT(sampling.top_k)},
    {"top-p", KIND_FLOAT, AT(sampling.top_p)},
    {"min-p", KIND_FLOAT, AT(sampling.min_p)},
    {"repetition-penalty", KIND_FLOAT, AT(sampling.repetition_penalty)},
    {"repeat-last-n", KIND_COUNT, AT(sampling.repeat_last_n)},
    {"presence-penalty", KIND_FLOAT, AT(sampling.presence_penalty)},
    {"frequency-penalty", KIND_FLOAT, AT(sampling.frequency_penalty)},
    {"seed", KIND_SEED, AT(sampling.seed)},
    {"max-tokens", KIND_LIMIT, AT(max_tokens)},
    {"think", KIND_THINK, AT(think)},
    {"think-budget", KIND_LIMIT, AT(think_budget)},
    {"tool-rounds", KIND_COUNT, AT(tool_rounds)},
    {"ignore-eos", KIND_FLAG, AT(ignore_eos)},
};

#undef AT

const char *const weir_setting_names[] = {"temperature",
                                          "top-k",
                                          "top-p",
                                          "min-p",
                                          "repetition-penalty",
                                          "repeat-last-n",
                                          "presence-penalty",
                                          "frequency-penalty",
                                          "seed",
                                          "max-tokens",
                                          "think",
                                          "think-budget",
                                          "tool-rounds",
                                          "ignore-eos",
                                          "stop",
                                          NULL};
_Static_assert(WEIR_COUNT(weir_setting_names) == WEIR_COUNT(settings_table) + 2,
               "every row has its name; stop is no row");

static const char *const think_names[] = {"show", "hide", "off"};

enum { DEFAULT_TOOL_ROUNDS = 8, MAX_STOPS = 64 };

static const setting *find(const char *name) {
    for (size_t i = 0; i < WEIR_COUNT(settings_table); i++)
        if (strcmp(settings_table[i].name, name) == 0)
            return &settings_table[i];
    return NULL;
}

void weir_settings_default(weir_settings *out, const weir_model *model, const char **source) {
    *out = (weir_settings){.max_tokens = WEIR_NO_LIMIT,
                           .think_budget = WEIR_NO_LIMIT,
                           .tool_rounds = DEFAULT_TOOL_ROUNDS};
    if (source)
        *source = NULL;
    if (model)
        weir_sampling_for_model(&out->sampling, model, source);
    else
        weir_sampling_neutral(&out->sampling);
}

void weir_settings_free(weir_settings *settings) {
    for (size_t i = 0; i < settings->n_stop; i++)
        free(settings->stop[i]);
    free(settings->stop);
    settings->stop = NULL;
    settings->n_stop = 0;
}

static weir_status add_stop(weir_settings *settings, const char *text, size_t n, weir_error *err) {
    if (settings->n_stop == MAX_STOPS)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "stop: more than %d texts", MAX_STOPS);
    if (n == 0 || strlen(text) != n)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "stop: expected a text that is not empty");
    char **stop = realloc(settings->stop, (settings->n_stop + 1) * sizeof *stop);
    if (stop)
        settings->stop = stop;
    char *copy = stop ? weir_text_copy(text, n) : NULL;
    if (!copy)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a stop text");
    settings->stop[settings->n_stop++] = copy;
    return WEIR_STATUS_OK;
}

weir_status weir_settings_copy(weir_settings *out, const weir_settings *from, weir_error *err) {
    *out = *from;
    out->stop = NULL;
    out->n_stop = 0;
    for (size_t i = 0; i < from->n_stop; i++) {
        weir_status status = add_stop(out, from->stop[i], strlen(from->stop[i]), err);
        if (status != WEIR_STATUS_OK) {
            weir_settings_free(out);
            return status;
        }
    }
    return WEIR_STATUS_OK;
}

weir_status weir_settings_check(const weir_settings *settings, weir_error *err) {
    weir_sampling sampling = settings->sampling;
    sampling.n_bias = 0; /* whether there are such tokens is known with a model only */
    return weir_sampling_check(&sampling, 0, err);
}

/* ---- from and to text --------------------------------------------------------------------- */

static bool read_whole(const char *text, uint64_t max, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return isdigit((unsigned char)text[0]) && errno == 0 && *end == 0 && *out <= max;
}

static bool read_float(const char *text, float *out) {
    char *end;
    *out = strtof(text, &end);
    /* strtof alone would take "inf", "nan" and hexadecimal. */
    return end != text && *end == 0 && isfinite(*out) && !strpbrk(text, "xXnN");
}

static bool read_think(const char *text, weir_think *out) {
    for (size_t i = 0; i < WEIR_COUNT(think_names); i++)
        if (strcmp(text, think_names[i]) == 0) {
            *out = (weir_think)i;
            return true;
        }
    return false;
}

static weir_status refuse(weir_error *err, const char *name, const char *expected,
                          const char *text) {
    return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "%s: expected %s, got '%.40s'", name, expected,
                     text);
}

static weir_status set_row(weir_settings *settings, const setting *s, const char *text,
                           weir_error *err) {
    void *value = (char *)settings + s->offset;
    uint64_t number;
    switch (s->kind) {
    case KIND_FLOAT: {
        float x;
        if (!read_float(text, &x))
            return refuse(err, s->name, "a number", text);
        *(float *)value = x;
        break;
    }
    case KIND_LIMIT:
        if (strcmp(text, "none") == 0) {
            *(uint32_t *)value = WEIR_NO_LIMIT;
            break;
        }
        if (!read_whole(text, UINT32_MAX, &number))
            return refuse(err, s->name, "a whole number or none", text);
        *(uint32_t *)value = (uint32_t)number;
        break;
    case KIND_COUNT:
        if (!read_whole(text, UINT32_MAX, &number))
            return refuse(err, s->name, "a whole number", text);
        *(uint32_t *)value = (uint32_t)number;
        break;
    case KIND_SEED:
        settings->has_seed = strcmp(text, "none") != 0;
        if (settings->has_seed && !read_whole(text, UINT64_MAX, (uint64_t *)value)) {
            settings->has_seed = false;
            return refuse(err, s->name, "a whole number or none", text);
        }
        break;
    case KIND_FLAG:
        if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
            return refuse(err, s->name, "on or off", text);
        *(bool *)value = strcmp(text, "on") == 0;
        break;
    case KIND_THINK:
        if (!read_think(text, value))
            return refuse(err, s->name, "show, hide or off", text);
        break;
    }
    return WEIR_STATUS_OK;
}

weir_status weir_settings_set(weir_settings *settings, const char *name, const char *text,
                              weir_error *err) {
    if (strcmp(name, "stop") == 0) {
        if (text[0])
            return add_stop(settings, text, strlen(text), err);
        weir_settings_free(settings);
        return WEIR_STATUS_OK;
    }
    const setting *s = find(name);
    if (!s)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "no setting '%.40s'", name);
    weir_settings changed = *settings;
    WEIR_TRY(set_row(&changed, s, text, err));
    WEIR_TRY(weir_settings_check(&changed, err));
    *settings = changed;
    return WEIR_STATUS_OK;
}

/* The shortest text that reads back to the same number. */
static void say_float(float x, weir_text_buffer *out) {
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x)
            break;
    }
    weir_text_buffer_say(out, text);
}

static void say_row(const weir_settings *settings, const setting *s, weir_text_buffer *out) {
    const void *value = (const char *)settings + s->offset;
    switch (s->kind) {
    case KIND_FLOAT:
        say_float(*(const float *)value, out);
        break;
    case KIND_LIMIT:
        if (*(const uint32_t *)value == WEIR_NO_LIMIT) {
            weir_text_buffer_say(out, "none");
            break;
        }
        /* fall through */
    case KIND_COUNT:
        weir_text_buffer_format(out, "%u", *(const uint32_t *)value);
        break;
    case KIND_SEED:
        if (settings->has_seed)
            weir_text_buffer_format(out, "%llu", (unsigned long long)*(const uint64_t *)value);
        else
            weir_text_buffer_say(out, "none");
        break;
    case KIND_FLAG:
        weir_text_buffer_say(out, *(const bool *)value ? "on" : "off");
        break;
    case KIND_THINK:
        weir_text_buffer_say(out, think_names[*(const weir_think *)value]);
        break;
    }
}

void weir_settings_say(const weir_settings *settings, const char *name, weir_text_buffer *out) {
    const setting *s = find(name);
    if (s) {
        say_row(settings, s, out);
    } else if (strcmp(name, "stop") == 0) {
        for (size_t i = 0; i < settings->n_stop; i++) {
            weir_text_buffer_say(out, i ? ", " : "");
            weir_text_buffer_add_json(out, settings->stop[i], strlen(settings->stop[i]));
        }
        if (settings->n_stop == 0)
            weir_text_buffer_say(out, "none");
    }
}

/* ---- JSON --------------------------------------------------------------------------------- */

/* Numbers stand as texts: then the table has one way to read them, and a seed of 64 bits keeps all
 * of them. */
void weir_settings_add_json(const weir_settings *settings, weir_text_buffer *out) {
    weir_text_buffer_say(out, "{");
    for (size_t i = 0; i < WEIR_COUNT(settings_table); i++) {
        weir_text_buffer_format(out, "\"%s\": \"", settings_table[i].name);
        say_row(settings, &settings_table[i], out);
        weir_text_buffer_say(out, "\", ");
    }
    weir_text_buffer_say(out, "\"stop\": [");
    for (size_t i = 0; i < settings->n_stop; i++) {
        weir_text_buffer_say(out, i ? ", " : "");
        weir_text_buffer_add_json(out, settings->stop[i], strlen(settings->stop[i]));
    }
    weir_text_buffer_say(out, "]}");
}

static weir_status read_stops(weir_settings *settings, const json_t *stops, weir_error *err) {
    weir_settings_free(settings);
    size_t i;
    const json_t *stop;
    json_array_foreach(stops, i, stop) {
        if (!json_is_string(stop))
            return weir_fail(err, WEIR_STATUS_BAD_FILE, "stop: expected texts");
        WEIR_TRY(add_stop(settings, json_string_value(stop), json_string_length(stop), err));
    }
    return WEIR_STATUS_OK;
}

weir_status weir_settings_read_json(weir_settings *settings, const json_t *object,
                                    const char *where, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    for (size_t i = 0; i < WEIR_COUNT(settings_table) && status == WEIR_STATUS_OK; i++) {
        const json_t *value = json_object_get(object, settings_table[i].name);
        if (json_is_string(value))
            status = set_row(settings, &settings_table[i], json_string_value(value), err);
        else if (value)
            status =
                weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: expected a text", settings_table[i].name);
    }
    const json_t *stops = json_object_get(object, "stop");
    if (status == WEIR_STATUS_OK && json_is_array(stops))
        status = read_stops(settings, stops, err);
    if (status == WEIR_STATUS_OK)
        status = weir_settings_check(settings, err);
    if (status == WEIR_STATUS_OK)
        return status;
    weir_fail_within(err, status, "%s: settings", where);
    if (status == WEIR_STATUS_BAD_ARGUMENT && err) /* here it is the file that is wrong */
        err->status = WEIR_STATUS_BAD_FILE;
    return status == WEIR_STATUS_BAD_ARGUMENT ? WEIR_STATUS_BAD_FILE : status;
}
