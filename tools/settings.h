/*
 * settings.h: how answers are made: sampling, limits, thinking.
 *
 * One table gives each setting its name, its kind and its place, so that flags, /set and saved
 * conversations mean the same. Ranges of sampling are the library's to check.
 */
#ifndef WEIR_TOOLS_SETTINGS_H
#define WEIR_TOOLS_SETTINGS_H

#include "text_buffer.h"

#include <jansson.h>

typedef enum weir_think {
    WEIR_THINK_SHOW = 0,
    WEIR_THINK_HIDE = 1,
    WEIR_THINK_OFF = 2 /* the template is asked not to, and <think> is closed as soon as it opens */
} weir_think;

enum { WEIR_NO_LIMIT = UINT32_MAX };

typedef struct weir_settings {
    weir_sampling sampling; /* bias is kept by whoever gave it */
    bool has_seed;          /* sampling.seed was given; else every answer draws its own */
    uint32_t max_tokens;    /* of one answer; WEIR_NO_LIMIT */
    uint32_t think_budget;  /* tokens of thinking in one answer; WEIR_NO_LIMIT */
    uint32_t tool_rounds;   /* answers that may call tools before the user is asked again */
    weir_think think;
    bool ignore_eos;
    char **stop; /* [n_stop], owned: texts that end an answer and are not shown */
    size_t n_stop;
} weir_settings;

/* model: NULL, or its recommended sampling is taken; *source as weir_sampling_for_model says. */
void weir_settings_default(weir_settings *out, const weir_model *model, const char **source);
weir_status weir_settings_copy(weir_settings *out, const weir_settings *from, weir_error *err);
void weir_settings_free(weir_settings *settings);
/* BAD_ARGUMENT names what is out of range; biases are not looked at. */
weir_status weir_settings_check(const weir_settings *settings, weir_error *err);

/* Names for /set and its completion, NULL at the end: "temperature", "max-tokens", "think", ... */
extern const char *const weir_setting_names[];

/* One setting from text: numbers, "none" for no limit, on|off, show|hide|off; "stop" adds a text,
 * and "" takes all of them away. BAD_ARGUMENT says what was expected; then nothing is changed. */
weir_status weir_settings_set(weir_settings *settings, const char *name, const char *text,
                              weir_error *err);
/* "0.7" of the setting of that name; nothing for an unknown name. */
void weir_settings_say(const weir_settings *settings, const char *name, weir_text_buffer *out);

/* As a JSON object; and back: what `object` does not mention stays as it was. */
void weir_settings_add_json(const weir_settings *settings, weir_text_buffer *out);
weir_status weir_settings_read_json(weir_settings *settings, const json_t *object,
                                    const char *where, weir_error *err);

#endif
