/*
 * server.h: `weir serve`: door, runner and handlers put together, from the first byte to the drain.
 */
#ifndef WEIR_SERVER_SERVER_H
#define WEIR_SERVER_SERVER_H

#include "http.h"
#include "runner.h"

typedef enum weir_server_log {
    WEIR_SERVER_LOG_TEXT = 0,
    WEIR_SERVER_LOG_JSON = 1,
    WEIR_SERVER_LOG_NONE = 2
} weir_server_log;

typedef struct weir_server_options {
    weir_http_options http; /* without its callbacks */
    weir_runner_options runner;
    const char *const *settings; /* [n_settings] NAME=VALUE, as weir_settings_set takes them: of
                                    requests that do not say otherwise */
    size_t n_settings;
    const char *model_id; /* as clients name it; NULL: the model's own name */
    bool is_strict;       /* unknown fields of requests are errors */
    weir_server_log log;  /* a line for each request, to standard error */
    bool traces;          /* and each prompt and answer, whole: for people who look for a fault */
    const char *state_folder; /* of what outlives the server: sessions, responses; the host's engine
                                 has a store of pages of its own. NULL: memory only */
    uint32_t drain_s;         /* that running answers have after a first signal; 0: 30 */
} weir_server_options;

/*
 * Listens, loads the host's weights, serves until SIGINT, SIGTERM or SIGHUP, lets running answers
 * end, and returns. The host is opened and not loaded; it stays the caller's. While weights are
 * loaded /ready says 503, and so do requests that need them.
 */
weir_status weir_server_run(weir_host *host, const weir_server_options *options, weir_error *err);

#endif
