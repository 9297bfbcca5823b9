/*
 * server.c: the life of a server.
 *
 * Owns the order of things: the door opens before the weights are loaded, so that whoever watches
 * can see it come; at the end it closes after the last answer. Invariant: handlers run only while
 * is_ready, so that what loading fills is never read half made.
 */
#include "server.h"

#include "api_shape.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "console.h"
#include "interrupt.h"
#include "service.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { POLL_US = 20000 };

typedef struct server {
    const weir_server_options *options;
    weir_service service;
    weir_http *http;
    const char *settings_source;
    double end_s; /* when it has to have ended: weir_clock_s */
} server;

/* ---- requests ----------------------------------------------------------------------------- */

/* What can be told before there is a model: the page waits for it itself. */
static bool is_about_life(const char *path) {
    static const char *const paths[] = {"/live", "/ready", "/health", "/"};
    for (size_t i = 0; i < WEIR_COUNT(paths); i++)
        if (strcmp(path, paths[i]) == 0)
            return true;
    return false;
}

static void on_request(void *context, weir_exchange *x) {
    server *s = context;
    if (atomic_load(&s->service.is_ready) || is_about_life(weir_exchange_path(x))) {
        weir_service_handle(&s->service, x);
        return;
    }
    weir_api_error error = {.http_status = 503, .type = "server_error", .code = "loading"};
    snprintf(error.message, sizeof error.message, "the model is being loaded; /ready tells when");
    weir_reply_error(x, &error, 1);
}

static void print_json_line(const weir_exchange *x, int http_status, uint64_t n_bytes,
                            double seconds, bool was_gone) {
    weir_text_buffer line = {0};
    const char *const names[] = {"id", "key", "method", "path"};
    const char *const values[] = {weir_exchange_id(x), weir_exchange_key(x),
                                  weir_exchange_method(x), weir_exchange_path(x)};
    weir_text_buffer_format(&line, "{\"time\": %lld", (long long)time(NULL));
    for (size_t i = 0; i < WEIR_COUNT(names); i++) {
        weir_text_buffer_format(&line, ", \"%s\": ", names[i]);
        weir_text_buffer_add_json(&line, values[i], strlen(values[i]));
    }
    weir_text_buffer_format(&line, ", \"status\": %d, \"bytes\": %llu, \"seconds\": %.6f%s}",
                            http_status, (unsigned long long)n_bytes, seconds,
                            was_gone ? ", \"client_left\": true" : "");
    if (!line.has_failed)
        weir_say("%s", line.data);
    weir_text_buffer_free(&line);
}

/* Nothing of what was asked or answered is ever in the log, and a path as foreign text only. */
static void on_end(void *context, const weir_exchange *x, int http_status, uint64_t n_bytes,
                   double seconds, bool was_gone) {
    server *s = context;
    const char *route = weir_route_of(weir_exchange_path(x));
    /* One series of numbers for each route, whatever clients ask for. */
    weir_metrics_request(s->service.metrics, route ? route : "other", http_status, seconds);
    if (s->options->log == WEIR_SERVER_LOG_JSON) {
        print_json_line(x, http_status, n_bytes, seconds, was_gone);
    } else if (s->options->log == WEIR_SERVER_LOG_TEXT) {
        char size[WEIR_AMOUNT_TEXT], clock[16];
        time_t now = time(NULL);
        struct tm local;
        strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &local));
        weir_text_buffer path = {0};
        weir_text_buffer_add_json(&path, weir_exchange_path(x), strlen(weir_exchange_path(x)));
        weir_say("%s %s %s %d %.3f s %s %s%s", clock, weir_exchange_method(x),
                 path.has_failed ? "" : path.data, http_status, seconds,
                 weir_bytes_text(size, n_bytes), weir_exchange_id(x),
                 was_gone ? ", the client left" : "");
        weir_text_buffer_free(&path);
    }
}

/* A prompt and its answer as the model has them. Control characters of foreign text come as JSON
 * writes them, but for line feeds: what is printed here is not to move anybody's cursor. */
static void trace_text(weir_text_buffer *out, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (byte == '\n')
            weir_text_buffer_say(out, "\n  ");
        else if (byte < 0x20 || byte == 0x7f)
            weir_text_buffer_format(out, "\\u%04x", byte);
        else
            weir_text_buffer_add(out, &text[i], 1);
    }
}

static void on_trace(void *context, const weir_job *job, uint32_t choice,
                     const weir_choice_end *end) {
    const weir_prompt *prompt = &job->prompt[choice / job->n_choices];
    const weir_answer *answer = &end->answer;
    const weir_message *message = end->message;
    const char *id = job->request ? job->request : "";
    weir_text_buffer out = {0};
    (void)context;
    weir_text_buffer_format(&out, "trace %s choice %u: %zu tokens of prompt, %zu of them known\n  ",
                            id, choice, answer->n_prompt, answer->n_cached);
    if (prompt->text)
        trace_text(&out, prompt->text, prompt->n_text);
    else
        weir_text_buffer_say(&out, "(token ids)");
    weir_text_buffer_format(&out, "\ntrace %s choice %u: %zu tokens, %s, seed %llu\n  ", id, choice,
                            answer->n_generated, weir_answer_end_name(answer->end),
                            (unsigned long long)answer->seed);
    if (message->raw)
        trace_text(&out, message->raw, message->n_raw);
    else
        trace_text(&out, message->content ? message->content : "", message->n_content);
    if (!out.has_failed)
        weir_say("%s", out.data);
    weir_text_buffer_free(&out);
}

/* ---- the system around it ------------------------------------------------------------------- */

/* Each connection is a file. */
static void allow_many_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Tells a service manager that started us, if one did (sd_notify(3)). */
static void notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    /* Nobody there to hear it is nothing to us. */
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, n);
    close(fd);
}

/* Sockets that systemd opened for us (sd_listen_fds(3)). */
static void inherit_sockets(weir_http_options *http) {
    enum { FIRST_FD = 3 };
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    long n = fds ? strtol(fds, NULL, 10) : 0;
    bool is_ours = pid && strtol(pid, NULL, 10) == (long)getpid() && n > 0;
    http->inherited_fd = is_ours ? FIRST_FD : -1;
    http->n_inherited = is_ours ? (uint32_t)n : 0;
}

/* ---- its life ------------------------------------------------------------------------------- */

static weir_status set_defaults(server *s, weir_error *err) {
    weir_settings *settings = &s->service.defaults;
    weir_settings_default(settings, s->service.host->model, &s->settings_source);
    for (size_t i = 0; i < s->options->n_settings; i++) {
        const char *setting = s->options->settings[i], *equals = strchr(setting, '=');
        char name[48];
        if (!equals || (size_t)(equals - setting) >= sizeof name)
            return weir_fail(err, WEIR_STATUS_BAD_ARGUMENT,
                             "--set: expected NAME=VALUE, got '%.60s'", setting);
        snprintf(name, sizeof name, "%.*s", (int)(equals - setting), setting);
        weir_status status = weir_settings_set(settings, name, equals + 1, err);
        if (status != WEIR_STATUS_OK)
            return weir_fail_within(err, status, "--set");
    }
    return weir_settings_check(settings, err);
}

static weir_status load(server *s, weir_error *err) {
    weir_service *service = &s->service;
    WEIR_TRY(weir_host_load(service->host, err));
    weir_interrupt_with_care(NULL); /* a signal ends the server, not the step that runs */
    weir_model_get_info(service->host->model, &service->model);
    service->model_id = s->options->model_id ? s->options->model_id : service->model.name;
    WEIR_TRY(set_defaults(s, err));
    weir_runner_options runner = s->options->runner;
    if (s->options->traces)
        runner.on_trace = on_trace;
    WEIR_TRY(weir_runner_open(&service->runner, service->host, &runner, err));
    atomic_store(&service->is_ready, true);
    return WEIR_STATUS_OK;
}

/* Sessions and responses stand in a folder of their own beside the engine's pages. */
static weir_status open_records(server *s, weir_error *err) {
    weir_service *service = &s->service;
    const char *folder = s->options->state_folder;
    char *path = folder ? weir_path_join(folder, "records") : NULL;
    weir_records_options options = {.folder = path};
    weir_status status = WEIR_STATUS_OK;
    if (folder && !path)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the server");
    if (status == WEIR_STATUS_OK)
        status = weir_records_open(&service->records, &options, err);
    free(path);
    WEIR_TRY(status);
    service->sessions = weir_sessions_open(service->records);
    return service->sessions ? WEIR_STATUS_OK
                             : weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the server");
}

static weir_status open_door(server *s, weir_error *err) {
    weir_http_options http = s->options->http;
    http.on_request = on_request;
    http.on_end = on_end;
    http.context = s;
    inherit_sockets(&http);
    return weir_http_open(&s->http, &http, err);
}

static void say_ready(const server *s) {
    const weir_host *host = s->service.host;
    weir_plan plan;
    char bytes[WEIR_AMOUNT_TEXT];
    weir_engine_memory(host->engine, &plan);
    weir_say("weir serve: %s on %s, loaded in %.1f s", s->service.model_id,
             weir_engine_describe(host->engine), host->load_s);
    weir_say("weir serve: %u timelines of %u tokens, %u K/V pages of 64 tokens, %s resident; "
             "sampling: %s",
             plan.n_seqs, plan.n_ctx, plan.n_pages, weir_bytes_text(bytes, plan.total_bytes),
             s->settings_source);
    weir_say("weir serve: listening at %s", weir_http_address(s->http));
}

/* After the first signal: nothing new, running answers may end. A second one ends the program. */
static void drain(server *s) {
    weir_service *service = &s->service;
    int signal_number = weir_interrupt_take();
    s->end_s = weir_clock_s() + (s->options->drain_s > 0 ? s->options->drain_s : 30);
    notify("STOPPING=1");
    atomic_store(&service->is_draining, true);
    weir_runner_drain(service->runner);
    weir_http_stop_listening(s->http);
    uint32_t n_open = weir_http_n_exchanges(s->http);
    weir_say("weir serve: signal %d: %u requests may end, %.0f s at most; again ends at once",
             signal_number, n_open, s->end_s - weir_clock_s());
    while (weir_clock_s() < s->end_s && !weir_interrupted() &&
           (!weir_runner_is_idle(service->runner) || weir_http_n_exchanges(s->http) > 0))
        usleep(POLL_US);
}

static void close_all(server *s) {
    weir_service *service = &s->service;
    weir_runner_close(&service->runner); /* ends the replies that are left */
    weir_http_close(&s->http);
    weir_replay_close(&service->replay);
    weir_metrics_close(&service->metrics);
    weir_sessions_close(&service->sessions);
    weir_records_close(&service->records);
    weir_settings_free(&service->defaults);
}

/* What was run and is in no file yet has what is left of the drain: to lose it costs time when it
 * is asked for again, and nothing else. */
static void write_pages(const server *s) {
    weir_engine *engine = s->service.host->engine;
    uint64_t n_before = UINT64_MAX, n_left = weir_engine_store_pages(engine, 0);
    if (n_left > 0 && !weir_interrupted())
        weir_say("weir serve: %llu K/V pages may be written, %.0f s at most; again ends at once",
                 (unsigned long long)n_left, fmax(s->end_s - weir_clock_s(), 0));
    while (n_left > 0 && n_left < n_before && weir_clock_s() < s->end_s && !weir_interrupted()) {
        n_before = n_left;
        n_left = weir_engine_store_pages(engine, 1);
    }
    if (n_left == 0)
        return;
    weir_engine_cancel(engine); /* which closing it would write */
    weir_say("weir serve: %llu K/V pages are not written, and will be run again",
             (unsigned long long)n_left);
}

weir_status weir_server_run(weir_host *host, const weir_server_options *options, weir_error *err) {
    server s = {.options = options,
                .service = {.host = host,
                            .metrics = weir_metrics_open(),
                            .replay = weir_replay_open(0),
                            .started = (int64_t)time(NULL),
                            .is_strict = options->is_strict}};
    weir_status status = WEIR_STATUS_OK;
    if (!s.service.metrics || !s.service.replay)
        status = weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for the server");
    allow_many_files();
    if (status == WEIR_STATUS_OK)
        status = open_records(&s, err);
    if (status == WEIR_STATUS_OK)
        status = open_door(&s, err);
    if (status == WEIR_STATUS_OK)
        status = load(&s, err);
    if (status == WEIR_STATUS_OK) {
        say_ready(&s);
        notify("READY=1");
        while (!weir_interrupted())
            usleep(POLL_US);
        drain(&s);
    }
    bool has_served = atomic_load(&s.service.is_ready);
    close_all(&s);
    if (has_served)
        write_pages(&s);
    return status;
}
