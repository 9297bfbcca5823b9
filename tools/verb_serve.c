/* verb_serve.c: `weir serve`: the command line of the server. */
#include "base/error.h"
#include "console.h"
#include "engine_shape.h"
#include "model_lookup.h"
#include "packed_use.h"
#include "server.h"
#include "verbs.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct serve_values {
    const char *address, *socket, *tls_cert, *tls_key, *keys;
    uint32_t port, n_connections, timeout;
    weir_string_list origins;
    uint64_t max_body;
    const char *model_id, *template_file, *log;
    weir_string_list template_arguments, settings, loras;
    bool is_strict, traces;
    uint32_t n_seqs, n_queue, per_key, max_gap_ms, drain, n_ctx, n_batch, n_threads;
    uint64_t kv_bytes, max_bytes, ram_bytes, state_bytes;
    const char *state_folder;
    const char *device, *isa, *kv_type, *activations, *lookup, *packed;
    bool no_map, no_pin, no_prefix_cache;
} serve_values;

#define AT(field) offsetof(serve_values, field)

static const weir_option options[] = {
    {"the door", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"host", 0, WEIR_OPTION_STRING, AT(address), "ADDRESS",
     "address to listen at; default: 127.0.0.1"},
    {"port", 'p', WEIR_OPTION_U32, AT(port), "N", "default: 8080; 0: any that is free"},
    {"socket", 0, WEIR_OPTION_STRING, AT(socket), "PATH",
     "listen at a Unix socket instead; sockets inherited from systemd\ncome before both"},
    {"tls-cert", 0, WEIR_OPTION_STRING, AT(tls_cert), "FILE", "PEM certificate: speak TLS"},
    {"tls-key", 0, WEIR_OPTION_STRING, AT(tls_key), "FILE", "and its key"},
    {"keys", 0, WEIR_OPTION_STRING, AT(keys), "FILE",
     "API keys that open the door, a line each:\nNAME sha256:HASH [limit=N]"},
    {"origin", 0, WEIR_OPTION_STRINGS, AT(origins), "ORIGIN",
     "browser pages of this origin are let in, besides those of this\n"
     "machine; *: all; may be repeated"},
    {"max-body", 0, WEIR_OPTION_SIZE, AT(max_body), "SIZE", "of a request; default: 32MiB"},
    {"max-connections", 0, WEIR_OPTION_U32, AT(n_connections), "N", "default: 4096"},
    {"timeout", 0, WEIR_OPTION_U32, AT(timeout), "SECONDS",
     "for a connection that is silent in the middle of a request;\ndefault: 60"},

    {"answers", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"model-id", 0, WEIR_OPTION_STRING, AT(model_id), "NAME",
     "what clients call the model; default: its own name"},
    {"set", 0, WEIR_OPTION_STRINGS, AT(settings), "NAME=VALUE",
     "for requests that do not say otherwise: temperature=0.7;\n"
     "may be repeated. Default: what the model's makers recommend"},
    {"strict", 0, WEIR_OPTION_FLAG, AT(is_strict), NULL,
     "unknown fields of requests are errors, not warnings"},
    {"template", 0, WEIR_OPTION_STRING, AT(template_file), "FILE",
     "another chat template than the model's own"},
    {"template-arg", 0, WEIR_OPTION_STRINGS, AT(template_arguments), "NAME=JSON",
     "a variable for the template; may be repeated"},
    {"lora", 0, WEIR_OPTION_STRINGS, AT(loras), "ADAPTER",
     "[NAME=]FILE[:SCALE]: a LoRA adapter that requests choose by NAME as\n"
     "their model; may be repeated"},
    {"log", 0, WEIR_OPTION_CHOICE, AT(log), "text|json|none",
     "a line for each request on standard error; default: text"},
    {"trace", 0, WEIR_OPTION_FLAG, AT(traces), NULL,
     "and every prompt and answer, whole, as the model has them: to look\n"
     "for a fault. The log alone never holds what was said"},

    {"many at once", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"seqs", 0, WEIR_OPTION_U32, AT(n_seqs), "N", "answers at once; default: 64"},
    {"kv-memory", 0, WEIR_OPTION_SIZE, AT(kv_bytes), "SIZE",
     "for keys and values of all of them; default: what they may need, but\n"
     "at most a quarter of the memory that is available"},
    {"queue", 0, WEIR_OPTION_U32, AT(n_queue), "N",
     "answers that may wait; beyond: 429; default: 1024"},
    {"per-key", 0, WEIR_OPTION_U32, AT(per_key), "N",
     "answers of one key at once, waiting ones too; default: no limit"},
    {"max-gap-ms", 0, WEIR_OPTION_U32, AT(max_gap_ms), "N",
     "aimed-at time between two tokens of an answer while prompts of\n"
     "others are run; default: 250"},
    {"drain", 0, WEIR_OPTION_U32, AT(drain), "SECONDS",
     "that running answers have after SIGTERM; default: 30"},

    {"what is kept", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"state-dir", 0, WEIR_OPTION_STRING, AT(state_folder), "FOLDER",
     "sessions, responses, and what was run of all prompts (K/V pages) are\n"
     "kept here, and found again after a restart; with --no-prefix-cache\n"
     "no pages; default: memory only"},
    {"state-size", 0, WEIR_OPTION_SIZE, AT(state_bytes), "SIZE",
     "of the pages on disk; the longest unused go; default: 64GiB"},

    {"the engine", 0, WEIR_OPTION_GROUP, 0, NULL, NULL},
    {"ctx", 'c', WEIR_OPTION_U32, AT(n_ctx), "N",
     "tokens of prompt and answer together; default: the model's,\n8192 at most"},
    {"batch", 0, WEIR_OPTION_U32, AT(n_batch), "N",
     "rows of one step; default: 512, or --seqs if that is more"},
    {"no-prefix-cache", 0, WEIR_OPTION_FLAG, AT(no_prefix_cache), NULL,
     "do not keep beginnings of prompts for others"},
    {"lookup", 0, WEIR_OPTION_STRING, AT(lookup), "N",
     "tokens that repeat what was said are guessed, up to N a step of an\n"
     "answer and 16 of all, while no more than 8 answers run; auto\n"
     "(default): 8; off: none. The answer is the same"},
    {"threads", 't', WEIR_OPTION_U32, AT(n_threads), "N",
     "worker threads; default: physical cores within the limits set\nfor the process"},
    {"no-pin", 0, WEIR_OPTION_FLAG, AT(no_pin), NULL, WEIR_NO_PIN_HELP},
    {"device", 0, WEIR_OPTION_CHOICE, AT(device), WEIR_DEVICE_CHOICE, WEIR_DEVICE_HELP},
    {"isa", 0, WEIR_OPTION_CHOICE, AT(isa), WEIR_ISA_CHOICE,
     "no kernels above this; default: the best"},
    {"kv-type", 0, WEIR_OPTION_CHOICE, AT(kv_type), "f16|f32|q8",
     "how keys and values are kept; default: f16"},
    {"activations", 0, WEIR_OPTION_CHOICE, AT(activations), WEIR_ACTIVATIONS_CHOICE,
     WEIR_ACTIVATIONS_HELP},
    {"no-map", 0, WEIR_OPTION_FLAG, AT(no_map), NULL,
     "read weights that are not packed into memory instead of mapping them"},
    {"packed", 0, WEIR_OPTION_STRING, AT(packed), "FILE", WEIR_PACKED_HELP},
    {"max-memory", 0, WEIR_OPTION_SIZE, AT(max_bytes), "SIZE",
     "refuse to start if more is needed; default: what is available"},
    {"ram", 0, WEIR_OPTION_SIZE, AT(ram_bytes), "SIZE",
     "all that weir may take (8GB, 7.5GiB): experts that do not fit are read\n"
     "from the disk when they are needed, slower, with the same answer"},
};

#undef AT

enum { DEFAULT_PORT = 8080 };

static weir_status check(const weir_parsed *parsed, weir_error *err) {
    static const char *const positive[] = {"max-body", "max-connections", "timeout",    "seqs",
                                           "queue",    "max-gap-ms",      "state-size", "ctx",
                                           "batch",    "threads",         "ram"};
    const serve_values *v = parsed->values;
    for (size_t i = 0; i < WEIR_COUNT(positive); i++)
        if (weir_option_given_zero(parsed, positive[i]))
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--%s: expected at least 1",
                             positive[i]);
    if (v->port > UINT16_MAX)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--port: expected 0 to 65535, got %u",
                         v->port);
    if (v->state_bytes > 0 && !v->state_folder)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--state-size: expected --state-dir with it");
    if (!v->tls_cert != !v->tls_key)
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT, "--tls-cert and --tls-key belong together");
    if (v->socket && (v->address || weir_option_given(parsed, "port")))
        return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                         "--socket and --host or --port exclude each other");
    return WEIR_STATUS_OK;
}

static weir_engine_options engine_of(const serve_values *v, uint32_t n_lookup) {
    weir_engine_options engine = {
        .device = v->device,
        .isa = v->isa,
        .kv_type = v->kv_type,
        .activations = v->activations,
        .n_threads = v->n_threads,
        .n_ctx = v->n_ctx,
        .n_seqs = v->n_seqs,
        .n_batch = v->n_batch,
        .max_bytes = v->max_bytes,
        .no_prefix_cache = v->no_prefix_cache,
        .store_folder = v->no_prefix_cache ? NULL : v->state_folder,
        .store_bytes = v->state_bytes,
        .no_map = v->no_map,
        .no_pin = v->no_pin,
    };
    weir_shape_for_serving(&engine, n_lookup);
    return engine;
}

static weir_server_log log_of(const serve_values *v) {
    if (!v->log || strcmp(v->log, "text") == 0)
        return WEIR_SERVER_LOG_TEXT;
    return strcmp(v->log, "json") == 0 ? WEIR_SERVER_LOG_JSON : WEIR_SERVER_LOG_NONE;
}

static weir_status serve(const weir_parsed *parsed, weir_error *err) {
    const serve_values *v = parsed->values;
    char *path;
    uint32_t n_lookup;
    WEIR_TRY(check(parsed, err));
    WEIR_TRY(weir_shape_lookup(&n_lookup, v->lookup, err));
    WEIR_TRY(weir_shape_lookup_on(&n_lookup, v->device, v->lookup, err));
    WEIR_TRY(weir_find_model(parsed->n_operands > 0 ? parsed->operands[0] : weir_default_model,
                             &path, err));
    weir_host_options host_options = {
        .model_path = path,
        .template_path = v->template_file,
        .template_arguments = v->template_arguments.item,
        .n_template_arguments = v->template_arguments.n,
        .loras = v->loras,
        .engine = engine_of(v, n_lookup),
        .n_lookup = n_lookup,
        .kv_bytes = v->kv_bytes ? v->kv_bytes : WEIR_KV_QUARTER,
        .ram_bytes = v->ram_bytes,
        .packed = v->packed,
    };
    weir_server_options server_options = {
        .http = {.host = v->address,
                 .port = (uint16_t)(weir_option_given(parsed, "port") ? v->port : DEFAULT_PORT),
                 .socket = v->socket,
                 .tls_cert = v->tls_cert,
                 .tls_key = v->tls_key,
                 .keys_path = v->keys,
                 .origins = v->origins.item,
                 .n_origins = v->origins.n,
                 .max_body = v->max_body,
                 .max_connections = v->n_connections,
                 .timeout_s = v->timeout},
        .runner = {.n_queue = v->n_queue, .max_gap_s = 1e-3 * v->max_gap_ms, .per_key = v->per_key},
        .settings = v->settings.item,
        .n_settings = v->settings.n,
        .model_id = v->model_id,
        .is_strict = v->is_strict,
        .log = log_of(v),
        .traces = v->traces,
        .state_folder = v->state_folder,
        .drain_s = v->drain,
    };
    weir_host *host = NULL;
    weir_status status = weir_host_open(&host, &host_options, err);
    if (status == WEIR_STATUS_OK)
        status = weir_server_run(host, &server_options, err);
    weir_host_close(&host);
    free(path);
    return status;
}

static int run(const weir_parsed *parsed) {
    weir_error err = {0};
    weir_status status = serve(parsed, &err);
    return status == WEIR_STATUS_OK ? WEIR_EXIT_DONE : weir_tell_failure("serve", status, &err);
}

const weir_verb weir_verb_serve = {
    .name = "serve",
    .summary = "Serves the APIs of OpenAI and Anthropic, and a page",
    .operands = "[MODEL]",
    .n_operands_max = 1,
    .details =
        "MODEL is named as for run; left out, it is weir-nano. The page at / talks to it; clients\n"
        "take http://127.0.0.1:8080/v1 as their base URL. SIGTERM lets running answers end.\n"
        "\n"
        "  weir serve\n"
        "  weir serve model.gguf --host 0.0.0.0 --keys keys.txt --seqs 256\n"
        "  weir serve model.gguf --set temperature=0.3 --lora pirate=pirate.gguf\n"
        "  curl http://127.0.0.1:8080/v1/chat/completions \\\n"
        "    -d '{\"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}'\n",
    .options = options,
    .n_options = WEIR_COUNT(options),
    .values_bytes = sizeof(serve_values),
    .run = run,
};
