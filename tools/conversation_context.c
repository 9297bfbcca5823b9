/*
 * conversation_context.c: a conversation as the variables of a template.
 *
 * Owns the choice of what stands where in an earlier answer. Templates differ: some write an
 * answer's calls and thinking from fields of their own, others write only its content, in which
 * the model's own text then has to stand. What the model wrote is preferred wherever the template
 * lets it stand as it was: then its tokens need not be run again.
 */
#include "conversation.h"

#include "base/error.h"

#include <string.h>

static const char think_end[] = "</think>";

/* What follows the thinking in the model's own text; all of it if there is no end of thinking. */
static void add_behind_thinking(const weir_message *m, weir_text_buffer *out) {
    const char *end = memmem(m->raw, m->n_raw, think_end, strlen(think_end));
    size_t skipped = end ? (size_t)(end - m->raw) + strlen(think_end) : 0;
    weir_text_buffer_add(out, m->raw + skipped, m->n_raw - skipped);
}

/* The JSON form of calls, which models read as well as their own. */
static void add_calls_text(const weir_message *m, weir_text_buffer *out) {
    weir_text_buffer_say(out, "<|tool_call_start|>[");
    for (size_t i = 0; i < m->calls.n; i++) {
        weir_text_buffer_say(out, i ? ", " : "");
        weir_call_add_json(&m->calls.item[i], out);
    }
    weir_text_buffer_say(out, "]<|tool_call_end|>");
}

/* What the model wrote itself goes before what a template would make of it: then the prompt has the
 * very tokens that were drawn. */
static bool shows_call_fields(const weir_message *m, const weir_template_form *form) {
    return m->role == WEIR_ROLE_ASSISTANT && m->calls.n > 0 && form->renders_calls && !m->raw;
}

static void add_answer_content(const weir_message *m, const weir_template_form *form,
                               weir_text_buffer *out) {
    bool has_call_field = shows_call_fields(m, form);
    bool has_reasoning_field = form->renders_reasoning && m->reasoning;
    if (m->raw && !has_call_field && !has_reasoning_field) {
        weir_text_buffer_add(out, m->raw, m->n_raw);
        return;
    }
    if (m->raw && !has_call_field && m->calls.n > 0) {
        add_behind_thinking(m, out);
        return;
    }
    if (m->reasoning && !has_reasoning_field) {
        weir_text_buffer_say(out, "<think>");
        weir_text_buffer_add(out, m->reasoning, m->n_reasoning);
        weir_text_buffer_say(out, think_end);
    }
    weir_text_buffer_add(out, m->content, m->n_content);
    if (m->calls.n > 0 && !has_call_field)
        add_calls_text(m, out);
}

static void add_call_fields(const weir_message *m, weir_text_buffer *out) {
    weir_text_buffer_say(out, ", \"tool_calls\": [");
    for (size_t i = 0; i < m->calls.n; i++) {
        weir_text_buffer_format(
            out, "%s{\"id\": \"call_%zu\", \"type\": \"function\", \"function\": ", i ? ", " : "",
            i);
        weir_call_add_json(&m->calls.item[i], out);
        weir_text_buffer_say(out, "}");
    }
    weir_text_buffer_say(out, "]");
}

static void add_message(const weir_message *m, const weir_template_form *form,
                        weir_text_buffer *content, weir_text_buffer *out) {
    weir_text_buffer_clear(content);
    if (m->role == WEIR_ROLE_ASSISTANT)
        add_answer_content(m, form, content);
    else
        weir_text_buffer_add(content, m->content, m->n_content);
    weir_text_buffer_format(out, "{\"role\": \"%s\", \"content\": ", weir_role_names[m->role]);
    weir_text_buffer_add_json(out, content->data, content->n);
    if (m->role == WEIR_ROLE_ASSISTANT && m->reasoning && form->renders_reasoning) {
        /* Two names are in use for it. */
        weir_text_buffer_say(out, ", \"thinking\": ");
        weir_text_buffer_add_json(out, m->reasoning, m->n_reasoning);
        weir_text_buffer_say(out, ", \"reasoning_content\": ");
        weir_text_buffer_add_json(out, m->reasoning, m->n_reasoning);
    }
    if (shows_call_fields(m, form))
        add_call_fields(m, out);
    if (m->tool_name) {
        weir_text_buffer_say(out, ", \"name\": ");
        weir_text_buffer_add_json(out, m->tool_name, strlen(m->tool_name));
    }
    weir_text_buffer_say(out, "}");
}

weir_status weir_conversation_context(const weir_conversation *conversation,
                                      const weir_template_form *form, bool add_generation_prompt,
                                      const char *arguments, weir_text_buffer *out,
                                      weir_error *err) {
    weir_text_buffer content = {0};
    const char *between = "";
    weir_text_buffer_say(out, "{\"messages\": [");
    if (conversation->system) {
        weir_text_buffer_say(out, "{\"role\": \"system\", \"content\": ");
        weir_text_buffer_add_json(out, conversation->system, conversation->n_system);
        weir_text_buffer_say(out, "}");
        between = ", ";
    }
    for (size_t i = 0; i < conversation->n_messages; i++) {
        weir_text_buffer_say(out, between);
        add_message(&conversation->message[i], form, &content, out);
        between = ", ";
    }
    weir_text_buffer_say(out, "]");
    if (conversation->tools.text) {
        weir_text_buffer_say(out, ", \"tools\": ");
        weir_text_buffer_add(out, conversation->tools.text, conversation->tools.n_text);
    }
    weir_text_buffer_format(out, ", \"add_generation_prompt\": %s",
                            add_generation_prompt ? "true" : "false");
    if (conversation->settings.think == WEIR_THINK_OFF)
        weir_text_buffer_say(out, ", \"enable_thinking\": false");
    if (arguments && arguments[0])
        weir_text_buffer_format(out, ", %s", arguments);
    weir_text_buffer_say(out, "}");
    weir_status status = weir_text_buffer_check(&content, "the conversation", err);
    weir_text_buffer_free(&content);
    return status == WEIR_STATUS_OK ? weir_text_buffer_check(out, "the conversation", err) : status;
}
