/* answer_blocks.c: see answer_blocks.h. Invariant: neighbours of one kind, calls apart, are one
 * block. */
#include "answer_blocks.h"

#include "json_text.h"

#include <stdlib.h>
#include <string.h>

static weir_block *add_block(weir_blocks *blocks, weir_piece kind) {
    weir_block *larger = realloc(blocks->item, (blocks->n + 1) * sizeof *larger);
    if (!larger) {
        blocks->has_failed = true;
        return NULL;
    }
    blocks->item = larger;
    weir_block *block = &larger[blocks->n++];
    *block = (weir_block){.kind = kind};
    weir_text_buffer_say(&block->text, "");
    return block;
}

/* {"name": .., "arguments": {..}}, as weir_call_add_json writes it. */
static void read_call(weir_blocks *blocks, weir_block *block, const char *text) {
    weir_json_member name, arguments;
    if (!weir_json_member_find(text, "name", &name) ||
        !weir_json_member_find(text, "arguments", &arguments)) {
        blocks->has_failed = true;
        return;
    }
    json_t *said = weir_json_read(name.value, name.n_value, "the name of a call", NULL);
    if (said)
        block->name = weir_text_copy(json_string_value(said), json_string_length(said));
    json_decref(said);
    weir_text_buffer_add(&block->text, arguments.value, arguments.n_value);
    weir_make_id(block->id, blocks->call_prefix);
    blocks->has_failed |= !block->name;
}

static weir_block *add_call(weir_blocks *blocks, const char *text, size_t n) {
    weir_block *block = add_block(blocks, WEIR_PIECE_CALL);
    char *whole = block ? weir_text_copy(text, n) : NULL; /* with a 0 behind it */
    if (whole)
        read_call(blocks, block, whole);
    else
        blocks->has_failed = true;
    free(whole);
    return blocks->has_failed ? NULL : block;
}

static weir_block *begin_call(weir_blocks *blocks, const char *name, size_t n) {
    weir_block *block = add_block(blocks, WEIR_PIECE_CALL);
    if (!block)
        return NULL;
    block->is_open = true;
    block->name = weir_text_copy(name, n);
    weir_make_id(block->id, blocks->call_prefix);
    blocks->has_failed |= !block->name;
    return block->name ? block : NULL;
}

/* The first call that is still written, or NULL. */
static weir_block *open_call(const weir_blocks *blocks) {
    for (size_t i = 0; i < blocks->n; i++)
        if (blocks->item[i].is_open)
            return &blocks->item[i];
    return NULL;
}

/* The whole of a call that was told while it was written. What was told cannot be taken back, so
 * that it stays; what follows a call that is not the last is told already. */
static weir_block *end_call(weir_blocks *blocks, weir_block *block, const char *text, size_t n) {
    bool is_last = block == &blocks->item[blocks->n - 1];
    weir_json_member arguments;
    char *whole = weir_text_copy(text, n);
    block->is_open = false;
    if (!whole) {
        blocks->has_failed = true;
        return NULL;
    }
    if (is_last && weir_json_member_find(whole, "arguments", &arguments) &&
        arguments.n_value >= block->n_told &&
        memcmp(arguments.value, block->text.data, block->n_told) == 0)
        weir_text_buffer_add(&block->text, arguments.value + block->n_told,
                             arguments.n_value - block->n_told);
    free(whole);
    return block;
}

bool weir_blocks_begins(const weir_blocks *blocks, weir_piece kind) {
    const weir_block *last = blocks->n > 0 ? &blocks->item[blocks->n - 1] : NULL;
    if (kind == WEIR_PIECE_CALL)
        return !open_call(blocks);
    if (kind == WEIR_PIECE_CALL_ARGUMENTS)
        return false;
    return kind == WEIR_PIECE_CALL_NAME || !last || last->kind != kind;
}

static weir_block *block_of(weir_blocks *blocks, weir_piece kind, const char *text, size_t n) {
    if (kind == WEIR_PIECE_CALL)
        return add_call(blocks, text, n);
    if (kind == WEIR_PIECE_CALL_NAME)
        return begin_call(blocks, text, n);
    return add_block(blocks, kind);
}

weir_block *weir_blocks_add(weir_blocks *blocks, weir_piece kind, const char *text, size_t n,
                            bool *is_new) {
    *is_new = false;
    if (kind == WEIR_PIECE_WARNING) {
        weir_text_buffer_say(&blocks->warnings, blocks->warnings.n > 0 ? ", " : "");
        weir_text_buffer_add_json(&blocks->warnings, text, n);
        return NULL;
    }
    bool is_text = kind != WEIR_PIECE_CALL && kind != WEIR_PIECE_CALL_NAME;
    *is_new = weir_blocks_begins(blocks, kind);
    weir_block *block = *is_new                   ? block_of(blocks, kind, text, n)
                        : kind == WEIR_PIECE_CALL ? open_call(blocks)
                        : blocks->n > 0           ? &blocks->item[blocks->n - 1]
                                                  : NULL;
    if (!block)
        return NULL;
    block->n_told = *is_new ? 0 : block->text.n;
    if (is_text)
        weir_text_buffer_add(&block->text, text, n);
    else if (!*is_new)
        block = end_call(blocks, block, text, n);
    return block;
}

void weir_blocks_warn(weir_blocks *blocks, const char *line) {
    weir_text_buffer_say(&blocks->warnings, blocks->warnings.n > 0 ? ", " : "");
    weir_text_buffer_add_json(&blocks->warnings, line, strlen(line));
}

static bool is_whole(const weir_blocks *blocks) {
    for (size_t i = 0; i < blocks->n; i++)
        if (blocks->item[i].text.has_failed)
            return false;
    return !blocks->has_failed && !blocks->warnings.has_failed;
}

/* A client that has left gets no reply: who still reads of CANCELLED is told about the server. */
bool weir_blocks_check(const weir_blocks *blocks, weir_status status, const weir_error *err,
                       weir_api_error *out) {
    const weir_error shut = {.text = "the answer was cut off: the server is shutting down"};
    const weir_error lost = {.text = "no memory for the answer"};
    if (status == WEIR_STATUS_CANCELLED)
        weir_api_error_from(out, 503, "server_error", "shutting_down", &shut);
    else if (status != WEIR_STATUS_OK)
        weir_api_error_from(out, 500, "server_error", NULL, err);
    else if (!is_whole(blocks))
        weir_api_error_from(out, 500, "server_error", NULL, &lost);
    else
        return true;
    return false;
}

const char *weir_blocks_first_call(const weir_blocks *blocks) {
    for (size_t i = 0; i < blocks->n; i++)
        if (blocks->item[i].kind == WEIR_PIECE_CALL)
            return blocks->item[i].id;
    return NULL;
}

void weir_blocks_free(weir_blocks *blocks) {
    for (size_t i = 0; i < blocks->n; i++) {
        weir_text_buffer_free(&blocks->item[i].text);
        free(blocks->item[i].name);
    }
    free(blocks->item);
    weir_text_buffer_free(&blocks->warnings);
    *blocks = (weir_blocks){0};
}

void weir_blocks_say_warnings(const weir_blocks *blocks, const weir_text_buffer *of_request,
                              weir_text_buffer *out) {
    if (blocks->warnings.n == 0 && of_request->n == 0)
        return;
    weir_text_buffer_say(out, ", \"warnings\": [");
    weir_text_buffer_add(out, of_request->data, of_request->n);
    weir_text_buffer_say(out, blocks->warnings.n > 0 && of_request->n > 0 ? ", " : "");
    weir_text_buffer_add(out, blocks->warnings.data, blocks->warnings.n);
    weir_text_buffer_say(out, "]");
}

void weir_say_own(const weir_reuse *reuse, uint64_t seed, size_t n_behind_first,
                  const weir_job_times *times, weir_text_buffer *out) {
    static const char *const ends[] = {
        [WEIR_REUSE_ALL] = "all",
        [WEIR_REUSE_DIFFERENT] = "different",
        [WEIR_REUSE_NO_PAGES] = "no_pages",
        [WEIR_REUSE_OFF] = "off",
    };
    double drawing_s = times->total_s - times->first_token_s;
    weir_text_buffer_format(
        out,
        ", \"weir\": {\"reuse\": {\"tokens\": %u, \"from_disk\": %u, \"ended\": \"%s\"}, "
        "\"seed\": %llu, \"queued_s\": %.6f, \"first_token_s\": %.6f, \"total_s\": %.6f, "
        "\"tokens_per_s\": %.3f, \"was_paused\": %s}",
        reuse->n_tokens, reuse->n_from_store, ends[reuse->end], (unsigned long long)seed,
        times->queued_s, times->first_token_s, times->total_s,
        drawing_s > 0 && times->first_token_s > 0 ? (double)n_behind_first / drawing_s : 0.0,
        times->was_paused ? "true" : "false");
}
