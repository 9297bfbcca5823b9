/*
 * gen_tool_call.c: functions as a sample declares them (names, schema), and calls of them with
 * their values and results. What is said about them is gen_tool_talk.c.
 */
#include "train/gen_tool.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- faces ------------------------------------------------------------------------------------
 */

static const char *const prefixes[] = {"my_",    "app_",  "do_",   "tool_", "user_",
                                       "agent_", "core_", "call_", "svc_",  "run_"};
enum { N_PREFIXES = sizeof prefixes / sizeof prefixes[0], STYLE_CAMEL = 1, STYLE_PREFIX = 2 };

static void camel_case(char *name) {
    char *to = name;
    for (const char *from = name; *from; from++) {
        if (*from == '_' && from[1] >= 'a' && from[1] <= 'z' && from > name) {
            from++;
            *to++ = (char)(*from - 'a' + 'A');
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
}

/* One of names, the first of them if is_fixed. */
static void text_draw(weir_gen *g, const char *names, bool is_fixed, char *out, size_t cap) {
    if (is_fixed)
        snprintf(out, cap, "%.*s", (int)strcspn(names, "|"), names);
    else
        weir_tool_value_pick(g, names, out, cap);
}

static void name_draw(weir_gen *g, const char *names, char out[WEIR_TOOL_NAME], uint32_t style) {
    text_draw(g, names, style == WEIR_TOOL_STYLE_FIXED, out, WEIR_TOOL_NAME);
    if (style == STYLE_CAMEL)
        camel_case(out);
}

static char type_draw(weir_gen *g, const char *types, uint32_t style) {
    return style == WEIR_TOOL_STYLE_FIXED ? types[0]
                                          : types[weir_gen_below(g, (uint32_t)strlen(types))];
}

uint32_t weir_tool_style_draw(weir_gen *g) {
    if (weir_gen_chance(g, 0.7))
        return 0;
    return weir_gen_chance(g, 0.6) ? STYLE_CAMEL : STYLE_PREFIX + weir_gen_below(g, N_PREFIXES);
}

void weir_tool_face_draw(weir_gen *g, weir_tool_face *face, const weir_tool_function *function,
                         uint32_t style) {
    bool is_fixed = style == WEIR_TOOL_STYLE_FIXED;
    *face = (weir_tool_face){.function = function, .is_fixed = is_fixed};
    if (!is_fixed && weir_gen_chance(g, 0.06)) {
        /* A name that says nothing: only the description tells what it is for. */
        char word[WEIR_TOOL_VALUE];
        weir_tool_value_word(g, word);
        word[0] = (char)(word[0] - 'A' + 'a');
        snprintf(face->name, sizeof face->name, "%.24s", word);
    } else {
        name_draw(g, function->names, face->name, style);
    }
    if (!is_fixed && style >= STYLE_PREFIX) {
        char name[WEIR_TOOL_NAME];
        int n = snprintf(name, sizeof name, "%s%s", prefixes[style - STYLE_PREFIX], face->name);
        assert(n > 0 && (size_t)n < sizeof name);
        memcpy(face->name, name, (size_t)n + 1);
    }
    for (size_t i = 0; i < WEIR_TOOL_ARGS && function->args[i].slot; i++) {
        const weir_tool_arg *arg = &function->args[i];
        if (!is_fixed && arg->is_optional && !weir_gen_chance(g, 0.6))
            continue;
        name_draw(g, arg->names, face->arg_names[i], style);
        face->arg_types[i] = type_draw(g, arg->types, style);
    }
    for (size_t i = 0; i < WEIR_TOOL_FIELDS && function->fields[i].slot; i++) {
        name_draw(g, function->fields[i].names, face->field_names[i], style);
        face->field_types[i] = type_draw(g, function->fields[i].types, style);
    }
}

static json_t *enum_list(const char *names) {
    json_t *list = json_array();
    for (const char *p = names; *p;) {
        size_t n = strcspn(p, "|");
        json_array_append_new(list, json_stringn(p, n));
        p += n + (p[n] == '|');
    }
    return list;
}

static json_t *arg_schema(weir_gen *g, const weir_tool_arg *arg, char type, bool has_notes) {
    json_t *schema = json_object();
    const char *name = type == 's'   ? "string"
                       : type == 'i' ? "integer"
                       : type == 'n' ? "number"
                       : type == 'b' ? "boolean"
                                     : "array";
    json_object_set_new(schema, "type", json_string(name));
    if (type == 'l')
        json_object_set_new(schema, "items", json_pack("{s:s}", "type", "string"));
    if (type == 's' && !strncmp(arg->value, "of:", 3))
        json_object_set_new(schema, "enum", enum_list(arg->value + 3));
    if (has_notes && arg->notes) {
        char note[WEIR_TOOL_VALUE];
        weir_tool_value_pick(g, arg->notes, note, sizeof note);
        json_object_set_new(schema, "description", json_string(note));
    }
    return schema;
}

json_t *weir_tool_face_schema(weir_gen *g, const weir_tool_face *face, bool is_wrapped,
                              bool has_notes) {
    const weir_tool_function *function = face->function;
    char note[WEIR_TOOL_VALUE];
    text_draw(g, function->notes, face->is_fixed, note, sizeof note);
    json_t *properties = json_object(), *required = json_array();
    for (size_t i = 0; i < WEIR_TOOL_ARGS && function->args[i].slot; i++) {
        const weir_tool_arg *arg = &function->args[i];
        if (!face->arg_types[i])
            continue;
        json_object_set_new(properties, face->arg_names[i],
                            arg_schema(g, arg, face->arg_types[i], has_notes));
        if (!arg->is_optional)
            json_array_append_new(required, json_string(face->arg_names[i]));
    }
    json_t *parameters = json_pack("{s:s, s:o}", "type", "object", "properties", properties);
    if (json_array_size(required))
        json_object_set(parameters, "required", required);
    json_decref(required);
    json_t *schema = json_pack("{s:s, s:s, s:o}", "name", face->name, "description", note,
                               "parameters", parameters);
    return is_wrapped ? json_pack("{s:s, s:o}", "type", "function", "function", schema) : schema;
}

/* ---- cases ------------------------------------------------------------------------------------
 */

weir_tool_slot *weir_tool_case_find(weir_tool_case *use, const char *name, size_t n) {
    for (uint32_t i = 0; i < use->n_slots; i++) {
        if (!strncmp(use->slots[i].name, name, n) && !use->slots[i].name[n])
            return &use->slots[i];
    }
    return NULL;
}

static weir_tool_slot *slot_get(weir_tool_case *use, const char *name) {
    weir_tool_slot *slot = weir_tool_case_find(use, name, strlen(name));
    if (!slot) {
        assert(use->n_slots < WEIR_TOOL_SLOTS);
        slot = &use->slots[use->n_slots++];
        *slot = (weir_tool_slot){.name = name};
    }
    return slot;
}

void weir_tool_case_set(weir_tool_case *use, const char *name, const char *text) {
    weir_tool_slot *slot = slot_get(use, name);
    size_t n = strlen(text);
    assert(n < sizeof slot->text);
    memmove(slot->text, text, n + 1);
}

void weir_tool_case_set_number(weir_tool_case *use, const char *name, double value) {
    weir_tool_value_number(value, slot_get(use, name)->text);
}

double weir_tool_case_number(weir_tool_case *use, const char *name) {
    const weir_tool_slot *slot = weir_tool_case_find(use, name, strlen(name));
    return slot ? weir_tool_value_read(slot->text, NULL) : 0;
}

void weir_tool_case_draw(weir_gen *g, weir_tool_case *use, const weir_tool_face *face) {
    *use = (weir_tool_case){.face = face};
    const weir_tool_function *function = face->function;
    if (function->prepare)
        function->prepare(g, use);
    for (size_t i = 0; i < WEIR_TOOL_ARGS && function->args[i].slot; i++) {
        const weir_tool_arg *arg = &function->args[i];
        if (!face->arg_types[i] || weir_tool_case_find(use, arg->slot, strlen(arg->slot)))
            continue;
        assert(arg->value[0] != '@');
        weir_tool_slot *slot = slot_get(use, arg->slot);
        weir_tool_value_draw(g, arg->value, slot->text, slot->raw);
    }
    use->n_args = use->n_slots;
}

static const weir_tool_arg *arg_find(const weir_tool_function *function, const char *slot) {
    for (size_t i = 0; i < WEIR_TOOL_ARGS && function->args[i].slot; i++) {
        if (!strcmp(function->args[i].slot, slot))
            return &function->args[i];
    }
    return NULL;
}

void weir_tool_case_redraw(weir_gen *g, weir_tool_case *use, const char *name) {
    const weir_tool_arg *arg = arg_find(use->face->function, name);
    weir_tool_slot *slot = weir_tool_case_find(use, name, strlen(name));
    assert(arg && slot);
    if (arg->value[0] == '@')
        return;
    char old[WEIR_TOOL_VALUE];
    memcpy(old, slot->text, sizeof old);
    for (int tries = 0; tries < 20 && !strcmp(old, slot->text); tries++)
        weir_tool_value_draw(g, arg->value, slot->text, slot->raw);
}

static void slot_drop(weir_tool_case *use, uint32_t i) {
    memmove(&use->slots[i], &use->slots[i + 1], (use->n_slots - i - 1) * sizeof use->slots[0]);
    uint32_t below = (1u << i) - 1;
    use->mentioned = (use->mentioned & below) | ((use->mentioned >> 1) & ~below);
    use->n_slots--;
    use->n_args--;
}

void weir_tool_case_settle(weir_tool_case *use) {
    assert(use->n_slots == use->n_args);
    for (uint32_t i = use->n_args; i-- > 0;) {
        if (!(use->mentioned >> i & 1))
            slot_drop(use, i);
    }
}

void weir_tool_case_again(weir_tool_case *use) {
    use->n_slots = use->n_args;
    use->mentioned = use->told = 0;
}

void weir_tool_case_run(weir_gen *g, weir_tool_case *use) {
    const weir_tool_function *function = use->face->function;
    for (size_t i = 0; i < WEIR_TOOL_FIELDS && function->fields[i].slot; i++) {
        const weir_tool_field *field = &function->fields[i];
        if (field->value[0] == '@' || field->value[0] == '=')
            continue;
        if (field->is_optional && !weir_gen_chance(g, 0.5))
            continue;
        weir_tool_slot *slot = slot_get(use, field->slot);
        weir_tool_value_draw(g, field->value, slot->text, slot->raw);
    }
    if (function->work)
        function->work(g, use);
}

/* ---- JSON of a call and of its result ---------------------------------------------------------
 */

static json_t *slot_json(const weir_tool_slot *slot, char type) {
    switch (type) {
    case 'i':
    case 'n':
        if (strchr(slot->text, '.'))
            return json_real(weir_tool_value_read(slot->text, NULL));
        return json_integer(strtoll(slot->text, NULL, 10));
    case 'b':
        return json_boolean(!strcmp(slot->text, "on") || !strcmp(slot->text, "yes"));
    case 'l':
        return enum_list(slot->raw[0] ? slot->raw : slot->text);
    default:
        return json_string(slot->text);
    }
}

json_t *weir_tool_case_call(weir_tool_case *use) {
    const weir_tool_function *function = use->face->function;
    json_t *arguments = json_object();
    for (size_t i = 0; i < WEIR_TOOL_ARGS && function->args[i].slot; i++) {
        const char *name = function->args[i].slot;
        const weir_tool_slot *slot = weir_tool_case_find(use, name, strlen(name));
        if (slot && slot < use->slots + use->n_args && use->face->arg_types[i])
            json_object_set_new(arguments, use->face->arg_names[i],
                                slot_json(slot, use->face->arg_types[i]));
    }
    return json_pack("{s:s, s:o}", "name", use->face->name, "arguments", arguments);
}

static void result_put(weir_gen *g, weir_gen_text *text, json_t *result) {
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    if (weir_gen_chance(g, 0.2))
        flags |= JSON_COMPACT;
    char *json = json_dumps(result, flags);
    if (json)
        weir_gen_put(g, text, json);
    else
        g->is_failed = true;
    free(json);
    json_decref(result);
}

/* A field that nobody asked for: the answer has to choose. */
static void result_extra(weir_gen *g, json_t *result) {
    switch (weir_gen_below(g, 5)) {
    case 0:
        json_object_set_new(result, "ok", json_true());
        break;
    case 1:
        json_object_set_new(result, "status", json_string("ok"));
        break;
    case 2:
        json_object_set_new(result, "code", json_integer(200));
        break;
    case 3:
        json_object_set_new(result, "took_ms", json_integer(3 + weir_gen_below(g, 300)));
        break;
    default:
        json_object_set_new(result, "error", json_null());
    }
}

void weir_tool_case_result(weir_gen *g, weir_gen_text *text, weir_tool_case *use) {
    const weir_tool_function *function = use->face->function;
    uint32_t order[WEIR_TOOL_FIELDS], n = 0;
    while (n < WEIR_TOOL_FIELDS && function->fields[n].slot) {
        order[n] = n;
        n++;
    }
    weir_gen_shuffle(g, order, n);
    json_t *result = json_object();
    bool has_extra = weir_gen_chance(g, 0.12), is_extra_first = weir_gen_chance(g, 0.5);
    if (has_extra && is_extra_first)
        result_extra(g, result);
    for (uint32_t k = 0; k < n; k++) {
        const weir_tool_field *field = &function->fields[order[k]];
        bool is_echo = field->value[0] == '=';
        if (is_echo && field->is_optional && !weir_gen_chance(g, 0.5))
            continue;
        const char *name = is_echo ? field->value + 1 : field->slot;
        const weir_tool_slot *slot = weir_tool_case_find(use, name, strlen(name));
        if (!slot)
            continue;
        use->told |= 1u << (slot - use->slots);
        json_object_set_new(result, use->face->field_names[order[k]],
                            slot_json(slot, use->face->field_types[order[k]]));
    }
    if (has_extra && !is_extra_first)
        result_extra(g, result);
    if (json_object_size(result) == 0)
        json_object_set_new(result, "ok", json_true());
    if (weir_gen_chance(g, 0.06))
        result = json_pack("{s:o}", weir_gen_chance(g, 0.5) ? "result" : "data", result);
    result_put(g, text, result);
}

void weir_tool_error_result(weir_gen *g, weir_gen_text *text, const char *errors) {
    char error[WEIR_TOOL_VALUE];
    weir_tool_value_pick(g, errors, error, sizeof error);
    switch (weir_gen_below(g, 4)) {
    case 0:
        result_put(g, text, json_pack("{s:b, s:s}", "ok", 0, "reason", error));
        break;
    case 1:
        result_put(g, text, json_pack("{s:s, s:s}", "status", "error", "message", error));
        break;
    default:
        result_put(g, text, json_pack("{s:s}", "error", error));
    }
}
