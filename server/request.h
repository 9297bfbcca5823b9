/*
 * request.h: reading the JSON of a request, with errors as the APIs want them.
 *
 * Every field that is read is marked; what was not read and is not known is told: a warning, or
 * with `strict` an error. The first error stays; reading goes on harmlessly after it, so that
 * callers check once.
 */
#ifndef WEIR_SERVER_REQUEST_H
#define WEIR_SERVER_REQUEST_H

#include "base/compiler.h"
#include "exchange.h"
#include "text_buffer.h"

#include <jansson.h>

/* What went wrong, free of any API's shape. http_status 0: nothing. */
typedef struct weir_api_error {
    int http_status;
    char type[48];  /* "invalid_request_error", "rate_limit_error", "server_error", ... */
    char code[64];  /* "context_length_exceeded", "unsupported_value", ...; "": null */
    char param[96]; /* "messages[2].content", "response_format.json_schema.schema#/a/b"; "": null */
    char message[WEIR_ERROR_TEXT];
} weir_api_error;

typedef struct weir_request {
    json_t *root;     /* the object */
    const char *text; /* [n_text] the body, for parts that must stay as they were written */
    size_t n_text;
    weir_text_buffer warnings; /* JSON strings with commas between */
    weir_api_error error;
    bool is_strict;
    json_t *seen; /* paths that were read */
} weir_request;

/* 400 if the body is no JSON object, told with line and column. *out is to be freed in any case. */
void weir_request_open(weir_request *out, const weir_exchange *x, bool is_strict);
void weir_request_free(weir_request *request);
static inline bool weir_request_is_bad(const weir_request *request) {
    return request->error.http_status != 0;
}

/* Keeps the first. 400 invalid_request_error with param and code (NULL: none). */
void weir_request_fail(weir_request *request, const char *param, const char *code,
                       const char *format, ...) WEIR_PRINTF(4, 5);
void weir_request_warn(weir_request *request, const char *format, ...) WEIR_PRINTF(2, 3);

/* Fields of `object`, which stands at path `at` ("": the root). A missing or null field leaves *out
 * and returns false; a wrong type or range fails with what was expected. */
bool weir_request_number(weir_request *request, const json_t *object, const char *at,
                         const char *name, double least, double most, double *out);
bool weir_request_integer(weir_request *request, const json_t *object, const char *at,
                          const char *name, int64_t least, int64_t most, int64_t *out);
bool weir_request_bool(weir_request *request, const json_t *object, const char *at,
                       const char *name, bool *out);
bool weir_request_string(weir_request *request, const json_t *object, const char *at,
                         const char *name, const char **out, size_t *n);
/* NULL: missing, null or, which fails, no object. */
json_t *weir_request_object(weir_request *request, const json_t *object, const char *at,
                            const char *name);
/* Is it an integer, which may be written 1.0? Then *out. NULL is none. */
bool weir_json_integer(const json_t *value, int64_t *out);
/* Any value, marked as read with all that is in it; NULL: missing or null. */
json_t *weir_request_value(weir_request *request, const json_t *object, const char *at,
                           const char *name);
/* The same as it was written: into *text [*n], pointing into the body. Only members of the root.
 * false: missing. */
bool weir_request_raw(weir_request *request, const char *name, const char **text, size_t *n);
/* Marks fields of the root that are known and have no effect here by design ("user", "store"). */
void weir_request_ignore(weir_request *request, const char *const *names);
/* A known field that cannot be honoured: fails, unless it is missing, null, or `harmless` (JSON
 * text of the value that asks for nothing; NULL: none). */
void weir_request_refuse(weir_request *request, const char *name, const char *harmless,
                         const char *why);
/* A known field that cannot be had, and without which the answer is the same: a warning, with
 * strict an error, unless it is missing, null, or one of `harmless` (text of a JSON array). */
void weir_request_forgo(weir_request *request, const char *name, const char *harmless,
                        const char *why);
/* At the end: fields of the root that nobody read become warnings, or with strict an error. */
void weir_request_check_unknown(weir_request *request);

/* Status of the library as an error of the API: BAD_ARGUMENT 400, FULL 400 (a context) or 429 (a
 * queue): given by the caller; NO_MEMORY, FAILED, IO 500. */
void weir_api_error_from(weir_api_error *out, int http_status, const char *type, const char *code,
                         const weir_error *err);

/* {"error":{"message","type","param","code"}} with its HTTP status. retry_after_s > 0 adds the
 * header Retry-After. */
void weir_reply_openai_error(weir_exchange *x, const weir_api_error *error, double retry_after_s);
/* {"type":"error","error":{"type","message"},"request_id"} */
void weir_reply_anthropic_error(weir_exchange *x, const weir_api_error *error,
                                double retry_after_s);

#endif
