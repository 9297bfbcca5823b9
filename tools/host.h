/*
 * host.h: what conversations run on: tokenizer, template, and, once they are wanted, weights and
 * engine. Opened once and lent to any number of chats, which it must outlive.
 */
#ifndef WEIR_TOOLS_HOST_H
#define WEIR_TOOLS_HOST_H

#include "adapters.h"
#include "conversation.h"

/* weir_host_options.kv_bytes: a quarter of the memory that is available. */
#define WEIR_KV_QUARTER UINT64_MAX

/* Those of a file, of which the tokenizer keeps 16, and the two that the family has always. */
enum { WEIR_HOST_ENDS = 18 };

typedef struct weir_host_options {
    const char *model_path;    /* GGUF file or folder */
    const char *template_path; /* NULL: the one in the file */
    bool no_template;          /* complete plain text */
    bool matches_control;      /* plain text: control tokens written in it count as such */
    const char *const *template_arguments; /* [n] NAME=JSON */
    size_t n_template_arguments;
    weir_string_list loras; /* [NAME=]FILE[:scale] */
    weir_engine_options engine;
    uint64_t kv_bytes;  /* engine.n_pages is what fits in these, and no more than all timelines may
                          need; WEIR_KV_QUARTER; 0: engine.n_pages counts */
    uint64_t ram_bytes; /* for the whole program, or 0; ram_room.h */
    const char *packed; /* of --packed, or NULL; packed_use.h */
    uint32_t
        n_lookup; /* guesses that a step of an answer may run ahead; engine has room for them */
} weir_host_options;

typedef struct weir_host {
    weir_host_options options; /* strings are kept by whoever opened it */
    weir_tokenizer *tokenizer;
    weir_tokenizer_info tokens;
    weir_template *tmpl; /* NULL: plain text is completed */
    weir_template_form form;
    weir_text_buffer arguments;   /* JSON members for the template */
    int32_t ends[WEIR_HOST_ENDS]; /* [n_ends] tokens that end an answer */
    size_t n_ends;
    weir_model *model; /* NULL until weir_host_load */
    weir_adapters adapters;
    weir_engine *engine;
    uint32_t n_ctx;   /* tokens of one timeline; 0 until weir_host_load */
    double load_s;    /* opening model and engine */
    bool hides_users; /* the template does not show what they say */
} weir_host;

/* Reads tokenizer and template; no weights. */
weir_status weir_host_open(weir_host **out, const weir_host_options *options, weir_error *err);
void weir_host_close(weir_host **host);
/* Is this the token of an end: the file's own, or one that ends a message? */
bool weir_host_ends_at(const weir_host *host, int32_t token);
/* Loads the weights and opens the engine, with a progress bar; interrupts are told to it. */
weir_status weir_host_load(weir_host *host, weir_error *err);

/* The control or user-defined token of this text; -1: there is none. */
int32_t weir_host_token(const weir_host *host, const char *text);

#endif
