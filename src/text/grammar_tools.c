/*
 * grammar_tools.c: tools as a grammar: free text and blocks of calls in the model's own form.
 *
 * Owns where calls stand and what a list of calls looks like. Arguments are objects in another
 * dress (json_schema_object.c). Invariant: whatever stands between the marks is read back by
 * weir_reply as the calls it is meant to be (docs/toolcalls.md).
 */
#include "text/grammar.h"
#include "text/json_schema.h"

#include <string.h>

static const char start_mark[] = "<|tool_call_start|>", end_mark[] = "<|tool_call_end|>";

/* weir_reply reads values of 128 levels. */
enum { MAX_FRAMES = 110 };

typedef struct tool_build {
    weir_schema_build *s;
    weir_pda_builder *b;
    const weir_grammar_options *options;
    uint32_t call_rule;
} tool_build;

/* ---- one call ------------------------------------------------------------------------------- */

static bool is_name_byte(char c, bool is_call) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || (uint8_t)c >= 0x80 || (is_call && (c == '/' || c == ':'));
}

static bool is_name(const char *name, size_t n, bool is_call) {
    for (size_t i = 0; i < n; i++)
        if (!is_name_byte(name[i], is_call))
            return false;
    return n > 0;
}

static bool is_wanted(const tool_build *t, const weir_doc *name) {
    for (size_t i = 0; i < t->options->n_tools; i++)
        if (weir_doc_is(name, t->options->tools[i]))
            return true;
    return t->options->n_tools == 0;
}

typedef struct arguments_build {
    tool_build *t;
    uint32_t next, node;
} arguments_build;

/* A name that can only be written in JSON's form cannot be one of an argument. */
static bool check_names(tool_build *t, const weir_schema_set *set) {
    for (size_t i = 0; i < set->n; i++) {
        const weir_doc *known = weir_doc_get(set->docs[i], "properties");
        for (const weir_doc *p = known ? known->first : NULL; p; p = p->next)
            if (!is_name(p->key, p->n_key, false)) {
                weir_schema_unsupported(t->s, p, NULL, "no name of an argument");
                return false;
            }
        const weir_doc *required = weir_doc_get(set->docs[i], "required");
        for (const weir_doc *r = required ? required->first : NULL; r; r = r->next)
            if (r->kind == WEIR_DOC_STRING && !is_name(r->text, r->n_text, false)) {
                weir_schema_unsupported(t->s, r, NULL, "no name of an argument");
                return false;
            }
    }
    return true;
}

static bool add_arguments(void *context, const weir_schema_set *set) {
    arguments_build *a = context;
    if (!check_names(a->t, set))
        return false;
    if (!(weir_schema_types(a->t->s, set) & WEIR_TYPE_OBJECT))
        return true;
    a->node = weir_pda_either(a->t->b, a->node, weir_schema_arguments(a->t->s, set, a->next));
    return a->t->b->status == WEIR_STATUS_OK;
}

/* name(arguments) of one tool, which is {"type": "function", "function": {..}} or its inside. */
static uint32_t tool_call(tool_build *t, const weir_doc *tool, bool *is_left_out) {
    const weir_doc *function = weir_doc_get(tool, "function");
    const weir_doc *inside = function && function->kind == WEIR_DOC_OBJECT ? function : tool;
    const weir_doc *name = weir_doc_get(inside, "name");
    const weir_doc *schema = weir_doc_get(inside, "parameters");
    *is_left_out = false;
    if (!name || name->kind != WEIR_DOC_STRING)
        return weir_schema_bad(t->s, inside, "name", "the name of a tool");
    *is_left_out = !is_wanted(t, name);
    if (*is_left_out)
        return WEIR_PDA_AT_DEAD;
    if (!is_name(name->text, name->n_text, true))
        return weir_schema_unsupported(t->s, name, NULL,
                                       "a name of other than letters, digits and _ . - / :");
    arguments_build a = {t, weir_pda_symbol(t->b, ')', WEIR_PDA_AT_RETURN), WEIR_PDA_AT_DEAD};
    /* $ref looks into the tool's own schema. */
    t->s->whole = schema;
    if (!schema || schema->kind == WEIR_DOC_NULL)
        a.node = a.next;
    else
        weir_schema_branches(t->s, &schema, 1, add_arguments, &a);
    return weir_pda_literal(t->b, name->text, name->n_text, weir_pda_symbol(t->b, '(', a.node));
}

static void build_calls(tool_build *t, const weir_doc *tools) {
    uint32_t node = WEIR_PDA_AT_DEAD;
    size_t n_wanted = 0;
    t->call_rule = weir_pda_rule(t->b);
    if (tools->kind != WEIR_DOC_ARRAY) {
        weir_schema_bad(t->s, tools, NULL, "an array of tools");
        return;
    }
    for (const weir_doc *tool = tools->first; tool; tool = tool->next) {
        bool is_left_out;
        node = weir_pda_either(t->b, node, tool_call(t, tool, &is_left_out));
        n_wanted += !is_left_out;
    }
    weir_pda_set_rule(t->b, t->call_rule, node);
    if (n_wanted == 0)
        weir_pda_refuse(t->b, WEIR_STATUS_BAD_ARGUMENT, "none of the tools may be called");
}

/* ---- blocks --------------------------------------------------------------------------------- */

/* [f(..), g(..)] */
static uint32_t call_list(const tool_build *t, uint32_t next) {
    uint32_t close = weir_pda_symbol(t->b, ']', next);
    if (!t->options->is_one_call) {
        uint32_t more = weir_pda_call(t->b, t->call_rule, WEIR_PDA_AT_RETURN);
        close = weir_pda_repeat(t->b, weir_schema_comma(t->s, more), 0, WEIR_PDA_NO_LIMIT, close);
    }
    return weir_pda_symbol(t->b, '[', weir_pda_call(t->b, t->call_rule, close));
}

/* A block behind its start mark. */
static uint32_t block(const tool_build *t, bool is_bytes, uint32_t next) {
    uint32_t end = is_bytes ? weir_pda_word(t->b, end_mark, next)
                            : weir_pda_symbol(t->b, WEIR_SYMBOL_CALL_END, next);
    return call_list(t, end);
}

/* Free text, and blocks in it: each behind a start mark. Free text cannot spell a mark as bytes
 * where marks are control tokens; what follows it there is nothing. */
static uint32_t text_and_blocks(const tool_build *t, bool is_bytes) {
    weir_pda_until text = {
        .mark = start_mark, .next = WEIR_PDA_AT_DEAD, .on_symbol = WEIR_SYMBOLS, .may_end = true};
    uint32_t behind = weir_pda_rule(t->b);
    uint32_t again = weir_pda_call(t->b, behind, WEIR_PDA_AT_RETURN);
    uint32_t blocks = block(t, is_bytes, again);
    if (is_bytes)
        text.next = blocks;
    else
        text = (weir_pda_until){.mark = start_mark,
                                .next = WEIR_PDA_AT_DEAD,
                                .on_symbol = WEIR_SYMBOL_CALL_START,
                                .on_next = blocks,
                                .may_end = true};
    uint32_t first = weir_pda_free_text(t->b, &text);
    if (t->options->is_one_call) {
        text.next = WEIR_PDA_AT_DEAD;
        text.on_symbol = WEIR_SYMBOLS;
        weir_pda_set_rule(t->b, behind, weir_pda_free_text(t->b, &text));
    } else {
        weir_pda_set_rule(t->b, behind, first);
    }
    return first;
}

static uint32_t calls_alone(const tool_build *t, bool is_bytes) {
    uint32_t list = block(t, is_bytes, WEIR_PDA_AT_RETURN);
    return is_bytes ? weir_pda_word(t->b, start_mark, list)
                    : weir_pda_symbol(t->b, WEIR_SYMBOL_CALL_START, list);
}

weir_tool_starts weir_grammar_tools_build(weir_pda_builder *b, const char *source, size_t n,
                                          const weir_grammar_options *options) {
    weir_tool_starts starts = {WEIR_PDA_AT_DEAD, WEIR_PDA_AT_DEAD};
    const weir_doc *tools = weir_doc_read(b, source, n);
    weir_schema_build *s = weir_pda_room(b, sizeof *s);
    if (!tools || !s)
        return starts;
    s->b = b;
    s->is_python = true;
    b->pda->max_frames = MAX_FRAMES;
    tool_build t = {.s = s, .b = b, .options = options};
    build_calls(&t, tools);
    if (b->status != WEIR_STATUS_OK)
        return starts;
    starts.plain = options->is_call_required ? calls_alone(&t, false) : text_and_blocks(&t, false);
    starts.bytes = options->is_call_required ? calls_alone(&t, true) : text_and_blocks(&t, true);
    return starts;
}
