/*
 * test_openapi.c: the description is whole: every route is in it and nothing else, every reference
 * leads somewhere, and requests that are described are accepted as described.
 */
#include "api_fixture.h"

static json_t *description(void) {
    ask("GET", "/openapi.json", "");
    assert_int_equal(exchange.http_status, 200);
    return reply_json();
}

static void lower(char *text) {
    for (; *text; text++)
        *text = (char)(*text >= 'A' && *text <= 'Z' ? *text + 32 : *text);
}

static void test_routes(void **state) {
    (void)state;
    json_t *json = description(), *paths = at(json, "paths"), *methods, *operation;
    const char *path, *method;
    size_t n_routes = 0, n_operations = 0;
    for (const weir_route *route = weir_routes; route->path; route++, n_routes++) {
        char name[16];
        snprintf(name, sizeof name, "%s", route->method);
        lower(name);
        operation = json_object_get(json_object_get(paths, route->path), name);
        if (!operation)
            fail_msg("%s %s is not described", route->method, route->path);
        assert_string_equal(string_at(operation, "summary"), route->summary);
        /* The tables know it. */
        if (!json_object_get(at(operation, "responses.2XX"), "content"))
            fail_msg("what %s %s replies is not described", route->method, route->path);
        bool is_post = strcmp(name, "post") == 0;
        assert_true(is_post == (json_object_get(operation, "requestBody") != NULL));
    }
    json_object_foreach(paths, path, methods) {
        json_object_foreach(methods, method, operation) {
            n_operations++;
        }
    }
    assert_int_equal(n_operations, n_routes);
    json_decref(json);
}

static void check_references(json_t *schemas, json_t *value) {
    const char *key;
    json_t *member;
    size_t i;
    json_object_foreach(value, key, member) {
        const char *text = json_string_value(member);
        if (strcmp(key, "$ref") == 0) {
            assert_int_equal(strncmp(text, "#/components/schemas/", 21), 0);
            if (!json_object_get(schemas, text + 21))
                fail_msg("there is no %s", text);
        }
        if (strcmp(key, "type") == 0 && text)
            assert_non_null(strstr("object array string integer number boolean null http", text));
        check_references(schemas, member);
    }
    json_array_foreach(value, i, member) {
        check_references(schemas, member);
    }
}

static void test_references(void **state) {
    (void)state;
    json_t *json = description(), *schemas = at(json, "components.schemas"), *schema, *name, *ids;
    const char *key, *path, *method;
    json_t *methods, *operation;
    size_t i;
    assert_string_equal(string_at(json, "openapi"), "3.1.0");
    check_references(schemas, json);
    json_object_foreach(schemas, key, schema) {
        json_array_foreach(at(schema, "required"), i, name) {
            at(at(schema, "properties"), json_string_value(name));
        }
    }
    ids = json_object();
    json_object_foreach(at(json, "paths"), path, methods) {
        json_object_foreach(methods, method, operation) {
            const char *id = string_at(operation, "operationId");
            assert_null(json_object_get(ids, id));
            json_object_set_new(ids, id, json_true());
        }
    }
    json_decref(ids);
    json_decref(json);
}

/* Of members that are required, and cannot be null. */
static const char *value_of(const char *name) {
    static const struct {
        const char *name, *value;
    } known[] = {
        {"messages", "[{\"role\": \"user\", \"content\": \"Hi\"}]"},
        {"input", "\"Hi\""},
        {"prompt", "\"Hi\""},
        {"tokens", "[1]"},
        {"max_tokens", "5"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].value;
    return "null";
}

/* /tokenize reads a prompt, or messages and what belongs to them. */
static bool is_of_another_form(const char *path, const char *name) {
    static const char *const names[] = {"messages", "tools", "add_generation_prompt"};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(path, "/tokenize") == 0 && strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void post_all_members(const char *path, json_t *properties) {
    char body[4096] = "{";
    const char *name;
    json_t *field;
    json_object_foreach(properties, name, field) {
        size_t n = strlen(body);
        if (!is_of_another_form(path, name))
            snprintf(body + n, sizeof body - n, "%s\"%s\": %s", body[1] ? ", " : "", name,
                     value_of(name));
    }
    strcat(body, "}");
    ask("POST", path, body);
    if (exchange.has_ended && exchange.http_status >= 300)
        fail_msg("%s\n%s\ngives %s", path, body, exchange.out.data);
    if (runner.has_job) {
        play_answer_end(WEIR_ANSWER_STOP, -1, "", NULL, true);
        play_end(WEIR_STATUS_OK, "");
    }
}

/* With what is required, and every other described member said to be null: none of them is unknown,
 * not even to a strict server. */
static void test_members(void **state) {
    (void)state;
    json_t *json = description(), *schemas = at(json, "components.schemas"), *methods, *body;
    const char *path;
    size_t n_bodies = 0;
    service.is_strict = true;
    json_object_foreach(at(json, "paths"), path, methods) {
        body = json_object_get(json_object_get(methods, "post"), "requestBody");
        /* What is asked of one session depends on what stands behind its name. */
        if (!body || strchr(path, '{'))
            continue;
        json_t *media = json_object_get(at(body, "content"), "application/json");
        const char *reference = string_at(media, "schema.$ref");
        post_all_members(path, at(at(schemas, strrchr(reference, '/') + 1), "properties"));
        n_bodies++;
    }
    assert_true(n_bodies >= 8);
    service.is_strict = false;
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
