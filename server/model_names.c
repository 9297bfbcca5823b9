/* model_names.c: see model_names.h. Keeps nothing between calls. */
#include "model_names.h"

#include "wishes.h"

#include <stdlib.h>
#include <string.h>

static void use_alone(weir_request *request, const weir_adapters *adapters, size_t i,
                      weir_job *job) {
    job->lora_scales = calloc(adapters->n, sizeof *job->lora_scales);
    if (!job->lora_scales) {
        weir_fail_memory(request);
        return;
    }
    /* An adapter that was opened with scale 0 waits for being named. */
    job->lora_scales[i] = adapters->scale[i] != 0 ? adapters->scale[i] : 1;
}

/* GET /v1/models has them all. */
static void fail_unknown(weir_request *request, const weir_service *service, const char *said) {
    enum { NAMED_AT_MOST = 8 };
    const weir_adapters *adapters = &service->host->adapters;
    weir_text_buffer names = {0};
    weir_text_buffer_format(&names, "'%.60s'", service->model_id);
    for (size_t i = 0; i < adapters->n && i < NAMED_AT_MOST; i++)
        weir_text_buffer_format(&names, ", '%.60s'", adapters->name[i]);
    weir_text_buffer_say(&names, adapters->n > NAMED_AT_MOST ? ", ..." : "");
    bool is_first = !weir_request_is_bad(request);
    weir_request_fail(request, "model", "model_not_found",
                      "model: there is no '%.60s' here; expected %s, or no model at all", said,
                      names.has_failed ? service->model_id : names.data);
    if (is_first)
        request->error.http_status = 404;
    weir_text_buffer_free(&names);
}

void weir_read_model(weir_request *request, const weir_service *service, weir_job *job,
                     const char **name) {
    const weir_adapters *adapters = &service->host->adapters;
    const char *said;
    size_t n;
    *name = service->model_id;
    if (!weir_request_string(request, request->root, "", "model", &said, &n) || n == 0 ||
        strcmp(said, service->model_id) == 0)
        return;
    for (size_t i = 0; i < adapters->n; i++)
        if (strcmp(said, adapters->name[i]) == 0) {
            *name = adapters->name[i];
            if (job)
                use_alone(request, adapters, i, job);
            return;
        }
    fail_unknown(request, service, said);
}
