/*
 * fuzz_conversation.c: any bytes as a saved conversation. What is refused says why in one line and
 * leaves the conversation alone; what is taken is written as a file that reads back to the same
 * file, and gives every kind of template one JSON object with the
 * members that a conversation has.
 */
#include "base/utf8.h"
#include "conversation.h"
#include "json_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_true) {
    if (!is_true)
        abort();
}

static void demand_text(const char *text, size_t n) {
    demand(!text || (weir_utf8_valid(text, n) == n && text[n] == 0));
}

static bool is_object(const char *text, size_t n) {
    return weir_json_check(text, n, "text", NULL) == WEIR_STATUS_OK &&
           text[strspn(text, " \t\r\n")] == '{';
}

static void walk(const weir_conversation *c) {
    demand_text(c->system, c->n_system);
    demand_text(c->tools.text, c->tools.n_text);
    demand(weir_conversation_last_user(c) <= c->n_messages);
    demand(isfinite(c->settings.sampling.temperature));
    demand(c->settings.think <= WEIR_THINK_OFF);
    for (size_t i = 0; i < c->n_messages; i++) {
        const weir_message *m = &c->message[i];
        demand(m->role <= WEIR_ROLE_TOOL && m->content);
        demand_text(m->content, m->n_content);
        demand_text(m->reasoning, m->n_reasoning);
        demand_text(m->raw, m->n_raw);
        for (size_t k = 0; k < m->calls.n; k++) {
            const char *arguments = m->calls.item[k].arguments;
            demand(is_object(arguments, strlen(arguments)));
        }
    }
}

static void write_and_read(const weir_conversation *c) {
    weir_text_buffer first = {0}, second = {0};
    weir_conversation again = {0};
    weir_error err = {0};
    demand(weir_conversation_write(c, &first, &err) == WEIR_STATUS_OK);
    demand(weir_conversation_read(&again, first.data, first.n, "again", &err) == WEIR_STATUS_OK);
    demand(weir_conversation_write(&again, &second, &err) == WEIR_STATUS_OK);
    demand(first.n == second.n && memcmp(first.data, second.data, first.n) == 0);
    weir_conversation_free(&again);
    weir_text_buffer_free(&first);
    weir_text_buffer_free(&second);
}

static void demand_member(const char **at, const char *key) {
    weir_json_member member;
    demand(weir_json_member_next(at, &member) && weir_json_member_is(&member, key));
}

static void make_context(const weir_conversation *c, unsigned form_bits) {
    const weir_template_form form = {.renders_calls = form_bits & 1,
                                     .renders_reasoning = form_bits & 2,
                                     .renders_tools = form_bits & 4};
    weir_text_buffer context = {0};
    weir_error err = {0};
    demand(weir_conversation_context(c, &form, form_bits & 8, "", &context, &err) ==
           WEIR_STATUS_OK);
    /* Its own members and no others, whatever the texts in it say. */
    demand(is_object(context.data, context.n));
    const char *at = context.data;
    demand_member(&at, "messages");
    if (c->tools.text)
        demand_member(&at, "tools");
    demand_member(&at, "add_generation_prompt");
    if (c->settings.think == WEIR_THINK_OFF)
        demand_member(&at, "enable_thinking");
    weir_json_member rest;
    demand(!weir_json_member_next(&at, &rest));
    weir_text_buffer_free(&context);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_conversation conversation = {0};
    weir_error err = {0};
    char *text = malloc(size + 1); /* 0-terminated, as files are read */
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = 0;
    weir_settings_default(&conversation.settings, NULL, NULL);
    weir_status status = weir_conversation_read(&conversation, text, size, "fuzz", &err);
    if (status == WEIR_STATUS_OK) {
        walk(&conversation);
        write_and_read(&conversation);
        for (unsigned bits = 0; bits < 16; bits++)
            make_context(&conversation, bits);
    } else {
        demand(err.status == status && err.text[0] && !strchr(err.text, '\n'));
        demand(conversation.n_messages == 0 && !conversation.system);
    }
    weir_conversation_free(&conversation);
    free(text);
    return 0;
}
