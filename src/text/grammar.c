/*
 * grammar.c: grammars of all kinds: opened, closed, and texts checked against them.
 *
 * Owns the order of things: a source becomes nodes (one compiler for each kind), the nodes get
 * their beginnings (with and without thinking), the automaton is finished. Immutable afterwards,
 * but for what matchers found out (matcher_store.h).
 */
#include "text/grammar.h"

#include "base/error.h"
#include "text/grammar_json.h"
#include "text/matcher_store.h"
#include "text/regex_ast.h"

#include <stdlib.h>
#include <string.h>

/* ---- the small kinds ------------------------------------------------------------------------ */

uint32_t weir_regex_build(weir_pda_builder *b, const char *source, size_t n) {
    weir_regex *regex = weir_regex_parse(b, source, n, "regex");
    regex = weir_regex_whole(b, regex, "regex");
    return regex ? weir_regex_nodes(b, regex, weir_pda_codes, WEIR_PDA_AT_RETURN)
                 : WEIR_PDA_AT_DEAD;
}

static uint32_t build_choice(weir_pda_builder *b, const char *source, size_t n) {
    const weir_doc *list = weir_doc_read(b, source, n);
    size_t n_texts = 0;
    if (!list)
        return WEIR_PDA_AT_DEAD;
    if (list->kind != WEIR_DOC_ARRAY || list->n_children == 0)
        return weir_pda_refuse(b, WEIR_STATUS_BAD_ARGUMENT, "expected an array of texts");
    weir_pda_text *texts = weir_pda_room(b, list->n_children * sizeof *texts);
    for (const weir_doc *child = list->first; child && texts; child = child->next) {
        if (child->kind != WEIR_DOC_STRING)
            return weir_pda_refuse(b, WEIR_STATUS_BAD_ARGUMENT, "#/%zu: expected a text",
                                   child->index);
        texts[n_texts++] = (weir_pda_text){child->text, child->n_text, WEIR_PDA_AT_RETURN};
    }
    return weir_pda_texts(b, texts, n_texts);
}

/* ---- opening -------------------------------------------------------------------------------- */

static weir_tool_starts build(weir_pda_builder *b, weir_grammar_kind kind, const char *source,
                              size_t n, const weir_grammar_options *options);

/* Calls and nothing else, or a text that has a form. */
static weir_tool_starts build_calls_or_form(weir_pda_builder *b, const char *source, size_t n,
                                            const weir_grammar_options *options) {
    weir_grammar_options of_calls = *options;
    of_calls.is_call_required = true;
    weir_tool_starts starts = weir_grammar_tools_build(b, source, n, &of_calls), form;
    if (options->is_call_required)
        return starts;
    if (options->form == WEIR_GRAMMAR_TOOLS) {
        weir_pda_refuse(b, WEIR_STATUS_BAD_ARGUMENT, "tools are no form of a text");
        return starts;
    }
    form = build(b, options->form, options->form_source, options->n_form, options);
    starts.plain = weir_pda_either(b, starts.plain, form.plain);
    starts.bytes = weir_pda_either(b, starts.bytes, form.bytes);
    return starts;
}

static weir_tool_starts build(weir_pda_builder *b, weir_grammar_kind kind, const char *source,
                              size_t n, const weir_grammar_options *options) {
    weir_tool_starts starts = {WEIR_PDA_AT_DEAD, WEIR_PDA_AT_DEAD};
    switch (kind) {
    case WEIR_GRAMMAR_JSON_SCHEMA:
        starts.plain = weir_json_schema_build(b, source, n, options->any_space);
        break;
    case WEIR_GRAMMAR_JSON_OBJECT:
        starts.plain = weir_json_object_build(b, options->any_space);
        break;
    case WEIR_GRAMMAR_GBNF:
        starts.plain = weir_gbnf_build(b, source, n);
        break;
    case WEIR_GRAMMAR_REGEX:
        starts.plain = weir_regex_build(b, source, n);
        break;
    case WEIR_GRAMMAR_CHOICE:
        starts.plain = build_choice(b, source, n);
        break;
    case WEIR_GRAMMAR_TOOLS:
        return options->form_source ? build_calls_or_form(b, source, n, options)
                                    : weir_grammar_tools_build(b, source, n, options);
    default:
        weir_pda_refuse(b, WEIR_STATUS_BAD_ARGUMENT, "%d is no kind of grammar", (int)kind);
    }
    starts.bytes = starts.plain;
    return starts;
}

/* Anything up to </think>, as bytes or as a control token; then the text. */
static uint32_t reasoning(weir_pda_builder *b, uint32_t text) {
    const weir_pda_until until = {
        .mark = "</think>", .next = text, .on_symbol = WEIR_SYMBOL_THINK_END, .on_next = text};
    return weir_pda_free_text(b, &until);
}

static void set_starts(weir_pda_builder *b, weir_tool_starts texts) {
    uint32_t *starts = b->pda->starts;
    uint32_t plain = reasoning(b, texts.plain), bytes = reasoning(b, texts.bytes);
    starts[WEIR_PDA_CHECK] = texts.bytes;
    starts[WEIR_PDA_REASONING] = plain;
    starts[WEIR_PDA_REASONING_BYTES] = bytes;
    starts[WEIR_PDA_PLAIN] =
        weir_pda_either(b, texts.plain, weir_pda_symbol(b, WEIR_SYMBOL_THINK_START, plain));
    starts[WEIR_PDA_BYTES] =
        weir_pda_either(b, texts.bytes, weir_pda_symbol(b, WEIR_SYMBOL_THINK_START, bytes));
}

weir_status weir_grammar_open(weir_grammar **out, weir_grammar_kind kind, const char *source,
                              size_t n, const weir_grammar_options *options, weir_error *err) {
    static const weir_grammar_options defaults;
    *out = NULL;
    options = options ? options : &defaults;
    const char *name = options->name ? options->name : "grammar";
    weir_grammar *grammar = calloc(1, sizeof *grammar);
    weir_pda_builder b;
    if (grammar)
        grammar->shared = weir_matcher_shared_open();
    if (!grammar || !grammar->shared) {
        free(grammar);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for it", name);
    }
    weir_pda_begin(&b, &grammar->pda);
    set_starts(&b, build(&b, kind, source, n, options));
    weir_status status = weir_pda_finish(&b, err);
    if (status != WEIR_STATUS_OK) {
        weir_grammar_close(&grammar);
        return weir_fail_within(err, status, "%s", name);
    }
    *out = grammar;
    return WEIR_STATUS_OK;
}

void weir_grammar_close(weir_grammar **grammar) {
    if (!grammar || !*grammar)
        return;
    weir_matcher_shared_close(&(*grammar)->shared);
    weir_pda_free(&(*grammar)->pda);
    free(*grammar);
    *grammar = NULL;
}

/* ---- checking ------------------------------------------------------------------------------- */

/* Long texts make many states; a fresh run takes over the one that matters. */
static bool renew(weir_pda_run **run, const weir_pda *pda, uint32_t *state) {
    enum { MAX_BYTES = 16 << 20 };
    if (weir_pda_run_bytes(*run) < MAX_BYTES)
        return true;
    weir_pda_run *fresh = weir_pda_run_open(pda);
    if (!fresh)
        return false;
    *state = weir_pda_run_move(fresh, *run, *state);
    weir_pda_run_close(run);
    *run = fresh;
    return weir_pda_run_is_whole(fresh);
}

static weir_status check_text(weir_pda_run **run, const weir_pda *pda, const char *text, size_t n,
                              weir_error *err) {
    uint32_t state = weir_pda_run_start(*run, WEIR_PDA_CHECK);
    for (size_t i = 0; i < n; i++) {
        if (!weir_pda_run_is_whole(*run) || !renew(run, pda, &state))
            return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to check a text");
        state = weir_pda_run_step(*run, state, (uint8_t)text[i]);
        if (state == WEIR_PDA_DEAD_STATE && weir_pda_run_is_whole(*run))
            return weir_fail(err, WEIR_STATUS_FAILED,
                             "byte %zu of the text is not what the grammar wants", i);
    }
    if (!weir_pda_run_is_whole(*run))
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to check a text");
    if (!weir_pda_run_may_end(*run, state))
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "byte %zu of the text: it ends where the grammar wants more", n);
    return WEIR_STATUS_OK;
}

weir_status weir_grammar_check(const weir_grammar *grammar, const char *text, size_t n,
                               weir_error *err) {
    weir_pda_run *run = weir_pda_run_open(&grammar->pda);
    if (!run)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory to check a text");
    weir_status status = check_text(&run, &grammar->pda, text, n, err);
    weir_pda_run_close(&run);
    return status;
}
