/* response_json.c: see response_json.h. Owns the shape of responses and their items. */
#include "response_json.h"

#include <string.h>

static void add_text(weir_text_buffer *out, const char *text) {
    weir_text_buffer_add_json(out, text, strlen(text));
}

const char *weir_response_status(const weir_response *r) {
    bool is_cut = r->answer.end == WEIR_ANSWER_LENGTH || r->answer.end == WEIR_ANSWER_FULL;
    return is_cut ? "incomplete" : "completed";
}

void weir_response_add_part(weir_text_buffer *out, const weir_block *block, bool has_content) {
    bool is_text = block->kind == WEIR_PIECE_CONTENT;
    weir_text_buffer_format(out, "{\"type\": \"%s\", ", is_text ? "output_text" : "reasoning_text");
    weir_text_buffer_say(out, is_text ? "\"annotations\": [], \"logprobs\": [], " : "");
    weir_text_buffer_say(out, "\"text\": ");
    weir_text_buffer_add_json(out, block->text.data, has_content ? block->text.n : 0);
    weir_text_buffer_say(out, "}");
}

static void add_call(weir_text_buffer *out, const weir_block *block, bool has_content) {
    weir_text_buffer_format(
        out, "\"type\": \"function_call\", \"call_id\": \"%s\", \"name\": ", block->id);
    add_text(out, block->name);
    weir_text_buffer_say(out, ", \"arguments\": ");
    weir_text_buffer_add_json(out, block->text.data, has_content ? block->text.n : 0);
}

void weir_response_add_item(weir_text_buffer *out, const weir_response *r, size_t i,
                            const char *status) {
    const weir_block *block = &r->blocks.item[i];
    weir_text_buffer_format(out, "{\"id\": \"%s\", \"status\": \"%s\", ", block->item_id,
                            status ? status : "in_progress");
    if (block->kind == WEIR_PIECE_CALL) {
        add_call(out, block, status != NULL);
    } else {
        bool is_text = block->kind == WEIR_PIECE_CONTENT;
        weir_text_buffer_say(out, is_text ? "\"type\": \"message\", \"role\": \"assistant\", "
                                          : "\"type\": \"reasoning\", \"summary\": [], ");
        weir_text_buffer_say(out, "\"content\": [");
        if (status)
            weir_response_add_part(out, block, true);
        weir_text_buffer_say(out, "]");
    }
    weir_text_buffer_say(out, "}");
}

static void add_output(weir_text_buffer *out, const weir_response *r, const char *status) {
    size_t n = r->blocks.n;
    for (size_t i = 0; i < n; i++) {
        weir_text_buffer_say(out, i > 0 ? ", " : "");
        weir_response_add_item(out, r, i, i + 1 == n ? status : "completed");
    }
}

static void add_usage(weir_text_buffer *out, const weir_answer *a) {
    weir_text_buffer_format(out,
                            "{\"input_tokens\": %zu, \"input_tokens_details\": "
                            "{\"cached_tokens\": %zu}, \"output_tokens\": %zu, "
                            "\"output_tokens_details\": {\"reasoning_tokens\": %zu}, "
                            "\"total_tokens\": %zu}",
                            a->n_prompt, a->n_cached, a->n_generated, a->n_reasoning,
                            a->n_prompt + a->n_generated);
}

void weir_response_add(weir_text_buffer *out, const weir_response *r, const char *status,
                       const weir_api_error *error) {
    bool is_ended = strcmp(status, "completed") == 0 || strcmp(status, "incomplete") == 0;
    weir_text_buffer_format(out,
                            "{\"id\": \"%s\", \"object\": \"response\", \"created_at\": %lld, "
                            "\"status\": \"%s\", \"model\": ",
                            r->id, (long long)r->created, status);
    add_text(out, r->model);
    weir_text_buffer_say(out, ", \"error\": ");
    if (error) {
        weir_text_buffer_say(out, "{\"code\": \"server_error\", \"message\": ");
        add_text(out, error->message);
        weir_text_buffer_say(out, "}");
    } else {
        weir_text_buffer_say(out, "null");
    }
    weir_text_buffer_format(
        out, ", \"incomplete_details\": %s, \"output\": [",
        strcmp(status, "incomplete") == 0 ? "{\"reason\": \"max_output_tokens\"}" : "null");
    if (is_ended)
        add_output(out, r, status);
    weir_text_buffer_say(out, "], \"usage\": ");
    if (is_ended) {
        add_usage(out, &r->answer);
        const weir_answer *a = &r->answer;
        weir_say_own(&a->reuse, a->seed, a->n_generated > 0 ? a->n_generated - 1 : 0, &r->times,
                     out);
    } else {
        weir_text_buffer_say(out, "null");
    }
    weir_text_buffer_add(out, r->echo.data, r->echo.n);
    weir_blocks_say_warnings(&r->blocks, &r->of_request, out);
    weir_text_buffer_say(out, "}");
}
