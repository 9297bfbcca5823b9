/* template_show.h: the forms in which `weir template` shows what it has. */
#ifndef WEIR_TOOLS_TEMPLATE_SHOW_H
#define WEIR_TOOLS_TEMPLATE_SHOW_H

#include "weir.h"

typedef struct weir_template_forms {
    bool spans, tokens, json;
} weir_template_forms;

/* All print to standard output. tokenizer may be NULL if no tokens are asked for. */
weir_status weir_template_show(const weir_rendered *rendered, const weir_tokenizer *tokenizer,
                               const weir_template_forms *forms, weir_error *err);

/* The templates of a model, or of a file of n_file bytes if model is NULL. */
weir_status weir_template_show_list(const weir_tokenizer *model, size_t n_file, bool as_json,
                                    weir_error *err);

/* The template itself. */
weir_status weir_template_show_source(const char *text, size_t n, bool as_json, weir_error *err);

#endif
