/*
 * chat_request.c: from what was read to a job that runs: the prompt, the hand-over, names for
 * replies.
 *
 * Does not know what requests look like: chat_sampling.c, chat_messages.c and chat_format.c do.
 */
#include "chat_request.h"
#include "wall_clock.h"
#include "wishes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the prompt --------------------------------------------------------------------------- */

/* What a template says to messages is the client's to mend, also where it breaks over them. */
static void fail_prompt(weir_request *request, weir_status status, const weir_error *err) {
    if (status == WEIR_STATUS_FULL)
        weir_request_fail(request, "messages", "context_length_exceeded", "%s", err->text);
    else if (status == WEIR_STATUS_FAILED)
        weir_request_fail(request, "messages", "invalid_value", "%s", err->text);
    else
        weir_request_take(request, "messages", "invalid_value", status, err);
}

void weir_make_prompt(weir_request *request, const weir_service *service,
                      const weir_conversation *conversation, weir_job *job) {
    if (weir_request_is_bad(request))
        return;
    weir_conversation dated = *conversation; /* borrows all of it */
    weir_error err = {0};
    if (dated.started == 0)
        dated.started = weir_wall_clock_now();
    dated.settings.think = job->settings.think;
    job->prompt = calloc(1, sizeof *job->prompt);
    if (!job->prompt) {
        weir_fail_memory(request);
        return;
    }
    weir_status status = weir_prompt_make(&job->prompt[0], service->host, &dated, true, &err);
    if (status != WEIR_STATUS_OK) {
        fail_prompt(request, status, &err);
        return;
    }
    job->n_prompts = 1;
}

static void say_requested(const weir_job *job, char out[32]) {
    if (job->settings.max_tokens == WEIR_NO_LIMIT)
        snprintf(out, 32, "at least 1");
    else
        snprintf(out, 32, "%u", job->settings.max_tokens);
}

/* A limit beyond what there is room for is common among clients, and no reason to refuse: the
 * answer says by its end whether it was too long. */
void weir_check_room(weir_request *request, const weir_service *service, const weir_job *job) {
    if (weir_request_is_bad(request))
        return;
    size_t n_ids = job->prompt[0].n_ids, n_ctx = service->host->n_ctx;
    uint32_t most = job->settings.max_tokens;
    if (n_ctx == 0)
        return;
    if (n_ids + (most > 0) > n_ctx) {
        char requested[32];
        say_requested(job, requested);
        weir_request_fail(request, "messages", "context_length_exceeded",
                          "the prompt has %zu tokens and %s more were requested, but the context "
                          "holds %zu",
                          n_ids, requested, n_ctx);
    } else if (most != WEIR_NO_LIMIT && most != service->defaults.max_tokens &&
               n_ids + most > n_ctx) {
        weir_request_warn(request,
                          "of the %u tokens that were requested the context has room for %zu: it "
                          "holds %zu, the prompt has %zu",
                          most, n_ctx - n_ids, n_ctx, n_ids);
    }
}

/* ---- the hand-over ------------------------------------------------------------------------ */

static void fail_submit(weir_request *request, const weir_service *service, const weir_job *job,
                        weir_status status, const weir_error *err, double *retry_after_s) {
    if (status == WEIR_STATUS_FULL) {
        weir_api_error_from(&request->error, 429, "rate_limit_error", "queue_full", err);
        *retry_after_s = weir_runner_wait_s(service->runner);
        if (!(*retry_after_s > 1))
            *retry_after_s = 1;
    } else if (status == WEIR_STATUS_CANCELLED) {
        weir_api_error_from(&request->error, 503, "server_error", "shutting_down", err);
        *retry_after_s = 1;
    } else {
        /* What could be wrong with anything else was found when it was read. */
        const char *param = job->n_choices > 1 ? "n" : job->n_prompts > 1 ? "prompt" : NULL;
        weir_request_take(request, param, "invalid_value", status, err);
    }
}

void weir_job_sign(weir_job *job, const weir_exchange *x) {
    job->key = weir_exchange_key(x);
    job->key_limit = weir_exchange_key_limit(x);
    job->request = weir_exchange_id(x);
}

bool weir_submit(weir_request *request, weir_service *service, weir_job *job,
                 const weir_job_events *events, uint64_t *id, double *retry_after_s) {
    weir_error err = {0};
    *retry_after_s = 0;
    weir_status status = weir_request_is_bad(request)
                             ? WEIR_STATUS_BAD_ARGUMENT
                             : weir_runner_submit(service->runner, job, events, id, &err);
    if (status == WEIR_STATUS_OK)
        return true;
    if (!weir_request_is_bad(request))
        fail_submit(request, service, job, status, &err, retry_after_s);
    weir_job_free(job);
    return false;
}

/* ---- names -------------------------------------------------------------------------------- */

/* 24 characters of 5 bits each, 8 from one seed of 64. */
void weir_make_id(char out[WEIR_CALL_ID], const char *prefix) {
    enum { N_RANDOM = 24, N_OF_A_SEED = 8 };
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    size_t n = strlen(prefix);
    n = n < WEIR_CALL_ID - N_RANDOM - 1 ? n : WEIR_CALL_ID - N_RANDOM - 1;
    memcpy(out, prefix, n);
    uint64_t random = 0;
    for (size_t i = 0; i < N_RANDOM; i++) {
        random = i % N_OF_A_SEED == 0 ? weir_seed_random() : random >> 8;
        out[n + i] = letters[random & 31];
    }
    out[n + N_RANDOM] = 0;
}
