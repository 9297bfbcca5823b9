/*
 * test_json_schema_oracle.h: does a value keep to a JSON Schema? Straight from the specification's
 * words, on jansson's values: slow, plain, and without a line in common with the compiler that it
 * is the measure of. Knows the keywords that the suite uses.
 */
#ifndef WEIR_TESTS_JSON_SCHEMA_ORACLE_H
#define WEIR_TESTS_JSON_SCHEMA_ORACLE_H

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/utf8.h"

static inline bool oracle_matches(const char *pattern, const char *text, size_t n) {
    int code;
    PCRE2_SIZE at;
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY, &code, &at, NULL);
    if (!re)
        abort();
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(re, NULL);
    int found = pcre2_match(re, (PCRE2_SPTR)text, n, 0, 0, match, NULL);
    pcre2_match_data_free(match);
    pcre2_code_free(re);
    return found >= 0;
}

static inline bool oracle_is_date(const char *text, size_t n) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, m, d;
    if (n != 10 || !oracle_matches("^\\d{4}-\\d\\d-\\d\\d$", text, n) ||
        sscanf(text, "%4d-%2d-%2d", &y, &m, &d) != 3 || m < 1 || m > 12 || d < 1)
        return false;
    bool is_leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    return d <= days[m - 1] + (m == 2 && is_leap);
}

static inline bool oracle_is_time(const char *text, size_t n) {
    int h, m, s, oh = 0, om = 0;
    const char *form = "^\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$";
    if (!oracle_matches(form, text, n) || sscanf(text, "%2d:%2d:%2d", &h, &m, &s) != 3)
        return false;
    if (text[n - 1] != 'Z')
        sscanf(text + n - 5, "%2d:%2d", &oh, &om);
    return h < 24 && m < 60 && s < 60 && oh < 24 && om < 60;
}

static inline bool oracle_format(const char *format, const char *text, size_t n) {
    char room[64];
    if (strcmp(format, "date") == 0)
        return oracle_is_date(text, n);
    if (strcmp(format, "time") == 0)
        return oracle_is_time(text, n);
    if (strcmp(format, "date-time") == 0)
        return n > 11 && oracle_is_date(text, 10) && text[10] == 'T' &&
               oracle_is_time(text + 11, n - 11);
    if (strcmp(format, "uuid") == 0)
        return oracle_matches("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", text, n);
    if (strcmp(format, "ipv4") == 0)
        return strlen(text) == n && inet_pton(AF_INET, text, room) == 1;
    if (strcmp(format, "ipv6") == 0)
        return strlen(text) == n && inet_pton(AF_INET6, text, room) == 1;
    if (strcmp(format, "email") == 0)
        return oracle_matches("^[^@\\s.]+(\\.[^@\\s.]+)*@[a-zA-Z0-9.-]+$", text, n);
    if (strcmp(format, "hostname") == 0)
        return n <= 255 && oracle_matches("^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
                                          "(\\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$",
                                          text, n);
    if (strcmp(format, "duration") == 0)
        return oracle_matches("^P(?=.)(\\d+W|(\\d+Y)?(\\d+M)?(\\d+D)?(T(?=.)(\\d+H)?(\\d+M)?"
                              "(\\d+S)?)?)$",
                              text, n);
    return true;
}

static inline bool oracle_is_integer(const json_t *value) {
    if (json_is_integer(value))
        return true;
    return json_is_real(value) && floor(json_real_value(value)) == json_real_value(value);
}

static inline bool oracle_equal(const json_t *a, const json_t *b) {
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_array(a)) {
        for (size_t i = 0; i < json_array_size(a); i++)
            if (json_array_size(a) != json_array_size(b) ||
                !oracle_equal(json_array_get(a, i), json_array_get(b, i)))
                return false;
        return json_array_size(a) == json_array_size(b);
    }
    if (!json_is_object(a))
        return json_equal(a, b);
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)a, key, member) {
        const json_t *other = json_object_get(b, key);
        if (!other || !oracle_equal(member, other))
            return false;
    }
    return json_object_size(a) == json_object_size(b);
}

static inline bool oracle_type(const char *type, const json_t *value) {
    return (strcmp(type, "null") == 0 && json_is_null(value)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(value)) ||
           (strcmp(type, "integer") == 0 && oracle_is_integer(value)) ||
           (strcmp(type, "number") == 0 && json_is_number(value)) ||
           (strcmp(type, "string") == 0 && json_is_string(value)) ||
           (strcmp(type, "array") == 0 && json_is_array(value)) ||
           (strcmp(type, "object") == 0 && json_is_object(value));
}

static inline bool oracle_types(const json_t *schema, const json_t *value) {
    const json_t *type = json_object_get(schema, "type");
    if (!type || (json_is_true(json_object_get(schema, "nullable")) && json_is_null(value)))
        return true;
    if (json_is_string(type))
        return oracle_type(json_string_value(type), value);
    for (size_t i = 0; i < json_array_size(type); i++)
        if (oracle_type(json_string_value(json_array_get(type, i)), value))
            return true;
    return false;
}

static inline bool oracle_number(const json_t *schema, const json_t *value) {
    double x = json_number_value(value);
    const json_t *min = json_object_get(schema, "minimum");
    const json_t *max = json_object_get(schema, "maximum");
    const json_t *above = json_object_get(schema, "exclusiveMinimum");
    const json_t *below = json_object_get(schema, "exclusiveMaximum");
    const json_t *step = json_object_get(schema, "multipleOf");
    if (min && (json_is_true(above) ? x <= json_number_value(min) : x < json_number_value(min)))
        return false;
    if (max && (json_is_true(below) ? x >= json_number_value(max) : x > json_number_value(max)))
        return false;
    if (json_is_number(above) && x <= json_number_value(above))
        return false;
    if (json_is_number(below) && x >= json_number_value(below))
        return false;
    if (!step)
        return true;
    double ratio = x / json_number_value(step);
    return fabs(ratio - round(ratio)) <= 1e-9 * fmax(1, fabs(ratio));
}

static inline bool oracle_count(const json_t *schema, const char *min, const char *max, size_t n) {
    const json_t *low = json_object_get(schema, min), *high = json_object_get(schema, max);
    return (!low || (double)n >= json_number_value(low)) &&
           (!high || (double)n <= json_number_value(high));
}

static inline bool oracle_string(const json_t *schema, const json_t *value) {
    const char *text = json_string_value(value);
    size_t n = json_string_length(value);
    const char *pattern = json_string_value(json_object_get(schema, "pattern"));
    const char *format = json_string_value(json_object_get(schema, "format"));
    return oracle_count(schema, "minLength", "maxLength", weir_utf8_count(text, n)) &&
           (!pattern || oracle_matches(pattern, text, n)) &&
           (!format || oracle_format(format, text, n));
}

static inline bool oracle_valid(const json_t *whole, const json_t *schema, const json_t *value);

static inline bool oracle_array(const json_t *whole, const json_t *schema, const json_t *value) {
    const json_t *prefix = json_object_get(schema, "prefixItems");
    const json_t *rest = json_object_get(schema, "items");
    if (json_is_array(rest)) {
        prefix = rest;
        rest = json_object_get(schema, "additionalItems");
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = i < json_array_size(prefix) ? json_array_get(prefix, i) : rest;
        if (item && !oracle_valid(whole, item, json_array_get(value, i)))
            return false;
    }
    return oracle_count(schema, "minItems", "maxItems", json_array_size(value));
}

static inline bool oracle_member(const json_t *whole, const json_t *schema, const char *key,
                                 const json_t *value) {
    json_t *known = json_object_get(json_object_get(schema, "properties"), key);
    json_t *patterns = json_object_get(schema, "patternProperties");
    json_t *more = json_object_get(schema, "additionalProperties");
    json_t *names = json_object_get(schema, "propertyNames"), *name = json_string(key);
    bool is_known = known != NULL, is_good = !known || oracle_valid(whole, known, value);
    const char *pattern;
    json_t *of_pattern;
    json_object_foreach(patterns, pattern, of_pattern) {
        if (!oracle_matches(pattern, key, strlen(key)))
            continue;
        is_known = true;
        is_good = is_good && oracle_valid(whole, of_pattern, value);
    }
    if (!is_known && more)
        is_good = is_good && oracle_valid(whole, more, value);
    if (names)
        is_good = is_good && oracle_valid(whole, names, name);
    json_decref(name);
    return is_good;
}

static inline bool oracle_object(const json_t *whole, const json_t *schema, json_t *value) {
    const json_t *required = json_object_get(schema, "required");
    const char *key;
    json_t *member;
    json_object_foreach(value, key, member) {
        if (!oracle_member(whole, schema, key, member))
            return false;
    }
    for (size_t i = 0; i < json_array_size(required); i++)
        if (!json_object_get(value, json_string_value(json_array_get(required, i))))
            return false;
    return oracle_count(schema, "minProperties", "maxProperties", json_object_size(value));
}

/* #, #/a/b with ~0 ~1 %20, and anchors of $defs. */
static inline const json_t *oracle_ref(const json_t *whole, const char *ref) {
    const json_t *at = whole, *anchor;
    char part[256];
    if (ref[1] != '\0' && ref[1] != '/') {
        const char *key;
        json_t *def;
        json_object_foreach(json_object_get(whole, "$defs"), key, def) {
            anchor = json_object_get(def, "$anchor");
            if (anchor && strcmp(json_string_value(anchor), ref + 1) == 0)
                return def;
        }
        abort();
    }
    for (const char *p = ref + 1; *p == '/' && at;) {
        size_t n = 0;
        for (p++; *p && *p != '/'; p++) {
            char c = *p;
            if (strncmp(p, "%20", 3) == 0) {
                c = ' ';
                p += 2;
            } else if (c == '~') {
                c = *++p == '0' ? '~' : '/';
            }
            part[n++] = c;
        }
        part[n] = '\0';
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(part)) : json_object_get(at, part);
    }
    if (!at)
        abort();
    return at;
}

static inline size_t oracle_how_many(const json_t *whole, const json_t *list, const json_t *value) {
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        n += oracle_valid(whole, json_array_get(list, i), value);
    return n;
}

static inline bool oracle_applied(const json_t *whole, const json_t *schema, const json_t *value) {
    const json_t *all = json_object_get(schema, "allOf"), *any = json_object_get(schema, "anyOf");
    const json_t *one = json_object_get(schema, "oneOf"), *not = json_object_get(schema, "not");
    const json_t *ref = json_object_get(schema, "$ref");
    return (!ref || oracle_valid(whole, oracle_ref(whole, json_string_value(ref)), value)) &&
           (!all || oracle_how_many(whole, all, value) == json_array_size(all)) &&
           (!any || oracle_how_many(whole, any, value) > 0) &&
           (!one || oracle_how_many(whole, one, value) == 1) &&
           (!not || !oracle_valid(whole, not, value));
}

static inline bool oracle_named(const json_t *schema, const json_t *value) {
    const json_t *list = json_object_get(schema, "enum"), *one = json_object_get(schema, "const");
    bool is_listed = !list;
    for (size_t i = 0; i < json_array_size(list) && !is_listed; i++)
        is_listed = oracle_equal(json_array_get(list, i), value);
    return is_listed && (!one || oracle_equal(one, value));
}

static inline bool oracle_valid(const json_t *whole, const json_t *schema, const json_t *value) {
    if (json_is_boolean(schema))
        return json_is_true(schema);
    if (!oracle_types(schema, value) || !oracle_named(schema, value) ||
        !oracle_applied(whole, schema, value))
        return false;
    if (json_is_number(value))
        return oracle_number(schema, value);
    if (json_is_string(value))
        return oracle_string(schema, value);
    if (json_is_array(value))
        return oracle_array(whole, schema, value);
    if (json_is_object(value)) {
        json_t *copy = json_copy((json_t *)(uintptr_t)value);
        bool is_good = oracle_object(whole, schema, copy);
        json_decref(copy);
        return is_good;
    }
    return true;
}

#endif
