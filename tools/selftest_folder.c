/* selftest_folder.c: see selftest_folder.h. */
#include "selftest_folder.h"
#include "base/error.h"
#include "base/file.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static char *join(const char *folder, const char *name) {
    char *path = weir_path_join(folder, name);
    if (!path)
        abort();
    return path;
}

static bool has_file(const char *folder, const char *name) {
    char *path = join(folder, name);
    bool is_there = weir_path_exists(path);
    free(path);
    return is_there;
}

static weir_status try_case(weir_report *report, const char *dir, weir_folder_case *run,
                            void *context, weir_error *err) {
    char *folder = strdup(dir);
    if (!folder)
        abort();
    for (size_t n = strlen(folder); n > 1 && folder[n - 1] == '/';)
        folder[--n] = 0;
    const char *name = strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder;
    bool is_refused = false;
    weir_error found = {0};
    weir_status status = run(context, folder, name, &is_refused, &found);
    free(folder);
    if (status != WEIR_STATUS_OK && is_refused)
        return weir_fail(err, status, "%s", found.text);
    if (status != WEIR_STATUS_OK)
        weir_report_check(report, false, "%s: %s", dir, found.text);
    return WEIR_STATUS_OK;
}

static weir_status each_of_set(weir_report *report, const char *dir, const char *file,
                               weir_folder_case *run, void *context, weir_error *err) {
    weir_status status = WEIR_STATUS_OK;
    json_error_t where;
    char *path = join(dir, "index.json");
    json_t *index = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_array(index))
        status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: %s", path,
                           index ? "expected a list of cases" : where.text);
    for (size_t i = 0; status == WEIR_STATUS_OK && i < json_array_size(index); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(index, i), "case"));
        char *folder = name ? join(dir, name) : NULL;
        if (!folder)
            status = weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: entry %zu has no \"case\"", path, i);
        else if (!file || has_file(folder, file))
            status = try_case(report, folder, run, context, err);
        free(folder);
    }
    json_decref(index);
    free(path);
    return status;
}

weir_status weir_folder_each(weir_report *report, const char *dir, const char *file,
                             weir_folder_case *run, void *context, weir_error *err) {
    if (has_file(dir, "index.json"))
        return each_of_set(report, dir, file, run, context, err);
    if (!has_file(dir, "config.json"))
        return weir_fail(err, WEIR_STATUS_BAD_FILE,
                         "%s: expected index.json (a set) or config.json (one case)", dir);
    if (file && !has_file(dir, file))
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: expected a case with %s", dir, file);
    return try_case(report, dir, run, context, err);
}
