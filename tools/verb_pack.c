/*
 * verb_pack.c: `weir pack`: a file with the weights as the CPU uses them, so that a start maps them
 * instead of reading and packing. The work is weir_packed_make's; where files lie is
 * packed_use.c's.
 */
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "console.h"
#include "interrupt.h"
#include "json_text.h"
#include "model_lookup.h"
#include "packed_use.h"
#include "verbs.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct pack_values {
    const char *out;
    bool checks, overwrite, as_json;
    uint32_t n_threads;
} pack_values;

#define AT(field) offsetof(pack_values, field)

static const weir_option options[] = {
    {"output", 'o', WEIR_OPTION_STRING, AT(out), "FILE",
     "another place, to be named with --packed; default: MODEL.packed, or\n"
     "in $XDG_CACHE_HOME/weir/packed where none can be beside MODEL"},
    {"check", 0, WEIR_OPTION_FLAG, AT(checks), NULL,
     "write nothing; read the file that is there whole and compare checksums"},
    {"force", 'f', WEIR_OPTION_FLAG, AT(overwrite), NULL,
     "write it also where there is one that fits, or another kind of file"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"json", 0, WEIR_OPTION_FLAG, AT(as_json), NULL,
     "tell what is there now as JSON, on standard output"},
};

#undef AT

/* ---- progress ------------------------------------------------------------------------------ */

/* The console's bar, with the speed in front. */
typedef struct pace {
    weir_progress console;
    double start_s;
} pace;

static void report(void *context, const char *what, uint64_t done, uint64_t total) {
    const pace *p = context;
    char text[64];
    double seconds = weir_clock_s() - p->start_s;
    snprintf(text, sizeof text, "%.8s  %.2f GB/s", what,
             seconds > 0 ? (double)done / seconds * 1e-9 : 0.0);
    p->console.report(p->console.context, text, done, total);
}

static weir_progress progress_of(pace *p) {
    *p = (pace){.console = weir_console_progress(), .start_s = weir_clock_s()};
    return (weir_progress){.report = p->console.report ? report : NULL,
                           .context = p,
                           .is_cancelled = p->console.is_cancelled};
}

/* ---- telling ------------------------------------------------------------------------------- */

static weir_status tell(const weir_packed *packed, const char *what, double seconds, bool as_json,
                        weir_error *err) {
    weir_packed_info info;
    char bytes[WEIR_AMOUNT_TEXT], speed[48] = "";
    weir_packed_get_info(packed, &info);
    if (as_json)
        return weir_json_print(json_pack("{s:o, s:I, s:I, s:s, s:o}", "path",
                                         weir_json_text(info.path, strlen(info.path)), "bytes",
                                         (json_int_t)info.file_bytes, "matrices",
                                         (json_int_t)info.n_matrices, "what", what, "seconds",
                                         seconds > 0 ? json_real(seconds) : json_null()),
                               err);
    if (seconds > 0)
        snprintf(speed, sizeof speed, ", in %.2f s, %.2f GB/s", seconds,
                 (double)info.file_bytes / seconds * 1e-9);
    weir_say("%s is %s: %s, %u matrices%s", info.path, what,
             weir_bytes_text(bytes, info.file_bytes), info.n_matrices, speed);
    return WEIR_STATUS_OK;
}

/* ---- checking ------------------------------------------------------------------------------ */

static weir_status check(weir_packed *packed, const pack_values *v, weir_error *err) {
    pace p;
    weir_progress progress = progress_of(&p);
    WEIR_TRY(weir_packed_check(packed, v->n_threads, &progress, err));
    return tell(packed, "whole", weir_clock_s() - p.start_s, v->as_json, err);
}

static weir_status check_there(weir_model *model, const char *path, const pack_values *v,
                               weir_error *err) {
    weir_packed_found found = {0};
    if (v->out)
        weir_packed_open(&found.packed, model, v->out, &found.trouble);
    else
        weir_packed_look(&found, model, path);
    weir_status status;
    if (found.packed)
        status = check(found.packed, v, err);
    else if (found.trouble.status != WEIR_STATUS_OK)
        status = weir_fail(err, found.trouble.status, "%s", found.trouble.text);
    else
        status = weir_fail(err, WEIR_STATUS_FAILED,
                           "%s: there are no packed weights to check; `weir pack` without --check "
                           "makes them",
                           path);
    weir_packed_found_free(&found);
    return status;
}

/* ---- making -------------------------------------------------------------------------------- */

static bool is_same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Does the file begin as those do that this verb writes? */
static bool is_packed_file(const char *path) {
    char first[8] = "";
    FILE *file = fopen(path, "rb");
    bool is_one = file && fread(first, 1, sizeof first, file) == sizeof first &&
                  memcmp(first, "WEIRPACK", sizeof first) == 0;
    if (file)
        fclose(file);
    return is_one;
}

/* What is worth keeping is not replaced unasked: a file of another kind. */
static weir_status may_write(const char *to, const char *model_path, bool overwrite,
                             weir_error *err) {
    if (is_same_file(to, model_path))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--output: the file is the model itself and would be replaced");
    if (!overwrite && weir_path_exists(to) && !is_packed_file(to))
        return weir_fail(err, WEIR_STATUS_FAILED,
                         "%s: is there, and no file of packed weights; --force replaces it", to);
    return WEIR_STATUS_OK;
}

static weir_status make(const char *to, weir_model *model, const pack_values *v, weir_error *err) {
    pace p;
    weir_packed *packed = NULL;
    const weir_packed_options o = {
        .overwrite = true, .n_threads = v->n_threads, .progress = progress_of(&p)};
    WEIR_TRY(weir_packed_make(to, model, &o, err));
    double seconds = weir_clock_s() - p.start_s;
    WEIR_TRY(weir_packed_open(&packed, model, to, err));
    weir_status status = tell(packed, "written", seconds, v->as_json, err);
    weir_packed_close(&packed);
    return status;
}

/* Where the file goes, malloc'ed; its folder is there afterwards. */
static weir_status find_place(char **to, const char *path, const pack_values *v, weir_error *err) {
    bool is_beside = weir_packed_goes_beside(path);
    *to = v->out ? strdup(v->out) : is_beside ? weir_packed_beside(path) : weir_packed_cached(path);
    if (!*to)
        return weir_fail(err, WEIR_STATUS_IO,
                         "%s: nothing can be written beside it, and there is no cache folder: "
                         "neither XDG_CACHE_HOME nor HOME is set; expected --output",
                         path);
    if (v->out || is_beside)
        return WEIR_STATUS_OK;
    char *folder = weir_path_folder(*to);
    weir_status status = folder ? weir_make_folders(folder, err)
                                : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a path");
    free(folder);
    return status;
}

/* One that is there and fits is told and left alone. */
static weir_status make_unless_there(weir_model *model, const char *path, const pack_values *v,
                                     weir_error *err) {
    weir_packed_found found = {0};
    char *to = NULL;
    weir_status status = find_place(&to, path, v, err);
    if (status == WEIR_STATUS_OK)
        status = may_write(to, path, v->overwrite, err);
    if (status == WEIR_STATUS_OK && !v->overwrite) {
        if (v->out)
            weir_packed_open(&found.packed, model, to, NULL);
        else
            weir_packed_look(&found, model, path);
    }
    if (status == WEIR_STATUS_OK)
        status = found.packed ? tell(found.packed, "there and fits", 0, v->as_json, err)
                              : make(to, model, v, err);
    weir_packed_found_free(&found);
    free(to);
    return status;
}

/* ---- the verb ------------------------------------------------------------------------------ */

static weir_status pack(const weir_parsed *parsed, weir_error *err) {
    const pack_values *v = parsed->values;
    char *path = NULL;
    weir_model *model = NULL;
    if (v->checks && v->overwrite)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--check writes nothing; expected no --force with it");
    weir_interrupt_with_care(NULL);
    weir_status status = weir_find_model(parsed->operands[0], &path, err);
    if (status == WEIR_STATUS_OK)
        status = weir_model_open(&model, path, err);
    if (status == WEIR_STATUS_OK)
        status = (v->checks ? check_there : make_unless_there)(model, path, v, err);
    weir_model_close(&model);
    free(path);
    return status;
}

static int run(const weir_parsed *parsed) {
    weir_error err = {0};
    return weir_tell_failure("pack", pack(parsed, &err), &err);
}

const weir_verb weir_verb_pack = {
    .name = "pack",
    .summary = "Keeps weights as the CPU uses them, to start at once",
    .operands = "MODEL",
    .n_operands_min = 1,
    .n_operands_max = 1,
    .details =
        "Writes a file of about the model's size beside it. run, serve, bench and plan map it "
        "from\n"
        "then on: nothing is read and packed at the start, and all processes share the same\n"
        "memory. It is used only with this very model: one that was changed since, and a file\n"
        "that is damaged, is told in a line, and the weights are read from the model\n"
        "(docs/packed.md). Removing it is all it takes to undo this.\n"
        "\n"
        "  weir pack lfm2-24b-q4_0.gguf\n"
        "  weir pack lfm2-24b-q4_0.gguf --check\n"
        "  weir pack lfm2-24b-q4_0.gguf -o /fast/24b.packed\n"
        "  weir run lfm2-24b-q4_0.gguf --packed /fast/24b.packed\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(pack_values),
    .run = run,
};
