/*
 * tool_calls.c: lists of tools and of calls, and the command that answers a call.
 *
 * Invariant: text of a weir_tools is a JSON array whose items are objects with a name, arguments
 * of a call are a JSON object; both passed weir_json_check, so that JSON they stand in stays JSON.
 * The command
 * gets its input as a file without a name, so that neither side waits for the other and a command
 * that reads nothing does no harm. It runs in a process group of its own, so that an interrupt ends
 * all that it has started.
 */
#include "tool_calls.h"

#include "base/error.h"
#include "base/utf8.h"
#include "interrupt.h"
#include "json_text.h"
#include "text_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TOOLS_BYTES = 16 << 20, MAX_RESULT_BYTES = 16 << 20, ASK_MS = 100, GRACE_MS = 2000 };

/* ---- tools -------------------------------------------------------------------------------- */

void weir_tools_free(weir_tools *tools) {
    for (size_t i = 0; i < tools->n_names; i++)
        free(tools->names[i]);
    free(tools->names);
    free(tools->text);
    *tools = (weir_tools){0};
}

static const char *name_of(const json_t *tool) {
    const json_t *function = json_object_get(tool, "function");
    const char *name = json_string_value(json_object_get(function ? function : tool, "name"));
    return name && name[0] ? name : NULL;
}

static weir_status take_names(weir_tools *out, const json_t *tools, const char *where,
                              weir_error *err) {
    size_t n = json_array_size(tools);
    out->names = calloc(n ? n : 1, sizeof *out->names);
    for (size_t i = 0; out->names && i < n; i++) {
        const char *name = name_of(json_array_get(tools, i));
        if (!name)
            return weir_fail(err, WEIR_STATUS_BAD_FILE,
                             "%s: tool %zu has no name; expected {\"type\":\"function\","
                             "\"function\":{\"name\":..}} or {\"name\":..}",
                             where, i + 1);
        if (!(out->names[i] = weir_text_copy(name, strlen(name))))
            break;
        out->n_names++;
    }
    if (out->n_names < n || !out->names)
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "%s: no memory for the tools", where);
    return WEIR_STATUS_OK;
}

weir_status weir_tools_parse(weir_tools *out, const char *text, size_t n, const char *where,
                             weir_error *err) {
    *out = (weir_tools){0};
    if (n > MAX_TOOLS_BYTES)
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: more than %d bytes of tools", where,
                         MAX_TOOLS_BYTES);
    json_t *json = weir_json_read(text, n, where, err);
    if (!json)
        return err ? err->status : WEIR_STATUS_BAD_FILE;
    weir_text_buffer array = {0};
    bool is_one = json_is_object(json);
    if (is_one) {
        json_t *list = json_array();
        json_array_append_new(list, json);
        json = list;
    }
    weir_text_buffer_say(&array, is_one ? "[" : "");
    weir_text_buffer_add(&array, text, n);
    weir_text_buffer_say(&array, is_one ? "]" : "");
    weir_status status =
        json_is_array(json)
            ? weir_text_buffer_check(&array, "the tools", err)
            : weir_fail(err, WEIR_STATUS_BAD_FILE, "%s: expected a JSON array of tools", where);
    if (status == WEIR_STATUS_OK)
        status = take_names(out, json, where, err);
    json_decref(json);
    if (status != WEIR_STATUS_OK) {
        weir_text_buffer_free(&array);
        weir_tools_free(out);
        return status;
    }
    out->text = array.data;
    out->n_text = array.n;
    return WEIR_STATUS_OK;
}

weir_status weir_tools_read(weir_tools *out, const char *path, weir_error *err) {
    char *text;
    size_t n;
    *out = (weir_tools){0};
    WEIR_TRY(weir_text_input_read(&text, &n, path, "the list of tools", err));
    weir_status status = weir_tools_parse(out, text, n, path, err);
    free(text);
    return status;
}

weir_status weir_tools_copy(weir_tools *out, const weir_tools *from, weir_error *err) {
    *out = (weir_tools){0};
    return from->text ? weir_tools_parse(out, from->text, from->n_text, "tools", err)
                      : WEIR_STATUS_OK;
}

/* ---- calls -------------------------------------------------------------------------------- */

/* The only way in: what is no object would break out of the JSON that it is put into. */
static weir_status check_arguments(const char *text, size_t n, weir_error *err) {
    WEIR_TRY(weir_json_check(text, n, "arguments", err));
    if (text[strspn(text, " \t\r\n")] != '{')
        return weir_fail(err, WEIR_STATUS_BAD_FILE, "arguments: expected a JSON object");
    return WEIR_STATUS_OK;
}

weir_status weir_calls_add(weir_calls *calls, const char *name, size_t n_name,
                           const char *arguments, size_t n_arguments, bool is_declared,
                           weir_error *err) {
    WEIR_TRY(check_arguments(arguments, n_arguments, err));
    weir_call *item = realloc(calls->item, (calls->n + 1) * sizeof *item);
    if (item)
        calls->item = item;
    weir_call call = {.is_declared = is_declared};
    if (item) {
        call.name = weir_text_copy(name, n_name);
        call.arguments = weir_text_copy(arguments, n_arguments);
    }
    if (!call.name || !call.arguments) {
        free(call.name);
        free(call.arguments);
        return weir_fail(err, WEIR_STATUS_NO_MEMORY, "no memory for a tool call");
    }
    calls->item[calls->n++] = call;
    return WEIR_STATUS_OK;
}

void weir_calls_free(weir_calls *calls) {
    for (size_t i = 0; i < calls->n; i++) {
        free(calls->item[i].name);
        free(calls->item[i].arguments);
    }
    free(calls->item);
    *calls = (weir_calls){0};
}

weir_status weir_calls_copy(weir_calls *out, const weir_calls *from, weir_error *err) {
    *out = (weir_calls){0};
    for (size_t i = 0; i < from->n; i++) {
        const weir_call *call = &from->item[i];
        weir_status status = weir_calls_add(out, call->name, strlen(call->name), call->arguments,
                                            strlen(call->arguments), call->is_declared, err);
        if (status != WEIR_STATUS_OK) {
            weir_calls_free(out);
            return status;
        }
    }
    return WEIR_STATUS_OK;
}

void weir_call_add_json(const weir_call *call, weir_text_buffer *out) {
    weir_text_buffer_say(out, "{\"name\": ");
    weir_text_buffer_add_json(out, call->name, strlen(call->name));
    weir_text_buffer_format(out, ", \"arguments\": %s}", call->arguments);
}

/* ---- the command that answers ------------------------------------------------------------- */

/* A file without a name that holds the call, to be read from its beginning. */
static FILE *input_of(const weir_call *call, weir_error *err) {
    weir_text_buffer text = {0};
    weir_call_add_json(call, &text);
    weir_text_buffer_say(&text, "\n");
    FILE *file = text.has_failed ? NULL : tmpfile();
    if (file && (fwrite(text.data, 1, text.n, file) != text.n || fflush(file) != 0 ||
                 fseek(file, 0, SEEK_SET) != 0)) {
        fclose(file);
        file = NULL;
    }
    weir_text_buffer_free(&text);
    if (!file)
        weir_fail(err, WEIR_STATUS_IO, "tool command: its input cannot be written: %s",
                  strerror(errno));
    return file;
}

static weir_status start(pid_t *child, const char *command, int input, int output,
                         weir_error *err) {
    char shell[] = "sh", flag[] = "-c";
    char *text = weir_text_copy(command, strlen(command));
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    bool has_actions = posix_spawn_file_actions_init(&actions) == 0;
    bool has_attributes = posix_spawnattr_init(&attributes) == 0;
    int failure = text && has_actions && has_attributes ? 0 : ENOMEM;
    if (!failure) {
        char *arguments[] = {shell, flag, text, NULL};
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        posix_spawnattr_setpgroup(&attributes, 0);
        failure = posix_spawnp(child, shell, &actions, &attributes, arguments, environ);
    }
    if (has_actions)
        posix_spawn_file_actions_destroy(&actions);
    if (has_attributes)
        posix_spawnattr_destroy(&attributes);
    free(text);
    if (failure)
        return weir_fail(err, WEIR_STATUS_IO, "tool command: sh cannot be started: %s",
                         strerror(failure));
    return WEIR_STATUS_OK;
}

/* What is there within ASK_MS; beyond the limit it is thrown away. False: the output has ended. */
static bool read_some(int from, weir_text_buffer *out) {
    struct pollfd waited = {.fd = from, .events = POLLIN};
    int ready = poll(&waited, 1, ASK_MS);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return true;
    char bytes[4096];
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n > 0 && out->n < MAX_RESULT_BYTES)
        weir_text_buffer_add(out, bytes, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Until the end of the output or an interrupt. */
static void read_output(int from, weir_text_buffer *out) {
    while (!weir_interrupted() && read_some(from, out))
        ;
}

/* Has the child ended? It is not waited for: until then its number, which is also that of its
 * group, belongs to nobody else. */
static bool has_ended(pid_t child) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

/* Asks the whole group to end, and after a while does not ask. Until its output has ended something
 * of it runs. */
static void end_group(pid_t child) {
    static const struct timespec pause_between = {.tv_nsec = ASK_MS * 1000000L};
    kill(-child, SIGTERM);
    for (int waited_ms = 0; waited_ms < GRACE_MS && !has_ended(child); waited_ms += ASK_MS)
        nanosleep(&pause_between, NULL);
    kill(-child, SIGKILL);
}

static int wait_for(pid_t child) {
    int how = 0;
    while (waitpid(child, &how, 0) < 0 && errno == EINTR)
        ;
    return how;
}

/* What the model is told: the output without line feeds at its end, behind it how it failed. */
static void write_result(weir_text_buffer *output, int how, weir_text_buffer *result) {
    while (output->n > 0 &&
           (output->data[output->n - 1] == '\n' || output->data[output->n - 1] == '\r'))
        output->n--;
    char *room = weir_text_buffer_room(result, 3 * output->n);
    if (room)
        result->n += weir_utf8_repair(output->data ? output->data : "", output->n, room);
    const char *between = output->n > 0 ? "\n" : "";
    if (WIFSIGNALED(how))
        weir_text_buffer_format(result, "%serror: the tool was ended by signal %d", between,
                                WTERMSIG(how));
    else if (WEXITSTATUS(how) != 0)
        weir_text_buffer_format(result, "%serror: the tool failed with exit code %d", between,
                                WEXITSTATUS(how));
    else
        weir_text_buffer_say(result, "");
}

weir_status weir_call_run(const char *command, const weir_call *call, weir_text_buffer *result,
                          weir_error *err) {
    int ends[2];
    FILE *input = input_of(call, err);
    if (!input)
        return WEIR_STATUS_IO;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        fclose(input);
        return weir_fail(err, WEIR_STATUS_IO, "tool command: no pipe: %s", strerror(errno));
    }
    pid_t child;
    weir_status status = start(&child, command, fileno(input), ends[1], err);
    fclose(input);
    close(ends[1]);
    weir_text_buffer output = {0};
    if (status == WEIR_STATUS_OK) {
        read_output(ends[0], &output);
        if (weir_interrupted())
            end_group(child);
        write_result(&output, wait_for(child), result);
        status = weir_interrupted() ? weir_fail(err, WEIR_STATUS_CANCELLED, "interrupted")
                                    : weir_text_buffer_check(result, "the tool's result", err);
        if (status == WEIR_STATUS_OK)
            status = weir_text_buffer_check(&output, "the tool's result", err);
    }
    close(ends[0]);
    weir_text_buffer_free(&output);
    return status;
}
