/* adapters.c: see adapters.h. */
#include "adapters.h"

#include "base/error.h"
#include "base/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where the scale begins: behind the last colon, if a number and nothing else follows. */
static const char *find_scale(const char *text, float *scale) {
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    if (!colon || colon[1] == 0)
        return NULL;
    float value = strtof(colon + 1, &end);
    if (*end != 0 || !isfinite(value))
        return NULL;
    *scale = value;
    return colon;
}

/* A file of that very name wins over any other reading. */
weir_status weir_adapter_spec_read(weir_adapter_spec *out, const char *text, weir_error *err) {
    *out = (weir_adapter_spec){.scale = 1.0f};
    const char *path = text, *end = text + strlen(text);
    if (!weir_path_exists(text)) {
        const char *equals = strchr(text, '='), *slash = strchr(text, '/');
        if (equals && equals > text && (!slash || equals < slash)) {
            out->name = strndup(text, (size_t)(equals - text));
            path = equals + 1;
            if (!out->name)
                return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for an adapter's name");
        }
        const char *colon = weir_path_exists(path) ? NULL : find_scale(path, &out->scale);
        end = colon ? colon : end;
    }
    if (end == path)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "an adapter is [NAME=]FILE[:scale], not '%.60s'", text);
    out->path = strndup(path, (size_t)(end - path));
    if (!out->path)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for an adapter's path");
    return WEIR_STATUS_OK;
}

void weir_adapter_spec_free(weir_adapter_spec *spec) {
    free(spec->name);
    free(spec->path);
    *spec = (weir_adapter_spec){0};
}

static weir_status check_name(const weir_adapters *adapters, const char *name, weir_error *err) {
    for (size_t i = 0; i < adapters->n; i++)
        if (strcmp(adapters->name[i], name) == 0)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "--lora: two adapters are called '%.60s'; give one a name: "
                             "--lora NAME=FILE",
                             name);
    return WEIR_STATUS_OK;
}

static weir_status open_one(weir_adapters *out, weir_model *model, const char *text,
                            weir_error *err) {
    weir_adapter_spec s;
    weir_lora *lora = NULL;
    weir_lora_info info;
    weir_status status = WEIR_STATUS_OK;
    WEIR_TRY_GOTO(weir_adapter_spec_read(&s, text, err));
    WEIR_TRY_GOTO(weir_lora_open(&lora, model, s.path, err));
    weir_lora_get_info(lora, &info);
    char *name = s.name ? s.name : strdup(info.name);
    s.name = NULL;
    if (!name) {
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for an adapter's name");
        goto fail;
    }
    status = check_name(out, name, err);
    out->name[out->n] = name;
    out->scale[out->n] = s.scale;
    out->lora[out->n++] = lora;
    lora = NULL;
fail:
    weir_lora_close(&lora);
    weir_adapter_spec_free(&s);
    return status;
}

weir_status weir_adapters_open(weir_adapters *out, weir_model *model, const weir_string_list *specs,
                               weir_error *err) {
    *out = (weir_adapters){0};
    if (specs->n == 0)
        return WEIR_STATUS_OK;
    out->lora = calloc(specs->n, sizeof *out->lora);
    out->scale = calloc(specs->n, sizeof *out->scale);
    out->name = calloc(specs->n, sizeof *out->name);
    if (!out->lora || !out->scale || !out->name)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the list of adapters");
    for (size_t i = 0; i < specs->n; i++)
        WEIR_TRY(open_one(out, model, specs->item[i], err));
    return WEIR_STATUS_OK;
}

void weir_adapters_close(weir_adapters *adapters) {
    for (size_t i = 0; i < adapters->n; i++) {
        weir_lora_close(&adapters->lora[i]);
        free(adapters->name[i]);
    }
    free(adapters->lora);
    free(adapters->scale);
    free(adapters->name);
    *adapters = (weir_adapters){0};
}

void weir_adapters_use(const weir_adapters *adapters, weir_engine_options *options) {
    options->loras = adapters->lora;
    options->lora_scales = adapters->scale;
    options->n_loras = adapters->n;
}
