/*
 * gen.c: from a kind, a seed and a number to one generated sample. Owns the list of kinds and the
 * form of a sample's line; what is in it is the business of each kind's generator.
 */
#include "train/gen.h"
#include "base/error.h"
#include "base/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct kind {
    const char *name;
    json_t *(*make)(weir_gen *g);
} kind;

/* The order is part of every sample's stream: new kinds are added at the end. */
static const kind kinds[] = {
    {"story", weir_gen_story},   {"instruction", weir_gen_instruction},
    {"tool", weir_gen_tool},     {"identity", weir_gen_identity},
    {"recall", weir_gen_recall}, {"catalog", weir_gen_catalog},
};

/* What a kind's name alone stands for. A model is reproducible as long as the samples it was
 * trained on are: "NAME@1" gives those of the first edition. */
enum { NEWEST_EDITION = 3 };

const char *const *weir_gen_kinds(void) {
    static const char *const names[] = {"story",  "instruction", "tool", "identity",
                                        "recall", "catalog",     NULL};
    _Static_assert(WEIR_COUNT(names) == WEIR_COUNT(kinds) + 1, "a name for each kind");
    return names;
}

/* "NAME" or "NAME@EDITION"; NULL: there is none. */
static const kind *kind_find(const char *name, uint32_t *edition) {
    size_t n = strcspn(name, "@"), k = 0;
    *edition = NEWEST_EDITION;
    if (name[n]) {
        if (name[n + 1] < '1' || name[n + 1] > '0' + NEWEST_EDITION || name[n + 2])
            return NULL;
        *edition = (uint32_t)(name[n + 1] - '0');
    }
    while (k < WEIR_COUNT(kinds) &&
           (strlen(kinds[k].name) != n || strncmp(kinds[k].name, name, n) != 0))
        k++;
    return k < WEIR_COUNT(kinds) ? &kinds[k] : NULL;
}

bool weir_gen_is_kind(const char *name) {
    uint32_t edition;
    return kind_find(name, &edition) != NULL;
}

/* Moves a member that the generator may have made. */
static void move(json_t *to, json_t *from, const char *key, bool *is_whole) {
    json_t *value = json_object_get(from, key);
    if (value && json_object_set(to, key, value) != 0)
        *is_whole = false;
}

/* The line of a sample without its newline; NULL without memory. */
static char *sample_line(const char *name, uint64_t i, const weir_gen *g, json_t *made) {
    json_t *sample = json_object();
    bool is_whole = sample && json_object_set_new(sample, "kind", json_string(name)) == 0 &&
                    json_object_set_new(sample, "i", json_integer((json_int_t)i)) == 0;
    static const char *const members[] = {"messages", "text", "tools", "template_args", "check"};
    for (size_t k = 0; k < WEIR_COUNT(members) && is_whole; k++)
        move(sample, made, members[k], &is_whole);
    double bits = floor(g->bits * 1000.0 + 0.5) / 1000.0;
    is_whole = is_whole && json_object_set_new(sample, "bits", json_real(bits)) == 0;
    /* 15 digits: 0.1 stays 0.1. */
    char *line =
        is_whole ? json_dumps(sample, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15))
                 : NULL;
    json_decref(sample);
    return line;
}

weir_status weir_gen_sample(const char *kind_name, uint64_t seed, uint64_t i, bool is_held_out,
                            char *buf, size_t cap, size_t *n, weir_error *err) {
    if (!kind_name || !n || (!buf && cap > 0))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "kind, buf or n is missing");
    uint32_t edition;
    const kind *found = kind_find(kind_name, &edition);
    if (!found)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "\"%.40s\" is no kind of generated text; there are story, instruction, "
                         "tool, identity, recall, catalog, each also as NAME@1, its first edition",
                         kind_name);
    if (i > INT64_MAX)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "sample numbers go up to 2^63 - 1");
    weir_gen g = {
        .seed = seed,
        .stream = weir_mix64(i, (uint64_t)(found - kinds), is_held_out),
        .is_held_out = is_held_out,
        .edition = edition,
    };
    json_t *made = found->make(&g);
    char *line = made && !g.is_failed ? sample_line(kind_name, i, &g, made) : NULL;
    json_decref(made);
    if (!line)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a generated sample");
    *n = strlen(line);
    if (cap > 0)
        memcpy(buf, line, *n < cap ? *n : cap);
    free(line);
    return WEIR_STATUS_OK;
}
