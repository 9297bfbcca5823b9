/*
 * openapi_parts.h: what requests and replies look like, as a table; for openapi.c alone.
 */
#ifndef WEIR_SERVER_OPENAPI_PARTS_H
#define WEIR_SERVER_OPENAPI_PARTS_H

enum { WEIR_OPENAPI_FIELDS = 64 };

typedef struct weir_openapi_field {
    const char *name; /* NULL at the end; with ! behind it: required */
    const char *type; /* "string", "integer", "number", "boolean", "object", "any", "#Schema";
                         "[..]": a list of these; "a|b": one of several; "=x": the text x itself */
    const char *note; /* NULL: none */
} weir_openapi_field;

typedef struct weir_openapi_schema {
    const char *name; /* NULL at the end */
    weir_openapi_field field[WEIR_OPENAPI_FIELDS];
} weir_openapi_schema;
extern const weir_openapi_schema weir_openapi_schemas[];

typedef struct weir_openapi_operation {
    const char *method, *path; /* as in weir_routes; NULL at the end */
    const char *request;       /* a schema; NULL: no body */
    const char *reply;         /* a schema; or a media type, which has a / */
    const char *events; /* how a stream of server-sent events is asked for; NULL: there is none */
} weir_openapi_operation;
extern const weir_openapi_operation weir_openapi_operations[];

#endif
