/*
 * show.h: what `weir show` has found out about a model, and its two forms on paper.
 *
 * A weir_show borrows the model and owns what it says it owns; weir_show_language is filled and
 * freed by show_language.c.
 */
#ifndef WEIR_TOOLS_SHOW_H
#define WEIR_TOOLS_SHOW_H

#include "packed_use.h"

enum { WEIR_SHOW_TYPES = 64, WEIR_SHOW_CONTEXTS = 8 };

typedef struct weir_show_type {
    const char *name;
    uint64_t n_tensors, bytes;
} weir_show_type;

typedef struct weir_show_check {
    uint64_t n_nan, n_inf;
} weir_show_check;

enum { WEIR_SHOW_SWITCHES = 4 };

/* A chat template, and what of a conversation it brings into the prompt: found by rendering. */
typedef struct weir_show_template {
    const char *name; /* "": the default one */
    const char *text; /* [n] */
    size_t n;
    char trouble[WEIR_ERROR_TEXT]; /* why it cannot be run; "": it can */
    bool takes_system, takes_tools, takes_calls, takes_results;
    bool opens_thinking;                         /* the prompt of an answer ends in <think> */
    bool drops_thinking;                         /* what earlier answers thought is left out */
    const char *switch_name[WEIR_SHOW_SWITCHES]; /* [n_switches] variables that change thinking */
    size_t n_switches;
} weir_show_template;

/* How a model reads and talks. */
typedef struct weir_show_language {
    weir_tokenizer *tokenizer; /* owned; NULL: the model has none */
    weir_tokenizer_info info;
    char trouble[WEIR_ERROR_TEXT]; /* why there is no tokenizer */
    int32_t call_mark, think_mark; /* ids of <|tool_call_start|> and <think>; -1: none */
    weir_show_template *templates; /* [info.n_templates], owned */
    weir_sampling sampling;        /* recommended */
    const char *sampling_source;
} weir_show_language;

/* A model without a tokenizer is no failure; NO_MEMORY is the only one. */
weir_status weir_show_language_find(weir_show_language *out, const char *path,
                                    const weir_model *model, weir_error *err);
void weir_show_language_free(weir_show_language *language);

typedef struct weir_show {
    const char *path;
    const weir_model *model;
    weir_model_info info;
    char *layers;                         /* "cca ccca": c convolution, a attention; owned */
    weir_show_type type[WEIR_SHOW_TYPES]; /* [n_types], most bytes first */
    size_t n_types;
    weir_plan plan[WEIR_SHOW_CONTEXTS]; /* [n_plans], by rising n_ctx */
    size_t n_plans;
    const char *kv_type;
    weir_show_check *check; /* [tensors of the model], owned; NULL: not asked for */
    size_t n_bad;           /* tensors with values that are not finite */
    weir_show_language language;
    weir_packed_found packed; /* owned */
    bool wants_tensors, wants_metadata;
} weir_show;

/* Both print to standard output. */
void weir_show_as_text(const weir_show *show);
/* NO_MEMORY is its only failure. */
weir_status weir_show_as_json(const weir_show *show, weir_error *err);

/* Metadata entry i as text, malloc'ed, *n bytes; NULL without memory. */
char *weir_show_meta(const weir_model *model, size_t i, const char **key, const char **type,
                     size_t *n);
/* One item of it, whole. */
char *weir_show_meta_item(const weir_model *model, size_t i, size_t item, size_t *n);

#endif
