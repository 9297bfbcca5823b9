/* packed_use.c: see packed_use.h. Keeps nothing between calls. */
#include "packed_use.h"

#include "base/error.h"
#include "base/file.h"
#include "console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static const char ending[] = ".packed";

/* ---- places -------------------------------------------------------------------------------- */

/* Where "-00002-of-00003.gguf" has its number; NULL: it is no part of a split. */
static char *number_of_part(char *path) {
    enum { DIGITS = 5, BEHIND = DIGITS + sizeof "-of-" - 1 + DIGITS + sizeof ".gguf" - 1 };
    size_t n = strlen(path);
    char *number = n > BEHIND ? path + n - BEHIND : NULL;
    bool is_part = number && number[-1] == '-' && strspn(number, "0123456789") == DIGITS &&
                   strncmp(number + DIGITS, "-of-", 4) == 0 &&
                   strspn(number + DIGITS + 4, "0123456789") == DIGITS &&
                   strcmp(number + DIGITS + 4 + DIGITS, ".gguf") == 0;
    return is_part ? number : NULL;
}

/* The path by which any part of a split is known. */
static char *whole_path(const char *model_path) {
    char *path = strdup(model_path);
    char *number = path ? number_of_part(path) : NULL;
    if (number)
        memcpy(number, "00001", 5);
    return path;
}

char *weir_packed_beside(const char *model_path) {
    char *path = whole_path(model_path);
    size_t n = path ? strlen(path) : 0;
    char *longer = path ? realloc(path, n + sizeof ending) : NULL;
    if (!longer) {
        free(path);
        return NULL;
    }
    memcpy(longer + n, ending, sizeof ending);
    return longer;
}

static char *cache_folder(void) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && cache[0])
        return weir_path_join(cache, "weir/packed");
    return home && home[0] ? weir_path_join(home, ".cache/weir/packed") : NULL;
}

char *weir_packed_cached(const char *model_path) {
    char *path = whole_path(model_path), *folder = cache_folder();
    char *own = path ? realpath(path, NULL) : NULL, *cached = NULL;
    const char *of = own ? own : path;
    if (path && folder) {
        const char *slash = strrchr(path, '/');
        const char *base = slash ? slash + 1 : path;
        size_t n = strlen(base) + 1 + 16 + sizeof ending;
        char *name = malloc(n);
        if (name) {
            snprintf(name, n, "%s-%016llx%s", base, (unsigned long long)XXH64(of, strlen(of), 0),
                     ending);
            cached = weir_path_join(folder, name);
        }
        free(name);
    }
    free(own);
    free(folder);
    free(path);
    return cached;
}

bool weir_packed_goes_beside(const char *model_path) {
    const char *hub = strstr(model_path, "/models--");
    if (hub && strstr(hub, "/snapshots/"))
        return false;
    char *folder = weir_path_folder(model_path);
    bool is_open = folder && access(*folder ? folder : ".", W_OK | X_OK) == 0;
    free(folder);
    return is_open;
}

/* ---- looking ------------------------------------------------------------------------------- */

void weir_packed_found_free(weir_packed_found *found) {
    weir_packed_close(&found->packed);
    free(found->path);
    *found = (weir_packed_found){0};
}

void weir_packed_look(weir_packed_found *out, weir_model *model, const char *model_path) {
    char *places[] = {weir_packed_beside(model_path), weir_packed_cached(model_path)};
    *out = (weir_packed_found){0};
    for (size_t i = 0; i < WEIR_COUNT(places) && !out->packed; i++) {
        weir_packed_found found = {.path = places[i]};
        if (!found.path || !weir_path_exists(found.path))
            continue;
        bool fits =
            weir_packed_open(&found.packed, model, found.path, &found.trouble) == WEIR_STATUS_OK;
        if (out->path && !fits)
            continue;
        free(out->path);
        *out = found;
        places[i] = NULL;
    }
    for (size_t i = 0; i < WEIR_COUNT(places); i++)
        free(places[i]);
}

/* ---- choosing ------------------------------------------------------------------------------ */

const char *weir_packed_hindrance(const weir_engine_options *o) {
    if (o->device && strcmp(o->device, "cpu") != 0)
        return "--device";
    if (o->activations && strcmp(o->activations, "f32") == 0)
        return "--activations f32";
    if (o->activations && strcmp(o->activations, "parity") == 0)
        return "--activations parity";
    return o->no_map ? "--no-map" : NULL;
}

static void tell_unused(const weir_error *why) {
    weir_say("packed weights are not used: %s; `weir pack` makes them anew", why->text);
}

weir_status weir_packed_choose(weir_packed **out, weir_model *model, const char *model_path,
                               const char *choice, const weir_engine_options *options,
                               weir_error *err) {
    *out = NULL;
    if (choice && strcmp(choice, "off") == 0)
        return WEIR_STATUS_OK;
    bool is_named = choice && strcmp(choice, "auto") != 0;
    const char *other = weir_packed_hindrance(options);
    if (other && is_named)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--packed and %s exclude each other",
                         other);
    if (other)
        return WEIR_STATUS_OK;
    weir_packed_found found = {0};
    if (!is_named)
        weir_packed_look(&found, model, model_path);
    else
        weir_packed_open(&found.packed, model, choice, &found.trouble);
    if (!found.packed && (found.path || is_named))
        tell_unused(&found.trouble);
    *out = found.packed;
    found.packed = NULL;
    weir_packed_found_free(&found);
    return WEIR_STATUS_OK;
}

void weir_packed_tell_streamed(const weir_engine_options *o) {
    if (o->packed)
        weir_say("packed weights are not used: --ram has experts read from the model itself");
}
