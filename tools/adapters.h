/*
 * adapters.h: the adapters a command line names, as [NAME=]FILE[:scale], opened for a model.
 *
 * FILE is an adapter GGUF, a PEFT folder or its adapter_model.safetensors. Without NAME an adapter
 * is called by its file; without a scale it counts whole.
 */
#ifndef WEIR_TOOLS_ADAPTERS_H
#define WEIR_TOOLS_ADAPTERS_H

#include "options.h"
#include "weir.h"

typedef struct weir_adapters {
    weir_lora **lora; /* [n] */
    float *scale;     /* [n] */
    char **name;      /* [n] */
    size_t n;
} weir_adapters;

/* One specification taken apart. */
typedef struct weir_adapter_spec {
    char *name; /* NULL: none was given */
    char *path;
    float scale; /* 1 if none was given */
} weir_adapter_spec;

/* weir_adapter_spec_free is due also after a failure. */
weir_status weir_adapter_spec_read(weir_adapter_spec *out, const char *text, weir_error *err);
void weir_adapter_spec_free(weir_adapter_spec *spec);

/* weir_adapters_close is due also after a failure. BAD_ARGUMENT names what cannot be read, and a
 * name that is given twice. */
weir_status weir_adapters_open(weir_adapters *out, weir_model *model, const weir_string_list *specs,
                               weir_error *err);
void weir_adapters_close(weir_adapters *adapters);
/* Has an engine use them; they must outlive its opening. */
void weir_adapters_use(const weir_adapters *adapters, weir_engine_options *options);

#endif
