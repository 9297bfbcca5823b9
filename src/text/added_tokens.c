/*
 * added_tokens.c: the tries of added tokens. Owns which control tokens are marks of an answer.
 * Matching walks down from one place of the text: no token is longer than WEIR_ADDED_MAX_BYTES, so
 * a text costs at most that many steps a byte, and texts like "<|<|<|" three.
 */
#include "text/added_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const char *const marks[] = {"<|tool_call_start|>", "<|tool_call_end|>", "<|cot_start|>",
                                    "<|cot_end|>",         "<think>",           "</think>"};

static weir_added_class class_of(weir_token_kind kind, weir_text token) {
    if (kind == WEIR_TOKEN_USER_DEFINED)
        return WEIR_ADDED_ANYWHERE;
    for (size_t i = 0; i < WEIR_COUNT(marks); i++)
        if (token.size == strlen(marks[i]) && memcmp(token.data, marks[i], token.size) == 0)
            return WEIR_ADDED_MARK;
    return WEIR_ADDED_CONTROL;
}

static bool is_added(const weir_token_table *table, size_t id) {
    return table->kinds[id] == WEIR_TOKEN_CONTROL || table->kinds[id] == WEIR_TOKEN_USER_DEFINED;
}

/* Adds a token; of two equal ones the first stays. The set has room for it. */
static void insert(weir_added_set *set, weir_text token, int32_t id, weir_added_class class) {
    uint64_t node = 0;
    set->begins[(uint8_t)token.data[0]] = true;
    for (size_t i = 0; i < token.size; i++) {
        uint64_t edge = node << 8 | (uint8_t)token.data[i];
        node = weir_key_map_find(&set->edges, edge);
        if (node != WEIR_KEY_NONE)
            continue;
        node = set->n_nodes++;
        set->nodes[node].id = -1;
        weir_key_map_put(&set->edges, edge, node);
    }
    if (set->nodes[node].id < 0) {
        set->nodes[node].id = id;
        set->nodes[node].class = class;
    }
}

static bool open_set(weir_added_set *set, const weir_token_table *table, bool is_normalized) {
    size_t n_bytes = 0;
    for (size_t id = 0; id < table->n_tokens; id++)
        if (is_added(table, id) && table->is_normalized[id] == is_normalized)
            n_bytes += table->tokens[id].size;
    set->nodes = malloc((n_bytes + 1) * sizeof *set->nodes);
    if (set->nodes == NULL || !weir_key_map_open(&set->edges, n_bytes))
        return false;
    set->nodes[0].id = -1;
    set->n_nodes = 1;
    for (size_t id = 0; id < table->n_tokens; id++)
        if (is_added(table, id) && table->is_normalized[id] == is_normalized)
            insert(set, table->tokens[id], (int32_t)id,
                   class_of((weir_token_kind)table->kinds[id], table->tokens[id]));
    return true;
}

weir_status weir_added_tokens_open(weir_added_tokens *out, const weir_token_table *table,
                                   const char *name, weir_error *err) {
    *out = (weir_added_tokens){0};
    for (size_t id = 0; id < table->n_tokens; id++)
        if (is_added(table, id) && table->tokens[id].size > WEIR_ADDED_MAX_BYTES)
            return weir_fail(err, WEIR_STATUS_UNSUPPORTED,
                             "%s: added token %zu has %zu bytes, expected at most %d", name, id,
                             table->tokens[id].size, WEIR_ADDED_MAX_BYTES);
    if (!open_set(&out->first, table, false) || !open_set(&out->second, table, true))
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the added tokens", name);
    return WEIR_STATUS_OK;
}

static void close_set(weir_added_set *set) {
    weir_key_map_close(&set->edges);
    free(set->nodes);
    *set = (weir_added_set){0};
}

void weir_added_tokens_close(weir_added_tokens *added) {
    close_set(&added->first);
    close_set(&added->second);
}

int32_t weir_added_match(const weir_added_set *set, const char *text, size_t at,
                         const size_t limits[WEIR_N_ADDED_CLASSES], size_t *end) {
    size_t last = at;
    for (size_t i = 0; i < WEIR_N_ADDED_CLASSES; i++)
        last = limits[i] > last ? limits[i] : last;
    int32_t found = -1;
    uint64_t node = 0;
    for (size_t i = at; i < last; i++) {
        node = weir_key_map_find(&set->edges, node << 8 | (uint8_t)text[i]);
        if (node == WEIR_KEY_NONE)
            break;
        const struct weir_added_node *here = &set->nodes[node];
        if (here->id >= 0 && i + 1 <= limits[here->class]) {
            found = here->id;
            *end = i + 1;
        }
    }
    return found;
}
