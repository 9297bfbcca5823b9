/*
 * show_language.c: what `weir show` finds out about how a model reads and talks.
 *
 * Owns the probing of chat templates. What a template can do is not read off its source, which may
 * be anything, but off what it renders: small conversations with words in them that are looked for
 * in the prompt. A file's template may be hostile, so a probe gets little memory and few steps.
 */
#include "base/compiler.h"
#include "base/error.h"
#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBE_BYTES = 16 << 20, PROBE_STEPS = 200000 };

/* ---- one probe ---------------------------------------------------------------------------- */

#define USER "{\"role\":\"user\",\"content\":\"weir_user\"}"
#define CALL_TURN                                                                   \
    USER ",{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"1\"," \
         "\"type\":\"function\",\"function\":{\"name\":\"weir_call\","              \
         "\"arguments\":{\"a\":\"b\"}}}]}"
/* Some templates drop the thinking of all answers but the last one. */
#define THINKING                                                   \
    "{\"messages\":[" USER ",{\"role\":\"assistant\",\"content\":" \
    "\"<think>weir_thought</think>weir_answer\"}," USER            \
    ",{\"role\":\"assistant\",\"content\":\"weir_again\"}," USER   \
    "],\"add_generation_prompt\":true"

static const char question[] = "{\"messages\":[" USER "],\"add_generation_prompt\":true}";
static const char system_prompt[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\"weir_system\"}," USER "]}";
static const char tools[] =
    "{\"messages\":[" USER "],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
    "\"weir_tool\",\"description\":\"d\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]"
    "}";
static const char call[] = "{\"messages\":[" CALL_TURN "]}";
static const char result[] =
    "{\"messages\":[" CALL_TURN ",{\"role\":\"tool\",\"name\":\"weir_call\","
    "\"tool_call_id\":\"1\",\"content\":\"weir_result\"}," USER "]}";
static const char thinking[] = THINKING "}";

typedef struct probe {
    const weir_template *compiled;
    const char *bos, *eos;
} probe;

/* The prompt for a conversation, to be freed by weir_rendered_free; false: it raised. */
static bool render(weir_rendered *out, const probe *p, const char *context, weir_error *err) {
    weir_render_options options = {.bos_token = p->bos,
                                   .eos_token = p->eos,
                                   .has_now = true, /* the same for every probe */
                                   .max_bytes = PROBE_BYTES,
                                   .max_steps = PROBE_STEPS};
    return weir_template_render(out, p->compiled, context, strlen(context), &options, err) ==
           WEIR_STATUS_OK;
}

/* Is the word in the prompt for this conversation? */
static bool shows(const probe *p, const char *context, const char *word) {
    weir_rendered prompt;
    if (!render(&prompt, p, context, NULL))
        return false;
    bool is_shown = strstr(prompt.text, word) != NULL;
    weir_rendered_free(&prompt);
    return is_shown;
}

static bool ends_in_think(const weir_rendered *prompt) {
    static const char mark[] = "<think>";
    size_t n = prompt->n;
    while (n > 0 && strchr(" \n", prompt->text[n - 1]))
        n--;
    return n >= sizeof mark - 1 &&
           memcmp(prompt->text + n - (sizeof mark - 1), mark, sizeof mark - 1) == 0;
}

/* Does a variable change the prompt of a conversation in which was thought? */
static bool is_switch(const probe *p, const weir_rendered *plain, const char *name) {
    static const char *const values[] = {"true", "false"};
    for (size_t i = 0; i < WEIR_COUNT(values); i++) {
        char context[512];
        weir_rendered prompt;
        snprintf(context, sizeof context, THINKING ",\"%s\":%s}", name, values[i]);
        if (!render(&prompt, p, context, NULL))
            continue;
        bool is_other = prompt.n != plain->n || memcmp(prompt.text, plain->text, plain->n) != 0;
        weir_rendered_free(&prompt);
        if (is_other)
            return true;
    }
    return false;
}

static void find_thinking(weir_show_template *t, const probe *p) {
    static const char *const names[WEIR_SHOW_SWITCHES] = {"enable_thinking", "keep_past_thinking",
                                                          "preserve_thinking", "thinking"};
    weir_rendered prompt;
    if (!render(&prompt, p, thinking, NULL))
        return;
    t->drops_thinking =
        strstr(prompt.text, "weir_answer") != NULL && strstr(prompt.text, "weir_thought") == NULL;
    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        if (is_switch(p, &prompt, names[i]))
            t->switch_name[t->n_switches++] = names[i];
    weir_rendered_free(&prompt);
}

/* ---- templates ---------------------------------------------------------------------------- */

static void keep_trouble(char trouble[WEIR_ERROR_TEXT], const weir_error *err) {
    memcpy(trouble, err->text, WEIR_ERROR_TEXT);
}

static void find_abilities(weir_show_template *t, const probe *p) {
    weir_error err = {0};
    weir_rendered prompt;
    if (!render(&prompt, p, question, &err)) {
        keep_trouble(t->trouble, &err);
        return;
    }
    t->opens_thinking = ends_in_think(&prompt);
    weir_rendered_free(&prompt);
    t->takes_system = shows(p, system_prompt, "weir_system");
    t->takes_tools = shows(p, tools, "weir_tool");
    t->takes_calls = shows(p, call, "weir_call");
    t->takes_results = shows(p, result, "weir_result");
    find_thinking(t, p);
}

/* A token's bytes with a 0 behind them; NULL without memory. */
static char *token_text(const weir_tokenizer *tokenizer, int32_t id) {
    const char *bytes;
    size_t n;
    weir_tokenizer_token(tokenizer, id, &bytes, &n);
    char *text = malloc(n + 1);
    if (text) {
        memcpy(text, bytes, n);
        text[n] = 0;
    }
    return text;
}

static weir_status find_templates(weir_show_language *l, const char *path, weir_error *err) {
    l->templates = calloc(l->info.n_templates ? l->info.n_templates : 1, sizeof *l->templates);
    char *bos = token_text(l->tokenizer, l->info.bos), *eos = token_text(l->tokenizer, l->info.eos);
    bool has_memory = l->templates && bos && eos;
    for (size_t i = 0; has_memory && i < l->info.n_templates; i++) {
        weir_show_template *t = &l->templates[i];
        weir_template *compiled;
        weir_error trouble = {0};
        weir_tokenizer_template(l->tokenizer, i, &t->name, &t->text, &t->n);
        if (weir_template_open(&compiled, t->text, t->n, path, &trouble) == WEIR_STATUS_OK)
            find_abilities(t, &(probe){.compiled = compiled, .bos = bos, .eos = eos});
        else
            keep_trouble(t->trouble, &trouble);
        weir_template_close(&compiled);
    }
    free(bos);
    free(eos);
    return has_memory ? WEIR_STATUS_OK
                      : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the chat templates");
}

/* ---- the language ------------------------------------------------------------------------- */

static int32_t find_mark(const weir_tokenizer *tokenizer, const char *text) {
    return weir_tokenizer_find(tokenizer, text, strlen(text));
}

weir_status weir_show_language_find(weir_show_language *out, const char *path,
                                    const weir_model *model, weir_error *err) {
    *out = (weir_show_language){.call_mark = -1, .think_mark = -1};
    weir_sampling_for_model(&out->sampling, model, &out->sampling_source);
    weir_error trouble = {0};
    weir_status status = weir_tokenizer_open(&out->tokenizer, path, NULL, &trouble);
    if (status == WEIR_STATUS_NO_MEMORY)
        return weir_fail(err, status, "%s", trouble.text);
    if (status != WEIR_STATUS_OK) {
        keep_trouble(out->trouble, &trouble);
        return WEIR_STATUS_OK;
    }
    weir_tokenizer_get_info(out->tokenizer, &out->info);
    out->call_mark = find_mark(out->tokenizer, "<|tool_call_start|>");
    out->think_mark = find_mark(out->tokenizer, "<think>");
    return find_templates(out, path, err);
}

void weir_show_language_free(weir_show_language *language) {
    free(language->templates);
    language->templates = NULL;
    weir_tokenizer_close(&language->tokenizer);
}
