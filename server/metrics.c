/*
 * metrics.c: see metrics.h.
 *
 * Owns what is counted here (requests of HTTP, histograms of times); what the runner counts is
 * printed from its stats. Invariant: names and labels do not depend on what clients send.
 */
#include "metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BOUNDS = 24, MAX_SERIES = 256, ROUTE_TEXT = 48, PAGE_TOKENS = 64 };

/* Upper bounds in seconds, ascending, 0 at the end; +Inf comes behind. */
static const double token_bounds[MAX_BOUNDS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                0.075, 0.1,    0.15,  0.2,  0.3,   0.4,
                                                0.5,   0.75,   1,     2.5,  5,     10};
static const double wait_bounds[MAX_BOUNDS] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                               0.25,  0.5,   0.75, 1,    2.5,  5,    7.5,  10,
                                               20,    40,    80,   160,  640,  2560};

typedef struct histogram {
    uint64_t count[MAX_BOUNDS + 1]; /* of values up to each bound and above the one before */
    double sum;
} histogram;

typedef struct series {
    char route[ROUTE_TEXT];
    int http_status; /* 0: of all that the table has no room for */
    uint64_t n;
} series;

typedef struct counts {
    histogram first_token, gap, queue, whole, http;
    series requests[MAX_SERIES]; /* [n_series] */
    size_t n_series;
} counts;

struct weir_metrics {
    pthread_mutex_t lock; /* of counts; held for a few additions, or one copy of all */
    counts counts;
};

weir_metrics *weir_metrics_open(void) {
    weir_metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics)
        pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

void weir_metrics_close(weir_metrics **metrics) {
    if (!*metrics)
        return;
    pthread_mutex_destroy(&(*metrics)->lock);
    free(*metrics);
    *metrics = NULL;
}

/* ---- counting ----------------------------------------------------------------------------- */

static void observe(histogram *h, const double *bounds, double seconds) {
    size_t i = 0;
    /* A clock that was set back is no reason for a sum that falls. */
    seconds = seconds > 0 ? seconds : 0;
    while (bounds[i] > 0 && seconds > bounds[i])
        i++;
    h->count[i]++;
    h->sum += seconds;
}

static series *find_series(counts *m, const char *route, int http_status) {
    for (size_t i = 0; i < m->n_series; i++)
        if (m->requests[i].http_status == http_status && strcmp(m->requests[i].route, route) == 0)
            return &m->requests[i];
    bool has_room = m->n_series < MAX_SERIES - 1;
    if (!has_room && http_status != 0)
        return find_series(m, "other", 0);
    series *s = &m->requests[m->n_series++];
    snprintf(s->route, sizeof s->route, "%s", route);
    s->http_status = http_status;
    return s;
}

void weir_metrics_request(weir_metrics *metrics, const char *route, int http_status,
                          double seconds) {
    char name[ROUTE_TEXT];
    snprintf(name, sizeof name, "%s", route);
    pthread_mutex_lock(&metrics->lock);
    find_series(&metrics->counts, name, http_status)->n++;
    observe(&metrics->counts.http, wait_bounds, seconds);
    pthread_mutex_unlock(&metrics->lock);
}

void weir_metrics_job(weir_metrics *metrics, weir_status status, const weir_job_times *times) {
    pthread_mutex_lock(&metrics->lock);
    if (times->first_token_s > 0) {
        observe(&metrics->counts.first_token, wait_bounds, times->first_token_s);
        observe(&metrics->counts.queue, wait_bounds, times->queued_s);
    }
    if (status == WEIR_STATUS_OK)
        observe(&metrics->counts.whole, wait_bounds, times->total_s);
    pthread_mutex_unlock(&metrics->lock);
}

void weir_metrics_gap(weir_metrics *metrics, double seconds) {
    pthread_mutex_lock(&metrics->lock);
    observe(&metrics->counts.gap, token_bounds, seconds);
    pthread_mutex_unlock(&metrics->lock);
}

/* ---- the page ----------------------------------------------------------------------------- */

/* A quantity: our name for it, and vLLM's if it has one. */
typedef struct quantity {
    const char *name, *alias, *type, *help;
} quantity;

typedef struct page {
    weir_text_buffer *out;
    weir_text_buffer label; /* of the aliases: model_name="..." */
} page;

static void add_label_value(weir_text_buffer *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            weir_text_buffer_format(out, "\\%c", *text);
        else if (*text == '\n')
            weir_text_buffer_say(out, "\\n");
        else
            weir_text_buffer_add(out, text, 1);
    }
}

static void print_head(page *p, const char *name, const char *type, const char *help) {
    weir_text_buffer_format(p->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* One more name for a number, or a number that only vLLM's pages have. labels: behind the model's.
 */
static void print_alias(page *p, const char *name, const char *type, const char *help,
                        const char *labels, double value) {
    print_head(p, name, type, help);
    weir_text_buffer_format(p->out, "%s{%s%s} %.17g\n", name, p->label.data, labels, value);
}

static void print_value(page *p, const quantity *q, double value) {
    print_head(p, q->name, q->type, q->help);
    weir_text_buffer_format(p->out, "%s %.17g\n", q->name, value);
    if (q->alias)
        print_alias(p, q->alias, q->type, q->help, "", value);
}

static void print_buckets(page *p, const char *name, const char *label, const histogram *h,
                          const double *bounds) {
    const char *comma = label[0] ? "," : "";
    uint64_t n = 0;
    size_t i = 0;
    for (; bounds[i] > 0; i++) {
        n += h->count[i];
        weir_text_buffer_format(p->out, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, label, comma,
                                bounds[i], (unsigned long long)n);
    }
    n += h->count[i];
    weir_text_buffer_format(p->out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, label, comma,
                            (unsigned long long)n);
    const char *open = label[0] ? "{" : "", *close = label[0] ? "}" : "";
    weir_text_buffer_format(p->out, "%s_sum%s%s%s %.17g\n%s_count%s%s%s %llu\n", name, open, label,
                            close, h->sum, name, open, label, close, (unsigned long long)n);
}

static void print_histogram(page *p, const quantity *q, const histogram *h, const double *bounds) {
    print_head(p, q->name, q->type, q->help);
    print_buckets(p, q->name, "", h, bounds);
    if (!q->alias)
        return;
    print_head(p, q->alias, q->type, q->help);
    print_buckets(p, q->alias, p->label.data, h, bounds);
}

static void print_requests(page *p, const counts *m) {
    static const char name[] = "weir_http_requests_total";
    print_head(p, name, "counter", "Requests by route and status of the reply.");
    for (size_t i = 0; i < m->n_series; i++)
        weir_text_buffer_format(p->out, "%s{route=\"%s\",status=\"%d\"} %llu\n", name,
                                m->requests[i].route, m->requests[i].http_status,
                                (unsigned long long)m->requests[i].n);
}

static void print_times(page *p, const counts *m) {
    const struct {
        quantity q;
        const histogram *h;
        const double *bounds;
    } times[] = {
        {{"weir_time_to_first_token_seconds", "vllm:time_to_first_token_seconds", "histogram",
          "From submission to the first token of an answer."},
         &m->first_token,
         wait_bounds},
        {{"weir_inter_token_latency_seconds", "vllm:inter_token_latency_seconds", "histogram",
          "Between two tokens of an answer."},
         &m->gap,
         token_bounds},
        {{"weir_queue_seconds", "vllm:request_queue_time_seconds", "histogram",
          "From submission to admission."},
         &m->queue,
         wait_bounds},
        {{"weir_answer_seconds", "vllm:e2e_request_latency_seconds", "histogram",
          "From submission to the end of an answer that was not cut off."},
         &m->whole,
         wait_bounds},
        {{"weir_http_request_seconds", NULL, "histogram",
          "From the head of a request to the end of its reply."},
         &m->http,
         wait_bounds},
    };
    for (size_t i = 0; i < WEIR_COUNT(times); i++)
        print_histogram(p, &times[i].q, times[i].h, times[i].bounds);
}

/* What the gateway for replicas reads before all else. */
static void print_load(page *p, const weir_runner_stats *s) {
    const weir_engine_stats *e = &s->engine;
    double n_used = (double)e->n_pages_used - (double)e->n_pages_kept;
    double usage = e->n_pages > 0 ? n_used / e->n_pages : 0;
    const struct {
        quantity q;
        double value;
    } gauges[] = {
        {{"weir_answers_running", "vllm:num_requests_running", "gauge",
          "Answers that are being made."},
         s->n_running},
        {{"weir_answers_waiting", "vllm:num_requests_waiting", "gauge",
          "Answers that wait for a place."},
         s->n_waiting},
        {{"weir_answers_paused", NULL, "gauge", "Answers moved out for want of pages."},
         s->n_paused},
        /* Pages that are only kept for reuse are given up for any answer that needs them. */
        {{"weir_kv_usage_ratio", "vllm:kv_cache_usage_perc", "gauge",
          "K/V pages in use by answers, 0 to 1."},
         usage},
        {{"weir_kv_pages", NULL, "gauge", "K/V pages of 64 tokens."}, e->n_pages},
        {{"weir_kv_pages_kept", NULL, "gauge", "K/V pages kept for equal beginnings."},
         e->n_pages_kept},
        {{"weir_prompt_tokens_per_second", NULL, "gauge", "Over the last ten seconds."},
         s->prompt_tokens_per_s},
        {{"weir_generated_tokens_per_second", NULL, "gauge", "Over the last ten seconds."},
         s->generated_tokens_per_s},
        {{"weir_last_step_seconds", NULL, "gauge", "Of the engine's last step."}, s->last_step_s},
    };
    for (size_t i = 0; i < WEIR_COUNT(gauges); i++)
        print_value(p, &gauges[i].q, gauges[i].value);
    /* The older name, which deployed dashboards and gateways still ask for. */
    print_alias(p, "vllm:gpu_cache_usage_perc", "gauge", "The same as vllm:kv_cache_usage_perc.",
                "", usage);
    char pages[64];
    snprintf(pages, sizeof pages, ",block_size=\"%d\",num_gpu_blocks=\"%u\"", PAGE_TOKENS,
             e->n_pages);
    print_alias(p, "vllm:cache_config_info", "gauge", "Size of the K/V cache.", pages, 1);
}

static void print_counters(page *p, const weir_runner_stats *s) {
    const weir_engine_stats *e = &s->engine;
    const struct {
        quantity q;
        uint64_t value;
    } counters[] = {
        {{"weir_prompt_tokens_total", "vllm:prompt_tokens_total", "counter",
          "Tokens of prompts, those that did not have to be run included."},
         s->n_prompt_tokens},
        {{"weir_generated_tokens_total", "vllm:generation_tokens_total", "counter",
          "Tokens that were drawn."},
         s->n_generated_tokens},
        {{"weir_prefix_cache_queries_total", "vllm:prefix_cache_queries_total", "counter",
          "Tokens of prompts that were looked for among the kept pages."},
         s->n_prompt_tokens},
        {{"weir_prefix_cache_hits_total", "vllm:prefix_cache_hits_total", "counter",
          "Tokens of prompts that were found there."},
         s->n_cached_tokens},
        {{"weir_pauses_total", "vllm:num_preemptions_total", "counter",
          "Answers moved out for want of pages."},
         s->n_pauses},
        {{"weir_guessed_tokens_total", "vllm:spec_decode_num_draft_tokens_total", "counter",
          "Tokens that were run ahead of answers, told when these end."},
         s->n_guesses},
        {{"weir_guessed_tokens_taken_total", "vllm:spec_decode_num_accepted_tokens_total",
          "counter", "Of those, tokens that came true."},
         s->n_guesses_taken},
        {{"weir_jobs_total", NULL, "counter", "Jobs that were accepted."}, s->n_jobs},
        {{"weir_jobs_cancelled_total", NULL, "counter", "Jobs whose client left."},
         s->n_jobs_cancelled},
        {{"weir_jobs_failed_total", NULL, "counter", "Jobs that failed."}, s->n_jobs_failed},
        {{"weir_jobs_refused_total", NULL, "counter", "Jobs that were not accepted."},
         s->n_jobs_refused},
        {{"weir_engine_steps_total", NULL, "counter", "Steps of the engine."}, e->n_steps},
        {{"weir_engine_rows_total", NULL, "counter", "Rows of all steps."}, e->n_rows},
        {{"weir_engine_rows_replayed_total", NULL, "counter",
          "Rows that rebuilt a state of convolutions."},
         e->n_rows_replayed},
    };
    for (size_t i = 0; i < WEIR_COUNT(counters); i++)
        print_value(p, &counters[i].q, (double)counters[i].value);
    /* vLLM's page has _total behind the names of counters, its documentation has not. */
    print_alias(p, "vllm:prefix_cache_queries", "counter",
                "The same as vllm:prefix_cache_queries_total.", "", (double)s->n_prompt_tokens);
    print_alias(p, "vllm:prefix_cache_hits", "counter", "The same as vllm:prefix_cache_hits_total.",
                "", (double)s->n_cached_tokens);
}

/* What is kept beyond a restart, and what could not be: a disk that is full shows here first. */
static void print_stores(page *p, const weir_engine_stats *e, const weir_records_stats *r) {
    const struct {
        quantity q;
        uint64_t value;
    } stores[] = {
        {{"weir_page_store_files", NULL, "gauge", "Files of K/V pages on disk."}, e->n_store_files},
        {{"weir_page_store_bytes", NULL, "gauge", "Bytes of K/V pages on disk."}, e->store_bytes},
        {{"weir_page_store_pending", NULL, "gauge", "K/V pages that are not on disk yet."},
         e->n_pages_unstored},
        {{"weir_page_store_failures_total", NULL, "counter",
          "K/V pages that could not be written."},
         e->n_store_failures},
        {{"weir_records", NULL, "gauge", "Sessions and responses that are kept."}, r->n_records},
        {{"weir_records_written_total", NULL, "counter", "Files of them that were written."},
         r->n_written},
        {{"weir_records_failures_total", NULL, "counter",
          "Files of them that could not be written."},
         r->n_failures},
    };
    for (size_t i = 0; i < WEIR_COUNT(stores); i++)
        print_value(p, &stores[i].q, (double)stores[i].value);
}

void weir_metrics_print(weir_metrics *metrics, const weir_runner_stats *runner,
                        const weir_records_stats *records, const char *model_id,
                        weir_text_buffer *out) {
    page p = {.out = out};
    counts *copy = malloc(sizeof *copy);
    if (!copy) {
        out->has_failed = true;
        return;
    }
    pthread_mutex_lock(&metrics->lock);
    *copy = metrics->counts;
    pthread_mutex_unlock(&metrics->lock);
    weir_text_buffer_say(&p.label, "model_name=\"");
    add_label_value(&p.label, model_id);
    weir_text_buffer_say(&p.label, "\"");
    out->has_failed |= p.label.has_failed;
    if (!out->has_failed) {
        char version[48];
        snprintf(version, sizeof version, ",version=\"%s\"", weir_version());
        print_alias(&p, "weir_build_info", "gauge", "Which weir this is.", version, 1);
        print_load(&p, runner);
        print_counters(&p, runner);
        print_stores(&p, &runner->engine, records);
        print_times(&p, copy);
        print_requests(&p, copy);
    }
    weir_text_buffer_free(&p.label);
    free(copy);
}
