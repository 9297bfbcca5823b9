/*
 * model_names.h: the names under which requests find the model: its own, and those of adapters.
 */
#ifndef WEIR_SERVER_MODEL_NAMES_H
#define WEIR_SERVER_MODEL_NAMES_H

#include "service.h"

/* "model" into job->lora_scales. Missing, or the model's own name: as the host was opened. An
 * adapter's: it alone. Another name: 404 model_not_found, which says the names. *name: what the
 * reply is to say; lives as long as the service. job may be NULL. */
void weir_read_model(weir_request *request, const weir_service *service, weir_job *job,
                     const char **name);

#endif
