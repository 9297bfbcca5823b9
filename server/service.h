/*
 * service.h: what all handlers share, and the table of routes.
 */
#ifndef WEIR_SERVER_SERVICE_H
#define WEIR_SERVER_SERVICE_H

#include "exchange.h"
#include "metrics.h"
#include "replay.h"
#include "request.h"
#include "runner.h"
#include "session.h"

#include <stdatomic.h>

typedef struct weir_service {
    weir_host *host;
    weir_runner *runner;
    weir_metrics *metrics;
    weir_replay *replay;
    weir_settings defaults; /* of answers: the model's recommended sampling, changed by flags */
    const char *model_id;   /* as /v1/models names it */
    weir_model_info model;
    int64_t started; /* seconds since 1970 */
    bool is_strict;  /* unknown fields are errors */
    _Atomic bool is_ready, is_draining;
    weir_records *records; /* what is kept by name, also beyond a restart */
    weir_sessions *sessions;
} weir_service;

typedef void (*weir_handler)(weir_service *service, weir_exchange *x);

typedef struct weir_route {
    const char *method, *path; /* path may end in "/{id}": the rest is weir_route_rest */
    weir_handler handler;
    const char *summary; /* for the OpenAPI description */
} weir_route;

/* NULL path at the end. Aliases without /v1 are found too. */
extern const weir_route weir_routes[];

/* Finds the route and calls its handler; 404 and 405 (with Allow), HEAD as GET, OPTIONS. */
void weir_service_handle(weir_service *service, weir_exchange *x);
/* The path of the route that a request is for, as the table has it; NULL: none. */
const char *weir_route_of(const char *path);
/* What stands behind the route's path: "abc" of /v1/models/abc. */
const char *weir_route_rest(const weir_exchange *x, const char *path);

/* ---- handlers, one file each ---------------------------------------------------------------- */

void weir_handle_chat(weir_service *service, weir_exchange *x);         /* api_chat.c */
void weir_handle_completions(weir_service *service, weir_exchange *x);  /* api_completions.c */
void weir_handle_responses(weir_service *service, weir_exchange *x);    /* api_responses.c */
void weir_handle_messages(weir_service *service, weir_exchange *x);     /* api_messages.c */
void weir_handle_count_tokens(weir_service *service, weir_exchange *x); /* api_messages.c */
void weir_handle_models(weir_service *service, weir_exchange *x);       /* api_info.c */
void weir_handle_model(weir_service *service, weir_exchange *x);
void weir_handle_health(weir_service *service, weir_exchange *x);
void weir_handle_ready(weir_service *service, weir_exchange *x);
void weir_handle_live(weir_service *service, weir_exchange *x);
void weir_handle_metrics(weir_service *service, weir_exchange *x);
void weir_handle_props(weir_service *service, weir_exchange *x);
void weir_handle_version(weir_service *service, weir_exchange *x);
void weir_handle_tokenize(weir_service *service, weir_exchange *x); /* api_text.c */
void weir_handle_detokenize(weir_service *service, weir_exchange *x);
void weir_handle_apply_template(weir_service *service, weir_exchange *x);
void weir_handle_tokenizer_info(weir_service *service, weir_exchange *x);
void weir_handle_page(weir_service *service, weir_exchange *x);    /* page.c */
void weir_handle_openapi(weir_service *service, weir_exchange *x); /* openapi.c */

#endif
