/*
 * selftest.h: what `weir selftest` can be asked. selftest_*.c may look inside the library.
 *
 * What does not hold is a failure in the report; a status other than OK means that the data is no
 * such data, or that what was asked for cannot be.
 */
#ifndef WEIR_TOOLS_SELFTEST_H
#define WEIR_TOOLS_SELFTEST_H

#include "weir.h"

struct weir_report;

typedef struct weir_selftest_options {
    const char *backend; /* "cpu" or "reference" */
    const char *isa;     /* cap on the kernels; NULL: the best */
    uint32_t n_threads;  /* 0: the default */
} weir_selftest_options;

/* The engine against the golden data under dir: a set with index.json, or one case. BAD_ARGUMENT
 * for a backend or an isa that is not there. */
weir_status weir_selftest_golden(struct weir_report *report, const char *dir,
                                 const weir_selftest_options *options, weir_error *err);

/* The trainer's losses and gradients against those of the cases under dir that have
 * grad_f64.safetensors. BAD_ARGUMENT as above. */
weir_status weir_selftest_gradients(struct weir_report *report, const char *dir,
                                    const weir_selftest_options *options, weir_error *err);

/* A tokenizer (tokenizer.json, GGUF or folder) against texts and their ids. A line of the file is
 * an object: text, ids (control tokens in the text are matched), ids_plain (they are not), both
 * without begin and end tokens unless add_bos is true; decode_only; pieces. Only text is needed. */
weir_status weir_selftest_tokenizer(struct weir_report *report, const char *tokenizer,
                                    const char *cases, weir_error *err);

/* The split of the LFM2 family against texts and their pieces (text, pieces). */
weir_status weir_selftest_pretokenizer(struct weir_report *report, const char *cases,
                                       weir_error *err);

/* The template files in dir against conversations and their texts (template, input, output), on
 * 2026-02-24. */
weir_status weir_selftest_templates(struct weir_report *report, const char *dir, const char *cases,
                                    weir_error *err);

/* The reading of replies (text, expected {content, reasoning, tool_calls [{name, arguments}]},
 * level, tools). A case of level "optional" may differ. */
weir_status weir_selftest_toolcalls(struct weir_report *report, const char *cases, weir_error *err);

typedef enum weir_selftest_form {
    WEIR_SELFTEST_GOLDEN,       /* first: dir */
    WEIR_SELFTEST_GRADIENTS,    /* first: dir */
    WEIR_SELFTEST_TOKENIZER,    /* first: tokenizer, second: cases */
    WEIR_SELFTEST_PRETOKENIZER, /* first: cases */
    WEIR_SELFTEST_TEMPLATES,    /* first: dir, second: cases */
    WEIR_SELFTEST_TOOLCALLS     /* first: cases */
} weir_selftest_form;

/* Any of these by its form. */
weir_status weir_selftest_run(struct weir_report *report, weir_selftest_form form,
                              const char *first, const char *second,
                              const weir_selftest_options *options, weir_error *err);

/* A little of each of these, with the data that is installed with the program, or lies in the tree
 * it was built in. One line a part; the failures of all. */
weir_status weir_selftest_quick(struct weir_report *report, const weir_selftest_options *options,
                                weir_error *err);

#endif
